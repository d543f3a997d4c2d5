"""Frozen plans: how an input of one layout is differentiated along its axes into dense outputs of one layout.

A plan knows shapes, strides and spacings, no memory. It is made once and kept for the next call; what depends
on the layout alone is kept by itself, for calls whose spacing changes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from math import prod
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import _kernels
from .._typing import Array
from ._spacing import AxisRules, Scalar

Ints: TypeAlias = tuple[int, ...]
RulesOf: TypeAlias = Callable[[Any, str, int], AxisRules]
# A spacing that can be looked up. Its type counts too: 1 == 1.0 == np.float32(1), and each makes other bits.
Token: TypeAlias = tuple[type, Scalar] | tuple[str, bytes | Array]

# Rows shorter than this are not worth starting a run for.
_SHORT = 16
# Lines shorter than this are differentiated position by position, across many of them.
_SHORT_LINE = 32
# What one output element costs one thread, roughly; decides whether threads are worth waking.
_SECONDS_PER_ELEMENT = 0.7e-9

_TYPES = {("f", "f"): 0, ("f", "d"): 1, ("d", "d"): 2}
_ITEMSIZE = {"f": 4, "d": 8}


class AxisGeometry(NamedTuple):
    """How an axis lies in memory: its extent, the distance of neighbours in the outputs and in the input."""

    extent: int
    inner: int
    stride: int
    by_column: bool


class Geometry(NamedTuple):
    """The loops over the input, and the axes; `packed` if it is to be copied to the outputs' layout first."""

    counts: list[int]
    strides: list[int]
    packed: bool
    axes: tuple[AxisGeometry, ...]
    size: int


class Plan(NamedTuple):
    """What is run, and what is known about its cost."""

    sweep: Any
    packed: bool
    seconds: float
    nbytes: int


@lru_cache(maxsize=512)
def _geometry(shape: Ints, strides: Ints, out_strides: Ints, itemsize: int, axes: Ints) -> Geometry:
    # The axes of more than one point, from the outermost to the innermost of the outputs.
    order = [axis for axis, extent in enumerate(shape) if extent > 1]
    order.sort(key=lambda axis: -out_strides[axis])
    counts, steps = _loops(shape, strides, itemsize, order)
    unaligned = any(stride % itemsize for stride in strides)
    packed = unaligned or (len(counts) > 1 and counts[-1] < _SHORT)
    if packed:
        strides = out_strides
        counts, steps = _loops(shape, strides, itemsize, order)
    found = []
    for axis in axes:
        inner = prod(shape[other] for other in order[order.index(axis) + 1 :])
        by_column = shape[axis] * inner <= min(_SHORT_LINE, counts[-1] // 2)
        found.append(AxisGeometry(shape[axis], inner, strides[axis] // itemsize, by_column))
    return Geometry(counts, steps, packed, tuple(found), prod(shape) * len(axes))


def _loops(shape: Ints, strides: Ints, itemsize: int, order: list[int]) -> tuple[list[int], list[int]]:
    """Return counts and element strides of the loops over the input, each stretch of memory merged to one."""
    counts, steps = [1], [1]
    for axis in reversed(order):
        extent, stride = shape[axis], strides[axis] // itemsize
        if counts[0] == 1:
            counts[0], steps[0] = extent, stride
        elif stride == counts[0] * steps[0]:
            counts[0] *= extent
        else:
            counts.insert(0, extent)
            steps.insert(0, stride)
    return counts, steps


def _build(geometry: Geometry, rules: list[AxisRules], char: str) -> Plan:
    axes = [
        (_TYPES[char, rule.char], *axis, rule.low, rule.interior, rule.high)
        for axis, rule in zip(geometry.axes, rules, strict=True)
    ]
    sweep = _kernels.core.Sweep(geometry.counts, geometry.strides, axes)  # type: ignore[union-attr]
    seconds = geometry.size * _SECONDS_PER_ELEMENT
    return Plan(sweep, geometry.packed, seconds, geometry.size * _ITEMSIZE[char])


def _spacing(token: Token) -> Any:
    kind, value = token
    return np.frombuffer(value, dtype=kind) if isinstance(value, bytes) else value


@lru_cache(maxsize=256)
def _plan(
    rules_of: RulesOf,
    tokens: tuple[Token, ...],
    shape: Ints,
    strides: Ints,
    out_strides: Ints,
    char: str,
    axes: Ints,
    parameter: int,
) -> Plan:
    rules = [rules_of(_spacing(token), char, parameter) for token in tokens]
    return _build(_geometry(shape, strides, out_strides, _ITEMSIZE[char], axes), rules, char)


def find(rules_of: RulesOf, tokens: tuple[Token, ...], *key: Any) -> Plan:
    """Return a plan, kept from an earlier call if there is one.

    `rules_of` makes the rules of an axis from its spacing, the dtype and the edge order or the accuracy. With long
    coordinates the plan is new, as a look-up would cost as much.
    """
    short = not any(type(value) is np.ndarray for _, value in tokens)
    plan: Plan = (_plan if short else _plan.__wrapped__)(rules_of, tokens, *key)
    return plan
