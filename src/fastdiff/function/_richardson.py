"""Runs of the adaptive method: ladders along lines through x, extrapolated until every entry is settled.

What is judged, and when a ladder stops, is decided in ``_kernels/extrapolate.c``; where the samples lie, in
``_geometry.py`` and ``_axes.py``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Generator, Iterator
from functools import cached_property

import numpy as np

from .._typing import Array, FloatArray, IntpArray, StatusArray
from . import _patterns
from ._axes import Axes, Pairs
from ._evaluate import Batch
from ._geometry import Arms, Entries, Geometry, Lines, together
from ._ladders import NO_STEP, START, Ladders, limit, start_lines
from ._layout import BACKWARD, CENTRAL, CRAMPED, FIXED, FORWARD
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
# A direction that has less than this (a power of two) of the room it wants is left to the coordinates.
_CORNER = 12
# The highest exponent of two of a double.
_HIGHEST = int(np.finfo(np.float64).maxexp) - 1


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
        self.box = Box.unbounded(len(x)) if plan.box is None else plan.box
        self._known = known
        if plan.rule.stated:
            scale = plan.rule.x_scale
            first = plan.rule(x, epsilon) if scale is None else scale * 2.0 ** self._top(plan.target.total_order)
            h = np.where(self.box.lower == self.box.upper, np.inf, first)
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
