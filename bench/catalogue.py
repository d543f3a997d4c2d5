"""Functions of one variable with their exact derivatives, from which the calibration draws its cases.

Each is written once over a module of elementary functions: `math` evaluates it, `mpmath` differentiates it to 60
digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

EPS = float(np.finfo(np.float64).eps)
DIGITS = 60
# Terms of the Taylor series from which the scale of f near x is read.
TERMS = 7


@dataclass(frozen=True)
class Function:
    """A function of one variable.

    Attributes
    ----------
    name : str
        What it is called.
    formula : callable
        ``formula(m, x)`` with m the module of elementary functions.
    low, high : float
        Points are drawn between these, evenly in log |x| where low > 0 (then of both signs, if `both`).
    """

    name: str
    formula: Callable[[Any, Any], Any]
    low: float
    high: float
    both: bool = False

    def __call__(self, x: float) -> float:
        """Return f(x); NaN off the domain."""
        try:
            value = self.formula(math, float(x))
        except (ValueError, ZeroDivisionError, OverflowError):
            return math.nan
        return math.nan if isinstance(value, complex) else float(value)

    def draw(self, rng: np.random.Generator) -> float:
        """Return a point of the domain."""
        if self.low <= 0:
            return float(rng.uniform(self.low, self.high))
        x = float(10 ** rng.uniform(math.log10(self.low), math.log10(self.high)))
        return -x if self.both and rng.random() < 0.5 else x

    def taylor(self, x: float) -> list[float]:
        """Return the first Taylor coefficients at x, correct to round-off."""
        import mpmath

        with mpmath.workdps(DIGITS):
            # Unchopped: a slope of 1e-300 is none of round-off here.
            found = mpmath.taylor(lambda t: self.formula(mpmath, t), mpmath.mpf(x), TERMS, chop=False)
            return [float(c) for c in found]


@dataclass(frozen=True)
class Case:
    """A function at a point.

    Attributes
    ----------
    slope : float
        The exact derivative.
    conditioning : float
        ``eps (|f| + |x f'|) / (L |f'|)``, with L the scale on which f varies near x: what round-off alone costs.
    """

    f: Function
    x: float
    slope: float
    conditioning: float

    @property
    def well_conditioned(self) -> bool:
        """Whether six digits can be asked for."""
        return self.conditioning < 1e-9


def bessel(m: Any, x: Any) -> Any:
    """Return J₀(x) by its power series, to 40 terms."""
    term = total = x / x
    for k in range(1, 40):
        term = -term * x * x / (4 * k * k)
        total = total + term
    return total


FUNCTIONS = (
    Function("exp", lambda m, x: m.exp(x), 1e-6, 50, True),
    Function("sin", lambda m, x: m.sin(x), 1e-6, 1e6, True),
    Function("cos", lambda m, x: m.cos(x), 1e-6, 1e6, True),
    Function("tan", lambda m, x: m.tan(x), 1e-6, 1e2, True),
    Function("log", lambda m, x: m.log(x), 1e-6, 1e6),
    Function("sqrt", lambda m, x: m.sqrt(x), 1e-6, 1e6),
    Function("x³", lambda m, x: x**3, 1e-6, 1e6, True),
    Function("x⁷", lambda m, x: x**7, 1e-6, 1e6, True),
    Function("1/x", lambda m, x: 1 / x, 1e-6, 1e6, True),
    Function("1/x⁴", lambda m, x: 1 / x**4, 1e-6, 1e6, True),
    Function("1/(1 + 25x²)", lambda m, x: 1 / (1 + 25 * x * x), 1e-6, 1e3, True),
    Function("arctan", lambda m, x: m.atan(x), 1e-6, 1e6, True),
    Function("tanh", lambda m, x: m.tanh(x), 1e-6, 5, True),
    Function("erf", lambda m, x: m.erf(x), 1e-6, 3, True),
    Function("gamma", lambda m, x: m.gamma(x), 1e-3, 20),
    Function("exp(-x²)", lambda m, x: m.exp(-x * x), 1e-6, 4, True),
    Function("logistic", lambda m, x: 1 / (1 + m.exp(-x)), 1e-6, 20, True),
    Function("exp(sin x)", lambda m, x: m.exp(m.sin(x)), 1e-6, 1e3, True),
    Function("log(1 + x²)", lambda m, x: m.log(1 + x * x), 1e-6, 1e6, True),
    Function("x log x", lambda m, x: x * m.log(x), 1e-6, 1e6),
    Function("x^x", lambda m, x: m.exp(x * m.log(x)), 1e-3, 5),
    Function("sin(1000x)", lambda m, x: m.sin(1000 * x), 1e-6, 10, True),
    Function("cos(37x)", lambda m, x: m.cos(37 * x), 1e-6, 100, True),
    Function("sin(x) + sin(80x)/800", lambda m, x: m.sin(x) + m.sin(80 * x) / 800, 1e-6, 100, True),
    Function("sin(x²)", lambda m, x: m.sin(x * x), 1e-3, 30, True),
    Function("exp(-x/10⁶)", lambda m, x: m.exp(-x / 1e6), 1e-6, 1e6, True),
    Function("exp(-1/x)", lambda m, x: m.exp(-1 / x), 0.03, 1e3),
    Function("x sin(1/x)", lambda m, x: x * m.sin(1 / x), 0.02, 1e3, True),
    Function("sinh", lambda m, x: m.sinh(x), 1e-6, 20, True),
    Function("arsinh", lambda m, x: m.asinh(x), 1e-6, 1e6, True),
    Function("10⁶ + exp(x)", lambda m, x: 1e6 + m.exp(x), 1e-6, 10, True),
    Function("tanh(40(x - 1))", lambda m, x: m.tanh(40 * (x - 1)), 0.5, 1.5),
    Function("arctan(10³(x - 1/3))", lambda m, x: m.atan(1e3 * (x - 0.3333)), 0.1, 1),
    Function("x³/(exp(x) - 1)", lambda m, x: x**3 / (m.exp(x) - 1), 1e-2, 30),
    Function("x⁻¹² - x⁻⁶", lambda m, x: x**-12 - x**-6, 0.5, 10),
    Function("exp(-x/5) cos(7x)", lambda m, x: m.exp(-x / 5) * m.cos(7 * x), 1e-3, 30),
    Function("(1 - exp(-2(x - 1)))²", lambda m, x: (1 - m.exp(-2 * (x - 1))) ** 2, 0.1, 5),
    Function("1/(x - 1.03)", lambda m, x: 1 / (x - 1.03), 0.01, 10),
    Function("a rational function", lambda m, x: (x**3 + 2) / (x * x + 3 * x + 10), 1e-6, 1e6, True),
    Function("a polynomial", lambda m, x: 3 * x**4 - 2 * x**3 + x - 7, 1e-6, 1e6, True),
    Function("|x|", lambda m, x: abs(x), 1e-6, 1e6, True),
    Function("log, small", lambda m, x: m.log(x), 1e-12, 1e-6),
    Function("exp, small", lambda m, x: m.exp(x), 1e-14, 1e-6, True),
    Function("x², large", lambda m, x: x * x, 1e6, 1e25, True),
    Function("sin, large", lambda m, x: m.sin(x), 1e6, 1e9, True),
    Function("log1p", lambda m, x: m.log1p(x), 1e-12, 1e6),
    Function("√x x²", lambda m, x: m.sqrt(x) * x * x, 1e-6, 1e6),
    Function("J₀", bessel, 1e-3, 8, True),
    Function("10³⁰⁰ sin", lambda m, x: 1e300 * m.sin(x), 1e-6, 1e3, True),
    Function("10⁻³⁰⁰ exp", lambda m, x: 1e-300 * m.exp(x), 1e-6, 10, True),
)


@lru_cache(maxsize=4)
def cases(per_function: int = 15, seed: int = 0) -> tuple[Case, ...]:
    """Return cases with their exact derivatives: `per_function` of each function, where f is finite."""
    rng = np.random.default_rng(seed)
    found: list[Case] = []
    for f in FUNCTIONS:
        drawn = 0
        while drawn < per_function:
            x = f.draw(rng)
            case = _case(f, x)
            if case is not None:
                found.append(case)
                drawn += 1
    return tuple(found)


def _case(f: Function, x: float) -> Case | None:
    value = f(x)
    if not math.isfinite(value):
        return None
    coefficients = f.taylor(x)
    slope = coefficients[1]
    if slope == 0 or not all(map(math.isfinite, coefficients)):
        return None
    scales = [(abs(slope / c)) ** (1 / (k - 1)) for k, c in enumerate(coefficients) if k > 1 and c]
    scale = min(scales, default=max(1.0, abs(x)))
    return Case(f, x, slope, EPS * (abs(value) + abs(x * slope)) / (scale * abs(slope)))
