"""One wording for every kind of bad argument, shared by both doors.

Every message names the parameter, what was given and what would do.
"""

from __future__ import annotations

import operator
from collections.abc import Collection
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")


def one_of(name: str, value: Any, allowed: Collection[T], *, where: str = "") -> T:
    """Return `value` if it is one of `allowed`."""
    for choice in allowed:
        if isinstance(value, type(choice)) and not isinstance(value, bool) and value == choice:
            return choice
    listed = ", ".join(map(repr, allowed))
    raise ValueError(f"`{name}` must be one of {listed}{where}, got {value!r}")


def integer(name: str, value: Any, *, least: int | None = None, most: int | None = None, where: str = "") -> int:
    """Return `value` as an int within its limits; floats and booleans are refused."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"`{name}` must be an integer, got {value!r}") from None
    if (least is not None and number < least) or (most is not None and number > most):
        limits = f"at least {least}" if most is None else f"from {least} to {most}"
        raise ValueError(f"`{name}` must be {limits}{where}, got {number}")
    return number


def number(name: str, value: Any, *, least: float, most: float = np.inf) -> float:
    """Return `value` as a float within its limits, finite; what is not a single real number is refused."""
    array = finite_array(name, value)
    if array.ndim:
        raise TypeError(f"`{name}` must be a single number, got shape {array.shape}")
    if not least <= array <= most:
        limits = f"at least {least:g}" if most == np.inf else f"from {least:g} to {most:g}"
        raise ValueError(f"`{name}` must be {limits}, got {float(array)}")
    return float(array)


def flag(name: str, value: Any) -> bool:
    """Return `value` if it is True or False."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise TypeError(f"`{name}` must be True or False, got {value!r}")


def real_array(name: str, value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return `value` as a float64 array; what is not real numbers is refused, never parsed or truncated."""
    require_unmasked(f"`{name}`", value)
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ValueError(f"`{name}` must be an array of real numbers: {error}") from None
    if array.dtype.kind == "c":
        raise TypeError(f"`{name}` must be real, got {array.dtype} data")
    if array.dtype.kind == "O":
        return from_objects(f"`{name}`", array, value)
    if array.dtype.kind not in "biuf":
        raise TypeError(f"`{name}` must be real numbers, got {array.dtype} data")
    return array.astype(np.float64)


def require_unmasked(name: str, value: Any) -> None:
    """Raise TypeError where an entry is masked: what lies under a mask is not data."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise TypeError(f"{name} must have no masked entries, got {value!r:.80}")


def from_objects(name: str, array: np.ndarray[Any, Any], value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return an array of Python objects as float64; NumPy would parse strings and make None a NaN."""
    if not any(entry is None or isinstance(entry, str | bytes) for entry in array.flat):
        try:
            return array.astype(np.float64)
        except (TypeError, ValueError):
            pass
        except OverflowError:
            raise ValueError(f"{name} must fit float64, got {value!r:.60}…") from None
    raise TypeError(f"{name} must be real numbers, got {value!r:.80}")


def position(flat_index: int, shape: tuple[int, ...]) -> str:
    """Word a flat index as the user writes it: ``[3]`` or ``[1, 2]``; nothing for a scalar."""
    if not shape:
        return ""
    return f"[{', '.join(str(i) for i in np.unravel_index(flat_index, shape))}]"


def finite_array(name: str, value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return `value` as a float64 array without NaN or infinity."""
    array = real_array(name, value)
    finite = np.isfinite(array)
    if not finite.all():
        bad = int(np.argmin(finite))
        raise ValueError(f"`{name}` must be finite, got {name}{position(bad, array.shape)} = {array.flat[bad]}")
    return array


def positive_array(name: str, value: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return `value` as finite positive float64 numbers."""
    array = finite_array(name, value)
    if not (array > 0).all():
        bad = int(np.argmin(array > 0))
        raise ValueError(f"`{name}` must be positive, got {name}{position(bad, array.shape)} = {array.flat[bad]}")
    return array


def broadcast(
    name: str, array: np.ndarray[Any, np.dtype[np.float64]], shape: tuple[int, ...], of: str = "x"
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return `array` broadcast to `shape`, that of `of`."""
    try:
        return np.broadcast_to(array, shape)
    except ValueError:
        raise ValueError(
            f"`{name}` must be a scalar or broadcast to the shape {shape} of {of}, got shape {array.shape}"
        ) from None


def flattened(
    name: str, array: np.ndarray[Any, np.dtype[np.float64]] | None, shape: tuple[int, ...]
) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    """Return an option broadcast to `shape` and flattened, as an array of its own; None where it was not given."""
    return None if array is None else np.array(broadcast(name, array, shape), order="C").ravel()
