"""The adaptive method: right, and right about how right, for every verb and every kind of f."""

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.recording import PLANNED, VERBS, Recorded

import fastdiff as fd
from fastdiff import Status

EPS = np.finfo(float).eps
X = np.array([0.3, 0.7, -1.1])
V = np.array([1.0, -2.0, 0.5])


def f(x: Any) -> Any:
    return np.exp(x[0]) * np.sin(x[1]) + x[0] * x[1] ** 2 * x[2]


def slope(x: Any) -> Any:
    a, b, c = x
    grow, sin, cos = np.exp(a), np.sin(b), np.cos(b)
    return np.array([grow * sin + b**2 * c, grow * cos + 2 * a * b * c, a * b**2])


def curvature(x: Any) -> Any:
    a, b, c = x
    grow, sin, cos = np.exp(a), np.sin(b), np.cos(b)
    mixed = grow * cos + 2 * b * c
    return np.array([[grow * sin, mixed, b**2], [mixed, -grow * sin + 2 * a * c, 2 * a * b], [b**2, 2 * a * b, 0.0]])


def pair(x: Any) -> Any:
    return np.array([f(x), x[2] ** 3 - x[0]])


PAIR = np.array([slope(X), [-1.0, 0.0, 3 * X[2] ** 2]])

# verb -> (call, exact)
CASES: dict[str, tuple[Callable[..., Any], Any]] = {
    "derivative": (lambda **o: fd.derivative(np.exp, X, **o), np.exp(X)),
    "derivative, order 2": (lambda **o: fd.derivative(np.exp, X, 2, **o), np.exp(X)),
    "partial": (lambda **o: fd.partial(f, X, 1, **o), slope(X)[1]),
    "partial, repeated": (lambda **o: fd.partial(f, X, (1, 1), **o), curvature(X)[1, 1]),
    "partial, mixed": (lambda **o: fd.partial(f, X, (0, -1), **o), curvature(X)[0, 2]),
    "partial, third": (lambda **o: fd.partial(f, X, (1, 0, 1), **o), -np.exp(X[0]) * np.sin(X[1]) + 2 * X[2]),
    "gradient": (lambda **o: fd.gradient(f, X, **o), slope(X)),
    "jacobian": (lambda **o: fd.jacobian(pair, X, **o), PAIR),
    "hessian": (lambda **o: fd.hessian(f, X, **o), curvature(X)),
    "hessian of a gradient": (lambda **o: fd.hessian(f, X, gradient=slope, **o), curvature(X)),
    "hessian_diagonal": (lambda **o: fd.hessian_diagonal(f, X, **o), np.diag(curvature(X))),
    "laplacian": (lambda **o: fd.laplacian(f, X, **o), np.trace(curvature(X))),
    "directional": (lambda **o: fd.directional(f, X, V, **o), slope(X) @ V / np.linalg.norm(V)),
    "jvp": (lambda **o: fd.jvp(pair, X, V, **o), PAIR @ V),
    "hvp": (lambda **o: fd.hvp(f, X, V, **o), curvature(X) @ V),
    "hvp of a gradient": (lambda **o: fd.hvp(f, X, V, gradient=slope, **o), curvature(X) @ V),
    "Gradient": (lambda **o: fd.Gradient(f, **_planned(o)).result(X), slope(X)),
    "Jacobian": (lambda **o: fd.Jacobian(pair, **_planned(o)).result(X), PAIR),
    "Hessian": (lambda **o: fd.Hessian(f, **_planned(o)).result(X), curvature(X)),
}
BOXES = {
    "free": None,
    "roomy": (X - 2, X + 2),
    "on the lower faces": (X, X + 2),
    "in a corner": (np.where(V > 0, X - 2, X), np.where(V > 0, X, X + 2)),
    "near the upper faces": (X - 2, X + 1e-9),
}


def _planned(options: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != "full_output"}


@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("name", CASES)
def test_every_verb_is_right_within_its_error(name: str, box: str) -> None:
    call, exact = CASES[name]
    options = {} if BOXES[box] is None else {"bounds": BOXES[box]}
    result = call(method="richardson", full_output=True, **options)
    assert result.ok
    assert np.shape(result.value) == np.shape(result.error) == np.shape(result.status) == np.shape(exact)
    wrong = np.abs(result.value - exact)
    assert (wrong <= result.error).all()
    assert (wrong <= 1e-7 * np.abs(exact).max()).all()
    assert (result.error <= 1e-5 * np.abs(exact).max()).all()


@pytest.mark.parametrize("name", CASES)
def test_the_value_alone_is_that_of_the_result(name: str) -> None:
    call, _ = CASES[name]
    np.testing.assert_array_equal(
        np.asarray(call(method="richardson", full_output=True).value),
        np.asarray(call(method="richardson").value if name[0].isupper() else call(method="richardson")),
    )


def test_a_hessian_brings_the_gradient_and_is_symmetric_to_the_bit() -> None:
    result = fd.hessian(f, X, method="richardson", full_output=True)
    np.testing.assert_allclose(result.gradient, slope(X), rtol=1e-11)
    for part in (result.value, result.error, result.status):
        np.testing.assert_array_equal(part, part.T)


def test_a_gradient_field_is_right() -> None:
    x, y = np.linspace(0, 1, 4), np.linspace(-1, 2, 3)
    along_x, along_y = fd.gradient_field(lambda a, b: np.exp(a) * b**2, x, y, method="richardson", full_output=True)
    for result, exact in ((along_x, np.outer(np.exp(x), y**2)), (along_y, np.outer(np.exp(x), 2 * y))):
        assert (np.abs(result.value - exact) <= result.error).all()
        assert result.error.max() < 1e-11


@pytest.mark.parametrize("order", range(1, 9))
@pytest.mark.parametrize(
    ("g", "x", "exact"),
    [
        (np.exp, 0.5, lambda k: math.exp(0.5)),
        (np.sin, 1.0, lambda k: math.sin(1.0 + k * math.pi / 2)),
        (lambda t: 1 / t, 3.0, lambda k: (-1) ** k * math.factorial(k) / 3.0 ** (k + 1)),
        (np.log, 1e-3, lambda k: (-1) ** (k - 1) * math.factorial(k - 1) / 1e-3**k),
    ],
    ids=["exp", "sin", "1/t", "log"],
)
def test_derivatives_of_every_order(g: Any, x: float, exact: Any, order: int) -> None:
    result = fd.derivative(g, x, order, method="richardson", on_error="edge", full_output=True)
    wrong = abs(result.value - exact(order))
    assert wrong <= result.error
    assert wrong <= 10 ** (1.5 * order - 14) * abs(exact(order))


@pytest.mark.parametrize("degree", range(6))
def test_polynomials_are_exact_to_round_off(degree: int) -> None:
    result = fd.derivative(lambda t: t**degree, 1.5, method="richardson", full_output=True)
    exact = degree * 1.5 ** max(degree - 1, 0)
    assert abs(result.value - exact) <= 16 * EPS * max(exact, 1.0)


def test_scaling_by_powers_of_two_changes_no_other_bit() -> None:
    found = fd.gradient(f, X, method="richardson", full_output=True)
    scaled = fd.gradient(lambda x: 2.0**40 * f(x), X, method="richardson", full_output=True)
    np.testing.assert_array_equal(scaled.value, 2.0**40 * found.value)
    np.testing.assert_array_equal(scaled.error, 2.0**40 * found.error)


# ---- kinds of f


def columns(x: Any) -> Any:
    return np.exp(x[0]) * np.sin(x[1]) + x[0] * x[1] ** 2 * x[2]


@pytest.mark.parametrize("batch_bytes", [1, 100, 10_000, None])
@pytest.mark.parametrize("name", [name for name in VERBS if name != "derivative"])
def test_columns_give_the_bits_of_points(name: str, batch_bytes: int | None) -> None:
    apart = VERBS[name](lambda x: columns(x[:, None])[0], X, method="richardson", full_output=True)
    together = VERBS[name](columns, X, method="richardson", vectorized=True, batch_bytes=batch_bytes, full_output=True)
    np.testing.assert_array_equal(together.value, apart.value)
    np.testing.assert_array_equal(together.error, apart.error)
    np.testing.assert_array_equal(together.status, apart.status)


def test_outputs_converge_each_on_its_own() -> None:
    def mixed(x: Any) -> Any:
        return np.array([np.sin(1000 * x[0]), x[0] ** 2, abs(x[0] - 1), 7.0, 1e-200 * x[0]])

    result = fd.jacobian(mixed, [1.0], method="richardson", full_output=True)
    exact = np.array([1000 * np.cos(1000), 2.0, 0.0, 0.0, 1e-200])
    statuses = ["CONVERGED", "CONVERGED", "NOT_SMOOTH", "NOISE_LIMITED", "CONVERGED"]
    assert [Status(int(s)).name for s in result.status[:, 0]] == statuses
    assert (np.abs(result.value[:, 0] - exact) <= result.error[:, 0]).all()
    assert (result.error[[0, 1, 4], 0] <= 1e-9 * np.abs(exact[[0, 1, 4]])).all()


@pytest.mark.parametrize("order", [1, 2])
def test_the_precision_of_f_is_respected(order: int) -> None:
    result = fd.derivative(lambda t: np.float32(np.sin(t)), 1.0, order, method="richardson", full_output=True)
    exact = np.cos(1.0) if order == 1 else -np.sin(1.0)
    assert abs(result.value - exact) <= result.error
    assert 1e-9 < result.error < 1e-2


def test_the_arguments_of_f_reach_it() -> None:
    options: Any = {"method": "richardson", "full_output": True}
    for found in (
        fd.gradient(lambda x, a, b: a * x[0] ** 2 + b, [3.0], args=(2.0,), kwargs={"b": 1.0}, **options),
        fd.gradient(lambda a, x: a * x[0] ** 2, [3.0], args=(2.0,), argnum=1, **options),
        fd.gradient(lambda x: 2 * x**2, [3.0], unpack=True, **options),
    ):
        np.testing.assert_allclose(found.value, [12.0], rtol=1e-14)


def test_a_known_value_saves_one_evaluation() -> None:
    plain = fd.gradient(f, X, method="richardson", full_output=True)
    known = fd.gradient(f, X, method="richardson", f0=f(X), full_output=True)
    assert known.nfev == plain.nfev - 1
    np.testing.assert_array_equal(known.value, plain.value)


@pytest.mark.parametrize("options", [{"step": 0.1}, {"step": [0.1, 1e-3, 0.5]}, {"relative_step": 0.1}, {"x_scale": 2}])
def test_what_is_stated_about_steps_is_used(options: Any) -> None:
    recorded = Recorded(f)
    result = fd.gradient(recorded, X, method="richardson", full_output=True, **options)
    assert (np.abs(result.value - slope(X)) <= result.error).all()
    assert result.error.max() < 1e-9
    step = options.get("step", np.abs(X) * options.get("relative_step", np.inf))
    moves = np.abs(np.array(recorded.points) - X).max(axis=0)
    assert (moves <= np.asarray(step) * (1 + 1e-12)).all()
    if "x_scale" not in options:
        np.testing.assert_allclose(moves, np.broadcast_to(step, 3), rtol=1e-12)


def test_a_scale_far_below_x_may_be_stated() -> None:
    result = fd.derivative(np.sin, 1e8, method="richardson", x_scale=1.0, full_output=True)
    assert abs(result.value - np.cos(1e8)) <= result.error <= 1e-5
    with pytest.raises(ValueError, match=r"`x_scale`.*lost"):
        fd.derivative(np.sin, 1e8, method="richardson", x_scale=1e-9)


def test_what_is_lost_in_a_huge_f_is_no_convergence() -> None:
    for f in (lambda x: 1e17 + x, lambda x: 1e16 + np.sin(x)):
        result = fd.derivative(f, 1.0, method="richardson", full_output=True)
        assert result.status >= Status.NOISE_LIMITED
        assert result.error >= 1


@pytest.mark.parametrize("name", PLANNED)
def test_planned_objects_keep_what_they_found(name: str) -> None:
    planned = PLANNED[name](f, method="richardson", rtol=1e-8)
    again = pickle.loads(pickle.dumps(planned))
    np.testing.assert_array_equal(again(X), planned(X))
    assert planned.last.ok
    assert np.isfinite(planned.last.error).all()
    assert planned.nfev == planned.last.nfev == again.nfev


# ---- tolerances and levels


@pytest.mark.parametrize("rtol", [1e-2, 1e-4, 1e-6, 1e-9])
def test_a_tolerance_is_met_with_fewer_evaluations(rtol: float) -> None:
    full = fd.gradient(f, X, method="richardson", full_output=True)
    found = fd.gradient(f, X, method="richardson", rtol=rtol, full_output=True)
    assert (found.error <= rtol * np.abs(found.value)).all()
    assert (np.abs(found.value - slope(X)) <= found.error).all()
    assert found.nfev < full.nfev
    assert set(found.status) <= {Status.CONVERGED, Status.TOLERANCE_MET}


def test_an_absolute_tolerance_serves_a_derivative_of_zero() -> None:
    result = fd.derivative(np.cos, 0.0, method="richardson", atol=1e-8, full_output=True)
    assert abs(result.value) <= result.error <= 1e-8
    assert result.status <= Status.TOLERANCE_MET


def test_a_tolerance_below_round_off_is_said_to_be_out_of_reach() -> None:
    result = fd.derivative(np.exp, 1.0, method="richardson", rtol=1e-18, full_output=True)
    assert result.status == Status.NOISE_LIMITED
    assert abs(result.value - np.e) <= result.error


@pytest.mark.parametrize("max_levels", [3, 5, 10])
def test_levels_are_bounded(max_levels: int) -> None:
    wild = Recorded(lambda t: math.sin(1 / t) if t else 0.0)
    result = fd.derivative(wild, 0.0, method="richardson", max_levels=max_levels, full_output=True)
    assert wild.calls == result.nfev <= 1 + 2 * max_levels
    assert result.status >= Status.EXHAUSTED
    with pytest.warns(fd.AccuracyWarning, match="max_levels|kink"):
        fd.derivative(wild, 0.0, method="richardson", max_levels=max_levels)
