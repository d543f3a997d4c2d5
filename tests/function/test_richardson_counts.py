"""Evaluations of the adaptive method: counted exactly, and few."""

from typing import Any

import numpy as np
import pytest
from tests.recording import PLANNED, VERBS, Recorded

import fastdiff as fd

# Of the points in one call of a vectorized f.
BATCH_BYTES = 256 * 1024


def f(x: Any) -> Any:
    return np.exp(x[0]) * np.sin(x[1]) + x[0] * x[1] ** 2 * x[2] + np.log(9 + x[2] ** 2)


def rosenbrock(x: Any) -> Any:
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(axis=0)


X = np.array([0.3, 0.7, -1.1])
WILD = {
    "smooth": f,
    "kinked": lambda x: f(x) + abs(x[1] - 0.7),
    "with an edge": lambda x: f(x) if x[1] <= 0.7 else np.nan,
    "constant": lambda x: 1.0,
    "single precision": lambda x: np.float32(f(x)),
}


@pytest.mark.parametrize("kind", WILD)
@pytest.mark.parametrize("noise", [None, 1e-6, "auto"])
@pytest.mark.parametrize("name", [name for name in VERBS if name != "derivative"])
def test_every_point_is_counted(name: str, noise: Any, kind: str) -> None:
    recorded = Recorded(WILD[kind])
    result = VERBS[name](recorded, X, method="richardson", noise=noise, full_output=True)
    assert result.nfev == recorded.calls


def test_the_points_of_an_elementwise_f_are_its_entries() -> None:
    recorded = Recorded(np.exp)
    result = fd.derivative(recorded, X, method="richardson", full_output=True)
    assert result.nfev == 3 * recorded.calls


@pytest.mark.parametrize("name", PLANNED)
def test_a_planned_object_counts_what_a_failing_f_took(name: str) -> None:
    recorded = Recorded(f)

    def failing(x: Any) -> Any:
        if recorded.calls == 5:
            raise ValueError
        return recorded(x)

    planned = PLANNED[name](failing, method="richardson")
    with pytest.raises(ValueError):
        planned(X)
    assert planned.nfev == 5


def test_nothing_is_asked_twice_of_an_unvectorized_f() -> None:
    for name in ("gradient", "hessian", "jacobian"):
        recorded = Recorded(f)
        VERBS[name](recorded, X, method="richardson")
        assert len(np.unique(recorded.points, axis=0)) == recorded.calls


@pytest.mark.parametrize("n", [2, 30, 1000])
def test_a_gradient_takes_a_dozen_points_a_coordinate(n: int) -> None:
    x = np.linspace(-2, 2, n)
    result = fd.gradient(lambda p: np.sin(p).sum() + np.exp(p).sum(), x, method="richardson", full_output=True)
    assert result.nfev <= 1 + 15 * n
    assert (np.abs(result.value - np.cos(x) - np.exp(x)) <= result.error).all()


def test_a_vectorized_f_is_called_for_whole_levels() -> None:
    calls = []

    def columns(x: Any) -> Any:
        calls.append(x.shape[1])
        return rosenbrock(x)

    n = 1000
    result = fd.gradient(columns, np.linspace(-1, 2, n), method="richardson", vectorized=True, full_output=True)
    assert result.nfev == sum(calls)
    assert max(calls) * n * 8 <= BATCH_BYTES
    # Full batches, but for the last one of each round of questions.
    assert len(calls) <= result.nfev / (BATCH_BYTES // (8 * n)) + 30


SMOOTH = {
    "rosenbrock": rosenbrock,
    "gauss": lambda x: np.exp(-(np.linspace(0.3, 0.75, 10) * x**2).sum()),
    "log of a sum": lambda x: np.log(np.exp(x).sum()),
    "waves": lambda x: np.sin(x[1:] * x[:-1]).sum() + np.cos(x).sum(),
    "product": lambda x: np.prod(1 + 0.1 * np.arange(10) * x),
    "norm": lambda x: np.sqrt(1 + (np.arange(1, 11) * x**2).sum()),
}


@pytest.mark.parametrize("name", SMOOTH)
def test_a_hessian_of_ten_variables_takes_few_evaluations(name: str) -> None:
    """No more than five levels along each axis and for each pair: 1 + 5 n (n + 1)."""
    for seed in range(6):
        x = np.random.default_rng(seed).normal(size=10) / 2
        result = fd.hessian(SMOOTH[name], x, method="richardson", full_output=True)
        assert result.nfev <= 551
        assert result.ok


def test_the_hessian_of_rosenbrock_is_as_good_as_round_off_allows() -> None:
    x = np.linspace(-1, 1.5, 10)
    exact = np.zeros((10, 10))
    i = np.arange(9)
    exact[i, i] += 1200 * x[:-1] ** 2 - 400 * x[1:] + 2
    exact[i + 1, i + 1] += 200
    exact[i, i + 1] = exact[i + 1, i] = -400 * x[:-1]
    result = fd.hessian(rosenbrock, x, method="richardson", full_output=True)
    assert result.nfev <= 551
    assert np.abs(result.value - exact).max() <= 1e-13 * np.abs(exact).max()
    assert (np.abs(result.value - exact) <= result.error + 1e-300).all()
