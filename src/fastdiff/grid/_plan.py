"""Frozen plans: how inputs of one layout become the entries of a result, dense outputs of one layout.

A plan knows shapes, strides and spacings, no memory. It is made once and kept for the next call; what depends on the
layout alone is kept by itself, for calls whose spacing changes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

from .. import _kernels
from ._program import ITEMSIZE, Program, geometry
from ._request import Ints, Request

# What one step costs one thread for each element, roughly; decides whether threads are worth waking.
_SECONDS_PER_ELEMENT = 0.7e-9


class Plan(NamedTuple):
    """What is run, and what is known about its cost."""

    sweep: Any
    size: int
    packed: bool
    seconds: float
    nbytes: int


@lru_cache(maxsize=256)
def _plan(request: Request, shape: Ints, strides: tuple[Ints, ...], out_strides: Ints, char: str) -> Plan:
    found = geometry(shape, strides, out_strides, ITEMSIZE[char], request.axes)
    program = Program(request, found, char)
    program.build()
    sweep = _kernels.core.Sweep(  # type: ignore[union-attr]
        found.counts, found.strides, program.scratch, program.steps, program.tiles()
    )
    seconds = found.size * len(program.steps) * _SECONDS_PER_ELEMENT
    nbytes = found.size * request.outputs * ITEMSIZE[char]
    return Plan(sweep, found.size, found.packed, seconds, nbytes)


def find(request: Request, *layout: Any) -> Plan:
    """Return a plan, kept from an earlier call if there is one.

    With long coordinates, which are not kept, the plan is new.
    """
    try:
        return _plan(request, *layout)
    except TypeError:  # an array can't be looked up
        return _plan.__wrapped__(request, *layout)
