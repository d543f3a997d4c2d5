"""From the spacing of one axis to the rules of its rows: which samples are combined, with which weights.

The NumPy mode writes the very expressions of `numpy.gradient`, in the same types, as their bits count. The rules with
`accuracy` are exact rationals on uniform axes and products of differences of coordinates on others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import _kernels
from .._stencil import Stencil, stencil
from .._typing import Array, FloatArray

Scalar: TypeAlias = "int | float | np.number[Any]"

# Codes of the kernels; a stand-in where they are not built, as then no rule is ever made.
_CORE: Any = _kernels.core


class Rule(NamedTuple):
    """How a row combines its samples; offsets along the axis, weights as ``[tap][row]``."""

    kind: int
    plus: tuple[int, ...]
    minus: tuple[int, ...]
    weights: Array


class AxisRules(NamedTuple):
    """The rules of an axis: closure rows at the low end, the interior, closure rows at the high end."""

    dtype: np.dtype[Any]
    low: tuple[Rule, ...]
    interior: Rule
    high: tuple[Rule, ...]


def numpy_rules(spacing: Scalar | Array, data: np.dtype[Any], edge_order: int) -> AxisRules | None:
    """Return the rules of `numpy.gradient`, or None where it mixes types in a way the kernels don't.

    `spacing` is a scalar or the coordinates. NEP 50 decides the type that each weight makes NumPy compute in.
    """
    steps = spacing
    if isinstance(spacing, np.ndarray):
        differences = np.diff(spacing)
        steps = differences[0] if (differences == differences[0]).all() else differences
    divisors, edges = _numpy_edges(steps, edge_order)
    interior = _numpy_interior(steps)
    types = {np.result_type(data, weight) for weight in (*interior, *divisors, *edges[0], *edges[1])}
    if len(types) > 1 or not types <= {data, np.dtype(np.float64)}:
        return None
    dtype = types.pop()
    if isinstance(steps, np.ndarray):
        middle = Rule(
            _CORE.SUM, (-1, 0, 1), (0, 0, 0), np.stack(np.broadcast_arrays(*interior)).astype(dtype)
        )
    else:
        middle = _quotient(interior[0], 1, -1, dtype)
    if edge_order == 1:
        low, high = _quotient(divisors[0], 1, 0, dtype), _quotient(divisors[1], 0, -1, dtype)
    else:
        low, high = _sum(edges[0], (0, 1, 2), dtype), _sum(edges[1], (-2, -1, 0), dtype)
    return AxisRules(dtype, (low,), middle, (high,))


def _numpy_interior(steps: Any) -> tuple[Any, ...]:
    if np.ndim(steps) == 0:
        return (2.0 * steps,)
    dx1, dx2 = steps[:-1], steps[1:]
    a = -(dx2) / (dx1 * (dx1 + dx2))
    b = (dx2 - dx1) / (dx1 * dx2)
    c = dx1 / (dx2 * (dx1 + dx2))
    return a, b, c


def _numpy_edges(
    steps: Any, edge_order: int
) -> tuple[tuple[Any, ...], tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Return the divisors at both ends (edge order 1), or the weights there (edge order 2)."""
    uniform = np.ndim(steps) == 0
    if edge_order == 1:
        return ((steps, steps) if uniform else (steps[0], steps[-1])), ((), ())
    if uniform:
        low = (-1.5 / steps, 2.0 / steps, -0.5 / steps)
        return (), (low, (0.5 / steps, -2.0 / steps, 1.5 / steps))
    dx1, dx2 = steps[0], steps[1]
    a = -(2.0 * dx1 + dx2) / (dx1 * (dx1 + dx2))
    b = (dx1 + dx2) / (dx1 * dx2)
    c = -dx1 / (dx2 * (dx1 + dx2))
    low = (a, b, c)
    dx1, dx2 = steps[-2], steps[-1]
    a = (dx2) / (dx1 * (dx1 + dx2))
    b = -(dx2 + dx1) / (dx1 * dx2)
    c = (2.0 * dx2 + dx1) / (dx2 * (dx1 + dx2))
    return (), (low, (a, b, c))


def _weights(values: Iterable[Any], dtype: np.dtype[Any]) -> Array:
    """Return scalar weights as ``[tap][1]``."""
    return np.array([[value] for value in values], dtype=dtype)


def _quotient(divisor: Any, plus: int, minus: int, dtype: np.dtype[Any]) -> Rule:
    """Divide a difference; by a power of two through its reciprocal, which is exact and so are the bits."""
    weights = _weights([divisor], dtype)
    value = float(weights[0, 0])
    if abs(math.frexp(value)[0]) == 0.5:
        reciprocal = 1 / weights
        if 0 < abs(reciprocal[0, 0]) < math.inf:
            return Rule(_CORE.DIFFERENCES, (plus,), (minus,), reciprocal)
    return Rule(_CORE.QUOTIENT, (plus,), (minus,), weights)


def _sum(weights: tuple[Any, ...], offsets: tuple[int, ...], dtype: np.dtype[Any]) -> Rule:
    return Rule(_CORE.SUM, offsets, (0, 0, 0), _weights(weights, dtype))


def accurate_rules(spacing: Scalar | FloatArray, data: np.dtype[Any], accuracy: int) -> AxisRules:
    """Return the rules of order `accuracy` in every row; those near an end use the nearest accuracy + 1 points."""
    reach = accuracy // 2
    if isinstance(spacing, np.ndarray):
        step = _uniform_step(spacing)
        if step is None:
            return _non_uniform_rules(spacing, data, accuracy)
    else:
        step = Fraction(spacing)  # type: ignore[arg-type]
    closures = [stencil(1, offsets=range(-row, accuracy + 1 - row)) for row in range(reach)]
    mirrored = [stencil(1, offsets=range(row - accuracy, row + 1)) for row in reversed(range(reach))]
    return AxisRules(
        data,
        tuple(_rule(closure, step, data) for closure in closures),
        _rule(stencil(1, accuracy), step, data),
        tuple(_rule(closure, step, data) for closure in mirrored),
    )


def _rule(formula: Stencil, step: Fraction, dtype: np.dtype[Any]) -> Rule:
    plus, minus, weights = zip(*formula.differences, strict=True)
    return Rule(_CORE.DIFFERENCES, plus, minus, _weights((float(weight / step) for weight in weights), dtype))


def _uniform_step(x: FloatArray) -> Fraction | None:
    """Return the step of coordinates that are uniform for every purpose, else None.

    The differences may be off by a few units in their own last place, which changes a derivative by as much. What
    `numpy.linspace` makes is often further off, by units in the last place of x: then the data belong to the rounded
    coordinates, and calling them uniform would cost the digits that x has more than its differences.
    """
    step = (Fraction(x[-1]) - Fraction(x[0])) / (len(x) - 1)
    size = float(abs(step))
    uniform = np.abs(np.diff(x) - float(step)) <= 4 * np.finfo(np.float64).eps * size
    return step if uniform.all() else None


def _non_uniform_rules(x: FloatArray, data: np.dtype[Any], accuracy: int) -> AxisRules:
    reach = accuracy // 2
    rows = np.arange(len(x))
    start = np.clip(rows - reach, 0, len(x) - 1 - accuracy)
    weights = differentiation_weights(x, rows, start, accuracy).astype(data)

    def rule(row: int, last: int) -> Rule:
        here = row - start[row]
        offsets = tuple(int(tap - here) for tap in range(accuracy + 1) if tap != here)
        taps = [tap for tap in range(accuracy + 1) if tap != here]
        return Rule(
            _CORE.DIFFERENCES, offsets, (0,) * accuracy, np.ascontiguousarray(weights[taps, row:last])
        )

    end = len(x) - reach
    return AxisRules(
        data,
        tuple(rule(row, row + 1) for row in range(reach)),
        rule(reach, end),
        tuple(rule(row, row + 1) for row in range(end, len(x))),
    )


def differentiation_weights(x: FloatArray, rows: Array, start: Array, accuracy: int) -> FloatArray:
    """Return the weights ``[tap][row]`` of f'(x[row]) on the nodes ``x[start : start + accuracy + 1]``.

    The derivative of the interpolant at a node, in barycentric form (Berrut and Trefethen, SIAM Review 46 (2004),
    equation 9.4): w_j = 1/(x_j - x_i) * prod over k of (x_i - x_k)/(x_j - x_k), k other than i, j. Only differences
    of neighbouring coordinates are used, each once in a product, so every weight is good to a few units in the last
    place. The weight of row i itself is left at 0: samples are taken as differences against it.
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
