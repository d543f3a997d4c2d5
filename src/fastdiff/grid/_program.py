"""The program of a sweep: which derivatives go into which registers and outputs, and how memory is walked."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from typing import Any, NamedTuple

from ._operators import Sum, Term
from ._request import Accurate, Ints, Request, along
from ._rules import CORE, AxisRules, magnitudes, negated

# Rows shorter than this are not worth starting a run for.
_SHORT = 16
# Lines shorter than this are differentiated position by position, across many of them.
_SHORT_LINE = 32
# What the samples around a chunk may take of the second level of cache, of which half a megabyte is common.
_BLOCKED_BYTES = 600 << 10
# The sums and norms that the kernels make without registers: of so many terms, of so many taps each.
_SUMMED_AXES, _SUMMED_TAPS, _NORM_TAPS = (2, 3), (1, 2, 4), (1, 2)
# Outputs past the cache go in lines of so much.
_LINE_BYTES = 64
# What one of some twelve rows may take of the first level of cache.
_BANDED_BYTES = 4 << 10

# The difference between two accuracies is the error of the lower one times 1 + O(h^2), on either side of 1.
SAFETY = 1.25

_TYPES = {("f", "f"): 0, ("f", "d"): 1, ("d", "d"): 2}
ITEMSIZE = {"f": 4, "d": 8}


class AxisGeometry(NamedTuple):
    """How an axis lies in memory: its extent, the distance of neighbours in the outputs, lines too short for runs."""

    extent: int
    inner: int
    by_column: bool


class Geometry(NamedTuple):
    """The loops over the inputs, and the axes; `packed` if inputs are to be copied to the outputs' layout first."""

    counts: Ints
    strides: tuple[Ints, ...]
    packed: bool
    axes: tuple[AxisGeometry, ...]
    steps: tuple[Ints, ...]  # [input][axis]: distance of neighbours
    size: int


@lru_cache(maxsize=512)
def geometry(shape: Ints, strides: tuple[Ints, ...], out_strides: Ints, itemsize: int, axes: Ints) -> Geometry:
    # The axes of more than one point, from the outermost to the innermost of the outputs.
    order = [axis for axis, extent in enumerate(shape) if extent > 1]
    order.sort(key=lambda axis: -out_strides[axis])
    counts, loops = _loops(shape, strides, itemsize, order)
    unaligned = any(stride % itemsize for row in strides for stride in row)
    packed = unaligned or (len(counts) > 1 and counts[-1] < _SHORT)
    if packed:
        strides = (out_strides,) * len(strides)
        counts, loops = _loops(shape, strides, itemsize, order)
    found = []
    for axis in axes:
        inner = prod(shape[other] for other in order[order.index(axis) + 1 :]) if axis in order else 1
        by_column = shape[axis] * inner <= min(_SHORT_LINE, counts[-1] // 2)
        found.append(AxisGeometry(shape[axis], inner, by_column))
    steps = tuple(tuple(row[axis] // itemsize for axis in axes) for row in strides)
    return Geometry(counts, loops, packed, tuple(found), steps, prod(shape))


def _loops(shape: Ints, strides: tuple[Ints, ...], itemsize: int, order: list[int]) -> tuple[Ints, tuple[Ints, ...]]:
    """Return counts and element strides of the loops over the inputs, each stretch of memory merged to one."""
    counts: list[int] = []
    loops: list[list[int]] = []
    for axis in reversed(order):
        extent, steps = shape[axis], [row[axis] // itemsize for row in strides]
        if counts and all(step == counts[0] * inner for step, inner in zip(steps, loops[0], strict=True)):
            counts[0] *= extent
        else:
            counts.insert(0, extent)
            loops.insert(0, steps)
    if not counts:
        counts, loops = [1], [[1] * len(strides)]
    return tuple(counts), tuple(zip(*loops, strict=True))


class Program:
    """The steps of a sweep."""

    def __init__(self, request: Request, geometry: Geometry, char: str) -> None:
        self.request, self.geometry, self.char = request, geometry, char
        self.steps: list[Any] = []
        self.registers = self.scratch = 1
        self.rules: dict[Any, AxisRules] = {}
        self.far: dict[int, int] = {}  # by input: how far its samples reach in the flat index
        terms = [term for entry in request.entries for term in entry.terms]
        self.calculated = max(  # "f" > "d": the wider of all
            (self._calculated_in(term) for term in terms), key=lambda c: c == "d"
        )

    def _calculated_in(self, term: Term) -> str:
        axis, order = along(term)
        return self.request.scheme.calculated_in(self.request.tokens[axis], order, self.char)

    def derivative(
        self, term: Term, target: int = 0, *, change: Any = None, finer: int = 0, add: bool = False, **end: Any
    ) -> None:
        """Add the derivative of a term to a register; `finer` by so many orders of accuracy."""
        axis, _ = along(term)
        rules = self._rules_of(term, magnitudes if self.request.bound else change, finer)
        geometry = self.geometry.axes[axis]
        stride = self.geometry.steps[term.component][axis]
        spec = (geometry.extent, geometry.inner, stride, geometry.by_column, rules.low, rules.interior, rules.high)
        self.far[term.component] = max(self.far.get(term.component, 0), rules.reach() * geometry.inner)
        self._step(CORE.DERIVATIVE, rules.char, term.component, target, add=add, axis=spec, **end)

    def _rules_of(self, term: Term, change: Any = None, finer: int = 0) -> AxisRules:
        """Return the rules of a term, made once."""
        key = (*along(term), term.sign, change, finer)
        if key not in self.rules:
            self.rules[key] = self._new_rules(*key)
        return self.rules[key]

    def _new_rules(self, axis: int, order: int, sign: int, change: Any, finer: int) -> AxisRules:
        scheme = self.request.scheme
        if isinstance(scheme, Accurate):
            scheme = scheme.finer(finer)
        token = self.request.tokens[axis]
        rules = scheme.rules(axis, token, self.geometry.axes[axis].extent, order, self.calculated)
        if sign < 0:
            rules = rules.each(negated)
        return rules.each(change) if change else rules

    def combine(
        self, operation: int, first: int, count: int, target: int, *, scale: Any = (0.0, 0.0), **end: Any
    ) -> None:
        """Combine `count` registers from `first` on."""
        self._step(operation, self.calculated, (first, count, scale), target, **end)

    def _step(
        self,
        operation: int,
        char: str,
        source: Any,
        target: int,
        *,
        add: bool = False,
        output: int = -1,
        direct: bool = False,
        last: bool = False,
        summed: int = 0,
        axis: Any = None,
    ) -> None:
        self.registers = max(self.registers, target + 1)
        self.scratch = max(self.scratch, self.registers)
        types = _TYPES[self.char, char]
        direct = direct and char == self.char
        self.steps.append((operation, types, source, target, add, output, direct, last, summed, axis))

    def build(self) -> None:
        """Write the steps of all entries."""
        count = len(self.request.entries)
        write = self._norm if self.request.norm else self._sum
        for output, entry in enumerate(self.request.entries):
            write(entry, output, count + output)
        self._fetch_ahead()

    def _sum(self, entry: Sum, output: int, error: int) -> None:
        last = len(entry.terms) - 1
        summed = self._summed(entry, _SUMMED_TAPS)
        for k, term in enumerate(entry.terms):
            self.derivative(term, add=k > 0, output=output, direct=True, last=k == last, summed=summed if k == 0 else 0)
        if self.request.unit:
            for k, term in enumerate(entry.terms):
                self._deviation(term, 0, add=k > 0, output=error, last=k == last)

    def _norm(self, entry: Sum, output: int, error: int) -> None:
        count = len(entry.terms)
        summed = self._summed(entry, _NORM_TAPS)
        for k, term in enumerate(entry.terms):
            self.derivative(term, k, summed=summed if k == 0 else 0)
        self.combine(CORE.NORM, 0, count, 0, output=output, last=True)
        if self.request.unit:  # by the triangle inequality the norm is no further off than the norm of the errors
            for k, term in enumerate(entry.terms):
                self._deviation(term, k)
            self.combine(CORE.NORM, 0, count, 0, output=error, last=True)

    def _summed(self, entry: Sum, known_taps: tuple[int, ...]) -> int:
        """Return how many terms the kernels can sum without registers, if they are all dense and of one form; else 0.

        What a constant adds beyond a boundary would be added in another order.
        """
        count = len(entry.terms)
        if count not in _SUMMED_AXES or self.request.bound or self.calculated != self.char:
            return 0
        dense = all(row == (1,) for row in self.geometry.strides)
        taps = set()
        for term in entry.terms:
            axis, _ = along(term)
            rules = self._rules_of(term)
            interior = rules.interior
            plain = isinstance(interior.weights, tuple) and interior.kind == CORE.DIFFERENCES
            plain = plain and not any(rule.outside for rule in (*rules.low, *rules.high))
            taps.add(len(interior.plus) if plain and not self.geometry.axes[axis].by_column else 0)
        return count if dense and len(taps) == 1 and taps <= set(known_taps) else 0

    def _deviation(self, term: Term, target: int, **end: Any) -> None:
        """Put the error of a term into a register: how two more orders differ, and what bounds the round-off."""
        first = max(self.registers, target + 1)
        self.derivative(term, first)
        self.derivative(term, first + 1, finer=2)
        self.derivative(term, first + 2, change=magnitudes)
        self.combine(CORE.DEVIATION, first, 3, target, scale=(SAFETY, self.request.unit), **end)
        self.registers = first  # those beyond are free again

    def _fetch_ahead(self) -> None:
        """Let the last step on each input fetch what the next chunk is the first to read."""
        far = dict(self.far)
        for place in reversed(range(len(self.steps))):
            operation, types, source, *rest = self.steps[place]
            if operation == CORE.DERIVATIVE:
                self.steps[place] = (operation, types, (source, far.pop(source, 0)), *rest)

    def tiles(self) -> tuple[int, int, int]:
        """Return period, block and the chunk of bands: see `fd_plan`."""
        size = max(self.geometry.size, 1)
        inners: dict[int, int] = {}
        for (axis, *_), rules in self.rules.items():
            inner = self.geometry.axes[axis].inner
            inners[inner] = max(inners.get(inner, 0), rules.reach())
        inner, reach = max(inners.items())
        inputs = len({term.component for entry in self.request.entries for term in entry.terms})
        block = _BLOCKED_BYTES // ((2 * reach + 1) * inputs * ITEMSIZE[self.char])
        if inner < CORE.CHUNK or inner == size:
            return size, size, 0
        del inners[inner]
        return (
            inner,
            min(max(block // CORE.CHUNK, 1) * CORE.CHUNK, inner),
            self._banded(inner, reach, max(inners, default=0)),
        )

    def _banded(self, inner: int, reach: int, middle: int) -> int:
        """Return the chunk of bands for the reach along the outermost axis, or 0 where they don't pay.

        The samples are to stay in the first level of cache; with an axis between, of `middle`, its samples are there
        as well, and only many taps are worth it.
        """
        apart = all(
            last and not add and operation == CORE.DERIVATIVE for operation, *_, add, _, _, last, _, _ in self.steps
        )
        whole = inner * ITEMSIZE[self.char] % _LINE_BYTES == 0
        if not (apart and whole) or (middle > 1 and reach < 3):
            return 0
        narrow = CORE.CHUNK if reach < 2 else _BANDED_BYTES // ITEMSIZE[self.char]
        while narrow < min(4 * middle, CORE.CHUNK):
            narrow *= 2
        return narrow
