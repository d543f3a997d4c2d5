"""Derivatives next to gaps: samples that are NaN or infinite.

The sweep takes no notice of gaps: what touches one comes out as NaN. Those points are computed again here, each from
the samples that are left in line with it.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from typing import Any, NamedTuple

import numpy as np

from .._stencil import stencil
from .._typing import Array, FloatArray
from ._boundary import GHOSTS, ghost
from ._operators import Sum, Term
from ._program import SAFETY
from ._request import Accurate, Request, along, spacing_of
from ._rules import CORE
from ._spacing import Line, differentiation_weights, line, reach


def repair(
    request: Request,
    components: tuple[Array, ...],
    outputs: list[Array],
    order: list[int],
    *,
    marks: Array | None = None,
    window: tuple[int, int] = (0, 0),
) -> None:
    """Compute again, in place, what gaps have spoilt in `outputs`: values, and errors if the request has them.

    `order` is that of the axes in the flat index; `marks` tells, for each CHUNK of it, whether it holds a gap, None: it
    is not known. `window` is an axis, and the place on it where the outputs start.
    """
    shape = outputs[0].shape
    extents = [shape[axis] for axis in order]
    count = len(request.entries)
    with np.errstate(all="ignore"):
        for flat in _blocks(request, shape, order, marks):
            place = dict(zip(order, np.unravel_index(flat, extents), strict=True))
            own = tuple(place[axis] for axis in range(len(shape)))
            index = tuple(part + window[1] if axis == window[0] else part for axis, part in enumerate(own))
            gap = ~np.logical_and.reduce([np.isfinite(component[index]) for component in components])
            for k, entry in enumerate(request.entries):
                parts = outputs[k::count]
                spoilt = [gap | ~np.isfinite(part[own]) for part in parts]  # an error may be where its value is not
                here = np.flatnonzero(np.logical_or.reduce(spoilt))
                if here.size:
                    found = _entry(request, entry, components, tuple(part[here] for part in index))
                    for part, bad, computed in zip(parts, spoilt, found, strict=False):
                        part[tuple(place[bad] for place in own)] = computed[bad[here]]


def _blocks(request: Request, shape: tuple[int, ...], order: list[int], marks: Array | None) -> Iterator[Array]:
    """Yield flat indices that gaps may reach, a chunk at a time."""
    size = prod(shape)
    near = np.ones(-(-size // CORE.CHUNK), bool) if marks is None else _reached(request, shape, order, marks)
    for chunk in np.flatnonzero(near):
        yield np.arange(chunk * CORE.CHUNK, min((chunk + 1) * CORE.CHUNK, size))


def _reached(request: Request, shape: tuple[int, ...], order: list[int], marks: Array) -> Array:
    """Spread marks as far as formulas reach along the axes."""
    near = marks.astype(bool)
    if len(near) * CORE.CHUNK >= 2 * prod(shape):  # complex data: two real numbers each
        near = np.logical_or.reduceat(near, np.arange(0, len(near), 2))
    assert isinstance(request.scheme, Accurate)
    found = near.copy()
    for position, axis in enumerate(request.axes):
        if request.scheme.sides[position][0].rule == "periodic":
            return np.full(len(near), near.any())
        inner = prod(shape[other] for other in order[order.index(axis) + 1 :])
        top = max(term.orders[position] for entry in request.entries for term in entry.terms)
        distance = -(-(top + request.scheme.accuracy + 2) * inner // CORE.CHUNK) + 1
        total = np.concatenate(([0], np.cumsum(near)))
        chunks = np.arange(len(near))
        low, high = np.maximum(chunks - distance, 0), np.minimum(chunks + distance + 1, len(near))
        found |= total[high] > total[low]
    return found


def _entry(
    request: Request, entry: Sum, components: tuple[Array, ...], index: tuple[Array, ...]
) -> tuple[Array, FloatArray]:
    parts = [_term(request, term, components[term.component], index) for term in entry.terms]
    values, errors = [value for value, _ in parts], [error for _, error in parts]
    if request.norm:
        return _norm(values), _norm(errors)
    return np.sum(values, axis=0), np.sum(errors, axis=0)


def _norm(parts: list[Array]) -> FloatArray:
    total: FloatArray = np.abs(parts[0])
    for part in parts[1:]:
        total = np.hypot(total, np.abs(part))
    return total


class _Points(NamedTuple):
    """Points on an axis: what lies around them, ``[offset][point]``, the middle row being they themselves."""

    axis: Line
    rows: Array
    samples: Array
    order: int

    @property
    def far(self) -> int:
        return len(self.samples) // 2


def _term(request: Request, term: Term, component: Array, index: tuple[Array, ...]) -> tuple[Array, FloatArray]:
    """Return a term and its error at some points."""
    position, order = along(term)
    number = request.axes[position]
    scheme = request.scheme
    assert isinstance(scheme, Accurate)
    axis = line(spacing_of(request.tokens[position]), component.shape[number], scheme.sides[position])
    far = order + scheme.accuracy + 1
    samples = _samples(component, index, number, axis, far)
    points = _Points(axis, index[number], samples, order)
    finite = np.isfinite(samples)
    left = np.logical_and.accumulate(finite[far - 1 :: -1]).sum(axis=0)
    right = np.logical_and.accumulate(finite[far + 1 :]).sum(axis=0)
    run = np.where(finite[far], left + right + 1, 0)
    count = np.minimum(order + scheme.accuracy, run)
    value, size = _combine(points, left, right, count, reach(order, scheme.accuracy, uniform=axis.step is not None))
    if not request.unit:
        return term.sign * value, size
    # Two points more say how far it may be off. Where there are no more, one less does, from either end of the run: by
    # symmetry one of the two may be the same formula.
    more = run > count
    others = (
        _combine(points, left, right, np.where(more, np.minimum(count + 2, run), 0)),
        _combine(points, left - 1, right, np.where(more | (left == 0), 0, count - 1)),
        _combine(points, left, right - 1, np.where(more | (right == 0), 0, count - 1)),
    )
    apart = np.fmax.reduce([np.abs(value - other) for other, _ in others])
    return term.sign * value, SAFETY * apart + request.unit * size


def _samples(component: Array, index: tuple[Array, ...], number: int, axis: Line, far: int) -> Array:
    """Return the samples around points, ghosts included; NaN beyond a one-sided end."""
    rows, extent = index[number], axis.extent

    def at(row: Array | int, points: Any = slice(None)) -> Array:
        place = [part[points] for part in index]
        place[number] = np.broadcast_to(row, place[number].shape)
        taken: Array = component[tuple(place)]
        return taken

    result = np.full((2 * far + 1, len(rows)), np.nan, np.result_type(component.dtype.newbyteorder("="), np.float64))
    for k in range(2 * far + 1):
        row = rows + k - far
        inside = (row >= 0) & (row < extent)
        result[k, inside] = at(row[inside], inside)
        for node in np.unique(row[~inside]):
            if axis.sides[int(node >= extent)].rule in GHOSTS and -extent < node < 2 * extent - 1:
                these = row == node
                shares, (outside, constant) = ghost(axis.sides, int(node), extent)
                result[k, these] = sum(factor * at(sample, these) for sample, factor in shares.items())
                if outside:
                    result[k, these] += outside * constant
    return result


def _combine(
    points: _Points, left: Array, right: Array, count: Array, central: int | None = None
) -> tuple[Array, FloatArray]:
    """Return the derivative from the nearest `count` samples of each run, and ``sum |w| (|f| + |f at the point|)``.

    Where the run holds the formula of the interior, that is taken, if `central` says how far it reaches. Fewer samples
    than the order needs give NaN.
    """
    far, samples = points.far, points.samples
    value = np.full(samples.shape[1], np.nan, samples.dtype)
    size = np.full(samples.shape[1], np.nan)
    start = np.clip(-(count // 2), -left, right - count + 1)
    if central is not None:
        whole = (left >= central) & (right >= central) & (count > points.order)
        start, count = np.where(whole, -central, start), np.where(whole, 2 * central + 1, count)
    enough = np.flatnonzero(count > points.order)
    kinds, which = np.unique(np.stack([start[enough], count[enough]]), axis=1, return_inverse=True)
    for kind, (first, length) in enumerate(kinds.T.tolist()):
        rows = enough[which.reshape(-1) == kind]
        taken = samples[far + first : far + first + length, rows]
        weights = _weights(points.axis, points.rows[rows], range(first, first + length), points.order)
        total: Any = 0.0
        sizes: Any = 0.0
        for offset, sample, weight in zip(range(first, first + length), taken, weights, strict=True):
            if offset and np.any(weight):
                total = total + weight * (sample - samples[far, rows])
                sizes = sizes + np.abs(weight) * (np.abs(sample) + np.abs(samples[far, rows]))
        value[rows], size[rows] = total, sizes
    return value, size


def _weights(axis: Line, rows: Array, offsets: range, order: int) -> Any:
    """Return the weights of samples at `offsets` from rows: one for all rows, or one for each."""
    if axis.step is not None:
        formula = stencil(order, offsets=offsets)
        found = dict(zip(formula.offsets, formula.weights, strict=True))
        return [float(found.get(offset, 0) / axis.step**order) for offset in offsets]
    first = rows.min() + offsets.start
    coordinates = axis.nodes(first, rows.max() + offsets.stop)
    nodes = coordinates[rows - first + np.array(offsets)[:, None]]
    return differentiation_weights(nodes, axis.x[rows], order)
