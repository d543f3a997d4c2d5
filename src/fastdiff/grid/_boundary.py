"""What lies beyond the ends of an axis.

A boundary continues the samples by *ghosts*: the k-th beyond an end is a combination of samples, counted from that
end inwards, and of the value of a constant. A one-sided boundary has none. Closures are then the formula of the
interior, with its ghosts put in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .. import _checks

# Coefficients of the samples by their distance from the end, and that of the constant.
Ghost: TypeAlias = tuple[dict[int, int], int]


class Boundary(NamedTuple):
    """A rule by its name, and what it needs: a period or a value."""

    rule: str
    value: Any = None


def _reflect(k: int, extent: int) -> Ghost:
    return {k: 1}, 0


def _antireflect(k: int, extent: int) -> Ghost:
    return {0: 2, k: -1}, 0


def _periodic(k: int, extent: int) -> Ghost:
    return {extent - k: 1}, 0


def _constant(k: int, extent: int) -> Ghost:
    return {}, 1


# The ghosts of each rule: the k-th beyond an end of an axis of `extent` points, k from 1 to extent - 1.
GHOSTS: dict[str, Callable[[int, int], Ghost]] = {
    "reflect": _reflect,
    "antireflect": _antireflect,
    "periodic": _periodic,
    "constant": _constant,
}
ONE_SIDED = Boundary("one-sided")
Sides: TypeAlias = tuple[Boundary, Boundary]

_GRAMMAR = (
    "'one-sided', 'periodic', ('periodic', period), 'reflect', 'antireflect' or ('constant', value), or a dict of "
    "these, or of (low, high) pairs of these, by axis"
)


def ghost(sides: Sides, node: int, extent: int) -> tuple[dict[int, int], tuple[int, Any]]:
    """Return what stands for `node` outside the axis: coefficients by sample; that of the constant, and its value."""
    boundary, k = (sides[0], -node) if node < 0 else (sides[1], node - extent + 1)
    samples, outside = GHOSTS[boundary.rule](k, extent)
    if node >= extent:
        samples = {extent - 1 - place: factor for place, factor in samples.items()}
    return samples, (outside, boundary.value)


def parse(boundary: Any, axes: tuple[int, ...], ndim: int) -> tuple[Sides, ...]:
    """Judge `boundary`; return both sides of each of `axes`."""
    if not isinstance(boundary, dict):
        return (_sides("boundary", boundary, pairs=False),) * len(axes)
    given: dict[int, Sides] = {}
    for key, rule in boundary.items():
        if not isinstance(key, int | np.integer) or isinstance(key, bool):
            raise TypeError(f"`boundary` must have axes, which are integers, as its keys, got {key!r}")
        axis = _checks.integer("boundary", key, least=-ndim, most=ndim - 1, where=" where it names an axis") % ndim
        if axis not in axes:
            raise ValueError(f"`boundary` must name axes that are differentiated, {_listed(axes)}, got axis {key}")
        if axis in given:
            raise ValueError(f"`boundary` must name each axis once, got axis {axis} twice: {list(boundary)}")
        given[axis] = _sides(f"boundary[{key}]", rule, pairs=True)
    return tuple(given.get(axis, (ONE_SIDED, ONE_SIDED)) for axis in axes)


def _listed(axes: Iterable[int]) -> str:
    return ", ".join(map(str, axes))


def _sides(name: str, rule: Any, *, pairs: bool) -> Sides:
    if pairs and isinstance(rule, tuple | list) and len(rule) == 2 and all(map(_names_a_rule, rule)):
        low, high = (_rule(f"{name}[{side}]", one) for side, one in enumerate(rule))
    else:
        if isinstance(rule, tuple | list) and len(rule) == 2 and all(map(_names_a_rule, rule)):
            raise ValueError(f"`{name}` must name the axis of a (low, high) pair, as in {{0: {rule!r}}}, got {rule!r}")
        low = high = _rule(name, rule)
    if (low.rule == "periodic") != (high.rule == "periodic") or (low.rule == "periodic" and low != high):
        raise ValueError(f"`{name}` must be periodic on both sides or neither, got {rule!r}")
    return low, high


def _names_a_rule(part: Any) -> bool:
    return isinstance(part, tuple | list) or (isinstance(part, str) and (part in GHOSTS or part == ONE_SIDED.rule))


def _rule(name: str, rule: Any) -> Boundary:
    value = None
    word = rule
    if isinstance(rule, tuple | list) and len(rule) == 2:
        word, value = rule
    if not isinstance(word, str) or (word != "one-sided" and word not in GHOSTS):
        raise ValueError(f"`{name}` must be {_GRAMMAR}, got {rule!r}")
    if word == "constant":
        if value is None:
            raise ValueError(f"`{name}` must have the value of the samples outside, ('constant', value), got {rule!r}")
        return Boundary(word, _number(f"{name}", value))
    if value is None:
        return Boundary(word)
    if word != "periodic":
        raise ValueError(f"`{name}` must be {word!r} alone, which takes no value, got {rule!r}")
    period = _number(name, value)
    if isinstance(period, complex) or not period > 0:
        raise ValueError(f"`{name}` must have a positive period, got {rule!r}")
    return Boundary(word, period)


def _number(name: str, value: Any) -> float | complex:
    """Return a finite number."""
    number = np.asarray(value)
    if number.ndim or number.dtype.kind not in "iufc":
        raise TypeError(f"`{name}` must have a number as its second part, got {value!r:.80}")
    result: float | complex = complex(number) if number.dtype.kind == "c" else float(number)
    if not np.isfinite(result):
        raise ValueError(f"`{name}` must have a finite number as its second part, got {value!r}")
    return result
