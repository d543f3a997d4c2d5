"""Planned derivatives: reusable, picklable callables for ``jac=`` and ``hess=``.

Options are judged once; the plan is kept for the shape of x, the precision of f is remembered. A call is one run.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Unpack

from .. import _checks, _dispatch
from .._typing import FloatArray, Function, Options
from . import _door
from ._callables import Call, compiled_function
from ._problem import Problem, Target
from ._results import DerivativeResult, Status

_NOT_FINITE = int(Status.NOT_FINITE)


class Planned:
    """What `Gradient`, `Jacobian` and `Hessian` share: arguments, plans, counts."""

    _target = Target("axis")
    _scalar_only = False

    def __init__(self, f: Function, *misplaced: Any, **options: Unpack[Options]) -> None:
        verb = type(self).__name__
        if misplaced:
            raise TypeError(f"{verb} takes f and options by name; x comes at the call: {verb}(f)(x)")
        self._engine: Any = _dispatch.backend_for(verb, "fastdiff")
        self._call = _door.call(verb, f, options)
        self._settings = _door.settings(verb, options)
        self._plan: Any = None
        self._epsilon: float = self._engine.EPSILON
        self._direct: tuple[Any, Any] = (None, None)  # what takes a short cut, and its plan
        self._outcome: Any = None
        self._last: DerivativeResult | None = None
        self.nfev = 0

    def __call__(self, *args: Any, **kwargs: Any) -> FloatArray:
        """Return the derivative at x; the arguments are those of f. Other arguments replace the stored ones."""
        direct, plan = self._direct
        if direct is not None and len(args) == 1 and not kwargs:
            found = direct(args[0], self)
            if found is not None:
                value, worst, x, values = found
                self._last, self._outcome = None, (x, values, plan)  # `last` makes the rest of it when it is asked for
                return value if worst < _NOT_FINITE else self._mended(x, values, plan)
        x, call = self._arguments(args, kwargs)
        derivative: FloatArray = self._run(x, call).value()
        return derivative

    def _mended(self, x: FloatArray, values: FloatArray, plan: Any) -> FloatArray:
        """Return what a second try makes of values that are not finite."""
        self._outcome = outcome = self._resumed(x, values, plan)
        self.nfev += outcome.nfev - len(values)
        value: FloatArray = outcome.value()
        return value

    def _resumed(self, x: FloatArray, values: FloatArray, plan: Any) -> Any:
        problem = self._problem(x, self._call)
        evaluate = self._engine.evaluator(problem, self._epsilon)
        return self._engine.resumed(problem, plan, evaluate, values)

    def _problem(self, x: FloatArray, call: Call) -> Problem:
        return Problem(type(self).__name__, call, self._target, self._settings, x, self._scalar_only)

    def result(self, *args: Any, **kwargs: Any) -> DerivativeResult:
        """Return the derivative at x as a `DerivativeResult`; the arguments are those of f."""
        x, call = self._arguments(args, kwargs)
        result: DerivativeResult = self._run(x, call).result()
        self._last = result
        return result

    @property
    def last(self) -> DerivativeResult | None:
        """The result of the last call, or None before the first."""
        outcome = self._outcome
        if outcome is None or self._last is not None:
            return self._last
        if isinstance(outcome, tuple):
            outcome = self._outcome = self._resumed(*outcome)
        made: DerivativeResult = outcome.result()
        self._last = made
        return made

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[FloatArray, Call]:
        call = self._call
        if not args:
            raise TypeError(f"{type(self).__name__} must be called with x")
        if call.argnum == 0 or (call.args and len(args) == 1):
            x, others = args[0], args[1:]
        else:
            x, others = call.split(args)
        if (others or kwargs) and call.compiled is not None:
            raise TypeError(
                f"{type(self).__name__} of a compiled `f` must be called with x alone: f takes nothing else"
            )
        if others or kwargs:
            call = replace(call, args=others or call.args, kwargs=kwargs or call.kwargs)
        return _door.point(x), call

    def _run(self, x: FloatArray, call: Call) -> Any:
        problem = self._problem(x, call)
        plan = self._plan
        if plan is None or plan.shape != x.shape:
            plan = self._plan = self._engine.bind(self._settings, self._target, x.shape)
        self._outcome = self._last = outcome = None
        evaluate = self._engine.evaluator(problem, self._epsilon)
        try:
            outcome = self._engine.solve(problem, plan, evaluate)
        finally:  # what was evaluated counts, also where f raised
            self.nfev += evaluate.nfev if outcome is None else outcome.nfev
        self._epsilon = evaluate.epsilon
        self._outcome = outcome
        if self._direct[1] is not plan:
            self._direct = self._engine.direct(problem, plan, evaluate), plan
        return outcome

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what a call makes anew."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_engine", "_plan", "_direct", "_outcome", "_last")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state, _plan=None, _direct=(None, None), _outcome=None, _last=None)
        self._engine = _dispatch.backend_for(type(self).__name__, "fastdiff")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._call.f!r}, method={self._settings.method!r})"


class Gradient(Planned):
    """The gradient of a scalar function as a callable, for ``jac=``.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of x and returns a scalar.
    **options
        See `fastdiff.Options`; without `f0` and `full_output`.

    Attributes
    ----------
    nfev : int
        The points at which f was evaluated so far, over all calls.
    last : DerivativeResult or None
        The result of the last call. A planned derivative never warns: look here.

    Raises
    ------
    TypeError, ValueError
        If an option can't be used, here; if x can't, at the call. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> from scipy.optimize import minimize, rosen
    >>> import fastdiff as fd
    >>> minimize(rosen, [2.0, 2.0], jac=fd.Gradient(rosen), method="BFGS").x.round(4)
    array([1., 1.])
    """

    _scalar_only = True


class Jacobian(Planned):
    """The Jacobian of a function as a callable, for ``jac=`` of least_squares, root, solve_ivp and curve_fit.

    Parameters
    ----------
    f : callable
        Takes an array of the shape of x and returns a number or an array.
    **options
        See `fastdiff.Options`; without `f0` and `full_output`. ``argnum=1`` serves ``solve_ivp``, whose functions are
        called ``f(t, y)``, and ``argnum=slice(1, None)`` serves ``curve_fit``, which calls ``f(xdata, *params)``.

    Attributes
    ----------
    nfev : int
        The points at which f was evaluated so far, over all calls.
    last : DerivativeResult or None
        The result of the last call. A planned derivative never warns: look here.

    Raises
    ------
    TypeError, ValueError
        If an option can't be used, here; if x can't, at the call. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdiff as fd
    >>> J = fd.Jacobian(lambda t, y: np.array([y[1], -t * y[0]]), argnum=1)
    >>> J(2.0, [1.0, 0.0]).round(6)
    array([[ 0.,  1.],
           [-2.,  0.]])
    """


class Hessian(Planned):
    """The Hessian of a function as a callable, for ``hess=``.

    Parameters
    ----------
    f : callable or None
        Takes an array of the shape of x and returns a scalar (a vector with `weighted`); None with `gradient`.
    gradient : callable, optional
        The gradient of f: it is differenced instead, and the result symmetrised.
    weighted : bool, optional
        Called as ``(x, v)``: the Hessian of v·f for a vector-valued f, as `scipy.optimize.NonlinearConstraint` asks.
    **options
        See `fastdiff.Options`; without `f0` and `full_output`.

    Attributes
    ----------
    nfev : int
        The points at which f was evaluated so far, over all calls.
    last : DerivativeResult or None
        The result of the last call. A planned derivative never warns: look here.

    Raises
    ------
    TypeError, ValueError
        If an option can't be used, here; if x can't, at the call. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import numpy as np
    >>> import fastdiff as fd
    >>> fd.Hessian(lambda p: np.array([p[0] ** 2, p[0] * p[1]]), weighted=True)([1.0, 2.0], [1.0, 3.0]).round(3)
    array([[2., 3.],
           [3., 0.]])
    """

    _target = Target("hessian")

    def __init__(
        self,
        f: Function | None,
        *,
        gradient: Function | None = None,
        weighted: bool = False,
        **options: Unpack[Options],
    ) -> None:
        if f is not None or gradient is None:
            compiled_function("f", f)
        if gradient is not None:
            compiled_function("gradient", gradient)
        self._weighted = _checks.flag("weighted", weighted)
        if self._weighted and gradient is not None:
            raise ValueError("`weighted` and `gradient` can't be given together: v·f has no single gradient")
        self._differenced = gradient is not None
        if gradient is not None:
            self._target = Target("axis")
        function = f if gradient is None else gradient
        assert function is not None
        super().__init__(function, **options)

    def _arguments(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[FloatArray, Call]:
        if not self._weighted:
            return super()._arguments(args, kwargs)
        if len(args) < 2:
            raise TypeError("Hessian with weighted=True must be called with x and v")
        x, call = super()._arguments((args[0], *args[2:]), kwargs)
        weights = _checks.finite_array("v", args[1])
        return x, replace(call, weights=weights)

    def _run(self, x: FloatArray, call: Call) -> Any:
        outcome = super()._run(x, call)
        if not self._differenced:
            return outcome
        self._outcome = symmetrised = self._engine.Symmetrised(outcome)
        return symmetrised
