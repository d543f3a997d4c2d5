from collections.abc import Sequence
from typing import Any, TypeAlias

Rule: TypeAlias = tuple[int, tuple[int, ...], tuple[int, ...], Any]
Axis: TypeAlias = tuple[int, int, int, int, bool, Sequence[Rule], Rule, Sequence[Rule]]

QUOTIENT: int
SUM: int
DIFFERENCES: int
SIMD: str

def openmp() -> int: ...

class Sweep:
    def __init__(self, counts: Sequence[int], strides: Sequence[int], axes: Sequence[Axis]) -> None: ...
    def run(self, data: Any, outputs: Sequence[Any], threads: int, streamed: bool) -> None: ...
