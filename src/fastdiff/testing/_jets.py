"""Jets: numbers that carry their first and second derivatives with respect to all variables along."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from .._typing import FloatArray

Number: TypeAlias = Any  # a float, a jet, or a number of another library that calculates alike


@dataclass(frozen=True, eq=False, slots=True)
class Jet:
    """A value with its gradient, shape (n,), and its Hessian, shape (n, n).

    The rules are those of second-order forward differentiation (A. Griewank, A. Walther, *Evaluating Derivatives*,
    2008, chapter 13): exact but for round-off.
    """

    value: float
    gradient: FloatArray
    hessian: FloatArray

    def apply(self, value: float, first: float, second: float) -> Jet:
        """Return g(self) for a function g of one variable with these derivatives at self."""
        outer = np.multiply.outer(self.gradient, self.gradient)
        return Jet(value, first * self.gradient, first * self.hessian + second * outer)

    def __float__(self) -> float:
        return float(self.value)

    def __neg__(self) -> Jet:
        return Jet(-self.value, -self.gradient, -self.hessian)

    def __abs__(self) -> Jet:
        return self if self.value >= 0 else -self

    def __add__(self, other: Number) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.value + other, self.gradient, self.hessian)
        return Jet(self.value + other.value, self.gradient + other.gradient, self.hessian + other.hessian)

    __radd__ = __add__

    def __sub__(self, other: Number) -> Jet:
        return self.__add__(-other)

    def __rsub__(self, other: Number) -> Jet:
        return self.__neg__().__add__(other)

    def __mul__(self, other: Number) -> Jet:
        if not isinstance(other, Jet):
            return Jet(self.value * other, self.gradient * other, self.hessian * other)
        cross = np.multiply.outer(self.gradient, other.gradient)
        return Jet(
            self.value * other.value,
            self.value * other.gradient + other.value * self.gradient,
            self.value * other.hessian + other.value * self.hessian + cross + cross.T,
        )

    __rmul__ = __mul__

    def __truediv__(self, other: Number) -> Jet:
        return self.__mul__(other**-1 if isinstance(other, Jet) else 1 / other)

    def __rtruediv__(self, other: Number) -> Jet:
        return self.__pow__(-1).__mul__(other)

    def __pow__(self, exponent: int) -> Jet:
        x, k = self.value, exponent
        first = k * x ** (k - 1) if k else 0.0
        second = k * (k - 1) * x ** (k - 2) if k not in (0, 1) else 0.0
        return self.apply(x**k, first, second)


def variables(x: FloatArray) -> list[Jet]:
    """Return the coordinates of x, shape (n,), as jets."""
    n = len(x)
    # NumPy's floats overflow to infinity where Python's raise.
    return [Jet(value, unit, np.zeros((n, n))) for value, unit in zip(x, np.eye(n), strict=True)]


# function -> (its first and second derivative, given x and the value there)
_RULES: dict[str, Callable[[float, float], tuple[float, float]]] = {
    "exp": lambda x, y: (y, y),
    "log": lambda x, y: (1 / x, -1 / x**2),
    "sin": lambda x, y: (np.cos(x), -y),
    "cos": lambda x, y: (-np.sin(x), -y),
    "sqrt": lambda x, y: (0.5 / y, -0.25 / (x * y)),
    "atan": lambda x, y: (1 / (1 + x * x), -2 * x / (1 + x * x) ** 2),
}


class JetFunctions:
    """The elementary functions of jets: what `numpy` is to numbers."""

    def __getattr__(self, name: str) -> Callable[[Jet], Jet]:
        rule, function = _RULES[name], getattr(np, name)

        def apply(x: Jet) -> Jet:
            value = function(x.value)
            return x.apply(value, *rule(x.value, value))

        return apply
