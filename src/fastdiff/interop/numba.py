"""Python functions compiled to pointers by numba, with their errors caught."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numba
import numpy as np
from numba import types
from numba.core.dispatcher import Dispatcher
from numba.np.unsafe.ndarray import to_fixed_tuple

from ..function._jit import Form
from ..function._pointers import Concurrency, concurrency

# An index out of range and an integer divided by zero raise. A dispatcher says itself what it does.
_OPTIONS = {"error_model": "python", "boundscheck": True}

# int (double *x, intptr_t n, double *y, intptr_t m, void *data), data being the shape of x; 0 where f raised.
_SIGNATURE = types.intc(
    types.CPointer(types.float64), types.intp, types.CPointer(types.float64), types.intp, types.voidptr
)


@dataclass(frozen=True, eq=False)
class Compilation:
    """A function compiled for one form of x.

    Attributes
    ----------
    cfunc : CFunc
        The pointer's owner.
    inner : Dispatcher
        The function itself, to be called from Python.
    scalar : bool
        Whether it returns one number.
    epsilon : float
        The precision of what it returns.
    concurrency : str
        Whether several threads may call it at once, as of `Pointer`.
    """

    cfunc: Any
    inner: Any
    scalar: bool
    epsilon: float
    concurrency: Concurrency


def plain(f: Any) -> Callable[..., Any]:
    """Return the Python function of a dispatcher, or f itself."""
    function: Callable[..., Any] = f.py_func if isinstance(f, Dispatcher) else f
    return function


def numbers_taken(f: Callable[..., Any]) -> int:
    """Return how many positional arguments f needs."""
    return sum(1 for p in _positional(f) if p.default is p.empty)


def compile(f: Any, form: Form) -> Compilation:
    """Compile a Python function or a dispatcher for one form of x.

    Raises
    ------
    TypeError
        If numba can't compile it, or it does not return real numbers.
    """
    options = {**f.targetoptions, "locals": f.locals} if isinstance(f, Dispatcher) else _OPTIONS
    inner = numba.njit(**{name: value for name, value in options.items() if name != "nopython"})(plain(f))
    try:
        inner.compile(_arguments(plain(f), form))
        inner.disable_compile()
        returned = inner.overloads[inner.signatures[0]].signature.return_type
        store, element = _storing(returned)
        cfunc = numba.cfunc(_SIGNATURE)(_wrapper(inner, _loading(form), store))
    except Exception as error:  # numba raises of many kinds
        raise TypeError(f"`f` can't be compiled by numba for {form}: {_gist(error)}") from error
    epsilon = np.finfo(np.float32 if element == types.float32 else np.float64).eps
    scalar = isinstance(returned, types.Number | types.Boolean)
    return Compilation(cfunc, inner, scalar, float(epsilon), concurrency(cfunc))


def _positional(f: Callable[..., Any]) -> list[inspect.Parameter]:
    parameters = inspect.signature(f).parameters.values()
    return [p for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _arguments(f: Callable[..., Any], form: Form) -> tuple[Any, ...]:
    """Return the types of the arguments: a read-only array, as a function that writes to it then fails to compile."""
    given = (types.float64,) * form.count if form.numbers else (types.Array(types.float64, form.count, "C", True),)
    return given + tuple(types.Omitted(p.default) for p in _positional(f)[len(given) :] if p.default is not p.empty)


def _wrapper(inner: Any, load: Any, store: Any) -> Callable[..., Any]:
    def call(x, n, y, m, data):  # type: ignore[no-untyped-def]
        try:
            stored = store(inner(*load(x, n, data)), y, m)
        except Exception:
            return 0
        return 1 if stored else 0

    return call


@cache
def _loading(form: Form) -> Any:
    """Return what makes the arguments of f of a pointer."""
    count = form.count
    if form.numbers:
        return numba.njit(lambda x, n, data: to_fixed_tuple(numba.carray(x, n), count))
    if count == 0:
        return numba.njit(lambda x, n, data: (numba.carray(x, n).reshape(()),))
    return numba.njit(lambda x, n, data: (numba.carray(x, to_fixed_tuple(numba.carray(data, count, np.intp), count)),))


def _storing(returned: Any) -> tuple[Any, Any]:
    """Return what writes a returned value to a pointer, and the type of its elements."""
    if isinstance(returned, types.Number | types.Boolean):
        store, element = _store_number, returned
    elif isinstance(returned, types.Array):
        store, element = _store_array, returned.dtype
    elif isinstance(returned, types.UniTuple | types.List):
        store, element = _store_sequence, returned.dtype
    else:
        raise TypeError(f"it returns {returned}, not numbers")
    if not isinstance(element, types.Integer | types.Float | types.Boolean):
        raise TypeError(f"it returns {returned}; a compiled f returns real numbers")
    return store, element


@numba.njit
def _store_number(value, y, m):  # type: ignore[no-untyped-def]
    if m == 1:
        y[0] = value
    return m == 1


@numba.njit
def _store_array(value, y, m):  # type: ignore[no-untyped-def]
    if value.size != m:
        return False
    for i, element in enumerate(value.flat):
        y[i] = element
    return True


@numba.njit
def _store_sequence(value, y, m):  # type: ignore[no-untyped-def]
    if len(value) != m:
        return False
    for i in range(m):
        y[i] = value[i]
    return True


def _gist(error: Exception) -> str:
    """Return what an error of numba says, without its advice."""
    lines = [line for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:4]) if lines else type(error).__name__
