"""Runs a plan on memory.

Makes the outputs in NumPy's layout, packs inputs that the kernels can't read, copies to an `out` that they can't write.
"""

from __future__ import annotations

from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .. import _threads
from .._typing import Array
from ._door import Call, check_out
from ._operators import Sum, arranged
from ._plan import Plan, Request, find

# Given outputs of more bytes are written past the cache: twice as fast from 32 MiB on, even from 4 to 16,
# slower below. Never derived from the reported cache size, as a virtual machine reports its host's. Fresh
# outputs pay page faults, which the cache helps with.
STREAMED_BYTES = 24 << 20


# The dtype of the kernels' real and complex views, for each native dtype character.
_COMPUTED = {char: np.dtype(computed) for char, computed in zip("efdFD", "ffdFD", strict=True)}
_REAL = {"f": "f", "d": "d", "F": "f", "D": "d"}


class GridResult(NamedTuple):
    """A result and its error, both in the structure that the operator returns."""

    value: Any
    error: Any


def solve(call: Call, out: Any, threads: int | None, inputs: tuple[Any, ...]) -> Any:
    """Return the result of a judged call, in `out` if given; `inputs` are what `out` must not overlap."""
    request, model = call.request, call.components[0]
    structures = (call.structure,) * (1 + request.estimate)
    targets: list[dict[Sum, list[Array]]] = []
    if out is not None:
        inputs = (*inputs, *call.components, *call.coordinates)
        targets = check_out(out, structures, model, inputs)
    first = [found[entry][0] for found in targets for entry in request.entries] if targets else None
    outputs = _outputs(request, call.components, first, threads) if request.entries else []
    if out is not None:
        for found in targets:
            for copies in found.values():
                for copy in copies[1:]:
                    copy[...] = copies[0]
        return out
    count = len(request.entries)
    parts = [
        arranged(structure, dict(zip(request.entries, outputs[k * count :], strict=False)))
        for k, structure in enumerate(structures)
    ]
    return GridResult(*parts) if request.estimate else parts[0]


def _outputs(
    request: Request, components: tuple[Array, ...], targets: list[Array] | None, threads: int | None
) -> list[Array]:
    """Return the outputs of a request, in `targets` if given."""
    model = components[0]
    computed = _COMPUTED[model.dtype.char]
    direct = model.dtype == computed
    count = len(request.entries) * (1 + request.estimate)
    outputs = [np.empty_like(model, dtype=computed)]
    if targets is not None and direct and _fit(targets, model.shape):
        outputs = targets
    else:
        outputs += [np.empty_like(outputs[0]) for _ in range(count - 1)]
    sources = [
        one if one.dtype == computed and one.flags.aligned else _packed(one, outputs[0]) for one in components
    ]
    views = outputs
    if computed.kind == "c":
        sources, views = list(map(_real_view, sources)), list(map(_real_view, outputs))
    strides = tuple(source.strides for source in sources)
    plan = find(request, sources[0].shape, strides, views[0].strides, _REAL[computed.char])
    _run(plan, sources, views, threads, given=targets is not None)
    return outputs if outputs is targets or (targets is None and direct) else _moved(outputs, targets, model)


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


def _packed(data: Array, like: Array) -> Array:
    """Return a copy of `data` in the layout and dtype of `like`."""
    packed = np.empty_like(like, subok=False)
    np.copyto(packed, data, casting="same_kind")
    return packed


def _moved(outputs: list[Array], targets: list[Array] | None, model: Array) -> list[Array]:
    """Copy what was computed in another dtype or layout to where it belongs."""
    if targets is None:
        targets = [np.empty_like(model) for _ in outputs]
    with np.errstate(all="ignore"):
        for target, output in zip(targets, outputs, strict=True):
            np.copyto(target, output, casting="same_kind")
    return targets


def _run(plan: Plan, inputs: list[Array], outputs: list[Array], threads: int | None, *, given: bool) -> None:
    if outputs[0].size == 0:
        return
    if plan.packed:
        inputs = [_packed(one, outputs[0]) for one in inputs]
    workers = _threads.for_work(threads, plan.seconds)
    plan.sweep.run(inputs, outputs, workers, given and plan.nbytes >= STREAMED_BYTES, 0, plan.size)
