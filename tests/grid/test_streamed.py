"""Outputs written past the cache hold the same bits, wherever they start, and nothing beside them is touched."""

import itertools
from typing import Any

import numpy as np
import pytest

from fastdiff import grid
from fastdiff.grid import _apply

RNG = np.random.default_rng(0)
SHAPES = ((4099,), (37, 41), (6, 3000), (300, 16), (12, 13, 33), (9, 10, 64), (6, 7, 8, 9))
OPTIONS: list[dict[str, Any]] = [
    {},
    {"accuracy": 4},
    {"accuracy": 4, "boundary": "periodic"},
    {"boundary": {0: ("reflect", ("constant", 2.0))}},
    {"nan": "one-sided"},
]
NAMES = ("gradient", "laplacian", "magnitude", "divergence", "curl", "jacobian")
CALLS = [
    (name, shape)
    for name, shape in itertools.product(NAMES, SHAPES)
    if (name != "curl" or len(shape) in (2, 3)) and (len(shape) < 4 or name in ("gradient", "laplacian"))
]


def leaves(result: Any) -> list[np.ndarray]:
    return [leaf for part in result for leaf in leaves(part)] if isinstance(result, tuple) else [result]


@pytest.mark.parametrize("dtype", ["f8", "f4"])
@pytest.mark.parametrize(("name", "shape"), CALLS)
def test_bits_and_surroundings(name: str, shape: tuple[int, ...], dtype: str, monkeypatch: pytest.MonkeyPatch) -> None:
    vector = name in ("divergence", "curl", "jacobian")
    F = RNG.standard_normal((len(shape), *shape) if vector else shape).astype(dtype)
    F.flat[:: F.size // 5] = 0.0  # a vanishing gradient, too, and gaps
    spacings: list[Any] = [0.5, tuple(np.cumsum(RNG.random(n) + 0.1) for n in shape)]
    for spacing, options, start in itertools.product(spacings, OPTIONS, (0, 1, 5, 8)):
        if isinstance(spacing, tuple) and options.get("boundary") == "periodic":
            continue
        f = np.where(np.arange(F.size).reshape(F.shape) % 97 == 5, np.nan, F).astype(dtype) if "nan" in options else F
        spaced = spacing if isinstance(spacing, tuple) else (spacing,)
        wanted = leaves(getattr(grid, name)(f, *spaced, **options))
        monkeypatch.setattr(_apply, "STREAMED_BYTES", 0)
        size = len(wanted) * wanted[0].size
        memory = np.full(size + 64, 7.0, dtype)
        outer = np.array(getattr(grid, name)(f, *spaced, **options)).shape
        out = memory[start : start + size].reshape(outer)
        for threads in (1, 3):
            out[...] = 7.0
            getattr(grid, name)(f, *spaced, **options, out=out, threads=threads)
            assert out.tobytes() == np.array(wanted).tobytes()
            assert (memory[:start] == 7.0).all()
            assert (memory[start + size :] == 7.0).all()
        monkeypatch.undo()
