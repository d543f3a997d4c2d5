"""What kind of function f is, and the arguments around x.

Compiled functions come first: a numba CFunc is callable, but calling it runs its Python body at Python speed.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import FunctionType
from typing import Any, Literal, TypeAlias

import numpy as np

from .. import _checks
from .._typing import FloatArray, Function
from ._jit import Jitted
from ._pointers import Pointer, compiled_kind, read

Form = Literal["array", "unpack", "scalar"]
Compiled: TypeAlias = Pointer | Jitted


def compiled_function(name: str, f: object) -> Compiled | None:
    """Return f as a compiled function, or None where it is a Python callable.

    Raises
    ------
    TypeError
        If f is neither, or a compiled function of a signature that is not known.
    ValueError
        If f is NULL, or has data that it does not take.
    """
    if type(f) is FunctionType:
        return None
    if isinstance(f, Jitted):
        return f
    if compiled_kind(f):
        return read(name, f)
    if not callable(f):
        raise TypeError(f"`{name}` must be callable, got {f!r:.80}")
    return None


@dataclass(frozen=True, slots=True)
class Call:
    """A function with the arguments around x.

    Attributes
    ----------
    f : callable
        The function.
    args, kwargs : tuple, dict
        The other arguments.
    argnum : int or slice
        Which positional argument is x; a slice takes several, as numbers.
    unpack : bool
        Whether the entries of x are passed as numbers, one by one.
    compiled : Pointer, Jitted or None
        The function where it is compiled.
    outputs : tuple of int or None
        The shape of what a compiled function returns, if stated.
    threads : int or None
        The number of threads that call a compiled function, if stated.
    weights : ndarray or None
        What the outputs are weighted and summed with, where a weighted sum is differentiated.
    """

    f: Function
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    argnum: int | slice = 0
    unpack: bool = False
    compiled: Compiled | None = None
    outputs: tuple[int, ...] | None = None
    threads: int | None = None
    weights: FloatArray | None = None

    def form(self) -> Form:
        """Return how x reaches f."""
        return "unpack" if self.unpack or isinstance(self.argnum, slice) else "array"

    def around(self, size: int) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
        """Return the positional arguments before x and after it; a slice takes `size` arguments, one for each entry."""
        if isinstance(self.argnum, slice):
            chosen = range(len(self.args) + size)[self.argnum]
            first, fits = chosen.start, len(chosen) == size
        else:
            first = self.argnum if self.argnum >= 0 else len(self.args) + 1 + self.argnum
            fits = 0 <= first <= len(self.args)
        if not fits:
            raise ValueError(
                f"`argnum` is {self.argnum}, which does not fit x with {size} entries and {len(self.args)} other "
                "positional arguments in `args`"
            )
        return self.args[:first], self.args[first:]

    def at(self, x: Any) -> Any:
        """Return f at one point."""
        before, after = self.around(np.size(x))
        middle = (x,) if self.form() == "array" else tuple(x.ravel().tolist())
        return self.f(*before, *middle, *after, **self.kwargs)

    def split(self, arguments: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
        """Return x and the other arguments of a call as f itself would be called."""
        if isinstance(self.argnum, slice):
            chosen = range(*self.argnum.indices(len(arguments)))
            if not chosen:
                raise TypeError(f"`argnum` is {self.argnum}, but only {len(arguments)} positional arguments are given")
            others = tuple(a for i, a in enumerate(arguments) if i not in chosen)
            return arguments[self.argnum], others
        if not -len(arguments) <= self.argnum < len(arguments):
            raise TypeError(f"`argnum` is {self.argnum}, but only {len(arguments)} positional arguments are given")
        index = self.argnum % len(arguments)
        return arguments[index], arguments[:index] + arguments[index + 1 :]


def check_argnum(argnum: Any) -> int | slice:
    """Return `argnum` if it is an integer or a slice of positional arguments."""
    if isinstance(argnum, slice):
        if argnum.step not in (None, 1):
            raise ValueError(f"`argnum` must be an integer or a slice of step 1, got {argnum}")
        return argnum
    return _checks.integer("argnum", argnum)
