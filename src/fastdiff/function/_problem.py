"""A problem as the door leaves it: what is wanted of which function, where, and with which options. Plain data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from .. import _checks
from .._typing import Backend, FloatArray, Method, OnError
from ._callables import Call
from ._trees import Tree

Kind = Literal["axis", "hessian", "mixed", "direction", "hessian_product", "elementwise"]


@dataclass(frozen=True)
class Target:
    """What is wanted of f.

    Attributes
    ----------
    kind : str
        ``"axis"``: one derivative along each coordinate; ``"hessian"``: diagonal and upper triangle; ``"mixed"``: one
        partial; ``"direction"``: one derivative along v; ``"hessian_product"``: the Hessian times v;
        ``"elementwise"``: f maps entry by entry.
    order : int
        The derivative order of ``"axis"`` and ``"elementwise"``.
    orders : tuple of (coordinate, derivative order)
        The partial of ``"mixed"``.
    v : ndarray or None
        The direction.
    """

    kind: Kind
    order: int = 1
    orders: tuple[tuple[int, int], ...] = ()
    v: FloatArray | None = None

    @property
    def total_order(self) -> int:
        """The derivative order that decides the step."""
        if self.kind in ("hessian", "hessian_product"):
            return 2
        return sum(order for _, order in self.orders) or self.order

    @property
    def along(self) -> bool:
        """Whether it is a derivative along v."""
        return self.kind in ("direction", "hessian_product")

    @property
    def coordinate_order(self) -> int:
        """The highest derivative order along a single coordinate, which decides how far samples reach."""
        if self.kind == "hessian":
            return 2
        return max((order for _, order in self.orders), default=self.order)


@dataclass(frozen=True, slots=True)
class Goal:
    """How good an adaptive derivative shall be.

    Attributes
    ----------
    rtol, atol : float
        Stop where the error is below ``max(rtol * |value|, atol)``; 0 asks for all that round-off leaves.
    max_levels : int
        The most steps along one line.
    on_error : str
        What an exception of f is: an error (``"raise"``) or the edge of its domain (``"edge"``).
    """

    rtol: float = 0.0
    atol: float = 0.0
    max_levels: int = 40
    on_error: OnError = "raise"

    @property
    def asks(self) -> bool:
        """Whether less than full accuracy is asked for."""
        return self.rtol > 0 or self.atol > 0


@dataclass(frozen=True, eq=False, slots=True)
class Settings:
    """The options of a derivative, judged; arrays are not yet broadcast to x."""

    method: Method
    accuracy: int
    step: FloatArray | None
    relative_step: FloatArray | None
    x_scale: FloatArray | None
    bounds: tuple[FloatArray, FloatArray] | None
    vectorized: bool
    f0: Any
    full_output: bool
    backend: Backend
    goal: Goal
    noise: float | Literal["auto"] | None
    batch_bytes: int
    workers: Any
    progress: bool


@dataclass(frozen=True, eq=False, slots=True)
class Problem:
    """A target of a function at a point.

    Attributes
    ----------
    verb : str
        The public name, for messages.
    call : Call
        The function with its other arguments.
    x : ndarray of float64
        The point.
    scalar_only : bool
        Whether f must return a scalar.
    scalar_x : bool
        Whether f takes a single number (``derivative`` at a scalar x).
    tree : Tree or None
        The structure of x where it was a dict; x has its entries.
    """

    verb: str
    call: Call
    target: Target
    settings: Settings
    x: FloatArray
    scalar_only: bool = False
    scalar_x: bool = False
    tree: Tree | None = None

    def position(self, i: int) -> str:
        """Word a coordinate of the flattened x as the user writes it."""
        return _checks.position(i, self.x.shape) if self.tree is None else self.tree.position(i)
