"""Plugging into SciPy: every solver that takes a derivative does with ours as it does with exact ones."""

from typing import Any

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.optimize import (
    Bounds,
    NonlinearConstraint,
    curve_fit,
    fsolve,
    least_squares,
    minimize,
    root,
    rosen,
    rosen_der,
    rosen_hess,
    rosen_hess_prod,
)
from tests.recording import Recorded

import fastdiff as fd

N = 10
START = np.full(N, 2.0)
BY_GRADIENT = ("CG", "BFGS", "L-BFGS-B", "TNC", "SLSQP", "trust-constr")
BY_HESSIAN = ("Newton-CG", "trust-ncg", "trust-krylov", "trust-exact", "trust-constr", "dogleg")
BOUNDED = ("L-BFGS-B", "TNC", "SLSQP", "trust-constr")
MORE = {"TNC": {"maxfun": 5000}, "trust-constr": {"maxiter": 3000}}

# SciPy's own differences and solvers may grumble about what they do; that is not what is tested here.
pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::scipy.optimize.OptimizeWarning"),
]


def solve(method: str, x0: Any = START, **options: Any) -> Any:
    return minimize(options.pop("fun", rosen), x0, method=method, options=MORE.get(method, {}), **options)


def compare(ours: Any, theirs: Any) -> None:
    assert ours.success == theirs.success, ours.message
    assert np.abs(ours.x - theirs.x).max() <= 2e-3
    assert ours.nit <= max(1.2 * theirs.nit, theirs.nit + 2)


@pytest.mark.parametrize("method", BY_GRADIENT)
def test_gradients_in_minimize(method: str) -> None:
    exact = solve(method, jac=rosen_der)
    found = solve(method, jac=fd.Gradient(rosen))
    compare(found, exact)
    if exact.success:
        assert np.abs(found.x - 1).max() <= 1e-3


@pytest.mark.parametrize("convex", [False, True])
@pytest.mark.parametrize("method", BY_HESSIAN)
def test_hessians_in_minimize(method: str, convex: bool) -> None:
    if method == "dogleg" and not convex:
        convex = True  # dogleg needs a positive definite Hessian all the way
    x0 = np.full(N, 1.2) if convex else START
    exact = solve(method, x0, jac=rosen_der, hess=rosen_hess)
    planned = fd.Hessian(rosen)
    compare(found := solve(method, x0, jac=fd.Gradient(rosen), hess=planned), exact)
    assert found.success
    assert np.abs(found.x - 1).max() <= 1e-3
    assert planned.nfev >= N * N + N + 1
    compare(solve(method, x0, jac=rosen_der, hess=fd.Hessian(None, gradient=rosen_der)), exact)


@pytest.mark.parametrize("method", ["Newton-CG", "trust-ncg", "trust-krylov", "trust-constr"])
def test_hessian_products_in_minimize(method: str) -> None:
    exact = solve(method, jac=rosen_der, hessp=rosen_hess_prod)
    found = solve(method, jac=fd.Gradient(rosen), hessp=lambda x, p: fd.hvp(None, x, p, gradient=rosen_der))
    compare(found, exact)


@pytest.mark.parametrize("method", BOUNDED)
@pytest.mark.parametrize(("lower", "upper"), [(-np.inf, 0.8), (1.2, 3.0), (-1.0, [0.5] + [2.0] * (N - 1))], ids=str)
def test_active_bounds(method: str, lower: Any, upper: Any) -> None:
    lower, upper = np.broadcast_to(lower, N), np.broadcast_to(upper, N)
    start = np.clip(START, lower, upper)
    box = Bounds(lower, upper, keep_feasible=True)
    recorded = Recorded(rosen)
    exact = solve(method, start, jac=rosen_der, bounds=box)
    # The iterations of TNC vary with noise of 1e-11 already; the scale of x is known here.
    scale = {"x_scale": 1.0} if method == "TNC" else {}
    found = solve(method, start, jac=fd.Gradient(recorded, bounds=box, **scale), bounds=box)
    compare(found, exact)
    assert found.success
    assert recorded.calls
    assert recorded.inside(lower, upper)


@pytest.mark.parametrize("method", BOUNDED)
def test_fixed_variables(method: str) -> None:
    lower, upper = np.full(4, -5.0), np.full(4, 5.0)
    lower[1] = upper[1] = 0.5
    recorded = Recorded(rosen)
    start = np.array([2.0, 0.5, 2.0, 2.0])
    exact = solve(method, start, jac=rosen_der, bounds=Bounds(lower, upper))
    found = solve(method, start, jac=fd.Gradient(recorded, bounds=(lower, upper)), bounds=Bounds(lower, upper))
    assert np.abs(found.x - exact.x).max() < 1e-3
    assert {point[1] for point in recorded.points} == {0.5}


# TNC and SLSQP refuse a float32 x0 themselves.
@pytest.mark.parametrize("method", [name for name in BY_GRADIENT if name not in ("TNC", "SLSQP")])
def test_single_precision_start(method: str) -> None:
    found = solve(method, START[:4].astype("f4"), jac=fd.Gradient(rosen))
    assert np.abs(found.x - 1).max() <= 1e-3


def test_arguments_reach_f() -> None:
    def f(x: Any, a: float, b: float) -> Any:
        return a * (x[0] - b) ** 2 + x[1] ** 2

    found = minimize(f, [0.0, 1.0], args=(3.0, 5.0), jac=fd.Gradient(f), hess=fd.Hessian(f), method="trust-exact")
    np.testing.assert_allclose(found.x, [5, 0], atol=1e-5)


# ---- systems of equations

T = np.linspace(0, 3, 40)
TRUE = np.array([2.5, 1.3, 0.5])


def decay(t: Any, a: Any, b: Any, c: Any) -> Any:
    return a * np.exp(-b * t) + c


def residuals(p: Any) -> Any:
    return decay(T, *p) - decay(T, *TRUE)


def exact_jacobian(p: Any) -> Any:
    e = np.exp(-p[1] * T)
    return np.stack([e, -p[0] * T * e, np.ones_like(T)], axis=1)


@pytest.mark.parametrize("method", ["trf", "dogbox", "lm"])
def test_least_squares(method: str) -> None:
    start = [1.0, 1.0, 1.0]
    exact = least_squares(residuals, start, jac=exact_jacobian, method=method)
    found = least_squares(residuals, start, jac=fd.Jacobian(residuals), method=method)
    np.testing.assert_allclose(found.x, TRUE, rtol=1e-6)
    assert found.success
    assert found.nfev <= max(1.2 * exact.nfev, exact.nfev + 2)


@pytest.mark.parametrize("method", ["trf", "dogbox"])
def test_least_squares_with_active_bounds(method: str) -> None:
    lower, upper = np.array([0.0, 0.0, 0.0]), np.array([2.0, 5.0, 5.0])
    recorded = Recorded(residuals)
    found = least_squares(
        residuals,
        [1.0, 1.0, 1.0],
        jac=fd.Jacobian(recorded, bounds=(lower, upper)),
        bounds=(lower, upper),
        method=method,
    )
    exact = least_squares(residuals, [1.0, 1.0, 1.0], jac=exact_jacobian, bounds=(lower, upper), method=method)
    np.testing.assert_allclose(found.x, exact.x, rtol=1e-4)
    assert found.x[0] == pytest.approx(2.0, abs=1e-6)
    assert recorded.inside(lower, upper)


def system(x: Any) -> Any:
    return np.array([x[0] ** 2 + x[1] ** 2 - 4, np.exp(x[0]) + x[1] - 1])


def broyden(x: Any) -> Any:
    padded = np.concatenate([[0.0], x, [0.0]])
    return (3 - 2 * x) * x - padded[:-2] - 2 * padded[2:] + 1


@pytest.mark.parametrize("f", [system, broyden])
@pytest.mark.parametrize("method", ["hybr", "lm"])
def test_root(method: str, f: Any) -> None:
    start = np.array([1.0, -1.7]) if f is system else np.full(8, -1.0)
    found = root(f, start, jac=fd.Jacobian(f), method=method)
    assert found.success
    assert np.abs(f(found.x)).max() < 1e-8
    np.testing.assert_allclose(fsolve(f, start, fprime=fd.Jacobian(f)), found.x, rtol=1e-7)


def robertson(t: float, y: Any) -> Any:
    slow, fast = 0.04 * y[0], 1e4 * y[1] * y[2]
    return np.array([-slow + fast, slow - fast - 3e7 * y[1] ** 2, 3e7 * y[1] ** 2])


def robertson_jacobian(t: float, y: Any) -> Any:
    return np.array(
        [[-0.04, 1e4 * y[2], 1e4 * y[1]], [0.04, -1e4 * y[2] - 6e7 * y[1], -1e4 * y[1]], [0, 6e7 * y[1], 0]]
    )


@pytest.mark.parametrize("method", ["BDF", "Radau", "LSODA"])
def test_stiff_equations(method: str) -> None:
    planned = fd.Jacobian(robertson, argnum=1)
    options = {"method": method, "rtol": 1e-6, "atol": 1e-9}
    found = solve_ivp(robertson, (0, 40), [1.0, 0, 0], jac=planned, **options)
    exact = solve_ivp(robertson, (0, 40), [1.0, 0, 0], jac=robertson_jacobian, **options)
    assert found.success
    assert planned.nfev
    np.testing.assert_allclose(found.y[:, -1], exact.y[:, -1], rtol=1e-4)
    assert found.nfev <= 1.2 * exact.nfev + 10


@pytest.mark.parametrize("method", ["lm", "trf", "dogbox"])
def test_curve_fit(method: str) -> None:
    planned = fd.Jacobian(decay, argnum=slice(1, None))
    data = decay(T, *TRUE) + 1e-3 * np.sin(37 * T)
    found, covariance = curve_fit(decay, T, data, p0=[1.0, 1.0, 1.0], jac=planned, method=method)
    exact, _ = curve_fit(decay, T, data, p0=[1.0, 1.0, 1.0], jac=lambda t, *p: exact_jacobian(p), method=method)
    np.testing.assert_allclose(found, exact, rtol=1e-5)
    assert np.isfinite(covariance).all()
    assert planned.nfev


@pytest.mark.parametrize("hess", ["weighted", "exact"])
def test_nonlinear_constraint(hess: str) -> None:
    def circle(x: Any) -> Any:
        return np.array([x[0] ** 2 + x[1] ** 2, x[0] * x[1]])

    def exact_hess(x: Any, v: Any) -> Any:
        return v[0] * 2 * np.eye(2) + v[1] * np.array([[0.0, 1], [1, 0]])

    weighted = fd.Hessian(circle, weighted=True) if hess == "weighted" else exact_hess
    constraint = NonlinearConstraint(circle, [-np.inf, -1], [1.0, 1], jac=fd.Jacobian(circle), hess=weighted)
    found = minimize(
        rosen,
        [0.1, 0.1],
        jac=fd.Gradient(rosen),
        hess=fd.Hessian(rosen),
        constraints=constraint,
        method="trust-constr",
    )
    assert found.success
    np.testing.assert_allclose(found.x, [0.7864, 0.6177], atol=1e-3)
    slsqp = minimize(
        rosen,
        [0.1, 0.1],
        jac=fd.Gradient(rosen),
        constraints={
            "type": "ineq",
            "fun": lambda x: 1 - circle(x)[0],
            "jac": fd.Gradient(lambda x: 1 - circle(x)[0]),
        },
        method="SLSQP",
    )
    np.testing.assert_allclose(slsqp.x, found.x, atol=1e-3)
