"""Runs requests on memory.

Makes the results in NumPy's layout, and moves windows over what the kernels can't read or write.
"""

from __future__ import annotations

from functools import partial
from typing import Any, NamedTuple

import numpy as np

from .. import _kernels, _threads
from .._typing import Array
from ._door import Call, check_out
from ._gaps import repair
from ._layout import Source, dense_strides, empty, is_dense, order_of, real_view, rows_of
from ._mixed import mixed
from ._operators import Sum, arranged, is_pure
from ._plan import Plan, find
from ._request import Request
from ._rules import CORE

# Given outputs of more bytes are written past the cache: twice as fast from 32 MiB on, even from 4 to 16,
# slower below. Never derived from the reported cache size, as a virtual machine reports its host's. Fresh
# outputs pay page faults, which the cache helps with.
STREAMED_BYTES = 24 << 20

# The dtype of the kernels' real and complex views, for each native dtype character.
_COMPUTED = {char: np.dtype(computed) for char, computed in zip("efdFD", "ffdFD", strict=True)}


_SINGLE, _DOUBLE = np.dtype(np.float32), np.dtype(np.float64)


class GridResult(NamedTuple):
    """A result and its error, both in the structure that the operator returns."""

    value: Any
    error: Any


def require_core(name: str) -> None:
    """Raise ImportError if there are no kernels."""
    if _kernels.core is None:
        raise ImportError(
            f"{name} with `accuracy` needs the compiled core of fastdiff, which is missing ({_kernels.reason}); "
            f"{_kernels.REMEDY}"
        )


def solve(call: Call, out: Any, threads: int | None, inputs: tuple[Any, ...]) -> Any:
    """Return the result of a judged call, in `out` if given; `inputs` are what `out` must not overlap."""
    if out is None and (quick := _quick(call, [], threads)):
        return quick[0] if isinstance(call.structure, Sum) else tuple(quick)
    request, model = call.request, call.components[0]
    real = model.real.dtype
    dtypes = (real if request.norm else model.dtype, *((real,) if request.unit else ()))
    targets: list[dict[Sum, list[Array]]] = []
    if out is not None:
        inputs = (*inputs, *call.components, *call.coordinates)
        targets = check_out(out, call.structure, model.shape, dtypes, inputs)
    given = [found[entry][0] for found in targets for entry in request.entries]
    if given and _quick(call, given, threads):
        return out
    results = _results(call, dtypes, given, threads)
    if out is not None:
        for found in targets:
            for first, *others in found.values():
                for other in others:
                    other[...] = first
        return out
    if call.masked:
        results = [np.ma.masked_invalid(result, copy=False) for result in results]
    count = len(request.entries)
    halves = [dict(zip(request.entries, results[k * count :], strict=False)) for k in range(len(dtypes))]
    parts = [arranged(call.structure, half) for half in halves]
    return GridResult(*parts) if request.unit else parts[0]


def _results(call: Call, dtypes: tuple[np.dtype[Any], ...], given: list[Array], threads: int | None) -> list[Array]:
    """Return the entries of the result and then their errors, in `given` if there are any."""
    request, model = call.request, call.components[0]
    results = given or [np.empty_like(model, dtype=dtype) for dtype in dtypes for _ in request.entries]
    if model.size == 0:
        return results
    count = len(request.entries)
    computed = _COMPUTED[model.dtype.char]
    whole = [k for k, entry in enumerate(request.entries) if all(map(is_pure, entry.terms))]
    for k in range(count):
        if k not in whole:
            (term,) = request.entries[k].terms
            part = request._replace(entries=(Sum((term._replace(component=0),)),))
            workers = partial(_threads.for_work, threads)
            component = call.components[term.component]
            mixed(part, component, computed, results[k::count], workers, one_sided=call.one_sided)
    if whole:
        part = request if len(whole) == count else request._replace(entries=tuple(request.entries[k] for k in whole))
        chosen = [results[k + half] for half in range(0, request.outputs, count) for k in whole]
        _sweep(part, call, computed, chosen, threads, given=bool(given))
    return results


def _quick(call: Call, given: list[Array], threads: int | None) -> list[Array] | None:
    """Return the entries where they are the result, read and written in place; None for whatever is not as simple."""
    request, model = call.request, call.components[0]
    if not (call.plain and model.size):
        return None
    for component in call.components:
        if (component.dtype is not _SINGLE and component.dtype is not _DOUBLE) or not component.flags.aligned:
            return None
    if given and not all(one.flags.c_contiguous and one.flags.aligned for one in given):
        return None
    results = given or [np.empty_like(model) for _ in request.entries]
    strides = tuple([component.strides for component in call.components])
    plan = find(request, model.shape, strides, results[0].strides, model.dtype.char)
    if plan.packed:
        return None
    workers = _threads.for_work(threads, plan.seconds)
    streamed = bool(given) and plan.nbytes >= STREAMED_BYTES
    plan.sweep.run(call.components, results, workers, streamed, 0, plan.size)
    return results


def _sweep(
    request: Request, call: Call, computed: np.dtype[Any], results: list[Array], threads: int | None, *, given: bool
) -> None:
    """Write all entries in one sweep, rows at a time where inputs or results have to be converted."""
    components, shape = call.components, call.components[0].shape
    order = order_of(results[0])
    lead = order[0]
    extent, far = shape[lead], request.far(order[0], shape)
    native = all(one.dtype == computed and one.flags.aligned for one in components)
    sources = [Source(one, order, computed, far, readable=native) for one in components]
    plan = _plan_for(request, sources, shape, order)
    if plan.packed:
        for source in sources:
            source.readable = False
        plan = _plan_for(request, sources, shape, order)
    fits = all(one.dtype == computed and one.strides == results[0].strides and is_dense(one) for one in results)
    workers = _threads.for_work(threads, plan.seconds)
    marks = np.zeros(-(-plan.size // CORE.CHUNK), np.uint8) if call.one_sided else None
    streamed = fits and given and plan.nbytes >= STREAMED_BYTES
    inner = plan.size // extent
    rows = extent if fits and sources[0].readable else rows_of(shape, order, computed.itemsize, far)
    for start in range(0, extent, rows):
        stop = min(start + rows, extent)
        inputs, origins = zip(*(source.rows(start, stop) for source in sources), strict=True)
        begin, end = start * inner, stop * inner
        if fits:
            outputs = list(map(real_view, results))
            plan.sweep.run(inputs, outputs, workers, streamed, begin, end, origins, 0, marks)
            continue
        here = (slice(None),) * lead + (slice(start, stop),)
        windows = [empty(results[0][here].shape, order, computed) for _ in results]
        plan.sweep.run(inputs, list(map(real_view, windows)), workers, False, begin, end, origins, begin, marks)
        _move(windows, [result[here] for result in results])
    if marks is not None and marks.any():
        repair(request, components, results, order, marks=marks)


def _plan_for(request: Request, sources: list[Source], shape: tuple[int, ...], order: list[int]) -> Plan:
    dtype = sources[0].dtype
    strides = dense_strides(shape, order, dtype.itemsize)
    if dtype.kind == "c":
        shape, strides = (*shape, 2), (*strides, dtype.itemsize // 2)
    return find(request, shape, tuple(source.strides for source in sources), strides, dtype.char.lower())


def _move(outputs: list[Array], results: list[Array]) -> None:
    """Copy what was computed in another dtype or layout to where it belongs."""
    with np.errstate(all="ignore"):
        for result, output in zip(results, outputs, strict=True):
            real = result.dtype.kind != "c" and output.dtype.kind == "c"  # a norm or an error
            np.copyto(result, np.abs(output) if real else output, casting="same_kind")
