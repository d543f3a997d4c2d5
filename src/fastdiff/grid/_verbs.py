"""The operators as functions: NumPy's gradient and its superset, and everything else of the table."""

from __future__ import annotations

from typing import Any, SupportsIndex, Unpack

import numpy as np
from numpy import gradient as _numpy_gradient  # bound now: np.gradient may be replaced by the one below

from .. import _kernels
from .._typing import Gaps, GridOptions
from . import _apply, _door

# The options of `gradient` that leave NumPy's mode.
_BEYOND_NUMPY = ("accuracy", "boundary", "nan", "time_unit", "full_output")


def gradient(
    f: Any,
    *spacing: Any,
    axis: SupportsIndex | tuple[SupportsIndex, ...] | list[SupportsIndex] | None = None,
    edge_order: int = 1,
    accuracy: int | None = None,
    boundary: Any = None,
    nan: Gaps | None = None,
    time_unit: str | None = None,
    full_output: bool | None = None,
    out: Any = None,
    threads: int | None = None,
) -> Any:
    """Differentiate a sampled array along its axes.

    Without the options from `accuracy` to `full_output` this is `numpy.gradient` bit for bit: values, dtypes, memory
    layouts, return types, errors. With any of them every point has the same order of accuracy, those at the edges too.

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
        The order of accuracy at the edges, in NumPy's mode. Default 1.
    accuracy : {2, 4, 6, 8, 10, 12}, optional
        The order of accuracy everywhere, 2 where another option asks for more than NumPy does. The ``accuracy // 2``
        points next to a one-sided boundary use formulas on ``accuracy + 1`` points.
    boundary, nan, time_unit, full_output : optional
        As in `fastdiff.grid.GridOptions`.
    out : ndarray, or tuple or list of ndarray, optional
        Where the result is written: an array for one axis; for several a tuple or list of arrays, or one
        array with the axes stacked in front.
    threads : int, optional
        The number of threads; default as many as the work is worth. The result does not depend on it.

    Returns
    -------
    ndarray or tuple of ndarray
        The derivative for one axis, a tuple of them for several, each of the shape of `f`. `out` if given. With
        `full_output` a `GridResult` of it and its error.

    Raises
    ------
    TypeError
        If `f` can't be differentiated with `accuracy` (booleans, objects, dates), an argument
        is of the wrong type, or the number of `spacing` does not fit the axes.
    ValueError
        If `accuracy` is not in its table or too large for an axis, `edge_order` comes with it, `boundary` is unknown, a
        `spacing` is zero, not finite, not monotonic or of the wrong length, or `out` does not fit or overlaps an input.
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
    plain = accuracy is None and boundary is None and nan is None and time_unit is None and full_output is None
    if not plain:
        asked = (accuracy, boundary, nan, time_unit, full_output)
        given: Any = {name: value for name, value in zip(_BEYOND_NUMPY, asked, strict=True) if value is not None}
        if type(edge_order) is not int or edge_order != 1:
            name, value = next(iter(given.items()))
            raise ValueError(
                f"`edge_order` has no meaning with `{name}`, as the accuracy holds at the edges too; leave it out: "
                f"got edge_order={edge_order!r} with {name}={value!r}"
            )
        given.update(axis=axis, out=out, threads=threads)
        return _operator("gradient", f, spacing, given)
    if threads is not None:
        _door.check_threads(threads)
    if _kernels.core is not None and (call := _door.native(f, spacing, axis, edge_order)):
        return _apply.solve(call, out, threads, (f, *spacing))
    return _from_numpy(f, spacing, axis, edge_order, out)


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
    structure = _door.result("gradient", len(parts), 0, ())[0]
    (targets,) = _door.check_out(out, structure, model.shape, (model.dtype,), (f, *spacing))
    for (target,), part in zip(targets.values(), parts, strict=True):
        masked = isinstance(part, np.ma.MaskedArray) and part.dtype.kind in "fc"
        target[...] = part.filled(np.nan) if masked else part
    return out


def _operator(name: str, f: Any, spacing: tuple[Any, ...], options: GridOptions, order: Any = None) -> Any:
    """Return the result of the operator `name`."""
    _apply.require_core(name)
    call, out, threads = _door.accurate(name, f, spacing, options, order)
    return _apply.solve(call, out, threads, (*(f if isinstance(f, tuple | list) else (f,)), *spacing))


def partial(f: Any, *spacing: Any, order: Any, **options: Unpack[GridOptions]) -> Any:
    """Differentiate a sampled array to any orders along any axes.

    Parameters
    ----------
    f : array_like
        The samples.
    *spacing : float or array_like
        As in `gradient`.
    order : int or tuple of int
        The derivative order along each of the axes, 0 to 6; at least one of them positive.
    **options
        See `fastdiff.grid.GridOptions`.

    Returns
    -------
    ndarray
        The partial derivative, of the shape of `f`. With `full_output` a `GridResult`.

    Raises
    ------
    TypeError, ValueError, IndexError, ImportError
        As `gradient` with `accuracy`; and if `order` is not as above.

    Notes
    -----
    A mixed partial derivative is taken axis by axis, on a window of the data that moves along.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdiff import grid
    >>> x = np.arange(6.0)
    >>> grid.partial(np.outer(x**2, x), order=(2, 1))[0]
    array([2., 2., 2., 2., 2., 2.])
    """
    return _operator("partial", f, spacing, options, order)


def divergence(F: Any, *spacing: Any, **options: Unpack[GridOptions]) -> Any:
    """Return the divergence of a sampled vector field, the sum of ∂F[k]/∂(axis k).

    Parameters
    ----------
    F : sequence of array_like, or array_like with the components first
        One component for each of the axes.
    *spacing : float or array_like
        As in `gradient`.
    **options
        See `fastdiff.grid.GridOptions`.

    Returns
    -------
    ndarray
        The divergence, of the shape of a component. With `full_output` a `GridResult`.

    Raises
    ------
    TypeError, ValueError, IndexError, ImportError
        As `gradient` with `accuracy`; and if the components differ in shape, or in number from the axes.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdiff import grid
    >>> x, y = np.meshgrid(np.arange(4.0), np.arange(4.0), indexing="ij")
    >>> grid.divergence((x**2, y))[:, 0]
    array([1., 3., 5., 7.])
    """
    return _operator("divergence", F, spacing, options)


def curl(F: Any, *spacing: Any, **options: Unpack[GridOptions]) -> Any:
    """Return the curl of a sampled vector field in two or three dimensions.

    Parameters
    ----------
    F : sequence of array_like, or array_like with the components first
        Two or three components, one for each of the axes.
    *spacing : float or array_like
        As in `gradient`.
    **options
        See `fastdiff.grid.GridOptions`.

    Returns
    -------
    ndarray or tuple of ndarray
        Along two axes ∂₀F₁ - ∂₁F₀; along three a tuple of the components. With `full_output` a `GridResult`.

    Raises
    ------
    TypeError, ValueError, IndexError, ImportError
        As `gradient` with `accuracy`; and if there are not two or three axes, or not as many components.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdiff import grid
    >>> x, y = np.meshgrid(np.arange(4.0), np.arange(4.0), indexing="ij")
    >>> grid.curl((-y, x))[0]
    array([2., 2., 2., 2.])
    """
    return _operator("curl", F, spacing, options)


def laplacian(f: Any, *spacing: Any, **options: Unpack[GridOptions]) -> Any:
    """Return the Laplacian of a sampled array, the sum of its second derivatives along the axes.

    Parameters
    ----------
    f : array_like
        The samples.
    *spacing : float or array_like
        As in `gradient`.
    **options
        See `fastdiff.grid.GridOptions`.

    Returns
    -------
    ndarray
        The Laplacian, of the shape of `f`. With `full_output` a `GridResult`.

    Raises
    ------
    TypeError, ValueError, IndexError, ImportError
        As `gradient` with `accuracy`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdiff import grid
    >>> x = np.arange(5.0)
    >>> grid.laplacian(x[:, None] ** 2 + 3 * x**2)[0]
    array([8., 8., 8., 8., 8.])
    """
    return _operator("laplacian", f, spacing, options)


def magnitude(f: Any, *spacing: Any, **options: Unpack[GridOptions]) -> Any:
    """Return the Euclidean norm of the gradient of a sampled array, without the gradient in memory.

    Parameters
    ----------
    f : array_like
        The samples.
    *spacing : float or array_like
        As in `gradient`.
    **options
        See `fastdiff.grid.GridOptions`.

    Returns
    -------
    ndarray
        The norm, real and of the shape of `f`. With `full_output` a `GridResult`.

    Raises
    ------
    TypeError, ValueError, IndexError, ImportError
        As `gradient` with `accuracy`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdiff import grid
    >>> x = np.arange(4.0)
    >>> grid.magnitude(3 * x[:, None] + 4 * x)[0]
    array([5., 5., 5., 5.])
    """
    return _operator("magnitude", f, spacing, options)


def hessian(f: Any, *spacing: Any, **options: Unpack[GridOptions]) -> Any:
    """Return all second partial derivatives of a sampled array.

    Parameters
    ----------
    f : array_like
        The samples.
    *spacing : float or array_like
        As in `gradient`.
    **options
        See `fastdiff.grid.GridOptions`.

    Returns
    -------
    tuple of tuple of ndarray
        ``H[i][j]`` is the derivative along axes i and j, and the same array as ``H[j][i]``. With `full_output` a
        `GridResult`.

    Raises
    ------
    TypeError, ValueError, IndexError, ImportError
        As `gradient` with `accuracy`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdiff import grid
    >>> x = np.arange(5.0)
    >>> H = grid.hessian(np.outer(x**2, x))
    >>> H[0][1] is H[1][0], H[0][1][:, 0]
    (True, array([0., 2., 4., 6., 8.]))
    """
    return _operator("hessian", f, spacing, options)


def jacobian(F: Any, *spacing: Any, **options: Unpack[GridOptions]) -> Any:
    """Return all first partial derivatives of a sampled vector field.

    Parameters
    ----------
    F : sequence of array_like, or array_like with the components first
        Any number of components of one shape.
    *spacing : float or array_like
        As in `gradient`.
    **options
        See `fastdiff.grid.GridOptions`.

    Returns
    -------
    tuple of tuple of ndarray
        ``J[i][j]`` is the derivative of component i along axis j. With `full_output` a `GridResult`.

    Raises
    ------
    TypeError, ValueError, IndexError, ImportError
        As `gradient` with `accuracy`; and if the components differ in shape.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdiff import grid
    >>> x = np.arange(4.0)
    >>> grid.jacobian([x**2, 3 * x])[1][0]
    array([3., 3., 3., 3.])
    """
    return _operator("jacobian", F, spacing, options)
