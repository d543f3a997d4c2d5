"""The rules of one axis: which samples each row combines, with which weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels
from .._typing import Array

# Codes of the kernels; a stand-in where they are not built, as then no rule is ever made.
CORE: Any = _kernels.core


class Rule(NamedTuple):
    """How a row combines its samples: offsets on the axis; weights for all rows, or as ``[tap][row]``.

    `outside` weighs ``value - f[row]``: what the samples beyond a boundary have in common.
    """

    kind: int
    plus: tuple[int, ...]
    minus: tuple[int, ...]
    weights: tuple[float, ...] | Array
    outside: float = 0.0
    value: complex = 0.0


class AxisRules(NamedTuple):
    """The rules of an axis, calculated in type `char`: low closures, the interior, high closures."""

    char: str
    low: tuple[Rule, ...]
    interior: Rule
    high: tuple[Rule, ...]

    def each(self, change: Callable[[Rule], Rule]) -> AxisRules:
        """Return the same rows with every rule changed."""
        return AxisRules(
            self.char, tuple(map(change, self.low)), change(self.interior), tuple(map(change, self.high))
        )

    def reach(self) -> int:
        """Return the largest distance of a sample from its row in the interior."""
        return max((abs(offset) for offset in (*self.interior.plus, *self.interior.minus)), default=0)


def negated(rule: Rule) -> Rule:
    """Return the rule of minus the derivative."""
    return rule._replace(weights=_map(np.negative, rule.weights), outside=-rule.outside)


def magnitudes(rule: Rule) -> Rule:
    """Return the rule of ``sum |w| (|f[plus]| + |f[minus]|)``, which bounds what a relative error of f does."""
    return rule._replace(kind=CORE.MAGNITUDES, weights=_map(np.abs, rule.weights), outside=abs(rule.outside))


def _map(function: Any, weights: tuple[float, ...] | Array) -> tuple[float, ...] | Array:
    return tuple(map(float, function(weights))) if isinstance(weights, tuple) else function(weights)
