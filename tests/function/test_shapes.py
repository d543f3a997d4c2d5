"""Shapes, dtypes and layouts of results: never squeezed, always float64 and contiguous."""

from typing import Any

import numpy as np
import pytest
from tests.recording import METHODS, REAL_METHODS, VERBS, Recorded

import fastdiff as fd

X_SHAPES = [(), (1,), (3,), (2, 2), (1, 3), (2, 1, 2)]
F_SHAPES = [(), (1,), (4,), (2, 3), (1, 1)]


def of_shape(shape: tuple[int, ...]) -> Any:
    """A function of any array that returns this shape."""
    factors = np.arange(1.0, 1 + int(np.prod(shape))).reshape(shape)
    return lambda x: factors * (np.sum(np.asarray(x) ** 2) + np.asarray(x).ravel()[0] ** 3)


def exact_gradient(x: np.ndarray) -> np.ndarray:
    found = np.array(2 * x)
    found.flat[0] += 3 * x.flat[0] ** 2
    return found


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("f_shape", F_SHAPES, ids=str)
@pytest.mark.parametrize("x_shape", X_SHAPES, ids=str)
def test_shapes_of_the_contract(x_shape: tuple[int, ...], f_shape: tuple[int, ...], method: str) -> None:
    x = 0.5 + np.arange(int(np.prod(x_shape))).reshape(x_shape) / 8
    f = of_shape(f_shape)
    v = np.ones(x_shape)
    o: dict[str, Any] = {"method": method}
    assert np.shape(fd.partial(f, x, 0, **o)) == f_shape
    assert np.shape(fd.partial(f, x, (0, -1), **o)) == f_shape
    assert np.shape(fd.jacobian(f, x, **o)) == f_shape + x_shape
    assert np.shape(fd.hessian(f, x, **o)) == f_shape + x_shape + x_shape
    assert np.shape(fd.hessian_diagonal(f, x, **o)) == f_shape + x_shape
    assert np.shape(fd.laplacian(f, x, **o)) == f_shape
    assert np.shape(fd.directional(f, x, v, **o)) == f_shape
    assert np.shape(fd.jvp(f, x, v, **o)) == f_shape
    assert np.shape(fd.hvp(f, x, v, **o)) == f_shape + x_shape
    if f_shape in ((), (1,), (1, 1)):
        found = fd.gradient(f, x, **o)
        assert np.shape(found) == x_shape
        np.testing.assert_allclose(found, exact_gradient(x), rtol=1e-5)


@pytest.mark.parametrize("x_shape", X_SHAPES, ids=str)
@pytest.mark.parametrize("f_shape", F_SHAPES, ids=str)
def test_entries_are_where_the_shape_says(x_shape: tuple[int, ...], f_shape: tuple[int, ...]) -> None:
    x = 0.5 + np.arange(int(np.prod(x_shape))).reshape(x_shape) / 8
    f, v = of_shape(f_shape), np.linspace(1, 2, x.size).reshape(x_shape)
    factors = np.arange(1.0, 1 + int(np.prod(f_shape))).reshape(f_shape)
    slope = exact_gradient(x)
    second = 2 * np.eye(x.size)
    second[0, 0] += 6 * x.flat[0]
    hessian = second.reshape(x_shape + x_shape)
    outer = np.multiply.outer
    close = {"rtol": 1e-4, "atol": 1e-4}
    np.testing.assert_allclose(fd.jacobian(f, x), outer(factors, slope), **close)
    np.testing.assert_allclose(fd.hessian(f, x), outer(factors, hessian), **close)
    np.testing.assert_allclose(fd.jvp(f, x, v), factors * np.sum(slope * v), **close)
    np.testing.assert_allclose(fd.hvp(f, x, v), outer(factors, (second @ v.ravel()).reshape(x_shape)), **close)
    np.testing.assert_allclose(fd.laplacian(f, x), factors * np.trace(second), **close)
    diagonal = np.diag(second).reshape(x_shape)
    np.testing.assert_allclose(fd.hessian_diagonal(f, x), outer(factors, diagonal), **close)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [*X_SHAPES, (0,), (0, 3)], ids=str)
@pytest.mark.parametrize("order", [1, 2])
def test_derivative_has_the_shape_of_x(shape: tuple[int, ...], order: int, method: str) -> None:
    x = np.linspace(0.5, 1, int(np.prod(shape))).reshape(shape)
    g = Recorded(np.sin)
    found = fd.derivative(g, x, order, method=method)
    assert np.shape(found) == shape
    assert all(point.shape == shape for point in g.points)
    np.testing.assert_allclose(found, np.cos(x) if order == 1 else -np.sin(x), atol=1e-3)


def test_a_scalar_x_reaches_f_as_a_float() -> None:
    kinds = []
    fd.derivative(lambda t: kinds.append(type(t)) or t**2, 2)
    fd.derivative(lambda t: kinds.append(type(t)) or t**2, np.array(2.0))
    assert set(kinds) == {float}
    kinds.clear()
    fd.derivative(lambda t: kinds.append(type(t)) or t**2, 2, method="complex")
    assert set(kinds) <= {float, complex}


@pytest.mark.parametrize("shape", X_SHAPES, ids=str)
@pytest.mark.parametrize("name", [name for name in VERBS if name != "derivative"])
def test_f_always_sees_the_full_shape_of_x(name: str, shape: tuple[int, ...]) -> None:
    g = Recorded(lambda x: np.sum(x**2))
    seen = []
    VERBS[name](lambda x: seen.append((type(x), x.shape, x.dtype, x.flags.c_contiguous)) or g(x), np.ones(shape))
    assert set(seen) == {(np.ndarray, shape, np.dtype(float), True)}


EMPTY = {name: verb for name, verb in VERBS.items() if name not in ("partial", "directional")}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("shape", [(0,), (2, 0)], ids=str)
def test_empty_x_gives_empty_results(name: str, method: str, shape: tuple[int, ...]) -> None:
    f = np.sin if name == "derivative" else lambda x: 1.0
    found = np.asarray(EMPTY[name](f, np.empty(shape), method=method))
    wanted = {"hessian": shape + shape, "laplacian": (), "jvp": ()}
    assert found.shape == wanted.get(name, shape)
    assert not found.any()


@pytest.mark.parametrize("method", REAL_METHODS)
def test_empty_x_keeps_the_shape_of_f(method: str) -> None:
    found = fd.jacobian(lambda x: np.ones((2, 3)), [], method=method)
    assert found.shape == (2, 3, 0)
    assert fd.jacobian(lambda x: np.ones((2, 3)), [], method=method, f0=np.ones((2, 3))).shape == (2, 3, 0)
    assert fd.Jacobian(lambda x: np.ones((2, 3)), method=method)([]).shape == (2, 3, 0)


@pytest.mark.parametrize("m", [0, 2])
def test_empty_values_give_empty_jacobians(m: int) -> None:
    assert fd.jacobian(lambda x: np.ones(m), [1.0, 2.0, 3.0]).shape == (m, 3)


@pytest.mark.parametrize("dtype", ["f4", "f2", "i8", "u1", "?", ">f8", "g"])
@pytest.mark.parametrize("name", VERBS)
def test_results_are_contiguous_float64(name: str, dtype: str) -> None:
    x = np.ones(2, dtype)
    result = VERBS[name](lambda x: x**2 if name == "derivative" else np.sum(x**2), x, full_output=True)
    for array in (result.value, result.error):
        assert np.asarray(array).dtype == np.float64
        assert np.shape(array) == np.shape(result.value)
    assert np.asarray(result.value).flags.c_contiguous
    assert np.asarray(result.value).flags.owndata or np.asarray(result.value).base is not None
    assert result.status.dtype == np.int8
    assert result.status.shape == np.shape(result.value)
    assert isinstance(result.nfev, int)


@pytest.mark.parametrize("planned", [fd.Gradient, fd.Jacobian, fd.Hessian])
@pytest.mark.parametrize("dtype", ["f4", "i4", "f8"])
def test_planned_results_are_contiguous_float64(planned: Any, dtype: str) -> None:
    call = planned(lambda x: np.sum(x**3))
    found = call(np.array([1, 2, 3], dtype))
    assert type(found) is np.ndarray
    assert found.dtype == np.float64
    assert found.flags.c_contiguous
    assert found.flags.writeable
    found[...] = -1  # a solver may keep and change what it got
    assert (call(np.array([1, 2, 3], dtype)) != -1).any()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("accuracy", [2, 4])
@pytest.mark.parametrize("n", [2, 3, 7])
def test_hessians_are_symmetric_bit_for_bit(n: int, accuracy: int, method: str) -> None:
    x = np.random.default_rng(n).standard_normal(n)
    options: dict[str, Any] = {"method": method}
    if method != "complex":
        options["accuracy"] = accuracy
    f = lambda x: np.exp(np.sin(x).sum()) * np.cos(x[0] * x[-1])  # noqa: E731
    found = fd.hessian(f, x, **options)
    np.testing.assert_array_equal(found.view(np.int64), found.T.view(np.int64))
    given = fd.hessian(None, x, gradient=lambda x: np.sin(x * x[0]) + x[-1], **options)
    np.testing.assert_array_equal(given, given.T)
    boxed = None if method == "complex" else fd.hessian(f, x, bounds=(x - 1e-6, x + 1), **options)
    assert boxed is None or (boxed == boxed.T).all()


# ---- fields on a mesh


@pytest.mark.parametrize("indexing", ["ij", "xy"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("lengths", [(4,), (3, 5), (2, 1, 4)], ids=str)
def test_gradient_field_follows_meshgrid(lengths: tuple[int, ...], method: str, indexing: Any) -> None:
    axes = [np.linspace(0.1, 1.0 + k, length) for k, length in enumerate(lengths)]
    mesh = np.meshgrid(*axes, indexing=indexing)
    weights = range(1, len(axes) + 1)

    def f(*xs: Any) -> Any:
        assert all(x.shape == mesh[0].shape for x in xs)
        return np.exp(sum(w * x for w, x in zip(weights, xs, strict=True)))

    found = fd.gradient_field(f, *axes, indexing=indexing, method=method)
    assert isinstance(found, tuple)
    assert len(found) == len(axes)
    for w, component in zip(weights, found, strict=True):
        assert component.shape == mesh[0].shape
        assert component.flags.c_contiguous
        np.testing.assert_allclose(component, w * f(*mesh), rtol=1e-6)


def test_gradient_field_takes_options_for_each_axis() -> None:
    axes = ([0.0, 1.0], [0.0, 0.5, 2.0])
    seen: list[tuple[float, ...]] = []

    def f(x: Any, y: Any, power: float, factor: float = 1.0) -> Any:
        seen.append((x.min(), x.max(), y.min(), y.max()))
        return factor * x * y**power

    fx, fy = fd.gradient_field(
        f, *axes, args=(2,), kwargs={"factor": 3.0}, step=[0.25, 0.125], bounds=([0, 0], [1, 2]), accuracy=4
    )
    x, y = np.meshgrid(*axes, indexing="ij")
    np.testing.assert_allclose(fx, 3 * y**2, atol=1e-12)
    np.testing.assert_allclose(fy, 6 * x * y, atol=1e-11)
    low, high = np.min(seen, axis=0), np.max(seen, axis=0)
    assert (low[[0, 2]] >= 0).all()
    assert (high[[1, 3]] <= [1, 2]).all()
