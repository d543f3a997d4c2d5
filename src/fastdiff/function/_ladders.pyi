from collections.abc import Sequence
from typing import Any

import numpy as np

from .._typing import Array, FloatArray, IntpArray, StatusArray

LEVELS: int
NO_STEP: int
ASKED: np.dtype[Any]

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
    def ask(self) -> Array: ...
    def tell(self, ids: IntpArray, values: Array, divisor: FloatArray) -> None: ...
    def results(self) -> tuple[FloatArray, FloatArray, FloatArray, StatusArray, IntpArray]: ...

def level_step(top: int, level: int) -> float: ...
def extrapolate(value: FloatArray, noise: FloatArray, power: int) -> tuple[FloatArray, FloatArray]: ...
