"""`grid.gradient` beside `numpy.gradient` and hand-written numba, in interleaved rounds.

``python bench/bench_grid.py`` prints the table; ``pytest bench/bench_grid.py`` times ours, records the ratio.
"""

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
import pytest

import ratios
from fastdiff import grid

RNG = np.random.default_rng(0)
NUMPY_GRADIENT = np.gradient


def field(*shape: int, dtype: str = "f8") -> np.ndarray:
    return (1000 * RNG.standard_normal(shape)).astype(dtype)


def coordinates(n: int) -> np.ndarray:
    return np.cumsum(RNG.random(n) + 0.1)


# Name, field, spacing, options, whether `out` is given.
CASES: dict[str, Callable[[], tuple[np.ndarray, tuple[Any, ...], dict[str, Any], bool]]] = {
    "4096², out": lambda: (field(4096, 4096), (), {}, True),
    "4096², h = 0.1, out": lambda: (field(4096, 4096), (0.1,), {}, True),
    "4096²": lambda: (field(4096, 4096), (0.1,), {}, False),
    "4096², float32, out": lambda: (field(4096, 4096, dtype="f4"), (0.1,), {}, True),
    "256³, out": lambda: (field(256, 256, 256), (0.1,), {}, True),
    "256³": lambda: (field(256, 256, 256), (0.1,), {}, False),
    "1000², coordinates": lambda: (field(1000, 1000), (coordinates(1000), coordinates(1000)), {}, False),
    "1000², edge_order 2": lambda: (field(1000, 1000), (0.1,), {"edge_order": 2}, False),
    "2000², transposed": lambda: (field(2000, 2000).T, (0.1,), {}, False),
    "2000², [:, ::2]": lambda: (field(2000, 2000)[:, ::2], (0.1,), {}, False),
    "2000², [::-1, ::-1]": lambda: (field(2000, 2000)[::-1, ::-1], (0.1,), {}, False),
    "1000², big-endian": lambda: (field(1000, 1000, dtype=">f8"), (0.1,), {}, False),
    "(344, 403), int16": lambda: (field(344, 403, dtype="i2"), (30.0, 31.0), {}, False),
    "(10⁶, 3)": lambda: (field(10**6, 3), (0.1,), {}, False),
    "(3, 10⁶)": lambda: (field(3, 10**6), (0.1,), {}, False),
    "10⁶, coordinates": lambda: (field(10**6), (coordinates(10**6),), {}, False),
    "32²": lambda: (field(32, 32), (0.1,), {}, False),
    "3³": lambda: (field(3, 3, 3), (0.1,), {}, False),
    "2¹⁰": lambda: (field(*(2,) * 10), (0.1,), {}, False),
    "5": lambda: (field(5), (), {}, False),
    "10, coordinates": lambda: (field(10), (coordinates(10),), {}, False),
}


def assert_agreement(ours: Any, theirs: Any) -> None:
    for one, other in zip(np.atleast_1d(ours), np.atleast_1d(theirs), strict=True):
        assert one.tobytes() == other.tobytes()


def prepare(name: str) -> tuple[Callable[[], Any], Callable[[], Any]]:
    """Return NumPy's call and ours, which have been seen to agree."""
    f, spacing, options, given = CASES[name]()
    out = {"out": tuple(np.zeros(f.shape, f.dtype) for _ in range(f.ndim))} if given else {}

    def theirs() -> Any:
        return NUMPY_GRADIENT(f, *spacing, **options)

    def ours() -> Any:
        return grid.gradient(f, *spacing, **options, **out)

    assert_agreement(ours(), theirs())
    return theirs, ours


@pytest.mark.parametrize("name", CASES)
def test_against_numpy(name: str, benchmark: Any) -> None:
    theirs, ours = prepare(name)
    if benchmark.enabled:
        times = ratios.interleaved({"numpy": theirs, "ours": ours})
        benchmark.extra_info["times faster than numpy"] = str(ratios.ratio(times, "numpy", "ours"))
    benchmark(ours)


@numba.njit(parallel=True)
def numba_gradient(f: np.ndarray, down: np.ndarray, across: np.ndarray) -> None:  # what one would write by hand
    rows, columns = f.shape
    for i in numba.prange(rows):
        above, below = max(i - 1, 0), min(i + 1, rows - 1)
        for j in range(columns):
            down[i, j] = (f[below, j] - f[above, j]) / (below - above)
            left, right = max(j - 1, 0), min(j + 1, columns - 1)
            across[i, j] = (f[i, right] - f[i, left]) / (right - left)


def prepare_numba() -> tuple[Callable[[], Any], Callable[[], Any]]:
    f = field(4096, 4096)
    out, by_hand = ((np.zeros_like(f), np.zeros_like(f)) for _ in range(2))
    numba_gradient(f, *by_hand)
    assert_agreement(grid.gradient(f, out=out), by_hand)
    return lambda: numba_gradient(f, *by_hand), lambda: grid.gradient(f, out=out)


def test_against_numba(benchmark: Any) -> None:
    theirs, ours = prepare_numba()
    if benchmark.enabled:
        times = ratios.interleaved({"numba": theirs, "ours": ours})
        benchmark.extra_info["times faster than numba"] = str(ratios.ratio(times, "numba", "ours"))
    benchmark(ours)


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("shape", [(4096, 4096), (256, 256, 256)], ids=str)
def test_accuracy(shape: tuple[int, ...], accuracy: int, benchmark: Any) -> None:
    f = field(*shape)
    out = tuple(np.zeros_like(f) for _ in shape)
    benchmark(lambda: grid.gradient(f, 0.1, accuracy=accuracy, out=out))


def table() -> None:
    print(f"{'':24}{'peer / ms':>12}{'ours / ms':>12}   times faster (middle half)")
    rows = {name: (lambda name=name: prepare(name)) for name in CASES} | {"4096², out, numba": prepare_numba}
    for name, prepared in rows.items():
        theirs, ours = prepared()
        times = ratios.interleaved({"peer": theirs, "ours": ours})
        peer, own = (1e3 * ratios.median(times, side) for side in ("peer", "ours"))
        print(f"{name:24}{peer:12.4f}{own:12.4f}   {ratios.ratio(times, 'peer', 'ours')}", flush=True)


if __name__ == "__main__":
    table()
