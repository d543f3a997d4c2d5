"""Accuracy: exact on polynomials of the right degree and not on the next; the minimax step; steps taken literally."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.recording import PAIRS, REAL_METHODS, Recorded

import fastdiff as fd

EPS = np.finfo(float).eps
X = np.array([0.75, -0.5, 1.25])
V = np.array([1.0, -2.0, 0.5])


def powers(degree: int) -> Callable[[np.ndarray], float]:
    """A sum of powers of the coordinates around X: its derivatives at X come from one power each."""
    return lambda x: float(np.sum((np.asarray(x) - X) ** degree)) if degree else 1.0


# Verb, derivative order k, and the exact derivative of sum((x - X)**d) at X where d == k (else it is zero).
FIRST = {
    "gradient": (lambda f, **o: fd.gradient(f, X, **o), np.ones(3)),
    "jacobian": (
        lambda f, **o: fd.jacobian(lambda x: np.array([f(x), 2 * f(x)]), X, **o),
        [[1.0] * 3, [2.0] * 3],
    ),
    "partial": (lambda f, **o: fd.partial(f, X, 1, **o), 1.0),
    "jvp": (lambda f, **o: fd.jvp(f, X, V, **o), V.sum()),
    "directional": (lambda f, **o: fd.directional(f, X, V, **o), V.sum() / np.linalg.norm(V)),
    "derivative": (lambda f, **o: fd.derivative(lambda t: f(np.array([t, X[1], X[2]])), X[0], **o), 1.0),
}
SECOND = {
    "hessian": (lambda f, **o: fd.hessian(f, X, **o), 2 * np.eye(3)),
    "hessian_diagonal": (lambda f, **o: fd.hessian_diagonal(f, X, **o), np.full(3, 2.0)),
    "laplacian": (lambda f, **o: fd.laplacian(f, X, **o), 6.0),
    "partial": (lambda f, **o: fd.partial(f, X, (1, 1), **o), 2.0),
    "derivative": (lambda f, **o: fd.derivative(lambda t: f(np.array([t, *X[1:]])), X[0], 2, **o), 2.0),
    "hvp": (lambda f, **o: fd.hvp(f, X, V, **o), 2 * V),
}
STEP = 2.0**-3


@pytest.mark.parametrize(("method", "accuracy"), PAIRS)
@pytest.mark.parametrize(
    ("order", "name"), [(1, name) for name in FIRST] + [(2, name) for name in SECOND], ids=lambda v: str(v)
)
def test_exact_up_to_the_accuracy_and_not_beyond(order: int, name: str, method: str, accuracy: int) -> None:
    verb, exact = (FIRST if order == 1 else SECOND)[name]
    options: dict[str, Any] = {"method": method, "accuracy": accuracy, "step": STEP}
    for degree in range(order + accuracy):
        wanted = np.asarray(exact) if degree == order else np.zeros_like(exact)
        np.testing.assert_allclose(verb(powers(degree), **options), wanted, rtol=0, atol=2e-9, err_msg=f"{degree}")
    beyond = np.asarray(verb(powers(order + accuracy), **options))
    assert np.abs(beyond).max() > 1e-9


@pytest.mark.parametrize(("method", "accuracy"), PAIRS)
@pytest.mark.parametrize("order", range(1, 9))
def test_high_order_derivatives_converge_as_promised(order: int, method: str, accuracy: int) -> None:
    formula = fd.stencil(order, accuracy, side=method)
    step = 0.25
    found = fd.derivative(lambda t: t ** (order + accuracy), 0.0, order, method=method, accuracy=accuracy, step=step)
    leading = float(formula.error_constant) * math.factorial(order + accuracy) * step**accuracy
    assert found == pytest.approx(leading, rel=1e-9)


@pytest.mark.parametrize(("method", "accuracy"), PAIRS)
def test_mixed_products_exact(method: str, accuracy: int) -> None:
    def f(x: np.ndarray) -> float:
        a, b, c = x
        return a**2 * b + 3 * b * c + a * c - c**2

    exact = np.array([[2 * X[1], 2 * X[0], 1.0], [2 * X[0], 0.0, 3.0], [1.0, 3.0, -2.0]])
    options = {"method": method, "accuracy": accuracy, "step": 2.0**-8}
    tolerance = 2e-8 if accuracy > 1 else 0.02
    np.testing.assert_allclose(fd.hessian(f, X, **options), exact, rtol=0, atol=tolerance)
    np.testing.assert_allclose(fd.hvp(f, X, V, **options), exact @ V, rtol=0, atol=5 * tolerance)
    assert fd.partial(f, X, (0, 1), **options) == pytest.approx(exact[0, 1], abs=tolerance)
    assert fd.partial(f, X, (-1, 0), **options) == pytest.approx(exact[2, 0], abs=tolerance)
    third = fd.partial(f, X, (0, 1, 0), method=method, accuracy=accuracy, step=2.0**-4)
    assert third == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e6])
def test_complex_step_is_exact_to_round_off(scale: float) -> None:
    x = scale * np.array([0.3, 0.7])

    def f(z: np.ndarray) -> Any:
        return np.exp(z[0] / scale) * np.sin(z[1] / scale)

    e, s, c = math.exp(0.3), math.sin(0.7), math.cos(0.7)
    exact = np.array([e * s, e * c]) / scale
    options = {"method": "complex"}
    np.testing.assert_allclose(fd.gradient(f, x, **options), exact, rtol=4 * EPS)
    np.testing.assert_allclose(fd.jvp(f, x, [2.0, -1.0], **options), exact @ [2.0, -1.0], rtol=20 * EPS)
    assert fd.partial(f, x, 1, **options) == pytest.approx(exact[1], rel=4 * EPS)
    second = np.array([[e * s, e * c], [e * c, -e * s]]) / scale**2
    options["x_scale"] = scale
    np.testing.assert_allclose(fd.hessian(f, x, **options), second, rtol=1e-8)
    np.testing.assert_allclose(fd.hessian_diagonal(f, x, **options), np.diag(second), rtol=1e-8)
    np.testing.assert_allclose(fd.hvp(f, x, [1.0, 2.0], **options), second @ [1.0, 2.0], rtol=1e-8)


def test_complex_step_beyond_first_order() -> None:
    found = [fd.derivative(np.exp, 0.5, order, method="complex") for order in (1, 2, 3)]
    np.testing.assert_allclose(found, math.exp(0.5), rtol=1e-6)


# ---- textbook values


def test_partials_of_a_textbook_function() -> None:
    def f(p: np.ndarray) -> float:
        return p[0] ** 2 * p[1] + math.sin(p[0] * p[1])

    exact = [4 + 2 * math.cos(2), 1 + math.cos(2)]
    np.testing.assert_allclose(fd.gradient(f, [1.0, 2.0]), exact, rtol=1e-9)
    np.testing.assert_allclose([fd.partial(f, [1.0, 2.0], i) for i in (0, 1)], exact, rtol=1e-9)


def test_mean_squared_loss() -> None:
    a, y = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([3.0, 7.0, 11.0])
    found = fd.gradient(lambda w: np.mean((a @ w - y) ** 2), [0.5, 0.5])
    np.testing.assert_allclose(found, [-79 / 3, -100 / 3], rtol=1e-9)


def test_directional_derivative_of_a_saddle() -> None:
    assert fd.directional(lambda p: p[0] ** 2 - p[1] ** 2, [1.0, 2.0], [3.0, 4.0]) == pytest.approx(-2, rel=1e-9)
    along = fd.directional(lambda p: p[0] ** 2 - p[1] ** 2, [1.0, 2.0], [3.0, 4.0], normalize=False)
    assert along == pytest.approx(-10, rel=1e-9)


def test_gradient_of_sin_cos() -> None:
    found = fd.gradient(lambda p: math.sin(p[0]) * math.cos(p[1]), [math.pi / 4, math.pi / 4])
    np.testing.assert_allclose(found, [0.5, -0.5], rtol=1e-9)


@pytest.mark.parametrize("method", REAL_METHODS)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_hessian_of_a_quadratic_form(n: int, method: str) -> None:
    a = np.random.default_rng(n).standard_normal((n, n))
    x = np.random.default_rng(7).standard_normal(n)
    found = fd.hessian(lambda x: x @ a @ x, x, method=method)
    np.testing.assert_allclose(found, a + a.T, atol=2e-3 if method != "central" else 3e-5)


def test_slope_of_the_unit_sphere() -> None:
    x, y = 0.36, 0.48
    z = math.sqrt(1 - x * x - y * y)
    assert fd.partial(lambda p: math.sqrt(1 - p[0] ** 2 - p[1] ** 2), [x, y], 0) == pytest.approx(-x / z, rel=1e-9)


# ---- the minimax step

# f, f', f''' at x, each varying on the scale L.
SMOOTH = {
    "exp(-t)": (lambda t: np.exp(-t), lambda t: -np.exp(-t)),
    "sin(1+t)": (lambda t: np.sin(1 + t), lambda t: np.cos(1 + t)),
    "1/(1+t)": (lambda t: 1 / (1 + t), lambda t: -1 / (1 + t) ** 2),
    "sqrt(2+t)": (lambda t: np.sqrt(2 + t), lambda t: 0.5 / np.sqrt(2 + t)),
    "t**2+t": (lambda t: t**2 + t, lambda t: 2 * t + 1),
}


@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("x", [1e-12, 1e-3, 1.0, 1e4, 1e6, 1e150])
def test_minimax_bound_where_f_varies_on_the_scale_of_x(x: float, name: str) -> None:
    """With s the scale of the default step: truncation (s/L)^2, round-off L/s, both in units of eps^(2/3)."""
    f, slope = SMOOTH[name]
    with np.errstate(invalid="ignore"):
        result = fd.derivative(lambda t: f(t / x), x, full_output=True)
    exact = slope(1.0) / x
    ratio = result.step / EPS ** (1 / 3) / x
    bound = 10 * EPS ** (2 / 3) * (ratio**2 + 1 / ratio)
    error = abs(result.value - exact) / abs(exact)
    if ratio < 0.3 / EPS ** (1 / 3):  # else the step leaves the domain on which f is smooth
        assert error <= bound
    if ratio < 1:  # round-off decides
        assert error < 1e-2 or result.status == fd.Status.NOISE_LIMITED
    if 1e-3 <= x <= 1e6:
        assert error < 1e-5


@pytest.mark.parametrize("x", [1e-12, 1e-3, 1.0, 1e4, 1e6, 1e150])
@pytest.mark.parametrize("f", [np.sin, np.cos], ids=lambda f: f.__name__)
def test_minimax_bound_where_f_varies_on_the_scale_of_1(f: Any, x: float) -> None:
    result = fd.derivative(f, x, full_output=True)
    exact = np.cos(x) if f is np.sin else -np.sin(x)
    s = result.step / EPS ** (1 / 3)
    error = abs(result.value - exact)
    if x <= 1e6:
        # The rounding of x itself moves f by eps |x|.
        assert error <= 10 * EPS ** (2 / 3) * (s**2 + 1 / s) + 4 * EPS * x
    assert result.status in (fd.Status.NOT_ESTIMATED, fd.Status.NOISE_LIMITED)


@pytest.mark.parametrize(("x", "expected"), [(1e-3, 1e-2), (1e4, 1e4 ** (1 / 3)), (1e6, 100.0), (1.0, 1.0), (0.0, 1.0)])
def test_default_central_step_is_the_minimax(x: float, expected: float) -> None:
    step = fd.derivative(np.sin, x, full_output=True).step
    assert step == pytest.approx(EPS ** (1 / 3) * expected, rel=1e-3)


@pytest.mark.parametrize(
    ("method", "order", "accuracy", "x"),
    [
        (method, order, accuracy, x)
        for method, accuracy in PAIRS
        for order in (1, 2)
        for x in (0.0, 1e-12, 1e-2, 1.0, -30.0, 1e5, 1e12)
    ],
)
def test_default_steps_follow_from_the_minimax(method: str, order: int, accuracy: int, x: float) -> None:
    result = fd.derivative(lambda t: t, x, order, method=method, accuracy=accuracy, full_output=True)
    k, p, size = order, accuracy, abs(x)
    scale = 1.0 if x == 0 else size ** (k / (k + p) if size > 1 else p / (k + p))
    wanted = EPS ** (1 / (k + p)) * max(scale, 1e-4 * max(1.0, size))
    assert math.sqrt(0.5) * 0.999 <= result.step / wanted <= math.sqrt(2) * 1.001
    if (order, accuracy) not in ((1, 1), (1, 2)) or (method != "central" and accuracy > 1):
        assert math.frexp(float(result.step))[0] == 0.5  # multi-point stencils want steps that add exactly


@pytest.mark.parametrize("size", [1e-12, 1e-3, 1.0, 1e4, 1e6])
@pytest.mark.parametrize("shift", [1e6, 1e10, 1e13])
def test_fewer_than_three_digits_are_said(size: float, shift: float) -> None:
    """A large constant drowns the slope: a result that is wrong by 1e-2 must not look good."""
    result = fd.derivative(lambda t: shift + t / size, size, full_output=True)
    wrong = abs(result.value * size - 1)
    assert wrong < 1e-2 or result.status == fd.Status.NOISE_LIMITED
    if result.status == fd.Status.NOISE_LIMITED:
        assert "digits" in result.message
        assert "x_scale" in result.message
        assert result.ok


def test_a_constant_differentiates_to_exactly_zero() -> None:
    for method, accuracy in PAIRS:
        options = {"method": method, "accuracy": accuracy}
        assert not fd.gradient(lambda x: 0.1, X, **options).any()
        assert not fd.hessian(lambda x: 0.1, X, **options).any()


# ---- steps taken literally


@pytest.mark.parametrize(
    ("options", "steps"),
    [
        ({"step": 0.125}, [0.125, 0.125]),
        ({"step": [0.1, 0.3]}, [0.1, 0.3]),
        ({"relative_step": 0.01}, [0.01 * 3.0, 0.01 * 0.7]),
        ({"relative_step": [0.1, 0.2]}, [0.1 * 3.0, 0.2 * 0.7]),
    ],
    ids=str,
)
@pytest.mark.parametrize(("method", "accuracy"), PAIRS)
def test_stated_steps_are_taken_literally(
    method: str, accuracy: int, options: dict[str, Any], steps: list[float]
) -> None:
    x = np.array([3.0, -0.7])
    f = Recorded(lambda x: x[0] * x[1])
    result = fd.gradient(f, x, method=method, accuracy=accuracy, full_output=True, **options)
    np.testing.assert_array_equal(result.step, steps)
    offsets = fd.stencil(1, accuracy, side=method).offsets
    wanted = {(x[0] + o * steps[0], x[1]) for o in offsets} | {(x[0], x[1] + o * steps[1]) for o in offsets}
    assert {tuple(point) for point in f.points} == wanted


@pytest.mark.parametrize("order", [2, 3])
def test_stated_steps_are_taken_literally_for_higher_orders(order: int) -> None:
    f = Recorded(lambda t: t**3)
    fd.derivative(f, 0.7, order, step=0.1)
    assert {float(p) for p in f.points} == {0.7 + o * 0.1 for o in fd.stencil(order, 2).offsets}


@pytest.mark.parametrize("x", [0.0, 1e-6, 1.0, 1e9])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_x_scale_wins(x: float, scale: float) -> None:
    if scale < 1e-2 * x:
        with pytest.raises(ValueError, match="`x_scale`"):
            fd.derivative(np.sin, x, x_scale=1e-12 * x)
        return
    step = fd.derivative(np.sin, x, x_scale=scale, full_output=True).step
    assert step == pytest.approx(scale * EPS ** (1 / 3), rel=1e-12)
    second = fd.derivative(np.sin, x, 2, x_scale=scale, full_output=True).step
    assert 0.7 <= second / (scale * EPS ** (1 / 4)) <= 1.42


@pytest.mark.parametrize("scale", [1e-8, 1e-3, 1.0, 1e5])
def test_x_scale_makes_the_error_small_on_every_scale(scale: float) -> None:
    found = fd.derivative(lambda t: np.sin(t / scale), 0.3 * scale, x_scale=scale)
    assert found * scale == pytest.approx(math.cos(0.3), rel=1e-9)
    found = fd.derivative(lambda t: np.sin(t / scale), 0.3 * scale, 2, x_scale=scale, accuracy=6)
    assert found * scale**2 == pytest.approx(-math.sin(0.3), rel=1e-9)


@pytest.mark.parametrize("v", [[1.0, 0.0], [3.0, 4.0], [-1e-3, 2e-3]])
def test_the_step_along_v_ignores_its_length(v: list[float]) -> None:
    f = Recorded(lambda x: x[0] * x[1])
    fd.jvp(f, [1.0, 1.0], v, step=0.25)
    lengths = [np.linalg.norm(p - 1.0) for p in f.points]
    np.testing.assert_allclose(lengths, 0.25, rtol=1e-12)


@pytest.mark.parametrize("power", [-200, -100, 0, 100, 200])
def test_products_are_linear_in_v(power: int) -> None:
    x, v = np.array([1.0, 2.0]), np.array([1.0, -0.5])
    factor = 10.0**power

    def f(p: np.ndarray) -> float:
        return p[0] ** 2 * p[1]

    np.testing.assert_allclose(fd.jvp(f, x, factor * v), factor * (4 - 0.5), rtol=1e-8)
    np.testing.assert_allclose(fd.hvp(f, x, factor * v), factor * np.array([3.0, 2.0]), rtol=1e-4)
    np.testing.assert_allclose(fd.jvp(f, x, factor * v, method="complex"), factor * (4 - 0.5), rtol=1e-12)
