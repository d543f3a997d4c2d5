"""SciPy as a back-end: what it has for each target, with results in our terms.

``scipy.optimize._numdiff.approx_derivative`` (fixed steps, no error estimate) serves gradients, Jacobians and products;
``scipy.differentiate`` (adaptive, order 8) serves derivatives and Hessians.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from .. import _checks, _kernels
from .._typing import Array
from ..function import _door
from ..function._problem import Problem, Settings
from ..function._results import (
    DerivativeResult,
    Finished,
    HessianResult,
    Status,
    describe,
    no_estimate,
    numbers,
    symmetrised,
)

_SCHEMES = {"central": "3-point", "forward": "2-point", "complex": "cs"}
_DIRECTIONS = {"central": 0, "forward": 1, "backward": -1}
_DEFAULT_ACCURACY = {"central": 2, "forward": 1, "backward": 1, "complex": 2}

# The statuses of scipy.differentiate: converged, error grew, iterations used up, not finite.
_STATUS = {
    0: Status.CONVERGED,
    -1: Status.EXHAUSTED,
    -2: Status.EXHAUSTED,
    -3: Status.NOT_FINITE,
}


def differentiate(problem: Problem) -> Finished:
    """Solve a problem; what SciPy can't do is an error."""
    settings = problem.settings
    if settings.method not in _DEFAULT_ACCURACY:
        raise _cannot(problem, f"method={settings.method!r}")
    if settings.accuracy != _DEFAULT_ACCURACY[settings.method]:
        raise _cannot(problem, f"accuracy={settings.accuracy}")
    if problem.call.compiled is not None:
        raise _cannot(problem, "a compiled f")
    for name in ("x_scale", "vectorized", "noise", "workers", "progress"):
        if getattr(settings, name) not in (None, False):
            raise _cannot(problem, f"`{name}`")
    solve = _SOLVERS.get(problem.target.kind)
    if solve is None:
        raise _cannot(problem, problem.verb)
    if settings.bounds is not None:
        lower, upper = _door.box(settings.bounds, problem.x.shape, problem.position)
        _door.require_inside(problem.x.ravel(), lower, upper, problem.position)
        if (lower == upper).any():
            raise _cannot(problem, "`bounds` with lb == ub")
    return Finished(solve(problem, _Counted(problem)))


def hessian_of_gradient(problem: Problem) -> Finished:
    """Solve a problem whose f is a gradient, as that of a Hessian; its value at x is one more evaluation."""
    jacobian = differentiate(problem).result()  # first, as it judges x: f is not called outside its bounds
    gradient = numbers(problem.call.at(problem.x.copy()), complex_allowed=False)
    found = symmetrised(jacobian, problem.x, gradient)
    return Finished(replace(found, nfev=found.nfev + 1))


def _cannot(problem: Problem, what: str) -> Exception:
    """Return the exception for what SciPy can't do, whether it was asked for or stands in for a missing core."""
    if problem.settings.backend == "scipy":
        return ValueError(f"SciPy can't do {what} for {problem.verb}; use backend='fastdiff'")
    return ImportError(
        f"{what} for {problem.verb} needs the compiled core of fastdiff ({_kernels.reason}), and SciPy can't stand in; "
        f"{_kernels.REMEDY}"
    )


class _Counted:
    """f at one point, flat in and flat out, with a count of its points."""

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self.nfev = 0
        self.shape: tuple[int, ...] | None = None

    def __call__(self, x: Array) -> Array:
        self.nfev += 1
        argument: Any = x.reshape(self._problem.x.shape).copy()
        if self._problem.scalar_x:
            argument = argument.item()
        value = numbers(self._problem.call.at(argument), self._problem.settings.method == "complex")
        if self._problem.scalar_only and value.size != 1:
            raise ValueError(f"`f` must return a scalar for {self._problem.verb}, got shape {value.shape}")
        self.shape = value.shape
        return value.ravel()


def _approximate(problem: Problem, f: _Counted, **options: Any) -> Any:
    """Call approx_derivative with our settings in its words."""
    from scipy.optimize._numdiff import approx_derivative

    settings: Settings = problem.settings
    if settings.method not in _SCHEMES:
        raise _cannot(problem, f"method={settings.method!r}")
    shape = problem.x.shape
    known = {
        "method": _SCHEMES[settings.method],
        "abs_step": _checks.flattened("step", settings.step, shape),
        "rel_step": _checks.flattened("relative_step", settings.relative_step, shape),
        "bounds": None if settings.bounds is None else _door.box(settings.bounds, shape, problem.position),
        "f0": None if settings.f0 is None else np.ravel(settings.f0),
    }
    given = {name: value for name, value in known.items() if value is not None}
    return approx_derivative(f, problem.x.ravel(), **given, **options)


def _jacobian(problem: Problem, f: _Counted) -> DerivativeResult:
    value = np.asarray(_approximate(problem, f))
    outer = () if problem.scalar_only else f.shape if f.shape is not None else np.shape(problem.settings.f0)
    return _fixed_step(value.reshape(outer + problem.x.shape), f.nfev)


def _product(problem: Problem, f: _Counted) -> DerivativeResult:
    if problem.settings.bounds is not None:
        raise _cannot(problem, "`bounds`")
    value = _approximate(problem, f, as_linear_operator=True).dot(problem.target.v)
    return _fixed_step(np.reshape(value, f.shape or ()), f.nfev)


def _fixed_step(value: Array, nfev: int) -> DerivativeResult:
    finite = np.isfinite(value)
    status = np.where(finite, Status.NOT_ESTIMATED, Status.NOT_FINITE).astype(np.int8)
    return DerivativeResult(value[()], no_estimate(value)[()], np.nan, status, nfev, describe(status))


def _derivative(problem: Problem, f: _Counted) -> DerivativeResult:
    from scipy.differentiate import derivative

    if problem.target.order != 1:
        raise _cannot(problem, f"order={problem.target.order}")
    _refuse_steps(problem)
    if problem.settings.method not in _DIRECTIONS:
        raise _cannot(problem, f"method={problem.settings.method!r}")

    def elementwise(t: Array) -> Array:
        if problem.scalar_x:
            return np.reshape([f(u)[0] for u in t.ravel()], t.shape)
        f.nfev += t.size
        return numbers(problem.call.at(t), complex_allowed=False)

    found = derivative(elementwise, problem.x, step_direction=_DIRECTIONS[problem.settings.method])
    return _adaptive(found, found.df, f.nfev)


def _hessian(problem: Problem, f: _Counted) -> DerivativeResult:
    from scipy.differentiate import hessian

    _refuse_steps(problem)
    if problem.settings.method != "central":
        raise _cannot(problem, f"method={problem.settings.method!r}")
    n = problem.x.size

    def trailing(points: Array) -> Array:
        columns = points.reshape(n, -1).T
        values = np.array([f(column) for column in columns])
        if values.shape[1:] != (1,):
            raise _cannot(problem, "a vector-valued f")
        return values.reshape(points.shape[1:])

    found = hessian(trailing, problem.x.ravel())
    square = (found.ddf + found.ddf.T) / 2
    result = _adaptive(found, square.reshape(problem.x.shape * 2), f.nfev, found.error.reshape(problem.x.shape * 2))
    fields = (result.value, result.error, result.step, result.status, result.nfev, result.message)
    return HessianResult(*fields, gradient=np.full(problem.x.shape, np.nan))


def _refuse_steps(problem: Problem) -> None:
    for name in ("step", "relative_step", "bounds", "f0"):
        if getattr(problem.settings, name) is not None:
            raise _cannot(problem, f"`{name}`")


def _adaptive(found: Any, value: Array, nfev: int, error: Array | None = None) -> DerivativeResult:
    status = np.vectorize(lambda code: _STATUS.get(int(code), Status.EXHAUSTED), otypes=[np.int8])(found.status)
    status = np.broadcast_to(np.asarray(status, np.int8).reshape(np.shape(value)), np.shape(value))
    return DerivativeResult(
        np.asarray(value)[()], np.asarray(found.error if error is None else error)[()], np.nan, status, nfev,
        describe(status),
    )  # fmt: skip


_SOLVERS: dict[str, Callable[[Problem, _Counted], DerivativeResult]] = {
    "axis": _jacobian,
    "direction": _product,
    "elementwise": _derivative,
    "hessian": _hessian,
}
