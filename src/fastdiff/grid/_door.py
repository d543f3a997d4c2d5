"""Judges every argument of `fastdiff.grid`, so that nothing behind it has to.

In the NumPy mode nothing is refused here: a call is either *native*, or NumPy's own function gets it, and
raises what it raises. With `accuracy` every bad argument has its message.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import _checks
from .._typing import Array
from ._plan import Token

ACCURACIES = (2, 4, 6, 8)
_SMALLEST_STEP = 1e-305  # the largest weight is below 64 over the step

# Coordinates of more bytes are not looked up: comparing them would cost as much as a new plan.
_LOOKED_UP = 1 << 15

# Spacings whose types NumPy mixes with the data as the kernels do. Larger integers would be rounded twice.
_FLOATS = (float, np.float64, np.float32)
_INTEGERS = (int, np.int64, np.int32)
_EXACT_INTEGER = 1 << 24

_NATIVE: dict[str, np.dtype[Any]] = {"f": np.dtype("f"), "d": np.dtype("d")}
_ACCURATE = "efdFD"
# One search step of np.shares_memory is about a microsecond; it is asked only when the bounds overlap.
_OVERLAP_WORK = 10_000


class Field(NamedTuple):
    """A judged call: the data, the axes to differentiate along and the spacing of each."""

    data: Array
    axes: tuple[int, ...]
    tokens: tuple[Token, ...]
    coordinates: tuple[Array, ...]


def native(f: Any, spacing: tuple[Any, ...], axis: Any, edge_order: Any) -> Field | None:
    """Recognise a call that the kernels serve with NumPy's very bits; None for any other."""
    kind = type(f)
    if kind is list or kind is tuple:
        try:
            f = np.asanyarray(f)
        except Exception:  # whatever it is, NumPy meets and raises it
            return None
        kind = type(f)
    if (kind is not np.ndarray and kind is not np.memmap) or type(edge_order) is not int:
        return None
    dtype = f.dtype
    if dtype.char not in _NATIVE:
        if dtype.kind not in "iu":
            return None
        f = f.astype(np.float64)
    shape = f.shape
    axes = tuple(range(len(shape))) if axis is None else _native_axes(axis, len(shape))
    if not axes or not 1 <= edge_order <= 2:
        return None
    for selected in axes:
        if shape[selected] <= edge_order:
            return None
    if not spacing:
        return Field(f, axes, ((float, 1.0),) * len(axes), ())
    if len(spacing) == 1 and (token := _native_scalar(spacing[0])):
        return Field(f, axes, (token,) * len(axes), ())
    if len(spacing) != len(axes):
        return None
    return _with_spacings(f, axes, spacing)


def _with_spacings(f: Array, axes: tuple[int, ...], spacing: tuple[Any, ...]) -> Field | None:
    tokens: list[Token] = []
    coordinates = []
    for selected, item in zip(axes, spacing, strict=True):
        token = _native_scalar(item)
        if token is None:
            x = _native_coordinates(item, f.shape[selected])
            if x is None:
                return None
            coordinates.append(x)
            token = coordinate_token(x)
        tokens.append(token)
    return Field(f, axes, tuple(tokens), tuple(coordinates))


def _native_axes(axis: Any, ndim: int) -> tuple[int, ...] | None:
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    for one in axes:
        if not isinstance(one, int | np.integer) or not -ndim <= one < ndim:
            return None
    selected = tuple(int(one) % ndim for one in axes)
    return selected if len(set(selected)) == len(selected) else None


def _native_scalar(value: Any) -> Token | None:
    kind = type(value)
    if kind is np.ndarray and value.ndim == 0:
        value = value[()]
        kind = type(value)
    # Zero is left to NumPy: 0.0 == -0.0, but what they make differs.
    if kind in _FLOATS or (kind in _INTEGERS and -_EXACT_INTEGER <= value <= _EXACT_INTEGER):
        return (kind, value) if value != 0 else None
    return None


def _native_coordinates(value: Any, extent: int) -> Array | None:
    if type(value) in (list, tuple):
        try:
            value = np.asanyarray(value)
        except Exception:  # whatever it is, NumPy meets and raises it
            return None
    if type(value) is not np.ndarray or value.shape != (extent,) or extent < 2:
        return None
    if value.dtype.kind in "iu":
        return np.asarray(value, np.float64)
    dtype = _NATIVE.get(value.dtype.char)
    return None if dtype is None else np.asarray(value, dtype)


def coordinate_token(x: Array) -> Token:
    """Return what stands for coordinates in the look-up of a plan."""
    return (x.dtype.char, x.tobytes() if x.nbytes <= _LOOKED_UP else x)


def accurate(f: Any, spacing: tuple[Any, ...], axis: Any, edge_order: Any, accuracy: Any) -> tuple[Field, int]:
    """Judge a call with `accuracy`."""
    accuracy = _checks.one_of("accuracy", _checks.integer("accuracy", accuracy), ACCURACIES)
    if type(edge_order) is not int or edge_order != 1:
        raise ValueError(
            f"`edge_order` has no meaning with `accuracy`, which holds at the edges too; leave it out: "
            f"got edge_order={edge_order!r} with accuracy={accuracy}"
        )
    data = _field(f)
    axes = _axes(axis, data.ndim)
    spacings = _spacings(spacing, len(axes))
    tokens: list[Token] = []
    coordinates = []
    for position, (selected, item) in enumerate(zip(axes, spacings, strict=True)):
        value = _spacing_value(f"spacing[{position}]" if len(spacing) > 1 else "spacing", item)
        if isinstance(value, np.ndarray):
            _check_coordinates(position, value, selected, data.shape[selected])
            coordinates.append(value)
            tokens.append(coordinate_token(value))
        else:
            tokens.append((float, value))
        if data.shape[selected] <= accuracy:
            raise ValueError(
                f"axis {selected} of `f` has {data.shape[selected]} points; accuracy {accuracy} with "
                f"one-sided boundaries needs at least {accuracy + 1}"
            )
    return Field(data, axes, tuple(tokens), tuple(coordinates)), accuracy


def _field(f: Any) -> Array:
    if isinstance(f, np.ma.MaskedArray):
        raise TypeError("`f` must be a plain array with `accuracy`, got a masked array; f.filled(np.nan) marks gaps")
    if type(f) not in (np.ndarray, np.memmap) and (isinstance(f, np.ndarray) or hasattr(type(f), "__array_function__")):
        raise TypeError(f"`f` must be a plain array with `accuracy`, got {type(f).__name__}; np.asarray(f) makes one")
    try:
        data: Array = np.asanyarray(f)
    except ValueError as error:
        raise ValueError(f"`f` must be an array: {error}") from None
    if data.dtype.kind in "iu":
        data = data.astype(np.float64)
    if data.dtype.char not in _ACCURATE:
        raise TypeError(f"`f` must hold integers, floats or complex numbers with `accuracy`, got {data.dtype} data")
    if data.ndim == 0:
        raise ValueError(f"`f` must have at least one axis, got the scalar {f!r:.80}")
    return data


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    items = axis if isinstance(axis, tuple | list) else (axis,)
    return normalize_axis_tuple([_checks.integer("axis", one) for one in items], ndim, "axis")


def _spacings(spacing: tuple[Any, ...], axes: int) -> tuple[Any, ...]:
    if not spacing:
        return (1.0,) * axes
    if len(spacing) == axes or (len(spacing) == 1 and np.ndim(spacing[0]) == 0):
        return spacing if len(spacing) == axes else spacing * axes
    raise TypeError(f"`spacing` must be nothing, one scalar or one for each of {axes} axes, got {len(spacing)}")


def _spacing_value(name: str, item: Any) -> float | Array:
    if item is None:  # which NumPy would read as NaN
        raise TypeError(f"`{name}` must be a scalar or coordinates, got None")
    array = _checks.finite_array(name, item)
    if array.ndim > 1:
        raise ValueError(f"`{name}` must be a scalar or 1-D coordinates, got shape {array.shape}")
    if array.ndim == 1:
        return array
    value = float(array)
    if abs(value) < _SMALLEST_STEP:
        raise ValueError(
            f"`{name}` must not be zero, nor so small that weights overflow ({_SMALLEST_STEP}), got {value}"
        )
    return value


def _check_coordinates(position: int, x: Array, axis: int, extent: int) -> None:
    name = f"spacing[{position}]"
    if len(x) != extent:
        raise ValueError(f"`{name}` must have {extent} coordinates for axis {axis}, got {len(x)}")
    with np.errstate(all="ignore"):
        steps, span = np.abs(np.diff(x)), x[-1] - x[0]
    fine = steps[(steps > 0) & (steps < _SMALLEST_STEP)]
    if not np.isfinite(span) or fine.size:
        got = f"a span of {span}" if not fine.size else f"a step of {fine[0]}"
        raise ValueError(f"`{name}` must have steps of at least {_SMALLEST_STEP} and a finite span, got {got}")
    rising = x[1:] > x[:-1]
    falling = x[1:] < x[:-1]
    if not rising.all() and not falling.all():
        steps = rising if rising.sum() >= falling.sum() else falling
        bad = int(np.argmin(steps))
        raise ValueError(f"`{name}` must be strictly monotonic, got {name}[{bad}] = {x[bad]} followed by {x[bad + 1]}")


def check_out(
    out: Any, count: int, shape: tuple[int, ...], dtype: np.dtype[Any], inputs: tuple[Any, ...]
) -> list[Array]:
    """Return the arrays to write to, one for each axis."""
    targets = _out_arrays(out, count, shape)
    for target in targets:
        if target.shape != shape:
            raise ValueError(f"`out` must have the shape {shape} for each axis, got {target.shape}")
        if target.dtype != dtype:
            raise TypeError(f"`out` must have the dtype {dtype}, got {target.dtype}")
        if not target.flags.writeable:
            raise ValueError("`out` must be writeable, got a read-only array")
    for position, target in enumerate(targets):
        others = [(other, "the input") for other in inputs if isinstance(other, np.ndarray)]
        others += [(other, "another output") for other in targets[:position]]
        for other, which in others:
            if _overlap(target, other):
                raise ValueError(f"`out` must not overlap {which}: give it memory of its own")
        if _overlaps_itself(target):
            raise ValueError(f"`out` must not overlap itself, got strides {target.strides} for shape {target.shape}")
    return targets


def _out_arrays(out: Any, count: int, shape: tuple[int, ...]) -> list[Array]:
    wanted = f"an array of shape {shape}" if count == 1 else f"{count} arrays, or one of shape {(count, *shape)}"
    if isinstance(out, np.ndarray):
        if count == 1:
            return [out]
        if out.shape != (count, *shape):
            raise ValueError(f"`out` must be {wanted}, got shape {out.shape}")
        return [out[k, ...] for k in range(count)]
    if not isinstance(out, tuple | list) or not all(isinstance(one, np.ndarray) for one in out) or count == 1:
        raise TypeError(f"`out` must be {wanted}, got {type(out).__name__}")
    if len(out) != count:
        raise ValueError(f"`out` must be {wanted}, got {len(out)} arrays")
    return list(out)


def _overlaps_itself(array: Array) -> bool:
    """Whether two entries may share memory: a stride shorter than what lies within it."""
    if array.size == 0:
        return False
    span = array.itemsize
    for stride, extent in sorted((abs(s), n) for s, n in zip(array.strides, array.shape, strict=True)):
        if extent > 1 and stride < span:
            return True
        span += (extent - 1) * stride
    return False


def _overlap(a: Array, b: Array) -> bool:
    if not np.may_share_memory(a, b):
        return False
    try:
        return np.shares_memory(a, b, max_work=_OVERLAP_WORK)  # type: ignore[arg-type]
    except np.exceptions.TooHardError:
        return True
