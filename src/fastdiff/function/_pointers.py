"""Compiled functions as pointers: recognised and read without importing the libraries that make them."""

from __future__ import annotations

import re
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias
from weakref import WeakKeyDictionary

import numpy as np

from .._typing import FloatArray

# The position is the number of the signature in _kernels/calls.h.
SIGNATURES = (
    "double (double)",
    "double (double, void *)",
    "double (int, double *)",
    "double (int, double *, void *)",
    "int (double *, intptr_t, double *, intptr_t, void *)",
)
ONE_NUMBER = (0, 1)
VECTOR = 4
MOST_NUMBERS = 2**31 - 1  # where it is an int that tells how many

Concurrency: TypeAlias = Literal["safe", "unknown", "held", "never", "locked"]


@dataclass(frozen=True, eq=False)
class Pointer:
    """A compiled function.

    Attributes
    ----------
    address : int
        Where it is.
    signature : int
        How it is called: the position in `SIGNATURES`.
    data : int
        The address it gets as ``void *``, 0 for NULL.
    concurrency : {"safe", "unknown", "held", "never", "locked"}
        Whether several threads may call it: unasked; if asked to, and else one, in the case of ``"held"`` with the
        interpreter's lock; or never, in that of ``"locked"`` only with that lock.
    owner : object
        What keeps the function and its data alive.
    """

    address: int
    signature: int
    data: int
    concurrency: Concurrency
    owner: object

    def threads(self, wanted: int | None) -> int | None:
        """Return the number of threads that may call it, of those that are wanted; None leaves it to the work."""
        if self.concurrency in ("never", "locked") or (self.concurrency in ("unknown", "held") and wanted is None):
            return 1
        return wanted

    def needs_lock(self, wanted: int | None) -> bool:
        """Whether it is called with the interpreter's lock where so many threads are wanted."""
        return self.concurrency == "locked" or (self.concurrency == "held" and wanted is None)

    def settled(self, x: FloatArray, outputs: tuple[int, ...]) -> FloatArray:
        """Return f(x) where the call failed, if it can be had otherwise; `outputs` is the shape that f shall return.

        Raises
        ------
        RuntimeError
            Here, as it can't.
        """
        data = "" if self.data else "; its user_data is NULL: pass data by scipy.LowLevelCallable(f, user_data)"
        raise RuntimeError(f"`f` failed (it returned 0) at x = {x}{data}")


def compiled_kind(f: object) -> str:
    """Return what kind of compiled function f is, or an empty string."""
    for cls in type(f).__mro__:
        for module, name, kind, _ in _KINDS:
            if str(cls.__module__).startswith(module) and name in ("", cls.__name__):
                return kind
    return ""


def read(name: str, f: object) -> Pointer:
    """Return the pointer of a compiled function; `name` is for messages.

    Raises
    ------
    TypeError
        If the function has a signature that is not one of `SIGNATURES`, or can't run without the interpreter.
    ValueError
        If it is NULL, or has user data that it does not take.
    """
    kind = compiled_kind(f)
    reader = next(reader for _, _, known, reader in _KINDS if known == kind)
    found, address, data, bears = reader(name, f)
    number = _number_of(found)
    if number is None:
        listed = "; ".join(SIGNATURES)
        raise TypeError(
            f"`{name}` is {kind} with the signature {found!r}; the accepted ones are: {listed} (double * is "
            "ctypes.POINTER(ctypes.c_double), void * is ctypes.c_void_p)"
        )
    if not address:
        raise ValueError(f"`{name}` is a NULL pointer")
    if data and "void" not in SIGNATURES[number]:
        raise ValueError(f"`{name}` has user_data, but its signature {SIGNATURES[number]!r} takes none")
    return Pointer(address, number, data, bears, f)


# What is as wide as a pointer, and signed.
_WIDE = {"intptr_t", "npy_intp", "Py_ssize_t", "ssize_t", "ptrdiff_t"}
_WIDE |= {name for name, code in (("long", "l"), ("long long", "q")) if struct.calcsize(code) == struct.calcsize("P")}


def _number_of(signature: str | None) -> int | None:
    """Return the number of a signature, however it is spaced and whatever its integers are called."""
    parts = re.fullmatch(r"(.*?)\((.*)\)", (signature or "").strip(), re.DOTALL)
    if parts is None:
        return None
    arguments = ", ".join(_type(name) for name in parts[2].split(","))
    normal = f"{_type(parts[1])} ({arguments})"
    return SIGNATURES.index(normal) if normal in SIGNATURES else None


def _type(name: str) -> str:
    words = " ".join(word for word in name.replace("*", " * ").split() if word != "const")
    return "intptr_t" if words in _WIDE else words


_Found: TypeAlias = tuple[str | None, int, int, Concurrency]


def _capsule(name: str, f: Any) -> _Found:
    from ._compiled import capsule  # where the compiled core is missing, other kinds are still told apart

    signature, address, data = capsule(f)
    # Cython's names do not tell whether a function is `nogil`; SciPy calls them with the interpreter's lock as well.
    return signature, address, data, "held"


def _low_level(name: str, f: Any) -> _Found:
    return _capsule(name, tuple.__getitem__(f, 0))  # its own way of getting items raises


def _ctypes(name: str, f: Any) -> _Found:
    if getattr(f, "_flags_", 0) & _NEEDS_INTERPRETER:
        raise TypeError(f"`{name}` is a ctypes function that needs the interpreter; make it by CDLL or CFUNCTYPE")
    if getattr(f, "errcheck", None) is not None:
        raise TypeError(f"`{name}` is a ctypes function with `errcheck`, which only Python could call")
    if f.argtypes is None:
        raise TypeError(f"`{name}` is a ctypes function of unknown signature; set its `argtypes` and `restype`")
    return _ctypes_signature(f), int.from_bytes(memoryview(f).tobytes(), sys.byteorder), 0, "unknown"


_NEEDS_INTERPRETER = 4  # FUNCFLAG_PYTHONAPI


def _ctypes_signature(f: Any) -> str:
    return f"{_ctypes_type(f.restype)} ({', '.join(map(_ctypes_type, f.argtypes))})"


def _ctypes_type(kind: Any) -> str:
    if kind is None:
        return "void"
    if getattr(kind, "_dtype_", None) == np.float64:  # of numpy.ctypeslib.ndpointer
        return "double *"
    code = getattr(kind, "_type_", None)
    if isinstance(code, type):
        return f"{_ctypes_type(code)} *"
    if code in ("i", "l", "q"):
        return {struct.calcsize("i"): "int", struct.calcsize("P"): "intptr_t"}[struct.calcsize(code)]
    return {"d": "double", "f": "float", "P": "void *"}.get(code or "", str(getattr(kind, "__name__", kind)))


_known: WeakKeyDictionary[Any, Concurrency] = WeakKeyDictionary()

# What the code of a CFunc names that may not be called by several threads.
_SIGNS: tuple[tuple[str, Concurrency], ...] = (
    ("cached_objmode_dispatcher", "locked"),  # it calls the interpreter, whose exceptions stay in their thread
    ("numba_parallel_for", "never"),  # numba's own scheduler aborts where several threads enter it
)


def concurrency(f: Any) -> Concurrency:
    """Return how many threads may call a CFunc."""
    if f not in _known:
        code = f.inspect_llvm()  # which takes half a millisecond
        _known[f] = next((kind for sign, kind in _SIGNS if sign in code), "safe")
    return _known[f]


def _numba(name: str, f: Any) -> _Found:
    try:
        signature = _ctypes_signature(f.ctypes)
    except (TypeError, NotImplementedError):  # of types that ctypes has not
        signature = str(f._sig)
    return signature, f.address, 0, concurrency(f)


def _cffi(name: str, f: Any) -> _Found:
    library: Any = sys.modules["_cffi_backend"]
    kind = library.typeof(f)
    if kind.kind != "function" or kind.ellipsis:
        return kind.cname, 0, 0, "unknown"
    signature = f"{kind.result.cname} ({', '.join(argument.cname for argument in kind.args)})"
    return signature, int(library.cast(library.new_primitive_type("uintptr_t"), f)), 0, "unknown"


# module (a prefix of its name) and class of a compiled function, what it is, how it is read
_KINDS: tuple[tuple[str, str, str, Callable[[str, Any], _Found]], ...] = (
    ("builtins", "PyCapsule", "a PyCapsule", _capsule),
    ("scipy.", "LowLevelCallable", "a scipy.LowLevelCallable", _low_level),
    ("numba.", "CFunc", "a numba @cfunc", _numba),
    ("_cffi_backend", "", "a cffi pointer", _cffi),
    ("_ctypes", "CFuncPtr", "a ctypes function pointer", _ctypes),
    ("_ctypes", "PyCFuncPtr", "a ctypes function pointer", _ctypes),
)
