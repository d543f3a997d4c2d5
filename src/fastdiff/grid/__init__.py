"""Derivatives of sampled arrays, differentiated along all axes in one compiled sweep."""

from __future__ import annotations

from typing import Any, SupportsIndex

import numpy as np
from numpy import gradient as _numpy_gradient  # bound now: np.gradient may be replaced by the one below

from .. import _checks, _kernels
from . import _apply, _door, _spacing
from ._plan import RulesOf

__all__ = ["gradient"]


def gradient(
    f: Any,
    *spacing: Any,
    axis: SupportsIndex | tuple[SupportsIndex, ...] | list[SupportsIndex] | None = None,
    edge_order: int = 1,
    accuracy: int | None = None,
    out: Any = None,
    threads: int | None = None,
) -> Any:
    """Differentiate a sampled array along its axes.

    Without `accuracy` this is `numpy.gradient` bit for bit: values, dtypes, memory layouts, return types,
    errors. With `accuracy` every point has that order of accuracy, those at the edges too.

    Parameters
    ----------
    f : array_like
        The samples. Integers are taken as float64. float32 and float64 run in the compiled kernels, with
        `accuracy` complex64, complex128 and float16 too; the rest goes to NumPy without `accuracy` and is
        refused with it.
    *spacing : float or array_like
        Nothing: the samples are 1 apart. One scalar: the spacing along all axes. Otherwise one item for each
        of `axis`: a scalar, or the coordinates of the samples along that axis. With `accuracy` coordinates
        must be strictly monotonic; they may fall.
    axis : int or tuple of int, optional
        The axes to differentiate along; default all. The others are a batch.
    edge_order : {1, 2}, optional
        The order of accuracy at the edges, without `accuracy`. Default 1.
    accuracy : {2, 4, 6, 8}, optional
        The order of accuracy everywhere. The ``accuracy // 2`` points next to an edge use one-sided formulas
        on ``accuracy + 1`` points.
    out : ndarray, or tuple or list of ndarray, optional
        Where the result is written: an array for one axis; for several a tuple or list of arrays, or one
        array with the axes stacked in front.
    threads : int, optional
        The number of threads; default as many as the work is worth. The result does not depend on it.

    Returns
    -------
    ndarray or tuple of ndarray
        The derivative for one axis, a tuple of them for several, each of the shape of `f`. `out` if given.

    Raises
    ------
    TypeError
        If `f` can't be differentiated with `accuracy` (booleans, objects, dates, masked arrays), an argument
        is of the wrong type, or the number of `spacing` does not fit the axes.
    ValueError
        If `accuracy` is not in its table or too large for an axis, `edge_order` comes with it, a `spacing` is
        zero, not finite, not monotonic or of the wrong length, or `out` does not fit or overlaps an input.
    IndexError
        If `axis` is out of bounds (`numpy.exceptions.AxisError`).
    ImportError
        If `accuracy` is given and the compiled core is not built.

    Notes
    -----
    Floating-point warnings of NumPy, such as that of a division by zero, are not reproduced. With `accuracy`
    only differences of samples are weighted: the derivative of a constant is exactly 0.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdiff import grid
    >>> x = np.linspace(0.0, 1.0, 5)
    >>> grid.gradient(x**2, x)
    array([0.25, 0.5 , 1.  , 1.5 , 1.75])
    >>> grid.gradient(x**2, x, accuracy=2)
    array([0. , 0.5, 1. , 1.5, 2. ])
    >>> down, across = grid.gradient(np.outer(x, x**2), x, x, accuracy=2)
    >>> across[-1]
    array([0. , 0.5, 1. , 1.5, 2. ])
    """
    if threads is not None:
        _checks.integer("threads", threads, least=1, most=1024)
    if accuracy is not None:
        _require_core()
        field, accuracy = _door.accurate(f, spacing, axis, edge_order, accuracy)
        return _differentiate(_spacing.accurate_rules, field, accuracy, out, threads, (f, *spacing))
    if _kernels.core is not None and (native := _door.native(f, spacing, axis, edge_order)):
        return _differentiate(_spacing.numpy_rules, native, edge_order, out, threads, (f, *spacing))
    return _from_numpy(f, spacing, axis, edge_order, out)


def _require_core() -> None:
    if _kernels.core is None:
        raise ImportError(
            f"`accuracy` needs the compiled core of fastdiff, which is missing ({_kernels.reason}); "
            "build it with `python -m pip install .` in a clone of the repository"
        )


def _differentiate(
    rules_of: RulesOf, field: _door.Field, parameter: int, out: Any, threads: int | None, inputs: tuple[Any, ...]
) -> Any:
    """Return the result in its structure."""
    count = len(field.axes)
    targets = None
    if out is not None:
        inputs = (*inputs, field.data, *field.coordinates)
        targets = _door.check_out(out, count, field.data.shape, field.data.dtype, inputs)
    if not count:
        return () if out is None else out
    results = _apply.apply(rules_of, field, parameter, targets, threads)
    if out is not None:
        return out
    return results[0] if count == 1 else tuple(results)


def _from_numpy(f: Any, spacing: tuple[Any, ...], axis: Any, edge_order: Any, out: Any) -> Any:
    """Hand the call to NumPy; defaults are left out, as f may have a gradient of its own that lacks them."""
    options = {} if axis is None else {"axis": axis}
    if type(edge_order) is not int or edge_order != 1:
        options["edge_order"] = edge_order
    result = _numpy_gradient(f, *spacing, **options)
    if out is None:
        return result
    several = isinstance(result, tuple | list)
    parts = [np.asanyarray(part) for part in (result if several else (result,))]
    model = parts[0] if parts else np.asanyarray(f)
    count = len(parts)
    targets = _door.check_out(out, count, model.shape, model.dtype, (f, *spacing))
    for target, part in zip(targets, parts, strict=True):
        target[...] = part
    return out
