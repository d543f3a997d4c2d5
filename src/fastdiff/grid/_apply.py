"""Runs a plan on memory.

Makes the outputs in NumPy's layout, packs an input that the kernels can't read, copies to an `out` that they
can't write.
"""

from __future__ import annotations

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .. import _threads
from .._typing import Array
from ._door import Field
from ._plan import Plan, RulesOf, find

# Given outputs of more bytes are written past the cache: twice as fast from 32 MiB on, even from 4 to 16,
# slower below. Never derived from the reported cache size, as a virtual machine reports its host's. Fresh
# outputs pay page faults, which the cache helps with.
STREAMED_BYTES = 24 << 20


# The dtype of the kernels' real and complex views, for each native dtype character.
_COMPUTED = {char: np.dtype(computed) for char, computed in zip("efdFD", "ffdFD", strict=True)}
_REAL = {"f": "f", "d": "d", "F": "f", "D": "d"}


def apply(
    rules_of: RulesOf, field: Field, parameter: int, targets: list[Array] | None, threads: int | None
) -> list[Array]:
    """Return the derivatives along the axes of `field`, in `targets` if given."""
    data, count = field.data, len(field.axes)
    computed = _COMPUTED[data.dtype.char]
    direct = data.dtype == computed
    outputs = [np.empty_like(data, dtype=computed)]
    if targets is not None and direct and _fit(targets, outputs[0]):
        outputs = targets
    else:
        outputs += [np.empty_like(data, dtype=computed) for _ in range(count - 1)]
    source = data if direct and data.flags.aligned else _packed(data, outputs[0])
    source, *views = map(_real_view, (source, *outputs)) if computed.kind == "c" else (source, *outputs)
    plan = find(
        rules_of,
        field.tokens,
        source.shape,
        source.strides,
        views[0].strides,
        _REAL[computed.char],
        field.axes,
        parameter,
    )
    _run(plan, source, views, threads, given=targets is not None)
    return outputs if outputs is targets or (targets is None and direct) else _moved(outputs, targets, data)


def _fit(targets: list[Array], like: Array) -> bool:
    """Whether the kernels can write to `targets` themselves: laid out as they would lay out their own."""
    return all(target.strides == like.strides and target.flags.aligned for target in targets)


def _real_view(array: Array) -> Array:
    """Return complex data as real numbers with a trailing axis of 2."""
    part = array.real
    return as_strided(part, (*array.shape, 2), (*array.strides, part.itemsize))


def _packed(data: Array, like: Array) -> Array:
    """Return a copy of `data` in the layout and dtype of `like`."""
    packed = np.empty_like(like, subok=False)
    np.copyto(packed, data, casting="same_kind")
    return packed


def _moved(outputs: list[Array], targets: list[Array] | None, data: Array) -> list[Array]:
    """Copy what was computed in another dtype or layout to where it belongs."""
    if targets is None:
        targets = [np.empty_like(data) for _ in outputs]
    with np.errstate(all="ignore"):
        for target, output in zip(targets, outputs, strict=True):
            np.copyto(target, output, casting="same_kind")
    return targets


def _run(plan: Plan, data: Array, outputs: list[Array], threads: int | None, *, given: bool) -> None:
    if data.size == 0:
        return
    if plan.packed:
        data = _packed(data, outputs[0])
    workers = _threads.for_work(threads, plan.seconds)
    plan.sweep.run(data, outputs, workers, given and plan.nbytes >= STREAMED_BYTES)
