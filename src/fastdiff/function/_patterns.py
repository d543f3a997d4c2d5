"""Patterns: what one level of a ladder samples, in units of its step, and how the samples combine to a quotient.

A pattern knows neither x nor the size of the step. It is plain frozen data, made of stencils, and cached.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import product

import numpy as np

from .._stencil import stencil
from .._typing import FloatArray, IntpArray
from ._layout import CENTRAL, SIDES

_AT_X = -1


@dataclass(frozen=True, eq=False)
class Pattern:
    """The samples of a level and their combination.

    Attributes
    ----------
    offsets : ndarray, shape (own samples, arms)
        Where f is sampled, in steps along each arm: the coordinates or directions that the ladder moves.
    plus, minus : ndarrays of intp; weight : ndarray
        The quotient is ``sum(weight * (f[plus] - f[minus]))`` over a product of steps; -1 is f(x).
    borrowed : int
        Samples that come after the own ones and that another ladder has taken.
    order : int
        The derivative order.
    power : int
        The error of the quotient is a series in this power of the step.
    """

    offsets: FloatArray
    plus: IntpArray
    minus: IntpArray
    weight: FloatArray
    order: int
    power: int
    borrowed: int = 0

    @property
    def points(self) -> int:
        """The number of samples, own and borrowed."""
        return len(self.offsets) + self.borrowed

    @cached_property
    def low(self) -> FloatArray:
        """The lowest offset along each arm, that of x included, shape (arms,)."""
        low: FloatArray = np.minimum(self.offsets.min(axis=0), 0.0)
        return low

    @cached_property
    def high(self) -> FloatArray:
        """The highest offset along each arm, that of x included, shape (arms,)."""
        high: FloatArray = np.maximum(self.offsets.max(axis=0), 0.0)
        return high

    @property
    def paired(self) -> bool:
        """Whether samples 0 and 1 are mirror images whose other parity tells whether f is smooth."""
        return self.order <= 2 and self.power == 2 and self.offsets.shape[1] == 1


def _power(sides: tuple[int, ...]) -> int:
    """Central quotients are even in the step; a one-sided one makes the whole a series in every power."""
    return 2 if all(side == CENTRAL for side in sides) else 1


@lru_cache(maxsize=64)
def line(order: int, side: int) -> Pattern:
    """Return the pattern of a derivative along one arm: the stencil of least accuracy, as levels supply the rest."""
    formula = stencil(order, 2 if side == CENTRAL else 1, side=SIDES[side])
    offsets = sorted((offset for offset in formula.offsets if offset), key=lambda offset: (abs(offset), -offset))
    at = {offset: number for number, offset in enumerate(offsets)} | {0: _AT_X}
    return Pattern(
        offsets=np.array(offsets, np.float64)[:, None],
        plus=np.array([at[plus] for plus, _, _ in formula.differences], np.intp),
        minus=np.array([at[minus] for _, minus, _ in formula.differences], np.intp),
        weight=np.array([float(weight) for _, _, weight in formula.differences]),
        order=order,
        power=_power((side,)),
    )


@lru_cache(maxsize=64)
def mixed(orders: tuple[int, ...], sides: tuple[int, ...]) -> Pattern:
    """Return the pattern of a mixed derivative: the product of the stencils of its arms, differenced along the last."""
    if len(orders) == 1:
        return line(orders[0], sides[0])
    stencils = [stencil(k, 2 if s == CENTRAL else 1, side=SIDES[s]) for k, s in zip(orders, sides, strict=True)]
    at = {(0,) * len(orders): _AT_X}
    terms = []
    for outer in product(*(list(zip(s.offsets, s.weights, strict=True)) for s in stencils[:-1])):
        place = tuple(offset for offset, _ in outer)
        factor = np.prod([float(weight) for _, weight in outer])
        for plus, minus, weight in stencils[-1].differences:
            ends = [at.setdefault((*place, end), len(at) - 1) for end in (plus, minus)]
            terms.append((*ends, factor * float(weight)))
    return Pattern(
        offsets=np.array(list(at)[1:], np.float64),
        plus=np.array([plus for plus, _, _ in terms], np.intp),
        minus=np.array([minus for _, minus, _ in terms], np.intp),
        weight=np.array([weight for _, _, weight in terms]),
        order=sum(orders),
        power=_power(sides),
    )


@lru_cache(maxsize=1)
def diagonal_pair() -> Pattern:
    """Return the pattern of a mixed second derivative that borrows the samples on the axes.

    M. S. Ridout, Amer. Statist. 63 (2009) 66-74, eq. 8, with the undivided second differences D2 of the ladders i and
    j: ``f_ij h_i h_j = (D2_{i+j} - D2_i - D2_j) / 2``. Own samples: x ± (h_i, h_j). Borrowed: x ± h_i, x ± h_j.
    """
    plus_plus, minus_minus, plus_i, minus_i, plus_j, minus_j = range(6)
    return Pattern(
        offsets=np.array([[1.0, 1.0], [-1.0, -1.0]]),
        plus=np.array([plus_plus, plus_j, minus_minus, minus_j]),
        minus=np.array([plus_i, _AT_X, minus_i, _AT_X]),
        weight=np.array([0.5, -0.5, 0.5, -0.5]),
        order=2,
        power=2,
        borrowed=4,
    )
