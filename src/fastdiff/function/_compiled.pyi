from collections.abc import Callable
from typing import Any

from .._typing import Array, FloatArray, IntpArray
from ._evaluate import Batch, Differences, Evaluator
from ._pointers import Pointer

def capsule(o: object) -> tuple[str | None, int, int]: ...

class CompiledLoop(Evaluator):
    def __init__(
        self,
        source: Pointer,
        size: int,
        shape: tuple[int, ...] | None,
        epsilon: float,
        weight: int,
        edges: bool,
        held: bool,
        team: Callable[[float], int],
    ) -> None: ...
    def evaluate(self, batch: Batch) -> Array: ...

class DirectGradient:
    def __init__(
        self,
        evaluate: CompiledLoop,
        indptr: IntpArray,
        indices: IntpArray,
        multiples: FloatArray,
        low: FloatArray,
        high: FloatArray,
        entries: Differences,
        rule: tuple[float, float, float, bool],
        shape: tuple[int, ...],
    ) -> None: ...
    def __call__(self, x: Any, owner: Any) -> tuple[FloatArray, int, FloatArray, FloatArray] | None: ...
