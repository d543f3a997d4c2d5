"""Hypothesis strategies: arrays in every layout, axes, spacings."""

from typing import Any

import numpy as np
from hypothesis import strategies as st

LAYOUTS = (
    "C",
    "F",
    "transposed",
    "sliced",
    "reversed",
    "broadcast",
    "read-only",
    "unaligned",
    "member",
    "memmap",
    "offset",
)
SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1e-40, 1e308, -1.0, 1.0, 3.0])


def shapes(least: int = 0) -> st.SearchStrategy[tuple[int, ...]]:
    """Shapes of up to four short axes, or of one or two with an axis beyond a few vectors."""
    short = st.lists(st.integers(least, 6), min_size=0, max_size=4).map(tuple)
    long = st.tuples(st.integers(max(least, 1), 4), st.integers(7, 70)).flatmap(st.permutations).map(tuple)
    return st.one_of(short, long, st.integers(7, 70).map(lambda n: (n,)))


NATIVE = st.builds(
    lambda char, swap: np.dtype(char).newbyteorder("S") if swap else np.dtype(char),
    st.sampled_from("ddddffffbBhHiIlLqQ"),
    st.sampled_from([False, False, True]),
)


def dtypes() -> st.SearchStrategy[np.dtype[Any]]:
    """The native dtypes often, every other kind sometimes, both byte orders."""
    others = st.sampled_from([np.dtype(char) for char in ["?", "e", "F", "D", "g", "m8[s]", "M8[D]", "O", "U3"]])
    swapped = st.sampled_from([np.dtype(char) for char in [">f2", ">c16", ">m8[s]"]])
    return st.one_of(NATIVE, NATIVE, others, swapped)


def values(shape: tuple[int, ...], dtype: np.dtype[Any], seed: int, special: bool) -> np.ndarray:
    """Values of every size, some of them special."""
    rng = np.random.default_rng(seed)
    with np.errstate(all="ignore"):
        if dtype.kind in "iu":
            info = np.iinfo(dtype)
            data = rng.integers(info.min, info.max, shape, dtype=dtype.newbyteorder("="), endpoint=True)
        elif dtype.kind in "mMOU":
            data = rng.integers(-1000, 1000, shape)
        else:
            data = rng.standard_normal(shape) * 10.0 ** rng.integers(-3, 4)
            if special and data.size:
                hits = rng.random(shape) < 0.2
                data = np.where(hits, rng.choice(SPECIAL, shape), data)
            if dtype.kind == "c":
                data = data + 1j * rng.standard_normal(shape)
        return np.asarray(data).astype(dtype)


def lay_out(data: np.ndarray, layout: str, folder: Any = None) -> np.ndarray:
    """Return the same values in another layout; a broadcast repeats the first."""
    if layout == "F":
        return data.copy(order="F")
    if layout == "transposed":
        order = np.random.default_rng(data.size).permutation(data.ndim)
        return data.transpose(order).copy().transpose(np.argsort(order))
    if layout in ("sliced", "reversed", "offset") and data.ndim:
        step, start = {"sliced": (2, 0), "reversed": (-1, 0), "offset": (1, 1)}[layout]
        large = np.zeros([2 * extent + 2 for extent in data.shape], data.dtype)
        window = large[tuple(slice(start, start + extent * abs(step), abs(step)) for extent in data.shape)]
        view = window[(slice(None, None, -1),) * data.ndim] if step < 0 else window
        view[...] = data
        return view
    if layout == "broadcast" and data.ndim:
        return np.broadcast_to(data[:1], data.shape) if data.shape[0] else data
    if layout == "read-only":
        data = data.copy()
        data.flags.writeable = False
        return data
    if layout == "unaligned" and data.dtype.kind != "O":
        memory = np.zeros(data.nbytes + 1, np.uint8)
        view = memory[1:].view(data.dtype)[: data.size].reshape(data.shape)
        view[...] = data
        return view
    if layout == "member" and data.dtype.kind != "O":
        record = np.zeros(data.shape, [("pad", "u1"), ("value", data.dtype)])
        record["value"] = data
        return record["value"]
    if layout == "memmap" and folder is not None and data.size and data.dtype.kind != "O":
        view = np.memmap(folder / "field.bin", dtype=data.dtype, mode="w+", shape=data.shape)
        view[...] = data
        return view
    return data.copy()


@st.composite
def fields(draw: Any, folder: Any = None, sound: bool = False) -> Any:
    """An array of any shape, dtype and layout, or its nested list. A sound one is native and long enough."""
    shape = draw(shapes(3 if sound else 0).filter(bool) if sound else shapes())
    dtype = draw(NATIVE if sound else dtypes())
    data = values(shape, dtype, draw(st.integers(0, 2**16)), draw(st.booleans()))
    field = lay_out(data, draw(st.sampled_from(LAYOUTS)), folder)
    return field.tolist() if draw(st.integers(0, 14)) == 7 else field


SOUND_SCALARS = st.one_of(
    st.floats(0.01, 100.0),
    st.floats(-10.0, -0.1),
    st.sampled_from([0.5, 2.0, -4.0, 1e-310, 2.0**-1074, 2.0**1023, 2.0**-127, 2.0**126, 1e300, np.inf, np.nan]),
    st.integers(1, 9),
    st.builds(
        lambda kind, value: kind(value),
        st.sampled_from([np.float64, np.float32, np.int64, np.int32]),
        st.integers(1, 9),
    ),
    st.builds(np.float64, st.floats(0.01, 100.0)),
    st.builds(np.array, st.floats(0.01, 100.0)),
)
SCALARS = st.one_of(
    st.floats(width=32),
    st.floats(0.01, 100.0),
    st.sampled_from([0.5, 2.0, -4.0, 1.0, 0.0, -0.0, 1e-310, 2.0**-1074, 2.0**1023, 1e300]),
    st.integers(-5, 5),
    st.sampled_from([10**30, True, None, "a", 2**25 + 1]),
    st.builds(
        lambda kind, value: kind(value),
        st.sampled_from([np.float64, np.float32, np.float16, np.int64, np.int32, np.int8, np.uint8, np.longdouble]),
        st.integers(0, 9),
    ),
    st.builds(np.array, st.floats(0.01, 100.0)),
    st.sampled_from([np.array(3), np.array(0.25, np.float32), np.array(2.0, ">f8"), np.complex128(2)]),
)


@st.composite
def coordinates(draw: Any, length: int, sound: bool = False) -> Any:
    """Uneven, uniform, repeated, unsorted, falling coordinates, integers, lists; unsound: other lengths."""
    if not sound:
        length = draw(st.sampled_from([length] * 4 + [length + 1, max(0, length - 1)]))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    kind = draw(st.sampled_from(["uneven", "arange", "linspace", "repeated", "unsorted", "falling", "special"]))
    x = {
        "uneven": np.cumsum(rng.random(length) + 0.1),
        "arange": np.arange(length) * 0.5,
        "linspace": np.linspace(0, 1, length),
        "repeated": np.sort(rng.integers(0, 4, length)),
        "unsorted": rng.standard_normal(length),
        "falling": -np.cumsum(rng.random(length) + 0.1),
        "special": rng.choice(SPECIAL, length),
    }[kind]
    with np.errstate(all="ignore"):
        x = x.astype(draw(st.sampled_from(["d", "d", "f", ">f8", x.dtype, *([] if sound else ["e", "g"])])))
        if draw(st.integers(0, 4)) == 0 and np.isfinite(x).all():
            x = np.round(4 * x.astype(np.float64)).astype(draw(st.sampled_from(["i8", "i1", "u2"])))
    return x.tolist() if draw(st.integers(0, 5)) == 0 else x


@st.composite
def sound_calls(draw: Any, folder: Any = None) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Arguments of `numpy.gradient` that the kernels serve."""
    f = draw(fields(folder, sound=True))
    shape = np.shape(f)
    options: dict[str, Any] = {}
    axes = tuple(range(len(shape)))
    if draw(st.booleans()):
        axes = tuple(draw(st.permutations(axes)))[: draw(st.integers(1, len(axes)))]
        given = tuple(axis - draw(st.sampled_from([0, len(shape)])) for axis in axes)
        options["axis"] = draw(st.sampled_from([given, list(given), given[0] if len(given) == 1 else given]))
    if draw(st.booleans()):
        options["edge_order"] = draw(st.sampled_from([1, 2, 2]))
    form = draw(st.sampled_from(["none", "one", "each", "each", "each"]))
    if form == "none":
        return f, (), options
    if form == "one":
        return f, (draw(SOUND_SCALARS),), options
    each = (draw(st.one_of(SOUND_SCALARS, coordinates(shape[axis], sound=True))) for axis in axes)
    return f, tuple(each), options


@st.composite
def calls(draw: Any, folder: Any = None) -> tuple[Any, tuple[Any, ...], dict[str, Any]]:
    """Arguments of `numpy.gradient`: mostly sound, sometimes not."""
    f = draw(fields(folder))
    shape = np.shape(f)
    options: dict[str, Any] = {}
    axes = tuple(range(len(shape)))
    if draw(st.booleans()):
        axis = draw(
            st.one_of(
                st.integers(-4, 4),
                st.permutations(axes).flatmap(lambda p: st.integers(0, len(p)).map(lambda n: tuple(p[:n]))),
                st.lists(st.integers(-2, 2), max_size=2),
                st.sampled_from([np.int64(0), 1.0, "a", (0, 0)]),
            )
        )
        options["axis"] = axis
        selected = axis if isinstance(axis, tuple | list) else (axis,)
        usable = all(isinstance(one, int | np.integer) and -len(shape) <= one < len(shape) for one in selected)
        axes = tuple(int(one) for one in selected) if usable else ()
    if draw(st.booleans()):
        options["edge_order"] = draw(st.sampled_from([1, 2, 2, 2, 2, 0, 3, -1, 1.5, True, np.int64(2), None, "a"]))
    form = draw(st.integers(0, 4))
    if form == 0:
        spacing: tuple[Any, ...] = ()
    elif form == 1:
        spacing = (draw(SCALARS),)
    else:
        spacing = tuple(draw(st.one_of(SCALARS, SOUND_SCALARS, coordinates(shape[axis]))) for axis in axes)
        if draw(st.integers(0, 19)) == 0:
            spacing = (*spacing, 1.0)
    return f, spacing, options
