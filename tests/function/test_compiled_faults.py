"""What can be wrong with a compiled function, and what is said of it."""

import ctypes
import os
import subprocess
import sys
from typing import Any

import cffi
import numba
import numpy as np
import pytest
from numba import types
from scipy import LowLevelCallable
from tests.recording import PLANNED, VERBS
from tests.twins import CFUNCS, KINDS, SIGNATURES, build_cython, scalar, vector

import fastdiff as fd

X = np.array([0.7, 1.3, -0.4])
D, P = ctypes.c_double, ctypes.POINTER(ctypes.c_double)
LISTED = (
    "double (double)",
    "double (double, void *)",
    "double (int, double *)",
    "double (int, double *, void *)",
    "int (double *, intptr_t, double *, intptr_t, void *)",
)

# ---- signatures

WRONG: dict[str, Any] = {
    "ctypes": ctypes.CFUNCTYPE(D, D, D)(lambda a, b: a),
    "ctypes float": ctypes.CFUNCTYPE(ctypes.c_float, ctypes.c_float)(lambda a: a),
    "ctypes nothing": ctypes.CFUNCTYPE(None)(lambda: None),
    "ctypes long": ctypes.CFUNCTYPE(D, ctypes.c_long, P)(lambda n, x: 0.0),
    "@cfunc": numba.cfunc(types.float64(types.float64, types.float64))(lambda a, b: a),
    "@cfunc complex": numba.cfunc(types.complex128(types.complex128))(lambda z: z),
    "cffi": cffi.FFI().callback("double(double, double)", lambda a, b: a),
    "cffi ...": cffi.FFI().cast("double (*)(double, ...)", 8),
    "cffi data": cffi.FFI().new("double[3]"),
    "LowLevelCallable": LowLevelCallable(ctypes.CFUNCTYPE(D, D, D)(lambda a, b: a)),
    "capsule": np.random.default_rng(0).bit_generator.capsule,
}


CALLS: dict[str, Any] = {
    **{name: lambda f, name=name: VERBS[name](f, X) for name in VERBS},
    **PLANNED,
    "hessian(gradient=)": lambda f: fd.hessian(None, X, gradient=f),
    "hvp(gradient=)": lambda f: fd.hvp(None, X, X, gradient=f),
}


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("name", CALLS)
def test_a_wrong_signature_is_told_with_those_that_are_right(kind: str, name: str) -> None:
    with pytest.raises(TypeError) as caught:
        CALLS[name](WRONG[kind])
    assert ("`gradient`" if "gradient=" in name else "`f`") in str(caught.value)
    assert all(signature in str(caught.value) for signature in LISTED)


def capsule(signature: str, like: str) -> Any:
    """Return the function `like` as a capsule that names its signature in another way."""
    new = ctypes.pythonapi.PyCapsule_New
    new.restype, new.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    NAMES.append(signature.encode())
    return new(CFUNCS[like].address, NAMES[-1], None)


NAMES: list[bytes] = []  # a capsule does not keep its name


@pytest.mark.parametrize(
    "signature",
    ["double (int,double*)", "double(int, const double *)", "  double  ( int , double * ) ", "double (int, double * )"],
)
def test_a_signature_may_be_spaced_as_one_likes(signature: str) -> None:
    found = fd.gradient(capsule(signature, "array"), X)
    np.testing.assert_array_equal(found, fd.gradient(scalar, X))


@pytest.mark.parametrize("integer", ["intptr_t", "npy_intp", "Py_ssize_t", "ptrdiff_t", "ssize_t"])
def test_integers_as_wide_as_a_pointer_have_many_names(integer: str) -> None:
    f = capsule(f"int (double *, {integer}, double *, {integer}, void *)", "vector")
    np.testing.assert_array_equal(fd.jacobian(f, X, outputs=2), fd.jacobian(vector, X))


def test_ctypes_functions_need_types_and_no_interpreter() -> None:
    library = ctypes.CDLL(None)
    with pytest.raises(TypeError, match="set its `argtypes` and `restype`"):
        fd.derivative(library.abs, 0.3)
    checked = ctypes.CFUNCTYPE(D, D)(lambda t: t)
    checked.errcheck = lambda value, f, arguments: value
    with pytest.raises(TypeError, match="`errcheck`"):
        fd.derivative(checked, 0.3)
    for f in (ctypes.PYFUNCTYPE(D, D)(lambda t: t), ctypes.pythonapi.PyFloat_AsDouble):
        with pytest.raises(TypeError, match="needs the interpreter"):
            fd.derivative(f, 0.3)


@pytest.mark.parametrize("signature", ["number", "number, data"])
def test_a_function_of_one_number_gets_one(signature: str) -> None:
    with pytest.raises(ValueError, match="takes one number, but there are 3"):
        fd.gradient(CFUNCS[signature], X)
    assert fd.gradient(CFUNCS[signature], X[:1]).shape == (1,)


def test_ndpointer_is_a_pointer_to_double() -> None:
    form = ctypes.CFUNCTYPE(D, ctypes.c_int, np.ctypeslib.ndpointer(np.float64, flags="C"))
    f = form(CFUNCS["array"].address)
    np.testing.assert_array_equal(fd.gradient(f, X), fd.gradient(scalar, X))
    with pytest.raises(TypeError, match=r"POINTER\(ctypes.c_double\)"):
        fd.gradient(ctypes.CFUNCTYPE(D, ctypes.c_int, np.ctypeslib.ndpointer(np.float32))(0), X)


# ---- NULL, data


def test_null_pointers_are_refused() -> None:
    form = ctypes.CFUNCTYPE(D, ctypes.c_int, P)
    for f in (form(0), cffi.FFI().cast("double (*)(int, double *)", 0)):
        with pytest.raises(ValueError, match="`f` is a NULL pointer"):
            fd.gradient(f, X)
        with pytest.raises(ValueError, match="`f` is a NULL pointer"):
            fd.Gradient(f)


def test_user_data_reaches_f_and_is_kept_alive(tmp_path_factory: pytest.TempPathFactory) -> None:
    scaled = build_cython(tmp_path_factory.mktemp("scaled"))["scaled"]
    address = ctypes.pythonapi.PyCapsule_GetPointer
    address.restype, address.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    form = ctypes.CFUNCTYPE(D, ctypes.c_int, P, ctypes.c_void_p)
    pointer = form(address(scaled, b"double (int, double *, void *)"))

    def made() -> Any:
        data = ctypes.cast(ctypes.pointer(ctypes.c_double(2.5)), ctypes.c_void_p)
        return fd.Gradient(LowLevelCallable(pointer, data))

    planned = made()
    np.testing.assert_allclose(planned(X), [2.5, 0, 0], rtol=1e-9)


def test_user_data_that_nobody_takes_is_refused() -> None:
    data = ctypes.c_void_p(8)
    with pytest.raises(ValueError, match="has user_data, but its signature"):
        fd.gradient(LowLevelCallable(CFUNCS["array"].ctypes, data), X)


def test_missing_user_data_is_named_where_f_fails_without_it() -> None:
    @numba.cfunc(SIGNATURES["vector"])
    def needs_data(x, n, y, m, data):
        y[0] = x[0]
        return 0

    with pytest.raises(RuntimeError, match=r"`f` failed .*user_data is NULL.*LowLevelCallable\(f, user_data\)"):
        fd.jacobian(needs_data, X, outputs=1)


# ---- failures


@numba.cfunc(SIGNATURES["vector"])
def failing(x, n, y, m, data):
    if x[1] > 1.3:
        return 0
    y[0] = x[0] * x[1]
    return 1


@pytest.mark.parametrize("threads", [1, 2, 7])
def test_a_failure_is_an_error_that_names_the_point(threads: int) -> None:
    planned = fd.Gradient(failing, outputs=1, threads=threads)
    with pytest.raises(RuntimeError, match=r"`f` failed \(it returned 0\) at x = \[ ?0.7 +1.30000"):
        planned(X)
    assert planned.nfev == 2  # the points of a coordinate are beside each other, or those above x come first


def test_a_failure_may_be_the_edge_of_the_domain() -> None:
    def twin(x: Any) -> Any:
        return np.array([np.nan if x[1] > 1.3 else x[0] * x[1]])

    options: dict[str, Any] = {"method": "richardson", "full_output": True}
    found = fd.jacobian(failing, X, outputs=1, on_error="edge", **options)
    wanted = fd.jacobian(twin, X, **options)
    np.testing.assert_array_equal(found.value, wanted.value)
    np.testing.assert_array_equal(found.status, wanted.status)
    with pytest.raises(RuntimeError, match="`f` failed"):
        fd.jacobian(failing, X + 1, outputs=1, on_error="edge", **options)


def test_nan_at_one_point_stays_with_its_entry() -> None:
    @numba.cfunc(SIGNATURES["array"])
    def hole(n, x):
        return np.nan if x[1] != 1.3 else x[0] * x[2]

    found = fd.gradient(hole, X, full_output=True)
    np.testing.assert_allclose(found.value[[0, 2]], [X[2], X[0]], rtol=1e-8)
    assert np.isnan(found.value[1])
    assert [fd.Status(int(s)).name for s in found.status] == ["NOT_ESTIMATED", "NOT_FINITE", "NOT_ESTIMATED"]
    with pytest.warns(fd.AccuracyWarning, match=r"\[1\]: NOT_FINITE"):
        fd.gradient(hole, X)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("outputs", "words"), [(1, "wrote more"), (3, "set fewer"), (50, "set fewer")])
@pytest.mark.parametrize("method", ["central", "richardson"])
def test_outputs_of_another_number_than_promised(outputs: int, words: str, method: Any, threads: int) -> None:
    for on_error in ("raise", "edge"):
        options: dict[str, Any] = {"on_error": on_error} if method == "richardson" else {}
        with pytest.raises(ValueError, match=f"`f` {words} numbers than the {outputs} that `outputs` promises"):
            fd.jacobian(CFUNCS["vector"], X, outputs=outputs, method=method, threads=threads, **options)


def test_an_f_that_writes_far_beyond_harms_nobody() -> None:
    @numba.cfunc(SIGNATURES["vector"])
    def fifty(x, n, y, m, data):
        for k in range(50):
            y[k] = x[0] * k
        return 1

    for _ in range(50):
        with pytest.raises(ValueError, match="wrote more numbers than the 1"):
            fd.jacobian(fifty, np.ones(100), outputs=1)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("method", ["central", "forward", "richardson"])
@pytest.mark.parametrize("where", [0, 1, 2])
def test_writing_to_x_is_an_error(where: int, method: Any, threads: int) -> None:
    @numba.cfunc(SIGNATURES["array"])
    def writes(n, x):
        value = x[0] * x[1] * x[2]
        x[where] *= 2.0
        return value

    for verb in (fd.gradient, fd.hessian, fd.laplacian):
        with pytest.raises(ValueError, match="`f` wrote to x"):
            verb(writes, X, method=method, threads=threads)
    with pytest.raises(ValueError, match="`f` wrote to x"):
        fd.Gradient(writes, method=method, threads=threads)(X)


# ---- options


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "jit" not in kind])
def test_outputs_are_required_for_vectors_and_refused_for_scalars(kind: str) -> None:
    with pytest.raises(ValueError, match="`outputs` is needed for an f of the signature 'int"):
        fd.jacobian(KINDS[kind]("vector"), X)
    with pytest.raises(ValueError, match="`outputs` can't be used with an f of the signature 'double"):
        fd.gradient(KINDS[kind]("array"), X, outputs=1)


@pytest.mark.parametrize("outputs", [-1, 1.5, "2", True, (2, -1), [[2]], 2**62, (2**40, 2**40)], ids=str)
def test_bad_outputs(outputs: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="`outputs`"):
        fd.jacobian(CFUNCS["vector"], X, outputs=outputs)


@pytest.mark.parametrize("threads", [0, -1, 1.5, "2", True, False, 5000], ids=str)
def test_bad_threads(threads: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="`threads`"):
        fd.gradient(CFUNCS["array"], X, threads=threads)


PYTHON_ONLY: dict[str, Any] = {
    "args": (1,),
    "kwargs": {"a": 1},
    "argnum": 1,
    "unpack": True,
    "vectorized": True,
    "method": "complex",
    "backend": "scipy",
}


@pytest.mark.parametrize("option", PYTHON_ONLY)
def test_options_of_python_functions_are_refused(option: str) -> None:
    for verb in (fd.gradient, fd.hessian, fd.jacobian):
        with pytest.raises(ValueError, match=option):
            verb(CFUNCS["array"], X, **{option: PYTHON_ONLY[option]})
    with pytest.raises(ValueError, match=option):
        fd.Gradient(CFUNCS["array"], **{option: PYTHON_ONLY[option]})


def test_options_that_say_nothing_are_no_fault() -> None:
    found = fd.gradient(
        CFUNCS["array"], X, args=(), kwargs={}, argnum=0, unpack=False, vectorized=False, workers=None, threads=None
    )
    np.testing.assert_array_equal(found, fd.gradient(scalar, X))
    for option in ({"argnum": False}, {"args": []}, {"vectorized": 0}):
        with pytest.raises((TypeError, ValueError)):
            fd.gradient(CFUNCS["array"], X, **option)


@pytest.mark.parametrize("option", ["threads", "outputs"])
def test_options_of_compiled_functions_are_refused(option: Any) -> None:
    with pytest.raises(ValueError, match=f"`{option}` can't be used with a Python f"):
        fd.gradient(scalar, X, **{option: 1})


def test_compare_takes_python_functions() -> None:
    for f in (CFUNCS["array"], fd.jit(scalar)):
        with pytest.raises(TypeError, match="compare takes a Python `f`"):
            fd.compare(f, X)


# ---- processes


def run(code: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, **environment},
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.strip()


PRELUDE = """
import numba, numpy as np, os, fastdiff as fd
@numba.njit
def chained(x):
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] * x[i]) ** 2
    return total
x = np.linspace(0.5, 1.5, 800)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_after_a_parallel_region() -> None:
    code = """
f = fd.jit(chained)
wanted = fd.gradient(f, x, threads=2)
child = os.fork()
if child == 0:
    same = (fd.gradient(f, x, threads=2) == wanted).all() and (fd.gradient(f, x) == wanted).all()
    os._exit(0 if same else 1)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""
    assert run(PRELUDE + code) == "0"


def test_a_parallel_function_does_not_abort_the_process() -> None:
    code = """
@numba.njit(parallel=True)
def f(x):
    total = 0.0
    for i in numba.prange(x.size):
        total += x[i] * x[i]
    return total
g = fd.gradient(fd.jit(f), x[:50], threads=2)
print(abs(g - 2 * x[:50]).max() < 1e-6)
"""
    assert run(PRELUDE + code, NUMBA_THREADING_LAYER="workqueue") == "True"


def test_neither_numba_nor_cffi_is_imported_for_a_python_function() -> None:
    code = """
import sys, fastdiff as fd
fd.gradient(lambda x: x[0], [1.0])
print([name for name in ("numba", "cffi", "_cffi_backend", "scipy") if name in sys.modules])
"""
    assert run(code) == "[]"


def test_jit_without_numba_says_so() -> None:
    code = """
import sys
sys.modules["numba"] = None
import fastdiff as fd
try:
    fd.jit(lambda x: x[0])
except ImportError as error:
    print(error)
"""
    assert run(code) == "jit needs numba, which is missing: python -m pip install numba"


def test_without_the_core_a_compiled_function_is_refused() -> None:
    code = """
import warnings, ctypes
warnings.simplefilter("ignore")
import fastdiff as fd
f = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(lambda t: t)
try:
    fd.gradient(f, [1.0])
except ImportError as error:
    print("compiled core" in str(error))
"""
    assert run(code, FASTDIFF_NO_CORE="1") == "True"
