"""Laws of the evaluators: whoever evaluates f, at whatever points, the derivative is the same."""

from typing import Any

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from tests.recording import PAIRS
from tests.twins import SIGNATURES

import fastdiff as fd


@numba.njit
def chain(x):
    """Take any number of coordinates."""
    total = 1.0
    for i in range(x.size):
        total = total * 0.5 + x[i] * x[i] * x[i - 1] / (1.0 + x[i] * x[i])
    return total


@numba.njit
def differences(x):
    """Return as many numbers."""
    y = np.empty(x.size)
    for i in range(x.size):
        y[i] = x[i] * x[i] - x[i - 1]
    return y


@numba.cfunc(SIGNATURES["array"])
def chain_pointer(n, x):
    return chain(numba.carray(x, (n,)))


@numba.cfunc(SIGNATURES["vector"])
def differences_pointer(x, n, y, m, data):
    values = differences(numba.carray(x, (n,)))
    for i in range(n):
        y[i] = values[i]
    return 1


def flat_chain(x: Any) -> Any:
    return chain.py_func(x.ravel())


def flat_differences(x: Any) -> Any:
    return differences.py_func(x.ravel())


def backwards(f: Any, items: Any) -> Any:
    return [f(item) for item in list(items)[::-1]]


POINTS = array_shapes(min_dims=1, max_dims=3, min_side=1, max_side=4).flatmap(
    lambda shape: arrays(np.float64, shape, elements=st.floats(-1e3, 1e3))
)
LAYOUTS = st.sampled_from(
    [lambda x: x, np.asfortranarray, lambda x: np.repeat(x, 2, axis=0)[::2], lambda x: x[::-1][::-1], np.ndarray.tolist]
)

METHODS = st.sampled_from([*PAIRS, ("richardson", None)])


def same(found: fd.DerivativeResult, wanted: fd.DerivativeResult) -> None:
    for name in ("value", "error", "step", "status", "nfev"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)


@given(x=POINTS, layout=LAYOUTS, pair=METHODS, room=st.floats(0, 1), data=st.data())
def test_scalar_functions(x: Any, layout: Any, pair: Any, room: float, data: Any) -> None:
    method, accuracy = pair
    options: dict[str, Any] = {"method": method, "full_output": True}
    options |= {} if accuracy is None else {"accuracy": accuracy}
    if data.draw(st.booleans()):
        options["bounds"] = (x - room, x + data.draw(st.floats(0, 1)))
    verb = data.draw(st.sampled_from([fd.gradient, fd.hessian, fd.laplacian, fd.hessian_diagonal]))
    wanted = verb(flat_chain, x, **options)
    same(verb(chain_pointer, layout(x), threads=data.draw(st.integers(1, 3)), **options), wanted)
    same(verb(flat_chain, layout(x), workers=backwards, **options), wanted)


@given(x=POINTS, layout=LAYOUTS, pair=METHODS)
def test_vector_functions(x: Any, layout: Any, pair: Any) -> None:
    method, accuracy = pair
    options: dict[str, Any] = {"method": method, "full_output": True}
    options |= {} if accuracy is None else {"accuracy": accuracy}
    wanted = fd.jacobian(flat_differences, x, **options)
    same(fd.jacobian(differences_pointer, layout(x), outputs=x.size, threads=2, **options), wanted)
    same(fd.jacobian(flat_differences, layout(x), workers=backwards, **options), wanted)
    if x.ndim == 1:
        same(fd.jacobian(fd.jit(differences), layout(x), **options), wanted)


@given(x=POINTS)
def test_planned_gradients(x: Any) -> None:
    planned, plain = fd.Gradient(chain_pointer), fd.Gradient(flat_chain)
    for point in (x, x / 3, x):
        np.testing.assert_array_equal(planned(point), plain(point))
        assert planned.last is not None
        assert plain.last is not None
        same(planned.last, plain.last)


@pytest.mark.parametrize("n", [1, 2, 63, 64, 65, 1000])
def test_pieces_of_every_size(n: int) -> None:
    x = np.linspace(0.5, 1.5, n)
    wanted = fd.gradient(chain.py_func, x)
    for threads in (1, 2, 5):
        np.testing.assert_array_equal(fd.gradient(chain_pointer, x, threads=threads), wanted)
