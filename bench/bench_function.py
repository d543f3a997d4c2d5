"""Derivatives of Python functions against SciPy and against a bare loop over the same number of calls."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import rosen, rosen_der, rosen_hess
from scipy.optimize._numdiff import approx_derivative

import fastdiff as fd
import ratios


def residuals(x):
    return np.concatenate([10 * (x[1:] - x[:-1] ** 2), 1 - x[:-1]])


def bare_loop(f, x, count):
    """Call f `count` times: what no way of differentiating a Python function can do without."""
    for _ in range(count):
        f(x)


def point(n):
    return np.linspace(0.5, 1.5, n)


GRADIENTS = {
    "planned": lambda n: (lambda g, x: lambda: g(x))(fd.Gradient(rosen), point(n)),
    "verb": lambda n: lambda: fd.gradient(rosen, point(n)),
    "scipy": lambda n: lambda: approx_derivative(rosen, point(n), method="3-point"),
    "loop": lambda n: lambda: bare_loop(rosen, point(n), 2 * n),
}
JACOBIANS = {
    "planned": lambda n: (lambda j, x: lambda: j(x))(fd.Jacobian(residuals), point(n)),
    "verb": lambda n: lambda: fd.jacobian(residuals, point(n)),
    "scipy": lambda n: lambda: approx_derivative(residuals, point(n), method="3-point"),
}
HESSIANS = {
    "planned": lambda n: (lambda h, x: lambda: h(x))(fd.Hessian(rosen), point(n)),
    "verb": lambda n: lambda: fd.hessian(rosen, point(n)),
    "scipy": lambda n: (
        lambda: approx_derivative(lambda x: approx_derivative(rosen, x, method="3-point"), point(n), method="3-point")
    ),
}


@pytest.mark.parametrize("n", [2, 8, 64])
@pytest.mark.parametrize("side", GRADIENTS)
def bench_gradient(benchmark, side, n):
    call = GRADIENTS[side](n)
    if side != "loop":
        np.testing.assert_allclose(call(), rosen_der(point(n)), rtol=1e-6, atol=1e-5)
    benchmark.group = f"gradient n={n}"
    benchmark(call)


@pytest.mark.parametrize("n", [2, 8, 64])
@pytest.mark.parametrize("side", JACOBIANS)
def bench_jacobian(benchmark, side, n):
    call = JACOBIANS[side](n)
    complex_step = fd.jacobian(residuals, point(n), method="complex")
    np.testing.assert_allclose(call(), complex_step, rtol=1e-6, atol=1e-7)
    benchmark.group = f"jacobian n={n}"
    benchmark(call)


@pytest.mark.parametrize("n", [2, 8])
@pytest.mark.parametrize("side", HESSIANS)
def bench_hessian(benchmark, side, n):
    call = HESSIANS[side](n)
    # SciPy has no fixed-step Hessian; its gradient differenced again has noise of 1e-6 over a step of 1e-5.
    np.testing.assert_allclose(call(), rosen_hess(point(n)), atol=5 if side == "scipy" else 1e-2)
    benchmark.group = f"hessian n={n}"
    benchmark(call)


def first(x):
    """Cost next to nothing, so that what is around the call shows."""
    return x[0]


def sides(n):
    x, planned = point(n), fd.Gradient(first)
    return {
        "fastdiff": lambda: planned(x),
        "scipy": lambda: approx_derivative(first, x, method="3-point"),
        "loop": lambda: bare_loop(first, x, 2 * n),
    }


def bench_time_beyond_a_bare_loop(benchmark, timed):
    """Time per evaluation, as the slope between n = 8 and n = 64, beyond a bare loop: a tenth of SciPy's."""
    for call in (sides(8)["fastdiff"], sides(8)["scipy"]):
        np.testing.assert_allclose(call(), np.eye(8)[0], atol=1e-9)
    benchmark.pedantic(sides(8)["fastdiff"], rounds=1)
    if not timed:
        return
    slope = ratios.slopes(sides, 8, 64)
    ours, theirs = (slope[side] - slope["loop"] for side in ("fastdiff", "scipy"))
    per_evaluation = {name: seconds / 2 * 1e9 for name, seconds in slope.items()}
    benchmark.extra_info["nanoseconds per evaluation"] = per_evaluation
    print(f"\nns per evaluation {per_evaluation}; beyond the loop SciPy takes {theirs / ours:.1f} × ours")
    assert theirs >= 10 * ours


def bench_small_gradient(benchmark, timed):
    """A gradient at n = 2 costs at most a third of SciPy's."""
    calls = {name: call for name, call in sides(2).items() if name != "loop"}
    np.testing.assert_allclose(calls["fastdiff"](), calls["scipy"](), atol=1e-9)
    benchmark.pedantic(calls["fastdiff"], rounds=1)
    if not timed:
        return
    found = ratios.ratio(ratios.interleaved(calls), "scipy", "fastdiff")
    benchmark.extra_info["SciPy over fastdiff"] = str(found)
    print(f"\nn = 2: SciPy takes {found}")
    assert found.median >= 3
