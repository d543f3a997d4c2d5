"""The adaptive method on random functions: errors that cover, nothing silently wrong, few evaluations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.polynomial import Polynomial

import fastdiff as fd
from fastdiff import Status

FULL: dict[str, Any] = {"method": "richardson", "full_output": True}
CASES = 300


@dataclass(frozen=True)
class Smooth:
    """A function with its first two derivatives."""

    f: Callable[[Any], Any]
    slope: Callable[[Any], Any]
    curvature: Callable[[Any], Any]


def sine(a: float, b: float, c: float) -> Smooth:
    return Smooth(
        lambda t: a * np.sin(b * t + c), lambda t: a * b * np.cos(b * t + c), lambda t: -a * b * b * np.sin(b * t + c)
    )


def exponential(a: float, b: float, c: float) -> Smooth:
    return Smooth(lambda t: c * np.exp(b * t), lambda t: c * b * np.exp(b * t), lambda t: c * b * b * np.exp(b * t))


def bell(a: float, b: float, c: float) -> Smooth:
    a2 = b * b
    return Smooth(
        lambda t: c / (1 + a2 * t * t),
        lambda t: -2 * c * a2 * t / (1 + a2 * t * t) ** 2,
        lambda t: 2 * c * a2 * (3 * a2 * t * t - 1) / (1 + a2 * t * t) ** 3,
    )


def polynomial(a: float, b: float, c: float) -> Smooth:
    p = Polynomial([c, a, -b, a * b, c / 2, -a / 3])
    return Smooth(p, p.deriv(), p.deriv(2))


def sum_of(one: Smooth, other: Smooth) -> Smooth:
    return Smooth(
        lambda t: one.f(t) + other.f(t),
        lambda t: one.slope(t) + other.slope(t),
        lambda t: one.curvature(t) + other.curvature(t),
    )


def product_of(one: Smooth, other: Smooth) -> Smooth:
    return Smooth(
        lambda t: one.f(t) * other.f(t),
        lambda t: one.slope(t) * other.f(t) + one.f(t) * other.slope(t),
        lambda t: one.curvature(t) * other.f(t) + 2 * one.slope(t) * other.slope(t) + one.f(t) * other.curvature(t),
    )


MADE = (sine, exponential, bell, polynomial)


def random_function(rng: np.random.Generator) -> Smooth:
    """One of the above, a sum or a product of two."""
    one, other = (MADE[rng.integers(4)](*rng.uniform(0.3, 3, 3) * rng.choice([-1, 1], 3)) for _ in range(2))
    return (one, sum_of(one, other), product_of(one, other))[rng.integers(3)]


@dataclass(frozen=True)
class Campaign:
    """What a method made of the cases, each of shape (CASES,)."""

    exact: np.ndarray
    value: np.ndarray
    error: np.ndarray
    status: np.ndarray
    nfev: np.ndarray

    @property
    def flagged(self) -> np.ndarray:
        return self.status > Status.NOISE_LIMITED

    @property
    def covered(self) -> np.ndarray:
        return np.abs(self.value - self.exact) <= self.error

    @property
    def silent(self) -> np.ndarray:
        wrong = np.abs(self.value - self.exact) > 1e-3 * np.abs(self.exact)
        return wrong & ~self.flagged & (self.error < 1e-3 * np.abs(self.value))


def campaign(order: int, seed: int, **options: Any) -> Campaign:
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(CASES):
        function, t = random_function(rng), rng.uniform(-2, 2)
        result = fd.derivative(function.f, t, order, **options, **FULL)
        exact = (function.slope, function.curvature)[order - 1](t)
        rows.append((exact, result.value, result.error, result.status, result.nfev))
    return Campaign(*np.array(rows).T)


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize(("order", "most"), [(1, 15), (2, 20)])
def test_errors_cover_at_few_evaluations(order: int, most: int, seed: int) -> None:
    found = campaign(order, seed)
    assert found.covered.mean() >= 0.98
    assert not found.silent.any()
    assert not found.flagged.any()
    assert found.nfev.mean() <= most
    assert np.median(np.abs(found.value / found.exact - 1)) <= 10.0 ** (order - 13)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tolerances_save_evaluations_and_are_met(seed: int) -> None:
    rtol = 1e-6
    found = campaign(1, seed, rtol=rtol)
    well = np.abs(found.exact) > 1e-2
    assert found.nfev.mean() <= 9.5
    assert (np.abs(found.value - found.exact) <= rtol * np.abs(found.exact))[well].mean() >= 0.99
    assert (found.status[well] <= Status.TOLERANCE_MET).mean() >= 0.99
    assert found.covered.mean() >= 0.98


@pytest.mark.parametrize("size", [1e-6, 1e-3, 1e3, 1e6])
def test_the_unit_of_x_matters_little(size: float) -> None:
    """The same functions on another scale, of which nothing is said."""
    rng = np.random.default_rng(4)
    covered, nfev = [], []
    for _ in range(100):
        function, t = random_function(rng), rng.uniform(0.5, 2)
        with np.errstate(over="ignore", invalid="ignore"):  # at first steps as large as 1
            result = fd.derivative(lambda x, f=function.f: f(x / size), t * size, **FULL)
        covered.append(abs(result.value - function.slope(t) / size) <= result.error or not result.ok)
        nfev.append(result.nfev)
    assert np.mean(covered) >= 0.98
    assert np.mean(nfev) <= 30
