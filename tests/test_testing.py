"""The Moré-Garbow-Hillstrom problems: derivatives against 90 digits, minima against the paper, and fastdiff on them."""

import subprocess
import sys
from itertools import combinations_with_replacement
from typing import Any

import mpmath
import numpy as np
import pytest
from scipy.optimize import least_squares

import fastdiff as fd
from fastdiff.testing import Problem, problem, problems

ALL = problems()
NAMES = [p.name for p in ALL]


def points(p: Problem) -> list[np.ndarray]:
    rng = np.random.default_rng(p.number)
    return [p.x0, p.x0 + 0.1 * rng.uniform(-1, 1, p.n) * np.maximum(1, np.abs(p.x0))]


def exact(p: Problem, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Jacobian and the Hessian of the sum of squares by differences of 90 digits, at steps of 1e-20."""
    h = mpmath.mpf(10) ** -20

    def residuals(*moved: int, sign: int) -> list[Any]:
        at = [mpmath.mpf(float(value)) for value in x]
        for i in moved:
            at[i] += sign * h
        return p.formula(mpmath, at)

    def second(*moved: int) -> Any:
        up, down = (sum(r * r for r in residuals(*moved, sign=sign)) for sign in (1, -1))
        return (up + down - 2 * middle) / h**2

    with mpmath.workdps(90):
        middle = sum(r * r for r in residuals(sign=0))
        columns = [
            [float((a - b) / (2 * h)) for a, b in zip(residuals(i, sign=1), residuals(i, sign=-1), strict=True)]
            for i in range(p.n)
        ]
        alone = [second(i) for i in range(p.n)]
        hessian = np.empty((p.n, p.n))
        for i, j in combinations_with_replacement(range(p.n), 2):
            entry = alone[i] if i == j else (second(i, j) - alone[i] - alone[j]) / 2
            hessian[i, j] = hessian[j, i] = float(entry)
    return np.array(columns).T, hessian


@pytest.mark.parametrize("p", ALL, ids=NAMES)
def test_derivatives_are_exact(p: Problem) -> None:
    for x in points(p):
        jacobian, hessian = exact(p, x)
        gradient = 2 * jacobian.T @ p.residuals(x)
        for found, wanted in ((p.jacobian(x), jacobian), (p.gradient(x), gradient), (p.hessian(x), hessian)):
            np.testing.assert_allclose(found, wanted, rtol=1e-11, atol=1e-12 * np.abs(wanted).max())


# From the standard starting points these lead to other minima that the paper knows, or to none that it does.
ELSEWHERE = {"freudenstein-roth": (np.array([4.0, 3.0]), 0.0), "trigonometric": (np.full(10, 0.1), 2.79506e-5)}


@pytest.mark.parametrize("p", ALL, ids=NAMES)
def test_minima_are_those_of_the_paper(p: Problem) -> None:
    start, minimum = ELSEWHERE.get(p.name, (p.x0, p.minimum))
    found = least_squares(
        p.residuals, start, jac=p.jacobian, x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=3000
    )
    assert 2 * found.cost == pytest.approx(minimum, rel=3e-6, abs=1e-15)


OTHER_DIMENSIONS = [
    ("watson", 9), ("watson", 12), ("penalty 1", 4), ("penalty 2", 4), ("chebyquad", 7), ("chebyquad", 10),
]  # fmt: skip


@pytest.mark.parametrize(("name", "n"), OTHER_DIMENSIONS)
def test_minima_of_other_dimensions(name: str, n: int) -> None:
    p = problem(name, n=n)
    found = least_squares(p.residuals, p.x0, jac=p.jacobian, xtol=1e-15, ftol=1e-15, gtol=1e-15, max_nfev=3000)
    assert 2 * found.cost == pytest.approx(p.minimum, rel=1e-4, abs=1e-15)


def test_the_local_minimum_of_freudenstein_and_roth() -> None:
    p = problem("freudenstein-roth")
    assert 2 * least_squares(p.residuals, p.x0, jac=p.jacobian).cost == pytest.approx(48.9842, rel=1e-5)


# f cancels inside by so many digits that its noise is not that of its value.
CANCELLING = ("trigonometric", "chebyquad", "gaussian", "meyer", "osborne 2")


@pytest.mark.parametrize("p", ALL, ids=NAMES)
def test_fastdiff_on_them(p: Problem) -> None:
    options: Any = {"method": "richardson", "full_output": True}
    for x in points(p):
        for result, wanted in (
            (fd.gradient(p.f, x, **options), p.gradient(x)),
            (fd.jacobian(p.residuals, x, **options), p.jacobian(x)),
            (fd.hessian(p.f, x, **options), p.hessian(x)),
        ):
            wrong, largest = np.abs(result.value - wanted), np.abs(wanted).max()
            good = result.status <= fd.Status.NOISE_LIMITED
            assert (wrong[good] <= 1e-9 * largest).all()
            if p.name not in CANCELLING:
                assert (wrong <= result.error + 1e-15 * largest)[good].all()


def test_overflow_is_infinite() -> None:
    assert np.isinf(problem("jennrich-sampson").f([1e3, 1e3]))


@pytest.mark.parametrize(
    ("which", "n", "words"),
    [
        ("rosenbrook", None, ("`which`", "'rosenbrook'", "problems()")),
        (36, None, ("`which`", "36")),
        (True, None, ("`which`", "True")),
        ("beale", 3, ("`n`", "2", "beale", "3")),
        (21, 5, ("`n`", "multiple of 2", "5")),
        ("extended powell singular", 6, ("`n`", "multiple of 4", "6")),
        ("watson", 32, ("`n`", "at most 31", "32")),
        ("chebyquad", 0, ("`n`", "at least", "0")),
    ],
)
def test_bad_input(which: Any, n: int | None, words: tuple[str, ...]) -> None:
    with pytest.raises(ValueError) as caught:
        problem(which, n)
    assert all(word in str(caught.value) for word in words)


def test_x_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"`x` must have the shape \(2,\) of beale, got \(3,\)"):
        problem("beale").gradient([1.0, 2.0, 3.0])


def test_every_dimension_that_is_promised_is_there() -> None:
    for name, n in (("watson", 31), ("extended rosenbrock", 40), ("broyden banded", 30), ("linear, rank 1", 3)):
        p = problem(name, n=n)
        assert p.x0.shape == p.gradient(p.x0).shape == (n,)
        assert p.jacobian(p.x0).shape == (p.m, n)


def test_it_is_not_loaded_with_fastdiff() -> None:
    code = "import fastdiff, sys; print('fastdiff.testing' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
