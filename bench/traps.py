"""What breaks adaptive differences: functions at points where samples mislead.

Each has a derivative, or none. A library may get it right, say that it did not, or be wrong beyond its own estimate.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np

# The least error, of a value of about 1, that tells of a derivative that does not exist.
TOLD = 1e-3


class Verdict(Enum):
    """What became of a trap."""

    RIGHT = "right"
    SAID = "said so"
    WRONG = "wrong beyond its estimate"


@dataclass(frozen=True)
class Trap:
    """A function at a point.

    Attributes
    ----------
    function : callable
        Of a float; it may raise or return NaN off its domain.
    x : float
        The point.
    slope : float or None
        The exact derivative; None where there is none.
    right : float
        A relative error that is as good as right; absolute where the derivative is 0.
    """

    function: Callable[[float], Any]
    x: float
    slope: float | None
    right: float = 1e-6

    def __call__(self, x: Any) -> float:
        """Return f(x), whatever shape a library gives to a number."""
        return float(self.function(float(np.squeeze(x))))

    def judge(self, value: float, error: float, flagged: bool) -> Verdict:
        """Return what a value with its estimate is worth; `flagged` is a warning, NaN a refusal."""
        refused = flagged or not math.isfinite(value)
        if self.slope is None:
            return Verdict.SAID if refused or error >= TOLD * max(1.0, abs(value)) else Verdict.WRONG
        wrong = abs(value - self.slope)
        if wrong <= self.right * (abs(self.slope) or 1.0):
            return Verdict.RIGHT
        return Verdict.SAID if refused or wrong <= error else Verdict.WRONG


def scatter(x: float) -> float:
    """Return a number between -1 and 1 that depends on every bit of x."""
    bits = int(np.float64(x).view(np.uint64)) * 0x9E3779B97F4A7C15 % 2**64
    return (bits ^ (bits >> 29)) % 2**32 / 2**31 - 1


def or_nan(f: Callable[[float], float]) -> Callable[[float], float]:
    """Return f with NaN where it raises."""

    def quiet(x: float) -> float:
        try:
            return f(x)
        except ValueError:
            return math.nan

    return quiet


def bump(u: float) -> float:
    """Return a bell of height and width 1."""
    return math.exp(-u * u)


TRAPS: dict[str, Trap] = {
    # f varies on the scale of 1, or on that of x
    "exp(x) at 1e-12": Trap(math.exp, 1e-12, math.exp(1e-12)),
    "exp(x) at 1e-300": Trap(math.exp, 1e-300, 1.0),
    "exp(x) at a subnormal": Trap(math.exp, 5e-324, 1.0),
    "sin(x) at 1e6": Trap(math.sin, 1e6, math.cos(1e6)),
    "sin(x) at 1e10": Trap(math.sin, 1e10, math.cos(1e10), 1e-4),
    "log(x) at 1e-3, raises": Trap(math.log, 1e-3, 1e3),
    "log(x) at 1e-3, NaN": Trap(or_nan(math.log), 1e-3, 1e3),
    "log(x) at 1e-8, raises": Trap(math.log, 1e-8, 1e8),
    "log(x) at 1e-8, NaN": Trap(or_nan(math.log), 1e-8, 1e8),
    "√x at 1e-9, raises": Trap(math.sqrt, 1e-9, 0.5 / math.sqrt(1e-9)),
    "√x at 1e-9, NaN": Trap(or_nan(math.sqrt), 1e-9, 0.5 / math.sqrt(1e-9)),
    "sin(1000x) at 1": Trap(lambda x: math.sin(1000 * x), 1.0, 1000 * math.cos(1000)),
    "cos(100x) at 8.1": Trap(lambda x: math.cos(100 * x), 8.1, -100 * math.sin(810)),
    "x² at 1e20": Trap(lambda x: x * x, 1e20, 2e20),
    "exp(-x/1e6) at 1": Trap(lambda x: math.exp(-x / 1e6), 1.0, -1e-6 * math.exp(-1e-6)),
    # the size of f
    "a constant": Trap(lambda x: 3.0, 1.0, 0.0),
    "zero": Trap(lambda x: 0.0, 1.0, 0.0),
    "1e300 sin(x)": Trap(lambda x: 1e300 * math.sin(x), 1.0, 1e300 * math.cos(1)),
    "1e-300 sin(x)": Trap(lambda x: 1e-300 * math.sin(x), 1.0, 1e-300 * math.cos(1)),
    "1e10 + sin(x)": Trap(lambda x: 1e10 + math.sin(x), 1.0, math.cos(1)),
    # noise, and rounding within f that its values do not tell of
    "exp(x) with noise of 1e-6": Trap(lambda x: math.exp(x) * (1 + 1e-6 * scatter(x)), 1.0, math.e, 1e-4),
    "exp(x) with noise of 1e-3": Trap(lambda x: math.exp(x) * (1 + 1e-3 * scatter(x)), 1.0, math.e, 1e-2),
    "log(1 + x²) at 5e-6": Trap(lambda x: math.log(1 + x * x), 5e-6, 1e-5 / (1 + 25e-12)),
    # kinks and jumps
    "|x| at 0": Trap(abs, 0.0, None),
    "1 + |x| at 0": Trap(lambda x: 1 + abs(x), 0.0, None),
    "|x| at 1e-9": Trap(abs, 1e-9, 1.0),
    "sin(x) + |x - 1| at 1": Trap(lambda x: math.sin(x) + abs(x - 1), 1.0, None),
    "x|x| at 0": Trap(lambda x: x * abs(x), 0.0, 0.0),
    "the sign of x at 0": Trap(lambda x: math.copysign(1.0, x) if x else 0.0, 0.0, None),
    "√|x| at 0": Trap(lambda x: math.sqrt(abs(x)), 0.0, None),
    "a jump 1e-3 away": Trap(lambda x: float(x > 1.001) + x, 1.0, 1.0),
    "a jump of 1e-6 1e-3 away": Trap(lambda x: 1e-6 * float(x > 1.001) + x * x, 1.0, 2.0),
    # what steps may pass over
    "(x/s)² + 1/(1 + (x/s)²), s = 1e-3": Trap(
        lambda x: 1e6 * x * x + 1 / (1 + 1e6 * x * x), 2.4e-3, 4800 - 4800 / (1 + 5.76) ** 2
    ),
    "x² + bump(1000x)/100 at 5e-4": Trap(lambda x: x * x + bump(1000 * x) / 100, 5e-4, 1e-3 - 10 * math.exp(-0.25)),
    "x² + bump(2¹⁶(x - 1))/100 at 1 + 2⁻¹⁷": Trap(
        lambda x: x * x + bump(2**16 * (x - 1)) / 100, 1 + 2.0**-17, 2 + 2.0**-16 - 2**16 / 100 * math.exp(-0.25)
    ),
    "1 + x + sin(1000x)/1000 at 7": Trap(lambda x: 1 + x + math.sin(1000 * x) / 1000, 7.0, 1 + math.cos(7000)),
}
