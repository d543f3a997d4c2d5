"""Every status that the adaptive method can give, what it says, and where it is said."""

import math
import warnings
from typing import Any

import numpy as np
import pytest
from tests.recording import PLANNED

import fastdiff as fd
from fastdiff import Status


def noise(x: float) -> float:
    bits = int(np.float64(x).view(np.uint64)) * 0x9E3779B97F4A7C15 % 2**64
    return (bits ^ (bits >> 29)) % 2**32 / 2**31 - 1


def saddle(x: Any) -> float:
    a, b = x
    return a * b * (a**2 - b**2) / (a**2 + b**2) if a or b else 0.0


# status -> (f of two coordinates, x, options): the second coordinate has it.
REACHED: dict[Status, tuple[Any, list[float], dict[str, Any]]] = {
    Status.CONVERGED: (lambda x: x[0] + math.exp(x[1]), [1.0, 1.0], {}),
    Status.TOLERANCE_MET: (lambda x: x[0] + math.exp(x[1]), [1.0, 1.0], {"rtol": 1e-6}),
    Status.FIXED: (lambda x: x[0] + x[1], [1.0, 1.0], {"bounds": ([0.0, 1.0], [2.0, 1.0])}),
    Status.NOISE_LIMITED: (lambda x: x[0] + (2 + x[1]) * (1 + 1e-3 * noise(x[1])), [1.0, 1.0], {}),
    Status.DOMAIN_LIMITED: (lambda x: x[0] + x[1], [1.0, 1.0], {"bounds": ([0.0, 1.0], [2.0, 1 + 1e-15])}),
    Status.EXHAUSTED: (lambda x: x[0] + math.sin(1 / x[1]), [1.0, 1e-3], {"max_levels": 3}),
    Status.NOT_SMOOTH: (lambda x: x[0] + abs(x[1] - 1), [1.0, 1.0], {}),
    Status.NOT_FINITE: (lambda x: x[0] + (math.nan if x[1] != 1 else 0.0), [1.0, 1.0], {}),
}


@pytest.mark.parametrize("status", REACHED, ids=lambda status: status.name)
def test_reached(status: Status) -> None:
    f, x, options = REACHED[status]
    result = fd.gradient(f, x, method="richardson", full_output=True, **options)
    assert result.status[1] == status
    assert result.status[0] <= max(Status.TOLERANCE_MET, status)
    assert result.ok == (status <= Status.NOISE_LIMITED)
    assert result.message.endswith(status.sentence)
    if status > Status.NOT_ESTIMATED:
        assert result.message.startswith(f"entry [1]: {status.name}. ")


def test_aliased_is_reached() -> None:
    result = fd.partial(saddle, [0.0, 0.0], (0, 1), method="richardson", full_output=True)
    assert result.status == Status.ALIASED


def test_every_status_has_a_test() -> None:
    assert {*REACHED, Status.ALIASED, Status.NOT_ESTIMATED} == set(Status)


@pytest.mark.parametrize("status", REACHED, ids=lambda status: status.name)
def test_one_warning_a_call_and_only_for_what_is_worse_than_noise(status: Status) -> None:
    f, x, options = REACHED[status]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fd.gradient(f, x, method="richardson", **options)
    assert [w.category for w in caught] == [fd.AccuracyWarning] * (status > Status.NOISE_LIMITED)
    for warning in caught:
        assert warning.filename == __file__
        assert str(warning.message).startswith(f"gradient: entry [1]: {status.name}. ")


@pytest.mark.parametrize("name", PLANNED)
def test_planned_objects_do_not_warn(name: str) -> None:
    planned = PLANNED[name](REACHED[Status.NOT_SMOOTH][0], method="richardson")
    planned([1.0, 1.0])
    assert not planned.last.ok


def test_a_fixed_coordinate_is_exact() -> None:
    f, x, options = REACHED[Status.FIXED]
    result = fd.gradient(f, x, method="richardson", full_output=True, **options)
    assert result.value[1] == result.error[1] == 0


def test_what_could_not_be_done_is_nan() -> None:
    for status in (Status.DOMAIN_LIMITED, Status.NOT_FINITE):
        f, x, options = REACHED[status]
        result = fd.gradient(f, x, method="richardson", full_output=True, **options)
        assert np.isnan([result.value[1], result.error[1]]).all()


@pytest.mark.parametrize("name", ["gradient", "jacobian", "hessian_diagonal", "hessian"])
def test_what_is_not_finite_stays_where_it_is(name: str) -> None:
    """The other entries have the bits they have without it."""

    def f(x: Any, broken: bool) -> Any:
        good = np.exp(x[0]) * np.sin(x[2]) + x[2] ** 2
        return good + (math.nan if broken and x[1] != 0.5 else 0.0)

    x, verb = np.array([0.3, 0.5, 0.7]), getattr(fd, name)
    whole, broken = (verb(f, x, args=(flag,), method="richardson", full_output=True) for flag in (False, True))
    touched = np.zeros(whole.value.shape, bool)
    touched[(1,) if whole.value.ndim == 1 else np.s_[1, :]] = True
    if whole.value.ndim == 2:
        touched[:, 1] = True
    assert (broken.status[touched] == Status.NOT_FINITE).all()
    for part in ("value", "error", "status"):
        np.testing.assert_array_equal(getattr(broken, part)[~touched], getattr(whole, part)[~touched])


def test_an_output_that_is_not_finite_leaves_the_others_alone() -> None:
    def f(x: Any) -> Any:
        return np.array([np.exp(x[0]), math.nan if x[0] != 1 else 0.0, math.nan, x[0] ** 2])

    result = fd.jacobian(f, [1.0], method="richardson", full_output=True)
    expected = [Status.CONVERGED, Status.NOT_FINITE, Status.NOT_FINITE, Status.CONVERGED]
    assert result.status[:, 0].tolist() == expected
    alone = fd.jacobian(lambda x: f(x)[[0, 3]], [1.0], method="richardson", full_output=True)
    np.testing.assert_array_equal(result.value[[0, 3]], alone.value)
    np.testing.assert_array_equal(result.error[[0, 3]], alone.error)
