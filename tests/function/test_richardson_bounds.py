"""The adaptive method in boxes: f is never called outside, and what comes out is right or flagged."""

from typing import Any

import numpy as np
import pytest
from tests.recording import VERBS

import fastdiff as fd
from fastdiff import Status

BOXES = 10_000


class Watched:
    """A smooth function of many coordinates, as columns; refuses points outside the box."""

    def __init__(self, lower: np.ndarray, upper: np.ndarray) -> None:
        self.lower, self.upper = lower, upper

    def __call__(self, x: Any) -> Any:
        lower, upper = (side.reshape(side.shape + (1,) * (x.ndim - 1)) for side in (self.lower, self.upper))
        assert ((x >= lower) & (x <= upper)).all()
        return np.exp(-x * x / 2).sum(axis=0) + (np.sin(x[1:]) * x[:-1]).sum(axis=0)


def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A point in a box whose sides are near, far, on x, or not there; a few are fixed."""
    x = rng.choice([-1.0, 1.0], n) * 10.0 ** rng.uniform(-8, 0.5, n)
    x[rng.random(n) < 0.05] = 0.0
    rooms = 10.0 ** rng.uniform(-18, 2, (2, n))
    rooms[rng.random((2, n)) < 0.15] = 0.0
    rooms[rng.random((2, n)) < 0.15] = np.inf
    return x, x - rooms[0], x + rooms[1]


@pytest.mark.parametrize("seed", range(BOXES // 100))
def test_f_is_never_called_outside(seed: int) -> None:
    x, lower, upper = draw(np.random.default_rng(seed), 100)
    options: Any = {"method": "richardson", "bounds": (lower, upper), "full_output": True}
    result = fd.gradient(Watched(lower, upper), x, vectorized=True, batch_bytes=2**20, **options)
    assert_honest(result, lower, upper)


def assert_honest(result: Any, lower: Any, upper: Any) -> None:
    """What is not a number is so for want of room, what is fixed is said to be."""
    assert (result.status[~np.isfinite(result.value)] == Status.DOMAIN_LIMITED).all()
    np.testing.assert_array_equal(result.status == Status.FIXED, lower == upper)


@pytest.mark.parametrize("seed", range(20))
def test_what_comes_out_is_right(seed: int) -> None:
    x, lower, upper = draw(np.random.default_rng(seed), 500)

    def f(t: Any) -> Any:
        assert ((t >= lower) & (t <= upper)).all()
        return np.exp(-t * t / 2) * np.sin(t + 1)

    result = fd.derivative(f, x, method="richardson", bounds=(lower, upper), full_output=True)
    assert_honest(result, lower, upper)
    exact = np.exp(-x * x / 2) * (np.cos(x + 1) - x * np.sin(x + 1))
    wrong = np.abs(result.value - np.where(lower == upper, 0.0, exact))
    covered = wrong <= result.error
    assert covered[np.isfinite(result.value)].mean() > 0.98
    roomy = np.maximum(upper - x, x - lower) > 0.5
    assert wrong[roomy].max() < 1e-11


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize("name", [name for name in VERBS if name != "derivative"])
def test_no_verb_leaves_the_box(name: str, seed: int) -> None:
    x, lower, upper = draw(np.random.default_rng(seed), 3)
    f = Watched(lower, upper)
    result = VERBS[name](f, x, method="richardson", bounds=(lower, upper), full_output=True)
    assert not (np.isnan(result.value) & (result.status <= Status.NOISE_LIMITED)).any()


@pytest.mark.parametrize("room", [0.0, 1e-14, 1e-9, 1e-4, 1e-2, 1.0])
@pytest.mark.parametrize("side", [-1, 1])
def test_a_bound_nearby_costs_few_digits(room: float, side: int) -> None:
    bounds = (1 - room, np.inf) if side < 0 else (-np.inf, 1 + room)
    result = fd.derivative(np.exp, 1.0, method="richardson", bounds=bounds, full_output=True)
    assert abs(result.value - np.e) <= result.error <= 2e-11
    assert result.nfev <= 15


@pytest.mark.parametrize("width", [1e-12, 1e-9, 1e-6, 1e-3])
def test_a_narrow_box_costs_what_round_off_does(width: float) -> None:
    result = fd.derivative(np.exp, 1.0, method="richardson", bounds=(1 - width, 1 + width), full_output=True)
    assert abs(result.value - np.e) <= result.error
    assert result.error <= 1e-13 / width


def test_infinite_bounds_are_none() -> None:
    plain = fd.derivative(np.exp, 1.0, method="richardson", full_output=True)
    bounded = fd.derivative(np.exp, 1.0, method="richardson", bounds=(-np.inf, np.inf), full_output=True)
    assert (plain.value, plain.error, plain.nfev) == (bounded.value, bounded.error, bounded.nfev)


def test_an_x_outside_is_refused() -> None:
    with pytest.raises(ValueError, match="`x` must lie within `bounds`"):
        fd.gradient(lambda x: x[0], [2.0], method="richardson", bounds=(0.0, 1.0))
