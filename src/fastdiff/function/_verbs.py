"""The public verbs. Each states a problem and leaves it to the back-end; none computes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Unpack

import numpy as np

from .. import _checks, _dispatch
from .._typing import FloatArray, Function, Indexing, Options
from . import _door, _tree_door
from ._callables import compiled_function
from ._problem import Problem, Settings, Target
from ._results import (
    AccuracyWarning,
    DerivativeResult,
    Finished,
    Solution,
    Status,
    describe,
)
from ._trees import InTree

_HIGHEST_ORDER = 8
_AXIS = Target("axis")


def derivative(f: Function, x: Any, order: int = 1, **options: Unpack[Options]) -> Any:
    """Differentiate an elementwise function of one variable.

    Parameters
    ----------
    f : callable
        Maps entry by entry. Called with a float where `x` is a scalar, else with arrays of the shape of `x`.
    x : array_like
        Where; any shape.
    order : int, optional
        The derivative order, 1 to 8.
    **options
        See `fastdiff.Options`; without `vectorized`, `unpack`.

    Returns
    -------
    ndarray or scalar, of the shape of x
        The derivative; a `DerivativeResult` with ``full_output=True``.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Warns
    -----
    AccuracyWarning
        If an entry has a status worse than ``Status.NOISE_LIMITED``.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdiff as fd
    >>> bool(abs(fd.derivative(np.sin, 0.0) - 1) < 1e-9)
    True
    >>> fd.derivative(lambda t: t**3, [1.0, 2.0], order=2).round(4)
    array([ 6., 12.])
    """
    k = _checks.integer("order", order, least=1, most=_HIGHEST_ORDER)
    return _deliver(_problem("derivative", f, x, Target("elementwise", k), options, scalar_x=np.ndim(x) == 0))


def partial(f: Function, x: Any, index: int | tuple[int, ...], **options: Unpack[Options]) -> Any:
    """Differentiate with respect to one coordinate, or to several in turn.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of x.
    x : array_like
        Where; any shape.
    index : int or tuple of int
        The coordinate, a flat index in C order, negative from the end. A tuple differentiates repeatedly: ``(0, 1)`` is
        ∂²f/∂x₀∂x₁, ``(2, 2)`` is ∂²f/∂x₂².
    **options
        See `fastdiff.Options`.

    Returns
    -------
    ndarray or scalar, of the shape of f(x)
        The partial derivative; a `DerivativeResult` with ``full_output=True``.

    Raises
    ------
    IndexError
        If `index` is out of range.
    TypeError, ValueError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import fastdiff as fd
    >>> round(float(fd.partial(lambda p: p[0] ** 2 * p[1], [1.0, 2.0], (0, 1))), 6)
    2.0
    """
    point = _door.point(x)
    orders = _door.flat_index(index, point.size)
    return _deliver(_problem("partial", f, point, Target("mixed", orders=orders), options))


def gradient(f: Function, x: Any, **options: Unpack[Options]) -> Any:
    """Differentiate a scalar function with respect to every coordinate.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of x, or a dict with the keys and shapes of x, and returns a scalar. 0-d leaves are
        NumPy scalars.
    x : array_like or dict of array_like
        Where; any shape. A dict, nested or not, is a parameter tree.
    **options
        See `fastdiff.Options`. At a dict `step`, `relative_step`, `x_scale` and the sides of `bounds` are numbers, or
        dicts with the keys of x whose leaves broadcast to those of x.

    Returns
    -------
    ndarray, of the shape of x, or dict with the keys and shapes of x
        The gradient; a `DerivativeResult` with ``full_output=True``. It takes p evaluations a coordinate for central
        accuracy p, and p evaluations a coordinate and one more for the one-sided methods; about 14 with
        ``method="richardson"``.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import fastdiff as fd
    >>> fd.gradient(lambda p: p[0] ** 2 * p[1], [1.0, 2.0]).round(6)
    array([4., 1.])
    >>> fd.gradient(lambda p: p["a"] ** 2 * p["b"].sum(), {"a": 1.0, "b": [2.0, 3.0]})["b"].round(6)
    array([1., 1.])
    """
    return _deliver(_problem("gradient", f, x, _AXIS, options, scalar_only=True))


def jacobian(f: Function, x: Any, **options: Unpack[Options]) -> Any:
    """Differentiate a function of any shape with respect to every coordinate.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of x and returns a number or an array.
    x : array_like
        Where; any shape.
    **options
        See `fastdiff.Options`.

    Returns
    -------
    ndarray, of the shape of f(x) and then that of x, never squeezed
        The Jacobian; a `DerivativeResult` with ``full_output=True``.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdiff as fd
    >>> fd.jacobian(lambda p: np.array([p[0] * p[1], p[1] ** 2, p[0]]), [1.0, 2.0]).round(6)
    array([[2., 1.],
           [0., 4.],
           [1., 0.]])
    """
    return _deliver(_problem("jacobian", f, x, _AXIS, options))


def hessian(f: Function | None, x: Any, *, gradient: Function | None = None, **options: Unpack[Options]) -> Any:
    """Differentiate twice with respect to every pair of coordinates.

    Parameters
    ----------
    f : callable or None
        Takes an array of the shape of x and returns a number or an array; None where `gradient` is given.
    x : array_like
        Where; any shape.
    gradient : callable, optional
        The gradient of a scalar f: it is differenced instead, which takes fewer and more accurate evaluations.
    **options
        See `fastdiff.Options`.

    Returns
    -------
    ndarray, of the shape of f(x), then twice that of x
        The Hessian, symmetric bit for bit; a `HessianResult` with ``full_output=True``, which has the gradient from
        the same points. It takes ``1 + p/2 n (n + 1)`` evaluations for central accuracy p, ``1 + n + n (n + 1) / 2``
        for ``method="forward"``, and with ``method="richardson"`` about as many as for central accuracy 10.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    References
    ----------
    M. S. Ridout, "Statistical applications of the complex-step method of numerical differentiation", Amer. Statist. 63
    (2009) 66-74, eq. 8.

    Examples
    --------
    >>> import fastdiff as fd
    >>> fd.hessian(lambda p: p[0] ** 2 * p[1], [1.0, 2.0]).round(3)
    array([[4., 2.],
           [2., 0.]])
    """
    if gradient is None:
        return _deliver(_problem("hessian", f, x, Target("hessian"), options))
    if f is not None:
        compiled_function("f", f)
    compiled_function("gradient", gradient)
    problem = _problem("hessian", gradient, x, _AXIS, options)
    backend = _dispatch.backend_for(problem.verb, problem.settings.backend)
    return _hand_over(problem, [backend.hessian_of_gradient(problem)])[0]


def hessian_diagonal(f: Function, x: Any, **options: Unpack[Options]) -> Any:
    """Differentiate twice with respect to every coordinate: the diagonal of the Hessian, without the rest.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of x and returns a number or an array.
    x : array_like
        Where; any shape.
    **options
        See `fastdiff.Options`.

    Returns
    -------
    ndarray, of the shape of x (of the shape of f(x) and then that of x for an array-valued f)
        The second derivatives; a `DerivativeResult` with ``full_output=True``.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import fastdiff as fd
    >>> fd.hessian_diagonal(lambda p: p[0] ** 2 * p[1] ** 3, [1.0, 2.0]).round(3)
    array([16., 12.])
    """
    return _deliver(_problem("hessian_diagonal", f, x, Target("axis", 2), options))


def laplacian(f: Function, x: Any, **options: Unpack[Options]) -> Any:
    """Sum the second derivatives with respect to every coordinate.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of x and returns a number or an array.
    x : array_like
        Where; any shape.
    **options
        See `fastdiff.Options`.

    Returns
    -------
    scalar, or ndarray of the shape of f(x)
        The Laplacian; a `DerivativeResult` with ``full_output=True``, whose status is the worst along any coordinate.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import fastdiff as fd
    >>> round(float(fd.laplacian(lambda p: p[0] ** 2 + 3 * p[1] ** 2, [1.0, 2.0])), 4)
    8.0
    """
    problem = _problem("laplacian", f, x, Target("axis", 2), options)
    return _hand_over(problem, [Finished(_summed(_solution(problem).result(), problem.x.ndim))])[0]


def _summed(diagonal: DerivativeResult, x_ndim: int) -> DerivativeResult:
    """Return the sum over the trailing axes, those of x; its status is the worst of its terms, its error their sum."""
    axes = tuple(range(-x_ndim, 0))
    value, error = (np.asarray(np.sum(part, axis=axes)) for part in (diagonal.value, diagonal.error))
    status = np.asarray(diagonal.status.max(axis=axes, initial=0))
    return DerivativeResult(value[()], error[()], diagonal.step, status, diagonal.nfev, describe(status))


def directional(f: Function, x: Any, v: Any, *, normalize: bool = True, **options: Unpack[Options]) -> Any:
    """Differentiate along a direction.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of x and returns a number or an array.
    x : array_like
        Where; any shape.
    v : array_like, of the shape of x
        The direction.
    normalize : bool, optional
        Differentiate along v/‖v‖ (default), or along v.
    **options
        See `fastdiff.Options`.

    Returns
    -------
    scalar or ndarray, of the shape of f(x)
        The directional derivative; a `DerivativeResult` with ``full_output=True``.

    Raises
    ------
    ValueError
        If v is zero and is to be normalised.
    TypeError, ValueError
        If another argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import fastdiff as fd
    >>> round(float(fd.directional(lambda p: p[0] ** 2 - p[1] ** 2, [1.0, 2.0], [3.0, 4.0])), 6)
    -2.0
    """
    point = _door.point(x)
    along = _door.direction(v, point.shape)
    if _checks.flag("normalize", normalize) and point.size:
        size = np.abs(along).max(initial=0.0)
        if size == 0:
            raise ValueError("`v` must not be zero with normalize=True: it has no direction")
        with np.errstate(under="ignore"):
            along = along / size  # against overflow of the norm
            along = along / np.linalg.norm(along)
    return _deliver(_problem("directional", f, point, Target("direction"), options, v=along))


def jvp(f: Function, x: Any, v: Any, **options: Unpack[Options]) -> Any:
    """Multiply the Jacobian of f by a vector, without forming it.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of x, or a dict with the keys and shapes of x, and returns a number or an array.
    x : array_like or dict of array_like
        Where; any shape. A dict, nested or not, is a parameter tree.
    v : array_like, of the shape of x, or dict with the keys and shapes of x
        The vector.
    **options
        See `fastdiff.Options`. At a dict `step`, `relative_step`, `x_scale` and the sides of `bounds` are numbers, or
        dicts with the keys of x whose leaves broadcast to those of x.

    Returns
    -------
    scalar or ndarray, of the shape of f(x)
        The product; a `DerivativeResult` with ``full_output=True``. It takes as many evaluations as one coordinate.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdiff as fd
    >>> fd.jvp(lambda p: np.array([p[0] * p[1], p[1]]), [1.0, 2.0], [1.0, -1.0]).round(6)
    array([ 1., -1.])
    """
    return _deliver(_problem("jvp", f, x, Target("direction"), options, v=v))


def hvp(f: Function | None, x: Any, v: Any, gradient: Function | None = None, **options: Unpack[Options]) -> Any:
    """Multiply the Hessian of f by a vector, without forming it.

    Parameters
    ----------
    f : callable or None
        Takes an array of the shape of x, or a dict with the keys and shapes of x, and returns a number or an array;
        None where `gradient` is given.
    x : array_like or dict of array_like
        Where; any shape. A dict, nested or not, is a parameter tree.
    v : array_like, of the shape of x, or dict with the keys and shapes of x
        The vector.
    gradient : callable, optional
        The gradient of a scalar f, of the shape of x, or a dict with its keys and shapes: it is differenced along v
        instead, which takes two evaluations.
    **options
        See `fastdiff.Options`. At a dict `step`, `relative_step`, `x_scale` and the sides of `bounds` are numbers, or
        dicts with the keys of x whose leaves broadcast to those of x.

    Returns
    -------
    ndarray, of the shape of x (of the shape of f(x) and then that of x for an array-valued f), or dict of such
        The product; a `DerivativeResult` with ``full_output=True``. From f alone it takes 4 n evaluations, and some
        20 n with ``method="richardson"``.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import fastdiff as fd
    >>> fd.hvp(lambda p: p[0] ** 2 * p[1], [1.0, 2.0], [1.0, 1.0]).round(3)
    array([6., 2.])
    """
    if gradient is None:
        return _deliver(_problem("hvp", f, x, Target("hessian_product"), options, v=v))
    if f is not None:
        compiled_function("f", f)
    compiled_function("gradient", gradient)
    return _deliver(_problem("hvp", gradient, x, Target("direction"), options, v=v))


def gradient_field(f: Function, *axes: Any, indexing: Indexing = "ij", **options: Unpack[Options]) -> Any:
    """Differentiate a function at every node of a mesh, by calling it on whole meshes.

    Parameters
    ----------
    f : callable
        Called elementwise as ``f(X, Y, ...)`` with one array for each axis, of the shape of the mesh.
    *axes : array_like, 1-D
        The coordinates of the nodes along each axis.
    indexing : {"ij", "xy"}, optional
        The layout of the mesh, as in `numpy.meshgrid`.
    **options
        See `fastdiff.Options`; `step`, `relative_step`, `x_scale` and the sides of `bounds` broadcast to
        ``(len(axes),)``, one for each axis. Without `vectorized`, `unpack`, `argnum`.

    Returns
    -------
    tuple of ndarray, one for each axis, of the shape of the mesh
        The components of the gradient; each a `DerivativeResult` with ``full_output=True``.

    Raises
    ------
    TypeError, ValueError
        If an argument can't be used; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdiff as fd
    >>> gx, gy = fd.gradient_field(lambda x, y: x * y**2, [0.0, 1.0], [1.0, 2.0, 3.0])
    >>> gx.round(6)
    array([[1., 4., 9.],
           [1., 4., 9.]])
    """
    if not axes:
        raise TypeError("gradient_field() needs the coordinates of at least one axis")
    _checks.one_of("indexing", indexing, ("ij", "xy"))
    coordinates = [_door.point(axis) for axis in axes]
    for number, axis in enumerate(coordinates):
        if axis.ndim != 1:
            raise ValueError(f"axis {number} of `axes` must be 1-D, got shape {axis.shape}")
    call = _door.call("gradient_field", f, options)
    settings = _door.settings("gradient_field", options)
    mesh = np.meshgrid(*coordinates, indexing=indexing)
    problems = []
    for number, nodes in enumerate(mesh):
        others = (*mesh[:number], *mesh[number + 1 :])
        own_call = replace(call, args=others + call.args, argnum=number)
        own = _along_axis(settings, number, len(mesh))
        problems.append(Problem("gradient_field", own_call, Target("elementwise"), own, nodes))
    return _hand_over(problems[0], [_solution(problem) for problem in problems])


def _along_axis(settings: Settings, number: int, count: int) -> Settings:
    """Return the settings of one axis of a mesh: its own step, scale and bounds."""

    def own(name: str, array: FloatArray | None) -> FloatArray | None:
        return None if array is None else _checks.broadcast(name, array, (count,))[number]

    sides = None
    if settings.bounds is not None:
        sides = tuple(_checks.broadcast("bounds", side, (count,))[number] for side in settings.bounds)
    return replace(
        settings,
        step=own("step", settings.step),
        relative_step=own("relative_step", settings.relative_step),
        x_scale=own("x_scale", settings.x_scale),
        bounds=sides,
    )


def _problem(
    verb: str,
    f: Any,
    x: Any,
    target: Target,
    options: Options,
    *,
    v: Any = None,
    scalar_only: bool = False,
    scalar_x: bool = False,
) -> Problem:
    if verb in _door.TREE_VERBS and isinstance(x, Mapping):
        return _tree_door.problem(verb, f, x, target, options, v)
    point = _door.point(x)
    if target.along:
        target = replace(target, v=_door.direction(v, point.shape).ravel())
    call = _door.call(verb, f, options)
    return Problem(verb, call, target, _door.settings(verb, options), point, scalar_only, scalar_x)


def _deliver(problem: Problem) -> Any:
    """Solve a problem and return what the caller asked for; called by the verb itself."""
    return _hand_over(problem, [_solution(problem)], level=4)[0]


def _solution(problem: Problem) -> Solution:
    solution: Solution = _dispatch.backend_for(problem.verb, problem.settings.backend).differentiate(problem)
    if problem.tree is None or problem.verb == "jvp":  # which has the shape of f(x)
        return solution
    return InTree(solution, problem.tree)


def _hand_over(problem: Problem, solutions: list[Solution], level: int = 3) -> tuple[Any, ...]:
    """Return results, or values: then trouble becomes one warning, at the line that called the verb."""
    if problem.settings.full_output:
        return tuple(solution.result() for solution in solutions)
    worst = max(solutions, key=lambda solution: solution.worst)
    if worst.worst > Status.NOISE_LIMITED:
        warnings.warn(f"{problem.verb}: {worst.result().message}", AccuracyWarning, stacklevel=level)
    return tuple(solution.value() for solution in solutions)
