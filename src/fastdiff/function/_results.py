"""What a derivative comes with: a status for every entry, a frozen result, and the words for both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum
from math import prod
from typing import Any, Protocol

import numpy as np

from .. import _checks
from .._typing import Array, FloatArray, StatusArray


class Status(IntEnum):
    """How an entry of a derivative came about, in order of severity.

    ``DerivativeResult.status`` holds one for every entry. Each member has a `sentence` of cause and remedy.
    """

    CONVERGED = 0
    TOLERANCE_MET = 1
    NOT_ESTIMATED = 2
    FIXED = 3
    NOISE_LIMITED = 4
    DOMAIN_LIMITED = 5
    EXHAUSTED = 6
    ALIASED = 7
    NOT_SMOOTH = 8
    NOT_FINITE = 9

    @property
    def sentence(self) -> str:
        """What the status means and what to do about it."""
        return _SENTENCES[self]


_SENTENCES = {
    Status.CONVERGED: "The estimate converged to round-off.",
    Status.TOLERANCE_MET: "The estimate meets the tolerance asked for.",
    Status.NOT_ESTIMATED: "A fixed step was used: the error is not estimated.",
    Status.FIXED: "The lower bound equals the upper bound: the coordinate is fixed and its derivative is set to 0.",
    Status.NOISE_LIMITED: "Fewer than 3 digits of f survive the subtraction, or fewer than the tolerance asks for: "
    "the derivative is next to nothing, or the step is; enlarge `step`, or state the scale of x with `x_scale`.",
    Status.DOMAIN_LIMITED: "The bounds leave no room for a step: widen `bounds`, or make them equal to fix x.",
    Status.EXHAUSTED: "The levels or the steps were used up before the estimate converged: "
    "raise `max_levels`, or state the scale of x with `x_scale`.",
    Status.ALIASED: "A smaller step disagrees with the estimate: f oscillates within the step.",
    Status.NOT_SMOOTH: "f has a kink or a jump here: the derivative may not exist.",
    Status.NOT_FINITE: "f returned NaN or infinity at the points needed: "
    "keep x inside the domain of f with `bounds`, or take a smaller `step`.",
}


class AccuracyWarning(UserWarning):
    """A derivative was computed, but an entry of it is not to be trusted; the message names the worst."""


@dataclass(frozen=True, slots=True, eq=False)
class DerivativeResult:
    """A derivative with all that is known about it.

    Where x is a dict of arrays and so is the derivative, then `error`, `step` and `status` are dicts as well.

    Attributes
    ----------
    value : ndarray or scalar
        The derivative.
    error : ndarray or scalar
        The estimated absolute error, of the shape of `value`; NaN where the method does not estimate it.
    step : ndarray or scalar
        The step used, of the shape of x; of `value` where every entry has its own, as with method='richardson': the
        smallest one in it.
    status : ndarray of int8
        A `Status` for every entry of `value`.
    nfev : int
        The number of points at which f was evaluated, everything counted.
    message : str
        The worst status as a sentence of cause and remedy.
    """

    value: Any
    error: Any
    step: Any
    status: Any
    nfev: int
    message: str

    @property
    def ok(self) -> bool:
        """Whether no entry is worse than ``Status.NOISE_LIMITED``."""
        return all(status.max(initial=0) <= Status.NOISE_LIMITED for _, status in leaves(self.status))

    def __repr__(self) -> str:
        names = [name for cls in reversed(type(self).__mro__) for name in getattr(cls, "__slots__", ())]
        shown = [(name + path, part) for name in names for path, part in leaves(getattr(self, name))]
        width = max(len(label) for label, _ in shown)
        rows = []
        for label, part in shown:
            if label.startswith("status"):
                part = np.vectorize(lambda status: Status(status).name, otypes=[object])(part)
            text = part if label == "message" else np.array2string(np.asarray(part), threshold=20)
            rows.append(f"{label:>{width}}: " + text.replace("\n", "\n" + " " * (width + 2)))
        return "\n".join(rows)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class HessianResult(DerivativeResult):
    """A Hessian with all that is known about it; `gradient` comes from the same points, at no further evaluation.

    Attributes
    ----------
    gradient : ndarray
        The first derivatives, at the accuracy that the steps of the Hessian give.
    """

    gradient: Any


class Solution(Protocol):
    """What a back-end makes of a problem; only what is asked for is shaped."""

    @property
    def worst(self) -> int:
        """The worst status."""

    def value(self) -> Any:
        """Return the derivative alone."""

    def result(self) -> DerivativeResult:
        """Return the derivative with all that is known about it."""


@dataclass(frozen=True, slots=True, eq=False)
class Finished:
    """A solution that is a result already."""

    finished: DerivativeResult

    @property
    def worst(self) -> int:
        """The worst status."""
        return int(self.finished.status.max(initial=0))

    def value(self) -> Any:
        """Return the derivative alone."""
        return self.finished.value

    def result(self) -> DerivativeResult:
        """Return the derivative with all that is known about it."""
        return self.finished


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the path and the array of each leaf of a dict of arrays; an array is a leaf without a path."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield from leaves(below, f"{path}[{key!r}]")
    else:
        yield path, value


def describe(status: Any) -> str:
    """Return the worst status of an array, or of a dict of arrays, as a sentence, with the entry that has it."""
    parts = [(path, part) for path, part in leaves(status) if part.size]
    if not parts:
        return "There is nothing to differentiate."
    path, part = max(parts, key=lambda leaf: leaf[1].max())
    worst = int(np.argmax(part))
    name = Status(int(part.flat[worst]))
    if name <= Status.NOT_ESTIMATED:
        return name.sentence
    return f"entry {path + _checks.position(worst, part.shape) or '()'}: {name.name}. {name.sentence}"


def no_estimate(value: Array) -> FloatArray:
    """Return the error of a method that does not estimate it: NaN, in the shape of `value`."""
    return np.full(np.shape(value), np.nan)


def numbers(value: Any, complex_allowed: bool, name: str = "`f`") -> Array:
    """Return what f, or what is named, returned as an array of numbers; anything else is named."""
    if value is None:
        raise TypeError(
            f"{name} returned None; it must return a number or an array of numbers (is a `return` missing?)"
        )
    _checks.require_unmasked(f"what {name} returns", value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"{name} must return a number or an array of numbers: {error}") from None
    if array.dtype.kind == "O":
        array = _checks.from_objects(f"what {name} returns", array, value)
    if array.dtype.kind == "c" and not complex_allowed:
        raise TypeError(
            f"{name} returned complex numbers; complex-valued f is supported by derivative, partial and jacobian "
            "with the methods 'central', 'forward' and 'backward'"
        )
    if array.dtype.kind not in "biufc":
        raise TypeError(f"{name} must return a number or an array of numbers, got {value!r:.80}")
    return array


def require_same_shape(first: tuple[int, ...], later: tuple[int, ...], where: str = "") -> None:
    """Raise ValueError where f returned another shape than at the first point; one number may have any."""
    if later != first and not (prod(first) == prod(later) == 1):
        raise ValueError(
            f"`f` returned the shape {first} first and {later} later{where}; it must return the same shape at every "
            "point"
        )


def symmetric_part(jacobian: Any, status: StatusArray, x: FloatArray) -> tuple[Array, StatusArray]:
    """Return the symmetric part of the Jacobian of a gradient at x, and its status; what is fixed is 0.

    The errors of the Jacobian have one as well: that of the mean of two entries is at most the mean of theirs.
    """
    if np.shape(jacobian) != x.shape + x.shape:
        f_shape = np.shape(jacobian)[: np.ndim(jacobian) - x.ndim]
        raise ValueError(f"`gradient` must return the shape {x.shape} of x, got {f_shape}")
    square: Array = np.reshape(jacobian, (x.size, x.size))
    columns = np.reshape(status, (x.size, x.size))
    worse = np.maximum(columns, columns.T)
    fixed = (columns == Status.FIXED) | (columns.T == Status.FIXED)
    value = np.where(fixed, 0.0, (square + square.T) / 2)
    worse = np.where(fixed, Status.FIXED, worse).astype(np.int8)
    return value.reshape(x.shape + x.shape), worse.reshape(x.shape + x.shape)


def symmetrised(jacobian: DerivativeResult, x: FloatArray, gradient: Any) -> HessianResult:
    """Return the Hessian from the Jacobian of a gradient; `gradient` is its value at x."""
    value, status = symmetric_part(jacobian.value, jacobian.status, x)
    error, _ = symmetric_part(jacobian.error, jacobian.status, x)
    # A gradient whose Jacobian is not symmetric is wrong, by nobody knows which of two entries.
    error = np.where(np.isnan(jacobian.error), np.nan, np.fmax(error, np.abs(value - jacobian.value)))
    fields = (value[()], error[()], jacobian.step, status, jacobian.nfev, describe(status))
    return HessianResult(*fields, gradient=np.asarray(gradient, np.float64).reshape(x.shape))
