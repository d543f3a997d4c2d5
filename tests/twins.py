"""Functions in every form that fastdiff takes: a Python one, and its compiled twins.

They use arithmetic that is rounded the same everywhere, so that twins agree bit for bit.
"""

import ctypes
import importlib.util
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cffi
import numba
import numpy as np
from numba import types
from scipy import LowLevelCallable

import fastdiff as fd

DOUBLE, POINTER = types.float64, types.CPointer(types.float64)
SIGNATURES: dict[str, Any] = {
    "number": DOUBLE(DOUBLE),
    "number, data": DOUBLE(DOUBLE, types.voidptr),
    "array": DOUBLE(types.intc, POINTER),
    "array, data": DOUBLE(types.intc, POINTER, types.voidptr),
    "vector": types.intc(POINTER, types.intp, POINTER, types.intp, types.voidptr),
}


def cubic(t: Any) -> Any:
    """Take one number."""
    return t * t * t / (1.0 + t * t)


def scalar(x: Any) -> Any:
    """Take three numbers."""
    return x[0] * x[0] * x[1] + x[1] / (1.0 + x[2] * x[2]) + math.sqrt(x[0])


def vector(x: Any) -> Any:
    """Take three numbers and return two."""
    return np.array([x[0] * x[1] - x[2], x[2] * x[2] * x[0] / x[1]])


def of_two(x: Any, y: Any) -> Any:
    """Take two numbers, elementwise."""
    return x * y * y / (1.0 + x * x)


n_cubic, n_scalar, n_vector, n_of_two = (numba.njit(f) for f in (cubic, scalar, vector, of_two))


def _cfuncs() -> dict[str, Any]:
    @numba.cfunc(SIGNATURES["number"])
    def number(t):
        return n_cubic(t)

    @numba.cfunc(SIGNATURES["number, data"])
    def number_data(t, data):
        return n_cubic(t)

    @numba.cfunc(SIGNATURES["array"])
    def array(n, x):
        return n_scalar(x)

    @numba.cfunc(SIGNATURES["array, data"])
    def array_data(n, x, data):
        return n_scalar(x)

    @numba.cfunc(SIGNATURES["vector"])
    def vector_(x, n, y, m, data):
        values = n_vector(x)
        y[0], y[1] = values[0], values[1]
        return 1

    return dict(zip(SIGNATURES, (number, number_data, array, array_data, vector_), strict=True))


CFUNCS = _cfuncs()
TWIN: dict[str, Callable[..., Any]] = {
    "number": lambda x: cubic(x[0]),
    "number, data": lambda x: cubic(x[0]),
    "array": scalar,
    "array, data": scalar,
    "vector": vector,
}
DISPATCHERS: dict[str, Any] = {"number": n_cubic, "array": n_scalar, "vector": n_vector}
JITTED: dict[str, Callable[..., Any]] = {"number": cubic, "array": scalar, "vector": vector}

CYTHON = """
# cython: language_level=3
from libc.math cimport sqrt
from libc.stdint cimport intptr_t

cdef api double number(double t) noexcept nogil:
    return t * t * t / (1.0 + t * t)

cdef api double number_data(double t, void *data) noexcept nogil:
    return number(t)

cdef api double array(int n, double *x) noexcept nogil:
    return x[0] * x[0] * x[1] + x[1] / (1.0 + x[2] * x[2]) + sqrt(x[0])

cdef api double array_data(int n, double *x, void *data) noexcept nogil:
    return array(n, x)

cdef api int vector(double *x, intptr_t n, double *y, intptr_t m, void *data) noexcept nogil:
    y[0] = x[0] * x[1] - x[2]
    y[1] = x[2] * x[2] * x[0] / x[1]
    return 1

cdef api double interpreted(int n, double *x) except? -1:
    if x[0] > 0.7:
        raise KeyError("late", n)
    return sum([x[k] * x[k] for k in range(n)])

cdef api double scaled(int n, double *x, void *data) noexcept nogil:
    return (<double *> data)[0] * x[0]
"""


def build_cython(folder: Path) -> dict[str, Any]:
    """Compile the functions in Cython; return their capsules by name."""
    from Cython.Build import cythonize
    from setuptools import Distribution, Extension
    from setuptools.command.build_ext import build_ext

    name = "fastdiff_twins"
    source = folder / f"{name}.pyx"
    source.write_text(CYTHON)
    extension = Extension(name, [str(source)], extra_compile_args=["-O1", "-ffp-contract=off"])
    command = build_ext(Distribution({"ext_modules": cythonize([extension], quiet=True)}))
    command.build_lib, command.build_temp = str(folder), str(folder / "temp")
    command.ensure_finalized()
    command.run()
    spec = importlib.util.spec_from_file_location(name, command.get_ext_fullpath(name))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    capsules: dict[str, Any] = module.__pyx_capi__
    return capsules


def _ctypes_callback(signature: str) -> Any:
    f: Any = {
        "number": cubic,
        "number, data": lambda t, data: cubic(t),
        "array": lambda n, x: scalar(x),
        "array, data": lambda n, x, data: scalar(x),
        "vector": _store,
    }[signature]
    form = CFUNCS[signature].ctypes
    return ctypes.CFUNCTYPE(form.restype, *form.argtypes)(f)


def _store(x: Any, n: int, y: Any, m: int, data: Any) -> int:
    y[0], y[1] = vector(x)
    return 1


def _cffi(signature: str) -> Any:
    form = {
        "number": "double (*)(double)",
        "number, data": "double (*)(double, void *)",
        "array": "double (*)(int, double *)",
        "array, data": "double (*)(int, double *, void *)",
        "vector": "int (*)(double *, intptr_t, double *, intptr_t, void *)",
    }[signature]
    return cffi.FFI().cast(form, CFUNCS[signature].address)


# kind -> what makes it from the name of a signature
KINDS: dict[str, Callable[[str], Any]] = {
    "@cfunc": lambda signature: CFUNCS[signature],
    "ctypes": lambda signature: CFUNCS[signature].ctypes,
    "ctypes callback": _ctypes_callback,
    "cffi": _cffi,
    "LowLevelCallable": lambda signature: LowLevelCallable(CFUNCS[signature].ctypes),
    "jit": lambda signature: fd.jit(JITTED[signature]),
    "jit of njit": lambda signature: fd.jit(DISPATCHERS[signature]),
}
CASES = [
    (kind, signature)
    for kind in KINDS
    for signature in SIGNATURES
    if "jit" not in kind or signature in ("array", "vector")
]


def outputs(kind: str, signature: str) -> dict[str, Any]:
    """Return the options that a compiled function needs."""
    return {"outputs": 2} if signature == "vector" and "jit" not in kind else {}
