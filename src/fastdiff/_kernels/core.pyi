from collections.abc import Sequence
from typing import Any, TypeAlias

Rule: TypeAlias = tuple[int, tuple[int, ...], tuple[int, ...], Any, float, complex]
Axis: TypeAlias = tuple[int, int, int, bool, Sequence[Rule], Rule, Sequence[Rule]]
Step: TypeAlias = tuple[int, int, Any, int, bool, int, bool, bool, int, Axis | None]

QUOTIENT: int
SUM: int
DIFFERENCES: int
MAGNITUDES: int
DERIVATIVE: int
NORM: int
DEVIATION: int
CHUNK: int
SIMD: str

def openmp() -> int: ...

class Sweep:
    def __init__(
        self,
        counts: Sequence[int],
        strides: Sequence[Sequence[int]],
        registers: int,
        steps: Sequence[Step],
        tiles: tuple[int, int, int],
    ) -> None: ...
    def run(
        self,
        inputs: Sequence[Any],
        outputs: Sequence[Any],
        threads: int,
        streamed: bool,
        begin: int,
        end: int,
        origins: Sequence[int] | None = None,
        base: int = 0,
        gaps: Any = None,
    ) -> None: ...
