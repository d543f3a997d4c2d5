"""Frozen plans: how an input of one layout is differentiated along its axes into dense outputs of one layout.

A plan knows shapes, strides and spacings, no memory; it is made once and kept for the next call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any, TypeAlias

import numpy as np

from .. import _kernels
from .._typing import Array
from ._spacing import AxisRules, Rule, Scalar, accurate_rules, numpy_rules

Ints: TypeAlias = tuple[int, ...]
# A spacing that can be looked up: the type counts too, as 1 == 1.0 == np.float32(1) and each makes other bits.
Token: TypeAlias = "tuple[type, Scalar] | tuple[str, bytes] | tuple[str, Array]"

# Rows shorter than this are not worth starting a run for.
_SHORT = 16
# Lines shorter than this are differentiated position by position, across many of them.
_SHORT_LINE = 32
# What one output element costs one thread, roughly; decides whether threads are worth waking.
_SECONDS_PER_ELEMENT = 0.7e-9

_TYPES = {("f", "f"): 0, ("f", "d"): 1, ("d", "d"): 2}


@dataclass(frozen=True, slots=True)
class Layout:
    """Shape, the strides of the input and those of the dense outputs in bytes, and the data type."""

    shape: Ints
    strides: Ints
    out_strides: Ints
    char: str

    @property
    def order(self) -> list[int]:
        """The axes of more than one point from the outermost to the innermost of the outputs."""
        axes = [axis for axis, extent in enumerate(self.shape) if extent > 1]
        return sorted(axes, key=lambda axis: -self.out_strides[axis])

    @property
    def itemsize(self) -> int:
        """Bytes of an element."""
        return 4 if self.char == "f" else 8

    def loops(self) -> tuple[list[int], list[int]]:
        """Return counts and element strides of the loops over the input, those that are one stretch merged."""
        counts, strides = [1], [1]
        for axis in reversed(self.order):
            extent, stride = self.shape[axis], self.strides[axis] // self.itemsize
            if counts[0] == 1:
                counts[0], strides[0] = extent, stride
            elif stride == counts[0] * strides[0]:
                counts[0] *= extent
            else:
                counts.insert(0, extent)
                strides.insert(0, stride)
        return counts, strides


@dataclass(frozen=True, slots=True)
class Plan:
    """What `apply` runs; `packed` if it wants a copy of the input in the layout of the outputs."""

    sweep: Any
    packed: bool
    seconds: float
    nbytes: int


def _build(layout: Layout, axes: Ints, rules: list[AxisRules]) -> Plan:
    counts, strides = layout.loops()
    unaligned = any(stride % layout.itemsize for stride in layout.strides)
    packed = unaligned or (len(counts) > 1 and counts[-1] < _SHORT)
    if packed:
        layout = Layout(layout.shape, layout.out_strides, layout.out_strides, layout.char)
        counts, strides = layout.loops()
    order = layout.order
    sweep = _kernels.core.Sweep(  # type: ignore[union-attr]
        counts,
        strides,
        [_axis(layout, order, axis, counts[-1], rule) for axis, rule in zip(axes, rules, strict=True)],
    )
    size = prod(layout.shape) * len(axes)
    return Plan(sweep, packed, size * _SECONDS_PER_ELEMENT, size * layout.itemsize)


def _axis(layout: Layout, order: list[int], axis: int, row: int, rules: AxisRules) -> tuple[Any, ...]:
    """Return an axis as the kernels take it: offsets counted in elements of the input."""
    extent = layout.shape[axis]
    inner = prod(layout.shape[other] for other in order[order.index(axis) + 1 :])
    stride = layout.strides[axis] // layout.itemsize

    def scaled(rule: Rule) -> Rule:
        plus, minus = (tuple(offset * stride for offset in side) for side in (rule.plus, rule.minus))
        return Rule(rule.kind, plus, minus, rule.weights)

    return (
        _TYPES[layout.char, rules.dtype.char],
        extent * inner <= min(_SHORT_LINE, row // 2),
        extent,
        inner,
        tuple(map(scaled, rules.low)),
        scaled(rules.interior),
        tuple(map(scaled, rules.high)),
    )


def _spacing(token: Token) -> Any:
    kind, value = token
    return np.frombuffer(value, dtype=kind) if isinstance(value, bytes) else value


@lru_cache(maxsize=512)
def numpy_plan(
    shape: Ints,
    strides: Ints,
    out_strides: Ints,
    char: str,
    axes: Ints,
    tokens: tuple[Token, ...],
    edge_order: int,
) -> Plan | None:
    """Return the plan of the NumPy mode, or None where NumPy itself must serve."""
    rules = []
    with np.errstate(all="ignore"):
        for token in tokens:
            try:
                rule = numpy_rules(_spacing(token), np.dtype(char), edge_order)
            except ArithmeticError:  # NumPy meets it too, and raises it
                return None
            if rule is None:
                return None
            rules.append(rule)
    return _build(Layout(shape, strides, out_strides, char), axes, rules)


@lru_cache(maxsize=512)
def accurate_plan(
    shape: Ints,
    strides: Ints,
    out_strides: Ints,
    char: str,
    axes: Ints,
    tokens: tuple[Token, ...],
    accuracy: int,
) -> Plan | None:
    """Return the plan of order `accuracy` in every row."""
    with np.errstate(all="ignore"):
        rules = [accurate_rules(_spacing(token), np.dtype(char), accuracy) for token in tokens]
    return _build(Layout(shape, strides, out_strides, char), axes, rules)


PlanMaker: TypeAlias = Callable[[Ints, Ints, Ints, str, Ints, tuple[Token, ...], int], "Plan | None"]


def find(make: Any, *key: Any) -> Plan | None:
    """Return a plan from the cache of `make`; one of long coordinates is made anew, as looking it up costs as much."""
    try:
        plan: Plan | None = make(*key)
    except TypeError:  # a token holds an array
        plan = make.__wrapped__(*key)
    return plan
