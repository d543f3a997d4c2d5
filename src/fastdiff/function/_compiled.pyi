from collections.abc import Callable

from .._typing import Array
from ._evaluate import Batch, Evaluator
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
        team: Callable[[float], int],
    ) -> None: ...
    def evaluate(self, batch: Batch) -> Array: ...
