"""Statuses, messages and warnings."""

import linecache
import warnings
from typing import Any

import numpy as np
import pytest
from tests.recording import PLANNED, REAL_METHODS, VERBS, Recorded

import fastdiff as fd
from fastdiff import Status

X = np.array([0.5, 0.25, 2.0])


def half_broken(x: Any) -> Any:
    """Finite, but where the second coordinate moves in the first output."""
    good = x[0] * x[2] + x[1]
    return np.array([good if x[1] == X[1] else np.nan, good, x[2] ** 2])


def test_a_jacobian_loses_only_the_entries_that_are_not_finite() -> None:
    result = fd.jacobian(half_broken, X, full_output=True)
    broken = np.zeros((3, 3), bool)
    broken[0, 1] = True
    np.testing.assert_array_equal(result.status == Status.NOT_FINITE, broken)
    assert np.isnan(result.value[broken]).all()
    exact = np.array([[2, 1, 0.5], [2, 1, 0.5], [0, 0, 4.0]])
    np.testing.assert_allclose(result.value[~broken], exact[~broken], atol=1e-8)
    assert not result.ok
    assert "[0, 1]" in result.message
    assert "NOT_FINITE" in result.message


@pytest.mark.parametrize("method", REAL_METHODS)
def test_a_hessian_loses_only_the_rows_that_are_not_finite(method: str) -> None:
    result = fd.hessian(lambda x: half_broken(x)[0], X, method=method, full_output=True)
    broken = np.zeros((3, 3), bool)
    broken[1] = broken[:, 1] = True
    np.testing.assert_array_equal(result.status == Status.NOT_FINITE, broken)
    np.testing.assert_allclose(result.value[~broken], [0, 1, 1, 0], atol=2e-2)
    np.testing.assert_allclose(result.gradient[[0, 2]], [2, 0.5], rtol=1e-3)
    assert np.isnan(result.gradient[1])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [name for name in VERBS if name != "derivative"])
def test_values_that_are_not_finite_are_said(name: str, value: float) -> None:
    with pytest.warns(fd.AccuracyWarning, match=rf"^{name}: entry .*NOT_FINITE.*`bounds`.*`step`") as caught:
        found = VERBS[name](lambda x: value, X)
    assert len(caught) == 1
    assert not np.isfinite(found).any()


def test_an_elementwise_function_loses_only_its_entry() -> None:
    with np.errstate(invalid="ignore"):
        result = fd.derivative(np.sqrt, [4.0, 0.0, 1.0], full_output=True)
    np.testing.assert_array_equal(result.status == Status.NOT_FINITE, [False, True, False])
    np.testing.assert_allclose(np.asarray(result.value)[[0, 2]], [0.25, 0.5], rtol=1e-9)


def nan(x: Any) -> Any:
    return np.nan * np.sum(x)


BROKEN: dict[str, Any] = {
    "derivative": lambda: fd.derivative(lambda t: np.nan * t, X),
    "partial": lambda: fd.partial(nan, X, 0),
    "gradient": lambda: fd.gradient(nan, X),
    "jacobian": lambda: fd.jacobian(nan, X),
    "hessian": lambda: fd.hessian(nan, X),
    "hessian(gradient=)": lambda: fd.hessian(None, X, gradient=lambda x: np.nan * x),
    "hessian_diagonal": lambda: fd.hessian_diagonal(nan, X),
    "laplacian": lambda: fd.laplacian(nan, X),
    "directional": lambda: fd.directional(nan, X, X),
    "jvp": lambda: fd.jvp(nan, X, X),
    "hvp": lambda: fd.hvp(nan, X, X),
    "hvp(gradient=)": lambda: fd.hvp(None, X, X, gradient=lambda x: np.nan * x),
    "gradient_field": lambda: fd.gradient_field(lambda x, y: np.nan * x * y, [0.0, 1.0], [1.0, 2.0]),
    "gradient, SciPy": lambda: fd.gradient(nan, X, backend="scipy"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_warning_a_call_that_points_at_the_caller(name: str) -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        BROKEN[name]()
    assert [w.category for w in caught] == [fd.AccuracyWarning]
    assert caught[0].filename == __file__
    assert "fd." in linecache.getline(__file__, caught[0].lineno)


@pytest.mark.parametrize("name", PLANNED)
def test_planned_objects_never_warn(name: str) -> None:
    planned = PLANNED[name](lambda x: np.nan * x[0])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        planned(X)
        assert not planned.last.ok
        assert (planned.last.status == Status.NOT_FINITE).all()
        planned.result(X)


def test_full_output_never_warns() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not fd.gradient(lambda x: np.nan, X, full_output=True).ok


def test_noise_does_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fd.gradient(lambda x: 1e15 + x[0], X)


# ---- the second try, at the scale of |x|


@pytest.mark.parametrize("method", REAL_METHODS)
@pytest.mark.parametrize("x", [1e-12, 1e-9, 1e-30, 1e-100])
def test_log_near_zero_is_tried_again(x: float, method: str) -> None:
    with np.errstate(all="ignore"):
        result = fd.derivative(np.log, x, method=method, full_output=True)
    if x < 1e-10 and method != "forward":  # the first step left the domain
        assert result.value * x == pytest.approx(1.0, rel=1e-6)
    assert result.ok


def test_only_the_coordinates_that_failed_are_tried_again() -> None:
    f = Recorded(lambda x: (np.log(x[0]) if x[0] > 0 else np.nan) + x[1] ** 2)
    result = fd.gradient(f, [1e-12, 3.0], full_output=True)
    np.testing.assert_allclose(result.value, [1e12, 6.0], rtol=1e-9)
    assert result.ok
    second = f.points[4:]
    assert len(second) == 2
    assert all(point[1] == 3.0 and point[0] > 0 for point in second)


def test_a_hessian_is_tried_again() -> None:
    result = fd.hessian(lambda x: (np.log(x[0]) if x[0] > 0 else np.nan) + x[1] ** 2, [1e-12, 3.0], full_output=True)
    assert result.value[0, 0] == pytest.approx(-1e24, rel=1e-5)
    assert result.value[1, 1] == pytest.approx(2.0, rel=1e-5)
    assert result.gradient[0] == pytest.approx(1e12, rel=1e-5)
    assert result.ok


@pytest.mark.parametrize("options", [{"step": 1e-3}, {"relative_step": 2.0}, {"x_scale": 1.0}], ids=str)
def test_a_stated_step_is_not_tried_again(options: dict[str, Any]) -> None:
    f = Recorded(lambda x: np.log(x[0]) if x[0] > 0 else np.nan)
    result = fd.gradient(f, [1e-12], full_output=True, **options)
    assert result.status[0] == Status.NOT_FINITE
    assert f.calls == 2


def test_infinity_at_x_itself_is_not_hidden() -> None:
    f = Recorded(lambda x: 1 / x[0] if x[0] else np.inf)
    with pytest.warns(fd.AccuracyWarning):
        assert not np.isfinite(fd.hessian(f, [0.0])).any()


# ---- words


@pytest.mark.parametrize("status", Status)
def test_every_status_has_a_sentence(status: Status) -> None:
    assert status.sentence.endswith(".")
    assert status.sentence[0].isupper() or status.sentence.startswith("f ")


def test_the_order_of_severity() -> None:
    mild = ["CONVERGED", "TOLERANCE_MET", "NOT_ESTIMATED", "FIXED", "NOISE_LIMITED"]
    severe = ["DOMAIN_LIMITED", "EXHAUSTED", "ALIASED", "NOT_SMOOTH", "NOT_FINITE"]
    assert [status.name for status in Status] == mild + severe
    assert list(Status) == list(range(10))


def test_the_message_names_the_worst_entry() -> None:
    result = fd.gradient(lambda x: 1e14 + x[0] + x[1] + x[2], X, bounds=([0, 0.25, 0], [9, 0.25, 9]), full_output=True)
    np.testing.assert_array_equal(result.status, [Status.NOISE_LIMITED, Status.FIXED, Status.NOISE_LIMITED])
    assert result.message.startswith("entry [0]: NOISE_LIMITED.")
    assert result.ok
    assert Status.NOISE_LIMITED.sentence in result.message


def test_a_result_prints_every_field() -> None:
    text = repr(fd.hessian(lambda x: x[0] * x[1], [1.0, 2.0], full_output=True))
    assert [
        name for name in ("value", "error", "step", "status", "nfev", "message", "gradient") if name not in text
    ] == []


def test_results_are_frozen() -> None:
    result = fd.gradient(lambda x: x[0], X, full_output=True)
    with pytest.raises(AttributeError):
        result.nfev = 0
    assert np.isnan(result.error).all()
    assert (result.status == Status.NOT_ESTIMATED).sum() >= 1


def test_a_zero_direction_is_exact_and_not_called_fixed() -> None:
    result = fd.jvp(lambda x: x[0] ** 2, X, [0.0, 0.0, 0.0], full_output=True)
    assert result.value == 0
    assert "bound" not in result.message


def test_the_gradient_of_a_hessian_is_that_of_f() -> None:
    result = fd.hessian(lambda x: x[0] ** 2 * x[1] + x[2], X, full_output=True)
    assert isinstance(result, fd.HessianResult)
    np.testing.assert_allclose(result.gradient, [0.25, 0.25, 1], atol=1e-7)
    vector = fd.hessian(lambda x: np.array([x[0] ** 2, x[1] * x[2]]), X, full_output=True)
    np.testing.assert_allclose(vector.gradient, [[1, 0, 0], [0, 2, 0.25]], atol=1e-7)
    given = fd.hessian(None, X, gradient=lambda x: 2 * x, full_output=True)
    np.testing.assert_array_equal(given.gradient, 2 * X)


@pytest.mark.parametrize("size", [1e160, 1e250, 1.7e308])
def test_large_x_raises_no_warning_of_its_own(size: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = fd.gradient(lambda x: x[0] / size, [size])
    assert found[0] * size == pytest.approx(1.0, rel=1e-6)
