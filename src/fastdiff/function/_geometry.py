"""Where the ladders of the adaptive method sample f."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from .._typing import Array, FloatArray, IntpArray
from ._evaluate import Batch
from ._ladders import NO_STEP, START, Placement
from ._patterns import Pattern
from ._steps import Box


class Geometry(Protocol):
    """Where the ladders of a run sample f.

    Attributes
    ----------
    patterns : tuple of Pattern
        What a level samples, by side.
    certain : int
        So many levels no verdict can do without: where calls are dear they are asked at once.
    units : ndarray, shape (ladders, arms), or None
        The step of an arm over that of the ladder; None where there is one arm.
    """

    patterns: tuple[Pattern, ...]
    certain: int
    units: FloatArray | None

    def place(self, asked: Array) -> tuple[Batch, FloatArray]:
        """Return the samples that are asked for, ladder after ladder, and what each quotient is divided by."""

    def collect(self, asked: Array, values: Array) -> Array:
        """Return the values ladder after ladder, shape (samples, outputs)."""


@np.errstate(all="ignore")
def together(starts: Array) -> tuple[Array, FloatArray]:
    """Return where ladders with several arms, shape (ladders, arms), begin, and the units of their arms.

    The first step of every arm is that of exponent 0; from there they fall together.
    """
    units = np.ldexp(starts["unit"], starts["first"])
    start = np.zeros(len(starts), START)
    start["unit"] = 1.0
    start["argument"] = (starts["argument"] / units).max(axis=1)
    other = np.where(starts["other"] == NO_STEP, 0, starts["other"] - starts["first"]).min(axis=1)
    start["other"] = np.where(other < 0, other, NO_STEP)
    start["cap"] = (starts["cap"] - starts["first"]).min(axis=1)
    start["floor"] = (starts["floor"] - starts["first"]).max(axis=1)
    return start, units


def _owners(asked: Array, patterns: tuple[Pattern, ...]) -> tuple[IntpArray, FloatArray]:
    """Return the row of `asked` that each own sample belongs to, and its offsets, shape (samples, arms)."""
    if (asked["side"] == asked["side"][0]).all():
        offsets = patterns[asked["side"][0]].offsets
        return np.repeat(np.arange(len(asked)), len(offsets)), np.tile(offsets, (len(asked), 1))
    chosen = [patterns[side].offsets for side in asked["side"]]
    return np.repeat(np.arange(len(asked)), [len(offsets) for offsets in chosen]), np.concatenate(chosen)


def in_proportion(asked: Array, units: FloatArray | None) -> FloatArray:
    """Return the steps along the arms, shape (ladders, arms).

    Those of a probe have another proportion: along one line through the arms f may be smooth by chance.
    """
    steps: FloatArray = asked["step"][:, None]
    if units is None:
        return steps
    steps = steps * units[asked["id"]]
    steps[asked["probe"] != 0, 1:] /= 4
    return steps


class Arms:
    """Ladders that move some coordinates, each in steps of its own, or a direction.

    Parameters
    ----------
    x : ndarray, shape (n,)
        The point.
    box : Box
        Its bounds.
    patterns : tuple of Pattern
        By side; their samples have an offset for each arm.
    coordinates : ndarray of intp, shape (ladders, arms)
        What each arm moves.
    units : ndarray, shape (ladders, arms), or None
        The step of an arm over that of the ladder; None where there is one arm.
    powers : ndarray, shape (arms,)
        The derivative order along each arm.
    """

    certain = 3

    def __init__(
        self,
        x: FloatArray,
        box: Box,
        patterns: tuple[Pattern, ...],
        coordinates: IntpArray,
        units: FloatArray | None,
        powers: tuple[int, ...],
    ) -> None:
        self.x, self.box, self.patterns = x, box, patterns
        self.coordinates, self.units = coordinates, units
        self._placement = Placement(x, box.lower, box.upper, patterns, np.array(powers, np.intp))

    def place(self, asked: Array) -> tuple[Batch, FloatArray]:
        """Return the samples that are asked for, ladder after ladder, and what each quotient is divided by."""
        steps, where = in_proportion(asked, self.units), self.coordinates[asked["id"]]
        indptr, indices, values, divisor = self._placement.place(asked["side"], where, steps)
        return Batch(self.x[None], None, indptr, indices, values), divisor

    def collect(self, asked: Array, values: Array) -> Array:
        """Return the values as they are."""
        return values


class Lines:
    """Ladders along a direction v, and at will along a coordinate as well: their points differ from x everywhere."""

    certain = 3
    units: FloatArray | None

    def __init__(
        self,
        x: FloatArray,
        box: Box,
        patterns: tuple[Pattern, ...],
        v: FloatArray,
        units: FloatArray,
        coordinates: IntpArray | None = None,
    ) -> None:
        self.x, self.box, self.patterns = x, box, patterns
        self.v, self.units, self.coordinates = v, units, coordinates

    def place(self, asked: Array) -> tuple[Batch, FloatArray]:
        """Return the samples that are asked for, ladder after ladder, and what each quotient is divided by."""
        rows, offsets = _owners(asked, self.patterns)
        steps = in_proportion(asked, self.units)
        moves = offsets * steps[rows]
        points = self.x + moves[:, :1] * self.v
        if self.coordinates is not None:
            points[np.arange(len(rows)), self.coordinates[asked["id"]][rows]] += moves[:, 1]
        return Batch(np.clip(points, self.box.lower, self.box.upper)), np.prod(steps, axis=1)

    def collect(self, asked: Array, values: Array) -> Array:
        """Return the values as they are."""
        return values


class Entries:
    """Ladders of the entries of an elementwise f: one call moves them all, each by a step of its own."""

    certain = 3
    units: FloatArray | None = None

    def __init__(self, x: FloatArray, box: Box, patterns: tuple[Pattern, ...], indices: IntpArray) -> None:
        self.x, self.box, self.patterns, self.indices = x, box, patterns, indices
        self._placement = Placement(x, box.lower, box.upper, patterns, np.array([patterns[0].order]))

    def place(self, asked: Array) -> tuple[Batch, FloatArray]:
        """Return the samples that are asked for, one call for each, and what each quotient is divided by."""
        rows, offsets = _owners(asked, self.patterns)
        entries = self.indices[asked["id"]]
        calls = self._calls(rows)
        points = np.repeat(self.x[None], calls.max() + 1, axis=0)
        points[calls, entries[rows]] += offsets[:, 0] * asked["step"][rows]
        divisor = self._placement.place(asked["side"], entries, asked["step"])[-1]
        return Batch(np.clip(points, self.box.lower, self.box.upper)), divisor

    def collect(self, asked: Array, values: Array) -> Array:
        """Return the values ladder after ladder, shape (samples, 1)."""
        rows, _ = _owners(asked, self.patterns)
        own: Array = values[self._calls(rows), self.indices[asked["id"]][rows]][:, None]
        return own

    @staticmethod
    def _calls(rows: IntpArray) -> IntpArray:
        """Return which sample of its ladder each sample is."""
        calls: IntpArray = np.arange(len(rows)) - np.searchsorted(rows, rows)
        return calls
