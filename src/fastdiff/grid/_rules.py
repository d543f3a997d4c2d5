"""The rules of one axis: which samples each row combines, with which weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels
from .._typing import Array, FloatArray, IntpArray

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
        return AxisRules(self.char, tuple(map(change, self.low)), change(self.interior), tuple(map(change, self.high)))

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


def matrix_of(rules: AxisRules, extent: int) -> tuple[IntpArray, IntpArray, FloatArray]:
    """Return the linear part of rules as rows, columns and weights, sorted, one for each place and none of them 0."""
    first, last = len(rules.low), extent - len(rules.high)
    parts = [_places(rule, np.array([row])) for row, rule in enumerate(rules.low)]
    if first < last:
        parts.append(_places(rules.interior, np.arange(first, last)))
    parts += [_places(rule, np.array([last + k])) for k, rule in enumerate(rules.high)]
    rows, columns, weights = (np.concatenate(part) for part in zip(*parts, strict=True))
    flat, which = np.unique(rows * extent + columns, return_inverse=True)
    total = np.zeros(len(flat))
    np.add.at(total, which.reshape(-1), weights)
    kept = total != 0
    return flat[kept] // extent, flat[kept] % extent, total[kept]


def _places(rule: Rule, rows: IntpArray) -> tuple[IntpArray, IntpArray, FloatArray]:
    """Return rows, columns and weights of a rule that serves `rows`; places may repeat."""
    taps = len(rule.plus)
    given = np.asarray(rule.weights, np.float64).reshape(taps, -1 if taps else 1)
    weights = np.broadcast_to(given, (taps, len(rows)))
    offsets = [np.add.outer(np.array(rule.plus, np.intp), rows)]
    values = [weights]
    if rule.kind != CORE.SUM:
        offsets.append(np.add.outer(np.array(rule.minus, np.intp), rows))
        values.append(-values[0])
    if rule.outside:
        offsets.append(rows[None])
        values.append(np.full((1, len(rows)), -rule.outside))
    columns = np.concatenate(offsets)
    return np.broadcast_to(rows, columns.shape).ravel(), columns.ravel(), np.concatenate(values).ravel()


def transposed(rules: AxisRules, extent: int) -> AxisRules:
    """Return the rules of the transposed matrix.

    Inside, a column holds the weights of the interior, turned round. Columns that a closure touches, or that interior
    rows are missing from, are closures of the transpose.
    """
    rows, columns, weights = matrix_of(rules, extent)
    by_column = np.lexsort((rows, columns))
    rows, columns, weights = rows[by_column], columns[by_column], weights[by_column]
    first, last, far = len(rules.low), extent - len(rules.high), rules.reach()
    inside = np.ones(extent, bool)
    inside[columns[(rows < first) | (rows >= last)]] = False
    inside[: first + far] = inside[max(last - far, 0) :] = False
    middle = np.flatnonzero(inside)
    low, high = (middle[0], middle[-1] + 1) if len(middle) else (extent, extent)

    def closure(column: int) -> Rule:
        here = slice(*np.searchsorted(columns, [column, column + 1]))
        taps = tuple((rows[here] - column).tolist())
        return Rule(CORE.SUM, taps, (0,) * len(taps), tuple(weights[here].tolist()))

    here = (columns >= low) & (columns < high)
    offsets = rows[here] - columns[here]
    taps = np.unique(offsets)
    table = np.zeros((len(taps), high - low))
    table[np.searchsorted(taps, offsets), columns[here] - low] = weights[here]
    own = not isinstance(rules.interior.weights, tuple)
    interior = Rule(
        CORE.SUM,
        tuple(taps.tolist()),
        (0,) * len(taps),
        table.astype(rules.char) if own and table.size else tuple(table[:, :1].ravel().tolist()),
    )
    return AxisRules(rules.char, tuple(map(closure, range(low))), interior, tuple(map(closure, range(high, extent))))
