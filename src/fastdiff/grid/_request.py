"""What is wanted of the data: which entries, by which scheme, along which axes of which spacing."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._typing import Array
from ._boundary import Boundary, Sides
from ._numpy_rules import Scalar, numpy_rules
from ._operators import Sum, Term
from ._rules import AxisRules, transposed
from ._spacing import accurate_rules, calculated_in, line

Ints: TypeAlias = tuple[int, ...]
# A spacing that can be looked up. Its type counts too: 1 == 1.0 == np.float32(1), and each makes other bits.
Token: TypeAlias = tuple[type, Scalar] | tuple[str, bytes | Array]


class NumPy(NamedTuple):
    """The formulas of `numpy.gradient`."""

    edge_order: int

    def rules(self, axis: int, token: Token, extent: int, order: int, char: str) -> AxisRules:
        """Return the rules along the selected axis number `axis` for data of type `char`."""
        return numpy_rules(spacing_of(token), char, self.edge_order)

    def calculated_in(self, token: Token, order: int, char: str) -> str:
        """Return the type that the rules are given for; they choose their own."""
        return char


class Accurate(NamedTuple):
    """Formulas of one accuracy everywhere; the boundaries of each selected axis.

    With `adjoint` those of the transposed matrices, of the linear part.
    """

    accuracy: int
    sides: tuple[Sides, ...]
    adjoint: bool = False

    def rules(self, axis: int, token: Token, extent: int, order: int, char: str) -> AxisRules:
        """Return the rules along the selected axis number `axis`, calculated in type `char`."""
        rules = accurate_rules(line(spacing_of(token), extent, self.sides[axis]), order, self.accuracy, char)
        return transposed(rules, extent) if self.adjoint else rules

    def finer(self, orders: int) -> Accurate:
        """Return the scheme with so many more orders of accuracy."""
        return self._replace(accuracy=self.accuracy + orders)

    def linear(self) -> Accurate:
        """Return the scheme without the values beyond boundaries."""
        return self._replace(sides=tuple((_without_value(low), _without_value(high)) for low, high in self.sides))

    def calculated_in(self, token: Token, order: int, char: str) -> str:
        """Return the type in which the weights have room, for data of type `char`."""
        return calculated_in(char, order, spacing_of(token))


def _without_value(side: Boundary) -> Boundary:
    return side._replace(value=0.0) if side.rule == "constant" else side


Scheme: TypeAlias = NumPy | Accurate


class Request(NamedTuple):
    """What is wanted of data of any layout: entries, or with `norm` the norm of the terms of one, by a scheme.

    Where `unit` is not 0 it is the relative error of a sample, and the errors of the entries follow as further outputs.
    With `bound` the entries are those of ``sum |w| |f|`` instead, which bounds what relative errors of the samples do.
    """

    scheme: Scheme
    tokens: tuple[Token, ...]
    axes: Ints
    entries: tuple[Sum, ...]
    norm: bool = False
    unit: float = 0.0
    bound: bool = False

    @property
    def outputs(self) -> int:
        """How many there are."""
        return len(self.entries) * (2 if self.unit else 1)

    def far(self, axis: int, shape: Ints) -> int:
        """Return how many rows along an axis of the data the samples of a row may lie away from it."""
        if axis not in self.axes:
            return 0
        position = self.axes.index(axis)
        if not isinstance(self.scheme, Accurate):
            return 2
        if self.scheme.adjoint or self.scheme.sides[position][0].rule == "periodic":
            return shape[axis]
        top = max(term.orders[position] for entry in self.entries for term in entry.terms)
        return top + self.scheme.accuracy + 2


def along(term: Term) -> tuple[int, int]:
    """Return the axis and the derivative order of a term along one axis."""
    ((axis, order),) = ((axis, order) for axis, order in enumerate(term.orders) if order)
    return axis, order


def spacing_of(token: Token) -> Any:
    """Return the spacing that a token stands for."""
    kind, value = token
    return np.frombuffer(value, dtype=kind) if isinstance(value, bytes) else value
