"""The rules of the NumPy mode: the very expressions of `numpy.gradient`, in the same types, as their bits count."""

from __future__ import annotations

import math
from typing import Any, TypeAlias

import numpy as np

from .._typing import Array
from ._rules import CORE, AxisRules, Rule

Scalar: TypeAlias = "int | float | np.number[Any]"

# Powers of two with smaller exponents have a reciprocal that neither overflows nor underflows.
_RECIPROCAL = {"f": 120, "d": 1000}


def numpy_rules(spacing: Scalar | Array, char: str, edge_order: int) -> AxisRules:
    """Return the rules of `numpy.gradient` for data of type `char`; `spacing` is a scalar or the coordinates.

    A Python scalar computes in the type of the data. One of NumPy's, or coordinates, promotes it (NEP 50):
    after the difference of the samples, which keeps their type, and before the rounding to it again on store.
    """
    if type(spacing) is float and char == "d":  # nothing there that could warn
        return _numpy_rules(spacing, char, edge_order)
    with np.errstate(all="ignore"):
        steps: Any = spacing
        if isinstance(spacing, np.ndarray):
            differences = np.diff(spacing)
            steps = differences[0] if (differences == differences[0]).all() else differences
        return _numpy_rules(steps, np.result_type(np.dtype(char), steps).char, edge_order)


def _numpy_rules(steps: Any, char: str, edge_order: int) -> AxisRules:
    interior = _numpy_interior(steps)
    if isinstance(interior, np.ndarray):
        middle = Rule(CORE.SUM, (-1, 0, 1), (0, 0, 0), interior.astype(char, copy=False))
    else:
        middle = _quotient(interior, 1, -1, char)
    if edge_order == 1:
        first, last = (steps[0], steps[-1]) if isinstance(steps, np.ndarray) else (steps, steps)
        return AxisRules(char, (_quotient(first, 1, 0, char),), middle, (_quotient(last, 0, -1, char),))
    low, high = _numpy_edges(steps)
    return AxisRules(char, (_sum(low, (0, 1, 2)),), middle, (_sum(high, (-2, -1, 0)),))


def _numpy_interior(steps: Any) -> Any:
    """Return the divisor of the interior, or its weights ``[tap][row]`` where the steps differ."""
    if not isinstance(steps, np.ndarray):
        return 2.0 * steps
    dx1, dx2 = steps[:-1], steps[1:]
    weights = np.empty((3, len(dx1)), steps.dtype)
    np.divide(-(dx2), dx1 * (dx1 + dx2), out=weights[0])
    np.divide(dx2 - dx1, dx1 * dx2, out=weights[1])
    np.divide(dx1, dx2 * (dx1 + dx2), out=weights[2])
    return weights


def _numpy_edges(steps: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Return the weights of edge order 2 at both ends."""
    if not isinstance(steps, np.ndarray):
        return (-1.5 / steps, 2.0 / steps, -0.5 / steps), (0.5 / steps, -2.0 / steps, 1.5 / steps)
    dx1, dx2 = steps[0], steps[1]
    a = -(2.0 * dx1 + dx2) / (dx1 * (dx1 + dx2))
    b = (dx1 + dx2) / (dx1 * dx2)
    c = -dx1 / (dx2 * (dx1 + dx2))
    low = (a, b, c)
    dx1, dx2 = steps[-2], steps[-1]
    a = (dx2) / (dx1 * (dx1 + dx2))
    b = -(dx2 + dx1) / (dx1 * dx2)
    c = (2.0 * dx2 + dx1) / (dx2 * (dx1 + dx2))
    return low, (a, b, c)


def _quotient(divisor: Any, plus: int, minus: int, char: str) -> Rule:
    """Divide a difference; by a power of two through its reciprocal, which is exact and so are the bits."""
    fraction, exponent = math.frexp(np.float32(divisor) if char == "f" else divisor)
    if abs(fraction) == 0.5 and abs(exponent) < _RECIPROCAL[char]:
        return Rule(CORE.DIFFERENCES, (plus,), (minus,), (1 / float(divisor),))
    return Rule(CORE.QUOTIENT, (plus,), (minus,), (float(divisor),))


def _sum(weights: tuple[Any, ...], offsets: tuple[int, ...]) -> Rule:
    return Rule(CORE.SUM, offsets, (0, 0, 0), tuple(map(float, weights)))
