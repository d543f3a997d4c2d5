"""The grid engine beside the floor of memory, `numpy.gradient`, hand-written numba and findiff, in interleaved rounds.

``python bench/bench_grid.py`` prints two tables: every target beside what is measured, and NumPy's mode case by case.
``pytest bench/bench_grid.py`` times ours and records ratio and target. Nothing is timed before both sides agree.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from functools import partial
from itertools import product
from math import hypot
from typing import Any, NamedTuple

import numpy as np
import pytest

import fastdiff as fd
import floor
import peers
import ratios
from fastdiff import grid

NUMPY_GRADIENT = np.gradient
THREADS = floor.THREADS
SPACING = 0.1
Calls = dict[str, Callable[[], Any]]


def field(*shape: int, dtype: str = "f8") -> np.ndarray:
    return (1000 * np.random.default_rng(0).standard_normal(shape)).astype(dtype)


def coordinates(n: int) -> np.ndarray:
    return np.cumsum(np.random.default_rng(n).random(n) + 0.1)


def small(shape: Sequence[int]) -> tuple[int, ...]:
    """Return a shape of the same kind that costs nothing: where nothing is timed, agreement is all there is."""
    return tuple(min(n, 160 if len(shape) < 3 else 24) for n in shape)


def empty(count: int, shape: Sequence[int], dtype: Any = "f8") -> tuple[np.ndarray, ...]:
    return tuple(np.zeros(shape, dtype) for _ in range(count))


# ---- agreement


def assert_same_bits(ours: Any, theirs: Any) -> None:
    for one, other in zip(np.atleast_1d(ours), np.atleast_1d(theirs), strict=True):
        assert one.tobytes() == other.tobytes()


def slow(f: np.ndarray, point: tuple[int, ...], axis: int, order: int, accuracy: int) -> float:
    """Return a derivative at one point by exact weights, and no way that the kernels go."""
    extent, here, width = f.shape[axis], point[axis], order + accuracy
    far = (order - 1) // 2 + accuracy // 2
    if far <= here < extent - far:
        nodes = range(here - far, here + far + 1)
    else:
        start = 0 if here < far else extent - width
        nodes = range(start, start + width)
    formula = fd.stencil(order, offsets=[node - here for node in nodes])
    line = f[(*point[:axis], slice(None), *point[axis + 1 :])]
    total = sum(
        (
            weight * Fraction(float(line[here + offset]))
            for offset, weight in zip(formula.offsets, formula.weights, strict=True)
        ),
        Fraction(0),
    )
    return float(total / Fraction(SPACING) ** order)


Slow = Callable[[int, int, int], float]  # component, axis, derivative order
# The entries of each operator from derivatives at a point, and how many components it takes.
ENTRIES: dict[str, tuple[Callable[[Slow, int], list[float]], Callable[[int], int]]] = {
    "gradient": (lambda d, axes: [d(0, axis, 1) for axis in range(axes)], lambda axes: 1),
    "laplacian": (lambda d, axes: [sum(d(0, axis, 2) for axis in range(axes))], lambda axes: 1),
    "magnitude": (lambda d, axes: [hypot(*(d(0, axis, 1) for axis in range(axes)))], lambda axes: 1),
    "divergence": (lambda d, axes: [sum(d(axis, axis, 1) for axis in range(axes))], lambda axes: axes),
}


def some_points(shape: Sequence[int], accuracy: int) -> Iterator[tuple[int, ...]]:
    """Yield points at corners, edges, inside, and where closures meet the interior."""
    return product(*({0, accuracy // 2, n // 2, n - 1 - accuracy // 2, n - 1} for n in shape))


def assert_right(name: str, parts: Sequence[np.ndarray], results: Sequence[np.ndarray], accuracy: int) -> None:
    """Compare results with the slow formulas at some points, within round-off."""
    order = 2 if name == "laplacian" else 1
    tolerance = 500 * np.finfo(parts[0].dtype).eps * float(abs(parts[0]).max()) / SPACING**order
    for point in some_points(parts[0].shape, accuracy):

        def at(component: int, axis: int, order: int, point: tuple[int, ...] = point) -> float:
            return slow(parts[component], point, axis, order, accuracy)

        found = [float(result[point]) for result in results]
        np.testing.assert_allclose(found, ENTRIES[name][0](at, len(point)), rtol=0, atol=tolerance)


# ---- the targets


class Target(NamedTuple):
    """A row: at least so many of something, "of the floor" or "times"; `prepare` gives its calls, which agree.

    Rows of one `work` stand side by side in the README, told apart by `case`.
    """

    work: str
    case: str
    unit: str
    least: float
    prepare: Callable[[bool], Calls]

    @property
    def title(self) -> str:
        return f"{self.work}: {self.case}" if self.case else self.work


def beside_floor(name: str, shape: tuple[int, ...], accuracy: int, dtype: str, quick: bool) -> Calls:
    """Return an operator with `out=`, and the floor of the very same arrays."""
    shape = small(shape) if quick else shape
    count = ENTRIES[name][1](len(shape))
    parts = field(count, *shape, dtype=dtype)
    out = empty(len(shape) if name == "gradient" else 1, shape, dtype)
    f = parts if count > 1 else parts[0]
    target = out if len(out) > 1 else out[0]

    def ours() -> Any:
        return getattr(grid, name)(f, SPACING, accuracy=accuracy, out=target, threads=THREADS)

    ours()
    assert_right(name, parts, out, accuracy)
    try:
        bare = floor.fastest(parts, out)
    except floor.Unavailable as error:
        pytest.skip(str(error))
    bare()
    floor.assert_swept(parts, out)
    return {"floor": bare, "ours": ours}


def beside_numpy(shape: tuple[int, ...], given: bool, spacing: tuple[float, ...], quick: bool) -> Calls:
    """Return `numpy.gradient` and ours in NumPy's mode, with `out=` or fresh; without spacing default arguments too."""
    f = field(*(small(shape) if quick else shape))
    options: dict[str, Any] = {"threads": THREADS} if spacing else {}
    if given:
        options["out"] = empty(f.ndim, f.shape)
    calls: Calls = {
        "numpy": lambda: NUMPY_GRADIENT(f, *spacing),
        "ours": lambda: grid.gradient(f, *spacing, **options),
    }
    assert_same_bits(calls["ours"](), calls["numpy"]())
    return calls


def beside_numba(quick: bool) -> Calls:
    """Return what one would write by hand in numba, and ours, into given arrays."""
    numba = pytest.importorskip("numba")
    numba.set_num_threads(min(THREADS, numba.config.NUMBA_NUM_THREADS))
    f = field(*(small((4096, 4096)) if quick else (4096, 4096)))
    out, by_hand = empty(2, f.shape), empty(2, f.shape)
    calls: Calls = {
        "numba": peers.hand_written(f, by_hand),
        "ours": lambda: grid.gradient(f, 0.5, out=out, threads=THREADS),
    }
    assert_same_bits(calls["ours"](), calls["numba"]())
    return calls


def beside_findiff(given: bool, quick: bool) -> Calls:
    """Return findiff and ours at accuracy 8, where findiff's edges are of the same formulas."""
    pytest.importorskip("findiff")
    f = field(*(small((256,) * 3) if quick else (256,) * 3))
    sides = peers.field_gradient(f, 8, out=empty(3, f.shape) if given else None)
    calls = {"findiff": sides["findiff"], "ours": sides["fastdiff"]}
    inside = (slice(8, -8),) * 3
    for one, other in zip(calls["ours"](), calls["findiff"](), strict=True):
        np.testing.assert_allclose(one[inside], other[inside], rtol=1e-9, atol=1e-8)
    return calls


def beside_one_thread(quick: bool) -> Calls:
    f = field(*(small((4096, 4096)) if quick else (4096, 4096)))
    out = empty(2, f.shape)

    def call(threads: int) -> Any:
        return grid.gradient(f, SPACING, accuracy=2, out=out, threads=threads)

    one = [part.copy() for part in call(1)]
    assert_same_bits(call(THREADS), one)
    return {"one thread": lambda: call(1), "ours": lambda: call(THREADS)}


SIZES = {"4096²": (4096, 4096), "256³": (256, 256, 256)}
FRACTIONS = {"4096²": {2: 0.92, 4: 0.88, 8: 0.72}, "256³": {2: 0.92, 4: 0.82, 8: 0.65}}
TYPES = {"": "f8", ", float32": "f4"}


def _floors() -> Iterator[Target]:
    for (words, dtype), size in product(TYPES.items(), SIZES):
        for accuracy, least in FRACTIONS[size].items():
            prepare = partial(beside_floor, "gradient", SIZES[size], accuracy, dtype)
            yield Target(f"{size} gradient, `out=`{words}", f"accuracy {accuracy}", "of the floor", least, prepare)
    for words, dtype in TYPES.items():
        for name in ("laplacian", "magnitude", "divergence"):
            prepare = partial(beside_floor, name, SIZES["256³"], 2, dtype)
            yield Target(f"256³, accuracy 2, `out=`{words}", name, "of the floor", 0.85, prepare)


def _over_numpy(work: str, case: str, least: float, shape: tuple[int, ...], given: bool, *spacing: float) -> Target:
    return Target(work, case, "times", least, partial(beside_numpy, shape, given, spacing))


TARGETS: tuple[Target, ...] = (
    *_floors(),
    _over_numpy("over `numpy.gradient`, `out=`", "4096²", 13, SIZES["4096²"], True, SPACING),
    _over_numpy("over `numpy.gradient`, `out=`", "256³", 17, SIZES["256³"], True, SPACING),
    _over_numpy("over `numpy.gradient`, fresh output", "4096²", 4, SIZES["4096²"], False, SPACING),
    _over_numpy("over `numpy.gradient`, fresh output", "256³", 4, SIZES["256³"], False, SPACING),
    _over_numpy("over `numpy.gradient`, 32², default arguments", "", 3, (32, 32), False),
    Target("over a loop by hand in numba, 4096², `out=`", "", "times", 1.5, beside_numba),
    Target("over findiff, 256³, accuracy 8", "`out=`", "times", 60, partial(beside_findiff, True)),
    Target("over findiff, 256³, accuracy 8", "fresh output", "times", 60, partial(beside_findiff, False)),
    Target("2 threads over 1, 4096²", "", "times", 1.8, beside_one_thread),
)


def measured(calls: Calls) -> ratios.Ratio:
    """Return how many times longer the other side takes; beside the floor that is the fraction of it that we reach."""
    (other,) = (name for name in calls if name != "ours")
    return ratios.ratio(ratios.interleaved(calls), other, "ours")


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.title)
def test_target(target: Target, benchmark: Any, timed: bool) -> None:
    calls = target.prepare(not timed)
    if timed:
        found = measured(calls)
        benchmark.extra_info.update(ratio=found._asdict(), unit=target.unit, target=target.least)
    benchmark(calls["ours"])


# ---- NumPy's mode, case by case


class Case(NamedTuple):
    """A call of `numpy.gradient`; `spacing` None stands for uneven coordinates along every axis."""

    shape: tuple[int, ...]
    spacing: tuple[float, ...] | None = (SPACING,)
    options: dict[str, Any] = {}  # noqa: RUF012
    out: bool = False
    dtype: str = "f8"
    view: Callable[[np.ndarray], np.ndarray] = lambda f: f


CASES: dict[str, Case] = {
    "4096², out": Case((4096, 4096), (), out=True),
    "4096², h = 0.1, out": Case((4096, 4096), out=True),
    "4096²": Case((4096, 4096)),
    "4096², float32, out": Case((4096, 4096), dtype="f4", out=True),
    "256³, out": Case((256, 256, 256), out=True),
    "256³": Case((256, 256, 256)),
    "1000², coordinates": Case((1000, 1000), None),
    "1000², edge_order 2": Case((1000, 1000), options={"edge_order": 2}),
    "2000², transposed": Case((2000, 2000), view=lambda f: f.T),
    "2000², [:, ::2]": Case((2000, 2000), view=lambda f: f[:, ::2]),
    "2000², [::-1, ::-1]": Case((2000, 2000), view=lambda f: f[::-1, ::-1]),
    "1000², big-endian": Case((1000, 1000), dtype=">f8"),
    "(344, 403), int16": Case((344, 403), (30.0, 31.0), dtype="i2"),
    "(10⁶, 3)": Case((10**6, 3)),
    "(3, 10⁶)": Case((3, 10**6)),
    "10⁶, coordinates": Case((10**6,), None),
    "32²": Case((32, 32)),
    "3³": Case((3, 3, 3)),
    "2¹⁰": Case((2,) * 10),
    "5": Case((5,), ()),
    "10, coordinates": Case((10,), None),
}


def prepare_case(name: str, quick: bool) -> Calls:
    """Return NumPy's call and ours, which have been seen to agree."""
    case = CASES[name]
    f = case.view(field(*(small(case.shape) if quick else case.shape), dtype=case.dtype))
    spacing = tuple(map(coordinates, f.shape)) if case.spacing is None else case.spacing
    out = {"out": empty(f.ndim, f.shape, f.dtype)} if case.out else {}
    calls: Calls = {
        "numpy": lambda: NUMPY_GRADIENT(f, *spacing, **case.options),
        "ours": lambda: grid.gradient(f, *spacing, **case.options, **out),
    }
    assert_same_bits(calls["ours"](), calls["numpy"]())
    return calls


@pytest.mark.parametrize("name", CASES)
def test_against_numpy(name: str, benchmark: Any, timed: bool) -> None:
    calls = prepare_case(name, not timed)
    if timed:
        benchmark.extra_info["ratio"] = measured(calls)._asdict()
    benchmark(calls["ours"])


def print_targets() -> None:
    print(f"{'':62}{'target':>8}   measured (middle half)")
    for target in TARGETS:
        try:
            found = measured(target.prepare(False))
        except pytest.skip.Exception as skipped:
            print(f"{target.title:62}{target.least:8.2f}   skipped: {skipped}")
            continue
        words = f"{found.median:6.2f} ({found.low:.2f} to {found.high:.2f}) {target.unit}"
        print(
            f"{target.title:62}{target.least:8.2f} {words}{'' if found.median >= target.least else '  MISSED'}",
            flush=True,
        )


def print_cases() -> None:
    print(f"\n{'in the mode of NumPy':24}{'numpy / ms':>12}{'ours / ms':>12}   times faster (middle half)")
    for name in CASES:
        times = ratios.interleaved(prepare_case(name, False))
        theirs, ours = (1e3 * ratios.median(times, side) for side in ("numpy", "ours"))
        print(f"{name:24}{theirs:12.4f}{ours:12.4f}   {ratios.ratio(times, 'numpy', 'ours')}", flush=True)


if __name__ == "__main__":
    print_targets()
    print_cases()
