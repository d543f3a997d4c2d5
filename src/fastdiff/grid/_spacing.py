"""From the spacing of one axis to the rules of its rows: which samples are combined, with which weights.

The NumPy mode writes the very expressions of `numpy.gradient`, in the same types, as their bits count. The
rules with `accuracy` are exact rationals on uniform axes and products of differences of coordinates on
others.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import _kernels
from .._stencil import Stencil, stencil
from .._typing import Array, FloatArray

Scalar: TypeAlias = "int | float | np.number[Any]"

# Powers of two with smaller exponents have a reciprocal that neither overflows nor underflows.
_RECIPROCAL = {"f": 120, "d": 1000}

# Steps whose weights fit float32 with room to spare.
_SINGLE_STEPS = (1e-25, 1e25)

# Codes of the kernels; a stand-in where they are not built, as then no rule is ever made.
_CORE: Any = _kernels.core


class Rule(NamedTuple):
    """How a row combines its samples: offsets on the axis; weights for all rows, or as ``[tap][row]``."""

    kind: int
    plus: tuple[int, ...]
    minus: tuple[int, ...]
    weights: tuple[float, ...] | Array


class AxisRules(NamedTuple):
    """The rules of an axis, calculated in type `char`: low closures, the interior, high closures."""

    char: str
    low: tuple[Rule, ...]
    interior: Rule
    high: tuple[Rule, ...]


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
        middle = Rule(_CORE.SUM, (-1, 0, 1), (0, 0, 0), interior.astype(char, copy=False))
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
        return Rule(_CORE.DIFFERENCES, (plus,), (minus,), (1 / float(divisor),))
    return Rule(_CORE.QUOTIENT, (plus,), (minus,), (float(divisor),))


def _sum(weights: tuple[Any, ...], offsets: tuple[int, ...]) -> Rule:
    return Rule(_CORE.SUM, offsets, (0, 0, 0), tuple(map(float, weights)))


def accurate_rules(spacing: Scalar | FloatArray, char: str, accuracy: int) -> AxisRules:
    """Return the rules of order `accuracy` in every row; near an end on the nearest accuracy + 1 points."""
    reach = accuracy // 2
    if isinstance(spacing, np.ndarray):
        step = _uniform_step(spacing)
        if step is None:
            return _non_uniform_rules(spacing, char, accuracy)
    else:
        step = Fraction(spacing)  # type: ignore[arg-type]
    char = _calculated_in(char, np.array([float(step)]))
    closures = [stencil(1, offsets=range(-row, accuracy + 1 - row)) for row in range(reach)]
    mirrored = [stencil(1, offsets=range(row - accuracy, row + 1)) for row in reversed(range(reach))]
    return AxisRules(
        char,
        tuple(_rule(closure, step) for closure in closures),
        _rule(stencil(1, accuracy), step),
        tuple(_rule(closure, step) for closure in mirrored),
    )


def _calculated_in(char: str, steps: FloatArray) -> str:
    """Return the type to calculate in: not float32 where weights, about one over the steps, would not fit it."""
    sizes = np.abs(steps)
    return "d" if char == "f" and (sizes.min() < _SINGLE_STEPS[0] or sizes.max() > _SINGLE_STEPS[1]) else char


def _rule(formula: Stencil, step: Fraction) -> Rule:
    plus, minus, weights = zip(*formula.differences, strict=True)
    return Rule(_CORE.DIFFERENCES, plus, minus, tuple(float(weight / step) for weight in weights))


def _uniform_step(x: FloatArray) -> Fraction | None:
    """Return the step of coordinates that are uniform for every purpose, else None.

    The differences may be off by a few units in their own last place, which changes a derivative by as much.
    What `numpy.linspace` makes is often further off, by units in the last place of x. Its data belong to the
    rounded coordinates: calling those uniform would cost the digits that the differences have fewer than x.
    """
    step = (Fraction(x[-1]) - Fraction(x[0])) / (len(x) - 1)
    size = float(abs(step))
    uniform = np.abs(np.diff(x) - float(step)) <= 4 * np.finfo(np.float64).eps * size
    return step if uniform.all() else None


def _non_uniform_rules(x: FloatArray, char: str, accuracy: int) -> AxisRules:
    reach = accuracy // 2
    rows = np.arange(len(x))
    start = np.clip(rows - reach, 0, len(x) - 1 - accuracy)
    char = _calculated_in(char, np.diff(x))
    with np.errstate(all="ignore"):
        weights = differentiation_weights(x, rows, start, accuracy).astype(char)

    def rule(row: int, last: int) -> Rule:
        here = row - start[row]
        offsets = tuple(int(tap - here) for tap in range(accuracy + 1) if tap != here)
        taps = [tap for tap in range(accuracy + 1) if tap != here]
        return Rule(_CORE.DIFFERENCES, offsets, (0,) * accuracy, np.ascontiguousarray(weights[taps, row:last]))

    end = len(x) - reach
    return AxisRules(
        char,
        tuple(rule(row, row + 1) for row in range(reach)),
        rule(reach, end),
        tuple(rule(row, row + 1) for row in range(end, len(x))),
    )


def differentiation_weights(x: FloatArray, rows: Array, start: Array, accuracy: int) -> FloatArray:
    """Return the weights ``[tap][row]`` of f'(x[row]) on the nodes ``x[start : start + accuracy + 1]``.

    The derivative of the interpolant at a node, in barycentric form (Berrut and Trefethen, SIAM Review 46
    (2004), section 9.3): w_j = 1/(x_j - x_i) * prod over k of (x_i - x_k)/(x_j - x_k), k other than i, j.
    Only products and quotients of differences of coordinates: every weight is good to some 2 (accuracy + 1)
    units in the last place. The weight of row i itself is left at 0: samples are taken as differences against
    it.
    """
    nodes = x[start + np.arange(accuracy + 1)[:, None]]
    here = rows - start
    weights = np.zeros(nodes.shape)
    for j in range(accuracy + 1):
        weight = np.ones(len(rows))
        for k in range(accuracy + 1):
            if k != j:
                factor = (x[rows] - nodes[k]) / (nodes[j] - nodes[k])
                weight = np.where(k == here, weight / (nodes[j] - nodes[k]), weight * factor)
        weights[j] = np.where(j == here, 0.0, weight)
    return weights
