"""The slow, obvious twin of the grid operators: one dense matrix an axis, exact weights, ghost samples written out."""

from collections.abc import Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from math import factorial
from typing import Any, NamedTuple

import numpy as np

Rule = Any  # "one-sided", "periodic", "reflect", "antireflect", ("periodic", period), ("constant", value)
ONE_SIDED = ("one-sided", "one-sided")


@lru_cache(maxsize=1 << 16)
def lagrange(nodes: tuple[Fraction, ...], at: Fraction, order: int) -> tuple[Fraction, ...]:
    """The derivative at one place of each polynomial that is 1 at its node and 0 at the others."""

    def weight(node: Fraction) -> Fraction:
        series = [Fraction(1)] + [Fraction(0)] * order  # in powers of (x - at)
        for other in nodes:
            if other != node:
                shifted = [Fraction(0), *series[:-1]]
                series = [(c * (at - other) + lower) / (node - other) for c, lower in zip(series, shifted, strict=True)]
        return factorial(order) * series[order]

    return tuple(map(weight, nodes))


class Sample(NamedTuple):
    """A node of the axis or a ghost: where it is, its value as ``sum(share * f[index]) + constant``."""

    node: Fraction
    shares: dict[int, int]
    constant: float = 0.0


def sample(x: Sequence[Fraction], index: int, rule: Rule) -> Sample:
    """What stands at an index of the axis, be it beyond an end."""
    n = len(x)
    if 0 <= index < n:
        return Sample(x[index], {index: 1})
    kind = rule if isinstance(rule, str) else rule[0]
    if kind == "periodic":
        turns, inside = divmod(index, n)
        return Sample(x[inside] + turns * signed_period(x, rule), {inside: 1})
    end = 0 if index < 0 else n - 1
    mirror = 2 * end - index
    node = 2 * x[end] - x[mirror]
    if kind == "reflect":
        return Sample(node, {mirror: 1})
    if kind == "antireflect":
        return Sample(node, {end: 2, mirror: -1})
    assert kind == "constant"
    return Sample(node, {}, rule[1])


def signed_period(x: Sequence[Fraction], rule: Rule) -> Fraction:
    """The period in the direction of the axis; without a number that of a uniform axis."""
    step = x[1] - x[0]
    if isinstance(rule, str):
        return len(x) * step
    return Fraction(rule[1]) * (1 if step > 0 else -1)


def uniform(x: Sequence[Fraction], rules: tuple[Rule, Rule]) -> bool:
    """Whether all steps are equal, that across the seam included."""
    ring = [*x]
    if rules[0] == "periodic" or rules[0][0] == "periodic":
        ring.append(x[0] + signed_period(x, rules[0]))
    return len({b - a for a, b in pairwise(ring)}) == 1


def reach(order: int, accuracy: int, *, even: bool) -> int:
    """How many samples an interior row takes on either side: fewer on a uniform axis, thanks to symmetry."""
    return (order + 1) // 2 - 1 + accuracy // 2 if even else (order + accuracy) // 2


class AxisMatrix(NamedTuple):
    """A derivative along an axis, ``linear @ f + affine``; of each row the sum of its absolute weights."""

    linear: np.ndarray
    affine: np.ndarray
    size: np.ndarray


def axis_matrix(
    coordinates: Sequence[float], order: int, accuracy: int, rules: tuple[Rule, Rule] = ONE_SIDED
) -> AxisMatrix:
    """Every row: the polynomial through its window differentiated; a window past a one-sided end is moved inside."""
    x = [Fraction(float(c)) for c in coordinates]
    n = len(x)
    linear, affine, size = np.full((n, n), Fraction(0)), np.full(n, Fraction(0)), np.full(n, Fraction(0))
    width = reach(order, accuracy, even=uniform(x, rules))
    for row in range(n):
        window = range(row, row + 1) if order == 0 else range(row - width, row + width + 1)
        if window.start < 0 and rules[0] == "one-sided":
            window = range(order + accuracy)
        elif window.stop > n and rules[1] == "one-sided":
            window = range(n - order - accuracy, n)
        samples = [sample(x, index, rules[0] if index < 0 else rules[1]) for index in window]
        weights = lagrange(tuple(s.node - x[row] for s in samples), Fraction(0), order)
        for weight, (_, shares, constant) in zip(weights, samples, strict=True):
            affine[row] += weight * Fraction(constant)
            size[row] += abs(weight * Fraction(constant))
            for index, share in shares.items():
                linear[row, index] += weight * share
                size[row] += abs(weight * share)
    return AxisMatrix(linear.astype(float), affine.astype(float), size.astype(float))


def along(matrix: np.ndarray, f: np.ndarray, axis: int) -> np.ndarray:
    return np.moveaxis(np.tensordot(matrix, f, (1, axis)), 0, axis)


class Twin:
    """Every operator on all axes of an array, from the matrices of its axes."""

    def __init__(self, axes: Sequence[Sequence[float]], accuracy: int = 2, rules: Sequence[tuple[Rule, Rule]] = ()):
        self.axes, self.accuracy = axes, accuracy
        self.rules = rules or [ONE_SIDED] * len(axes)

    def partial(self, f: np.ndarray, order: Sequence[int]) -> np.ndarray:
        """Axis by axis. What lies beyond an end is constant, hence its derivative along another axis is 0: the
        constants enter the first derivative only.
        """
        first = True
        for axis, m in enumerate(order):
            if m:
                linear, affine, _ = axis_matrix(self.axes[axis], m, self.accuracy, self.rules[axis])
                f = along(linear, f, axis)
                if first:
                    f = f + affine.reshape([-1 if k == axis else 1 for k in range(f.ndim)])
                first = False
        return f

    def along_axis(self, f: np.ndarray, axis: int, m: int = 1) -> np.ndarray:
        return self.partial(f, [m * (k == axis) for k in range(len(self.axes))])

    def gradient(self, f: np.ndarray) -> list[np.ndarray]:
        return [self.along_axis(f, axis) for axis in range(len(self.axes))]

    def magnitude(self, f: np.ndarray) -> np.ndarray:
        return np.sqrt(sum(np.abs(part) ** 2 for part in self.gradient(f)))

    def laplacian(self, f: np.ndarray) -> np.ndarray:
        return sum(self.along_axis(f, axis, 2) for axis in range(len(self.axes)))

    def divergence(self, F: Sequence[np.ndarray]) -> np.ndarray:
        return sum(self.along_axis(part, axis) for axis, part in enumerate(F))

    def curl(self, F: Sequence[np.ndarray]) -> Any:
        def turn(i: int, j: int) -> np.ndarray:
            return self.along_axis(F[j], i) - self.along_axis(F[i], j)

        return turn(0, 1) if len(F) == 2 else [turn(1, 2), turn(2, 0), turn(0, 1)]

    def jacobian(self, F: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
        return [self.gradient(part) for part in F]

    def hessian(self, f: np.ndarray) -> list[list[np.ndarray]]:
        units = np.eye(len(self.axes), dtype=int)
        return [[self.partial(f, list(a + b)) for b in units] for a in units]
