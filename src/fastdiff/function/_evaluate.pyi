from typing import Any, Literal

from .._typing import Array, FloatArray, Function, IntpArray, StatusArray

EPSILON: float

class Batch:
    base: Array
    start: IntpArray | None
    indptr: IntpArray | None
    indices: IntpArray | None
    values: Array | None
    def __init__(
        self,
        base: Array,
        start: IntpArray | None = None,
        indptr: IntpArray | None = None,
        indices: IntpArray | None = None,
        values: Array | None = None,
    ) -> None: ...
    def __len__(self) -> int: ...
    def rows(self, first: int, last: int) -> Batch: ...
    def columns(self, first: int, last: int) -> Array: ...

class Evaluator:
    @property
    def shape(self) -> tuple[int, ...] | None: ...
    @property
    def epsilon(self) -> float: ...
    @property
    def nfev(self) -> int: ...
    @property
    def row(self) -> int: ...
    def expect(self, shape: tuple[int, ...]) -> None: ...
    def close(self) -> None: ...
    def evaluate(self, batch: Batch) -> Array | None: ...

class Loop(Evaluator):
    def __init__(
        self,
        f: Function,
        before: tuple[Any, ...],
        after: tuple[Any, ...],
        kwargs: dict[str, Any],
        form: Literal["array", "unpack", "scalar"],
        x_shape: tuple[int, ...],
        weight: int,
        complex_allowed: bool,
        epsilon: float,
        real_domain: bool,
        edges: bool,
    ) -> None: ...

class Columns(Evaluator):
    def __init__(
        self,
        f: Function,
        before: tuple[Any, ...],
        after: tuple[Any, ...],
        kwargs: dict[str, Any],
        x_shape: tuple[int, ...],
        complex_allowed: bool,
        epsilon: float,
        real_domain: bool,
        edges: bool,
        batch_bytes: int,
    ) -> None: ...

def default_steps(x: FloatArray, step: float, above: float, below: float, dyadic: bool) -> FloatArray: ...
def round_dyadic(h: FloatArray) -> FloatArray: ...
def realised_units(
    x: FloatArray,
    h: FloatArray,
    low: FloatArray,
    high: FloatArray,
    lower: FloatArray | None,
    upper: FloatArray | None,
) -> FloatArray: ...
def displace(
    x: FloatArray,
    h: FloatArray,
    indices: IntpArray,
    multiples: FloatArray,
    lower: FloatArray | None,
    upper: FloatArray | None,
) -> FloatArray: ...

class Differences:
    terms: IntpArray
    plus: IntpArray
    minus: IntpArray
    weight: FloatArray
    blank: StatusArray
    denominator: FloatArray
    factors: IntpArray
    def __init__(
        self,
        terms: IntpArray,
        plus: IntpArray,
        minus: IntpArray,
        weight: FloatArray,
        blank: StatusArray,
        denominator: FloatArray,
        factors: IntpArray,
    ) -> None: ...
    def combine(self, values: FloatArray, units: FloatArray, epsilon: float) -> tuple[FloatArray, StatusArray, int]: ...
