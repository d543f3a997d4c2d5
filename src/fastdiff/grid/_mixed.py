"""Mixed partial derivatives, axis by axis, through a window that moves along one axis.

That is the axis of the first derivative, which is taken straight from the data, or one without; the other derivatives
act within the window. Nothing but the window is ever kept.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod

import numpy as np

from .._typing import Array
from . import _gaps
from ._layout import Source, dense_strides, empty, order_of, real_view, rows_of
from ._operators import Sum, Term
from ._plan import find
from ._program import SAFETY
from ._request import Accurate, Request

Workers = Callable[[float], int]


def mixed(
    request: Request, component: Array, dtype: np.dtype, outputs: list[Array], workers: Workers, *, one_sided: bool
) -> None:
    """Write the one entry of a request, a mixed partial derivative calculated as `dtype`, and its error if wanted."""
    shape, order = component.shape, order_of(outputs[0])
    (term,) = request.entries[0].terms
    request = _along(request, [position for position, orders in enumerate(term.orders) if orders])
    if order[0] in request.axes:  # for any layout the same derivative comes first
        order.sort(key=lambda axis: axis != request.axes[0])
    lead = order[0]
    rows = rows_of(shape, order, dtype.itemsize, 1)
    if lead not in request.axes and rows == 1:
        part = request._replace(axes=tuple(axis - (axis > lead) for axis in request.axes))
        for k in range(shape[lead]):
            here = (slice(None),) * lead + (k,)
            mixed(part, component[here], dtype, [out[here] for out in outputs], workers, one_sided=one_sided)
        return
    window = _Window(component, dtype, order, request, workers, one_sided=one_sided)
    plain = request._replace(unit=0.0)
    stages = [_along(plain, [k], first=k == 0) for k in range(len(plain.axes))]
    for start in range(0, shape[lead], rows):
        stop = min(start + rows, shape[lead])
        here = (slice(None),) * lead + (slice(start, stop),)
        value = window.chain(stages, start, stop)
        with np.errstate(all="ignore"):  # float16 may overflow
            real_view(outputs[0][here])[...] = value
        if request.unit:
            finer = window.chain([_finer(stage) for stage in stages], start, stop)
            bound = window.chain([stage._replace(bound=True) for stage in stages], start, stop)
            with np.errstate(all="ignore"):
                error = SAFETY * np.abs(value - finer) + request.unit * bound
                if one_sided:  # next to gaps both may come from the same samples, and agree without being right
                    error[(value == finer) & ~np.isfinite(window.chain(stages, start, stop, repaired=False))] = np.nan
                outputs[1][here] = np.hypot(error[..., 0], error[..., 1]) if dtype.kind == "c" else error


def _along(request: Request, positions: list[int], *, first: bool = True) -> Request:
    """Return the part of a mixed derivative that is along some of its axes.

    After the first only the linear part counts, and no sign: beyond a boundary of constant value the derivative along
    another axis is 0.
    """
    (term,) = request.entries[0].terms
    scheme = request.scheme
    assert isinstance(scheme, Accurate)
    scheme = scheme._replace(sides=tuple(scheme.sides[k] for k in positions))
    orders = tuple(term.orders[k] for k in positions)
    return request._replace(
        scheme=scheme if first else scheme.linear(),
        tokens=tuple(request.tokens[k] for k in positions),
        axes=tuple(request.axes[k] for k in positions),
        entries=(Sum((Term(term.sign if first else 1, 0, orders),)),),
    )


def _finer(stage: Request) -> Request:
    assert isinstance(stage.scheme, Accurate)
    return stage._replace(scheme=stage.scheme.finer(2))


class _Window:
    """Rows of the axis ``order[0]`` of a component, laid out with the axes in that order, as real numbers."""

    def __init__(
        self,
        component: Array,
        dtype: np.dtype,
        order: list[int],
        request: Request,
        workers: Workers,
        *,
        one_sided: bool,
    ) -> None:
        self.component, self.order, self.workers, self.one_sided = component, order, workers, one_sided
        self.inner = real_view(component).size // component.shape[order[0]]
        self.whole = real_view(component).shape
        self.real_order = [*order, *range(component.ndim, len(self.whole))]
        readable = component.dtype == dtype and component.flags.aligned
        self.source = Source(component, order, dtype, request.far(order[0], component.shape), readable=readable)

    def chain(self, stages: list[Request], start: int, stop: int, *, repaired: bool = True) -> Array:
        """Return rows `start` to `stop`, one derivative after another."""
        repaired = repaired and self.one_sided
        data = self.first(stages[0], start, stop, repaired=repaired)
        for stage in stages[1:]:
            data = self.within(stage, data, repaired=repaired)
        return data

    def first(self, stage: Request, start: int, stop: int, *, repaired: bool) -> Array:
        """Differentiate the data itself."""
        lead = self.order[0]
        char = self.source.dtype.char.lower()
        out = empty((*self.whole[:lead], stop - start, *self.whole[lead + 1 :]), self.real_order, np.dtype(char))
        strides = dense_strides(self.whole, self.real_order, out.itemsize)
        plan = find(stage, self.whole, (self.source.strides,), strides, char)
        if plan.packed:
            self.source.readable = False
            plan = find(stage, self.whole, (self.source.strides,), strides, char)
        data, origin = self.source.rows(start, stop)
        begin, end = start * self.inner, stop * self.inner
        plan.sweep.run([data], [out], self.workers(plan.seconds), False, begin, end, [origin], begin)
        if repaired:
            _gaps.repair(stage, (real_view(self.component),), [out], self.real_order, window=(lead, start))
        return out

    def within(self, stage: Request, data: Array, *, repaired: bool) -> Array:
        """Differentiate what the window holds."""
        out = empty(data.shape, self.real_order, data.dtype)
        plan = find(stage, data.shape, (data.strides,), out.strides, data.dtype.char)
        plan.sweep.run([data], [out], self.workers(plan.seconds), False, 0, prod(data.shape))
        if repaired:
            _gaps.repair(stage, (data,), [out], self.real_order)
        return out
