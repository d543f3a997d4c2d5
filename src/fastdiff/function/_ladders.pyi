from collections.abc import Sequence
from typing import Any

import numpy as np

from .._typing import Array, FloatArray, IntpArray, StatusArray

LEVELS: int
NO_STEP: int
START: np.dtype[Any]
ASKED: np.dtype[Any]

def start_lines(x: FloatArray, h: FloatArray | None, scale: FloatArray | None, top: int, least: float) -> Array: ...
def limit(
    start: Array, x: FloatArray, lower: FloatArray, upper: FloatArray, both_ways: float, one_way: float
) -> None: ...

class Ladders:
    points: tuple[int, ...]
    def __init__(
        self,
        start: Array,
        patterns: Sequence[Any],
        f0: FloatArray,
        epsilon: float,
        rtol: float,
        atol: float,
        max_levels: int,
        enough: FloatArray,
    ) -> None: ...
    def ask(self, ahead: int) -> Array: ...
    def tell(self, asked: Array, values: Array) -> None: ...
    def results(self) -> tuple[FloatArray, FloatArray, FloatArray, StatusArray, IntpArray]: ...

class Placement:
    def __init__(
        self, x: FloatArray, lower: FloatArray, upper: FloatArray, patterns: Sequence[Any], powers: IntpArray
    ) -> None: ...
    def place(
        self, sides: IntpArray, coordinates: IntpArray, steps: FloatArray
    ) -> tuple[IntpArray, IntpArray, FloatArray, FloatArray]: ...

def pair_places(
    asked: Array, pairs: IntpArray, units: FloatArray, first_steps: FloatArray
) -> tuple[IntpArray, IntpArray, FloatArray]: ...
def with_borrowed(
    own: FloatArray, asked: Array, counts: IntpArray, kept: FloatArray, axes: IntpArray, levels: IntpArray
) -> FloatArray: ...
def level_step(top: int, level: int) -> float: ...
def extrapolate(value: FloatArray, noise: FloatArray, power: int) -> tuple[FloatArray, FloatArray]: ...
