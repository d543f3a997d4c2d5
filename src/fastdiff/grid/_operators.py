"""The operators: what each takes, and what it sums. One row of the table an operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

Orders: TypeAlias = tuple[int, ...]


class Term(NamedTuple):
    """A partial derivative of one component: its sign, and the derivative order along each axis."""

    sign: int
    component: int
    orders: Orders


class Sum(NamedTuple):
    """One entry of a result: a sum of partial derivatives."""

    terms: tuple[Term, ...]


# A result: an entry, or a tuple of results.
Structure: TypeAlias = Any


class Operator(NamedTuple):
    """A row of the table.

    `result` makes the structure of the result from the number of axes, the number of components and, for `partial`, the
    orders. A scalar field has one component; `components` gives the number that a vector field must have, None any.
    """

    result: Callable[[int, int, Orders], Structure]
    vector: bool = False
    components: Callable[[int], int | None] = lambda axes: None
    axes: tuple[int, ...] = ()
    norm: bool = False


def _orders(axes: int, *along: int) -> Orders:
    return tuple(along.count(axis) for axis in range(axes))


def _of(component: int, axes: int, *along: int, sign: int = 1) -> Term:
    return Term(sign, component, _orders(axes, *along))


def _gradient(axes: int, components: int, orders: Orders) -> Structure:
    parts = tuple(Sum((_of(0, axes, axis),)) for axis in range(axes))
    return parts[0] if axes == 1 else parts


def _partial(axes: int, components: int, orders: Orders) -> Structure:
    return Sum((Term(1, 0, orders),))


def _divergence(axes: int, components: int, orders: Orders) -> Structure:
    return Sum(tuple(_of(axis, axes, axis) for axis in range(axes)))


def _curl(axes: int, components: int, orders: Orders) -> Structure:
    def part(i: int, j: int) -> Sum:
        return Sum((_of(j, axes, i), _of(i, axes, j, sign=-1)))

    return part(0, 1) if axes == 2 else (part(1, 2), part(2, 0), part(0, 1))


def _laplacian(axes: int, components: int, orders: Orders) -> Structure:
    return Sum(tuple(_of(0, axes, axis, axis) for axis in range(axes)))


def _magnitude(axes: int, components: int, orders: Orders) -> Structure:
    return Sum(tuple(_of(0, axes, axis) for axis in range(axes)))


def _hessian(axes: int, components: int, orders: Orders) -> Structure:
    return tuple(tuple(Sum((_of(0, axes, i, j),)) for j in range(axes)) for i in range(axes))


def _jacobian(axes: int, components: int, orders: Orders) -> Structure:
    return tuple(tuple(Sum((_of(i, axes, j),)) for j in range(axes)) for i in range(components))


OPERATORS: dict[str, Operator] = {
    "gradient": Operator(_gradient),
    "partial": Operator(_partial),
    "divergence": Operator(_divergence, vector=True, components=lambda axes: axes),
    "curl": Operator(_curl, vector=True, components=lambda axes: axes, axes=(2, 3)),
    "laplacian": Operator(_laplacian),
    "magnitude": Operator(_magnitude, norm=True),
    "hessian": Operator(_hessian),
    "jacobian": Operator(_jacobian, vector=True),
}


def entries(structure: Structure) -> list[Sum]:
    """Return the entries of a result, from first to last; equal ones repeat."""
    if isinstance(structure, Sum):
        return [structure]
    return [entry for part in structure for entry in entries(part)]


def arranged(structure: Structure, values: dict[Sum, Any]) -> Any:
    """Return `values` in the structure of the result."""
    if isinstance(structure, Sum):
        return values[structure]
    return tuple(arranged(part, values) for part in structure)


def dimensions(structure: Structure) -> tuple[int, ...]:
    """Return the shape of the result as an array of entries."""
    if isinstance(structure, Sum):
        return ()
    return (len(structure), *(dimensions(structure[0]) if structure else ()))


def is_pure(term: Term) -> bool:
    """Whether a term is a derivative along one axis."""
    return sum(order > 0 for order in term.orders) == 1
