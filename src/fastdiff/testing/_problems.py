"""The catalogue: formulas, starting points and minima, as data."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from sys import maxsize
from typing import Any

import numpy as np

from .. import _checks
from .._typing import FloatArray
from . import _formulas as f
from ._jets import Jet, JetFunctions, variables

_JETS = JetFunctions()


@dataclass(frozen=True)
class Problem:
    """A sum of squares with exact derivatives.

    Values and derivatives are infinite or NaN where a formula overflows or divides by zero. Problems can be pickled.

    Attributes
    ----------
    number : int
        Of the problem in the paper, 1 to 35.
    name : str
        Its name.
    start : tuple of float
        The standard starting point; `x0` is the same as an array.
    minimum : float or None
        The least value of `f` known for this n, to six digits as the paper prints it; None where it prints none.
    formula : callable
        ``formula(module, variables)`` returns the list of residuals for any kind of number, given the module of its
        elementary functions: `numpy`, or `mpmath` for many digits.

    Examples
    --------
    >>> from fastdiff.testing import problem
    >>> p = problem("rosenbrock")
    >>> p.gradient(p.x0).round(1)
    array([-215.6,  -88. ])
    """

    number: int
    name: str
    start: tuple[float, ...]
    minimum: float | None
    formula: Callable[[Any, Any], list[Any]]

    @property
    def n(self) -> int:
        """The number of variables."""
        return len(self.start)

    @property
    def x0(self) -> FloatArray:
        """The standard starting point, shape (n,)."""
        return np.array(self.start, np.float64)

    @property
    def m(self) -> int:
        """The number of residuals."""
        return len(self.residuals(self.x0))

    def residuals(self, x: Any) -> FloatArray:
        """Return the residuals at x, shape (m,)."""
        with np.errstate(all="ignore"):
            return np.array(self.formula(np, list(self._point(x))), np.float64)

    def f(self, x: Any) -> np.float64:
        """Return the sum of the squares of the residuals at x."""
        residuals = self.residuals(x)
        with np.errstate(all="ignore"):
            return np.float64(residuals @ residuals)

    def jacobian(self, x: Any) -> FloatArray:
        """Return the exact Jacobian of the residuals at x, shape (m, n)."""
        return np.array([r.gradient for r in self._jets(x)])

    def gradient(self, x: Any) -> FloatArray:
        """Return the exact gradient of `f` at x, shape (n,)."""
        with np.errstate(all="ignore"):
            gradient: FloatArray = np.sum([2 * r.value * r.gradient for r in self._jets(x)], axis=0)
        return gradient

    def hessian(self, x: Any) -> FloatArray:
        """Return the exact Hessian of `f` at x, shape (n, n)."""
        with np.errstate(all="ignore"):
            terms = [np.multiply.outer(r.gradient, r.gradient) + r.value * r.hessian for r in self._jets(x)]
            hessian: FloatArray = 2 * np.sum(terms, axis=0)
        return hessian

    def _jets(self, x: Any) -> list[Jet]:
        with np.errstate(all="ignore"):
            return self.formula(_JETS, variables(self._point(x)))

    def _point(self, x: Any) -> FloatArray:
        point = _checks.finite_array("x", x)
        if point.shape != (self.n,):
            raise ValueError(f"`x` must have the shape ({self.n},) of {self.name}, got {point.shape}")
        return point


def _boundary(n: int) -> list[float]:
    return [t * (t - 1) for t in f.inner_points(n)]


# number -> (name, variables, formula, starting point, least values by n)
_ROWS: tuple[tuple[str, int, Any, Callable[[int], Any], dict[int, float]], ...] = (
    ("rosenbrock", 2, f.rosenbrock, lambda n: [-1.2, 1], {2: 0.0}),
    ("freudenstein-roth", 2, f.freudenstein_roth, lambda n: [0.5, -2], {2: 0.0}),
    ("powell badly scaled", 2, f.powell_badly_scaled, lambda n: [0, 1], {2: 0.0}),
    ("brown badly scaled", 2, f.brown_badly_scaled, lambda n: [1, 1], {2: 0.0}),
    ("beale", 2, f.beale, lambda n: [1, 1], {2: 0.0}),
    ("jennrich-sampson", 2, f.jennrich_sampson, lambda n: [0.3, 0.4], {2: 124.362}),
    ("helical valley", 3, f.helical_valley, lambda n: [-1, 0, 0], {3: 0.0}),
    ("bard", 3, f.bard, lambda n: [1, 1, 1], {3: 8.21487e-3}),
    ("gaussian", 3, f.gaussian, lambda n: [0.4, 1, 0], {3: 1.12793e-8}),
    ("meyer", 3, f.meyer, lambda n: [0.02, 4000, 250], {3: 87.9458}),
    ("gulf", 3, f.gulf, lambda n: [5, 2.5, 0.15], {3: 0.0}),
    ("box", 3, f.box, lambda n: [0, 10, 20], {3: 0.0}),
    ("powell singular", 4, f.powell_singular, lambda n: [3, -1, 0, 1], {4: 0.0}),
    ("wood", 4, f.wood, lambda n: [-3, -1, -3, -1], {4: 0.0}),
    ("kowalik-osborne", 4, f.kowalik_osborne, lambda n: [0.25, 0.39, 0.415, 0.39], {4: 3.07505e-4}),
    ("brown-dennis", 4, f.brown_dennis, lambda n: [25, 5, -5, -1], {4: 85822.2}),
    ("osborne 1", 5, f.osborne_1, lambda n: [0.5, 1.5, -1, 0.01, 0.02], {5: 5.46489e-5}),
    ("biggs", 6, f.biggs, lambda n: [1, 2, 1, 1, 1, 1], {6: 0.0}),
    ("osborne 2", 11, f.osborne_2, lambda n: [1.3, 0.65, 0.65, 0.7, 0.6, 3, 5, 7, 2, 4.5, 5.5], {11: 4.01377e-2}),
    ("watson", 6, f.watson, lambda n: [0] * n, {6: 2.28767e-3, 9: 1.39976e-6, 12: 4.72238e-10}),
    ("extended rosenbrock", 10, f.rosenbrock, lambda n: [-1.2, 1] * (n // 2), {10: 0.0}),
    ("extended powell singular", 12, f.powell_singular, lambda n: [3, -1, 0, 1] * (n // 4), {12: 0.0}),
    ("penalty 1", 10, f.penalty_1, lambda n: range(1, n + 1), {4: 2.24997e-5, 10: 7.08765e-5}),
    ("penalty 2", 10, f.penalty_2, lambda n: [0.5] * n, {4: 9.37629e-6, 10: 2.93660e-4}),
    ("variably dimensioned", 10, f.variably_dimensioned, lambda n: [1 - i / n for i in range(1, n + 1)], {10: 0.0}),
    ("trigonometric", 10, f.trigonometric, lambda n: [1 / n] * n, {10: 0.0}),
    ("brown almost-linear", 10, f.brown_almost_linear, lambda n: [0.5] * n, {10: 0.0}),
    ("discrete boundary value", 10, f.discrete_boundary, _boundary, {10: 0.0}),
    ("discrete integral equation", 10, f.discrete_integral, _boundary, {10: 0.0}),
    ("broyden tridiagonal", 10, f.broyden_tridiagonal, lambda n: [-1] * n, {10: 0.0}),
    ("broyden banded", 10, f.broyden_banded, lambda n: [-1] * n, {10: 0.0}),
    ("linear, full rank", 10, f.linear_full_rank, lambda n: [1] * n, {10: 10.0}),
    ("linear, rank 1", 10, f.linear_rank_1, lambda n: [1] * n, {10: 4.63415}),
    ("linear, rank 1 with zeros", 10, f.linear_rank_1_zeros, lambda n: [1] * n, {10: 6.13514}),
    ("chebyquad", 8, f.chebyquad, f.inner_points, {7: 0.0, 8: 3.51687e-3, 10: 6.50395e-3}),
)  # fmt: skip
_NUMBERS = {key: number for number, row in enumerate(_ROWS, 1) for key in (row[0], number)}
# number -> the numbers of variables it is defined for, where they vary.
_DIMENSIONS = {20: range(2, 32), 21: range(2, maxsize, 2), 22: range(4, maxsize, 4)}
_DIMENSIONS |= dict.fromkeys(range(23, 36), range(1, maxsize)) | {34: range(3, maxsize)}


def problems() -> tuple[Problem, ...]:
    """Return all 35 problems, with their usual numbers of variables.

    Returns
    -------
    tuple of Problem
        In the order of the paper.

    Examples
    --------
    >>> from fastdiff.testing import problems
    >>> [p.name for p in problems()][:3]
    ['rosenbrock', 'freudenstein-roth', 'powell badly scaled']
    """
    return tuple(_build(number, row[1]) for number, row in enumerate(_ROWS, 1))


def problem(which: str | int, n: int | None = None) -> Problem:
    """Return one problem.

    Parameters
    ----------
    which : str or int
        Its name, or its number in the paper.
    n : int, optional
        The number of variables, where it is not fixed.

    Returns
    -------
    Problem
        With the starting point and the minimum for this n.

    Raises
    ------
    TypeError
        If `n` is not an integer.
    ValueError
        If there is no such problem, or it does not have n variables.

    Examples
    --------
    >>> from fastdiff.testing import problem
    >>> problem("watson", n=9).minimum
    1.39976e-06
    """
    number = _number(which)
    usual = _ROWS[number - 1][1]
    if n is None:
        return _build(number, usual)
    allowed = _DIMENSIONS.get(number, range(usual, usual + 1))
    if _checks.integer("n", n) not in allowed:
        raise ValueError(f"`n` must be {_words(allowed)} for {_ROWS[number - 1][0]}, got {n}")
    return _build(number, operator.index(n))


def _build(number: int, n: int) -> Problem:
    name, _, formula, start, minima = _ROWS[number - 1]
    return Problem(number, name, tuple(map(float, start(n))), minima.get(n), formula)


def _number(which: Any) -> int:
    """Return the number of a problem that is given by its name or its number."""
    key = int(which) if isinstance(which, np.integer) else which
    if isinstance(key, str | int) and not isinstance(key, bool) and key in _NUMBERS:
        return _NUMBERS[key]
    raise ValueError(
        "`which` must be one of the 35 problems, by name or by number; fastdiff.testing.problems() lists them, "
        f"got {which!r}"
    )


def _words(allowed: range) -> str:
    if len(allowed) == 1:
        return str(allowed.start)
    kind = f"a multiple of {allowed.step}" if allowed.step > 1 else "an integer"
    return f"{kind}, at least {allowed.start}" + ("" if allowed.stop == maxsize else f" and at most {allowed[-1]}")
