"""Runs a plan on memory.

Makes the outputs in NumPy's layout, packs inputs that the kernels can't read, copies to an `out` that they can't write.
"""

from __future__ import annotations

from functools import partial
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .. import _kernels, _threads
from .._typing import Array
from ._door import Call, check_out
from ._gaps import repair
from ._mixed import mixed
from ._operators import Sum, arranged, is_pure
from ._plan import Request, find, laid_like
from ._rules import CORE

# Given outputs of more bytes are written past the cache: twice as fast from 32 MiB on, even from 4 to 16,
# slower below. Never derived from the reported cache size, as a virtual machine reports its host's. Fresh
# outputs pay page faults, which the cache helps with.
STREAMED_BYTES = 24 << 20

# The dtype of the kernels' real and complex views, for each native dtype character.
_COMPUTED = {char: np.dtype(computed) for char, computed in zip("efdFD", "ffdFD", strict=True)}


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
    request, model = call.request, call.components[0]
    real = model.real.dtype
    dtypes = (real if request.norm else model.dtype, *((real,) if request.unit else ()))
    targets: list[dict[Sum, list[Array]]] = []
    if out is not None:
        inputs = (*inputs, *call.components, *call.coordinates)
        targets = check_out(out, call.structure, model.shape, dtypes, inputs)
    given = [found[entry][0] for found in targets for entry in request.entries]
    results = _results(call, dtypes, given, threads) if request.entries else []
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
    computed = _COMPUTED[model.dtype.char]
    direct = all(dtype == computed for dtype in dtypes)
    if given and direct and _fit(given, model.shape):
        outputs = given
    else:
        outputs = [np.empty_like(model, dtype=computed)]
        outputs += [np.empty_like(outputs[0]) for _ in range(request.outputs - 1)]
    sources = tuple(
        one if one.dtype == computed and one.flags.aligned else laid_like(outputs[0], one) for one in call.components
    )
    _compute(call, sources, outputs, threads, streamed=outputs is given)
    if not given and direct:
        return outputs
    wanted = [dtype for dtype in dtypes for _ in request.entries]
    results = given or [np.empty_like(model, dtype=dtype) for dtype in wanted]
    if outputs is not given:
        _move(outputs, results)
    return results


def _compute(
    call: Call, sources: tuple[Array, ...], outputs: list[Array], threads: int | None, *, streamed: bool
) -> None:
    if outputs[0].size == 0:
        return
    request = call.request
    views, data = outputs, sources
    if sources[0].dtype.kind == "c":
        views, data = [_real_view(one) for one in outputs], tuple(map(_real_view, sources))
    count = len(request.entries)
    whole = [k for k, entry in enumerate(request.entries) if all(is_pure(term) for term in entry.terms)]
    for k in range(count):
        if k not in whole:
            (term,) = request.entries[k].terms
            part = request._replace(entries=(Sum((term._replace(component=0),)),))
            workers = partial(_threads.for_work, threads)
            mixed(part, data[term.component], views[k::count], workers, one_sided=call.one_sided)
    if whole:
        part = request if len(whole) == count else request._replace(entries=tuple(request.entries[k] for k in whole))
        chosen = [k + half for half in range(0, request.outputs, count) for k in whole]
        marks = _run(part, data, [views[k] for k in chosen], threads, streamed=streamed, marked=call.one_sided)
        if marks is not None and marks.any():
            repair(part, sources, [outputs[k] for k in chosen], marks=marks)


def _run(
    request: Request,
    inputs: tuple[Array, ...],
    outputs: list[Array],
    threads: int | None,
    *,
    streamed: bool,
    marked: bool,
) -> Array | None:
    """Sweep over whole arrays; return where gaps are if wanted."""
    plan = find(
        request, inputs[0].shape, tuple(one.strides for one in inputs), outputs[0].strides, inputs[0].dtype.char
    )
    if plan.packed:
        inputs = tuple(laid_like(outputs[0], one) for one in inputs)
    workers = _threads.for_work(threads, plan.seconds)
    marks = np.zeros(-(-plan.size // CORE.CHUNK), np.uint8) if marked else None
    streamed = streamed and plan.nbytes >= STREAMED_BYTES
    plan.sweep.run(inputs, outputs, workers, streamed, 0, plan.size, gaps=marks)
    return marks


def _fit(targets: list[Array], shape: tuple[int, ...]) -> bool:
    """Whether the kernels can write to `targets` themselves: dense, and all laid out alike."""
    first = targets[0]
    alike = all(target.strides == first.strides and target.flags.aligned for target in targets)
    if not alike or first.size == 0:
        return alike
    extents = sorted((stride, extent) for stride, extent in zip(first.strides, shape, strict=True) if extent > 1)
    dense = [first.itemsize * prod(extent for _, extent in extents[:k]) for k in range(len(extents))]
    return [stride for stride, _ in extents] == dense


def _real_view(array: Array) -> Array:
    """Return complex data as real numbers with a trailing axis of 2."""
    part = array.real
    return as_strided(part, (*array.shape, 2), (*array.strides, part.itemsize))


def _move(outputs: list[Array], results: list[Array]) -> None:
    """Copy what was computed in another dtype or layout to where it belongs."""
    with np.errstate(all="ignore"):
        for result, output in zip(results, outputs, strict=True):
            real = result.dtype.kind != "c" and output.dtype.kind == "c"  # a norm or an error
            np.copyto(result, np.abs(output) if real else output, casting="same_kind")
