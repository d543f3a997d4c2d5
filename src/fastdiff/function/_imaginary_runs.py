"""Runs of the complex step: imaginary steps, whose truncation error is below round-off, and real ones beyond order 1.

W. Squire and G. Trapp, SIAM Rev. 40 (1998) 110-112.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from .._typing import Array, FloatArray, IntpArray, StatusArray
from . import _evaluate, _layout, _steps
from ._evaluate import Batch
from ._layout import CENTRAL
from ._plan import Plan, Run
from ._problem import Kind, Target
from ._results import Status
from ._runs import RUNS, CoordinateRun, Start, norm, scaled

# An f smaller than this has an imaginary part, of order 2**-70 of it or less, among the subnormal numbers.
_TINY = 2.0**-900
# How large an imaginary part may be beside f at real shifts, which an imaginary step leaves at about 2**-50.
_BRANCH = 2.0**-30


class ImaginaryRun(CoordinateRun):
    """An imaginary step along each coordinate, and central differences of its result for the second order.

    The imaginary step has no truncation error to speak of: nothing is tried twice.
    """

    def _place(self, h: FloatArray) -> None:
        plan, target, n = self.plan, self.plan.target, len(self.x)
        first_order = target.total_order == 1
        self._imaginary = plan.rule.imaginary(self.x, literal=first_order)
        self.step = self._imaginary if first_order else h
        self.layout = _layout.imaginary_layout(n, target.kind, target.order)
        units = _steps.realise(self.x, h, _steps.everywhere(CENTRAL, n), 1, 2, None)
        if plan.rule.stated and not first_order:
            _steps.require_kept(plan.rule, self.x, h, np.ones(n))
        self.units = np.concatenate([units, self._imaginary])

    def _batch(self, rows: IntpArray | None) -> Batch:
        points = self.layout.points
        assert points.imaginary is not None
        moved = _evaluate.displace(self.x, self.step, points.indices, points.real, None, None).astype(complex)
        moved.imag = points.imaginary * self._imaginary[points.indices]
        return Batch(self.x[None].astype(complex), None, points.indptr, points.indices, moved)

    def f_at_x(self) -> Array:
        """Return f(x): the real part, as the imaginary step changes it by the square of the step."""
        return self.real_part

    def tell(self, values: Array) -> None:
        """Take the imaginary parts."""
        self.real_part = np.ascontiguousarray(values[0].real, np.float64)
        self._values = _imaginary_parts(values, shifted=self.plan.target.total_order > 1)
        self.value, self.status, self.worst = self._combine(self.layout.entries)
        self.worst = _doubt_underflow(values, self.status)
        if self.layout.gradient is not None:
            self.gradient = self._combine(self.layout.gradient)[0]


class ShiftedRun:
    """An imaginary step along one direction, shared by all points, and a real run for the orders that are left.

    Im f(x + i t d) / t is the derivative along d at x: the real run differentiates that.
    """

    gradient: Array | None = None
    error: FloatArray | None = None

    def __init__(self, plan: Plan, x: FloatArray, epsilon: float, known: Array | None) -> None:
        target = plan.target
        direction, left = _split_off_direction(target, len(x))
        direction, self._factor = scaled(direction)
        h = plan.rule.imaginary(x, literal=target.total_order == 1)
        if target.kind == "elementwise":
            self._t = h
        else:
            inverse = norm(direction / h)
            self._t = np.full(1, 1 / inverse if inverse else 1.0)
        self._shift = 1j * self._t * direction
        self._inner = None if left is None else _central_run(plan, left, x, epsilon)
        self._next = Batch(x[None]) if self._inner is None else self._inner.ask()

    def ask(self) -> Batch | None:
        """Return the points of the real run, shifted."""
        batch, self._next = self._next, None
        if batch is None:
            return None
        moved = None if batch.values is None else batch.values + self._shift[batch.indices]
        return Batch(batch.base + self._shift, batch.start, batch.indptr, batch.indices, moved)

    def tell(self, values: Array) -> None:
        """Take the imaginary parts."""
        real = _imaginary_parts(values, shifted=self._inner is not None) / self._t * self._factor
        if self._inner is not None:
            self._inner.tell(real)
            self._next = self._inner.ask()
            self.value, self.status, self.worst = self._inner.value, self._inner.status, self._inner.worst
            self.step = self._inner.step
            return
        self.value, self.step = real.T if self._t.size > 1 else real, self._t
        finite = np.isfinite(self.value)
        self.status = np.where(finite, Status.NOT_ESTIMATED, Status.NOT_FINITE).astype(np.int8)
        self.worst = _doubt_underflow(values.T if self._t.size > 1 else values, self.status)


def _imaginary_parts(values: Array, *, shifted: bool) -> FloatArray:
    """Return the imaginary parts; NaN where f is not real on the real axis nearby.

    Between points at real shifts, f changes by far more than an imaginary step can make its imaginary part: a larger
    one is that of a branch beyond the domain of f.
    """
    outside = ~np.isfinite(values.real)
    if shifted:
        size = np.abs(values.real).max(axis=0, initial=0.0, where=~outside)
        outside |= np.abs(values.imag) > _BRANCH * np.maximum(size, _TINY)
    parts: FloatArray = np.where(outside, np.nan, values.imag)
    return parts


def blank(run: Any, outside: Array) -> None:
    """Mark the outputs of a finished run at which f is not finite on the real axis."""
    outputs = np.broadcast_to(outside, run.value.shape)
    run.value = np.where(outputs, np.nan, run.value)
    run.status = np.where(outputs, Status.NOT_FINITE, run.status).astype(np.int8)
    run.worst = int(run.status.max(initial=0))
    if run.gradient is not None:
        run.gradient = np.where(np.broadcast_to(outside, run.gradient.shape), np.nan, run.gradient)
    if isinstance(run, ImaginaryRun):
        run.real_part = np.where(outside[0], np.nan, run.real_part)


def _doubt_underflow(values: Array, status: StatusArray) -> int:
    """Mark the outputs whose imaginary part may have underflowed to nothing, and return the worst status."""
    tiny = (values.real != 0) & (np.abs(values.real) < _TINY) & (np.abs(values.imag) < np.finfo(np.float64).tiny)
    doubtful = tiny.any(axis=0)
    status[:, doubtful] = np.maximum(status[:, doubtful], Status.NOISE_LIMITED)
    return int(status.max(initial=0))


def _split_off_direction(target: Target, n: int) -> tuple[FloatArray, Target | None]:
    """Return the direction of the imaginary step, and what is left to differentiate."""
    if target.kind == "elementwise":
        return np.ones(n), Target("elementwise", target.order - 1) if target.order > 1 else None
    if target.kind == "mixed":
        (coordinate, order), *others = target.orders
        left = tuple((c, k) for c, k in [(coordinate, order - 1), *others] if k)
        return np.eye(1, n, coordinate)[0], Target("mixed", orders=left) if left else None
    assert target.v is not None
    return target.v, Target("axis") if target.kind == "hessian_product" else None


def _central_run(plan: Plan, target: Target, x: FloatArray, epsilon: float) -> Run:
    return RUNS[target.kind](replace(plan, method="central", target=target), x, epsilon, None)


IMAGINARY_RUNS: dict[Kind, Start] = {
    "axis": ImaginaryRun,
    "hessian": ImaginaryRun,
    "mixed": ShiftedRun,
    "elementwise": ShiftedRun,
    "direction": ShiftedRun,
    "hessian_product": ShiftedRun,
}
