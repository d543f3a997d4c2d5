"""Windows: what the kernels can't read or write as it lies is converted piece by piece, with the same bits."""

import tracemalloc
from typing import Any

import numpy as np
import pytest

from fastdiff import grid
from fastdiff.grid import _layout

RNG = np.random.default_rng(0)
SHAPE = (23, 9, 14)
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("gradient", {"accuracy": 4}),
    ("gradient", {"accuracy": 2, "boundary": "periodic"}),
    ("gradient", {"accuracy": 2, "boundary": {0: ("reflect", ("constant", 2.0))}}),
    ("gradient", {"axis": (1, 2), "accuracy": 2}),
    ("partial", {"order": (2, 1, 0)}),
    ("partial", {"order": (0, 1, 2), "boundary": "periodic"}),
    ("partial", {"order": (1, 1, 1), "full_output": True}),
    ("laplacian", {"full_output": True}),
    ("magnitude", {"nan": "one-sided"}),
    ("hessian", {"nan": "one-sided"}),
]


def field(dtype: str) -> np.ndarray:
    f = RNG.standard_normal(SHAPE)
    f[3, 4, 5] = f[20:, 2] = np.nan
    return (f + 1j * np.roll(f, 1) if dtype.endswith(("c8", "c16")) else f).astype(dtype)


def unaligned(f: np.ndarray) -> np.ndarray:
    memory = np.zeros(f.nbytes + 1, np.uint8)
    copy = np.frombuffer(memory.data, f.dtype, f.size, 1).reshape(f.shape)
    copy[...] = f
    return copy


LAYOUTS = {
    "plain": lambda f: f,
    "transposed": lambda f: np.asfortranarray(f),
    "unaligned": unaligned,
    "every third": lambda f: np.repeat(f, 3, axis=2)[:, :, ::3],
    "short rows": lambda f: np.pad(f, ((0, 0), (0, 0), (0, 3)))[:, :, :-3],
}


def flat(result: Any) -> np.ndarray:
    if isinstance(result, tuple):
        return np.concatenate([flat(part) for part in result])
    return np.asarray(result, np.result_type(result.dtype, np.float64)).ravel()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize("dtype", ["f8", ">f8", "f4", ">c16", "c8", "f2"])
@pytest.mark.parametrize(("name", "options"), CALLS)
def test_a_narrow_window_gives_the_same_bits(
    name: str, options: dict[str, Any], dtype: str, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    f = field(dtype)
    whole = flat(getattr(grid, name)(f, 0.5, **options))
    monkeypatch.setattr(_layout, "WINDOW_BYTES", rows * 9 * 14 * 8)
    for layout in LAYOUTS.values():
        ours = flat(getattr(grid, name)(layout(f), 0.5, **options))
        assert ours.tobytes() == whole.tobytes()


@pytest.mark.parametrize("rows", [1, 3])
@pytest.mark.parametrize(("name", "options"), [call for call in CALLS if "full_output" not in call[1]])
def test_results_in_any_layout(name: str, options: dict[str, Any], rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    f = field("f8")
    whole = getattr(grid, name)(f, 0.5, **options)
    monkeypatch.setattr(_layout, "WINDOW_BYTES", rows * 9 * 14 * 8)
    outer = np.array(whole).shape[: -len(SHAPE)]
    for out in (
        np.zeros((*outer, *SHAPE[::-1])).swapaxes(-1, -3),
        np.zeros((*outer, *SHAPE, 2))[..., 0],
        np.zeros((*outer, *SHAPE))[..., ::-1, :, :],
    ):
        assert getattr(grid, name)(f, 0.5, **options, out=out) is out
        np.testing.assert_array_equal(out, np.array(whole))


@pytest.mark.parametrize(
    ("name", "options", "arrays"),
    [
        ("gradient", {"accuracy": 4}, 3),
        ("laplacian", {}, 1),
        ("magnitude", {}, 1),
        ("partial", {"order": (1, 0, 1)}, 1),
        ("partial", {"order": (0, 1, 1)}, 1),
    ],
)
@pytest.mark.parametrize("dtype", ["f8", ">f8"])
def test_no_copy_of_a_whole_array(name: str, options: dict[str, Any], arrays: int, dtype: str) -> None:
    """What is allocated are the results, and windows of some rows."""
    f = RNG.standard_normal((200, 160, 170)).astype(dtype)  # 43 MB
    for layout in (f, f.transpose(2, 0, 1), f[::-1, ::2]):
        tracemalloc.start()
        getattr(grid, name)(layout, 0.5, **options)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < arrays * layout.nbytes + (16 << 20)
