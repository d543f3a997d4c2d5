"""Pictures of how a derivative comes about. They need matplotlib: the extra ``plot``."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, SupportsIndex, Unpack, cast

import numpy as np

from . import _checks, function
from ._stencil import Stencil, stencil
from ._typing import FloatArray, Function, Options
from .function import DerivativeResult, _door

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["step_study"]

_METHODS = ("central", "forward", "backward")
_HIGHEST_ORDER = 8
# The steps tried. The smallest spans so many floating-point numbers, as fewer are not equidistant; where x is so small
# that this does not limit it, it is this much smaller than the step of the rule.
_COUNT = 161
_SPAN = 2.0**11
_DEEPEST = 2.0**-34
# Options that do not go with a step that is stated.
_DECIDE_STEPS = ("x_scale", "noise")


def step_study(
    f: Function,
    x: Any,
    order: SupportsIndex = 1,
    *,
    index: SupportsIndex | None = None,
    ax: Axes | None = None,
    **options: Unpack[Options],
) -> Axes:
    """Draw the error of a difference against its step, beside what the rule and the adaptive method choose.

    The differences are measured against the adaptive value: below its own error estimate, which is shaded, they can't
    be. The other lines are the model on which steps rest: the truncation error ``|C f^(k+p)(x)| h^p`` of the k-th
    derivative at accuracy p, with C that of the `Stencil`, and the noise ``eps |f(x)| ‖w‖ / h^k``, with its weights w.

    Parameters
    ----------
    f : callable
        Returns a number. Takes a number, or with `index` an array of the shape of `x`.
    x : float or array_like
        Where; an array with `index`.
    order : int, optional
        The derivative order k, 1 to 8.
    index : int, optional
        The coordinate to differentiate along, a flat index in C order, negative from the end.
    ax : matplotlib.axes.Axes, optional
        Where to draw; default the axes of a new figure, which is not shown.
    **options
        See `fastdiff.Options`; `method` is one of those with fixed steps. Without `step`, `relative_step`,
        `full_output`, `backend`. With ``noise="auto"`` the line of the noise is fitted to the differences.

    Returns
    -------
    matplotlib.axes.Axes
        The picture, both scales logarithmic.

    Raises
    ------
    ImportError
        If matplotlib is missing.
    ValueError
        If the adaptive method finds no derivative to measure against.
    TypeError, ValueError, IndexError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import matplotlib
    >>> matplotlib.use("Agg")
    >>> import numpy as np
    >>> import fastdiff as fd
    >>> ax = fd.plot.step_study(np.exp, 1.0)
    >>> ax.get_xlabel(), ax.get_xscale()
    ('step', 'log')
    """
    pyplot = _pyplot()
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    for name in ("step", "relative_step", "full_output", "backend"):
        if name in given:
            raise ValueError(f"step_study does not take `{name}`: it tries many steps, and returns axes")
    _checks.one_of("method", given.get("method", "central"), _METHODS)
    place = _door.point(x)
    if index is None and place.ndim:
        raise ValueError(f"`x` must be a single number without `index`, got the shape {place.shape}")
    k = _checks.integer("order", order, least=1, most=_HIGHEST_ORDER)
    number = None if index is None else _checks.integer("index", index)
    study = _Study(f, place, k, number, given)
    with np.errstate(all="ignore"):  # many a step leads to where f is not defined
        study.require_reference()
        axes: Axes = pyplot.subplots(layout="constrained")[1] if ax is None else ax
        _draw(axes, study)
    return axes


def _pyplot() -> Any:
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            f"fastdiff.plot needs matplotlib ({error}); install it with the extra `plot`: pip install 'fastdiff[plot]'"
        ) from None
    return pyplot


@dataclass(eq=False)
class _Study:
    """The differences of a function at one point, and what is known about their errors."""

    f: Function
    x: FloatArray
    order: int
    index: int | None
    given: dict[str, Any]

    def differentiate(self, order: int, options: dict[str, Any]) -> DerivativeResult:
        """Return a derivative along the coordinate."""
        if self.index is None:
            found = function.derivative(self.f, float(self.x), order, full_output=True, **options)
        else:
            found = function.partial(self.f, self.x, (self.index,) * order, full_output=True, **options)
        if np.ndim(found.value):
            raise ValueError(f"`f` must return a number for step_study, got the shape {np.shape(found.value)}")
        result: DerivativeResult = found
        return result

    def adaptive(self, order: int) -> DerivativeResult:
        """Return a derivative by the adaptive method."""
        others = {name: value for name, value in self.given.items() if name not in ("method", "accuracy")}
        return self.differentiate(order, {**others, "method": "richardson"})

    @cached_property
    def reference(self) -> DerivativeResult:
        """What the differences are measured against."""
        return self.adaptive(self.order)

    @cached_property
    def chosen(self) -> DerivativeResult:
        """The difference with the step that the rule chooses, or the noise asks for."""
        return self.differentiate(self.order, self.given)

    @cached_property
    def formula(self) -> Stencil:
        """The stencil of the differences."""
        return stencil(self.order, self.given.get("accuracy"), side=self.given.get("method", "central"))

    def require_reference(self) -> None:
        """Raise ValueError where there is nothing to measure against."""
        if not (self.reference.ok and np.isfinite([self.reference.value, self.reference.error]).all()):
            raise ValueError(f"step_study has no derivative to measure against: {self.reference.message}")

    def step(self, result: DerivativeResult) -> float:
        """Return the step of a difference along the coordinate."""
        return float(np.ravel(result.step)[0 if self.index is None else self.index])

    def error(self, result: DerivativeResult) -> float:
        """Return what a difference is off by; at least the last bit, as there is no logarithm of 0."""
        least = max(float(np.spacing(abs(self.reference.value))), float(np.finfo(np.float64).tiny))
        return float(np.maximum(np.abs(result.value - self.reference.value), least))

    def differences(self) -> tuple[FloatArray, FloatArray]:
        """Return steps, and what the differences are off by; without those that `bounds` cut short."""
        at, own = float(np.ravel(self.x)[self.index or 0]), self.step(self.chosen)
        most = max(1.0, abs(at), 16 * own, 16 * float(self.reference.step))
        least = max(_SPAN * float(np.spacing(abs(at) + most)), _DEEPEST * own)
        plain = {name: value for name, value in self.given.items() if name not in _DECIDE_STEPS}
        steps = np.geomspace(least, most, _COUNT)
        found = [self.differentiate(self.order, {**plain, "step": step}) for step in steps]
        whole = np.array([self.step(result) == step for result, step in zip(found, steps, strict=True)])
        return steps[whole], np.array([self.error(result) for result in found])[whole]

    def truncation(self, steps: FloatArray) -> FloatArray | None:
        """Return the model of the truncation error; None where the derivative in it is not to be had."""
        order = self.order + self.formula.accuracy
        if order > _HIGHEST_ORDER:
            return None
        higher = self.adaptive(order)
        if not higher.error < abs(higher.value):
            return None
        constant = abs(float(self.formula.error_constant) * higher.value)
        truncation: FloatArray = constant * steps**self.formula.accuracy
        return truncation

    def noise(self, steps: FloatArray, errors: FloatArray) -> FloatArray:
        """Return the model of the noise."""
        unit = float(np.linalg.norm([float(weight) for weight in self.formula.weights])) / steps**self.order
        stated = self.given.get("noise")
        if isinstance(stated, str):  # measured: the smaller steps show nothing else
            small = steps < self.step(self.chosen) / 4
            noise: FloatArray = unit * np.median((errors / unit)[small])
            return noise
        value = self.value_at_x()
        precision = float(np.finfo(value.dtype if value.dtype.kind == "f" else np.float64).eps)
        return unit * max(precision, stated or 0.0) * float(np.abs(value).max())

    def value_at_x(self) -> Any:
        """Return f(x) as f returns it."""
        if "f0" in self.given:
            return np.asarray(self.given["f0"])
        point: Any = self.x[..., None] if self.given.get("vectorized") else self.x.copy()
        call = _door.call("step_study", self.f, cast("Options", self.given))
        return np.asarray(call.at(float(point) if self.index is None else point))


def _draw(ax: Axes, study: _Study) -> None:
    """Draw the lines, then the two choices."""
    formula, reference, chosen = study.formula, study.reference, study.chosen
    steps, errors = study.differences()
    method = study.given.get("method", "central")
    bound = max(float(reference.error), study.error(reference))
    ax.loglog(
        steps, errors, ".-", color="C0", markersize=3, linewidth=0.8, label=f"{method}, accuracy {formula.accuracy}"
    )
    truncation = study.truncation(steps)
    if truncation is not None:
        ax.loglog(steps, truncation, "--", color="C1", label="truncation error, model")
    ax.loglog(steps, study.noise(steps, errors), ":", color="C2", label="noise, model")
    step = study.step(chosen)
    ax.loglog([step], [study.error(chosen)], "o", color="C3", label=f"chosen step, {step:.2g}")
    ax.errorbar(
        [float(reference.step)], [bound], yerr=np.array([[0.9 * bound], [0.0]]), uplims=True, fmt="s", color="C4",
        label=f"adaptive, error below {bound:.2g}",
    )  # fmt: skip
    seen = errors[np.isfinite(errors)]
    ax.set_ylim(min(bound, *seen, study.error(chosen)) / 30, max(bound, *seen) * 30)
    ax.axhspan(ax.get_ylim()[0], bound, color="C4", alpha=0.1, linewidth=0)
    ax.set(xlabel="step", ylabel="deviation from the adaptive value")
    ax.set_title(_title(study))
    ax.legend(fontsize="small")


def _title(study: _Study) -> str:
    """Return what is differentiated, and where."""
    name = getattr(study.f, "__name__", type(study.f).__name__)
    at = float(np.ravel(study.x)[study.index or 0])
    along = "x" if study.index is None else f"x[{study.index}]"
    return f"{name}: derivative of order {study.order} at {along} = {at:.6g}"
