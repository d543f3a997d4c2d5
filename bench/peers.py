"""The peers on common ground: the same problem, put to each library that is installed, in its own words."""

from __future__ import annotations

import importlib.metadata
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
from scipy.differentiate import hessian as scipy_hessian
from scipy.optimize._numdiff import approx_derivative

import fastdiff as fd

Call = Callable[[], Any]
Side = TypeVar("Side")
NAMES = ("fastdiff", "numpy", "scipy", "findiff", "numdifftools", "jacobi")


def versions() -> dict[str, str]:
    """Return the version of each library that is installed."""
    return {name: importlib.metadata.version(name) for name in NAMES if find_spec(name)}


def require(*modules: str) -> None:
    """Stop where a cell would stay empty because a peer is missing."""
    missing = [name for name in modules if find_spec(name) is None]
    if missing:
        raise SystemExit(f"missing peers: {', '.join(missing)}; the extra `bench` installs them")


def present(sides: Mapping[str, Side]) -> dict[str, Side]:
    """Return the sides whose library is installed: each is named after its module, and more if need be."""
    return {name: side for name, side in sides.items() if find_spec(re.split(r"\W", name)[0])}


def _installed(calls: dict[str, Call | None]) -> dict[str, Call]:
    return {name: call for name, call in calls.items() if call is not None}


def _optional(name: str, make: Callable[[Any], Call]) -> Call | None:
    return make(import_module(name)) if find_spec(name) else None


def field(side: int) -> Any:
    """Return a smooth field on a square grid with noise on top, so that no bits are trivial."""
    x = np.linspace(0, 6, side)
    return np.sin(x)[:, None] * np.cos(x) + 1e-3 * np.random.default_rng(0).standard_normal((side, side))


def field_gradient(f: Any, accuracy: int | None = None, out: Any = None) -> dict[str, Call]:
    """Return a call for each peer: the gradient of a field at spacing 0.5 along every axis."""

    def findiff(module: Any) -> Call:
        operators = [module.Diff(axis, 0.5, acc=accuracy or 2) for axis in range(f.ndim)]
        return lambda: [operator(f) for operator in operators]

    options = {} if accuracy is None else {"accuracy": accuracy}
    return _installed(
        {
            "fastdiff": lambda: fd.grid.gradient(f, 0.5, out=out, **options),
            "numpy": (lambda: np.gradient(f, 0.5)) if accuracy is None else None,
            "findiff": _optional("findiff", findiff),
            "numba": hand_written(f, out) if accuracy is None and find_spec("numba") else None,
        }
    )


def hand_written(f: Any, out: Any = None) -> Call:
    """Return what a careful user writes in numba for this very case: parallel rows, one sweep."""
    import numba

    @numba.njit(parallel=True)
    def sweep(f, scale, gy, gx):  # type: ignore[no-untyped-def]
        rows, columns = f.shape
        for i in numba.prange(rows):
            up, down = max(i - 1, 0), min(i + 1, rows - 1)
            over = scale if down - up == 2 else 2 * scale
            for j in range(columns):
                gy[i, j] = (f[down, j] - f[up, j]) * over
            for j in range(1, columns - 1):
                gx[i, j] = (f[i, j + 1] - f[i, j - 1]) * scale
            gx[i, 0] = (f[i, 1] - f[i, 0]) * 2 * scale
            gx[i, columns - 1] = (f[i, columns - 1] - f[i, columns - 2]) * 2 * scale

    def call() -> Any:
        gy, gx = (np.empty_like(f), np.empty_like(f)) if out is None else out
        sweep(f, 1.0, gy, gx)
        return gy, gx

    return call


def function_gradient(f: Callable[[Any], Any], x: Any) -> dict[str, Call]:
    """Return a call for each peer: the gradient of a scalar function, at its own defaults."""
    planned = fd.Gradient(f)
    return _installed(
        {
            "fastdiff": lambda: planned(x),
            "scipy": lambda: approx_derivative(f, x, method="3-point"),
            "numdifftools": _optional("numdifftools", lambda module: lambda: module.Gradient(f)(x)),
            "jacobi": _optional("jacobi", lambda module: lambda: module.jacobi(f, x)[0]),
        }
    )


def function_hessian(f: Callable[[Any], Any], x: Any) -> dict[str, Call]:
    """Return a call for each peer: the Hessian of a function that takes columns of points as well."""
    planned = fd.Hessian(f)
    return _installed(
        {
            "fastdiff": lambda: planned(x),
            "scipy": lambda: scipy_hessian(f, x).ddf,
            "numdifftools": _optional("numdifftools", lambda module: lambda: module.Hessian(f)(x)),
        }
    )


def derivative(f: Callable[[Any], Any], x: float) -> dict[str, Call]:
    """Return a call for each peer: the derivative at a number."""
    return _installed(
        {
            "fastdiff": lambda: fd.derivative(f, x, full_output=True).value,
            "scipy": lambda: approx_derivative(f, x, method="3-point")[0],
            "numdifftools": _optional("numdifftools", lambda module: lambda: module.Derivative(f)(x)),
            "jacobi": _optional("jacobi", lambda module: lambda: module.jacobi(f, x)[0]),
        }
    )


class Counted:
    """A function that counts the points at which it is evaluated; columns count one each."""

    def __init__(self, f: Callable[[Any], Any], size: int = 1) -> None:
        self.f, self.size, self.points = f, size, 0

    def __call__(self, x: Any) -> Any:
        self.points += max(1, np.size(x) // self.size)
        return self.f(x)
