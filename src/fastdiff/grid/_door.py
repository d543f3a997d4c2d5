"""Judges every argument of `fastdiff.grid`, so that nothing behind it has to.

In the NumPy mode nothing is refused here: a call is either *native*, or NumPy's own function gets it, and
raises what it raises. Elsewhere every bad argument has its message.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from .. import _checks
from .._typing import Array, GridOptions
from ._boundary import Boundary, Sides, parse
from ._operators import OPERATORS, Structure, Sum, dimensions, entries, is_pure
from ._request import Accurate, NumPy, Request, Token

ACCURACIES = (2, 4, 6, 8, 10, 12)
ORDERS = (1, 2, 3, 4, 5, 6)
# Weights are below 1e7 over the step to the derivative order: these keep them normal.
_SMALLEST, _LARGEST = 1e-300, 1e300

# Coordinates of more bytes are only looked up where they are kept: hashing them would cost as much as a new plan.
_LOOKED_UP = 1 << 15

# Spacings whose types NumPy mixes with the data as the kernels do. Larger integers would be rounded twice.
_FLOATS = (float, np.float64, np.float32)
_INTEGERS = (int, np.int64, np.int32)
_EXACT_INTEGER = 1 << 24

_NATIVE: dict[str, np.dtype[Any]] = {"f": np.dtype("f"), "d": np.dtype("d")}
_ACCURATE = "efdFD"
# One search step of np.shares_memory is about a microsecond; it is asked only when the bounds overlap.
_OVERLAP_WORK = 10_000


class Call(NamedTuple):
    """A judged call: the components, what is wanted of them and in which structure."""

    components: tuple[Array, ...]
    request: Request
    structure: Structure
    coordinates: tuple[Array, ...] = ()
    masked: bool = False
    one_sided: bool = False
    plain: bool = True  # nothing but entries without mixed derivatives, in the order of the result


@lru_cache(maxsize=256)
def _are_pure(entries: tuple[Sum, ...]) -> bool:
    return bool(entries) and all(is_pure(term) for entry in entries for term in entry.terms)


@lru_cache(maxsize=256)
def result(name: str, axes: int, components: int, orders: tuple[int, ...]) -> tuple[Structure, tuple[Sum, ...]]:
    """Return the structure of a result, and its distinct entries."""
    structure = OPERATORS[name].result(axes, components, orders)
    distinct = tuple(dict.fromkeys(entries(structure)))
    return distinct if structure == distinct else structure, distinct


def native(f: Any, spacing: tuple[Any, ...], axis: Any, edge_order: Any) -> Call | None:
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
        return _gradient(f, axes, ((float, 1.0),) * len(axes), (), edge_order)
    if len(spacing) == 1 and (token := _native_scalar(spacing[0])):
        return _gradient(f, axes, (token,) * len(axes), (), edge_order)
    if len(spacing) != len(axes):
        return None
    return _with_spacings(f, axes, spacing, edge_order)


def _gradient(
    f: Array, axes: tuple[int, ...], tokens: tuple[Token, ...], coordinates: tuple[Array, ...], edge_order: int
) -> Call:
    request, structure = (_numpy_request if coordinates else _known_request)(edge_order, tokens, axes)
    return Call((f,), request, structure, coordinates)


def _numpy_request(edge_order: int, tokens: tuple[Token, ...], axes: tuple[int, ...]) -> tuple[Request, Structure]:
    structure, distinct = result("gradient", len(axes), 0, ())
    return Request(NumPy(edge_order), tokens, axes, distinct), structure


_known_request = lru_cache(maxsize=256)(_numpy_request)


def _with_spacings(f: Array, axes: tuple[int, ...], spacing: tuple[Any, ...], edge_order: int) -> Call | None:
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
    return _gradient(f, axes, tuple(tokens), tuple(coordinates), edge_order)


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


def coordinate_token(x: Array, *, kept: bool = False) -> Token:
    """Return what stands for coordinates in the look-up of a plan."""
    return (x.dtype.char, x.tobytes() if kept or x.nbytes <= _LOOKED_UP else x)


# A period and the points times the spacing may differ by so much, relatively.
_SAME = 1e-9
# Scalars of these types are equal only if they mean the same spacing.
_PLAIN = (float, int, np.float64)
_TAKEN = tuple(GridOptions.__annotations__)


class Design(NamedTuple):
    """A judged operator, before its data are known."""

    name: str
    shape: tuple[int, ...]
    components: int
    axes: tuple[int, ...]
    tokens: tuple[Token, ...]
    coordinates: tuple[Array, ...]
    scheme: Accurate
    structure: Structure
    entries: tuple[Sum, ...]
    estimate: bool
    one_sided: bool | None

    def fit(self, components: tuple[Array, ...], masked: bool) -> Call:
        """Return a call of the operator for components of its shape."""
        dtype = components[0].dtype
        scheme = self.scheme._replace(sides=tuple(_for_dtype(pair, dtype) for pair in self.scheme.sides))
        unit = float(np.finfo(dtype).eps) if self.estimate else 0.0
        request = Request(scheme, self.tokens, self.axes, self.entries, OPERATORS[self.name].norm, unit)
        one_sided = masked if self.one_sided is None else self.one_sided
        plain = self.pure and not (self.estimate or masked or one_sided)
        return Call(components, request, self.structure, self.coordinates, masked, one_sided, plain)

    @property
    def pure(self) -> bool:
        """Whether the result is just its entries, and no derivative is mixed."""
        alike = self.structure is self.entries or isinstance(self.structure, Sum)
        return alike and _are_pure(self.entries)


def known_options(name: str, options: GridOptions) -> dict[str, Any]:
    """Return the options that are given."""
    for option in options:
        if option not in _TAKEN:
            raise TypeError(f"{name}() got an unknown option {option!r}; the options are {', '.join(_TAKEN)}")
    return {option: value for option, value in options.items() if value is not None}


def accurate(
    name: str, f: Any, spacing: tuple[Any, ...], options: GridOptions, order: Any
) -> tuple[Call, Any, int | None]:
    """Judge a call of the operator `name`; return it with `out` and `threads`."""
    given = known_options(name, options)
    out, threads = given.pop("out", None), given.pop("threads", None)
    check_threads(threads)
    components, masked = fields(name, f)
    make = _known_design if _is_plain(spacing, order, given) else design
    made = make(name, components[0].shape, len(components), spacing, order, **given)
    return made.fit(components, masked), out, threads


def _is_plain(spacing: tuple[Any, ...], order: Any, given: dict[str, Any]) -> bool:
    """Whether arguments can be looked up: equal ones are the same to every check."""
    orders = order if type(order) is tuple else (order,)
    axis = given.get("axis")
    axes = axis if type(axis) is tuple else (axis,)
    return (
        all(type(item) in _PLAIN for item in spacing)
        and all(type(item) in (int, type(None)) for item in (*orders, *axes))
        and all(type(value) in (int, str, bool) for option, value in given.items() if option != "axis")
    )


def check_threads(threads: Any) -> None:
    """Judge a number of threads."""
    if threads is not None:
        _checks.integer("threads", threads, least=1, most=1024)


def fields(name: str, f: Any, word: str | None = None) -> tuple[tuple[Array, ...], bool]:
    """Return the components of what the operator `name` takes, and whether they can be masked; `word` names `f`."""
    if OPERATORS[name].vector:
        return _components(f, word or "F")
    data, masked = _field(f, word or "f")
    return (data,), masked


def design(
    name: str,
    shape: tuple[int, ...],
    components: int,
    spacing: tuple[Any, ...],
    order: Any,
    *,
    axis: Any = None,
    accuracy: Any = 2,
    boundary: Any = "one-sided",
    nan: Any = None,
    time_unit: Any = None,
    full_output: Any = False,
    kept: bool = False,
) -> Design:
    """Judge an operator for data of a shape; `kept`: for many calls."""
    if nan is not None:
        _checks.one_of("nan", nan, ("propagate", "one-sided"))
    accuracy = _checks.one_of("accuracy", _checks.integer("accuracy", accuracy), ACCURACIES)
    estimate = _checks.flag("full_output", full_output)
    axes = _axes(axis, len(shape))
    _check_counts(name, len(axes), components)
    orders = _orders(name, order, len(axes))
    sides = parse(boundary, axes, len(shape))
    structure, distinct = result(name, len(axes), components, orders)
    if not all(entry.terms for entry in distinct):
        raise ValueError(f"`axis` must name at least one axis for {name}, got none")
    highest = [max(term.orders[k] for entry in distinct for term in entry.terms) for k in range(len(axes))]
    tokens, coordinates = _tokens(spacing, axes, shape, highest, sides, time_unit, kept=kept)
    for selected, top in zip(axes, highest, strict=True):
        needed = top + accuracy + 2 * estimate
        if top and shape[selected] < needed:
            extra = " with its error" if estimate else ""
            raise ValueError(
                f"axis {selected} of `f` has {shape[selected]} points; derivative order {top} at accuracy "
                f"{accuracy}{extra} needs at least {needed}"
            )
    one_sided = None if nan is None else nan == "one-sided"
    scheme = Accurate(accuracy, sides)
    return Design(name, shape, components, axes, tokens, coordinates, scheme, structure, distinct, estimate, one_sided)


_known_design = lru_cache(maxsize=256, typed=True)(design)


def _check_counts(name: str, axes: int, components: int) -> None:
    operator = OPERATORS[name]
    if operator.axes and axes not in operator.axes:
        wanted = " or ".join(map(str, operator.axes))
        raise ValueError(
            f"{name} must have {wanted} axes, got {axes}; `axis` selects them among those of a component, and an array "
            "has its components along the first axis"
        )
    count = operator.components(axes)
    if count is not None and components != count:
        raise ValueError(
            f"`F` must have {count} components for {name} along {axes} axes, one for each, got {components}"
        )


def _orders(name: str, order: Any, axes: int) -> tuple[int, ...]:
    if name != "partial":
        if order is not None:
            raise TypeError(f"{name} takes no `order`, got {order!r}; partial does")
        return ()
    if order is None:
        raise TypeError("partial needs `order`, the derivative order along each axis, got None")
    items = order if isinstance(order, tuple | list) else (order,)
    orders = tuple(_checks.integer("order", one, least=0, most=ORDERS[-1]) for one in items)
    if len(orders) != axes:
        raise ValueError(f"`order` must have one derivative order for each of {axes} axes, got {order!r}")
    if not any(orders):
        raise ValueError(f"`order` must have a derivative order of at least 1, got {order!r}")
    return orders


def _for_dtype(sides: Sides, dtype: np.dtype[Any]) -> Sides:
    """Return the boundaries with their constants in the kind of the data."""

    def converted(side: Boundary) -> Boundary:
        if side.rule != "constant":
            return side
        if dtype.kind == "c":
            return side._replace(value=complex(side.value))
        if isinstance(side.value, complex):
            raise TypeError(f"`boundary` must have a real value for {dtype} data, got {side.value}")
        return side

    low, high = map(converted, sides)
    return low, high


def _components(F: Any, word: str) -> tuple[tuple[Array, ...], bool]:
    """Return the components of a vector field, of one dtype."""
    if not isinstance(F, tuple | list):
        data, masked = _field(F, word)
        if data.ndim < 2:
            raise ValueError(f"`{word}` must have its components along the first axis, got shape {data.shape}")
        parts = list(data)
    else:
        fields = [_field(one, f"{word}[{k}]") for k, one in enumerate(F)]
        parts, masked = [data for data, _ in fields], any(mask for _, mask in fields)
    if not parts:
        raise ValueError(f"`{word}` must have at least one component, got none")
    for k, part in enumerate(parts):
        if part.shape != parts[0].shape:
            raise ValueError(
                f"`{word}` must have components of one shape, got {parts[0].shape} and, for {word}[{k}], {part.shape}"
            )
    if any(part.dtype != parts[0].dtype for part in parts):
        dtype = np.result_type(*parts)
        parts = [part.astype(dtype, copy=False) for part in parts]
    return tuple(parts), masked


def _field(f: Any, name: str) -> tuple[Array, bool]:
    """Return the samples, NaN where they are masked, and whether they can be masked."""
    masked = isinstance(f, np.ma.MaskedArray)
    if masked:
        wide = f.astype(np.float64) if f.dtype.kind in "iu" else f
        f = wide.filled(np.nan) if wide.dtype.char in _ACCURATE else wide.data
    elif type(f) not in (np.ndarray, np.memmap) and (
        isinstance(f, np.ndarray) or hasattr(type(f), "__array_function__")
    ):
        raise TypeError(f"`{name}` must be a plain array, got {type(f).__name__}; np.asarray({name}) makes one")
    try:
        data: Array = np.asanyarray(f)
    except ValueError as error:
        raise ValueError(f"`{name}` must be an array: {error}") from None
    if data.dtype.kind in "iu":
        data = data.astype(np.float64)
    if data.dtype.char not in _ACCURATE:
        raise TypeError(f"`{name}` must hold integers, floats or complex numbers, got {data.dtype} data")
    if data.ndim == 0:
        raise ValueError(f"`{name}` must have at least one axis, got the scalar {f!r:.80}")
    return data, masked


def _axes(axis: Any, ndim: int) -> tuple[int, ...]:
    if axis is None:
        return tuple(range(ndim))
    items = axis if isinstance(axis, tuple | list) else (axis,)
    return normalize_axis_tuple([_checks.integer("axis", one) for one in items], ndim, "axis")


def _tokens(
    spacing: tuple[Any, ...],
    axes: tuple[int, ...],
    shape: tuple[int, ...],
    orders: list[int],
    sides: tuple[Sides, ...],
    time_unit: Any,
    *,
    kept: bool,
) -> tuple[tuple[Token, ...], tuple[Array, ...]]:
    """Return what stands for the spacing of each axis, and the arrays among them."""
    tokens: list[Token] = []
    coordinates = []
    timed = False
    for position, (selected, item) in enumerate(zip(axes, _spacings(spacing, len(axes)), strict=True)):
        name = f"spacing[{position}]" if len(spacing) > 1 else "spacing"
        item, dated = _without_dates(name, item, time_unit)
        timed = timed or dated
        value = _spacing_value(name, item, orders[position])
        period = sides[position][0].value if sides[position][0].rule == "periodic" else None
        if isinstance(value, np.ndarray):
            _check_coordinates(name, value, selected, shape[selected], orders[position])
            if sides[position][0].rule == "periodic":
                _check_period(selected, period, value)
            coordinates.append(value)
            tokens.append(coordinate_token(value, kept=kept))
        else:
            wanted = abs(value) * shape[selected]
            if period is not None and not math.isclose(period, wanted, rel_tol=_SAME):
                raise ValueError(
                    f"`boundary` must be 'periodic' for axis {selected}, whose spacing is a number: its period is "
                    f"{wanted}, got {period}"
                )
            tokens.append((float, value))
    if time_unit is not None and not timed:
        raise ValueError(f"`time_unit` must come with datetime64 or timedelta64 spacing, got {time_unit!r} without any")
    return tuple(tokens), tuple(coordinates)


def _spacings(spacing: tuple[Any, ...], axes: int) -> tuple[Any, ...]:
    if not spacing:
        return (1.0,) * axes
    if len(spacing) == axes or (len(spacing) == 1 and not isinstance(spacing[0], list) and np.ndim(spacing[0]) == 0):
        return spacing if len(spacing) == axes else spacing * axes
    hint = (
        "; a list of them is passed as *spacing" if len(spacing) == 1 and isinstance(spacing[0], list | tuple) else ""
    )
    raise TypeError(f"`spacing` must be nothing, one scalar or one for each of {axes} axes, got {len(spacing)}{hint}")


def _without_dates(name: str, item: Any, time_unit: Any) -> tuple[Any, bool]:
    """Return dates as numbers of `time_unit` since the first, times as numbers of it; and whether it was any."""
    try:
        array = np.asarray(item)
    except ValueError:  # ragged, which is worded where numbers are judged
        return item, False
    if array.dtype.kind not in "mM":
        return item, False
    if time_unit is None:
        raise ValueError(f"`time_unit` must say what {array.dtype} `{name}` counts in, such as 's' or 'D'; got None")
    try:
        unit = np.timedelta64(1, time_unit)
        times = array - array.flat[0] if array.dtype.kind == "M" and array.size else array
        if np.isnat(array).any():
            raise ValueError(f"`{name}` must have no NaT, got {array!r:.80}")
        return times / unit, True
    except TypeError as error:
        raise ValueError(f"`time_unit` must be a unit that `{name}` can count in, got {time_unit!r}: {error}") from None


def _spacing_value(name: str, item: Any, order: int) -> float | Array:
    if item is None:  # which NumPy would read as NaN
        raise TypeError(f"`{name}` must be a scalar or coordinates, got None")
    array = _checks.finite_array(name, item)
    if array.ndim > 1:
        raise ValueError(f"`{name}` must be a scalar or 1-D coordinates, got shape {array.shape}")
    if array.ndim == 1:
        return array
    value = float(array)
    if not value:
        raise ValueError(f"`{name}` must not be zero")
    _check_step(name, abs(value), order)
    return value


def _check_step(name: str, step: float, order: int) -> None:
    """Refuse steps whose weights would overflow or lose digits."""
    size = max(order, 1) * math.log10(step) if step < math.inf else math.inf
    if not math.log10(_SMALLEST) <= size <= math.log10(_LARGEST):
        raise ValueError(
            f"`{name}` must have steps from {_SMALLEST} to {_LARGEST} when raised to the derivative order {order}, "
            f"as weights would overflow or underflow, got a step of {step}"
        )


def _check_coordinates(name: str, x: Array, axis: int, extent: int, order: int) -> None:
    if len(x) != extent:
        raise ValueError(f"`{name}` must have {extent} coordinates for axis {axis}, got {len(x)}")
    if extent < 2:
        return
    rising = x[1:] > x[:-1]
    falling = x[1:] < x[:-1]
    if not rising.all() and not falling.all():
        steps = rising if rising.sum() >= falling.sum() else falling
        bad = int(np.argmin(steps))
        raise ValueError(f"`{name}` must be strictly monotonic, got {name}[{bad}] = {x[bad]} followed by {x[bad + 1]}")
    with np.errstate(all="ignore"):
        sizes, span = np.abs(np.diff(x)), abs(x[-1] - x[0])
    _check_step(name, float(sizes.min()), order)
    _check_step(name, float(span), order)


def _check_period(axis: int, period: float | None, x: Array) -> None:
    span = abs(float(x[-1] - x[0])) if len(x) else 0.0
    if period is None:
        raise ValueError(
            f"`boundary` must be ('periodic', period) for axis {axis}, which has coordinates, got 'periodic'"
        )
    if not period > span:
        raise ValueError(
            f"`boundary` must have a period beyond the last coordinate of axis {axis}, which is {span} from the first, "
            f"got {period}"
        )


def check_out(
    out: Any, structure: Structure, shape: tuple[int, ...], dtypes: tuple[np.dtype[Any], ...], inputs: tuple[Any, ...]
) -> list[dict[Sum, list[Array]]]:
    """Return the arrays to write to for each entry of the result; with two dtypes, for those of its error too."""
    halves = (out,)
    if len(dtypes) == 2:
        if not isinstance(out, tuple | list) or len(out) != 2:
            raise TypeError(
                f"`out` must be a pair with `full_output`, of the value and the error, got {type(out).__name__}"
            )
        halves = tuple(out)
    arrays = list({id(one): one for one in inputs if isinstance(one, np.ndarray)}.values())
    targets: list[dict[Sum, list[Array]]] = []
    seen: list[tuple[tuple[int, Sum], Array]] = []
    for number, (half, dtype) in enumerate(zip(halves, dtypes, strict=True)):
        targets.append({})
        for entry, target in _match_out(half, structure, shape):
            _check_target(target, shape, dtype)
            if any(_overlap(target, other) for other in arrays):
                raise ValueError("`out` must not overlap the input: give it memory of its own")
            for which, other in seen:
                if not (which == (number, entry) and target is other) and _overlap(target, other):
                    raise ValueError("`out` must not overlap another output: give it memory of its own")
            seen.append(((number, entry), target))
            targets[-1].setdefault(entry, []).append(target)
    return targets


def _check_target(target: Array, shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    if target.shape != shape:
        raise ValueError(f"`out` must have the shape {shape} for each entry, got {target.shape}")
    if target.dtype != dtype:
        raise TypeError(f"`out` must have the dtype {dtype}, got {target.dtype}")
    if not target.flags.writeable:
        raise ValueError("`out` must be writeable, got a read-only array")
    if _overlaps_itself(target):
        raise ValueError(f"`out` must not overlap itself, got strides {target.strides} for shape {target.shape}")


def _match_out(out: Any, structure: Structure, shape: tuple[int, ...]) -> list[tuple[Sum, Array]]:
    """Pair the arrays of `out` with the entries of the result."""
    outer = dimensions(structure)
    whole = (*outer, *shape)
    arrays = f"{outer[0]} {'arrays' if len(outer) == 1 else 'tuples of arrays'}, or one" if outer else "an array"
    wanted = f"`out` must be {arrays} of shape {whole}"

    def match(out: Any, structure: Structure) -> list[tuple[Sum, Array]]:
        if isinstance(structure, Sum):
            if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray):
                raise TypeError(f"{wanted}, got {type(out).__name__}")
            return [(structure, out)]
        if not isinstance(out, tuple | list):
            raise TypeError(f"{wanted}, got {type(out).__name__}")
        if len(out) != len(structure):
            raise ValueError(f"{wanted}, got {len(out)} arrays")
        return [pair for one, part in zip(out, structure, strict=True) for pair in match(one, part)]

    if not isinstance(out, np.ndarray) or isinstance(out, np.ma.MaskedArray) or not outer:
        return match(out, structure)
    if out.shape != whole:
        raise ValueError(f"{wanted}, got shape {out.shape}")
    flat = entries(structure)
    return [(entry, out[(*place, ...)]) for entry, place in zip(flat, np.ndindex(outer), strict=True)]


def _overlaps_itself(array: Array) -> bool:
    """Whether two entries may share memory: a stride shorter than what lies within it."""
    if array.size == 0 or array.flags.c_contiguous:
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
