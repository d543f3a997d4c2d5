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
Position: TypeAlias = Callable[[int], str]  # words a coordinate of the flattened x as the user writes it

Method: TypeAlias = Literal["central", "forward", "backward", "complex", "richardson"]
OnError: TypeAlias = Literal["raise", "edge"]
Backend: TypeAlias = Literal["fastdiff", "scipy"]
Indexing: TypeAlias = Literal["ij", "xy"]
Gaps: TypeAlias = Literal["propagate", "one-sided"]


class Options(TypedDict, total=False):
    """The options of the derivatives of functions; the same words everywhere.

    method : {"central", "forward", "backward", "complex", "richardson"}
        Where the samples lie. Default ``"central"``. ``"richardson"`` finds its steps, extrapolates them to zero and
        estimates the error of every entry.
    accuracy : int
        The order of accuracy: even 2 to 8 for central (default 2), 1 to 8 for forward and backward (default 1).
    step, relative_step : float or array_like
        The step, or the step over |x|; positive, scalar or broadcast to x, taken literally. At most one of them. For
        ``"richardson"`` it is the first and largest step.
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
    batch_bytes : int
        The most bytes of points that a vectorized f is given at once; default 256 KiB.
    rtol, atol : float
        For ``"richardson"``: stop where the estimated error is below ``max(rtol * |value|, atol)``. Default 0: as
        accurate as round-off lets it be.
    max_levels : int
        For ``"richardson"``: the most steps along one line, at least 3; default 40.
    on_error : {"raise", "edge"}
        For ``"richardson"``: whether an exception of f reaches the caller (default), or is the edge of the domain of f,
        as NaN is; at x itself it reaches the caller in either case.
    noise : float or "auto"
        The relative noise of f, its standard deviation over |f|; ``"auto"`` measures it with 8 evaluations or a few
        times as many (Moré and Wild 2011). First derivatives by fixed steps search the step that the noise asks for,
        and estimate their error, unless `step`, `relative_step` or `x_scale` is stated; all else takes the noise for
        the precision of f. Default: round-off. For all methods but ``"complex"``.
    workers : int, executor, joblib.Parallel, pool or callable
        Who evaluates a Python f. A number of processes, kept for further calls (-1: as many as processors, 1: this one;
        threads on free-threaded Python), or what has ``submit``, as executors and Dask's clients, or ``map``, as pools,
        or is map-like itself, ``workers(func, iterable)``. The result does not depend on it.
    progress : bool
        Show the number of points done and to go in a bar; needs tqdm.
    threads : int
        For a compiled f: the number of threads. Default: as many as the work is worth for `jit` and ``@cfunc``; one for
        other pointers, as they may not allow more. The result does not depend on it.
    outputs : int or tuple of int
        For a compiled f of the vector signature, where it is required: the number or the shape of what it returns.
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
    batch_bytes: int
    rtol: float
    atol: float
    max_levels: int
    on_error: OnError
    noise: Any
    workers: Any
    progress: bool
    threads: int
    outputs: int | tuple[int, ...]
    f0: Any
    backend: Backend
    full_output: bool


class GridOptions(TypedDict, total=False):
    """The options of the derivatives of sampled arrays; the same words for every operator.

    axis : int or tuple of int
        The axes to differentiate along, axes of a component if f is a vector field; default all. The others are a
        batch.
    accuracy : {2, 4, 6, 8, 10, 12}
        The order of accuracy in every row, those at the ends too. Default 2.
    boundary : str, tuple or dict
        What lies beyond the ends of an axis. ``"one-sided"`` (default): nothing. ``"periodic"``: the samples again, the
        end point not being repeated; ``("periodic", period)`` on an axis of coordinates. ``"reflect"``: the samples
        mirrored at the last one. ``"antireflect"``: the same with the sign changed, about the value there, as in
        `numpy.pad` with ``reflect_type="odd"``. ``("constant", value)``. A dict gives a rule, or a pair of them for the
        low and the high end, by axis. Beyond the ends of a non-uniform axis the coordinates are mirrored.
    nan : {"propagate", "one-sided"}
        What gaps do to their neighbours, that is samples that are NaN, infinite or masked. ``"propagate"`` (default):
        what arithmetic does. ``"one-sided"`` (default for masked arrays): derivatives are taken from the longest
        contiguous run of finite samples around a point, at most order + accuracy of them; with fewer the accuracy is
        lower, with fewer than order + 1 the result is NaN, as it is at the gap itself.
    time_unit : str
        The unit, such as ``"s"``, in which datetime64 or timedelta64 spacing counts.
    out : ndarray, or nested tuple of ndarray
        Where the result is written: arrays in its structure, or one array with the structure's axes in front.
    threads : int
        The number of threads; default as many as the work is worth. The result does not depend on it.
    full_output : bool
        Return a `GridResult`: the value, and an estimate of its error from two more orders of accuracy and the
        round-off. Needs two more points on an axis.
    """

    axis: Any
    accuracy: int
    boundary: Any
    nan: Gaps
    time_unit: str
    out: Any
    threads: int
    full_output: bool
