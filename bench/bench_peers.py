"""fastdiff among its peers, each at its own defaults; they agree before they are timed."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess

import peers

GRID_SIDES = ("fastdiff", "numpy", "findiff", "numba")
FUNCTION_SIDES = ("fastdiff", "scipy", "numdifftools", "jacobi")


def installed(calls, names):
    return [name for name in names if name in calls]


def columns(x):
    """Return the Rosenbrock function of columns of points."""
    return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2, axis=0)


@pytest.mark.parametrize("name", installed(peers.field_gradient(peers.field(8)), GRID_SIDES))
@pytest.mark.parametrize("side", [32, 4096])
def bench_field_gradient(benchmark, timed, name, side):
    f = peers.field(side if timed else min(side, 256))
    call = peers.field_gradient(f)[name]
    inside = (slice(1, -1), slice(1, -1))  # findiff's edges are of second order, NumPy's of first
    for mine, exact in zip(call(), np.gradient(f, 0.5), strict=True):
        np.testing.assert_allclose(mine[inside], exact[inside], rtol=1e-11, atol=1e-12)
    benchmark.group = f"gradient of a field {side}²"
    benchmark(call)


@pytest.mark.parametrize("name", installed(peers.field_gradient(peers.field(16), 8), GRID_SIDES))
def bench_field_gradient_accuracy_8(benchmark, timed, name):
    x = np.arange(2048 if timed else 256) * 0.5
    f = np.sin(x / 9)[:, None] * np.cos(x / 7)
    call = peers.field_gradient(f, 8)[name]
    np.testing.assert_allclose(call()[0], np.cos(x / 9)[:, None] / 9 * np.cos(x / 7), atol=1e-10)
    benchmark.group = "gradient of a field 2048², accuracy 8"
    benchmark(call)


@pytest.mark.parametrize("name", installed(peers.function_gradient(rosen, np.ones(2)), FUNCTION_SIDES))
@pytest.mark.parametrize("n", [2, 20])
def bench_function_gradient(benchmark, name, n):
    x = np.linspace(0.6, 1.6, n)  # at linspace(0.5, 1.5, 20) jacobi 0.9.2 is wrong by 40 % in one entry
    call = peers.function_gradient(rosen, x)[name]
    np.testing.assert_allclose(call(), rosen_der(x), rtol=1e-6, atol=1e-5)
    benchmark.group = f"gradient of a function n={n}"
    benchmark(call)


@pytest.mark.parametrize("name", installed(peers.function_hessian(columns, np.ones(2)), FUNCTION_SIDES))
def bench_function_hessian(benchmark, name):
    x = np.linspace(0.5, 1.5, 5)
    call = peers.function_hessian(columns, x)[name]
    np.testing.assert_allclose(call(), rosen_hess(x), atol=1e-2)
    benchmark.group = "Hessian of a function n=5"
    benchmark(call)
