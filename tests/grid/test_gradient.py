"""`grid.gradient`: what it returns, where it writes, what it refuses."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest

from fastdiff import grid

RNG = np.random.default_rng(0)
F = RNG.standard_normal((12, 13))
X, Y = np.cumsum(RNG.random(12) + 0.1), np.cumsum(RNG.random(13) + 0.1)


def test_returns_a_tuple_an_array_or_nothing() -> None:
    assert isinstance(grid.gradient(F, accuracy=2), tuple)
    assert isinstance(grid.gradient(F, axis=(1,), accuracy=2), np.ndarray)
    assert grid.gradient(F, axis=(), accuracy=2) == ()


def test_axes_and_spacings_go_together() -> None:
    down, across = grid.gradient(F, X, 0.5, accuracy=4)
    swapped = grid.gradient(F, 0.5, X, axis=(1, -2), accuracy=4)
    assert np.array_equal(swapped[0], across)
    assert np.array_equal(swapped[1], down)


@pytest.mark.parametrize(
    ("given", "result"),
    [(kind, kind) for kind in ("f2", "f4", "f8", "c8", "c16", ">f4", ">c16")] + [("i2", "f8"), ("u1", "f8")],
)
def test_dtypes_with_accuracy(given: str, result: str) -> None:
    f = (10 * F).astype(given)
    part = grid.gradient(f, 0.5, axis=1, accuracy=4)
    assert part.dtype == np.dtype(result)
    wide = f.astype("c16" if part.dtype.kind == "c" else "f8")
    exact = grid.gradient(wide, 0.5, axis=1, accuracy=4)
    np.testing.assert_allclose(part, exact, rtol=0, atol=1000 * np.finfo(result).eps)


def test_complex_data_of_any_layout() -> None:
    f = (F + 1j * F[::-1]).T[::2, ::-1]
    ours = grid.gradient(f, 0.5, 2.0, accuracy=2)
    reals, imags = (grid.gradient(part, 0.5, 2.0, accuracy=2) for part in (f.real, f.imag))
    for one, real, imag in zip(ours, reals, imags, strict=True):
        assert np.array_equal(one, real + 1j * imag)
        assert one.strides == np.empty_like(f).strides


MODES: tuple[dict[str, Any], ...] = ({}, {"edge_order": 2}, {"accuracy": 4})


@pytest.mark.parametrize("options", MODES)
@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", "i4", "c16", "f2"])
def test_out_holds_what_would_be_returned(options: dict[str, Any], dtype: str) -> None:
    f = (10 * F).astype(dtype)
    expected = grid.gradient(f, 0.5, Y, **options)
    kind = expected[0].dtype
    stacked = np.full((2, 12, 13), 7, kind)
    assert grid.gradient(f, 0.5, Y, **options, out=stacked) is stacked
    assert all(one.tobytes() == other.tobytes() for one, other in zip(stacked, expected, strict=True))
    shape = (12, 13)
    for make in (
        lambda: np.zeros(shape, kind),
        lambda: np.zeros(shape, kind, order="F"),
        lambda: np.zeros((12, 26), kind)[:, ::2],
    ):
        pair = make(), make()
        assert grid.gradient(f, 0.5, Y, **options, out=pair) is pair
        assert all(one.tobytes() == other.tobytes() for one, other in zip(pair, expected, strict=True))
    alone = np.zeros((12, 13), kind)
    assert grid.gradient(f, Y, axis=1, **options, out=alone) is alone
    assert alone.tobytes() == expected[1].tobytes()


@pytest.mark.parametrize("options", MODES)
def test_streamed_outputs_have_the_same_bits(options: dict[str, Any]) -> None:
    f = RNG.standard_normal((1300, 1301))
    out = tuple(np.zeros_like(f) for _ in range(2))
    uneven = tuple(np.cumsum(RNG.random(n) + 0.1) for n in f.shape)
    for spacing in ((0.3, 0.5), uneven):
        grid.gradient(f, *spacing, **options, out=out)
        for one, other in zip(out, grid.gradient(f, *spacing, **options), strict=True):
            assert one.tobytes() == other.tobytes()


def overlapping() -> dict[str, tuple[Any, Any, type[Exception], str]]:
    memory = np.zeros((3, 12, 13))
    frozen = np.zeros((2, 12, 13))
    frozen.flags.writeable = False
    return {
        "shape": (F, np.zeros((2, 12, 12)), ValueError, "shape"),
        "count": (F, np.zeros((3, 12, 13)), ValueError, "2 arrays"),
        "too few": (F, (np.zeros((12, 13)),), ValueError, "2 arrays"),
        "dtype": (F, np.zeros((2, 12, 13), "f4"), TypeError, "float64"),
        "byte order": (F, np.zeros((2, 12, 13), ">f8"), TypeError, "float64"),
        "read-only": (F, frozen, ValueError, "writeable"),
        "itself": (memory[0], memory[:2], ValueError, "overlap"),
        "each other": (F, (memory[0], memory[0]), ValueError, "overlap"),
        "a number": (F, 1.0, TypeError, "2 arrays"),
        "lists": (F, [[1.0], [2.0]], TypeError, "2 arrays"),
    }


@pytest.mark.parametrize("options", [*MODES, {"edge_order": True}])
@pytest.mark.parametrize("case", overlapping())
def test_a_bad_out_is_refused_before_anything_is_written(case: str, options: dict[str, Any]) -> None:
    f, out, error, words = overlapping()[case]
    before = f.copy()
    with pytest.raises(error, match=rf"`out`.*{words}"):
        grid.gradient(f, **options, out=out)
    assert np.array_equal(f, before)
    arrays = [part for part in out if isinstance(part, np.ndarray)] if not isinstance(out, float) else []
    assert not any(part.any() for part in arrays)


def test_out_must_not_overlap_the_coordinates() -> None:
    memory = np.arange(1.0, 13.0)
    for options in ({}, {"accuracy": 2}):
        with pytest.raises(ValueError, match=r"`out`.*overlap"):
            grid.gradient(F[:, 0].copy(), memory, out=memory, **options)


BAD: dict[str, tuple[Any, tuple[Any, ...], dict[str, Any], type[Exception], str]] = {
    "accuracy odd": (F, (), {"accuracy": 3}, ValueError, "`accuracy`.*2, 4, 6, 8.*3"),
    "accuracy large": (F, (), {"accuracy": 14}, ValueError, "`accuracy`.*10"),
    "accuracy bool": (F, (), {"accuracy": True}, TypeError, "`accuracy`.*True"),
    "accuracy float": (F, (), {"accuracy": 2.0}, TypeError, "`accuracy`.*2.0"),
    "accuracy str": (F, (), {"accuracy": "4"}, TypeError, "`accuracy`.*'4'"),
    "edge_order": (F, (), {"edge_order": 2}, ValueError, "`edge_order`.*`accuracy`"),
    "short axis": (F[:, :4], (), {"accuracy": 4}, ValueError, "axis 1 of `f` has 4 points.*at least 5"),
    "scalar": (3.0, (), {}, ValueError, "`f`"),
    "bool": (F > 0, (), {}, TypeError, "`f`.*bool"),
    "strings": (["a", "b", "c"], (), {}, TypeError, "`f`"),
    "objects": (F.astype(object), (), {}, TypeError, "`f`.*object"),
    "None": (None, (), {}, TypeError, "`f`"),
    "dates": (np.arange(9).astype("M8[D]"), (), {}, TypeError, "`f`.*datetime64"),
    "longdouble": (F.astype("g"), (), {}, TypeError, "`f`.*"),
    "matrix": (F.view(type("Sub", (np.ndarray,), {})), (), {}, TypeError, "`f`.*Sub"),
    "ragged": ([[1.0], [1.0, 2.0]], (), {}, ValueError, "`f`"),
    "spacing zero": (F, (0.0,), {}, ValueError, "`spacing`.*zero"),
    "spacing tiny": (F, (1e-320,), {}, ValueError, "`spacing`"),
    "spacing NaN": (F, (1.0, np.nan), {}, ValueError, r"`spacing\[1\]`.*finite"),
    "spacing inf": (F, (np.inf,), {}, ValueError, "`spacing`.*finite"),
    "spacing str": (F, ("a",), {}, TypeError, "`spacing`"),
    "spacing None": (F, (None,), {}, TypeError, "`spacing`"),
    "spacing complex": (F, (1j,), {}, TypeError, "`spacing`"),
    "spacing 2-D": (F, (F, 1.0), {}, ValueError, r"`spacing\[0\]`.*1-D"),
    "too many": (F, (1.0, 1.0, 1.0), {}, TypeError, "`spacing`.*2 axes.*3"),
    "one array": (F, (X,), {}, TypeError, "`spacing`.*2 axes"),
    "wrong length": (F, (X[:-1], Y), {}, ValueError, r"`spacing\[0\]`.*12.*11"),
    "repeated": (F, (np.sort(np.r_[X[:-1], X[3]]), Y), {}, ValueError, r"`spacing\[0\]`.*monotonic"),
    "unsorted": (F, (X, Y[RNG.permutation(13)]), {}, ValueError, r"`spacing\[1\]`.*monotonic"),
    "coordinate NaN": (F, (X, np.where(Y > 2, np.nan, Y)), {}, ValueError, r"`spacing\[1\]`.*finite"),
    "axis out": (F, (), {"axis": 2}, IndexError, "axis 2"),
    "axis twice": (F, (), {"axis": (0, 0)}, ValueError, "axis"),
    "axis float": (F, (), {"axis": 1.0}, TypeError, "`axis`.*1.0"),
    "threads zero": (F, (), {"threads": 0}, ValueError, "`threads`.*0"),
    "threads str": (F, (), {"threads": "2"}, TypeError, "`threads`"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case: str) -> None:
    f, spacing, options, error, words = BAD[case]
    with pytest.raises(error, match=words):
        grid.gradient(f, *spacing, **({"accuracy": 2} | options))


def test_bad_threads_are_named_in_the_numpy_mode_too() -> None:
    with pytest.raises(TypeError, match="`threads`"):
        grid.gradient(F > 0, threads=1.5)  # type: ignore[arg-type]


def test_an_unknown_option_is_an_error() -> None:
    with pytest.raises(TypeError, match="step"):
        grid.gradient(F, step=1.0)  # type: ignore[call-arg]


def test_equal_spacings_of_other_types_do_not_share_a_plan() -> None:
    f = F.astype("f4")
    for spacing in (3, 3.0, np.float64(3), np.float32(3), np.int64(3), -3.0, True, np.array(3.0)):
        for ours, theirs in zip(grid.gradient(f, spacing), np.gradient(f, spacing), strict=True):
            assert ours.tobytes() == theirs.tobytes()
    for spacing in (0.0, -0.0, 0.0):
        with np.errstate(all="ignore"):
            assert np.array(grid.gradient(f, spacing)).tobytes() == np.array(np.gradient(f, spacing)).tobytes()


def test_extremes_do_not_warn() -> None:
    f = np.array([0.0, 1.0, 6e4, -6e4, 3.0])
    for dtype in ("f2", "f4", "f8"):
        for spacing in (1e300, np.float64(1e-300), np.array([0.0, 1e-39, 1.0, 1e30, 1e38])):
            grid.gradient(f.astype(dtype), spacing, accuracy=2)
            if dtype != "f2":  # which NumPy serves
                grid.gradient(f.astype(dtype), spacing, edge_order=2)


def test_an_extent_of_zero_elsewhere() -> None:
    for options in ({}, {"accuracy": 2}):
        result = grid.gradient(np.zeros((5, 0)), axis=0, **options)
        assert result.shape == (5, 0)


NO_CORE = """
import numpy as np, pytest, warnings
warnings.simplefilter("ignore")
from fastdiff import grid, _kernels
assert _kernels.core is None and "FASTDIFF_NO_CORE" in _kernels.reason
f, out = np.random.rand(4, 5), np.zeros((2, 4, 5))
assert all(map(np.array_equal, grid.gradient(f, 0.5), np.gradient(f, 0.5)))
assert grid.gradient(f, 0.5, out=out) is out and np.array_equal(out, np.gradient(f, 0.5))
with pytest.raises(ImportError, match="python -m pip install ."):
    grid.gradient(f, accuracy=2)
"""


def test_without_the_core_numpy_serves() -> None:
    subprocess.run([sys.executable, "-c", NO_CORE], env=os.environ | {"FASTDIFF_NO_CORE": "1"}, check=True, timeout=60)


DIGEST = """
import hashlib, numpy as np
from fastdiff import grid
from fastdiff.grid import _apply
_apply.STREAMED_BYTES = 0
rng, digest = np.random.default_rng(0), hashlib.sha256()
for shape in ((257,), (33, 65), (9, 10, 131)):
    for dtype in ("f4", "f8"):
        f = rng.standard_normal(shape).astype(dtype)
        uneven = [np.cumsum(rng.random(n) + 0.1) for n in shape]
        for spacing in ((0.3,), (np.float64(0.3),), uneven):
            for options in ({}, {"edge_order": 2}, {"accuracy": 2}, {"accuracy": 8}):
                for out in (None, np.empty((f.ndim, *shape), dtype)):
                    if out is not None and f.ndim == 1:
                        out = out[0]
                    digest.update(np.array(grid.gradient(f, *spacing, out=out, **options)).tobytes())
print(digest.hexdigest())
"""


def test_wider_vectors_do_not_change_a_bit() -> None:
    digests = [
        subprocess.run(
            [sys.executable, "-c", DIGEST],
            env=os.environ | {"FASTDIFF_SIMD": level},
            check=True,
            timeout=60,
            capture_output=True,
        ).stdout
        for level in ("base", "avx2", "avx512")
    ]
    assert digests[0] == digests[1] == digests[2] != b""


@pytest.mark.parametrize(("spacing", "kind"), [(1e45, "f4"), (1e-40, "f4"), (1e45, "F"), (1e-40, "f2")])
def test_spacings_beyond_single_precision(spacing: float, kind: str) -> None:
    f = np.sin(np.arange(12.0)).astype(kind)
    f = f * f.dtype.type(1e37 if spacing > 1 and kind != "f2" else 1e-4 if kind == "f2" else 1e-30)
    with np.errstate(all="ignore"):
        wanted = grid.gradient(f.astype("D" if kind == "F" else "f8"), spacing, accuracy=4).astype(kind)
    np.testing.assert_allclose(grid.gradient(f, spacing, accuracy=4), wanted, rtol=1e-5)
    assert not grid.gradient(np.ones(12, kind), spacing, accuracy=4).any()


def test_out_that_overlaps_itself_is_refused() -> None:
    f = np.random.default_rng(0).random((6, 7))
    out = np.lib.stride_tricks.as_strided(np.empty(100), (6, 7), (0, 8))
    for options in ({}, {"accuracy": 2}):
        with pytest.raises(ValueError, match="`out` must not overlap itself"):
            grid.gradient(f, axis=0, out=out, **options)
    with pytest.raises(ValueError, match="`out` must not overlap the input"):
        grid.gradient(f, out=(f.copy(), f))
    with pytest.raises(ValueError, match=r"one of shape \(2, 2, 3\), got shape \(2, 3\)"):
        grid.gradient(f[:2, :3], out=np.empty((2, 3)))


def test_out_without_entries() -> None:
    out = np.zeros((2, 0))
    assert grid.gradient(np.zeros((2, 0)), axis=0, out=out) is out


def test_coordinates_too_fine_for_weights_are_refused() -> None:
    for x in (np.arange(12) * 1e-309, np.arange(12.0) ** 2 * 1e-309, np.linspace(-1.2, 1.2, 4) * 1.4e308):
        with pytest.raises(ValueError, match="`spacing"):
            grid.gradient(np.sin(np.arange(float(len(x)))), x, accuracy=2)
