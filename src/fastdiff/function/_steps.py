"""Step policy: how far a sample lies from x, and on which side of it where bounds are near.

The default step is derived in ``_kernels/combine.c``. A step that the user states is taken literally.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .._typing import FloatArray, Position, StatusArray
from . import _evaluate
from ._layout import BACKWARD, CENTRAL, CRAMPED, FIXED, FORWARD, reach

# The imaginary step of the complex-step method, relative to x: its truncation error, of order step**2, is far below
# round-off, and f's imaginary part, of order step, far above underflow.
IMAGINARY_STEP = 2.0**-70
# More than two samples lie at equal distances, to three digits, where a step spans this many floating-point numbers.
_EQUIDISTANT = 2.0**10
_SMALLEST_NORMAL = float(np.finfo(np.float64).tiny)


@dataclass(frozen=True, eq=False)
class StepRule:
    """How a step follows from x.

    Attributes
    ----------
    derivative, accuracy : int
        The orders k and p that the default step balances: ``epsilon**(1/(k+p))`` times a scale.
    position : callable
        Words a coordinate, for messages.
    step, relative_step, x_scale : ndarray or None
        What the user stated, broadcast to the flattened x; at most one of the first two.
    dyadic : bool
        Whether steps that are not stated are powers of two, for which x + 2h, x + 3h, … are exact.
    """

    derivative: int
    accuracy: int
    position: Position
    step: FloatArray | None = None
    relative_step: FloatArray | None = None
    x_scale: FloatArray | None = None
    dyadic: bool = False

    @property
    def stated(self) -> bool:
        """Whether the step, or the scale it follows from, is the user's."""
        return not (self.step is None and self.relative_step is None and self.x_scale is None)

    def default(self, epsilon: float) -> tuple[float, float, float, bool]:
        """Return the default rule as `default_steps` takes it, for an f of precision `epsilon`."""
        k, p = self.derivative, self.accuracy
        return epsilon ** (1 / (k + p)), k / (k + p), p / (k + p), self.dyadic

    @property
    def literal(self) -> str:
        """The name of the option that gives the step literally, or an empty string."""
        return "step" if self.step is not None else "relative_step" if self.relative_step is not None else ""

    def __call__(self, x: FloatArray, epsilon: float) -> FloatArray:
        """Return the steps at x for an f of precision `epsilon`."""
        k, p = self.derivative, self.accuracy
        if self.step is not None:
            return np.array(self.step)
        if self.relative_step is not None:
            return self._relative(x, self.relative_step)
        if self.x_scale is not None:
            h = epsilon ** (1 / (k + p)) * self.x_scale
            return _evaluate.round_dyadic(h) if self.dyadic else h
        return _evaluate.default_steps(x, *self.default(epsilon))

    def at_scale_of_x(self, x: FloatArray, epsilon: float) -> FloatArray:
        """Return the steps for an f that varies on the scale of |x|."""
        h = epsilon ** (1 / (self.derivative + self.accuracy)) * np.where(x == 0, 1.0, np.abs(x))
        return _evaluate.round_dyadic(h) if self.dyadic else h

    def _relative(self, x: FloatArray, relative_step: FloatArray) -> FloatArray:
        h: FloatArray = relative_step * np.abs(x)
        if not (h > 0).all():
            i = int(np.argmin(h > 0))
            place = self.position(i)
            raise ValueError(f"`relative_step` gives a step of 0 at x{place} = {x[i]}; use `step` or `x_scale`")
        return h

    @np.errstate(all="ignore")
    def imaginary(self, x: FloatArray, *, literal: bool) -> FloatArray:
        """Return the imaginary steps at x; never subnormal by default, as that would cost f's imaginary part digits.

        A stated step is the imaginary one where `literal` is true; else it belongs to the real differences.
        """
        if literal and self.literal:
            return self(x, 0.0)
        scale = np.where(x == 0, 1.0, np.abs(x)) if self.x_scale is None else self.x_scale
        return np.maximum(IMAGINARY_STEP * scale, _SMALLEST_NORMAL)


@lru_cache(maxsize=64)
def reaches(order: int, accuracy: int) -> tuple[FloatArray, FloatArray]:
    """Return how far the lowest and the highest sample lie from x, in steps, for each side."""
    one_sided = reach(order, accuracy, FORWARD)
    central = reach(order, accuracy, CENTRAL) if accuracy % 2 == 0 else 0  # odd accuracies have no central stencil
    return np.array([-central, 0, -one_sided, 0, 0.0]), np.array([central, one_sided, 0, 1, 1.0])


# The side asked for, then those that may replace it.
_CHOICES = {
    CENTRAL: (CENTRAL, FORWARD, BACKWARD),
    FORWARD: (FORWARD, BACKWARD),
    BACKWARD: (BACKWARD, FORWARD),
}


@dataclass(frozen=True, eq=False)
class Box:
    """Bounds on x, flattened: lower <= upper."""

    lower: FloatArray
    upper: FloatArray

    @classmethod
    def unbounded(cls, n: int) -> Box:
        """Return the box of n coordinates without bounds."""
        return cls(np.full(n, -np.inf), np.full(n, np.inf))

    def along(self, x: FloatArray, v: FloatArray, share: float) -> Box:
        """Return the bounds on t, around 0, that keep x + t v in this box, within a share of the room."""
        moving = v != 0
        ends = np.array([(self.lower - x)[moving] / v[moving], (self.upper - x)[moving] / v[moving]])
        return Box(share * ends.min(axis=0).max(keepdims=True), share * ends.max(axis=0).min(keepdims=True))

    def shrunk(self, x: FloatArray, margin: FloatArray) -> Box:
        """Return the box that keeps a margin to this one's faces; it still holds x."""
        return Box(np.minimum(self.lower + margin, x), np.maximum(self.upper - margin, x))


@np.errstate(all="ignore")
def place(
    x: FloatArray, h: FloatArray, wanted: int, order: int, accuracy: int, box: Box | None, rule: StepRule
) -> tuple[StatusArray, FloatArray]:
    """Return the side and the step of each coordinate, such that its samples lie in the box.

    A stencil that does not fit turns to the other side at the same accuracy; where that does not fit either, the
    choice with the largest step is taken.
    """
    if box is None:
        return everywhere(wanted, len(x)), h
    below, above = x - box.lower, box.upper - x
    low, high = reaches(order, accuracy)
    room = {CENTRAL: np.minimum(below, above), FORWARD: above, BACKWARD: below}
    choices = _CHOICES[wanted]
    steps = np.minimum([room[side] / max(high[side], -low[side]) for side in choices], h)
    best = np.argmax(steps, axis=0)
    sides = np.array(choices, np.int8)[best]
    fitted = np.take_along_axis(steps, best[None], axis=0)[0]
    # More than two points must be equidistant, down to the last bit where there is room for a few bits only: powers of
    # two are. A stated step that fits is not touched.
    reach = np.maximum(high, -low)[sides]
    unsuitable = (fitted < h) | ((sides != wanted) & (not rule.literal))
    rounded = unsuitable & (rule.dyadic | (reach > 1))
    least = _SMALLEST_NORMAL ** (1 / order)  # what is divided by is a step to the power of the order
    least = 2 * np.maximum(np.spacing(np.abs(x) + reach * fitted), least)
    sides[(fitted < h) & (fitted < least)] = CRAMPED
    fitted[rounded] = np.exp2(np.floor(np.log2(np.maximum(fitted[rounded], _SMALLEST_NORMAL))))
    sides[box.lower == box.upper] = FIXED
    return sides, fitted


@lru_cache(maxsize=64)
def everywhere(side: int, count: int) -> StatusArray:
    """Return the same side for every coordinate."""
    sides = np.full(count, side, np.int8)
    sides.flags.writeable = False
    return sides


def realise(x: FloatArray, h: FloatArray, sides: StatusArray, order: int, accuracy: int, box: Box | None) -> FloatArray:
    """Return the steps as they come out after rounding and clipping."""
    low, high = reaches(order, accuracy)
    lower, upper = (None, None) if box is None else (box.lower, box.upper)
    return _evaluate.realised_units(x, h, low[sides], high[sides], lower, upper)


@np.errstate(all="ignore")
def require_kept(rule: StepRule, x: FloatArray, h: FloatArray, reach: FloatArray) -> None:
    """Raise ValueError where a stated step h does not change x, whatever the bounds; an infinite one is not judged.

    More than two samples must lie at equal distances, which takes steps of many floating-point numbers.
    """
    many = (reach > 1) | rule.dyadic
    least = np.where(many, _EQUIDISTANT, 1.0) * np.spacing(np.abs(x) + np.where(many, reach * h, 0.0))
    lost = np.where(many, h < least, (x + h == x) & (x - h == x))
    if lost.any():
        i = int(np.argmax(lost))
        name, place = rule.literal or "x_scale", rule.position(i)
        raise ValueError(
            f"`{name}` gives a step of {h[i]:.3g} that is lost in x{place} = {x[i]}: x + step == x, or nearly; "
            f"it must be larger than {least[i]:.3g}"
        )
