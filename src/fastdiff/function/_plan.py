"""The seam between what to differentiate, how, and who evaluates f.

A `Plan` is frozen: a target, a method with its accuracy, a step rule and a box, for one shape of x. A `Run` of it is
*ask and tell*: ``ask()`` gives a batch of points or None, ``tell(values)`` takes their values, ``(points, outputs)``. A
run knows no f and an evaluator knows no derivatives, so methods, targets and evaluators add and never multiply.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Literal, Protocol

from .._typing import Array, FloatArray, Method, StatusArray
from . import _layout, _steps
from ._evaluate import Batch
from ._layout import CENTRAL, SIDES, Layout
from ._problem import Goal, Target
from ._steps import Box, StepRule


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything about a derivative that does not depend on x and f: made by the door for one shape of x."""

    target: Target
    method: Method
    accuracy: int
    rule: StepRule
    box: Box | None
    shape: tuple[int, ...]
    goal: Goal
    vectorized: bool = False
    noise: float | Literal["auto"] | None = None

    @property
    def side(self) -> int:
        """The side on which the method takes its samples."""
        return SIDES.index(self.method) if self.method in SIDES else CENTRAL

    @cached_property
    def unbounded(self) -> tuple[Layout, FloatArray, FloatArray]:
        """Without a box: the layout, and how far the lowest and the highest sample of each coordinate lie from x."""
        sides = _steps.everywhere(self.side, prod(self.shape))
        low, high = _steps.reaches(self.target.coordinate_order, self.accuracy)
        return self.layout(sides), low[sides], high[sides]

    def layout(self, sides: StatusArray) -> Layout:
        """Return the layout for coordinates sampled on these sides."""
        target, key = self.target, sides.tobytes()
        if target.kind == "hessian":
            return _layout.hessian_layout(key, self.accuracy)
        if target.kind == "mixed":
            return _layout.mixed_layout(key, target.orders, self.accuracy)
        if target.kind == "elementwise":
            return _layout.elementwise_layout(key, target.order, self.accuracy)
        return _layout.axis_layout(key, target.order, self.accuracy)


class Evaluator(Protocol):
    """What evaluates f, as a method sees it."""

    @property
    def shape(self) -> tuple[int, ...] | None:
        """The shape of what f returns; None where it is not known yet."""

    @property
    def epsilon(self) -> float:
        """The relative precision of what f returns."""

    @property
    def nfev(self) -> int:
        """The number of points evaluated so far."""

    def evaluate(self, batch: Batch) -> Array | None:
        """Return the values of f, shape (points, outputs); None where f turned out to have another precision."""

    def close(self) -> None:
        """Let go of what is held beyond a batch."""


class Run(Protocol):
    """What a method looks like to those who evaluate f."""

    value: Array
    status: StatusArray
    worst: int
    step: FloatArray
    gradient: Array | None

    @property
    def error(self) -> FloatArray | None:
        """The error of each value, or None where the method does not estimate it."""

    def ask(self) -> Batch | None:
        """Return the points that are needed next, or None when the run is done."""

    def tell(self, values: Array) -> None:
        """Take the values at the points asked for, shape (points, outputs)."""
