"""Runs of the fixed-step methods on real points: one for each way in which points lie."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Protocol, TypeAlias

import numpy as np

from .._typing import Array, FloatArray, IntpArray, StatusArray
from . import _evaluate, _layout, _steps
from ._evaluate import Batch, Differences
from ._layout import BACKWARD, CRAMPED, FIXED, Layout
from ._plan import Plan, Run
from ._problem import Kind, Target
from ._results import Status

# Points along a direction are rounded in every coordinate. A step that the box shrank must leave this many numbers
# between them, and not be as small as this, or the coordinates are taken one by one.
_LINE = 2.0**20
_SMALLEST_MOVE = 2.0**-1000
# Whether a stated step is lost along a direction is judged by the entries that are not smaller than this beside others.
_MINOR = 2.0**-10


class CoordinateRun:
    """A fixed step along coordinates: asks once, and once more, nearer to x, where values were not finite.

    Parameters
    ----------
    plan : Plan
        What to differentiate, and how.
    x : ndarray, shape (n,)
        Where.
    epsilon : float
        The precision of f.
    known : ndarray, shape (outputs,), or None
        f(x), if the caller has it.

    Notes
    -----
    Subclasses change where points lie: `_place` turns steps into a layout and units, `_batch` a layout into points.
    """

    layout: Layout
    step: FloatArray
    units: FloatArray
    value: Array
    status: StatusArray
    worst: int
    gradient: Array | None = None
    error: FloatArray | None = None

    def __init__(self, plan: Plan, x: FloatArray, epsilon: float, known: Array | None) -> None:
        self.plan = plan
        self.x = x
        self.epsilon = epsilon
        self._known = known
        self._values: Array | None = None
        self._place(plan.rule(x, epsilon))
        first = 1 if known is not None and self.layout.points.first else 0
        self._rows: IntpArray | None = np.arange(first, self.layout.points.count) if first else None
        self._next: Batch | None = self._batch(self._rows)
        if known is not None and not len(self._next):
            self._next = None
            self.tell(np.empty((0, len(known))))

    def ask(self) -> Batch | None:
        """Return the points that are needed next, or None when the run is done."""
        batch, self._next = self._next, None
        return batch

    def tell(self, values: Array) -> None:
        """Combine the values; where the result is not finite, plan one more try."""
        if self._values is None:
            if self._rows is not None:
                assert self._known is not None
                values = np.concatenate([self._known[None], values])
            self._values = values
            self.value, self.status, self.worst = self._combine(self.layout.entries)
            if self.layout.gradient is not None:
                self.gradient = self._combine(self.layout.gradient)[0]
            if self.worst == Status.NOT_FINITE and not self.plan.rule.stated:
                self._plan_retry()
        else:
            self._values = _with_rows(self._values, self._rows, values)
            self._mend()

    def f_at_x(self) -> Array:
        """Return f(x) as the points asked for give it, shape (outputs,)."""
        assert self.layout.origin is not None
        f_at_x: Array = self._combine(self.layout.origin)[0][0]
        return f_at_x

    def _combine(self, entries: Differences) -> tuple[Array, StatusArray, int]:
        assert self._values is not None
        return combine(entries, self._values, self.units, self.epsilon)

    def _plan_retry(self) -> None:
        """Ask again for the points of the coordinates that failed, at the scale of |x|."""
        failed = self._coordinates_of((self.status == Status.NOT_FINITE).any(axis=1))
        nearer = self.plan.rule.at_scale_of_x(self.x, self.epsilon)
        h = np.where(failed & (nearer < self._asked), nearer, self._asked)
        changed = h < self._asked
        if changed.any():
            layout = self.layout
            self._place(h)
            # Where a smaller step changes the side of a stencil, the points are others: all are needed.
            self._rows = self._points_of(changed) if self.layout is layout else None
            self._next = self._batch(self._rows)

    def _mend(self) -> None:
        """Replace the entries that were not finite by those of the second try."""
        value, status, _ = self._combine(self.layout.entries)
        failed = self.status == Status.NOT_FINITE
        self.value = np.where(failed, value, self.value)
        self.status = np.where(failed, status, self.status)
        self.worst = int(self.status.max())
        if self.layout.gradient is not None:
            again = self._combine(self.layout.gradient)[0]
            assert self.gradient is not None
            self.gradient = np.where(np.isfinite(self.gradient), self.gradient, again)

    def _coordinates_of(self, entries: Array) -> Array:
        coordinates = np.zeros(len(self.x), bool)
        coordinates[self.layout.entries.factors[entries].ravel()] = True
        return coordinates

    def _points_of(self, coordinates: Array) -> IntpArray | None:
        points = self.layout.points
        return np.unique(points.owner[coordinates[points.indices]])

    def _place(self, h: FloatArray) -> None:
        plan, box = self.plan, self.plan.box
        self._asked = h
        if box is None:
            self.step = h
            self.layout, low, high = plan.unbounded
            self.units = _evaluate.realised_units(self.x, h, low, high, None, None)
        else:
            order = plan.target.coordinate_order
            sides, self.step = _steps.place(self.x, h, plan.side, order, plan.accuracy, box, plan.rule)
            self.layout = plan.layout(sides)
            low, high = (ends[sides] for ends in _steps.reaches(order, plan.accuracy))
            self.units = _evaluate.realised_units(self.x, self.step, low, high, box.lower, box.upper)
        if plan.rule.stated:
            stated = h if box is None else np.where(box.lower == box.upper, np.inf, h)
            _steps.require_kept(plan.rule, self.x, stated, np.maximum(-low, high))

    def _batch(self, rows: IntpArray | None) -> Batch:
        points, box = self.layout.points, self.plan.box
        indptr, indices, real = points.indptr, points.indices, points.real
        if rows is not None:
            indptr, kept = _select(indptr, rows)
            indices, real = indices[kept], real[kept]
        lower, upper = (None, None) if box is None else (box.lower, box.upper)
        return Batch(
            self.x[None],
            None,
            indptr,
            indices,
            _evaluate.displace(self.x, self.step, indices, real, lower, upper),
        )


class ElementwiseRun(CoordinateRun):
    """All entries of x move at once: f maps entry by entry, so that one call serves them all."""

    def _combine(self, entries: Differences) -> tuple[Array, StatusArray, int]:
        assert self._values is not None
        return combine(entries, self._values.reshape(-1, 1), self.units, self.epsilon)

    def _points_of(self, coordinates: Array) -> IntpArray | None:
        return None

    def _batch(self, rows: IntpArray | None) -> Batch:
        along, box = self.layout.points.along, self.plan.box
        base = self.x + (along if rows is None else along[rows]) * self.step
        return Batch(base if box is None else np.clip(base, box.lower, box.upper))


class DirectionRun(CoordinateRun):
    """A fixed step t along v: x + t v has one coordinate, t.

    1/t is the norm of v/h, with h the steps of the coordinates: t is h where v is a unit vector, and scales with v.
    """

    def _place(self, h: FloatArray) -> None:
        self._asked = h
        self.layout = self.plan.layout(self._place_along(h, share=1.0))
        self.step = self.units = self._t

    @property
    def cornered(self) -> bool:
        """Whether x + t v leaves the box on both sides."""
        return self._side == CRAMPED

    def _place_along(self, h: FloatArray, share: float) -> StatusArray:
        """Set v and t, and return the side of t; `share` is the part of the room in the box that t may use."""
        plan, box, rule = self.plan, self.plan.box, self.plan.rule
        assert plan.target.v is not None
        v, self._factor = scaled(plan.target.v)
        self._v = v if box is None else np.where(box.lower == box.upper, 0.0, v)
        inverse = norm(self._v / h)
        if inverse == 0:
            self._t, self._side = np.ones(1), FIXED
            return np.array([FIXED], np.int8)
        t = np.array([1 / inverse])
        t = _evaluate.round_dyadic(t) if rule.dyadic else t
        along = None if box is None else box.along(self.x, self._v, share)
        sides, self._t = _steps.place(np.zeros(1), t, plan.side, 1, plan.accuracy, along, rule)
        if sides[0] == FIXED or (self._t[0] < t[0] and self._rounded_away(self._t * np.abs(self._v))):
            sides[0] = CRAMPED  # v is zero where x is fixed: t itself never is
        self._side = int(sides[0])
        if rule.stated:
            moves, largest = t * np.abs(self._v), float(np.abs(self._v).max())
            moves[np.abs(self._v) < _MINOR * largest] = np.inf
            reach = np.full(len(self.x), float(_layout.reach(1, plan.accuracy, plan.side)))
            _steps.require_kept(rule, self.x, moves, reach)
        return sides

    def _combine(self, entries: Differences) -> tuple[Array, StatusArray, int]:
        value, status, worst = super()._combine(entries)
        return value * self._factor, status, worst

    def _rounded_away(self, moves: FloatArray) -> bool:
        """Whether a coordinate moves by so few of its floating-point numbers that x + t v is not on a line."""
        least = np.maximum(_LINE * np.spacing(np.abs(self.x)), _SMALLEST_MOVE)
        return bool((moves < least)[self._v != 0].any())

    def tell(self, values: Array) -> None:
        """Combine the values; along v = 0 the derivative is 0, and no bound is to blame."""
        super().tell(values)
        assert self.plan.target.v is not None
        if not self.plan.target.v.any():
            self.status[...] = self.worst = Status.NOT_ESTIMATED

    def _bases(self, along: FloatArray) -> FloatArray:
        box = self.plan.box
        bases: FloatArray = self.x + along[:, None] * self._t * self._v
        return bases if box is None else np.clip(bases, box.lower, box.upper)

    def _coordinates_of(self, entries: Array) -> Array:
        return np.ones(len(self.x), bool)

    def _points_of(self, coordinates: Array) -> IntpArray | None:
        return None

    def _batch(self, rows: IntpArray | None) -> Batch:
        points = self.layout.points
        along = np.zeros(points.count)
        along[points.owner] = points.real
        return Batch(self._bases(along if rows is None else along[rows]))


class HessianProductRun(DirectionRun):
    """The mixed derivatives along v and each coordinate: coordinate steps from base points along v."""

    def _place(self, h: FloatArray) -> None:
        plan = self.plan
        self._asked = h
        along = int(self._place_along(h, share=0.5)[0])
        reach = _layout.reach(1, plan.accuracy, along) if along <= BACKWARD else 0
        inner = None if plan.box is None else plan.box.shrunk(self.x, reach * self._t * np.abs(self._v))
        sides, self.step = _steps.place(self.x, h, plan.side, 1, plan.accuracy, inner, plan.rule)
        self.layout = _layout.hessian_product_layout(sides.tobytes(), along, plan.accuracy)
        if plan.rule.stated:
            _steps.require_kept(plan.rule, self.x, h, np.ones(len(self.x)))
        self.units = np.append(_steps.realise(self.x, self.step, sides, 1, plan.accuracy, plan.box), self._t)

    def _batch(self, rows: IntpArray | None) -> Batch:
        points, box = self.layout.points, self.plan.box
        bases = self._bases(points.along)
        if points.start is None:
            return Batch(bases)
        moved = bases[points.start[points.owner], points.indices] + points.real * self.step[points.indices]
        if box is not None:
            moved = np.clip(moved, box.lower[points.indices], box.upper[points.indices])
        return Batch(bases, points.start, points.indptr, points.indices, moved)


class CornerRun:
    """A direction that leaves the box on both sides: its derivative is summed from those along the coordinates.

    Each coordinate has room on a side of its own.
    """

    gradient: Array | None = None
    error: FloatArray | None = None
    step: FloatArray

    def __init__(
        self, runs: Mapping[Kind, Start], plan: Plan, x: FloatArray, epsilon: float, known: Array | None
    ) -> None:
        assert plan.target.v is not None
        assert plan.box is not None
        self._v = np.where(plan.box.lower == plan.box.upper, 0.0, plan.target.v)
        kind: Kind = "axis" if plan.target.kind == "direction" else "hessian"
        self._target = Target(kind)
        self._inner = runs[kind](replace(plan, target=self._target), x, epsilon, known)

    def ask(self) -> Batch | None:
        """Return the points of the coordinates that are needed next, or None when the run is done."""
        batch = self._inner.ask()
        if batch is None:
            self._combine()
        return batch

    def tell(self, values: Array) -> None:
        """Take the values at the points asked for."""
        self._inner.tell(values)

    def _combine(self) -> None:
        inner, v = self._inner, self._v
        if self._target.kind == "axis":
            rows, columns = np.zeros(v.size, np.intp), np.arange(v.size)
            owners = [(rows, columns, slice(None))]
        else:
            diagonal, (rows, columns) = np.arange(v.size), np.triu_indices(v.size, 1)
            owners = [(diagonal, diagonal, slice(v.size)), (rows, columns, slice(v.size, None))]
            owners.append((columns, rows, slice(v.size, None)))
        shape = (1 if self._target.kind == "axis" else v.size, inner.value.shape[1])
        self.value = np.zeros(shape, inner.value.dtype)
        self.status = np.full(shape, Status.NOT_ESTIMATED if inner.error is None else Status.CONVERGED, np.int8)
        self.step = inner.step
        if inner.error is not None:
            self.error, self.step = np.zeros(shape), np.full(shape, np.inf)
        for row, column, entries in owners:
            moving = v[column] != 0
            row, weight = row[moving], v[column[moving], None]
            np.add.at(self.value, row, weight * inner.value[entries][moving])
            np.maximum.at(self.status, row, inner.status[entries][moving])
            if inner.error is not None and self.error is not None:
                np.add.at(self.error, row, np.abs(weight) * inner.error[entries][moving])
                np.minimum.at(self.step, row, inner.step[entries][moving])
        self.worst = int(self.status.max(initial=0))


Start: TypeAlias = Callable[[Plan, FloatArray, float, Array | None], Run]


class Cornered(Run, Protocol):
    """A run along a direction."""

    @property
    def cornered(self) -> bool:
        """Whether the direction leaves the box on both sides."""


def along(run: Callable[[Plan, FloatArray, float, Array | None], Cornered], runs: Mapping[Kind, Start]) -> Start:
    """Return how a run along a direction starts: as one along the coordinates where there is no room for it."""

    def start(plan: Plan, x: FloatArray, epsilon: float, known: Array | None) -> Run:
        started = run(plan, x, epsilon, known)
        return CornerRun(runs, plan, x, epsilon, known) if started.cornered else started

    return start


RUNS: dict[Kind, Start] = {
    "axis": CoordinateRun,
    "hessian": CoordinateRun,
    "mixed": CoordinateRun,
    "elementwise": ElementwiseRun,
}
RUNS |= {"direction": along(DirectionRun, RUNS), "hessian_product": along(HessianProductRun, RUNS)}


def scaled(v: FloatArray) -> tuple[FloatArray, float]:
    """Return v, and a power of two taken out of it where its entries are so large or small that steps would not be."""
    largest = float(np.abs(v).max(initial=0.0))
    if largest == 0 or 2.0**-300 < largest < 2.0**300:
        return v, 1.0
    exponent = min(int(np.frexp(largest)[1]), 1023)
    return np.ldexp(v, -exponent), float(np.ldexp(1.0, exponent))


def norm(v: FloatArray) -> float:
    """Return the Euclidean norm, without overflow or underflow of squares."""
    largest = float(np.abs(v).max(initial=0.0))
    return largest * float(np.linalg.norm(v / largest)) if largest else 0.0


def combine(entries: Differences, values: Array, units: FloatArray, epsilon: float) -> tuple[Array, StatusArray, int]:
    """Return the entries (entries, outputs), their status and the worst of it; complex values by their parts."""
    parts = values.view(np.float64) if values.dtype.kind == "c" else values
    out, status, worst = entries.combine(parts, units, epsilon)
    if values.dtype.kind != "c":
        return out, status, worst
    real, imaginary = status[:, ::2], status[:, 1::2]
    # One part may be mere noise beside the other; one part that is not finite spoils both.
    status = np.where(
        np.maximum(real, imaginary) == Status.NOT_FINITE, Status.NOT_FINITE, np.minimum(real, imaginary)
    ).astype(np.int8)
    return out.view(np.complex128), status, int(status.max(initial=0))


def _select(indptr: IntpArray, rows: IntpArray) -> tuple[IntpArray, IntpArray]:
    """Return the row pointer of some rows of a CSR structure, and the positions of their elements."""
    counts = np.diff(indptr)[rows]
    new = np.zeros(len(rows) + 1, np.intp)
    np.cumsum(counts, out=new[1:])
    return new, np.arange(new[-1]) + np.repeat(indptr[:-1][rows] - new[:-1], counts)


def _with_rows(values: Array, rows: IntpArray | None, new: Array) -> Array:
    if rows is None:
        return new
    merged = values.astype(np.result_type(values, new))
    merged[rows] = new
    return merged
