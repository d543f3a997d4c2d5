"""The Moré-Garbow-Hillstrom problems: derivatives against 90 digits, minima against the paper, and fastdiff on them."""

import pickle
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
    return [p.x0] + [p.x0 + r * rng.uniform(-1, 1, p.n) * np.maximum(1, np.abs(p.x0)) for r in (0.1, 0.3)]


def exact(p: Problem, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Jacobian, gradient and Hessian by differences of 90 digits, at steps of 1e-20: right to some 40 digits."""
    h = mpmath.mpf(10) ** -20

    def residuals(*moved: int, sign: int) -> list[Any]:
        at = [mpmath.mpf(float(value)) for value in x]
        for i in moved:
            at[i] += sign * h
        return p.formula(mpmath, at)

    def sides(*moved: int) -> tuple[Any, Any]:
        up, down = (sum(r * r for r in residuals(*moved, sign=sign)) for sign in (1, -1))
        return (up - down) / (2 * h), (up + down - 2 * middle) / h**2

    with mpmath.workdps(90):
        middle = sum(r * r for r in residuals(sign=0))
        columns = [
            [float((a - b) / (2 * h)) for a, b in zip(residuals(i, sign=1), residuals(i, sign=-1), strict=True)]
            for i in range(p.n)
        ]
        first, second = zip(*(sides(i) for i in range(p.n)), strict=True)
        hessian = np.empty((p.n, p.n))
        for i, j in combinations_with_replacement(range(p.n), 2):
            entry = second[i] if i == j else (sides(i, j)[1] - second[i] - second[j]) / 2
            hessian[i, j] = hessian[j, i] = float(entry)
    return np.array(columns).T, np.array([float(entry) for entry in first]), hessian


@pytest.mark.parametrize("p", ALL, ids=NAMES)
def test_derivatives_are_exact(p: Problem) -> None:
    for x in points(p):
        for found, wanted in zip((p.jacobian(x), p.gradient(x), p.hessian(x)), exact(p, x), strict=True):
            np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-12 * np.abs(wanted).max())


@pytest.mark.parametrize("p", ALL, ids=NAMES)
def test_values_are_those_of_the_formula(p: Problem) -> None:
    for x in points(p):
        with mpmath.workdps(50):
            wanted = [float(r) for r in p.formula(mpmath, [mpmath.mpf(float(value)) for value in x])]
        found = p.residuals(x)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-14 * max(1.0, *np.abs(wanted)))
        assert p.f(x) == found @ found
        assert found.shape == (p.m,)


# Where f is what the paper says that it is.
KNOWN: list[tuple[str, list[float], float]] = [
    ("rosenbrock", [1, 1], 0),
    ("freudenstein-roth", [5, 4], 0),
    ("brown badly scaled", [1e6, 2e-6], 0),
    ("beale", [3, 0.5], 0),
    ("helical valley", [1, 0, 0], 0),
    ("gulf", [50, 25, 1.5], 0),
    ("box", [1, 10, 1], 0),
    ("box", [10, 1, -1], 0),
    ("box", [0.7, 0.7, 0], 0),
    ("powell singular", [0, 0, 0, 0], 0),
    ("wood", [1, 1, 1, 1], 0),
    ("biggs", [1, 10, 1, 5, 4, 3], 0),
    ("extended rosenbrock", [1] * 10, 0),
    ("extended powell singular", [0] * 12, 0),
    ("variably dimensioned", [1] * 10, 0),
    ("brown almost-linear", [1] * 10, 0),
    ("brown almost-linear", [0] * 9 + [11], 1),
    ("linear, full rank", [-1] * 10, 10),
]


@pytest.mark.parametrize(("name", "x", "value"), KNOWN)
def test_minimisers_of_the_paper(name: str, x: list[float], value: float) -> None:
    p = problem(name)
    assert p.f(x) == pytest.approx(value, abs=1e-25)
    # Each gradient is 2 Jᵀr, with residuals that are right to some ε of their terms.
    assert np.abs(p.gradient(x)).max() <= 1e-14 * max(1.0, np.abs(p.jacobian(x)).max() ** 2)
    assert np.linalg.eigvalsh(p.hessian(x))[0] >= -1e-12 * np.abs(p.hessian(x)).max()


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


# f cancels inside, so its noise is larger than ε|f|: it has to be measured for the errors to be honest.
CANCELLING = ("osborne 2", "trigonometric")


@pytest.mark.parametrize("p", ALL, ids=NAMES)
def test_fastdiff_on_them(p: Problem) -> None:
    options: Any = {"method": "richardson", "full_output": True}
    if p.name in CANCELLING:
        options["noise"] = "auto"
    for x in points(p)[:2]:
        for result, wanted in (
            (fd.gradient(p.f, x, **options), p.gradient(x)),
            (fd.jacobian(p.residuals, x, **options), p.jacobian(x)),
            (fd.hessian(p.f, x, **options), p.hessian(x)),
        ):
            wrong, largest = np.abs(result.value - wanted), np.abs(wanted).max()
            good = result.status <= fd.Status.NOISE_LIMITED
            assert (wrong[good] <= 1e-9 * largest).all()
            assert (wrong <= result.error + 1e-15 * largest)[good].all()
            assert good.mean() > 0.99  # one far tail of Osborne 2 passes for an oscillation


def test_overflow_is_silent_and_not_finite() -> None:
    p = problem("jennrich-sampson")
    assert np.isinf(p.f([1e3, 1e3]))
    for derivative in (p.jacobian, p.gradient, p.hessian):
        assert not np.isfinite(derivative([1e3, 1e3])).all()
    assert np.isinf(problem("rosenbrock").f([1e100, 1.0]))  # the residuals are finite, their squares are not


def test_problems_can_be_pickled_and_compared() -> None:
    for p in ALL:
        again = pickle.loads(pickle.dumps(p))
        assert again == p
        assert again.f(again.x0) == p.f(p.x0)
    assert problem("watson", n=9) != problem("watson")


def test_the_starting_point_is_a_copy() -> None:
    p = problem("beale")
    p.x0[0] = 7.0
    assert p.x0.tolist() == [1.0, 1.0]


def test_names_and_numbers_lead_to_the_same_problem() -> None:
    assert [p.number for p in ALL] == list(range(1, 36))
    assert len(set(NAMES)) == 35
    for p in ALL:
        assert problem(p.name) == problem(p.number) == problem(np.int64(p.number)) == problem(p.name, n=p.n) == p


@pytest.mark.parametrize(
    ("which", "n", "words"),
    [
        ("rosenbrook", None, ("`which`", "'rosenbrook'", "problems()")),
        (36, None, ("`which`", "36")),
        (True, None, ("`which`", "True")),
        (3.0, None, ("`which`", "3.0")),
        (["beale"], None, ("`which`", "['beale']")),
        ("beale", 3, ("`n`", "2", "beale", "3")),
        (21, 5, ("`n`", "multiple of 2", "5")),
        ("extended powell singular", 6, ("`n`", "multiple of 4", "6")),
        ("watson", 32, ("`n`", "at most 31", "32")),
        ("chebyquad", 0, ("`n`", "at least 1", "0")),
        ("linear, rank 1 with zeros", 2, ("`n`", "at least 3", "2")),
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
    least = {20: 2, 21: 2, 22: 4, 34: 3}
    cases = [("watson", 31), ("extended rosenbrock", 40), ("broyden banded", 30)]
    cases += [(p.name, least.get(p.number, 1)) for p in ALL[19:]]
    for name, n in cases:
        p = problem(name, n=n)
        assert p.x0.shape == p.gradient(p.x0).shape == (n,)
        assert p.jacobian(p.x0).shape == (p.m, n)
        assert p.hessian(p.x0).shape == (n, n)


@pytest.mark.parametrize(
    ("code", "absent"),
    [
        ("import fastdiff", "fastdiff.testing"),
        ("from fastdiff.testing import problem; problem('box').hessian([0, 10, 20])", "scipy"),
    ],
)
def test_what_is_not_loaded(code: str, absent: str) -> None:
    code = f"{code}; import sys; print({absent!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
