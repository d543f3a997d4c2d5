"""From the spacing and the boundaries of one axis to the rules of its rows, of one accuracy everywhere.

Weights are exact rationals on uniform axes, products of differences of coordinates on others.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from .._stencil import Stencil, stencil
from .._typing import Array, FloatArray
from ._boundary import GHOSTS, Sides, ghost
from ._rules import CORE, AxisRules, Rule

# Weights of these sizes fit float32 with room to spare.
_SINGLE_WEIGHTS = (1e-25, 1e25)

# What is left where weights of these many units in the last place cancel is rounding.
_CANCELLED = 64 * np.finfo(np.float64).eps


class Line(NamedTuple):
    """An axis: its points, the step of a uniform one, the coordinates of another, and what lies beyond its ends."""

    extent: int
    step: Fraction | None
    x: FloatArray
    sides: Sides

    def nodes(self, first: int, last: int) -> FloatArray:
        """Return the coordinates of the nodes, ghosts included: mirrored, or a period on."""
        index = np.arange(first, last)
        inside = np.clip(index, 0, self.extent - 1)
        if self.sides[0].rule == "periodic":
            period = self.sides[0].value * (1 if self.x[-1] > self.x[0] else -1)
            found: FloatArray = self.x[index % self.extent] + period * (index // self.extent)
        else:
            found = 2 * self.x[inside] - self.x[2 * inside - index]
        return found


def line(spacing: Any, extent: int, sides: Sides) -> Line:
    """Return an axis of `spacing`, a scalar or coordinates."""
    period = sides[0].value if sides[0].rule == "periodic" else None
    if not isinstance(spacing, np.ndarray):
        return Line(extent, Fraction(spacing), np.arange(extent, dtype=np.float64), sides)
    return Line(extent, _uniform_step(spacing, period), spacing, sides)


def _uniform_step(x: FloatArray, period: float | None) -> Fraction | None:
    """Return the step of coordinates that are uniform for every purpose, else None.

    The differences may be off by a few units in their own last place, which changes a derivative by as much.
    What `numpy.linspace` makes is often further off, by units in the last place of x. Its data belong to the
    rounded coordinates: calling those uniform would cost the digits that the differences have fewer than x.
    """
    step = (Fraction(x[-1]) - Fraction(x[0])) / (len(x) - 1)
    gaps = np.diff(x) if period is None else np.append(np.diff(x), math.copysign(period, step) - (x[-1] - x[0]))
    uniform = np.abs(gaps - float(step)) <= 4 * np.finfo(np.float64).eps * float(abs(step))
    return step if uniform.all() else None


def reach(order: int, accuracy: int, *, uniform: bool) -> int:
    """Return how far the interior formula reaches.

    It has an odd number of points, at least order + accuracy - 1 on a uniform axis, where symmetry gives even
    derivatives one order for nothing, and order + accuracy on others.
    """
    return (order - 1) // 2 + accuracy // 2 if uniform else (order + accuracy) // 2


def calculated_in(char: str, order: int, spacing: Any) -> str:
    """Return the type to calculate in: not float32 where weights, about one over the steps, would not fit it."""
    if char != "f":
        return char
    sizes = np.abs(np.diff(spacing) if isinstance(spacing, np.ndarray) else [spacing]) ** float(order)
    return "d" if 1 / sizes.max() < _SINGLE_WEIGHTS[0] or 1 / sizes.min() > _SINGLE_WEIGHTS[1] else char


def accurate_rules(axis: Line, order: int, accuracy: int, char: str) -> AxisRules:
    """Return the rules of order `accuracy` in every row, calculated in type `char`."""
    width = order + accuracy
    far = reach(order, accuracy, uniform=axis.step is not None)
    first = -far if axis.sides[0].rule in GHOSTS else 0
    last = axis.extent + (far if axis.sides[1].rule in GHOSTS else 0)

    def closure(row: int) -> Rule:
        if row - far >= first and row + far < last:
            nodes = range(row - far, row + far + 1)
        else:
            start = 0 if row < far else axis.extent - width
            nodes = range(start, start + width)
        return _closure(axis, row, nodes, order)

    rows = range(axis.extent)
    inside = rows[far : axis.extent - far]
    low, high = (rows[:far], rows[axis.extent - far :]) if inside else (rows, rows[:0])
    return AxisRules(
        char, tuple(map(closure, low)), _interior(axis, inside, far, order, char), tuple(map(closure, high))
    )


def _interior(axis: Line, rows: range, far: int, order: int, char: str) -> Rule:
    if axis.step is not None:
        return _rule(stencil(order, offsets=range(-far, far + 1)), axis.step)
    offsets = tuple(offset for offset in range(-far, far + 1) if offset)
    nodes = axis.nodes(rows.start - far, max(rows.stop, rows.start + 1) + far)
    windows = np.lib.stride_tricks.sliding_window_view(nodes, 2 * far + 1).T
    weights = differentiation_weights(windows, windows[far], order)[[far + offset for offset in offsets]]
    return Rule(CORE.DIFFERENCES, offsets, (0,) * len(offsets), np.ascontiguousarray(weights, char))


def _rule(formula: Stencil, step: Fraction) -> Rule:
    plus, minus, weights = zip(*formula.differences, strict=True)
    return Rule(CORE.DIFFERENCES, plus, minus, tuple(float(weight / step**formula.derivative) for weight in weights))


def _closure(axis: Line, row: int, nodes: range, order: int) -> Rule:
    """Return the rule of one row by its formula on `nodes`, with ghosts put in."""
    if axis.step is not None:
        formula = stencil(order, offsets=(node - row for node in nodes))
        rule = _rule(formula, axis.step)
        if axis.sides[0].rule != "periodic":
            weights: dict[int, Any] = {
                row + offset: weight / axis.step**order
                for offset, weight in zip(formula.offsets, formula.weights, strict=True)
            }
            return rule if all(0 <= node < axis.extent for node in weights) else _fold(axis, row, weights)
        # Around the end and on: the same differences as inside, so that results only move with the data.
        plus, minus = (tuple((row + offset) % axis.extent - row for offset in side) for side in (rule.plus, rule.minus))
        return rule._replace(plus=plus, minus=minus)
    coordinates = axis.nodes(nodes.start, nodes.stop)
    here = row - nodes.start
    column = differentiation_weights(coordinates[:, None], coordinates[here : here + 1], order)[:, 0]
    return _fold(axis, row, {node: weight for node, weight in zip(nodes, column, strict=True) if node != row})


def _fold(axis: Line, row: int, weights: dict[int, Any]) -> Rule:
    """Put the ghosts into a formula of weights by node, and write it as differences from the row itself."""
    samples: dict[int, Any] = {}
    sizes: dict[int, float] = {}
    outside, value = 0.0, 0.0
    for node, weight in weights.items():
        if 0 <= node < axis.extent:
            parts: Iterable[tuple[int, int]] = ((node, 1),)
        else:
            ghosts, (factor, constant) = ghost(axis.sides, node, axis.extent)
            parts = ghosts.items()
            if factor:
                outside, value = outside + float(weight * factor), constant
        for sample, factor in parts:
            samples[sample] = samples.get(sample, 0) + weight * factor
            sizes[sample] = sizes.get(sample, 0.0) + abs(float(weight * factor))
    kept = sorted(s for s, w in samples.items() if s != row and abs(float(w)) > _CANCELLED * sizes[s])
    return Rule(
        CORE.DIFFERENCES,
        tuple(sample - row for sample in kept),
        (0,) * len(kept),
        tuple(float(samples[sample]) for sample in kept),
        outside,
        value,
    )


def differentiation_weights(nodes: FloatArray, at: FloatArray, order: int) -> FloatArray:
    """Return the weights ``[tap][row]`` of a derivative at ``at[row]``, one of ``nodes[tap][row]``.

    The weight of that node is not meant to be used, as samples are taken as differences against it. The derivative of
    the interpolant is that of the Lagrange polynomials l_j(t) = prod over k of (t - d_k)/(x_j - x_k), k other than j,
    with d_k = x_k - at: their coefficient of t^order, times order!, by multiplying out as far as that power (Fornberg,
    Math. Comp. 51 (1988), equation 2.5, in the form of Berrut and Trefethen, SIAM Review 46 (2004), section 9.3). Only
    differences of coordinates enter, scaled by a power of two, so nothing overflows; for the first derivative nothing
    is ever added, and every weight is good to some 2 units in the last place for each node.
    """
    distances = nodes - at
    _, exponent = np.frexp(np.abs(distances).max(axis=0))
    d = np.ldexp(distances, -exponent)
    weights: FloatArray = np.empty_like(d)
    for j in range(len(d)):
        series: list[Array] = [np.ones(d.shape[1])] + [np.zeros(d.shape[1])] * order
        for k in range(len(d)):
            if k != j:
                gap = np.ldexp(nodes[j] - nodes[k], -exponent)
                series = [((series[q - 1] if q else 0.0) - d[k] * series[q]) / gap for q in range(order + 1)]
        weights[j] = np.ldexp(series[order] * math.factorial(order), -order * exponent)
    return weights
