"""The adaptive method among its peers: right before it is timed, and calibrated."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen_der, rosen_hess

import accuracy
from catalogue import cases

SIZES = (10, 100, 1000)


@pytest.mark.parametrize("name", accuracy.gradients(np.ones(2), vectorized=True))
@pytest.mark.parametrize("n", SIZES)
def bench_vectorized_gradient(benchmark, timed, name, n):
    x = np.random.default_rng(0).normal(size=n if timed else 10)
    call = accuracy.gradients(x, vectorized=True)[name]
    np.testing.assert_allclose(call(), rosen_der(x), rtol=1e-9, atol=1e-9)
    benchmark.group = f"adaptive gradient, vectorized, n={n}"
    benchmark(call)


@pytest.mark.parametrize("name", accuracy.gradients(np.ones(2), vectorized=False))
def bench_python_gradient(benchmark, name):
    x = np.random.default_rng(0).normal(size=100)
    call = accuracy.gradients(x, vectorized=False)[name]
    np.testing.assert_allclose(call(), rosen_der(x), rtol=1e-9, atol=1e-9)
    benchmark.group = "adaptive gradient, point by point, n=100"
    benchmark(call)


@pytest.mark.parametrize("name", accuracy.hessians(np.ones(2)))
def bench_hessian(benchmark, name):
    x = np.linspace(-1, 1.5, 10)
    call = accuracy.hessians(x)[name]
    np.testing.assert_allclose(call(accuracy.rosenbrock), rosen_hess(x), atol=1e-3)
    benchmark.group = "adaptive Hessian, n=10"
    benchmark(call, accuracy.rosenbrock)


def bench_calibration(benchmark, timed):
    drawn = cases(15 if timed else 3, seed=1)
    peers = (accuracy.adaptive, accuracy.CALIBRATED["fastdiff, `rtol=1e-6`"])
    full, coarse = benchmark.pedantic(lambda: [accuracy.calibrate(peer, drawn) for peer in peers], rounds=1)
    for found in (full, coarse):
        assert found.silent == found.wrong == 0
        assert found.covered >= 0.98
        assert found.met >= 0.99
    assert full.median <= 2e-14
    assert full.sharpness >= 0.01
    assert full.evaluations <= 15
    assert coarse.evaluations <= 9.5
