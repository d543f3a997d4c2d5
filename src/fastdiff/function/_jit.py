"""Python functions compiled on request, with their exceptions: `jit`."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from functools import lru_cache, update_wrapper
from math import prod
from operator import attrgetter
from types import FunctionType
from typing import Any

import numpy as np

from .. import _dispatch
from .._typing import Array, FloatArray, Function
from ._pointers import VECTOR, Pointer
from ._results import numbers, require_same_shape


def jit(f: Function) -> Jitted:
    """Compile a numeric function to a pointer, through numba.

    Derivatives of the result run without the interpreter, on several threads where the work is worth it. Unlike a raw
    ``@cfunc``, it raises: where the compiled function fails, f is run in Python at that point, and its exception
    arrives unchanged.

    Parameters
    ----------
    f : callable
        A Python function that numba can compile, or one compiled by ``numba.njit``, whose options are kept. It takes an
        array of the shape of x, or numbers, as a Python f does, and must not write to the array. What it reads of its
        globals and closures is frozen when it is compiled.

    Returns
    -------
    callable
        Takes f's place: in every verb and planned object, and as a function. The same f gives the same object, and is
        compiled once for each number of dimensions of x. Where f is parallel itself (``parallel=True``), it is called
        on one thread.

    Raises
    ------
    ImportError
        If numba is not installed.
    TypeError
        If f is not a function, or numba can't compile it.

    Notes
    -----
    With ``method="complex"`` f runs in Python: a pointer takes no complex numbers. A Python function is compiled with
    checks of indices and of divisors.

    Examples
    --------
    >>> import fastdiff as fd
    >>> f = fd.jit(lambda p: p[0] ** 2 * p[1])
    >>> fd.gradient(f, [1.0, 2.0]).round(6)
    array([4., 1.])
    """
    if not isinstance(f, FunctionType | Jitted) and not _is_dispatcher(f):
        raise TypeError(
            f"`f` must be a Python function or one compiled by numba.njit, got {f!r:.80}; wrap it in a function"
        )
    return f if isinstance(f, Jitted) else _jitted(f)


def _is_dispatcher(f: object) -> bool:
    return any(cls.__name__ == "Dispatcher" and cls.__module__.startswith("numba.") for cls in type(f).__mro__)


@dataclass(frozen=True, slots=True)
class Form:
    """How x reaches a compiled function: as `count` numbers, or as an array of `count` dimensions."""

    numbers: bool
    count: int

    def __str__(self) -> str:
        if self.numbers:
            return "one number" if self.count == 1 else f"{self.count} numbers"
        return f"a {self.count}-d array"


class Jitted:
    """A function that numba compiles for every form of x in which it is needed.

    Attributes
    ----------
    f : callable
        The function it was made of.
    python : callable
        The same, run by the interpreter.
    """

    def __init__(self, f: Function) -> None:
        self._compiler: Any = _dispatch.numba()
        self.f = f
        self.python: Function = self._compiler.plain(f)
        self._compilations: dict[Form, Any] = {}
        update_wrapper(self, self.python)
        self._compile_likely(self._compiler.numbers_taken(self.python))

    def _compile_likely(self, count: int) -> None:
        """Compile for the form of x that f seems to be made for, so that what can't be compiled is told at once."""
        if count > 1:
            try:
                self.compilation(Form(True, count))
            except TypeError as error:
                hint = "a jitted f takes x alone, as an array or as its numbers: close over what else it takes"
                raise TypeError(f"{error}; {hint}") from error
            return
        faults = []
        for form in _LIKELY:
            try:
                self.compilation(form)
            except TypeError as error:
                faults.append(error)
            else:
                return
        raise faults[0]

    def takes_number(self) -> bool:
        """Whether f can be called with one number, and returns one."""
        try:
            return bool(self.compilation(Form(True, 1)).scalar)
        except TypeError:
            return False

    def compilation(self, form: Form) -> Any:
        """Return f compiled for a form of x; compile it where the form is new.

        Raises
        ------
        TypeError
            If it can't be compiled; that is remembered as well, as it takes as long.
        """
        if form not in self._compilations:
            try:
                self._compilations[form] = self._compiler.compile(self.f, form)
            except TypeError as error:
                self._compilations[form] = error
        found = self._compilations[form]
        if isinstance(found, TypeError):
            raise found.with_traceback(None)
        return found

    def pointer(self, form: Form, shape: tuple[int, ...], outputs: tuple[int, ...] | None) -> JittedPointer:
        """Return the pointer for an x of this form and shape; `outputs` is the shape that f shall return, if stated.

        Raises
        ------
        ValueError
            If f returns one number, and `outputs` says otherwise.
        """
        compiled = self.compilation(form)
        if compiled.scalar and outputs is not None and prod(outputs) != 1:
            raise ValueError(f"`outputs` is {outputs}, but `f` returns one number")
        lengths = np.array(shape, np.intp)
        return JittedPointer(
            address=compiled.cfunc.address,
            signature=VECTOR,
            data=lengths.ctypes.data,
            concurrency=compiled.concurrency,
            owner=(compiled, lengths),
            jitted=self,
            form=form,
            shape=shape,
            outputs=outputs,
        )

    def __call__(self, *args: Any) -> Any:
        """Return f at these arguments, compiled as for its derivatives."""
        if len(args) == 1 and np.ndim(args[0]):
            x = np.asarray(args[0], np.float64, order="C")
            return self.compilation(Form(False, x.ndim)).inner(x)
        return self.compilation(Form(True, len(args))).inner(*map(float, args))

    def __reduce__(self) -> str | tuple[Any, ...]:
        try:
            decorated = attrgetter(self.python.__qualname__)(sys.modules[self.python.__module__]) is self
        except (AttributeError, KeyError):
            decorated = False
        return self.python.__qualname__ if decorated else (jit, (self.f,))

    def __repr__(self) -> str:
        return f"fastdiff.jit({self.f!r})"


# What f may take x for, the likeliest first.
_LIKELY = (Form(False, 1), Form(True, 1), Form(False, 2), Form(False, 3))

# Compiling takes some 0.3 s; functions that are made anew again and again push each other out.
_jitted = lru_cache(maxsize=64)(Jitted)


@dataclass(frozen=True, eq=False)
class JittedPointer(Pointer):
    """A pointer to a jitted function, which can be asked why it failed.

    Attributes
    ----------
    jitted : Jitted
        The function.
    form, shape : Form, tuple of int
        How x reaches it.
    outputs : tuple of int or None
        The shape that it shall return, if stated.
    """

    jitted: Jitted
    form: Form
    shape: tuple[int, ...]
    outputs: tuple[int, ...] | None

    def value(self, x: FloatArray) -> Array:
        """Return f(x), of the shape that f gives it; x is flat."""
        value = self._at(self.jitted.compilation(self.form).inner, x)
        if self.outputs is not None and value.shape != self.outputs:
            raise ValueError(f"`outputs` is {self.outputs}, but `f` returns the shape {value.shape}")
        return value

    def settled(self, x: FloatArray, outputs: tuple[int, ...]) -> FloatArray:
        """Run f in Python where it failed, so that its own exception arrives; return the value where there is none.

        A division by zero is one that Python's numbers raise and NumPy's do not.
        """
        value = self._at(self.jitted.python, x)
        if prod(value.shape) != prod(outputs):
            require_same_shape(outputs, value.shape, f", at x = {x}")
        return np.ascontiguousarray(value, np.float64).ravel()

    def _at(self, f: Function, x: FloatArray) -> Array:
        return numbers(f(*x.tolist()) if self.form.numbers else f(x.reshape(self.shape)), complex_allowed=False)
