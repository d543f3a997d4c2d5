"""Gaps: NaN and masked samples with `nan="one-sided"`."""

import warnings
from fractions import Fraction
from math import factorial
from typing import Any

import numpy as np
import pytest
from matplotlib.cbook import get_sample_data
from tests.grid_reference import lagrange

from fastdiff import grid

EPS = float(np.finfo(float).eps)


def roundoff(order: int, accuracy: int) -> float:
    """How far a row may be off, relative to the sum of its absolute terms: weights good to two units in the last place
    a node, a difference, a product and a sum for each of at most order + accuracy samples.
    """
    return 4 * (order + accuracy) * EPS


RNG = np.random.default_rng(0)


def uneven(n: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(n).integers(1, 4, n)).astype(float)


AXES = {"uniform": lambda n: np.arange(n) * 1.0, "falling": lambda n: -1.0 * np.arange(n), "uneven": uneven}


def runs(finite: np.ndarray) -> list[range]:
    """The longest contiguous runs of finite samples."""
    edges = np.flatnonzero(np.diff(np.r_[False, finite, False])).tolist()
    return [range(a, b) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def window(row: int, run: range, points: int) -> range:
    """The samples for a row: of its run those that are nearest in number, `points` at most."""
    points = min(points, len(run))
    start = min(max(row - points // 2, run.start), run.stop - points)
    return range(start, start + points)


class Twin:
    """The derivative along a line with gaps, row by row.

    Where the samples around a row have no gap, the regular formula; else the polynomial through a window.
    """

    def __init__(self, f: np.ndarray, x: np.ndarray, order: int, accuracy: int) -> None:
        regular = grid.partial(f, x, order=order, accuracy=accuracy)
        self.value = np.full(len(f), np.nan)
        self.repaired: dict[int, tuple[range, np.ndarray]] = {}  # the windows, and the weights of their samples
        for run in runs(np.isfinite(f)):
            for row in run:
                if np.isfinite(regular[row]):
                    self.value[row] = regular[row]
                elif len(run) > order:
                    taps = window(row, run, order + accuracy)
                    nodes = tuple(Fraction(x[tap]) - Fraction(x[row]) for tap in taps)
                    weights = np.array([float(w) for w in lagrange(nodes, Fraction(0), order)])
                    self.repaired[row] = taps, weights
                    self.value[row] = weights @ (f[taps.start : taps.stop] - f[row])


PATTERNS = {
    "none": lambda n: np.zeros(n, bool),
    "one": lambda n: np.arange(n) == n // 2,
    "first": lambda n: np.arange(n) == 0,
    "last two": lambda n: np.arange(n) >= n - 2,
    "every fourth": lambda n: np.arange(n) % 4 == 0,
    "every other": lambda n: np.arange(n) % 2 == 0,
    "30 %": lambda n: np.random.default_rng(n).random(n) < 0.3,
    "all but one": lambda n: np.arange(n) != 3,
    "all": lambda n: np.ones(n, bool),
}


@pytest.mark.parametrize("accuracy", [2, 4, 8, 12])
@pytest.mark.parametrize("order", [1, 2, 3, 6])
@pytest.mark.parametrize("kind", AXES)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_gap_costs_no_more_accuracy_than_it_must(pattern: str, kind: str, order: int, accuracy: int) -> None:
    """Column i holds powers of x - x[row i], of the highest degree that the window of that row determines."""
    n = 60
    x, gaps = AXES[kind](n), PATTERNS[pattern](n)
    one = np.where(gaps, np.nan, 1.0)
    twin = Twin(one, x, order, accuracy)
    ours = grid.partial(one, x, order=order, accuracy=accuracy, nan="one-sided")
    assert np.array_equal(ours, twin.value, equal_nan=True)  # 0 or NaN
    rows = np.array([*twin.repaired], int)
    degrees = np.array([len(taps) - 1 for taps, _ in twin.repaired.values()], int)
    powers = np.where(gaps[:, None], np.nan, np.subtract.outer(x, x[rows]) ** degrees)
    ours = grid.partial(powers, x, axis=0, order=order, accuracy=accuracy, nan="one-sided")
    for column, (row, (taps, weights)) in enumerate(twin.repaired.items()):
        exact = factorial(order) * (len(taps) - 1 == order)
        size = np.abs(weights) @ np.abs(powers[taps.start : taps.stop, column])
        assert abs(ours[row, column] - exact) <= roundoff(order, accuracy) * size


@pytest.mark.parametrize("accuracy", [2, 4, 8])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("kind", AXES)
def test_the_slow_twin_agrees(kind: str, order: int, accuracy: int) -> None:
    x = AXES[kind](60)
    for pattern in PATTERNS.values():
        f = np.where(pattern(60), np.nan, RNG.uniform(-1, 1, 60))
        twin = Twin(f, x, order, accuracy)
        ours = grid.partial(f, x, order=order, accuracy=accuracy, nan="one-sided")
        noise = np.zeros(60)  # regular rows have the same bits
        for row, (_, weights) in twin.repaired.items():
            noise[row] = 2 * roundoff(order, accuracy) * np.abs(weights).sum()
        assert np.array_equal(np.isnan(ours), np.isnan(twin.value))
        assert not (np.abs(ours - twin.value) > noise).any()


def holed(shape: tuple[int, ...], share: float = 0.3) -> np.ndarray:
    f = RNG.standard_normal(shape)
    f[RNG.random(shape) < share] = np.nan
    return f


@pytest.mark.parametrize("accuracy", [2, 4])
def test_planes_are_lines_in_both_directions(accuracy: int) -> None:
    f = holed((40, 50))
    f[7], f[:, 11], f[20:30, 20:30] = np.nan, np.nan, np.nan
    x, y = uneven(40), 0.5
    down, across = grid.gradient(f, x, y, accuracy=accuracy, nan="one-sided")
    for ours, lines, spacing in ((down.T, f.T, x), (across, f, y)):
        for one, line in zip(ours, lines, strict=True):
            alone = grid.gradient(line, spacing, accuracy=accuracy, nan="one-sided")
            np.testing.assert_array_equal(one, alone)


@pytest.mark.parametrize("dtype", ["f4", "f8", "c8", "c16", "f2"])
@pytest.mark.parametrize("shape", [(30, 40), (9, 10, 33)])
def test_clean_rows_keep_their_bits(shape: tuple[int, ...], dtype: str) -> None:
    clean = RNG.standard_normal(shape).astype(dtype)
    for options in ({"accuracy": 2}, {"accuracy": 4, "boundary": "reflect"}, {"accuracy": 4, "boundary": "periodic"}):
        for f in (clean, np.where(RNG.random(shape) < 0.02, np.nan, clean).astype(dtype)):
            strict = np.array(grid.gradient(f, 0.5, **options))
            lenient = np.array(grid.gradient(f, 0.5, **options, nan="one-sided"))
            known = np.isfinite(strict) & np.isfinite(f)
            assert lenient[known].tobytes() == strict[known].tobytes()
            assert np.isnan(lenient[:, np.isnan(f)]).all()


def test_nothing_but_gaps_is_all_nan() -> None:
    for f in (np.full((8, 9), np.nan), np.full(12, np.nan)):
        assert np.isnan(np.array(grid.gradient(f, nan="one-sided"))).all()
        assert np.isnan(grid.laplacian(f, nan="one-sided")).all()


def test_a_sum_needs_all_its_terms() -> None:
    f = np.add.outer(np.arange(12.0) ** 2, np.arange(13.0) ** 2)
    f[5, :5] = f[3, 4:8] = np.nan
    terms = [grid.partial(f, order=2, axis=axis, nan="one-sided") for axis in (0, 1)]
    whole = grid.laplacian(f, nan="one-sided")
    np.testing.assert_allclose(whole, terms[0] + terms[1], rtol=0, atol=1e-12)
    assert np.nanmax(np.abs(whole - 4)) <= 1e-11
    components = grid.divergence((f, f), nan="one-sided")
    firsts = [grid.partial(f, order=1, axis=axis, nan="one-sided") for axis in (0, 1)]
    np.testing.assert_allclose(components, firsts[0] + firsts[1], rtol=0, atol=1e-12)
    lengths = grid.magnitude(f, nan="one-sided")
    np.testing.assert_allclose(lengths, np.hypot(*firsts), rtol=1e-14)


def test_infinities_are_gaps() -> None:
    f = np.sin(np.arange(20.0))
    f[8] = np.inf
    nan = np.where(np.isinf(f), np.nan, f)
    ours, theirs = (grid.gradient(g, accuracy=2, nan="one-sided") for g in (f, nan))
    np.testing.assert_array_equal(np.delete(ours, 8), np.delete(theirs, 8))
    assert np.isnan(ours[8])


def test_propagate_is_the_default() -> None:
    f = holed((20, 21), 0.1)
    one, other = (np.array(grid.gradient(f, **options)) for options in ({"nan": "propagate"}, {"accuracy": 2}))
    np.testing.assert_array_equal(one, other)
    assert np.isnan(one).sum() > np.isnan(f).sum()


# ---- masks


MASKED_CALLS: list[tuple[str, dict[str, Any]]] = [
    ("gradient", {"accuracy": 4}),
    ("partial", {"order": (1, 0)}),
    ("laplacian", {}),
    ("magnitude", {"boundary": "reflect"}),
]


@pytest.mark.parametrize(("name", "options"), MASKED_CALLS)
def test_masked_arrays(name: str, options: dict[str, Any]) -> None:
    holes = holed((20, 25))
    mask = np.isnan(holes)
    wanted = getattr(grid, name)(holes, 0.5, **options, nan="one-sided")
    for garbage in (np.nan, 1e300, np.inf, 0.0):
        f = np.ma.array(np.where(mask, garbage, holes), mask=mask)
        ours = getattr(grid, name)(f, 0.5, **options)
        several = isinstance(ours, tuple)
        for one, other in zip(ours if several else (ours,), wanted if several else (wanted,), strict=True):
            assert isinstance(one, np.ma.MaskedArray)
            assert np.array_equal(np.ma.getmaskarray(one), np.isnan(other))
            assert np.ma.allequal(one, np.ma.masked_invalid(other))
        assert np.array_equal(np.ma.getmaskarray(f), mask)  # left as it was


def test_a_mask_without_entries_changes_nothing() -> None:
    f = RNG.standard_normal((9, 10))
    for masked in (np.ma.array(f), np.ma.array(f, mask=np.zeros(f.shape, bool))):
        for one, other in zip(grid.gradient(masked, accuracy=2), grid.gradient(f, accuracy=2), strict=True):
            assert isinstance(one, np.ma.MaskedArray)
            assert not np.ma.is_masked(one)
            assert one.data.tobytes() == other.tobytes()


def test_masked_integers() -> None:
    f = np.ma.array(np.arange(12) ** 2, mask=np.arange(12) == 5)
    ours = grid.gradient(f, accuracy=2)
    assert ours.dtype == np.float64
    assert np.array_equal(np.ma.getmaskarray(ours), f.mask)
    np.testing.assert_allclose(ours.compressed(), 2 * np.delete(np.arange(12), 5), rtol=0, atol=1e-12)


# ---- real data


def stencils_are_valid(valid: np.ndarray, axis: int) -> np.ndarray:
    """Where numpy.gradient's formula takes valid samples only: three around a node, three at an edge."""
    valid = np.moveaxis(valid, axis, 0)
    whole = np.empty_like(valid)
    whole[1:-1] = valid[:-2] & valid[1:-1] & valid[2:]
    whole[0], whole[-1] = valid[:3].all(axis=0), valid[-3:].all(axis=0)
    return np.moveaxis(whole, 0, axis)


def assert_like_numpy(height: np.ndarray, axes: tuple[Any, ...], sea: np.ndarray) -> None:
    """numpy.gradient on coordinates, of edge order 2, is an accuracy of 2, where it has all that it takes."""
    land = np.where(sea, np.nan, height).astype(float)
    ours = grid.gradient(land, *axes, accuracy=2, nan="one-sided")
    masked = grid.gradient(np.ma.array(height.astype(float), mask=sea), *axes, accuracy=2)
    theirs = np.gradient(height.astype(float), *axes, edge_order=2)
    for axis, (one, mask, other) in enumerate(zip(ours, masked, theirs, strict=True)):
        whole = stencils_are_valid(~sea, axis)
        assert whole.mean() > 0.1
        step = np.abs(np.diff(axes[axis])).min() if np.ndim(axes[axis]) else axes[axis]
        # Three terms with weights below 4 / step, which NumPy takes of the samples, we of their differences.
        np.testing.assert_allclose(one[whole], other[whole], rtol=0, atol=8 * EPS * 4 / step * np.abs(height).max())
        assert np.isnan(one[sea]).all()
        assert np.array_equal(np.ma.getmaskarray(mask), np.isnan(one))
        assert np.isfinite(one).sum() > whole.sum() or not sea.any()


def test_jacksboro() -> None:
    with get_sample_data("jacksboro_fault_dem.npz") as data:
        height, dx, dy = data["elevation"], float(data["dx"]), float(data["dy"])
    assert_like_numpy(height, (dy, dx), np.zeros(height.shape, bool))
    assert_like_numpy(height, (dy, dx), height < np.quantile(height, 0.2))  # a flooded valley


def test_topobathy() -> None:
    with get_sample_data("topobathy.npz") as data:
        height, axes = data["topo"], (data["latitude"].astype(float), data["longitude"].astype(float))
    assert np.ptp(np.diff(axes[0])) > 0  # not uniform
    assert_like_numpy(height, axes, np.zeros(height.shape, bool))
    assert_like_numpy(height, axes, height < 0)


# ---- errors, precision and warnings next to gaps


def test_every_value_next_to_a_gap_has_an_error() -> None:
    x = np.linspace(0.0, 3.0, 40)
    f = np.sin(x)
    f[[3, 20, 22]] = np.nan
    clean = grid.gradient(f, x[1], accuracy=2, nan="one-sided")
    value, error = grid.gradient(f, x[1], accuracy=2, nan="one-sided", full_output=True)
    assert np.array_equal(value, clean, equal_nan=True)
    known = np.isfinite(value)
    known[21] = False  # alone between two gaps
    assert np.isfinite(error[known]).all()
    assert (np.abs(value - np.cos(x)) <= error)[known].mean() > 0.9


def test_symmetry_does_not_hide_an_error() -> None:
    x = np.arange(14) * 0.125
    f = np.sin(x)
    f[[4, 9]] = np.nan
    value, error = grid.partial(f, x, order=2, accuracy=4, nan="one-sided", full_output=True)
    known = np.isfinite(value)
    assert (np.abs(value + np.sin(x)) <= error)[known].all()


def test_a_mixed_derivative_is_not_sure_of_itself_next_to_gaps() -> None:
    f = np.exp(np.add.outer(np.linspace(0, 2, 12), np.linspace(0, 2, 12)))
    f[:, 4] = f[6] = np.nan
    step = 2 / 11
    value, error = grid.partial(f, step, order=(1, 1), nan="one-sided", full_output=True)
    off = np.abs(value - f)
    known = np.isfinite(error)
    assert known.sum() > 60
    assert (off <= error)[known].mean() > 0.9
    assert (off <= 1.25 * error)[known].all()  # beside a gap fewer samples than two orders more would need


def test_small_weights_of_single_precision() -> None:
    f = (1e-30 * RNG.standard_normal(30)).astype("f4")
    f[10] = np.nan
    ours = grid.partial(f, 1e-20, order=2, accuracy=4, nan="one-sided")
    wanted = grid.partial(f.astype(float), 1e-20, order=2, accuracy=4, nan="one-sided")
    assert np.array_equal(np.isnan(ours), np.isnan(wanted))
    np.testing.assert_allclose(ours, wanted, rtol=1e-6)


def test_infinities_of_both_signs_do_not_warn() -> None:
    f = np.arange(9.0)
    f[0], f[2] = np.inf, -np.inf
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for boundary in ("antireflect", "reflect", "periodic"):
            assert np.isfinite(grid.gradient(f, accuracy=2, nan="one-sided", boundary=boundary)[3:]).all()


def test_a_masked_out_is_refused() -> None:
    with pytest.raises(TypeError, match=r"`out`.*MaskedArray"):
        grid.gradient(np.arange(12.0), accuracy=2, out=np.ma.array(np.zeros(12)))


def test_what_numpy_masks_is_nan_in_a_plain_out() -> None:
    f = np.ma.masked_where(np.arange(12) == 5, np.arange(12.0) ** 2)
    f.data[5] = -9999
    out = np.empty(12)
    grid.gradient(f, out=out)
    theirs = np.gradient(f)
    assert np.array_equal(np.isnan(out), np.ma.getmaskarray(theirs))
