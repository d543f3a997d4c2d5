"""Runs of the adaptive method: ladders along lines through x, extrapolated until every entry is settled.

What is judged, and when a ladder stops, is decided in ``_kernels/extrapolate.c``; here is where the samples lie. A run
is written as a generator that yields batches and is sent their values.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator
from functools import cached_property
from itertools import product
from typing import Protocol

import numpy as np

from .._typing import Array, FloatArray, IntpArray, StatusArray
from . import _patterns
from ._evaluate import Batch
from ._ladders import (
    LEVELS,
    NO_STEP,
    START,
    Ladders,
    Placement,
    extrapolate,
    level_step,
    limit,
    start_lines,
)
from ._layout import BACKWARD, CENTRAL, CRAMPED, FIXED, FORWARD
from ._patterns import Pattern
from ._plan import Plan
from ._problem import Kind
from ._results import Status
from ._runs import Start, along, norm, scaled
from ._steps import Box, require_kept
from ._talk import Talk, TalkingRun

# The first step of a derivative of order k is the scale times two to this power: about five levels below it are then
# limited by round-off (docs/error-model.md, section 4). A first derivative to a tolerance begins lower.
_TOP = (0, -2, -3, -2, -2, -1, -1, -1, -1)
_COARSE = -4
# An entry of a block keeps its levels; a block has at most so many entries.
_BLOCK = 2**16
# The level on the second axis, with the first level on the other one, that the probe of a pair borrows from.
_ASIDE = 2
# A direction that has less than this (a power of two) of the room it wants is left to the coordinates.
_CORNER = 12
# The highest exponent of two of a double.
_HIGHEST = int(np.finfo(np.float64).maxexp) - 1


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


def climb(ladders: Ladders, geometry: Geometry, ahead: int) -> Talk:
    """Let ladders ask until all are settled, with up to `ahead` levels at once."""
    while len(asked := ladders.ask(ahead)):
        batch, asked["divisor"] = geometry.place(asked)
        values = yield batch
        ladders.tell(asked, geometry.collect(asked, values))


def _reaches(order: int) -> tuple[float, float]:
    """Return how far a level of a line reaches: both ways, or one way only."""
    central, aside = (float(_patterns.line(order, side).high.max()) for side in (CENTRAL, FORWARD))
    return central, aside


def _owners(asked: Array, patterns: tuple[Pattern, ...]) -> tuple[IntpArray, FloatArray]:
    """Return the row of `asked` that each own sample belongs to, and its offsets, shape (samples, arms)."""
    if (asked["side"] == asked["side"][0]).all():
        offsets = patterns[asked["side"][0]].offsets
        return np.repeat(np.arange(len(asked)), len(offsets)), np.tile(offsets, (len(asked), 1))
    chosen = [patterns[side].offsets for side in asked["side"]]
    return np.repeat(np.arange(len(asked)), [len(offsets) for offsets in chosen]), np.concatenate(chosen)


def _in_proportion(asked: Array, units: FloatArray | None) -> FloatArray:
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
        steps, where = _in_proportion(asked, self.units), self.coordinates[asked["id"]]
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
        steps = _in_proportion(asked, self.units)
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


_BLANKS = {FIXED: Status.FIXED, CRAMPED: Status.DOMAIN_LIMITED}


class AdaptiveRun(TalkingRun):
    """What all adaptive runs share: f(x), ladders in blocks, results.

    Parameters
    ----------
    plan : Plan
        What to differentiate, and how well.
    x : ndarray, shape (n,)
        Where.
    epsilon : float
        The precision of f.
    known : ndarray, shape (outputs,), or None
        f(x), if the caller has it.
    """

    value: FloatArray
    error: FloatArray
    status: StatusArray
    step: FloatArray
    worst: int = 0
    gradient: Array | None = None

    def __init__(self, plan: Plan, x: FloatArray, epsilon: float, known: Array | None) -> None:
        self.plan = plan
        self.x = x
        self.epsilon = epsilon
        unbounded = Box(np.full(len(x), -np.inf), np.full(len(x), np.inf))
        self.box = unbounded if plan.box is None else plan.box
        self._known = known
        if plan.rule.stated:
            h = np.where(self.box.lower == self.box.upper, np.inf, plan.rule(x, epsilon))
            require_kept(plan.rule, x, h, np.ones(len(x)))
        self._begin_talk()

    def f_at_x(self) -> Array:
        """Return f(x), shape (outputs,)."""
        return self.f0

    def _run(self) -> Talk:
        self.f0 = self._known if self._known is not None else (yield Batch(self.x[None]))[0]
        self.f0 = np.ascontiguousarray(self.f0, np.float64)
        yield from self._differentiate()
        self.worst = int(self.status.max(initial=0))

    @abstractmethod
    def _differentiate(self) -> Talk:
        """Yield the batches that are needed, and fill value, error, step and status."""

    def _allocate(self, entries: int, outputs: int) -> None:
        self.value, self.error, self.step = (np.zeros((entries, outputs)) for _ in range(3))
        self.status = np.zeros((entries, outputs), np.int8)

    def _begin(self, order: int, total: int, box: Box | None = None) -> Array:
        """Return where the ladders of all coordinates begin, within the bounds or a narrower box."""
        rule = self.plan.rule
        stated = rule(self.x, self.epsilon) if rule.literal else None
        start = start_lines(self.x, stated, rule.x_scale, self._top(total), 2.0 ** (-1040 / total))
        box = box or self.box
        limit(start, self.x, box.lower, box.upper, *_reaches(order))
        return start

    def _top(self, total: int) -> int:
        """Return the exponent of the first step over the scale."""
        return _COARSE if self.plan.goal.asks and total == 1 else _TOP[total]

    def _blank(self, sides: IntpArray, first: int = 0) -> IntpArray:
        """Fill the entries that no ladder can begin, from `first` on; return the others."""
        begun = sides < FIXED
        if begun.all():
            return np.arange(len(sides))
        for side, status in _BLANKS.items():
            entries = first + np.flatnonzero(sides == side)
            self.status[entries] = status
            self.value[entries] = self.error[entries] = 0.0 if side == FIXED else np.nan
        return np.flatnonzero(begun)

    def _solve(
        self, start: Array, f0: FloatArray, entries: IntpArray, geometry: Geometry, enough: FloatArray | None = None
    ) -> Generator[Batch, Array, IntpArray]:
        """Let ladders climb, keep their results as these entries, return the tops they were found at.

        `enough`, of shape (ladders, outputs), are errors that are small enough in any case.
        """
        goal = self.plan.goal
        if enough is None:
            enough = np.zeros((len(start), f0.shape[1]))
        ladders = Ladders(start, geometry.patterns, f0, self.epsilon, goal.rtol, goal.atol, goal.max_levels, enough)
        yield from climb(ladders, geometry, geometry.certain if self.plan.vectorized else 1)
        value, error, step, status, tops = ladders.results()
        # The step of several arms is the geometric mean of theirs.
        step *= 1.0 if geometry.units is None else np.exp2(np.log2(geometry.units).mean(axis=1, keepdims=True))
        self.value[entries], self.error[entries], self.step[entries], self.status[entries] = value, error, step, status
        return tops

    def _blocks(self, ladders: IntpArray, size: int) -> Iterator[IntpArray]:
        """Divide ladders of `size` numbers each into blocks that are solved one after another."""
        if len(ladders) * size > _BLOCK:
            yield from np.array_split(ladders, -(-len(ladders) * size // _BLOCK))
        elif len(ladders):
            yield ladders


class AxisRun(AdaptiveRun):
    """One derivative along each coordinate."""

    def _differentiate(self) -> Talk:
        order, n = self.plan.target.order, len(self.x)
        self._allocate(n, len(self.f0))
        start = self._begin(order, order)
        patterns = tuple(_patterns.line(order, side) for side in (CENTRAL, FORWARD, BACKWARD))
        for block in self._blocks(self._blank(start["side"]), len(self.f0)):
            arms = Arms(self.x, self.box, patterns, block[:, None], None, (order,))
            yield from self._solve(start[block], self.f0[None], block, arms)


class ElementwiseRun(AdaptiveRun):
    """f maps entry by entry."""

    def _differentiate(self) -> Talk:
        order = self.plan.target.order
        self._allocate(len(self.x), 1)
        start = self._begin(order, order)
        live = self._blank(start["side"])
        patterns = tuple(_patterns.line(order, side) for side in (CENTRAL, FORWARD, BACKWARD))
        if len(live):
            f0 = np.ascontiguousarray(self.f0[live, None])
            yield from self._solve(start[live], f0, live, Entries(self.x, self.box, patterns, live))


class MixedRun(AdaptiveRun):
    """One partial derivative, mixed or repeated."""

    def _differentiate(self) -> Talk:
        orders = self.plan.target.orders
        self._allocate(1, len(self.f0))
        where = np.array([coordinate for coordinate, _ in orders])
        powers = tuple(order for _, order in orders)
        starts = np.concatenate([self._begin(order, sum(powers))[c : c + 1] for c, order in orders])
        blank = starts["side"].max(keepdims=True)
        if len(self._blank(blank)):
            start, units = together(starts[None])
            sides = tuple(int(side) for side in starts["side"])
            start["side"] = start["later"] = 0
            arms = Arms(self.x, self.box, (_patterns.mixed(powers, sides),), where[None], units, powers)
            yield from self._solve(start, self.f0[None], np.array([0]), arms)


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


class DirectionRun(AdaptiveRun):
    """The derivative along v: x + t v has one coordinate, t."""

    # The derivative order that decides the steps, and the part of the room in the box that t may use.
    total, share = 1, 1.0

    @property
    def cornered(self) -> bool:
        """Whether x + t v leaves the box on both sides, or all but does."""
        return bool(self._moving and self._start["side"][0] == CRAMPED)

    @cached_property
    def _line(self) -> tuple[FloatArray, float]:
        """The direction without what is fixed, and the factor that was taken out of it."""
        assert self.plan.target.v is not None
        v, factor = scaled(self.plan.target.v)
        return np.where(self.box.lower == self.box.upper, 0.0, v), factor

    @property
    def _moving(self) -> bool:
        return bool(self._line[0].any())

    def _differentiate(self) -> Talk:
        assert self.plan.target.v is not None
        self._allocate(self._entries, len(self.f0))
        if not self._moving:
            self.status[...] = Status.FIXED if self.plan.target.v.any() else Status.CONVERGED
            return
        v, factor = self._line
        yield from self._climb(v)
        self.value *= factor
        self.error *= factor

    @property
    def _entries(self) -> int:
        return 1

    def _climb(self, v: FloatArray) -> Talk:
        if len(self._blank(self._start["side"])):
            patterns = tuple(_patterns.line(1, side) for side in (CENTRAL, FORWARD, BACKWARD))
            lines = Lines(self.x, self.box, patterns, v, np.ones((1, 1)))
            yield from self._solve(self._start, self.f0[None], np.array([0]), lines)

    @cached_property
    @np.errstate(all="ignore")
    def _start(self) -> Array:
        """Where the ladder along v begins: its steps move no coordinate by more than the coordinate's own."""
        v = self._line[0]
        moving = v != 0
        own = self._begin(1, self.total)[moving]
        size = np.log2(np.abs(v[moving]) / own["unit"])
        start = np.zeros(1, START)
        start["unit"] = start["turns"] = 1
        start["argument"] = norm(self.x[moving]) / norm(v)
        start["first"] = np.floor((own["first"] - size).min())
        start["cap"] = start["first"] if self.plan.rule.literal else _HIGHEST
        other = np.where(own["other"] == NO_STEP, own["first"], own["other"]) - size
        start["other"] = np.floor(other.min())
        start["floor"] = np.ceil((own["floor"] - size).min())
        wanted = start[["first", "other"]].copy()
        along = self.box.along(self.x, v, self.share)
        limit(start, np.zeros(1), along.lower, along.upper, *_reaches(1))
        # v is zero where x is fixed: t itself never is.
        if start["side"][0] == FIXED or start["cap"][0] < min(*wanted[0]) - _CORNER:
            start["side"] = CRAMPED
        return start


class HessianProductRun(DirectionRun):
    """The mixed derivatives along v and each coordinate."""

    # Half the room is left for the coordinates.
    total, share = 2, 0.5

    @property
    def _entries(self) -> int:
        return len(self.x)

    def _climb(self, v: FloatArray) -> Talk:
        along = self._start
        reach = np.ldexp(np.abs(v), along["first"])
        own = self._begin(1, 2, self.box.shrunk(self.x, reach))
        live = self._blank(own["side"])
        sides = (CENTRAL, FORWARD, BACKWARD)
        patterns = tuple(_patterns.mixed((1, 1), (int(along["side"][0]), side)) for side in sides)
        for block in self._blocks(live, max(len(self.f0), 4 * len(self.x))):
            start, units = together(np.stack([np.broadcast_to(along, len(block)), own[block]], axis=1))
            start["side"] = start["later"] = own["side"][block]
            lines = Lines(self.x, self.box, patterns, v, units, block)
            yield from self._solve(start, self.f0[None], block, lines)


class HessianRun(AdaptiveRun):
    """Diagonal, upper triangle and gradient from one set of points.

    The ladders along the axes give the diagonal and, from the odd part of the same samples, the gradient. Where both
    axes are central the ladder of a pair borrows their samples and adds two to a level.
    """

    def _differentiate(self) -> Talk:
        n = len(self.x)
        rows, columns = np.triu_indices(n, 1)
        self._allocate(n + len(rows), len(self.f0))
        start = self._begin(2, 2)
        live = self._blank(start["side"])
        self._blank(np.maximum(start["side"][rows], start["side"][columns]), n)
        self.axes = Axes(self.x, self.box, start, self.f0, self.epsilon)
        for block in self._blocks(live, len(self.f0)):
            tops = yield from self._solve(start[block], self.f0[None], block, self.axes.of(block))
            if len(self.f0):
                found = np.where(np.isfinite(self.error[block]), tops, self.axes.top[block][:, None])
                self.axes.choose(block, found.min(axis=1))
        self.gradient = self.axes.gradient()
        alive = np.flatnonzero((start["side"][rows] < FIXED) & (start["side"][columns] < FIXED))
        for block in self._blocks(alive, 4 * len(self.f0)):
            pairs = np.stack([rows[block], columns[block]], axis=1)
            begun, units = self.axes.together(pairs)
            # As good as the entries on the diagonal, whatever the units of the coordinates.
            known = (self.status[pairs] <= Status.NOISE_LIMITED).all(axis=1)
            enough = np.where(known, np.sqrt(self.error[pairs]).prod(axis=1), 0.0)
            yield from self._solve(begun, self.f0[None], n + block, Pairs(self.axes, pairs, units), enough)


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
        self.values, self.values_before = np.full((2, LEVELS, len(x), 2, len(f0)), np.nan)
        self._slopes: list[tuple[int, int, FloatArray, FloatArray]] = []
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
        for i, top in zip(coordinates, tops, strict=True):
            if top == self.top[i]:
                continue
            same = top == self.top_before[i]
            self.values[:, i], self.known[i] = self.values_before[:, i], self.known_before[i] if same else 0
            self.top[i] = top

    def step(self, coordinates: IntpArray, level: IntpArray) -> FloatArray:
        """Return the steps of the last descents at some levels."""
        steps: FloatArray = np.ldexp(self.start["unit"][coordinates], self.top[coordinates]) * _LEVEL_STEPS[level]
        return steps

    def take(self, coordinates: IntpArray, levels: IntpArray) -> tuple[IntpArray, FloatArray]:
        """Return coordinates and places of those samples that nobody has taken yet; `fill` takes their values."""
        missing = levels >= self.known[coordinates]
        self._missing = np.unique(np.stack([coordinates[missing], levels[missing]], axis=1), axis=0)
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
        for i, top, slope, error in self._slopes:
            better = (error < least[i]) & (top <= self.top[i])
            gradient[i, better], least[i, better] = slope[better], error[better]
        return gradient

    def _differentiate(self, coordinates: IntpArray) -> None:
        """Note the first derivatives along the last descents."""
        for i in coordinates:
            levels, side = int(self.known[i]), int(self.side[i])
            near, far = self.values[:levels, i, 0], self.values[:levels, i, 1] if side == CENTRAL else self.f0
            h = self.step(np.full(levels, i), np.arange(levels))[:, None]
            quotient = (near - far) / ((2 if side == CENTRAL else 1 if side == FORWARD else -1) * h)
            noise = self.epsilon * (np.abs(near) + np.abs(far) + np.abs(self.x[i] * quotient)) / h
            self._slopes.append((i, self.top[i], *extrapolate(quotient, noise, self.patterns[side].power)))

    def together(self, pairs: IntpArray) -> tuple[Array, FloatArray]:
        """Return where the ladders of pairs begin, with the steps of the last descents along both axes."""
        starts = self.start[pairs]
        starts["first"] = starts["cap"] = self.top[pairs]
        starts["other"] = NO_STEP
        sides = self.side[pairs]
        start, units = together(starts)
        cross = 1 + 3 * sides[:, 0] + sides[:, 1]
        start["later"] = cross
        start["side"] = np.where((sides == CENTRAL).all(axis=1), 0, cross)
        return start, units


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
    """Ladders of mixed second derivatives, which borrow the samples on the axes where they can.

    A probe borrows from different levels: along the diagonal of a pair alone f may be smooth by chance.
    """

    certain = 2

    def __init__(self, axes: Axes, pairs: IntpArray, units: FloatArray) -> None:
        sides = (CENTRAL, FORWARD, BACKWARD)
        products = tuple(_patterns.mixed((1, 1), pair) for pair in product(sides, sides))
        super().__init__(axes.x, axes.box, (_patterns.diagonal_pair(), *products), pairs, units, (1, 1))
        self._axes = axes

    def place(self, asked: Array) -> tuple[Batch, FloatArray]:
        """Return the samples of the pairs, after those on the axes that nobody has taken yet."""
        pairs, borrows, levels = self.coordinates[asked["id"]], asked["side"] == 0, self._levels(asked)
        steps = np.where(borrows[:, None], self._axes.step(pairs, levels), _in_proportion(asked, self.units))
        indptr, indices, values, divisor = self._placement.place(asked["side"], pairs, steps)
        taken, at = self._axes.take(pairs[borrows].ravel(), levels[borrows].ravel())
        rows = np.concatenate([np.arange(len(taken)), len(taken) + indptr])
        batch = Batch(self.x[None], None, rows, np.concatenate([taken, indices]), np.concatenate([at, values]))
        return batch, divisor

    def collect(self, asked: Array, values: Array) -> Array:
        """Return the values ladder after ladder: own samples, then borrowed ones."""
        own, borrows = self._axes.fill(values), asked["side"] == 0
        counts = np.array([len(pattern.offsets) for pattern in self.patterns])[asked["side"]]
        borrowed = np.where(borrows, self.patterns[0].borrowed, 0)
        before = np.cumsum(borrowed) - borrowed  # so many borrowed samples come first
        whole = np.empty((len(own) + borrowed.sum(), own.shape[1]))
        whole[np.arange(len(own)) + np.repeat(before, counts)] = own
        places = (np.cumsum(counts) + before)[borrows, None] + np.arange(self.patterns[0].borrowed)
        pairs, levels = self.coordinates[asked["id"]][borrows], self._levels(asked)[borrows]
        whole[places] = self._axes.values[levels, pairs].reshape(*places.shape, own.shape[1])
        return whole

    @staticmethod
    def _levels(asked: Array) -> IntpArray:
        """Return the levels on the axes that a ladder borrows from, shape (ladders, 2)."""
        return np.stack([asked["level"], np.where(asked["probe"] != 0, _ASIDE, asked["level"])], axis=1)


_LEVEL_STEPS = np.array([level_step(0, level) for level in range(LEVELS)])


RICHARDSON_RUNS: dict[Kind, Start] = {
    "axis": AxisRun,
    "hessian": HessianRun,
    "mixed": MixedRun,
    "elementwise": ElementwiseRun,
}
RICHARDSON_RUNS |= {
    "direction": along(DirectionRun, RICHARDSON_RUNS),
    "hessian_product": along(HessianProductRun, RICHARDSON_RUNS),
}
