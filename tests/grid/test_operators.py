"""The operators: what they return, in which structure and dtype, where they write, how far off they are."""

from typing import Any

import numpy as np
import pytest

from fastdiff import grid

RNG = np.random.default_rng(0)
PLANE, SPACE = (9, 10), (9, 10, 11)
OF_VECTORS = ("divergence", "curl", "jacobian")
ONE_TO_THREE = [(12,), PLANE, SPACE]
AXES = tuple(np.cumsum(RNG.random(n) + 0.5) for n in SPACE)


def field(name: str, shape: tuple[int, ...], dtype: Any = float) -> np.ndarray:
    """Samples for an operator, of values that every dtype holds; a vector has its components first."""
    values = np.random.default_rng(1).integers(-50, 50, (len(shape), *shape) if name in OF_VECTORS else shape)
    return values.astype(dtype) * (1 + 1j if np.dtype(dtype).kind == "c" else 1)


def call(name: str, f: Any, *spacing: Any, **options: Any) -> Any:
    """Call an operator by name; `partial` with derivatives along the first axis."""
    if name == "partial" and "order" not in options:
        selected = options.get("axis")
        count = np.ndim(f) if selected is None else len(selected) if isinstance(selected, tuple) else 1
        options["order"] = (2, 1, 0)[:count]
    return getattr(grid, name)(f, *spacing, **options)


def bits(result: Any) -> Any:
    """The bytes of a result, in its structure."""
    return [bits(part) for part in result] if isinstance(result, tuple) else (result.shape, result.tobytes())


# ---- structure


def shape_of(result: Any) -> Any:
    """The structure of a result: nested tuples as nested lengths, an array as its shape."""
    return [shape_of(part) for part in result] if isinstance(result, tuple) else result.shape


STRUCTURES: dict[str, Any] = {
    "gradient": lambda s: [s] * len(s) if len(s) > 1 else s,
    "partial": lambda s: s,
    "divergence": lambda s: s,
    "curl": lambda s: s if len(s) == 2 else [s] * 3,
    "laplacian": lambda s: s,
    "hessian": lambda s: [[s] * len(s)] * len(s),
    "jacobian": lambda s: [[s] * len(s)] * len(s),
    "magnitude": lambda s: s,
}
EVERY = [(name, shape) for name in STRUCTURES for shape in ONE_TO_THREE if name != "curl" or len(shape) > 1]


@pytest.mark.parametrize(("name", "shape"), EVERY)
def test_structure(name: str, shape: tuple[int, ...]) -> None:
    options: dict[str, Any] = {"accuracy": 2} if name == "gradient" else {}
    assert shape_of(call(name, field(name, shape), 0.5, **options)) == STRUCTURES[name](shape)


def test_a_hessian_is_symmetric_and_a_jacobian_has_a_row_for_each_component() -> None:
    f = field("hessian", SPACE)
    H = grid.hessian(f, *AXES)
    for i in range(3):
        for j in range(3):
            assert H[i][j] is H[j][i]
            order = tuple(int(k == i) + int(k == j) for k in range(3))
            assert H[i][j].tobytes() == grid.partial(f, *AXES, order=order).tobytes()
    F = field("jacobian", SPACE)
    J = grid.jacobian(F, *AXES)
    for component, row in zip(F, J, strict=True):
        assert bits(row) == bits(grid.gradient(component, *AXES, accuracy=2))


def test_a_jacobian_takes_any_number_of_components() -> None:
    F = RNG.standard_normal((2, *SPACE))
    assert shape_of(grid.jacobian(F)) == [[SPACE] * 3] * 2
    assert shape_of(grid.jacobian(F[:1, 0, 0])) == [[SPACE[2:]]]


def test_each_operator_is_what_it_is_called() -> None:
    """x0² x1 + x2² and the like: polynomials that an accuracy of 2 differentiates exactly, but for round-off."""
    x, y, z = np.meshgrid(*AXES, indexing="ij")
    f, F = x**2 * y + z**2, (x * y, y * z**2, z * x**2)
    zero = 0 * x
    for name, g, wanted in (
        ("gradient", f, (2 * x * y, x**2, 2 * z)),
        ("laplacian", f, 2 * y + 2),
        ("hessian", f, ((2 * y, 2 * x, zero), (2 * x, zero, zero), (zero, zero, zero + 2))),
        ("magnitude", f, np.sqrt((2 * x * y) ** 2 + x**4 + 4 * z**2)),
        ("divergence", F, y + z**2 + x**2),
        ("curl", F, (-2 * y * z, -2 * x * z, -x)),
        ("jacobian", F, ((y, x, zero), (zero, z**2, 2 * y * z), (2 * x * z, zero, x**2))),
    ):
        ours = getattr(grid, name)(g, *AXES, accuracy=2)
        # Weights of second derivatives reach 4 / 0.5**2 and samples 500; four terms with a few roundings each.
        np.testing.assert_allclose(np.array(ours), np.array(wanted), rtol=0, atol=16 * 500 * 32 * 2.3e-16)
    turn = grid.curl((-(y[:, :, 0] ** 2), x[:, :, 0] ** 2), *AXES[:2])
    np.testing.assert_allclose(turn, 2 * (x + y)[:, :, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("order", [1, 3])
def test_the_orders_of_a_partial(order: int) -> None:
    f = field("partial", SPACE)
    one = grid.partial(f, AXES[1], order=order, axis=1)
    assert one.tobytes() == grid.partial(f, AXES[1], order=(order,), axis=(1,)).tobytes()
    assert one.tobytes() == grid.partial(f, *AXES, order=(0, order, 0)).tobytes()
    assert grid.partial(f[:, 0, 0], 0.5, order=order).shape == SPACE[:1]


def test_a_mixed_partial_is_one_derivative_after_another() -> None:
    f = field("partial", SPACE) / 7
    for order in ((1, 1, 0), (2, 0, 1), (1, 2, 1)):
        options: dict[str, Any] = {"accuracy": 4}
        at_once = grid.partial(f, *AXES, order=order, **options)
        in_turn = f
        for axis, m in enumerate(order):
            if m:
                in_turn = grid.partial(in_turn, AXES[axis], order=m, axis=axis, **options)
        np.testing.assert_allclose(at_once, in_turn, rtol=0, atol=1e-13 * np.abs(in_turn).max() * 2 ** sum(order))


# ---- batches, components, arguments


BATCHES = [(name, axis) for name in STRUCTURES for axis in ((0, 2), (2, 0), (-1, 1), 1, (1,))]


@pytest.mark.parametrize(("name", "axis"), [b for b in BATCHES if b[0] != "curl" or len(np.atleast_1d(b[1])) == 2])
def test_the_other_axes_are_a_batch(name: str, axis: int | tuple[int, ...]) -> None:
    selected = tuple(k % 3 for k in (axis if isinstance(axis, tuple) else (axis,)))
    count = len(selected)

    def batch_first(array: np.ndarray) -> np.ndarray:
        """The axes of the batch in front, then components, then the selected axes in their order."""
        array = np.moveaxis(array, [k - 3 for k in selected], range(-count, 0))
        return np.moveaxis(array, range(-3, -count), range(3 - count))

    F = RNG.standard_normal((count, *SPACE) if name in OF_VECTORS else SPACE)
    spacing = [AXES[k] for k in selected]
    options: dict[str, Any] = {"accuracy": 2} | ({"order": (2, 1)[:count]} if name == "partial" else {})
    whole = batch_first(np.array(call(name, F, *spacing, axis=axis, **options)))
    for index in np.ndindex(*whole.shape[: 3 - count]):
        alone = call(name, batch_first(F)[index], *spacing, **options)
        np.testing.assert_array_equal(whole[index], np.array(alone))


@pytest.mark.parametrize("name", OF_VECTORS)
def test_components_come_in_a_tuple_a_list_or_an_array(name: str) -> None:
    F = field(name, SPACE)
    one = bits(call(name, F, *AXES))
    assert one == bits(call(name, tuple(F), *AXES)) == bits(call(name, list(F), *AXES))
    assert one == bits(call(name, tuple(np.asfortranarray(part) for part in F), *AXES))
    assert one == bits(call(name, np.moveaxis(np.moveaxis(F, 0, -1).copy(), -1, 0), *AXES))


@pytest.mark.parametrize("name", STRUCTURES)
def test_lists_are_arrays_and_spacings_scalars_or_coordinates(name: str) -> None:
    f = field(name, PLANE)
    options: dict[str, Any] = {"accuracy": 2}
    assert bits(call(name, f.tolist(), **options)) == bits(call(name, f, 1.0, 1.0, **options))
    assert bits(call(name, f, 0.5, **options)) == bits(call(name, f, 0.5, 0.5, **options))
    mixed = call(name, f, list(AXES[0]), 0.5, **options)
    assert bits(mixed) == bits(call(name, f, AXES[0], 0.5 * np.arange(10), **options))


def test_dates_need_a_unit() -> None:
    days = np.array(["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06", "2024-01-10"], "M8[D]")
    f = np.array([1.0, 3.0, -2.0, 0.5, 4.0])
    elapsed = np.array([0.0, 1.0, 4.0, 5.0, 9.0])
    for dates, x in ((days, elapsed), (days[::-1], elapsed[::-1]), (days.astype("M8[ns]"), elapsed)):
        ours = grid.gradient(f, dates, accuracy=2, time_unit="D")
        # A step of a day is 1, or 86400 s over 86400: the quotients may be rounded once.
        np.testing.assert_allclose(ours, grid.gradient(f, x, accuracy=2), rtol=1e-14)
        hours = grid.partial(f, dates, order=2, time_unit="h")
        np.testing.assert_allclose(hours * 24**2, grid.partial(f, x, order=2), rtol=1e-13)
        with pytest.raises((TypeError, ValueError), match="`time_unit`"):
            grid.laplacian(f, dates)


# ---- dtypes


DTYPES = [(kind, kind) for kind in ("f2", "f4", "f8", "c8", "c16", ">f4", ">c16")]
DTYPES += [("i1", "f8"), ("i4", "f8"), ("u2", "f8"), (">i8", "f8")]


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize(("given", "result"), DTYPES)
def test_dtypes(given: str, result: str, name: str) -> None:
    f = np.abs(field(name, PLANE, given)).astype(given) if given[-2] == "u" else field(name, PLANE, given)
    ours = np.array(call(name, f, 0.5, accuracy=4))
    wide = call(name, f.astype("c16" if np.dtype(result).kind == "c" else "f8"), 0.5, accuracy=4)
    wanted = np.dtype(result)
    if name == "magnitude" and wanted.kind == "c":
        wanted = wanted.type(0).real.dtype  # a length is real
    first = call(name, f, 0.5, accuracy=4)
    while isinstance(first, tuple):
        first = first[0]
    assert first.dtype.newbyteorder("=") == wanted.newbyteorder("=")
    # Samples below 50 * sqrt(2), at most 8 terms with weights below 20 / 0.5**3; float16 is rounded once.
    computed = max(float(np.finfo(wanted).eps), 2.3e-16)
    np.testing.assert_allclose(ours.astype(complex), np.array(wide), rtol=0, atol=computed * 71 * 160 * 8)


REFUSED = {
    "bool": (np.ones(PLANE, bool), "bool"),
    "objects": (np.ones(PLANE, object), "object"),
    "dates": (np.zeros(PLANE, "M8[D]"), "datetime64"),
    "longdouble": (np.ones(PLANE, "g"), r"float128|longdouble"),
    "strings": (np.full(PLANE, "a"), "<U1"),
}


@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("case", REFUSED)
def test_other_data_is_refused(case: str, name: str) -> None:
    f, words = REFUSED[case]
    f = np.stack([f, f]) if name in OF_VECTORS else f
    with pytest.raises(TypeError, match=f"`[fF]`.*({words})"):
        call(name, f, accuracy=2)


# ---- out


@pytest.mark.parametrize(("name", "shape"), EVERY)
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", ">f8", "f2", "i4"])
def test_out_holds_what_would_be_returned(name: str, shape: tuple[int, ...], dtype: str) -> None:
    f = field(name, shape, dtype)
    expected = call(name, f, 0.5, accuracy=2)
    whole = np.array(expected)

    def empty(part: Any) -> Any:
        return tuple(map(empty, part)) if isinstance(part, tuple) else np.full_like(part, 7)

    out = empty(expected)
    if name == "hessian":  # H[i][j] is H[j][i] in what is returned: so it is in what is given
        out = tuple(tuple(out[min(i, j)][max(i, j)] for j in range(len(shape))) for i in range(len(shape)))
    assert call(name, f, 0.5, accuracy=2, out=out) is out
    assert bits(out) == bits(expected)
    together = np.full_like(whole, 7, dtype=leaf(expected).dtype)
    if name != "hessian":
        assert call(name, f, 0.5, accuracy=2, out=together) is together
        assert together.tobytes() == np.array(expected, together.dtype).tobytes()


def leaf(result: Any) -> np.ndarray:
    return leaf(result[0]) if isinstance(result, tuple) else result


def test_a_stacked_hessian_is_filled_on_both_sides() -> None:
    f, out = field("hessian", PLANE), np.zeros((2, 2, *PLANE))
    assert grid.hessian(f, out=out) is out
    assert out.tobytes() == np.array(grid.hessian(f)).tobytes()


@pytest.mark.parametrize("name", STRUCTURES)
def test_a_bad_out_is_refused_before_anything_is_written(name: str) -> None:
    f = field(name, PLANE)
    good = np.array(call(name, f, accuracy=2))
    frozen = np.zeros_like(good)
    frozen.flags.writeable = False
    memory = np.zeros((8, *PLANE)) if name in OF_VECTORS else np.zeros(PLANE)
    inside = memory[:2] if name in OF_VECTORS else memory
    for out, error, words in (
        (np.zeros((*good.shape[:-1], 9)), ValueError, "shape"),
        (np.zeros_like(good, "f4"), TypeError, "float64"),
        (frozen, ValueError, "writeable"),
        (1.0, TypeError, "array"),
    ):
        with pytest.raises(error, match=rf"`out`.*{words}"):
            call(name, f, accuracy=2, out=out)
        assert not isinstance(out, np.ndarray) or not out.any()
    shared = np.lib.stride_tricks.as_strided(inside, good.shape, (0,) * (good.ndim - 2) + inside.strides[-2:])
    with pytest.raises(ValueError, match=r"`out`.*overlap"):
        call(name, inside, accuracy=2, out=shared if good.ndim > 2 else inside.reshape(-1, *PLANE)[0])


# ---- errors


def waves(*axes: np.ndarray) -> tuple[np.ndarray, dict[str, Any]]:
    """A smooth field and what the operators make of it."""
    x, y = np.meshgrid(*axes, indexing="ij")
    s = np.exp(np.sin(2 * x) - y)
    fx, fy = 2 * np.cos(2 * x) * s, -s
    fxx, fxy, fyy = (4 * np.cos(2 * x) ** 2 - 4 * np.sin(2 * x)) * s, -fx, s
    return s, {
        "gradient": (fx, fy),
        "partial": fxy,
        "divergence": fx + fy,
        "curl": fx - fy,
        "laplacian": fxx + fyy,
        "hessian": ((fxx, fxy), (fxy, fyy)),
        "jacobian": ((fx, fy), (fx, fy)),
        "magnitude": np.hypot(fx, fy),
    }


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("name", STRUCTURES)
@pytest.mark.parametrize("kind", ["uniform", "stretched"])
def test_the_error_covers_what_it_should(kind: str, name: str, accuracy: int) -> None:
    t = np.linspace(0, 1, 41)
    axes = (t, t + 0.5) if kind == "uniform" else (t + 0.1 * np.sin(3 * t), t**1.5 + t)
    f, exact = waves(*axes)
    options: dict[str, Any] = {"accuracy": accuracy} | ({"order": (1, 1)} if name == "partial" else {})
    given = (f, f) if name in OF_VECTORS else f
    result = getattr(grid, name)(given, *axes, **options, full_output=True)
    assert type(result).__name__ == "GridResult"
    assert bits(result.value) == bits(getattr(grid, name)(given, *axes, **options))
    assert shape_of(result.error) == shape_of(result.value)
    error, value, wanted = np.array(result.error), np.array(result.value), np.array(exact[name])
    assert np.isfinite(error).all()
    assert (error >= 0).all()
    true = np.abs(value - wanted)
    assert (true <= error).mean() >= 0.95
    # Nor is it a bound that says nothing: typically within 1000 of the truth where that is more than round-off.
    assert np.median(error) <= 1e3 * max(np.median(true), 1e-15 * np.abs(wanted).max() / np.diff(axes[0]).min() ** 2)


def test_an_error_of_exactly_sampled_polynomials_is_round_off() -> None:
    x = np.arange(12.0)
    result = grid.partial(x**3, order=1, accuracy=4, full_output=True)
    true = np.abs(result.value - 3 * x**2)
    assert (true <= result.error).all()
    assert result.error.max() <= 1e-10 * 3 * 11**2


@pytest.mark.parametrize("dtype", ["f4", "f2", "c8", "c16"])
def test_errors_are_real_and_know_the_precision(dtype: str) -> None:
    x = np.linspace(0, 3, 61)
    f = np.exp(1j * x).astype(dtype) if dtype[0] == "c" else np.sin(x).astype(dtype)
    result = grid.partial(f, x, order=1, accuracy=8, full_output=True)
    exact = 1j * np.exp(1j * x) if dtype[0] == "c" else np.cos(x)
    assert result.value.dtype == np.dtype(dtype)
    assert result.error.dtype.kind == "f"
    assert (np.abs(result.value - exact) <= result.error).mean() >= 0.95


def test_what_is_not_finite_has_an_error_that_is_not() -> None:
    f = np.sin(np.arange(30.0))
    f[12] = np.nan
    result = grid.gradient(f, accuracy=2, full_output=True)
    assert not np.isfinite(result.error[np.isnan(result.value)]).any()
    assert np.isfinite(result.error[:8]).all()


# ---- bad input


def test_each_axis_needs_order_plus_accuracy_points() -> None:
    short = np.zeros((20, 6))
    for name, options, least in (
        ("gradient", {"accuracy": 6}, 7),
        ("laplacian", {"accuracy": 6}, 8),
        ("hessian", {"accuracy": 6}, 8),
        ("partial", {"accuracy": 2, "order": (0, 5)}, 7),
        ("magnitude", {"accuracy": 4, "full_output": True}, 7),
    ):
        with pytest.raises(ValueError, match=rf"axis 1 of `f` has 6 points.*at least {least}"):
            getattr(grid, name)(short, **options)
        long = np.zeros((20, least))
        getattr(grid, name)(long, **options)
    grid.partial(short, accuracy=12, order=(6, 0))  # an axis of order 0 needs none


BAD: dict[str, tuple[str, Any, tuple[Any, ...], dict[str, Any], type[Exception] | tuple[type[Exception], ...], str]] = {
    "accuracy odd": ("laplacian", np.zeros(PLANE), (), {"accuracy": 3}, ValueError, "`accuracy`.*2, .*, 12, got 3"),
    "accuracy large": ("laplacian", np.zeros(PLANE), (), {"accuracy": 14}, ValueError, "`accuracy`.*14"),
    "order missing": ("partial", np.zeros(PLANE), (), {}, TypeError, "order"),
    "order negative": ("partial", np.zeros(PLANE), (), {"order": (1, -1)}, ValueError, "`order.*-1"),
    "order zero": ("partial", np.zeros(PLANE), (), {"order": (0, 0)}, ValueError, "`order`.*0"),
    "order large": ("partial", np.zeros(PLANE), (), {"order": (7, 0)}, ValueError, "`order.*7"),
    "order float": ("partial", np.zeros(PLANE), (), {"order": (1.0, 0)}, TypeError, "`order.*1.0"),
    "order bool": ("partial", np.zeros(PLANE), (), {"order": (True, 0)}, TypeError, "`order.*True"),
    "order short": ("partial", np.zeros(PLANE), (), {"order": (1,)}, (ValueError, TypeError), "`order`.*2.*1"),
    "order one int": ("partial", np.zeros(PLANE), (), {"order": 1}, (ValueError, TypeError), "`order`.*2"),
    "order elsewhere": ("laplacian", np.zeros(PLANE), (), {"order": 2}, TypeError, "order"),
    "edge_order elsewhere": ("laplacian", np.zeros(PLANE), (), {"edge_order": 2}, TypeError, "edge_order"),
    "edge_order": ("gradient", np.zeros(9), (), {"edge_order": 2, "boundary": "reflect"}, ValueError, "`edge_order`"),
    "unknown": ("curl", np.zeros((2, *PLANE)), (), {"mode": "wrap"}, TypeError, "mode"),
    "shapes": ("divergence", (np.zeros(PLANE), np.zeros((9, 9))), (), {}, ValueError, r"`F`.*\(9, 10\).*\(9, 9\)"),
    "components": ("divergence", np.zeros((3, *PLANE)), (), {}, ValueError, "`F`.*2.*3"),
    "curl of one": ("curl", np.zeros((1, 12)), (), {}, ValueError, "curl|`F`"),
    "curl of four": ("curl", np.zeros((4, 5, 5, 5, 5)), (), {}, ValueError, "curl|`F`"),
    "curl of two in space": ("curl", np.zeros((2, *SPACE)), (), {}, ValueError, "`F`.*3.*2"),
    "a number": ("divergence", 1.0, (), {}, (ValueError, TypeError), "`F`"),
    "no axes": ("laplacian", 1.0, (), {}, ValueError, "`f`"),
    "spacings": ("laplacian", np.zeros(PLANE), (1.0, 1.0, 1.0), {}, TypeError, "`spacing`.*2 axes.*3"),
    "fewer spacings": ("hessian", np.zeros(SPACE), (1.0, 1.0), {}, TypeError, "`spacing`.*3 axes.*2"),
    "spacings of a batch": ("laplacian", np.zeros(SPACE), AXES, {"axis": 1}, TypeError, "`spacing`.*3"),
    "wrong length": ("magnitude", np.zeros(PLANE), (AXES[1], 1.0), {}, ValueError, r"`spacing\[0\]`.*9.*10"),
    "not monotonic": ("hessian", np.zeros(PLANE), (AXES[0] % 2, 1.0), {}, ValueError, r"`spacing\[0\]`.*monotonic"),
    "spacing zero": ("laplacian", np.zeros(PLANE), (0.0,), {}, ValueError, "`spacing`.*zero"),
    "axis out": ("laplacian", np.zeros(PLANE), (), {"axis": 2}, IndexError, "axis 2"),
    "axis twice": ("laplacian", np.zeros(PLANE), (), {"axis": (0, -2)}, ValueError, "axis"),
    "threads": ("laplacian", np.zeros(PLANE), (), {"threads": 0}, ValueError, "`threads`"),
    "nan": ("laplacian", np.zeros(PLANE), (), {"nan": "ignore"}, ValueError, "`nan`.*propagate.*one-sided.*ignore"),
    "full_output": ("laplacian", np.zeros(PLANE), (), {"full_output": 1}, TypeError, "`full_output`"),
    "time_unit": ("gradient", np.zeros(9), (np.arange(9).astype("M8[D]"),), {"accuracy": 2, "time_unit": "q"},
                  ValueError, "`time_unit`.*'q'"),
    "time_unit for numbers": ("laplacian", np.zeros(9), (), {"time_unit": "s"}, (ValueError, TypeError), "`time_unit`"),
    "NaT": ("laplacian", np.zeros(3), (np.array(["2024", "NaT", "2026"], "M8[Y]"),), {"time_unit": "D"},
            (ValueError, TypeError), "`spacing"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case: str) -> None:
    name, f, spacing, options, error, words = BAD[case]
    with pytest.raises(error, match=words):
        getattr(grid, name)(f, *spacing, **options)


def test_a_length_depends_on_its_own_point_only() -> None:
    """Extreme lengths are scaled, to neither overflow nor vanish: their neighbours keep their bits."""
    f = RNG.standard_normal((40, 50))
    plain = grid.magnitude(f)
    assert np.array_equal(plain, np.sqrt(sum(part**2 for part in grid.gradient(f, accuracy=2))))
    for extreme in (0.0, 1e-200, 1e200):
        g = f.copy()
        g[20:24, 20:24] *= extreme
        ours = grid.magnitude(g)
        far = np.ones(f.shape, bool)
        far[19:25, 19:25] = False
        assert np.array_equal(ours[far], plain[far])
        down, across = grid.gradient(g, accuracy=2)
        np.testing.assert_allclose(ours, np.hypot(down, across), rtol=1e-15)
