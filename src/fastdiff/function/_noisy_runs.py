"""Runs for an f with noise, stated or measured: they find out what is to be known, then let another run do the work."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace

import numpy as np

from .._typing import Array, FloatArray, IntpArray, StatusArray
from . import _evaluate, _steps
from ._evaluate import Batch
from ._geometry import Arms, Entries, Geometry, Lines
from ._layout import BACKWARD, FIXED, FORWARD, SIDES
from ._noise import Noise, Search, contrasts, probe
from ._plan import Plan, Run
from ._results import Status
from ._runs import CornerRun, Start, norm, scaled
from ._steps import Box, StepRule
from ._talk import Talk, TalkingRun

# A step is not taken smaller than so many floating-point numbers.
_LEAST = 2.0**10
# An error beyond this share of the value leaves fewer than three digits.
_DIGITS = 1e-3


@dataclass(frozen=True, eq=False)
class FoundSteps(StepRule):
    """A rule whose steps were found for one x: not the user's, so the run may still make them smaller."""

    h: FloatArray = field(default_factory=lambda: np.empty(0))

    def __call__(self, x: FloatArray, epsilon: float) -> FloatArray:
        """Return the steps."""
        return self.h.copy()


def noisy(start: Start) -> Start:
    """Return the run that regards noise, around another one."""

    def begin(plan: Plan, x: FloatArray, epsilon: float, known: Array | None) -> Run:
        return NoisyRun(start, plan, x, epsilon, known)

    return begin


class NoisyRun(TalkingRun):
    """Measures the noise of f where it is not stated, finds the steps of first differences, and hands over.

    Steps are searched for first derivatives by fixed steps that the user does not state in any way; the result has an
    error then: what the last round of the search saw of the truncation error, and twice the noise. A status is
    CONVERGED, or NOISE_LIMITED where that error leaves fewer than 3 digits. All others take noise for the precision of
    f, from which the usual step rule follows.
    """

    value: Array
    status: StatusArray
    worst: int
    step: FloatArray
    gradient: Array | None = None
    error: FloatArray | None = None

    def __init__(self, start: Start, plan: Plan, x: FloatArray, epsilon: float, known: Array | None) -> None:
        self._start, self._plan, self._x, self._epsilon, self._known = start, plan, x, epsilon, known
        self._begin_talk()

    def f_at_x(self) -> Array:
        """Return f(x), shape (outputs,)."""
        return self._f0

    def _run(self) -> Talk:
        plan, x, epsilon = self._plan, self._x, self._epsilon
        self._f0 = self._known if self._known is not None else (yield Batch(x[None]))[0].copy()
        stated = epsilon if plan.noise is None or plan.noise == "auto" else max(plan.noise, epsilon)
        noise = Noise.stated(stated, self._f0.size)
        if plan.noise == "auto" and self._f0.size:
            scale = plan.rule.x_scale
            scale = _evaluate.default_steps(x, 1.0, 1 / 2, 1 / 2, False) if scale is None else scale
            noise = yield from probe(x, scale, plan.box, self._f0, epsilon)
        precision = min(max(noise.summary, epsilon), 1.0)
        found = _track(plan, x, precision, noise, self._f0) if self._f0.size and _searches(plan) else None
        if found is not None:
            yield from found.search.run(found.geometry)
            plan = replace(plan, rule=found.rule(plan.rule, x, precision))
        inner = self._start(plan, x, precision, self._f0)
        while (batch := inner.ask()) is not None:
            inner.tell((yield batch))
        self.value, self.status, self.worst = inner.value, inner.status, inner.worst
        self.step, self.gradient, self.error = inner.step, inner.gradient, inner.error
        if found is not None and not isinstance(inner, CornerRun):
            self._estimate(found.error(self.step, self.value.shape))

    def _estimate(self, error: FloatArray) -> None:
        """Give every entry its error, and judge by it those that are finite."""
        fixed = self.status == Status.FIXED
        judged = np.isfinite(error) & (self.status <= Status.NOISE_LIMITED) & ~fixed
        close = error <= _DIGITS * np.abs(self.value)
        self.status = np.where(judged, np.where(close, Status.CONVERGED, Status.NOISE_LIMITED), self.status)
        self.status = self.status.astype(np.int8)
        self.error = np.where(fixed, 0.0, np.where(judged, error, np.nan))
        self.worst = int(self.status.max(initial=0))


def _searches(plan: Plan) -> bool:
    """Whether steps are searched: for first derivatives along lines, by a fixed step that the user left open."""
    target = plan.target
    along_lines = target.total_order == 1 and target.kind in ("axis", "mixed", "elementwise", "direction")
    return along_lines and plan.method in SIDES and not plan.rule.stated


@dataclass(frozen=True, eq=False)
class _Track:
    """Lines along which steps are searched: some of the entries of the result each have one.

    Attributes
    ----------
    search, geometry
        The search, and where it samples f.
    entries, owners : ndarrays of intp, shape (lines,)
        The entry that a line belongs to, and the step of the run.
    v : ndarray, shape (n,), or None
        The direction, where it is the only line; its derivative counts `factor` times.
    """

    search: Search
    geometry: Geometry
    entries: IntpArray
    owners: IntpArray
    v: FloatArray | None = None
    factor: float = 1.0

    def rule(self, rule: StepRule, x: FloatArray, epsilon: float) -> StepRule:
        """Return the rule that gives the steps found, and where none was searched the steps of `rule`."""
        h = rule(x, epsilon)
        if self.v is None:
            h[self.owners] = self.search.h
        elif len(self.owners):
            h[:] = self.search.h * norm(self.v)  # what makes it the step along v again
        h = _evaluate.round_dyadic(h) if rule.dyadic else h
        return FoundSteps(**{f.name: getattr(rule, f.name) for f in fields(rule)}, h=h)

    def error(self, step: FloatArray, shape: tuple[int, ...]) -> FloatArray:
        """Return the error of every entry at the steps of the run; NaN where none is known."""
        search, own = self.search, step[self.owners]
        error = np.full(shape, np.nan)
        with np.errstate(all="ignore"):
            truncation = search.truncation * ((own / search.h) ** search.accuracy)[:, None]
            error[self.entries] = self.factor * (truncation + 2 * search.noise / own[:, None])
        return error


def _track(plan: Plan, x: FloatArray, epsilon: float, noise: Noise, f0: Array) -> _Track | None:
    """Return the lines of a target that have room for a step; None where it has none."""
    kind, n = plan.target.kind, len(x)
    box = Box.unbounded(n) if plan.box is None else plan.box
    # The first steps, the smallest and the largest.
    steps = np.array([plan.rule(x, epsilon), _LEAST * np.spacing(np.abs(x)), np.maximum(1.0, np.abs(x))])
    patterns = tuple(contrast.pattern for contrast in contrasts(plan.accuracy))
    if kind == "direction":
        assert plan.target.v is not None
        v, factor = scaled(plan.target.v)
        v = np.where(box.lower == box.upper, 0.0, v)
        if not v.any():
            return None
        along = np.array([[1 / norm(v / step)] for step in steps])
        search, live = _search(plan, np.zeros(1), box.along(x, v, 1.0), along, f0[None], noise)
        return _Track(search, Lines(x, box, patterns, v, np.ones((1, 1))), live, live, v, factor)
    coordinates = np.array([plan.target.orders[0][0]]) if kind == "mixed" else np.arange(n)
    own_box = Box(box.lower[coordinates], box.upper[coordinates])
    values = f0[:, None] if kind == "elementwise" else f0[None]
    search, live = _search(plan, x[coordinates], own_box, steps[:, coordinates], values, noise)
    moved = coordinates[live]
    if kind == "elementwise":
        return _Track(search, Entries(x, box, patterns, moved), live, moved)
    return _Track(search, Arms(x, box, patterns, moved[:, None], None, (1,)), live, moved)


@np.errstate(all="ignore")
def _search(
    plan: Plan, x: FloatArray, box: Box, steps: FloatArray, f0: Array, noise: Noise
) -> tuple[Search, IntpArray]:
    """Return the search along the lines that have room, and which these are; f0 has the shape (lines or 1, outputs)."""
    sides, h = _steps.place(x, steps[0], plan.side, 1, plan.accuracy, box, plan.rule)
    live = np.flatnonzero(sides < FIXED)
    sides, h, x, least, most = sides[live], h[live], x[live], steps[1, live], steps[2, live]
    below, above = x - box.lower[live], box.upper[live] - x
    room = np.select([sides == FORWARD, sides == BACKWARD], [above, below], np.minimum(below, above))
    reach = np.array([np.abs(contrast.pattern.offsets).max() for contrast in contrasts(plan.accuracy)])[sides]
    most = np.minimum(most, room / reach)
    of = live if len(f0) == len(steps[0]) else np.zeros(1, np.intp)
    level = [part.reshape(f0.shape)[of] for part in (noise.absolute, noise.relative)]
    return Search(plan.accuracy, sides, np.minimum(h, most), least, most, f0[of], *level), live
