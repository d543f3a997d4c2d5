"""Noise: how far the values of f scatter, and the steps at which that harms a difference least.

Both are written as generators that yield batches and are sent their values, so that a run can put them before its own
(see ``_noisy_runs.py``). How large the noise is follows from a difference table (ECnoise); the step from comparing a
formula at two steps, until the difference between the two stands out of the noise by as much as it should.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import numpy as np

from .._typing import Array, FloatArray, IntpArray, StatusArray
from . import _evaluate
from ._evaluate import Batch
from ._geometry import Geometry
from ._ladders import ASKED
from ._layout import CENTRAL, FORWARD, SIDES, formula
from ._patterns import Pattern
from ._steps import Box

# ---- how large the noise is

# Further points of the difference table; with f(x) it has one more.
FURTHER = 8
# The spacing of these points in units of the scale of x, and by what it is changed where it turns out too small or too
# large (Moré and Wild change it by 100): powers of two, so that x + jh is exact.
_SPACING = 2.0**-15
_CHANGE = 2.0**7
_TRIES = 4
# Levels of the table that agree to this factor show the noise.
_AGREEMENT = 4
# Values that differ by more than this share of the largest may differ by more than noise. They do not where the noise
# is below the second share of that range: a smooth f whose differences fell so far is not followed any longer.
_RANGE = 0.1
_DISTINCT = 0.01

_FOUND, _SMOOTH, _TOO_SMALL, _TOO_LARGE = range(4)


@dataclass(frozen=True, eq=False)
class Noise:
    """The standard deviation of f: the larger of what was seen near x, and of a share of the value.

    Attributes
    ----------
    absolute : ndarray, shape (outputs,)
        The noise near x.
    relative : ndarray, shape (outputs,)
        The noise over |f|.
    """

    absolute: FloatArray
    relative: FloatArray

    @classmethod
    def stated(cls, relative: float, outputs: int) -> Noise:
        """Return the noise of an f of which only the relative one is known."""
        return cls(np.zeros(outputs), np.full(outputs, relative))

    @property
    def summary(self) -> float:
        """One relative noise for all outputs: that of the worst."""
        return float(self.relative.max(initial=0.0))


@np.errstate(all="ignore")
def estimate(values: FloatArray, epsilon: float) -> tuple[FloatArray, StatusArray]:
    """Return the noise of each output, and whether it was found, from values at equally spaced points of a line.

    J. J. Moré and S. M. Wild, SIAM J. Sci. Comput. 33 (2011) 1292-1314, section 6. The k-th differences of noise of
    variance σ² have the variance σ²/γ_k with γ_k = (k!)²/(2k)! (eq. 2.3), those of a smooth f fall with k: where three
    successive estimates of σ agree and the first comes from differences of both signs, it is the noise.

    Parameters
    ----------
    values : ndarray, shape (points, outputs)
        The values of f.
    epsilon : float
        The precision of f; the noise is not smaller.
    """
    count = len(values)
    size = np.abs(values).max(axis=0)
    values = values / np.where(size > 0, size, 1.0)  # squares of the differences neither overflow nor vanish
    spread = np.ptp(values, axis=0)
    levels, mixed = np.empty((2, count - 1, values.shape[1]))
    differences, gamma = values, 1.0
    for k in range(1, count):
        differences = np.diff(differences, axis=0)
        gamma *= k / (4 * k - 2)
        levels[k - 1] = np.sqrt(gamma * np.mean(differences**2, axis=0))
        mixed[k - 1] = (differences.min(axis=0) < 0) & (differences.max(axis=0) > 0)
    runs = np.lib.stride_tricks.sliding_window_view(levels, 3, axis=0)
    agree = (runs.max(axis=-1) <= _AGREEMENT * runs.min(axis=-1)) & (mixed[:-2] != 0)
    first = np.argmax(agree, axis=0)
    noise = np.take_along_axis(levels, first[None], axis=0)[0]
    wild = (spread > _RANGE) & (noise > _DISTINCT * spread)
    verdict = np.select(
        [
            ~np.isfinite(spread),
            2 * np.count_nonzero(np.diff(values, axis=0) == 0, axis=0) > count - 1,
            agree.any(axis=0) & ~wild,
            levels.min(axis=0) <= epsilon,
        ],
        [_TOO_LARGE, _TOO_SMALL, _FOUND, _SMOOTH],
        _TOO_LARGE,
    )
    return np.where(agree.any(axis=0), noise * size, 0.0), verdict.astype(np.int8)


def probe(
    x: FloatArray, scale: FloatArray, box: Box | None, f0: Array, epsilon: float
) -> Generator[Batch, Array, Noise]:
    """Ask for points along a line through x, and return the noise that their values show.

    Parameters
    ----------
    x : ndarray, shape (n,)
        Where.
    scale : ndarray, shape (n,)
        The scale on which f is supposed to vary.
    box : Box or None
        Bounds of x.
    f0 : ndarray, shape (outputs,)
        f(x).
    epsilon : float
        The precision of f: the least noise, and the noise where none is found.
    """
    known, size = _parts(f0[None]), np.where(np.isfinite(f0), np.abs(f0), 0.0)
    noise, largest = np.zeros((2, known.shape[1]))
    pending, shrinking = np.isfinite(known[0]), False
    spacing = _direction(x, scale, box)
    for attempt in range(_TRIES):
        if not (pending.any() and spacing.any()):
            break
        values = np.concatenate([known, _parts((yield _line(x, spacing, box)))])
        found, verdict = estimate(values, epsilon)
        finite = np.isfinite(values).all(axis=0)
        largest[finite] = np.maximum(largest, np.abs(values).max(axis=0))[finite]
        last = attempt == _TRIES - 1
        settled = pending & (last & finite | (verdict == _FOUND))
        noise[settled] = found[settled]
        pending &= ~settled & (verdict != _SMOOTH)
        # Where outputs disagree the smaller spacing comes first, and the other way is not taken after it. One larger
        # spacing is tried: a second would leave the neighbourhood of x.
        shrink = bool((verdict[pending] == _TOO_LARGE).any())
        if attempt and not (shrink and shrinking):
            break
        shrinking = shrink
        spacing = spacing / _CHANGE if shrink else _grown(x, spacing, box)
    return _gathered(noise, largest, size, epsilon)


def _parts(values: Array) -> FloatArray:
    """Return complex values as pairs of real ones."""
    if values.dtype.kind == "c":
        return np.ascontiguousarray(values, np.complex128).view(np.float64)
    real: FloatArray = values.astype(np.float64, copy=False)
    return real


def _gathered(noise: FloatArray, largest: FloatArray, size: FloatArray, epsilon: float) -> Noise:
    """Return the noise of outputs from that of their parts, and not less than their precision."""
    noise, largest = (np.hypot.reduce(part.reshape(len(size), -1), axis=1) for part in (noise, largest))
    largest = np.maximum(largest, size)
    with np.errstate(all="ignore"):
        relative = np.where(noise < largest, noise / largest, np.where(largest > 0, 1.0, 0.0))
    return Noise(np.maximum(noise, epsilon * size), np.maximum(relative, epsilon))


@np.errstate(all="ignore")
def _direction(x: FloatArray, scale: FloatArray, box: Box | None) -> FloatArray:
    """Return the spacing of the points in each coordinate: a random direction, the same each time, inside the box."""
    random = np.random.default_rng(len(x))
    signs, shares = random.choice([-1.0, 1.0], len(x)), random.choice([0.5, 1.0], len(x))
    spacing = signs * shares * _evaluate.round_dyadic(_SPACING * scale)
    return spacing if box is None else _fitted(x, spacing, box)


@np.errstate(all="ignore")
def _fitted(x: FloatArray, spacing: FloatArray, box: Box) -> FloatArray:
    """Return the spacing turned to the wider side, and made smaller, where the box asks for it."""
    size, below, above = np.abs(spacing), x - box.lower, box.upper - x
    sign = np.where(np.where(spacing > 0, above, below) >= FURTHER * size, np.sign(spacing), 0.0)
    sign = np.where(sign != 0, sign, np.where(above >= below, 1.0, -1.0))
    room = np.exp2(np.floor(np.log2(np.maximum(above, below) / FURTHER)))
    return np.where(box.lower == box.upper, 0.0, sign * np.minimum(size, room))


def _grown(x: FloatArray, spacing: FloatArray, box: Box | None) -> FloatArray:
    larger = spacing * _CHANGE
    return larger if box is None else _fitted(x, larger, box) * (spacing != 0)


def _line(x: FloatArray, spacing: FloatArray, box: Box | None) -> Batch:
    points = x + np.arange(1, FURTHER + 1)[:, None] * spacing
    return Batch(points if box is None else np.clip(points, box.lower, box.upper))


# ---- which steps it asks for

# What a step may change by from one round to the next, and how often it may.
_LARGEST_CHANGE = 16.0
_ROUNDS = 20
# A step is found where √p times the truncation error is the noise of the difference, to this factor.
_WINDOW = 2.0
# Brackets as close as this hold no better step.
_CLOSED = 1.2
# Differences that hardly fall over so many smaller steps are noise, however small f's is said to be: up to this share
# of f. Larger ones are f itself, which turns within a step. They hardly fall where they do by less than the power
# below of what is expected: truncation errors of f with a jump in a higher derivative fall faster.
_STUCK = 2
_HARDLY = 1 / 3
_NOT_NOISE = 0.1


@dataclass(frozen=True, eq=False)
class Contrast:
    """The same formula at the steps αh and h: what differs is its truncation error, and noise.

    With D(h) = Σ w f(x + oh)/h = f' + C f⁽¹⁺ᵖ⁾ hᵖ + …, of accuracy p, it is

        T(h) = αh (D(αh) − D(h)) = Σ w' f(x + o'h) ≈ α (αᵖ − 1) h C f⁽¹⁺ᵖ⁾ hᵖ.

    For the forward difference and α = 4 this is f(x + 4h) − 4 f(x + h) + 3 f(x), for the central one and α = 3 it is
    half of f(x + 3h) − f(x − 3h) − 3 (f(x + h) − f(x − h)): the tests of H.-J. M. Shi, Y. Xie, M. Q. Xuan and
    J. Nocedal, SIAM J. Sci. Comput. 44 (2022) A2302-A2321, section 2. D(h) has the noise σ‖w‖/h; the best step makes
    the mean square of its error, (C f⁽¹⁺ᵖ⁾ hᵖ)² + (σ‖w‖/h)², least. There

        √p |C f⁽¹⁺ᵖ⁾| hᵖ = σ‖w‖/h;

    for p = 1 that is h = 8^(1/4) √(σ/|f″|), J. J. Moré and S. M. Wild, ACM Trans. Math. Softw. 38 (2012) 19; for p = 2
    it is h = ∛(3σ/|f‴|).

    Attributes
    ----------
    accuracy : int
        p.
    pattern : Pattern
        The samples of T and their weights w', but for the one at x.
    own : ndarray, shape (samples,)
        The weights w of the same samples.
    at_x : float
        That of the sample at x.
    norm : float
        ‖w‖.
    excess : float
        α (αᵖ − 1): T over h times the truncation error of D(h).
    floor : float
        The noise of T over `excess` times that of h D(h).
    """

    accuracy: int
    pattern: Pattern
    own: FloatArray
    at_x: float
    norm: float
    excess: float
    floor: float


@lru_cache(maxsize=32)
def contrast(accuracy: int, side: int) -> Contrast:
    """Return the contrast of the first derivative's formula on one side."""
    # The larger α, the more T stands out of noise, and the farther its samples lie: αᵖ is 4 to 9 up to accuracy 3.
    alpha = {1: 4, 2: 3}.get(accuracy, 2)
    formula_ = formula(1, accuracy, side)
    own = dict(zip(formula_.offsets, map(float, formula_.weights), strict=True))
    taps: dict[int, float] = dict.fromkeys(own, 0.0)
    for offset, weight in own.items():
        taps[offset] -= alpha * weight
        taps[alpha * offset] = taps.get(alpha * offset, 0.0) + weight
    offsets = [offset for offset in taps if offset]
    norm = sqrt(sum(weight**2 for weight in own.values()))
    excess = float(alpha * (alpha**accuracy - 1))
    pattern = Pattern(
        offsets=np.array(offsets, np.float64)[:, None],
        plus=np.arange(len(offsets)),
        minus=np.full(len(offsets), -1),
        weight=np.array([taps[offset] for offset in offsets]),
        order=1,
        power=1,
    )
    return Contrast(
        accuracy=accuracy,
        pattern=pattern,
        own=np.array([own.get(offset, 0.0) for offset in offsets]),
        at_x=own.get(0, 0.0),
        norm=norm,
        excess=excess,
        floor=sqrt(sum(weight**2 for weight in taps.values())) / (excess * norm),
    )


@lru_cache(maxsize=8)
def contrasts(accuracy: int) -> tuple[Contrast, ...]:
    """Return the contrasts by side; odd accuracies have no central formula, and their ladders no such side."""
    sides = [FORWARD if side == CENTRAL and accuracy % 2 else side for side in range(len(SIDES))]
    return tuple(contrast(accuracy, side) for side in sides)


@dataclass(eq=False)
class Search:
    """Steps along lines, each changed until its ratio lies in the window; all ask in the same batch.

    Parameters
    ----------
    accuracy : int
        The accuracy of the formula.
    sides : ndarray of int8, shape (lines,)
        On which side of x the samples of each line lie.
    h : ndarray, shape (lines,)
        The first steps.
    least, most : ndarrays, shape (lines,)
        The limits of the steps.
    f0 : ndarray, shape (lines or 1, outputs)
        f(x).
    absolute, relative : ndarrays, shape (lines or 1, outputs)
        The noise: see `Noise`.

    Attributes
    ----------
    truncation : ndarray, shape (lines, outputs)
        What T says about the truncation error at the step h, and not less than it can say.
    noise : ndarray, shape (lines, outputs)
        The noise of the difference, times h.
    """

    accuracy: int
    sides: StatusArray
    h: FloatArray
    least: FloatArray
    most: FloatArray
    f0: Array
    absolute: FloatArray
    relative: FloatArray

    def __post_init__(self) -> None:
        lines, outputs = len(self.h), self.f0.shape[1]
        self.truncation, self.noise = np.zeros((2, lines, outputs))
        self._active = np.ones(lines, bool)
        self._below, self._above = np.zeros(lines), np.full(lines, np.inf)
        self._ratio_above, self._anchor = np.full(lines, np.inf), np.zeros(lines)
        self._stuck, self._louder = np.zeros(lines, int), np.ones(lines)

    def run(self, geometry: Geometry) -> Generator[Batch, Array, None]:
        """Ask until the steps of all lines are found."""
        for _ in range(_ROUNDS):
            lines = np.flatnonzero(self._active)
            if not lines.size:
                break
            asked = np.zeros(len(lines), ASKED)
            asked["id"], asked["step"], asked["side"] = lines, self.h[lines], self.sides[lines]
            batch, _ = geometry.place(asked)
            values = yield batch
            self._judge(lines, geometry.collect(asked, values))

    @np.errstate(all="ignore")
    def _judge(self, lines: IntpArray, values: Array) -> None:
        """Take the values line after line; leave a line at its step, or choose the next."""
        apart, noise, size = self._contrast(lines, values)
        floor = self._of_side("floor")[lines, None]
        truncation = apart / self._of_side("excess")[lines, None]
        noise *= self._louder[lines, None]
        self.noise[lines] = noise
        self.truncation[lines] = np.maximum(truncation, floor * noise) / self.h[lines, None]
        ratio = np.where(noise == 0, 0.0, sqrt(self.accuracy) * truncation / noise)
        ratio[~np.isfinite(ratio)] = np.inf
        # Every output is measured in units of its own noise; those that vary at all decide.
        varying = np.maximum(np.count_nonzero(noise, axis=1), 1)
        self._step(lines, np.sqrt((ratio**2).sum(axis=1) / varying), np.all(apart < _NOT_NOISE * size, axis=1))

    def _contrast(self, lines: IntpArray, values: Array) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return |T|, the noise of h D(h) and the largest |f| of each line, shape (lines, outputs)."""
        chosen = [contrasts(self.accuracy)[side] for side in self.sides[lines]]
        weight = np.concatenate([contrast.pattern.weight for contrast in chosen])[:, None]
        own = np.concatenate([contrast.own for contrast in chosen])[:, None]
        counts = [len(contrast.own) for contrast in chosen]
        starts = np.concatenate([[0], np.cumsum(counts)[:-1]]).astype(np.intp)
        f0, absolute, relative = (
            part[lines] if len(part) > 1 else np.broadcast_to(part, (len(lines), part.shape[1]))
            for part in (self.f0, self.absolute, self.relative)
        )
        apart = np.abs(np.add.reduceat(weight * (values - np.repeat(f0, counts, axis=0)), starts))
        at_x = self._of_side("at_x")[lines, None] * np.abs(f0)
        weighted = np.hypot(np.hypot.reduceat(np.abs(own * values), starts), at_x)
        noise = np.maximum(absolute * self._of_side("norm")[lines, None], relative * weighted)
        return apart, noise, np.maximum.reduceat(np.abs(values), starts)

    def _of_side(self, name: str) -> FloatArray:
        """Return a number of the contrast of every line."""
        numbers: FloatArray = np.array([getattr(c, name) for c in contrasts(self.accuracy)])[self.sides]
        return numbers

    def _step(self, lines: IntpArray, ratio: FloatArray, noisy: Array) -> None:
        """Choose the next steps of lines from their ratios, which are best at 1; leave those that are found."""
        h, below, above = self.h[lines], self._below[lines], self._above[lines]
        small, large = ratio < 1 / _WINDOW, ratio > _WINDOW
        power, ratio_above = self.accuracy + 1, self._ratio_above[lines]
        fallen = ratio_above * (h / above) ** (_HARDLY * power)
        unchanged = large & noisy & (h < above) & np.isfinite(above) & (ratio > fallen)
        anchor = np.where(self._stuck[lines] == 0, above, self._anchor[lines])
        stuck = np.where(unchanged, self._stuck[lines] + 1, 0)
        below = np.where(small, h, below)
        above = np.where(large, h, above)
        change = np.clip(ratio ** (-1 / power), 1 / _LARGEST_CHANGE, _LARGEST_CHANGE)
        guess = np.where((h * change > below) & (h * change < above), h * change, np.sqrt(below * above))
        guess = np.clip(guess, self.least[lines], self.most[lines])
        closed, lost = above < _CLOSED * below, stuck >= _STUCK
        guess = np.where(closed & large, below, guess)  # what is known of the step belongs to the last one tried
        self._active[lines] = (small | large) & (lost | ~((guess == h) | (closed & small)))
        self.h[lines] = np.where(lost, anchor, np.where(self._active[lines], guess, h))
        # f is as noisy as its differences say, at any step: the search begins anew.
        louder = np.maximum(ratio, ratio_above) / (sqrt(self.accuracy) * self._of_side("floor")[lines])
        self._louder[lines] *= np.where(lost, louder, 1.0)
        self._below[lines], self._above[lines] = np.where(lost, 0.0, below), np.where(lost, np.inf, above)
        self._ratio_above[lines] = np.where(lost, np.inf, np.where(large, ratio, ratio_above))
        self._anchor[lines], self._stuck[lines] = anchor, np.where(lost, 0, stuck)
