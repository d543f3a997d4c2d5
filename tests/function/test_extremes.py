"""Numbers near the ends of the range: right, or said to be wrong."""

from typing import Any

import numpy as np
import pytest

import fastdiff as fd
from fastdiff import Status


@pytest.mark.parametrize("size", [1e-300, 1e-305, 1e-318])
@pytest.mark.parametrize("method", ["central", "forward", "complex"])
def test_values_that_underflow_are_doubted(size: float, method: Any) -> None:
    result = fd.gradient(lambda p: size * np.sin(p[0]), [1.0], method=method, full_output=True)
    exact = size * np.cos(1.0)
    assert abs(result.value[0] - exact) < 1e-3 * exact or result.status[0] >= Status.NOISE_LIMITED


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_tiny_and_huge_f_are_not_refused_by_the_complex_step(size: float) -> None:
    value = fd.gradient(lambda p: size * np.sin(p[0]), [1.0], method="complex")
    np.testing.assert_allclose(value, size * np.cos(1.0), rtol=1e-14)


def test_steps_whose_product_underflows() -> None:
    value = fd.hessian(lambda p: (p[0] * 1e100) ** 2, [1e-160], x_scale=1e-158)
    np.testing.assert_allclose(value, 2e200, rtol=1e-5)


def test_a_box_too_small_for_a_second_order() -> None:
    result = fd.hessian(lambda p: 3 * p[0] * p[1], [0.0, 0.0], bounds=(-1e-200, 1e-200), full_output=True)
    assert (result.status == Status.DOMAIN_LIMITED).all()


@pytest.mark.parametrize("size", [1e-320, 1e-300, 1e-200, 1e200, 1e305])
@pytest.mark.parametrize("method", ["central", "forward", "complex"])
def test_directions_of_any_length(size: float, method: Any) -> None:
    points = []

    def square(p: Any) -> Any:
        points.append(p)
        return p**2

    np.testing.assert_allclose(fd.jvp(square, [1.0, 2.0], [size, 0.0], method=method), [2 * size, 0], rtol=1e-5)
    np.testing.assert_allclose(fd.hvp(lambda p: (p**2).sum(), [1.0, 2.0], [size, 0.0]), [2 * size, 0], rtol=1e-5)
    assert np.isfinite(points).all()


def test_a_corner_at_zero() -> None:
    options: Any = {"bounds": (0, np.inf), "accuracy": 4}
    assert fd.directional(lambda p: p[0] + 3 * p[1], [0, 0], [1, -1], **options) == pytest.approx(-np.sqrt(2))
    np.testing.assert_allclose(fd.hvp(lambda p: p[0] ** 2 + 3 * p[0] * p[1], [0, 0], [1, -1], **options), [-1, 3])


@pytest.mark.parametrize(("f", "x"), [(np.log, -1.0), (np.sqrt, -1.0), (np.arcsin, 2.0), (lambda t: 1 / t, 0.0)])
@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_the_complex_step_stays_in_the_domain(f: Any, x: float) -> None:
    assert fd.gradient(lambda p: f(p[0]), [x], method="complex", full_output=True).status == Status.NOT_FINITE
    status = fd.jacobian(lambda p: np.array([f(p[0]), p[1]]), [x, 1.0], method="complex", full_output=True).status
    assert (status[0] == Status.NOT_FINITE).all()
    assert (status[1] == Status.NOT_ESTIMATED).all()


def test_a_lost_part_of_the_imaginary_part_is_seen() -> None:
    with pytest.raises(ValueError, match="imaginary part"):
        fd.gradient(lambda p: p[0] ** 2 + 0.05 * p[1].real ** 2, [1.0, 2.0], method="complex")


@pytest.mark.parametrize("f", [lambda p: np.exp(50 * p[0]), lambda p: np.sin(1000 * p[0]), lambda p: p[0] * 0 + 3])
def test_steep_and_flat_f_keep_their_imaginary_part(f: Any) -> None:
    assert np.isfinite(fd.gradient(f, [1.0], method="complex")).all()


def test_numpy_does_not_raise_for_us() -> None:
    with np.errstate(all="raise"):
        fd.gradient(lambda p: p[0], [1e-300], method="complex")
        fd.directional(lambda p: p[0], [1.0, 2.0], [1e-200, 1e200])
        fd.gradient(lambda p: 1.0, [1e308], bounds=(-1.7e308, 1.7e308))


def test_options_are_copied() -> None:
    step, lower = np.array([1e-3]), np.zeros(1)
    planned = fd.Gradient(lambda p: p[0] ** 2, step=step, bounds=(lower, [9.0]))
    step[:], lower[:] = 1.0, 5.0
    assert planned.result([1.0]).step == 1e-3


def test_weights_keep_their_precision() -> None:
    planned = fd.Hessian(lambda p: np.float32(p**3), weighted=True)
    small, large = planned([1.0, 2.0], [1e-30, 0.0]), planned([1.0, 2.0], [1e6, 0.0])
    np.testing.assert_allclose(small[0, 0], 6e-30, rtol=0.05)
    np.testing.assert_allclose(large[0, 0], 6e6, rtol=0.05)
    integers = fd.Hessian(lambda p: np.array([1, 2], np.int8), weighted=True)
    assert not integers([1.0, 2.0], [1e6, 1e-8]).any()


def test_stored_arguments_serve_any_argnum() -> None:
    planned = fd.Jacobian(lambda t, y: t * y, argnum=1, args=(5.0,))
    np.testing.assert_allclose(planned([1.0, 2.0]), 5 * np.eye(2), atol=1e-9)
    np.testing.assert_allclose(planned(3.0, [1.0, 2.0]), 3 * np.eye(2), atol=1e-9)


def test_evaluations_count_where_f_raises() -> None:
    calls = 0

    def f(p: Any) -> float:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise ArithmeticError
        return float(p[0])

    planned = fd.Gradient(f)
    with pytest.raises(ArithmeticError):
        planned([1.0, 2.0])
    assert planned.nfev == 2
    planned([1.0, 2.0])
    assert planned.nfev == 6


@pytest.mark.parametrize("lower", [[3.0, 4.0], [-np.inf, 5.0], [3.0, 5.0], [-9.0, -9.0]])
def test_the_gradient_beside_a_hessian_whatever_is_fixed(lower: Any) -> None:
    upper = [3.0, 6.0] if lower[0] == 3.0 else [np.inf, 5.0 if lower[1] == 5.0 else 9.0]
    result = fd.hessian(None, [3.0, 5.0], gradient=lambda p: p**2, bounds=(lower, upper), full_output=True)
    np.testing.assert_allclose(result.gradient, [9.0, 25.0], rtol=1e-9)


@pytest.mark.parametrize("f0", [np.ones((3, 2)), np.ones(5), np.float32(1.5) * np.ones((2, 3), np.float32)])
def test_a_wrong_known_value_is_refused(f0: Any) -> None:
    with pytest.raises(ValueError, match="`f0`"):
        fd.jacobian(lambda p: np.outer(p, [1, 2, 3]), [1.0, 2.0], method="forward", f0=f0)


@pytest.mark.parametrize(
    ("x", "step", "options"),
    [
        (1.0, 3e-16, {"method": "forward", "accuracy": 3}),
        (1.0, 5e-16, {"accuracy": 4}),
        (1e8, 1e-7, {"accuracy": 8}),
    ],
)
@pytest.mark.parametrize("bounds", [None, (-np.inf, np.inf)])
def test_samples_that_cannot_lie_at_equal_distances(x: float, step: float, options: Any, bounds: Any) -> None:
    with pytest.raises(ValueError, match=r"`step`.*must be larger than"):
        fd.gradient(lambda p: p[0] - x, [x], step=step, bounds=bounds, **options)


@pytest.mark.parametrize("option", ["step", "relative_step", "x_scale"])
@pytest.mark.parametrize("method", ["central", "forward"])
def test_a_stated_step_leaves_fixed_coordinates_alone(option: str, method: Any) -> None:
    options: Any = {option: 1e-3, "method": method, "accuracy": 4, "bounds": ([1, 0], [1, 4])}
    np.testing.assert_allclose(fd.gradient(lambda p: (p**2).sum(), [1.0, 3.0], **options), [0, 6], rtol=1e-6)
    np.testing.assert_allclose(fd.hvp(lambda p: (p**2).sum(), [1.0, 3.0], [1, 1], **options), [0, 2], atol=0.1)


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
def test_a_second_try_along_a_huge_direction_scales_once() -> None:
    x = np.array([1e-12, 1.0])
    value = fd.jvp(lambda p: np.array([np.log(p[0]), p[1]]), x, [0.0, 1e305])
    np.testing.assert_allclose(value, [0, 1e305])
    value = fd.jvp(lambda p: np.array([np.log(p[0]), p[1]]), x, [1e200, 1e200])
    np.testing.assert_allclose(value, [1e212, 1e200], rtol=1e-3)


@pytest.mark.filterwarnings("ignore:.*encountered:RuntimeWarning")
@pytest.mark.parametrize("verb", ["hessian", "hessian_diagonal", "partial", "hvp"])
def test_second_orders_of_the_complex_step_stay_in_the_domain(verb: str) -> None:
    def logarithm(p: Any) -> Any:
        return np.log(p[0]) + p[1] ** 2

    def undefined(p: Any) -> Any:
        return np.where(np.real(p[0]) > 1, np.nan, p[0] ** 3)

    more = {"partial": ((0, 0),), "hvp": ([1.0, 0.0],)}.get(verb, ())
    for f, x, exact in ((logarithm, [1e-12, 1.0], -1e24), (undefined, [1.0, 1.0], 6.0)):
        result = getattr(fd, verb)(f, x, *more, method="complex", full_output=True)
        value, status = np.ravel(result.value)[0], np.ravel(result.status)[0]
        assert status == Status.NOT_FINITE or value == pytest.approx(exact, rel=1e-3)


def test_a_hessian_of_a_gradient_is_zero_where_x_is_fixed() -> None:
    options: Any = {"bounds": ([1.0, -9], [1.0, 9])}
    slope = lambda p: np.array([3 * p[1], 3 * p[0] + 2 * p[1]])  # noqa: E731
    result = fd.hessian(None, [1.0, 2.0], gradient=slope, full_output=True, **options)
    np.testing.assert_allclose(result.value, [[0, 0], [0, 2]], atol=1e-8)
    assert result.status.tolist() == [[Status.FIXED] * 2, [Status.FIXED, Status.NOT_ESTIMATED]]
    np.testing.assert_array_equal(fd.Hessian(None, gradient=slope, **options)([1.0, 2.0]), result.value)


@pytest.mark.parametrize("size", [1.0, 1e7, 1e100])
def test_corners_at_zero_along_any_length(size: float) -> None:
    v, options = [size, -size], {"bounds": (0, np.inf)}
    value = fd.hvp(lambda p: p[0] ** 2 + 3 * p[0] * p[1], [0.0, 0.0], v, **options)
    np.testing.assert_allclose(value, [-size, 3 * size], rtol=1e-6)
    found = fd.jvp(lambda p: p[0] + 3 * p[1], [0.0, 0.0], v, accuracy=4, full_output=True, **options)
    assert found.value == pytest.approx(-2 * size)
    assert found.status == Status.NOT_ESTIMATED


@pytest.mark.parametrize("precise", [np.longdouble(1), 1, True])
def test_known_values_of_other_types(precise: Any) -> None:
    assert fd.derivative(np.sqrt, 1.0, method="backward", f0=precise) == pytest.approx(0.5, rel=1e-6)
    with pytest.raises(ValueError, match="`f0` is float16"):
        fd.gradient(lambda p: np.float32(p[0]), [1.0], method="forward", f0=np.float16(1))


@pytest.mark.parametrize(
    "call",
    [
        lambda: fd.directional(lambda p: p.sum(), [1.3, 1.0], [1, 1], step=8e-16, accuracy=8),
        lambda: fd.hvp(lambda p: (p**3).sum(), [1.0], [1.0], step=4e-16, accuracy=8),
        lambda: fd.derivative(lambda t: t**2, 2.0, order=2, step=6e-16),
    ],
)
def test_stated_steps_of_a_few_ulp(call: Any) -> None:
    with pytest.raises(ValueError, match=r"`step`.*must be larger than"):
        call()


def test_a_stated_step_may_be_lost_in_a_minor_entry_of_a_direction() -> None:
    assert fd.jvp(lambda p: p.sum(), [1.0, 1.0], [1.0, 1e-12], step=1e-6) == pytest.approx(1)
