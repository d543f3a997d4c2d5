"""Planned derivatives: reusable, picklable, counted."""

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from tests.recording import METHODS, PLANNED, Recorded

import fastdiff as fd

X = np.array([0.5, 0.25, 2.0])


# Module-level functions, as pickle needs them.
def cubic(x: Any, a: float = 1.0) -> Any:
    return a * (x[0] ** 2 * x[1] + x[1] * x[2])


def slope(x: Any) -> Any:
    return np.array([2 * x[0] * x[1], x[0] ** 2 + x[2], x[1]])


def vector(x: Any) -> Any:
    return np.array([x[0] * x[1], x[1] * x[2] ** 2])


VERB_OF = {"Gradient": fd.gradient, "Jacobian": fd.jacobian, "Hessian": fd.hessian}
OPTIONS: list[dict[str, Any]] = [
    {},
    {"method": "forward"},
    {"method": "complex"},
    {"accuracy": 6},
    {"bounds": ([0, 0.25, 0], [1, 3, 2])},
    {"step": [1e-3, 1e-4, 1e-3]},
    {"x_scale": 2.0},
    {"args": (3.0,)},
    {"kwargs": {"a": 2.0}},
    {"vectorized": True},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("name", PLANNED)
def test_the_same_bits_as_the_verb(name: str, options: dict[str, Any]) -> None:
    planned = PLANNED[name](cubic, **options)
    expected = VERB_OF[name](cubic, X, full_output=True, **options)
    for _ in range(3):
        np.testing.assert_array_equal(planned(X), expected.value)
        assert planned.last.nfev == expected.nfev
        np.testing.assert_array_equal(planned.last.status, expected.status)
    result = planned.result(X)
    np.testing.assert_array_equal(result.value, expected.value)
    np.testing.assert_array_equal(result.step, expected.step)
    assert type(result) is type(expected)
    assert planned.nfev == 4 * expected.nfev


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.parametrize("protocol", [2, pickle.HIGHEST_PROTOCOL])
@pytest.mark.parametrize("name", PLANNED)
def test_pickle_round_trip(name: str, protocol: int, options: dict[str, Any]) -> None:
    fresh = PLANNED[name](cubic, **options)
    used = PLANNED[name](cubic, **options)
    expected = used(X)
    for planned in (fresh, used):
        again = pickle.loads(pickle.dumps(planned, protocol))
        assert again.nfev == planned.nfev
        np.testing.assert_array_equal(again(X), expected)
        assert again.last.ok
    np.testing.assert_array_equal(copy.deepcopy(used)(X), expected)


def test_pickle_of_the_other_hessians() -> None:
    for planned, args in (
        (fd.Hessian(None, gradient=slope), (X,)),
        (fd.Hessian(vector, weighted=True), (X, [1.0, -2.0])),
        (fd.Hessian(vector), (X,)),
    ):
        expected = planned(*args)
        np.testing.assert_array_equal(pickle.loads(pickle.dumps(planned))(*args), expected)


def test_the_precision_found_survives_a_pickle() -> None:
    planned = fd.Gradient(single)
    expected = planned(X)
    again = pickle.loads(pickle.dumps(planned))
    np.testing.assert_array_equal(again(X), expected)
    assert again.last.nfev == 2 * X.size


def single(x: Any) -> Any:
    return np.sum(np.asarray(x, "f4") ** 2)


@pytest.mark.parametrize("name", PLANNED)
def test_last_is_of_the_last_call(name: str) -> None:
    planned = PLANNED[name](cubic)
    assert planned.last is None
    assert planned.nfev == 0
    first, second = planned(X), planned(2 * X)
    np.testing.assert_array_equal(planned.last.value, second)
    assert (first != second).any()
    second[...] = 0
    assert np.asarray(planned.last.value).any()


@pytest.mark.parametrize("name", PLANNED)
@pytest.mark.parametrize("method", METHODS)
def test_x_may_change_its_shape(name: str, method: str) -> None:
    planned = PLANNED[name](lambda x: np.sum(x**2), method=method)
    for shape in [(3,), (2, 2), (), (3,), (1,), (5, 1)]:
        x = np.linspace(0.5, 1.0, int(np.prod(shape))).reshape(shape)
        twice = shape * 2 if name == "Hessian" else shape
        assert planned(x).shape == twice
        if name != "Hessian":
            np.testing.assert_allclose(planned(x), 2 * x, rtol=1e-5)


def test_arguments_at_the_call_replace_the_stored_ones() -> None:
    seen: list[Any] = []

    def f(x: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append((args, kwargs))
        return x[0]

    planned = fd.Gradient(f, args=(1, 2), kwargs={"k": 3})

    def called(*args: Any, **kwargs: Any) -> Any:
        seen.clear()
        planned(X, *args, **kwargs)
        assert all(s == seen[0] for s in seen)
        return seen[0]

    assert called() == ((1, 2), {"k": 3})
    assert called(5) == ((5,), {"k": 3})
    assert called(m=7) == ((1, 2), {"m": 7})
    assert called(5, m=7) == ((5,), {"m": 7})
    assert called() == ((1, 2), {"k": 3})


@pytest.mark.parametrize(
    ("argnum", "arguments", "x"),
    [
        (0, (X, 2.0), X),
        (1, (2.0, X), X),
        (-1, (2.0, X), X),
        (1, (2.0, X, 3.0), X),
        (slice(1, None), (2.0, *X.tolist()), X),
        (slice(-3, None), (2.0, *X.tolist()), X),
        (slice(1, 4), (2.0, *X.tolist(), 9.0), X),
    ],
)
def test_x_is_where_argnum_says(argnum: Any, arguments: tuple[Any, ...], x: np.ndarray) -> None:
    def f(*given: Any) -> Any:
        assert len(given) == len(arguments)
        chosen = given[argnum] if isinstance(argnum, slice) else [given[argnum]]
        return np.concatenate([np.ravel(c) for c in chosen]) ** 2

    np.testing.assert_allclose(fd.Jacobian(f, argnum=argnum)(*arguments), np.diag(2 * x), rtol=1e-7, atol=1e-8)


def test_weighted_hessian() -> None:
    f = Recorded(vector)
    planned = fd.Hessian(f, weighted=True)
    v = np.array([2.0, -3.0])
    full = fd.hessian(vector, X)
    np.testing.assert_allclose(planned(X, v), np.tensordot(v, full, 1), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(planned(X, -v), -planned(X, v), rtol=0, atol=1e-12)
    assert planned(X, v).shape == (3, 3)
    assert planned.last.nfev == 13
    with_args = fd.Hessian(lambda x, a: a * vector(x), weighted=True, args=(1.0,))
    np.testing.assert_allclose(with_args(X, v, 4.0), 4 * with_args(X, v), rtol=1e-6, atol=1e-6)


def test_weighted_hessian_of_columns() -> None:
    v = np.array([2.0, -3.0])
    try:
        planned = fd.Hessian(vector, weighted=True, vectorized=True)
    except ValueError as error:
        assert "`weighted`" in str(error)  # noqa: PT017
        assert "`vectorized`" in str(error)  # noqa: PT017
    else:
        np.testing.assert_array_equal(planned(X, v), fd.Hessian(vector, weighted=True)(X, v))


@pytest.mark.parametrize("vectorized", [False, True])
def test_hessian_from_a_gradient(vectorized: bool) -> None:
    g = Recorded(slope)
    planned = fd.Hessian(None, gradient=g, vectorized=vectorized)
    exact = [[2 * X[1], 2 * X[0], 0], [2 * X[0], 0, 1], [0, 1, 0]]
    found = planned(X)
    np.testing.assert_allclose(found, exact, atol=1e-8)
    np.testing.assert_array_equal(found, found.T)
    verb = fd.hessian(None, X, gradient=slope_of_columns if vectorized else slope, vectorized=vectorized)
    np.testing.assert_array_equal(found, verb)


def slope_of_columns(x: Any) -> Any:
    assert x.ndim == 2, "a vectorized gradient takes columns"
    return slope(x)


def test_reading_the_last_result_calls_nothing_and_is_of_then() -> None:
    g = Recorded(slope)
    planned = fd.Hessian(None, gradient=g)
    x = X.copy()
    planned(x)
    calls = g.calls
    x[:] = 7.0
    np.testing.assert_allclose(planned.last.gradient, slope(X), rtol=1e-8)
    assert g.calls == calls
    assert planned.nfev == planned.last.nfev == g.calls


def test_a_planned_object_is_kept_alive_by_nothing_of_the_call() -> None:
    x = X.copy()
    planned = fd.Gradient(cubic)
    before = planned(x)
    x[:] = 9.0
    np.testing.assert_array_equal(planned.last.value, before)


@pytest.mark.parametrize("name", PLANNED)
def test_threads_share_a_planned_object(name: str) -> None:
    planned = PLANNED[name](cubic, accuracy=4)
    points = np.random.default_rng(0).uniform(0.1, 2, (64, 3))
    expected = [planned(x) for x in points]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(planned, points))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_planned_objects_say_what_they_are() -> None:
    assert "cubic" in repr(fd.Gradient(cubic))
    assert "Hessian" in repr(fd.Hessian(cubic, method="forward"))
    assert "forward" in repr(fd.Hessian(cubic, method="forward"))
