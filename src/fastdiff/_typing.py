"""The words of the interface as types: array aliases and the literal values of the options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias, TypedDict

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
IntpArray: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]
StatusArray: TypeAlias = np.ndarray[Any, np.dtype[np.int8]]

Function: TypeAlias = Callable[..., Any]

Method: TypeAlias = Literal["central", "forward", "backward", "complex"]
Backend: TypeAlias = Literal["fastdiff", "scipy"]
Indexing: TypeAlias = Literal["ij", "xy"]


class Options(TypedDict, total=False):
    """The options of the derivatives of functions; the same words everywhere.

    method : {"central", "forward", "backward", "complex"}
        Where the samples lie. Default ``"central"``.
    accuracy : int
        The order of accuracy: even 2 to 8 for central (default 2), 1 to 8 for forward and backward (default 1).
    step, relative_step : float or array_like
        The step, or the step over |x|; positive, scalar or broadcast to x, taken literally. At most one of them.
    x_scale : float or array_like
        The scale on which f varies in each coordinate; the step is ``eps**(1/(k + p))`` times it for the k-th
        derivative at accuracy p. Without it the scale is the compromise between 1 and |x| whose worst case is least:
        ``|x|**(k/(k + p))`` for |x| > 1, ``|x|**(p/(k + p))`` below, at least ``1e-4 * max(1, |x|)``, and 1 at x = 0.
    bounds : tuple (lb, ub) or scipy.optimize.Bounds
        f is never called outside. Stencils turn one-sided or shrink, also where `step` is stated. From a list of pairs
        (low, high) make it with ``tuple(zip(*bounds))``.
    args, kwargs : tuple, dict
        The other arguments of f.
    argnum : int or slice
        Which positional argument of f is x. A slice takes several arguments as the entries of x.
    unpack : bool
        Call ``f(x0, x1, ...)`` with numbers.
    vectorized : bool
        f takes points as columns, shape ``x.shape + (k,)``, and returns ``(k,)`` or ``(m, k)``.
    f0 : array_like
        f(x), if known.
    backend : {"fastdiff", "scipy"}
        Who differentiates.
    full_output : bool
        Return a `DerivativeResult` instead of the array.
    """

    method: Method
    accuracy: int
    step: Any
    relative_step: Any
    x_scale: Any
    bounds: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    argnum: int | slice
    unpack: bool
    vectorized: bool
    f0: Any
    backend: Backend
    full_output: bool
