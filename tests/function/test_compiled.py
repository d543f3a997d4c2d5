"""Compiled functions: each gives the same derivative as its Python twin, for every verb and method."""

import ctypes
import math
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numba
import numpy as np
import pytest
from scipy import LowLevelCallable
from scipy.optimize import minimize
from tests.recording import VERBS
from tests.twins import (
    CASES,
    CFUNCS,
    KINDS,
    SIGNATURES,
    TWIN,
    build_cython,
    cubic,
    n_of_two,
    n_scalar,
    of_two,
    outputs,
    scalar,
    vector,
)

import fastdiff as fd
from fastdiff.function import _evaluators

X = np.array([0.7, 1.3, -0.4])
REAL = ("central", "forward", "backward", "richardson")
SCALAR_ONLY = ("gradient",)


@pytest.fixture(scope="session")
def capsules(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return build_cython(tmp_path_factory.mktemp("cython"))


def same(found: fd.DerivativeResult, wanted: fd.DerivativeResult) -> None:
    for name in ("value", "error", "step", "status", "nfev"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)


def point_for(signature: str) -> Any:
    return X[:1] if "number" in signature else X


@pytest.mark.parametrize("method", REAL)
@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb != "derivative"])
@pytest.mark.parametrize(("kind", "signature"), CASES)
def test_every_kind_equals_its_twin(kind: str, signature: str, verb: str, method: str) -> None:
    f, x, options = KINDS[kind](signature), point_for(signature), outputs(kind, signature)
    if verb == "gradient" and signature == "vector":
        with pytest.raises(ValueError, match="must return a scalar for gradient"):
            fd.gradient(f, x, method=method, **options)
        return
    found = VERBS[verb](f, x, method=method, full_output=True, **options)
    same(found, VERBS[verb](TWIN[signature], x, method=method, full_output=True))


@pytest.mark.parametrize("name", ["array", "vector", "number", "array_data"])
@pytest.mark.parametrize("method", REAL)
def test_capsules_of_cython_equal_their_twins(capsules: dict[str, Any], name: str, method: str) -> None:
    signature = name.replace("_", ", ")
    x, options = point_for(signature), outputs("capsule", signature)
    for f in (capsules[name], LowLevelCallable(capsules[name])):
        for verb in ("jacobian", "hessian", "laplacian"):
            found = VERBS[verb](f, x, method=method, full_output=True, **options)
            same(found, VERBS[verb](TWIN[signature], x, method=method, full_output=True))


def test_a_function_of_cython_may_use_the_interpreter(capsules: dict[str, Any]) -> None:
    for f in (capsules["interpreted"], LowLevelCallable(capsules["interpreted"])):
        np.testing.assert_allclose(fd.gradient(f, [0.5, 1.0]), [1.0, 2.0], rtol=1e-8)
        planned = fd.Gradient(f)
        for _ in range(3):
            np.testing.assert_allclose(planned(np.array([0.5, 1.0])), [1.0, 2.0], rtol=1e-8)
        for call in (planned, lambda x, f=f: fd.gradient(f, x)):
            with pytest.raises(KeyError) as caught:
                call(np.array([0.7, 1.0]))
            assert caught.value.args == ("late", 2)
        assert planned.nfev == 13
        options: dict[str, Any] = {"method": "richardson", "on_error": "edge"}
        np.testing.assert_allclose(fd.gradient(f, [0.699, 1.0], **options), [1.398, 2.0], rtol=1e-8)
        with pytest.raises(KeyError):
            fd.gradient(f, [0.75, 1.0], **options)


@pytest.mark.parametrize("method", REAL)
@pytest.mark.parametrize("x", [0.7, X, X.reshape(3, 1), np.empty((0, 2))], ids=["0-d", "1-d", "2-d", "empty"])
@pytest.mark.parametrize("kind", KINDS)
def test_derivative_calls_a_function_of_one_number_entry_by_entry(kind: str, x: Any, method: str) -> None:
    f = KINDS[kind]("number")
    for order in (1, 2):
        found = fd.derivative(f, x, order, method=method, full_output=True)
        same(found, fd.derivative(cubic, x, order, method=method, full_output=True))


def test_derivative_of_a_function_of_an_array_gets_one_number_at_a_time() -> None:
    square = numba.cfunc(SIGNATURES["array"])(lambda n, x: x[0] * x[0] * n)
    np.testing.assert_allclose(fd.derivative(square, X), 2 * X, rtol=1e-9)


def test_derivative_of_a_vector_function_gets_all_of_x() -> None:
    @numba.cfunc(SIGNATURES["vector"])
    def squares(x, n, y, m, data):
        for i in range(m):
            y[i] = x[i] * x[i]
        return 1

    same(
        fd.derivative(squares, X, outputs=3, full_output=True),
        fd.derivative(lambda x: x * x, X, full_output=True),
    )
    with pytest.raises(ValueError, match="must map elementwise for derivative"):
        fd.derivative(squares, X, outputs=2)


@pytest.mark.parametrize("method", REAL)
def test_gradient_field(method: str, capsules: dict[str, Any]) -> None:
    pair = numba.cfunc(SIGNATURES["array"])(lambda n, x: n_of_two(x[0], x[1]))
    axes = np.array([0.5, 1.0]), np.array([1.0, 2.0, 3.0])
    wanted = fd.gradient_field(of_two, *axes, method=method, full_output=True)
    for f in (pair, fd.jit(of_two), fd.jit(n_of_two)):
        for found, expected in zip(fd.gradient_field(f, *axes, method=method, full_output=True), wanted, strict=True):
            same(found, expected)
    with pytest.raises(TypeError, match="`f` must return a number for gradient_field"):
        fd.gradient_field(CFUNCS["vector"], *axes, outputs=2)


@pytest.mark.parametrize("method", REAL)
@pytest.mark.parametrize(("kind", "signature"), [case for case in CASES if case[1] in ("array", "vector")])
def test_planned_objects(kind: str, signature: str, method: str) -> None:
    f, twin, options = KINDS[kind](signature), TWIN[signature], outputs(kind, signature)
    classes = [fd.Jacobian, fd.Hessian] if signature == "vector" else [fd.Gradient, fd.Jacobian, fd.Hessian]
    for cls in classes:
        planned, plain = cls(f, method=method, **options), cls(twin, method=method)
        for x in (X, 2 * X + 2, X):
            np.testing.assert_array_equal(planned(x), plain(x))
            assert planned.last is not None
            assert plain.last is not None
            same(planned.last, plain.last)
            same(planned.result(x), plain.result(x))
        assert planned.nfev == plain.nfev


@pytest.mark.parametrize("kind", KINDS)
def test_hessians_of_weighted_outputs_and_of_gradients(kind: str) -> None:
    f, options = KINDS[kind]("vector"), outputs(kind, "vector")
    weighted, plain = fd.Hessian(f, weighted=True, **options), fd.Hessian(vector, weighted=True)
    np.testing.assert_array_equal(weighted(X, [1.0, -2.0]), plain(X, [1.0, -2.0]))
    with pytest.raises(ValueError, match="`v` must have one weight for each output"):
        weighted(X, [1.0])

    @numba.njit
    def slope(x):
        return np.array([x[1] * x[2], x[0] * x[2], x[0] * x[1]])

    @numba.cfunc(SIGNATURES["vector"])
    def compiled(x, n, y, m, data):
        y[0], y[1], y[2] = x[1] * x[2], x[0] * x[2], x[0] * x[1]
        return 1

    g, own = (fd.jit(slope), {}) if "jit" in kind else (compiled, {"outputs": 3})
    wanted = fd.hessian(None, X, gradient=slope.py_func)
    np.testing.assert_array_equal(fd.hessian(None, X, gradient=g, **own), wanted)
    np.testing.assert_array_equal(fd.Hessian(None, gradient=g, **own)(X), wanted)
    np.testing.assert_array_equal(fd.hvp(None, X, X, gradient=g, **own), fd.hvp(None, X, X, gradient=slope.py_func))


@pytest.mark.parametrize("kind", KINDS)
def test_options_serve_compiled_functions(kind: str) -> None:
    f = KINDS[kind]("array")
    choices: list[dict[str, Any]] = [
        {"accuracy": 6},
        {"step": 1e-3},
        {"relative_step": [1e-3, 1e-4, 1e-5]},
        {"x_scale": 2.0},
        {"bounds": (X - 1e-9, np.inf)},
        {"method": "richardson", "bounds": (X, X + 1.0)},
        {"method": "richardson", "rtol": 1e-6},
        {"noise": 1e-6},
        {"f0": scalar(X)},
        {"method": "forward", "f0": scalar(X)},
    ]
    for options in choices:
        found = fd.gradient(f, X, full_output=True, **options)
        same(found, fd.gradient(scalar, X, full_output=True, **options))


# ---- shapes


@pytest.mark.parametrize("shape", [(), (1,), (2, 3), (2, 1, 3), (0,), (0, 2)], ids=str)
def test_a_jitted_function_sees_the_shape_of_x(shape: tuple[int, ...]) -> None:
    def f(x):
        return (x * x).sum() * x.size

    def bent(x):
        return x * x

    x = np.linspace(0.5, 1.5, int(np.prod(shape))).reshape(shape)
    scalar_valued = f if shape else bent  # numba takes a product of 0-d arrays for a number
    np.testing.assert_array_equal(fd.gradient(fd.jit(scalar_valued), x), fd.gradient(scalar_valued, x))
    np.testing.assert_array_equal(fd.jacobian(fd.jit(bent), x), fd.jacobian(bent, x))


def test_pointers_see_x_flat_and_outputs_may_be_a_shape() -> None:
    x = np.linspace(0.5, 1.5, 3).reshape(3, 1)
    assert fd.gradient(CFUNCS["array"], x).shape == (3, 1)
    assert fd.jacobian(CFUNCS["vector"], x, outputs=(1, 2, 1)).shape == (1, 2, 1, 3, 1)
    assert fd.jacobian(CFUNCS["vector"], x, outputs=2).shape == (2, 3, 1)


def test_a_jitted_function_may_return_sequences_and_float32() -> None:
    for f in (lambda x: (x[0] * x[1], x[1]), lambda x: [x[0] * x[1], x[1]], lambda x: x.reshape(1, 3)[:, ::-1]):
        same(fd.jacobian(fd.jit(f), X, full_output=True), fd.jacobian(f, X, full_output=True))

    def single(x):
        return np.float32(x[0] * x[0])

    for method in REAL:
        found, wanted = (fd.gradient(g, X, method=method, full_output=True) for g in (fd.jit(single), single))
        np.testing.assert_array_equal(found.value, wanted.value)
        np.testing.assert_array_equal(found.step, wanted.step)
        assert found.nfev < wanted.nfev  # the precision is known before the first call


def test_unpack_serves_jitted_functions() -> None:
    np.testing.assert_array_equal(
        fd.gradient(fd.jit(of_two), X[:2], unpack=True), fd.gradient(of_two, X[:2], unpack=True)
    )


def test_the_complex_step_runs_a_jitted_function_in_python() -> None:
    def f(x):
        return np.exp(x[0]) * x[1]

    np.testing.assert_array_equal(fd.gradient(fd.jit(f), X, method="complex"), fd.gradient(f, X, method="complex"))


# ---- threads


@pytest.mark.parametrize("kind", ["@cfunc", "ctypes", "jit"])
@pytest.mark.parametrize("method", REAL)
def test_the_number_of_threads_does_not_show(kind: str, method: str) -> None:
    @numba.njit
    def long_chain(x):
        total = 0.0
        for i in range(x.size - 1):
            total += 100.0 * (x[i + 1] - x[i] * x[i]) ** 2 + (1.0 - x[i]) ** 2
        return total

    compiled = numba.cfunc(SIGNATURES["array"])(lambda n, x: long_chain(numba.carray(x, (n,))))
    f = {"@cfunc": compiled, "ctypes": compiled.ctypes, "jit": fd.jit(long_chain)}[kind]
    x = np.linspace(0.5, 1.5, 120)
    wanted = fd.gradient(long_chain.py_func, x, method=method, full_output=True)
    for threads in (1, 2, 3, 7):
        same(fd.gradient(f, x, method=method, threads=threads, full_output=True), wanted)
    plain = fd.hessian(f, x[:40], threads=1)
    for threads in (2, 3, 7):
        np.testing.assert_array_equal(fd.hessian(f, x[:40], threads=threads), plain)


def slow_sum(x):
    total = 0.0
    for k in range(20_000):
        total += x[k % x.size] * 1e-3
    return total


@pytest.mark.parametrize("kind", ["jit", "@cfunc", "ctypes", "capsule-like"])
def test_only_functions_that_bear_it_run_in_parallel_unasked(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def for_work(threads: Any, seconds: float, worthwhile: float) -> int:
        asked.append((threads, seconds >= worthwhile))
        return 1

    monkeypatch.setattr(_evaluators._threads, "for_work", for_work)
    compiled = numba.njit(slow_sum)
    cfunc = numba.cfunc(SIGNATURES["array"])(lambda n, x: compiled(numba.carray(x, (n,))))
    f: Any = {
        "jit": fd.jit(slow_sum),
        "@cfunc": cfunc,
        "ctypes": cfunc.ctypes,
        "capsule-like": LowLevelCallable(cfunc.ctypes),
    }[kind]
    fd.gradient(f, np.ones(50))
    assert asked == [(None if kind in ("jit", "@cfunc") else 1, True)]
    fd.gradient(f, np.ones(50), threads=2)
    assert asked[1:] == [(2, True)]


def test_a_parallel_function_is_called_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def for_work(threads: Any, seconds: float, worthwhile: float) -> int:
        asked.append(threads)
        return 1

    monkeypatch.setattr(_evaluators._threads, "for_work", for_work)

    @numba.njit(parallel=True)
    def inner(x):
        total = 0.0
        for i in numba.prange(x.size):
            total += x[i] * x[i]
        return total

    outer = numba.njit(lambda x: inner(x) + 1.0)  # not parallel itself
    x = np.linspace(0.5, 1.5, 20)
    cfunc = numba.cfunc(SIGNATURES["array"])(lambda n, x: outer(numba.carray(x, (n,))))
    for f in (fd.jit(inner), fd.jit(outer), cfunc):
        np.testing.assert_allclose(fd.gradient(f, x, threads=2), 2 * x, rtol=1e-8)
    assert asked
    assert set(asked) == {1}


def test_planned_objects_of_compiled_functions_take_x_alone() -> None:
    for f in (CFUNCS["array"], fd.jit(scalar)):
        for cls in (fd.Gradient, fd.Jacobian, fd.Hessian):
            for arguments, keywords in (((X, 5.0), {}), ((X,), {"p": 5.0})):
                with pytest.raises(TypeError, match="must be called with x alone"):
                    cls(f)(*arguments, **keywords)


def test_python_threads_may_share_a_planned_object() -> None:
    planned, points = fd.Gradient(CFUNCS["array"]), [X + k / 8 for k in range(8)]
    wanted = [fd.gradient(scalar, x) for x in points]
    found: dict[int, Any] = {}

    def many(k: int) -> None:
        found[k] = [planned(points[k]) for _ in range(200)]

    threads = [threading.Thread(target=many, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for k in range(8):
        np.testing.assert_array_equal(found[k], [wanted[k]] * 200)


def test_f_may_call_fastdiff() -> None:
    outer_type = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int, ctypes.POINTER(ctypes.c_double))

    @outer_type
    def outer(n, x):
        return float(fd.gradient(CFUNCS["array"], [x[0], x[1], x[2]])[1])  # x0^2 + 1/(1 + x2^2)

    found = fd.gradient(outer, X, threads=2)
    np.testing.assert_allclose(found, [2 * X[0], 0, -2 * X[2] / (1 + X[2] ** 2) ** 2], atol=1e-4)


# ---- jit


def test_what_cannot_be_compiled_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    f = fd.jit(lambda x: x - x.mean())
    wanted = fd.derivative(f.python, X)
    np.testing.assert_array_equal(fd.derivative(f, X), wanted)
    monkeypatch.setattr(f._compiler, "compile", lambda *_: pytest.fail("compiled again"))
    np.testing.assert_array_equal(fd.derivative(f, X), wanted)
    for _ in range(2):
        with pytest.raises(TypeError, match="can't be compiled by numba for one number"):
            f(0.5)


def test_jit_keeps_what_it_compiled() -> None:
    assert fd.jit(scalar) is fd.jit(scalar)
    assert fd.jit(fd.jit(scalar)) is fd.jit(scalar)
    assert pickle.loads(pickle.dumps(fd.jit(scalar))) is fd.jit(scalar)
    np.testing.assert_array_equal(fd.jit(scalar)(X), scalar(X))
    assert "scalar" in repr(fd.jit(scalar))
    assert fd.jit(scalar).__doc__ == "Take three numbers."
    planned = pickle.loads(pickle.dumps(fd.Gradient(fd.jit(scalar))))
    np.testing.assert_array_equal(planned(X), fd.gradient(scalar, X))


def test_a_bare_dispatcher_is_a_python_function() -> None:
    with pytest.raises(ValueError, match="`threads` can't be used with a Python f"):
        fd.gradient(n_scalar, X, threads=2)
    np.testing.assert_array_equal(fd.gradient(n_scalar, X), fd.gradient(scalar, X))


def test_defaults_and_options_of_a_dispatcher_are_kept() -> None:
    def f(x, scale=3.0):
        return scale * x[0]

    np.testing.assert_allclose(fd.gradient(fd.jit(f), X), [3, 0, 0], atol=1e-9)
    for beyond in (lambda x: x[7] * 1.0, numba.njit(boundscheck=True)(lambda x: x[7] * 1.0)):
        with pytest.raises(IndexError):
            fd.gradient(fd.jit(beyond), X)


def raising(x):
    if x[0] > 0.7:
        raise ZeroDivisionError("too far", 3)
    return x[0] * x[0]


@pytest.mark.parametrize("f", [raising, numba.njit(raising)], ids=["Python", "njit"])
def test_what_a_jitted_function_raises_arrives_as_it_is(f: Any) -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        fd.gradient(fd.jit(f), [0.7])
    assert caught.value.args == ("too far", 3)
    assert any(entry.name == "raising" for entry in caught.traceback)
    np.testing.assert_allclose(fd.gradient(fd.jit(f), [0.6]), [1.2])


def test_division_by_zero_is_what_python_makes_of_it() -> None:
    def of_numpy(x):
        return 1 / (x[0] - 0.7) + x[1]

    options: dict[str, Any] = {"method": "forward", "full_output": True}
    with np.errstate(divide="ignore"):  # NumPy's numbers give inf
        same(fd.gradient(fd.jit(of_numpy), X, **options), fd.gradient(of_numpy, X, **options))

    def of_python(x):
        return 1 // int(x[0] - 0.2) + x[1]

    for f in (of_python, fd.jit(of_python)):
        with pytest.raises(ZeroDivisionError):
            fd.gradient(f, X)
    with pytest.raises(ValueError, match="can't be used with method='complex'"):
        fd.gradient(fd.jit(of_numpy), X, method="complex", threads=2)


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_the_first_failure_counts_whatever_the_threads(threads: int) -> None:
    def f(x):
        for i in range(50, x.size):
            if x[i] > 1.0:
                raise ValueError("beyond", i)
        return x[0]

    planned = fd.Gradient(fd.jit(f), threads=threads)
    with pytest.raises(ValueError, match="beyond") as caught:
        planned(np.ones(200))
    assert caught.value.args == ("beyond", 50)
    assert planned.nfev == 51


def test_an_exception_may_be_the_edge_of_the_domain() -> None:
    def f(x):
        if x[0] < 0.0:
            raise ValueError("off")
        return np.sqrt(x[0]) * x[1]

    options: dict[str, Any] = {"method": "richardson", "on_error": "edge", "full_output": True}
    for x in ([1e-9, 1.0], [0.1, 2.0]):
        for threads in (1, 2):
            same(fd.gradient(fd.jit(f), x, threads=threads, **options), fd.gradient(f, x, **options))
    with pytest.raises(ValueError, match="off"):
        fd.gradient(fd.jit(f), [-1.0, 1.0], **options)


@pytest.mark.parametrize(
    ("f", "words"),
    [
        (lambda x: [].__len__(x), "can't be compiled"),
        (lambda x: {"a": x[0]}, "can't be compiled"),
        (lambda x: x[0] + 1j, "real numbers"),
        (lambda x: None, "can't be compiled"),
        (lambda x: "a", "can't be compiled"),
        (numba.njit(lambda x: undefined_name(x)), "can't be compiled"),  # noqa: F821
    ],
)
def test_what_numba_cannot_compile_is_told_at_once(f: Any, words: str) -> None:
    with pytest.raises(TypeError, match=words) as caught:
        fd.jit(f)
    assert "`f`" in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_writing_to_x_is_refused_when_compiled() -> None:
    def f(x):
        x[0] = 1.0
        return x[0]

    with pytest.raises(TypeError, match="readonly array"):
        fd.jit(f)


def test_a_changing_shape_is_an_error() -> None:
    def f(x):
        return np.ones(2 if x[0] > 0.7 else 3) * x[0]

    for threads in (1, 2):
        with pytest.raises(ValueError, match="the same shape at every point"):
            fd.jacobian(fd.jit(f), X, threads=threads)
    for f, shape, wrong in ((vector, r"the shape \(2,\)", (3, 0, (2, 1))), (scalar, "one number", (0, 2, (1, 2)))):
        for stated in wrong:
            with pytest.raises(ValueError, match=f"`outputs` is .*, but `f` returns {shape}"):
                fd.jacobian(fd.jit(f), X, outputs=stated)
    assert fd.jacobian(fd.jit(vector), X, outputs=2).shape == (2, 3)
    assert fd.jacobian(fd.jit(scalar), X, outputs=1).shape == (3,)


def test_what_is_made_for_matrices_alone() -> None:
    x = np.arange(9.0).reshape(3, 3) + 10 * np.eye(3)

    def trace(a):
        return (a @ a.T)[0, 1] + a.shape[1] * a[2, 2]

    np.testing.assert_array_equal(fd.gradient(fd.jit(trace), x), fd.gradient(trace, x))
    explicit = numba.njit("float64(float64[:, ::1])")(trace)
    np.testing.assert_array_equal(fd.gradient(fd.jit(explicit), x), fd.gradient(trace, x))
    tall = np.ones((2, 2, 2))
    np.testing.assert_allclose(fd.gradient(fd.jit(lambda a: a[0, 1, 1] * 2.0), tall).sum(), 2.0)


def test_derivative_calls_a_function_of_a_number_entry_by_entry_where_it_can() -> None:
    def bent(t):
        return t * t if t > 0 else -t

    np.testing.assert_allclose(fd.derivative(fd.jit(bent), [-1.0, 2.0]), [-1.0, 4.0], rtol=1e-8)
    np.testing.assert_allclose(fd.derivative(fd.jit(lambda t: math.sin(t)), X), np.cos(X), rtol=1e-8)
    weights = np.array([1.0, 2.0, 3.0])
    np.testing.assert_allclose(fd.derivative(fd.jit(lambda t: weights * t), X), weights, rtol=1e-8)


def test_a_jitted_function_is_called_as_it_is_differentiated() -> None:
    weights = np.array([2.0, 3.0])

    def weighted(x):
        return weights[0] * x[0] + weights[1] * x[1]

    f = fd.jit(weighted)
    vector_valued = fd.jit(lambda x: weights * x)
    weights[:] = 0.0  # too late: what a function reads is frozen when it is compiled
    for x in ([1.0, 1.0], (1, 1), np.array([1, 1]), np.ones(4)[::2]):
        assert f(x) == 5.0
    np.testing.assert_allclose(fd.gradient(f, [1.0, 1.0]), [2.0, 3.0], rtol=1e-8)
    np.testing.assert_allclose(fd.jacobian(vector_valued, [1.0, 1.0]), np.diag([2.0, 3.0]), atol=1e-8)
    assert fd.jit(of_two)(1.0, 2) == of_two(1.0, 2.0)
    found = minimize(fd.jit(chained), [2.0, 2.0], jac=fd.Gradient(fd.jit(chained)), method="BFGS")
    np.testing.assert_allclose(found.x, 1.0, atol=1e-4)


@fd.jit
def chained(x):
    """Be a function that a decorator replaced."""
    return 100.0 * (x[1] - x[0] * x[0]) ** 2 + (1.0 - x[0]) ** 2


def test_a_decorated_function_can_be_pickled() -> None:
    assert pickle.loads(pickle.dumps(chained)) is chained
    assert chained.__name__ == "chained"
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(fd.Gradient(chained)))(X[:2]), fd.gradient(chained, X[:2]))


def test_more_arguments_than_x_are_to_be_closed_over() -> None:
    with pytest.raises(TypeError, match="a jitted f takes x alone"):
        fd.jit(lambda t, y: y[0] * t)


@pytest.mark.parametrize("f", [3, "x", None, np.ones(2), np.sin, max, fd.Gradient(scalar)], ids=str)
def test_jit_takes_functions_only(f: Any) -> None:
    with pytest.raises(TypeError, match="`f` must be a Python function"):
        fd.jit(f)


# ---- planned gradients, which take a short cut


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("kind", ["@cfunc", "jit", "ctypes callback"])
def test_a_planned_gradient_gives_the_same_on_every_way(kind: str, accuracy: int) -> None:
    planned, plain = fd.Gradient(KINDS[kind]("array"), accuracy=accuracy), fd.Gradient(scalar, accuracy=accuracy)
    points: list[Any] = [X, 3 * X + 3, list(X), X.astype(np.float32), np.repeat(X, 2)[::2], X]
    read_only = X.copy()
    read_only.flags.writeable = False
    for x in (*points, read_only, *([X[None]] if kind != "jit" else [])):
        flat = np.asarray(x, np.float64).ravel()
        np.testing.assert_array_equal(planned(x).ravel(), plain(flat))
        assert planned.last is not None
        assert plain.last is not None
        assert planned.last.nfev == plain.last.nfev
        np.testing.assert_array_equal(planned.last.step.ravel(), plain.last.step)
        assert planned.last.value.shape == np.shape(x)
    assert planned.nfev == plain.nfev


def test_a_planned_gradient_keeps_its_own_copy_of_x() -> None:
    planned, x = fd.Gradient(CFUNCS["array"]), X.copy()
    for _ in range(2):
        value = planned(x)
    x[:] = 0.5
    assert planned.last is not None
    np.testing.assert_array_equal(planned.last.value, value)
    for bad in (np.nan, np.inf):
        with pytest.raises(ValueError, match="`x`"):
            planned(np.array([bad, 1.0, 2.0]))


def test_a_planned_gradient_tries_nearer_where_f_is_not_finite() -> None:
    f = fd.jit(lambda x: np.log(x[0]) + x[1] * x[2])
    planned, plain = fd.Gradient(f), fd.Gradient(f.python)
    for x0 in (1.0, 1e-9, 1e-12, -1.0):
        x = np.array([x0, 1.3, -0.4])
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(planned(x), plain(x))
        assert planned.last is not None
        assert plain.last is not None
        np.testing.assert_array_equal(planned.last.status, plain.last.status)
        assert planned.last.nfev == plain.last.nfev
        assert planned.nfev == plain.nfev


def test_a_planned_gradient_counts_what_was_evaluated_before_an_exception() -> None:
    planned = fd.Gradient(fd.jit(raising))
    planned(np.array([0.5]))
    assert planned.nfev == 2
    with pytest.raises(ZeroDivisionError):
        planned(np.array([0.7]))
    assert planned.nfev == 3
    np.testing.assert_allclose(planned(np.array([0.6])), [1.2])
    assert planned.nfev == 5


def test_threads_may_share_a_planned_object_at_x_of_other_shapes() -> None:
    f = fd.jit(lambda x: (x * x).sum())
    planned, wrong = fd.Gradient(f), []

    def many(n: int) -> None:
        x = np.arange(1.0, n + 1)
        for _ in range(300):
            if not np.allclose(planned(x), 2 * x):
                wrong.append(n)
            last = planned.last
            assert last is None or last.value.shape in ((2,), (3,), (4,), (5,))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(many, (2, 3, 4, 5)))
    assert not wrong


def noted(t: Any) -> float:
    if t > 0.7:
        raise KeyError("late", 7)
    return float(t)


@numba.njit
def in_object_mode(x):
    with numba.objmode(y="float64"):
        y = noted(x[0])
    return y * x[1]


def test_object_mode_keeps_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    def for_work(threads: Any, seconds: float, worthwhile: float) -> int:
        assert threads == 1
        return 1

    monkeypatch.setattr(_evaluators._threads, "for_work", for_work)

    for threads in (None, 2):
        np.testing.assert_allclose(
            fd.gradient(fd.jit(in_object_mode), [0.5, 2.0], threads=threads), [2.0, 0.5], rtol=1e-8
        )
        with pytest.raises(KeyError):
            fd.gradient(fd.jit(in_object_mode), [0.7, 2.0], threads=threads)
