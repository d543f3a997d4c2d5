"""The geometry of adaptive Hessians: samples along the axes, which the pairs of axes borrow."""

from __future__ import annotations

from itertools import product

import numpy as np

from .._typing import Array, FloatArray, IntpArray
from . import _patterns
from ._evaluate import Batch
from ._geometry import Arms
from ._ladders import LEVELS, NO_STEP, START, extrapolate, level_step, pair_places, with_borrowed
from ._layout import BACKWARD, CENTRAL, FIXED, FORWARD
from ._steps import Box

_LEVEL_STEPS = np.array([level_step(0, level) for level in range(LEVELS)])


class Axes:
    """The samples of the best descent along every axis, kept for the gradient and for the pairs.

    Attributes
    ----------
    values : ndarray, shape (levels, n, samples, outputs)
        f at the samples of the last descent; those of the one before wait in `values_before`.
    known : ndarray of intp, shape (n,)
        How many levels are there.
    top : ndarray of intp, shape (n,)
        Where the descent begins.
    """

    patterns = tuple(_patterns.line(2, side) for side in (CENTRAL, FORWARD, BACKWARD))

    def __init__(self, x: FloatArray, box: Box, start: Array, f0: FloatArray, epsilon: float) -> None:
        self.x, self.box, self.start, self.f0, self.epsilon = x, box, start, f0, epsilon
        self.values, self.values_before = (np.full((LEVELS, len(x), 2, len(f0)), np.nan) for _ in range(2))
        self._slopes: list[tuple[IntpArray, IntpArray, FloatArray, FloatArray]] = []
        self.known, self.known_before, self.top_before = np.zeros((3, len(x)), np.intp)
        self.side = start["side"].astype(np.intp)
        self.top = start["first"].astype(np.intp)
        self._missing = np.empty((0, 2), np.intp)

    def of(self, coordinates: IntpArray) -> Arms:
        """Return the geometry of ladders along these coordinates; what they sample is kept."""
        return _Kept(self, coordinates)

    def keep(self, coordinates: IntpArray, asked: Array, values: Array) -> None:
        """Keep the values of ladders along these coordinates."""
        level = asked["level"]
        again = coordinates[level == 0]
        self._differentiate(again[self.known[again] > 0])
        self.values_before[:, again] = self.values[:, again]
        self.known_before[again], self.top_before[again] = self.known[again], self.top[again]
        self.values[level, coordinates] = values.reshape(len(asked), 2, values.shape[1])
        self.known[coordinates] = level + 1
        self.top[coordinates], self.side[coordinates] = asked["top"], asked["side"]

    def choose(self, coordinates: IntpArray, tops: IntpArray) -> None:
        """Go back to the descents from these tops; what is no longer there is sampled again."""
        other = tops != self.top[coordinates]
        coordinates, tops = coordinates[other], tops[other]
        self.values[:, coordinates] = self.values_before[:, coordinates]
        kept = tops == self.top_before[coordinates]
        self.known[coordinates] = np.where(kept, self.known_before[coordinates], 0)
        self.top[coordinates] = tops

    @property
    def first_steps(self) -> FloatArray:
        """The first step of the last descent along every axis, shape (n,)."""
        first_steps: FloatArray = np.ldexp(self.start["unit"], self.top)
        return first_steps

    def step(self, coordinates: IntpArray, level: IntpArray) -> FloatArray:
        """Return the steps of the last descents at some levels."""
        steps: FloatArray = np.ldexp(self.start["unit"][coordinates], self.top[coordinates]) * _LEVEL_STEPS[level]
        return steps

    def take(self, coordinates: IntpArray, levels: IntpArray) -> tuple[IntpArray, FloatArray]:
        """Return coordinates and places of those samples that nobody has taken yet; `fill` takes their values."""
        missing = levels >= self.known[coordinates]
        if not missing.any():
            self._missing = np.empty((0, 2), np.intp)
            return self._missing[:, 0], np.empty(0)
        wanted = np.zeros((len(self.x), LEVELS), bool)
        wanted[coordinates[missing], levels[missing]] = True
        self._missing = np.argwhere(wanted)
        coordinates, levels = self._missing.repeat(2, axis=0).T
        places = self.x[coordinates] + self.step(coordinates, levels) * np.tile([1.0, -1.0], len(self._missing))
        return coordinates, np.clip(places, self.box.lower[coordinates], self.box.upper[coordinates])

    def fill(self, values: Array) -> Array:
        """Keep the values of the samples that were taken last; return the others."""
        count = len(self._missing)
        coordinates, levels = self._missing.T
        self.values[levels, coordinates] = values[: 2 * count].reshape(count, 2, values.shape[1])
        np.maximum.at(self.known, coordinates, levels + 1)
        return values[2 * count :]

    def gradient(self) -> FloatArray:
        """Return the first derivatives from the samples along the axes, shape (n, outputs).

        Steps larger than those of the second derivatives are not trusted: they may have stepped over what f does.
        """
        self._differentiate(np.flatnonzero(self.known))
        gradient = np.full((len(self.x), len(self.f0)), np.nan)
        gradient[self.side == FIXED] = 0.0
        least = np.full(gradient.shape, np.inf)
        for coordinates, tops, slope, error in self._slopes:
            better = (error < least[coordinates]) & (tops <= self.top[coordinates])[:, None]
            gradient[coordinates] = np.where(better, slope, gradient[coordinates])
            least[coordinates] = np.where(better, error, least[coordinates])
        return gradient

    def _differentiate(self, coordinates: IntpArray) -> None:
        """Note the first derivatives along the last descents, those of one form at a time."""
        forms = LEVELS * self.side[coordinates] + self.known[coordinates] - 1
        for form in np.unique(forms):
            alike = coordinates[forms == form]
            levels, side = form % LEVELS + 1, form // LEVELS
            near = self.values[:levels, alike, 0]
            far = self.values[:levels, alike, 1] if side == CENTRAL else self.f0
            h = self.step(alike, np.arange(levels)[:, None])[:, :, None]
            quotient = (near - far) / ((2 if side == CENTRAL else 1 if side == FORWARD else -1) * h)
            noise = self.epsilon * (np.abs(near) + np.abs(far) + np.abs(self.x[alike, None] * quotient)) / h
            found = extrapolate(quotient.reshape(levels, -1), noise.reshape(levels, -1), self.patterns[side].power)
            slope, error = (part.reshape(len(alike), -1) for part in found)
            self._slopes.append((alike, self.top[alike], slope, error))

    @np.errstate(all="ignore")
    def together(self, pairs: IntpArray) -> tuple[Array, FloatArray]:
        """Return where the ladders of pairs begin, with the steps of the last descents along both axes."""
        one, other = pairs.T
        units = self.first_steps
        argument, floor = self.start["argument"] / units, self.start["floor"] - self.top
        start = np.zeros(len(pairs), START)
        start["unit"], start["other"] = 1.0, NO_STEP
        start["argument"] = np.maximum(argument[one], argument[other])
        start["floor"] = np.maximum(floor[one], floor[other])
        start["later"] = cross = 1 + 3 * self.side[one] + self.side[other]
        start["side"] = np.where((self.side[one] == CENTRAL) & (self.side[other] == CENTRAL), 0, cross)
        return start, units[pairs]


class _Kept(Arms):
    """Ladders along axes whose samples are kept."""

    def __init__(self, axes: Axes, coordinates: IntpArray) -> None:
        super().__init__(axes.x, axes.box, axes.patterns, coordinates[:, None], None, (2,))
        self._axes = axes

    def collect(self, asked: Array, values: Array) -> Array:
        """Keep the values, but for those of probes."""
        lasting = asked["probe"] == 0
        rows = np.repeat(lasting, 2)
        self._axes.keep(self.coordinates[asked["id"][lasting], 0], asked[lasting], values[rows])
        return values


class Pairs(Arms):
    """Ladders of mixed second derivatives, which borrow the samples on the axes where they can."""

    certain = 2

    def __init__(self, axes: Axes, pairs: IntpArray, units: FloatArray) -> None:
        sides = (CENTRAL, FORWARD, BACKWARD)
        products = tuple(_patterns.mixed((1, 1), pair) for pair in product(sides, sides))
        super().__init__(axes.x, axes.box, (_patterns.diagonal_pair(), *products), pairs, units, (1, 1))
        self._axes = axes
        self._first_steps = axes.first_steps
        self._counts = np.array([len(pattern.offsets) for pattern in self.patterns])
        self._places: tuple[IntpArray, IntpArray]

    def place(self, asked: Array) -> tuple[Batch, FloatArray]:
        """Return the samples of the pairs, after those on the axes that nobody has taken yet."""
        assert self.units is not None
        pairs, levels, steps = pair_places(asked, self.coordinates, self.units, self._first_steps)
        self._places = pairs, levels
        indptr, indices, values, divisor = self._placement.place(asked["side"], pairs, steps)
        borrows = asked["side"] == 0
        taken, at = self._axes.take(pairs[borrows].ravel(), levels[borrows].ravel())
        if len(taken):
            indptr = np.concatenate([np.arange(len(taken)), len(taken) + indptr])
            indices, values = np.concatenate([taken, indices]), np.concatenate([at, values])
        return Batch(self.x[None], None, indptr, indices, values), divisor

    def collect(self, asked: Array, values: Array) -> Array:
        """Return the values ladder after ladder: own samples, then borrowed ones."""
        own = np.ascontiguousarray(self._axes.fill(values), np.float64)
        return with_borrowed(own, asked, self._counts, self._axes.values, *self._places)
