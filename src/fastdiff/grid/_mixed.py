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
from ._operators import Sum, Term
from ._plan import SAFETY, Accurate, Request, find

# What a window holds, if a row of the outermost axis is not larger.
_WINDOW_BYTES = 1 << 20


def mixed(
    request: Request, source: Array, outputs: list[Array], threads: Callable[[float], int], *, one_sided: bool
) -> None:
    """Write the one entry of a request, a mixed partial derivative of real data, and its error if wanted."""
    shape = source.shape
    # The axes from the outermost of the outputs' memory to the innermost, those of one point last.
    order = sorted(range(len(shape)), key=lambda axis: (shape[axis] == 1, -outputs[0].strides[axis]))
    (term,) = request.entries[0].terms
    chain = [position for position, orders in enumerate(term.orders) if orders]
    if order[0] in [request.axes[position] for position in chain]:  # for any layout the same derivative comes first
        order.sort(key=lambda axis: axis != request.axes[chain[0]])
    lead = order[0]
    row = outputs[0].nbytes // shape[lead]
    if lead != request.axes[chain[0]] and row > _WINDOW_BYTES:
        part = request._replace(axes=tuple(axis - (axis > lead) for axis in request.axes))
        for k in range(shape[lead]):
            here = (slice(None),) * lead + (k,)
            mixed(part, source[here], [out[here] for out in outputs], threads, one_sided=one_sided)
        return
    stages = [_stage(request, position, first=k == 0) for k, position in enumerate(chain)]
    rows = max(1, _WINDOW_BYTES // row)
    for start in range(0, shape[lead], rows):
        stop = min(start + rows, shape[lead])
        here = (slice(None),) * lead + (slice(start, stop),)
        window = _Window(source, order, start, stop, threads, one_sided)
        window.chain(stages, outputs[0][here])
        if request.unit:
            value = outputs[0][here]
            finer, bound = (np.empty_like(value) for _ in range(2))
            window.chain([_finer(stage) for stage in stages], finer)
            window.chain([stage._replace(bound=True) for stage in stages], bound)
            outputs[1][here] = SAFETY * np.abs(value - finer) + request.unit * bound


def _stage(request: Request, position: int, *, first: bool) -> Request:
    """Return the request of one derivative of the chain.

    Beyond a boundary of constant value the derivative along another axis is 0.
    """
    (term,) = request.entries[0].terms
    orders = tuple(order if k == position else 0 for k, order in enumerate(term.orders))
    scheme = request.scheme
    assert isinstance(scheme, Accurate)
    if not first:
        scheme = scheme.linear()
    return request._replace(scheme=scheme, entries=(Sum((Term(term.sign if first else 1, 0, orders),)),), unit=0.0)


def _finer(stage: Request) -> Request:
    assert isinstance(stage.scheme, Accurate)
    return stage._replace(scheme=stage.scheme.finer(2))


class _Window:
    """Rows `start` to `stop` of the axis ``order[0]``, laid out with the axes in that order."""

    def __init__(
        self, source: Array, order: list[int], start: int, stop: int, threads: Callable[[float], int], one_sided: bool
    ) -> None:
        self.source, self.order, self.start, self.stop = source, order, start, stop
        self.threads, self.one_sided = threads, one_sided

    def chain(self, stages: list[Request], out: Array) -> None:
        """Take one derivative after another, the last into `out`."""
        data = self.first(stages[0])
        for stage in stages[1:-1]:
            data = self.within(stage, data)
        if out.strides == data.strides:
            self.within(stages[-1], data, out)
        else:
            out[...] = self.within(stages[-1], data)

    def empty(self) -> Array:
        """Return an array for the window."""
        shape = [self.source.shape[axis] for axis in self.order]
        shape[0] = self.stop - self.start
        return np.empty(shape, self.source.dtype).transpose(np.argsort(self.order))

    def first(self, stage: Request) -> Array:
        """Differentiate the data itself, for the rows of the window."""
        shape = self.source.shape
        inner = prod(shape) // shape[self.order[0]]
        whole = self.empty()
        strides = [0] * len(shape)
        step = whole.itemsize
        for axis in reversed(self.order):
            strides[axis] = step
            step *= shape[axis]
        plan = find(stage, shape, (self.source.strides,), tuple(strides), whole.dtype.char)
        if plan.packed:
            self.source = np.ascontiguousarray(self.source.transpose(self.order)).transpose(np.argsort(self.order))
            plan = find(stage, shape, (self.source.strides,), tuple(strides), whole.dtype.char)
        begin, end = self.start * inner, self.stop * inner
        workers = self.threads(plan.seconds)
        plan.sweep.run([self.source], [whole], workers, False, begin, end, base=begin)
        if self.one_sided:
            _gaps.repair(stage, (self.source,), [whole], window=(self.order[0], self.start))
        return whole

    def within(self, stage: Request, data: Array, out: Array | None = None) -> Array:
        """Differentiate what the window holds."""
        out = self.empty() if out is None else out
        plan = find(stage, data.shape, (data.strides,), out.strides, data.dtype.char)
        plan.sweep.run([data], [out], self.threads(plan.seconds), False, 0, plan.size)
        if self.one_sided:
            _gaps.repair(stage, (data,), [out])
        return out
