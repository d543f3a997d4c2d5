"""fastdiff beside SciPy on the same problem: values, errors, evaluations, time."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal, TypeAlias, Unpack

import numpy as np

from . import _checks, _kernels, _timing, function
from ._typing import Array, Function, Options
from .function import _door
from .function._callables import compiled_function

Kind: TypeAlias = Literal["derivative", "gradient", "jacobian", "hessian"]

_VERBS: dict[Kind, Callable[..., Any]] = {
    "derivative": function.derivative,
    "gradient": function.gradient,
    "jacobian": function.jacobian,
    "hessian": function.hessian,
}


@dataclass(frozen=True, slots=True, eq=False)
class Contender:
    """One side of a comparison.

    Attributes
    ----------
    name : str
        The back-end.
    value : ndarray
        Its derivative.
    error : float
        The largest absolute difference to the reference.
    nfev : int
        The points at which f was evaluated.
    seconds : float
        The median time of a call, over rounds that take turns.
    """

    name: str
    value: Any
    error: float
    nfev: int
    seconds: float


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """fastdiff beside SciPy; prints a table.

    Attributes
    ----------
    kind : str
        What was compared.
    fastdiff, scipy : Contender
        The two sides.
    reference : str
        What the errors are measured against.
    """

    kind: Kind
    fastdiff: Contender
    scipy: Contender
    reference: str

    @property
    def verdict(self) -> str:
        """Who is better at what, in a sentence."""
        ours, theirs = self.fastdiff, self.scipy
        if not np.isfinite([ours.error, theirs.error]).any():
            return "neither gives finite values here."
        aspects = (
            ("more accurate", ours.error, theirs.error, 2.0),
            ("cheaper in evaluations", ours.nfev, theirs.nfev, 1.0),
            ("faster", ours.seconds, theirs.seconds, 1.1),
        )
        scipy_wins = [what for what, a, b, margin in aspects if b * margin < a]
        fastdiff_wins = [what for what, a, b, margin in aspects if a * margin < b]
        said = [
            f"{name} is {' and '.join(wins)}"
            for name, wins in (("SciPy", scipy_wins), ("fastdiff", fastdiff_wins))
            if wins
        ]
        return ("; ".join(said) or "there is nothing between them") + " here."

    def __str__(self) -> str:
        sides = (self.fastdiff, self.scipy)
        rows = {
            "": ["fastdiff", "SciPy"],
            "max |error|": [f"{side.error:.2e}" for side in sides],
            "evaluations of f": [str(side.nfev) for side in sides],
            "time of a call": [_duration(side.seconds) for side in sides],
        }
        table = "\n".join(f"{label:<18}{ours:>12}{theirs:>12}" for label, (ours, theirs) in rows.items())
        values = "\n".join(
            f"{side.name}: {np.array2string(np.asarray(side.value), precision=12, threshold=12)}" for side in sides
        )
        return f"{self.kind}, errors against {self.reference}\n{table}\n{values}\n{self.verdict}"


def _duration(seconds: float) -> str:
    for unit, scale in (("s", 1.0), ("ms", 1e-3), ("µs", 1e-6)):
        if seconds >= scale:
            return f"{seconds / scale:.1f} {unit}"
    return f"{seconds / 1e-9:.0f} ns"


def compare(
    f: Function, x: Any, kind: Kind = "gradient", *, exact: Any = None, **options: Unpack[Options]
) -> Comparison:
    """Differentiate with fastdiff and with SciPy, and say who does what better.

    Parameters
    ----------
    f : callable
        The function, as for the verb `kind`.
    x : array_like
        Where.
    kind : {"gradient", "jacobian", "hessian", "derivative"}, optional
        What to compare. SciPy's side is ``scipy.optimize``'s private finite differences for gradient and jacobian, and
        ``scipy.differentiate`` for hessian and derivative.
    exact : array_like or callable, optional
        The exact derivative, or a function of x that returns it. Without it errors are measured against fastdiff's
        central differences of accuracy 8.
    **options
        See `fastdiff.Options`; those that SciPy has as well.

    Returns
    -------
    Comparison
        Prints as a table that ends in a verdict, also where SciPy is better.

    Raises
    ------
    ImportError
        If the compiled core is missing: there is nothing to compare.
    TypeError, ValueError
        If an argument can't be used, by either side; the message names it. Exceptions of f arrive unchanged.

    Examples
    --------
    >>> import fastdiff as fd
    >>> found = fd.compare(lambda p: p[0] ** 2 * p[1], [1.0, 2.0], exact=[4.0, 1.0])
    >>> found.fastdiff.nfev, found.scipy.nfev
    (4, 5)
    """
    if _kernels.core is None:
        raise ImportError(f"compare needs the compiled core of fastdiff ({_kernels.reason}); {_kernels.REMEDY}")
    verb = _VERBS[_checks.one_of("kind", kind, tuple(_VERBS))]
    for name in ("backend", "full_output"):
        if name in options:
            raise ValueError(f"compare does not take `{name}`: it runs both back-ends, and reports on them")
    if compiled_function("f", f) is not None:
        raise TypeError("compare takes a Python `f`: SciPy can't differentiate a compiled one")
    x = _door.point(x)
    results: dict[str, Any] = {
        name: verb(f, x, backend=name, full_output=True, **options) for name in ("fastdiff", "scipy")
    }
    reference, label = _reference(verb, f, x, exact, options)
    calls = {name: partial(verb, f, x, backend=name, full_output=True, **options) for name in results}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # f has warned already, once for each side
        times = _timing.medians(calls)
    sides = [
        Contender(name, result.value, _largest(result.value, reference), result.nfev, times[name])
        for name, result in results.items()
    ]
    return Comparison(kind, sides[0], sides[1], label)


def _reference(verb: Callable[..., Any], f: Function, x: Any, exact: Any, options: Options) -> tuple[Array, str]:
    if exact is not None:
        return np.asarray(exact(np.asarray(x, np.float64)) if callable(exact) else exact), "the exact values"
    kept = {
        name: value
        for name, value in options.items()
        if name not in ("method", "step", "relative_step", "f0", "accuracy")
    }
    return verb(f, x, accuracy=8, full_output=True, **kept).value, "central differences of accuracy 8"


def _largest(value: Any, reference: Array) -> float:
    if np.shape(value) != np.shape(reference):
        raise ValueError(f"`exact` must have the shape {np.shape(value)} of the derivative, got {np.shape(reference)}")
    errors = np.abs(np.asarray(value) - reference)
    return float(np.max(np.where(np.isnan(errors), np.inf, errors), initial=0.0))
