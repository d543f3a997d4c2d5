"""Finite-difference formulas as exact data.

A derivative is a linear combination of samples. A `Stencil` holds that combination: integer offsets, rational weights,
the derivative order and the accuracy it reaches. It checks its own moments when it is built, so a wrong formula cannot
exist. What the samples are (an array in memory, calls of a function) is not known here.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import factorial, lcm
from typing import Literal, SupportsIndex

__all__ = ["Stencil", "stencil"]

Side = Literal["central", "forward", "backward"]

_SIDES: tuple[Side, ...] = ("central", "forward", "backward")


@dataclass(frozen=True, slots=True)
class Stencil:
    """A finite-difference formula: ``sum(w * f(x + o*h)) / h**derivative``.

    Parameters
    ----------
    offsets : tuple of int
        Where the samples are taken, in units of the step, strictly increasing.
    weights : tuple of Fraction
        One weight for each offset; none is zero, as a zero weight would let a NaN through.
    derivative : int
        The derivative order.
    accuracy : int
        The order of the leading error term: the error falls like ``h**accuracy``.

    Raises
    ------
    ValueError
        If the moments of the weights do not give this derivative at exactly this accuracy.

    Examples
    --------
    >>> from fastdiff import stencil
    >>> print(stencil(1, 2))
    f'(x) = (-f(x-h) + f(x+h)) / (2 h) + O(h^2)
    """

    offsets: tuple[int, ...]
    weights: tuple[Fraction, ...]
    derivative: int
    accuracy: int

    def __post_init__(self) -> None:
        """Check the moments: exact on polynomials up to the accuracy, and not beyond."""
        if len(self.offsets) != len(self.weights) or 0 in self.weights:
            raise ValueError("a stencil needs one non-zero weight for each offset")
        if any(low >= high for low, high in zip(self.offsets, self.offsets[1:], strict=False)):
            raise ValueError(f"`offsets` must increase strictly, got {self.offsets}")
        exact_to = self.derivative + self.accuracy
        for power in range(exact_to):
            wanted = factorial(self.derivative) if power == self.derivative else 0
            if self._moment(power) != wanted:
                raise ValueError(f"the weights are not exact for x**{power}: {self._moment(power)} != {wanted}")
        if self._moment(exact_to) == 0:
            raise ValueError(f"the weights are more accurate than `accuracy`={self.accuracy} says")

    def _moment(self, power: int) -> Fraction:
        return sum((w * Fraction(o) ** power for o, w in zip(self.offsets, self.weights, strict=True)), Fraction(0))

    @property
    def reach(self) -> int:
        """The largest distance of a sample from x, in steps."""
        return max(-self.offsets[0], self.offsets[-1], 0)

    @property
    def error_constant(self) -> Fraction:
        """C in the leading error term ``C * h**accuracy * f^(derivative + accuracy)(x)`` (Taylor's theorem)."""
        power = self.derivative + self.accuracy
        return self._moment(power) / factorial(power)

    @property
    def differences(self) -> tuple[tuple[int, int, Fraction], ...]:
        """The formula as differences ``(plus, minus, weight)``: ``sum(w * (f[plus] - f[minus])) / h**derivative``.

        The weights of a derivative sum to zero, so this always exists. Samples are subtracted before anything else
        happens to them: a constant differentiates to exactly zero and neighbours lose no digit (Sterbenz' lemma).
        Antisymmetric weights are paired across x, others against f(x).
        """
        taps = dict(zip(self.offsets, self.weights, strict=True))
        if all(taps.get(-offset) == -weight for offset, weight in taps.items()):
            return tuple((offset, -offset, weight) for offset, weight in taps.items() if offset > 0)
        return tuple((offset, 0, weight) for offset, weight in taps.items() if offset != 0)

    def __str__(self) -> str:
        denominator = lcm(*(weight.denominator for weight in self.weights))
        terms = " ".join(
            _term(int(weight * denominator), offset, first=index == 0)
            for index, (offset, weight) in enumerate(zip(self.offsets, self.weights, strict=True))
        )
        name = "f" + ("'" * self.derivative if self.derivative < 4 else f"^({self.derivative})")
        power = "h" if self.derivative == 1 else f"h^{self.derivative}"
        divisor = power if denominator == 1 else f"({denominator} {power})"
        return f"{name}(x) = ({terms}) / {divisor} + O(h{'' if self.accuracy == 1 else f'^{self.accuracy}'})"


def _term(weight: int, offset: int, *, first: bool) -> str:
    sign = "-" if weight < 0 else ("" if first else "+")
    factor = "" if abs(weight) == 1 else f"{abs(weight)} "
    multiple = "" if abs(offset) == 1 else f"{abs(offset)}"
    point = "x" if offset == 0 else f"x{'+' if offset > 0 else '-'}{multiple}h"
    return f"{sign}{'' if first else ' '}{factor}f({point})"


def fornberg(nodes: Sequence[Fraction], at: Fraction, derivative: int) -> list[Fraction]:
    """Weights on arbitrary nodes, exact: B. Fornberg, Math. Comp. 51 (1988) 699-706, the recursion of section 2.

    ``delta[k][j]`` is the weight of node j for the k-th derivative, using the nodes seen so far.
    """
    count = len(nodes)
    delta = [[Fraction(0)] * count for _ in range(derivative + 1)]
    delta[0][0] = Fraction(1)
    product = Fraction(1)
    for new in range(1, count):
        previous_product, product = product, Fraction(1)
        ahead, behind = nodes[new] - at, nodes[new - 1] - at
        # The new node's weights need the previous node's as they were before it: that node is updated last.
        for old in range(new):
            gap = nodes[new] - nodes[old]
            product *= gap
            if old == new - 1:
                for k in range(min(new, derivative), -1, -1):
                    lower = k * delta[k - 1][new - 1] if k else Fraction(0)
                    delta[k][new] = previous_product / product * (lower - behind * delta[k][new - 1])
            for k in range(min(new, derivative), -1, -1):
                lower = k * delta[k - 1][old] if k else Fraction(0)
                delta[k][old] = (ahead * delta[k][old] - lower) / gap
    return delta[derivative]


def stencil(
    order: SupportsIndex,
    accuracy: SupportsIndex | None = None,
    *,
    offsets: Iterable[SupportsIndex] | None = None,
    side: Side = "central",
) -> Stencil:
    """Build the finite-difference formula of a derivative, with exact rational weights.

    Parameters
    ----------
    order : int
        The derivative order, at least 1.
    accuracy : int, optional
        The order of accuracy wanted; even for ``side="central"``. Default 2 for central, 1 for the others.
    offsets : iterable of int, optional
        Sample positions in units of the step, instead of `accuracy` and `side`.
    side : {"central", "forward", "backward"}, optional
        Which side of x the samples lie on.

    Returns
    -------
    Stencil
        Printable, frozen; the accuracy it states is the one it has.

    Raises
    ------
    TypeError
        If `order`, `accuracy` or an offset is not an integer.
    ValueError
        If a value is out of range, `offsets` repeat or are too few, or `offsets` come with `accuracy` or `side`.

    References
    ----------
    B. Fornberg, "Generation of finite difference formulas on arbitrarily spaced grids", Math. Comp. 51 (1988) 699-706.

    Examples
    --------
    >>> import fastdiff as fd
    >>> print(fd.stencil(2, 2))
    f''(x) = (f(x-h) - 2 f(x) + f(x+h)) / h^2 + O(h^2)
    >>> print(fd.stencil(1, offsets=[0, 1, 3]))
    f'(x) = (-8 f(x) + 9 f(x+h) - f(x+3h)) / (6 h) + O(h^2)
    """
    derivative = _index("order", order)
    if derivative < 1:
        raise ValueError(f"`order` must be at least 1, got {derivative}")
    if offsets is not None:
        if accuracy is not None or side != "central":
            raise ValueError("give either `offsets`, or `accuracy` and `side`: the offsets decide both")
        nodes = sorted(_index("offsets", offset) for offset in offsets)
        if len(set(nodes)) != len(nodes):
            raise ValueError(f"`offsets` must be distinct, got {nodes}")
        if len(nodes) <= derivative:
            raise ValueError(f"`offsets` must be at least {derivative + 1} for order {derivative}, got {nodes}")
        return _solve(derivative, tuple(nodes))
    if side not in _SIDES:
        raise ValueError(f"`side` must be one of {', '.join(map(repr, _SIDES))}, got {side!r}")
    order_of_accuracy = (2 if side == "central" else 1) if accuracy is None else _index("accuracy", accuracy)
    if order_of_accuracy < 1 or (side == "central" and order_of_accuracy % 2):
        kind = "a positive even integer" if side == "central" else "a positive integer"
        raise ValueError(f"`accuracy` must be {kind} with side={side!r}, got {order_of_accuracy}")
    if side == "central":
        # 2r + 1 points; the order comes out even by symmetry, one more than the count of points promises.
        reach = (derivative + 1) // 2 - 1 + order_of_accuracy // 2
        return _solve(derivative, tuple(range(-reach, reach + 1)))
    last = derivative + order_of_accuracy - 1
    return _solve(derivative, tuple(range(last + 1)) if side == "forward" else tuple(range(-last, 1)))


@lru_cache(maxsize=512)
def _solve(derivative: int, nodes: tuple[int, ...]) -> Stencil:
    weights = fornberg([Fraction(node) for node in nodes], Fraction(0), derivative)
    kept = [(node, weight) for node, weight in zip(nodes, weights, strict=True) if weight]
    power = len(nodes)
    while sum(weight * node**power for node, weight in kept) == 0:
        power += 1
    return Stencil(tuple(node for node, _ in kept), tuple(weight for _, weight in kept), derivative, power - derivative)


def _index(name: str, value: object) -> int:
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"`{name}` must be an integer, got {value!r}") from None
