"""Layouts: which points a derivative needs and how their values combine, in units of the step.

A layout depends on the number of coordinates, the accuracy and the side on which each coordinate's samples lie, but not
on x, on the steps or on f. It is plain frozen data and is cached. Every derivative here is a sum of weighted
differences of samples (see `Stencil.differences`), divided by a product of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property, lru_cache
from itertools import product
from math import lcm
from typing import TypeAlias

import numpy as np

from .._stencil import Side, Stencil, fornberg, stencil
from .._typing import FloatArray, IntpArray
from ._evaluate import Differences
from ._results import Status

# Where the samples of a coordinate lie. FIXED: lower bound = upper bound. CRAMPED: the box leaves no room for a step.
CENTRAL, FORWARD, BACKWARD, FIXED, CRAMPED = range(5)
SIDES: tuple[Side, ...] = ("central", "forward", "backward")
_BLANK = {FIXED: Status.FIXED, CRAMPED: Status.DOMAIN_LIMITED}


@dataclass(frozen=True, eq=False)
class Points:
    """Points in units of the step.

    Point r starts from base point ``start[r]`` (None: the only one; base point b is x moved by ``along[b]`` steps in
    the run's direction) and moves coordinate ``indices[t]`` by ``real[t]`` steps, and by ``imaginary[t]`` imaginary
    steps, for t in ``indptr[r]:indptr[r + 1]``. Where `first` is true, point 0 is x itself.
    """

    indptr: IntpArray
    indices: IntpArray
    real: FloatArray
    imaginary: FloatArray | None
    first: bool
    along: FloatArray
    start: IntpArray | None

    @property
    def count(self) -> int:
        """The number of points."""
        return len(self.indptr) - 1

    @cached_property
    def owner(self) -> IntpArray:
        """The point of each element of `indices`."""
        return np.repeat(np.arange(self.count), np.diff(self.indptr))


@dataclass(frozen=True, eq=False)
class Layout:
    """Points and the entries made of them.

    The same points also make the gradient of a Hessian, and f(x) itself for a gradient: `origin`, a single entry.
    """

    points: Points
    entries: Differences
    gradient: Differences | None = None
    origin: Differences | None = None


class PointList:
    """Collects points block by block. Identifier 0 is x itself, the others count from 1 in the order they are added."""

    def __init__(self) -> None:
        self.count = 1
        self.base_used = False
        self._blocks: list[tuple[int, IntpArray, FloatArray, FloatArray, int]] = []

    @property
    def moved(self) -> bool:
        """Whether there is a point other than x itself."""
        return self.count > 1

    @property
    def shift(self) -> int:
        """What to take from identifiers to make them positions: x itself is dropped where nobody uses it."""
        return 0 if self.base_used else 1

    def base(self) -> int:
        """Return the identifier of x itself."""
        self.base_used = True
        return 0

    def add(self, *moves: tuple[IntpArray, float, float], start: int = 0) -> IntpArray:
        """Add a block of points; a move is (coordinates, real steps, imaginary steps), all of the block's length.

        Without moves it is one point, the base point `start`.
        """
        count = len(moves[0][0]) if moves else 1
        indices = np.stack([move[0] for move in moves], axis=1) if moves else np.empty((count, 0), np.intp)
        real = np.broadcast_to([float(move[1]) for move in moves], indices.shape)
        imaginary = np.broadcast_to([float(move[2]) for move in moves], indices.shape)
        self._blocks.append((count, indices, real, imaginary, start))
        self.count += count
        return np.arange(self.count - count, self.count)

    def freeze(self, along: tuple[float, ...] = (0.0,)) -> Points:
        """Return the points as arrays."""
        blocks = self._blocks
        if self.base_used:
            blocks = [(1, np.empty((1, 0), np.intp), np.empty((1, 0)), np.empty((1, 0)), 0), *blocks]
        changes = np.repeat([block[1].shape[1] for block in blocks], [block[0] for block in blocks])
        indptr = np.zeros(len(changes) + 1, np.intp)
        np.cumsum(changes, out=indptr[1:])
        imaginary = _join([block[3] for block in blocks], np.float64)
        start = np.repeat([block[4] for block in blocks], [block[0] for block in blocks]).astype(np.intp)
        return Points(
            indptr=indptr,
            indices=_join([block[1] for block in blocks], np.intp),
            real=_join([block[2] for block in blocks], np.float64),
            imaginary=imaginary if imaginary.any() else None,
            first=self.base_used,
            along=np.array(along, np.float64),
            start=start if len(along) > 1 else None,
        )


class TermList:
    """Collects the weighted differences of entries, with their divisors."""

    def __init__(self, entries: int, order: int) -> None:
        self._terms: list[tuple[IntpArray, IntpArray, IntpArray, float]] = []
        self.blank = np.zeros(entries, np.int8)
        self.denominator = np.ones(entries)
        self.factors = np.zeros((entries, order), np.intp)

    def add(self, entries: IntpArray, terms: list[tuple[IntpArray | int, IntpArray | int, Fraction]]) -> None:
        """Give every one of `entries` the same combination of (plus, minus, weight), on points of its own."""
        denominator = lcm(*(weight.denominator for _, _, weight in terms))
        self.denominator[entries] = denominator
        for plus, minus, weight in terms:
            self._terms.append(
                (
                    entries,
                    np.broadcast_to(plus, entries.shape),
                    np.broadcast_to(minus, entries.shape),
                    float(weight * denominator),
                )
            )

    def freeze(self, shift: int = 0) -> Differences:
        """Return the terms as arrays; `shift` is taken from the identifiers to make them positions."""
        owner = _join([term[0] for term in self._terms], np.intp)
        plus = _join([term[1] for term in self._terms], np.intp) - shift
        minus = _join([term[2] for term in self._terms], np.intp)
        minus = np.where(minus < 0, -1, minus - shift)
        weight = np.repeat([term[3] for term in self._terms], [len(term[0]) for term in self._terms])
        by_entry = np.argsort(owner, kind="stable")
        terms = np.zeros(len(self.blank) + 1, np.intp)
        np.cumsum(np.bincount(owner, minlength=len(self.blank)), out=terms[1:])
        return Differences(
            terms=terms,
            plus=plus[by_entry],
            minus=minus[by_entry],
            weight=weight[by_entry].astype(np.float64),
            blank=self.blank,
            denominator=self.denominator,
            factors=self.factors,
        )


def _join(blocks: list[np.ndarray], dtype: type) -> np.ndarray:
    return np.concatenate([np.empty(0, dtype), *(np.ravel(block) for block in blocks)]).astype(dtype, copy=False)


def formula(order: int, accuracy: int, side: int) -> Stencil:
    """Return the stencil of a derivative order on one side."""
    return stencil(order, accuracy, side=SIDES[side])


def reach(order: int, accuracy: int, side: int) -> int:
    """Return how many steps the samples of one coordinate reach on one side."""
    return formula(order, accuracy, side).reach


def _present(sides: np.ndarray) -> list[int]:
    return [side for side in (CENTRAL, FORWARD, BACKWARD) if (sides == side).any()]


def _coordinates(sides: np.ndarray, side: int) -> IntpArray:
    return np.flatnonzero(sides == side)


Samples: TypeAlias = Callable[[IntpArray, int], IntpArray | int]


def _axis_points(points: PointList, sides: np.ndarray, order: int, accuracy: int) -> Samples:
    """Add the points along every coordinate; return the look-up (coordinates, offset) -> identifiers."""
    known = {0: np.zeros(len(sides), np.intp)}
    for side in _present(sides):
        chosen = _coordinates(sides, side)
        for offset in sorted(formula(order, accuracy, side).offsets, key=lambda o: (abs(o), -o)):
            if offset:
                ids = known.setdefault(offset, np.full(len(sides), -1, np.intp))
                ids[chosen] = points.add((chosen, offset, 0))

    def look_up(coordinates: IntpArray, offset: int) -> IntpArray:
        if offset == 0:
            points.base()
        return known[offset][coordinates]

    return look_up


def _axis_entries(terms: TermList, sides: np.ndarray, order: int, accuracy: int, samples: Samples) -> None:
    """Fill entry i with the derivative of the given order along coordinate i."""
    terms.factors[: len(sides)] = np.arange(len(sides))[:, None]
    for side in _present(sides):
        chosen = _coordinates(sides, side)
        differences = formula(order, accuracy, side).differences
        terms.add(chosen, [(samples(chosen, p), samples(chosen, m), weight) for p, m, weight in differences])
    for side, status in _BLANK.items():
        terms.blank[_coordinates(sides, side)] = status


@lru_cache(maxsize=64)
def axis_layout(sides: bytes, order: int, accuracy: int) -> Layout:
    """Return the layout of the derivatives along every coordinate: a gradient (order 1) or a diagonal (order 2)."""
    sides_ = np.frombuffer(sides, np.int8)
    points, terms = PointList(), TermList(len(sides_), order)
    samples = _axis_points(points, sides_, order, accuracy)
    _axis_entries(terms, sides_, order, accuracy, samples)
    if not points.moved:
        points.base()  # the shape of f(x) is needed even where nothing moves
    origin = _origin(points, sides_, samples, accuracy)
    return Layout(points.freeze(), terms.freeze(points.shift), origin=origin.freeze(points.shift))


def _origin(points: PointList, sides: np.ndarray, samples: Samples, accuracy: int) -> TermList:
    """Return f(x) as an entry: the sample at x if there is one, else interpolated along a coordinate.

    Without a sample at x there are central first derivatives only.
    """
    origin, entry = TermList(1, 0), np.zeros(1, np.intp)
    if points.base_used:
        origin.add(entry, [(0, -1, Fraction(1))])
        return origin
    along = _coordinates(sides, CENTRAL)[:1]
    offsets = formula(1, accuracy, CENTRAL).offsets
    weights = fornberg([Fraction(offset) for offset in offsets], Fraction(0), 0)
    origin.add(entry, [(samples(along, offset), -1, w) for offset, w in zip(offsets, weights, strict=True)])
    return origin


@lru_cache(maxsize=64)
def elementwise_layout(sides: bytes, order: int, accuracy: int) -> Layout:
    """Return the layout of an elementwise f, which differentiates all n entries of x with the same calls.

    A point is a call: ``along``, shape (calls, n), says how far it moves each entry. The entries combine the flattened
    values, of which there are calls * n.
    """
    sides_ = np.frombuffer(sides, np.int8)
    count = len(sides_)
    calls: list[FloatArray] = [np.zeros(count)]
    base_used = False

    def samples(chosen: IntpArray, offset: int) -> IntpArray:
        nonlocal base_used
        if offset == 0:
            base_used = True
            return chosen
        offsets = [o for o in formula(order, accuracy, int(sides_[chosen[0]])).offsets if o]
        call = offsets.index(offset) + 1
        while len(calls) <= call:
            calls.append(np.zeros(count))
        calls[call][chosen] = offset
        return chosen + call * count

    terms = TermList(count, order)
    _axis_entries(terms, sides_, order, accuracy, samples)
    first = base_used or len(calls) == 1
    points = Points(
        indptr=np.zeros(len(calls) + first, np.intp),
        indices=np.empty(0, np.intp),
        real=np.empty(0),
        imaginary=None,
        first=first,
        along=np.array(calls if first else calls[1:]),
        start=None,
    )
    return Layout(points, terms.freeze(0 if first else count))


@lru_cache(maxsize=16)
def hessian_layout(sides: bytes, accuracy: int) -> Layout:
    """Return the layout of a Hessian: n diagonal entries, then the upper triangle row by row.

    Central pairs need two points for each of the p/2 offsets k (M. S. Ridout, Amer. Statist. 63 (2009) 66-74, eq. 8
    has p = 2). With D2 the undivided second difference of accuracy p along a direction,

        f_ij h_i h_j = (D2_{i+j} - D2_i - D2_j) / 2.

    Other pairs are products of first-derivative stencils.
    """
    sides_ = np.frombuffer(sides, np.int8)
    n = len(sides_)
    points = PointList()
    samples = _axis_points(points, sides_, 2, accuracy)
    terms = TermList(n + n * (n - 1) // 2, 2)
    _axis_entries(terms, sides_, 2, accuracy, samples)
    gradient = TermList(n, 1)
    _axis_entries(gradient, sides_, 1, accuracy, samples)

    rows, columns = np.triu_indices(n, 1)
    terms.factors[n:, 0], terms.factors[n:, 1] = rows, columns
    terms.blank[n:] = np.maximum(terms.blank[rows], terms.blank[columns])
    for pair in product(_present(sides_), _present(sides_)):
        chosen = np.flatnonzero((sides_[rows] == pair[0]) & (sides_[columns] == pair[1]))
        if chosen.size:
            fill = _central_pairs if pair == (CENTRAL, CENTRAL) else _product_pairs
            differences = fill(points, rows[chosen], columns[chosen], pair, accuracy, samples)
            terms.add(n + chosen, differences)
    points.base()
    return Layout(points.freeze(), terms.freeze(), gradient.freeze())


Terms: TypeAlias = list[tuple[IntpArray | int, IntpArray | int, Fraction]]


def _central_pairs(
    points: PointList, i: IntpArray, j: IntpArray, pair: tuple[int, int], accuracy: int, samples: Samples
) -> Terms:
    terms: Terms = []
    second = formula(2, accuracy, CENTRAL)
    for offset, weight in zip(second.offsets, second.weights, strict=True):
        if offset:
            both = points.add((i, offset, 0), (j, offset, 0))
            terms += [
                (both, samples(i, offset), weight / 2),
                (samples(j, offset), points.base(), -weight / 2),
            ]
    return terms


def _product_pairs(
    points: PointList, i: IntpArray, j: IntpArray, pair: tuple[int, int], accuracy: int, samples: Samples
) -> Terms:
    first_i, first_j = (formula(1, accuracy, side) for side in pair)
    known: dict[tuple[int, int], IntpArray | int] = {}

    def at(a: int, b: int) -> IntpArray | int:
        if (a, b) not in known:
            known[a, b] = samples(i, a) if b == 0 else samples(j, b) if a == 0 else points.add((i, a, 0), (j, b, 0))
        return known[a, b]

    return [
        (at(a, plus), at(a, minus), weight_i * weight_j)
        for a, weight_i in zip(first_i.offsets, first_i.weights, strict=True)
        for plus, minus, weight_j in first_j.differences
    ]


@lru_cache(maxsize=64)
def mixed_layout(sides: bytes, orders: tuple[tuple[int, int], ...], accuracy: int) -> Layout:
    """Return the layout of one partial derivative: `orders` holds (coordinate, derivative order) pairs.

    The product of the stencils of all coordinates; differences are taken along the last.
    """
    sides_ = np.frombuffer(sides, np.int8)
    points, terms = PointList(), TermList(1, sum(order for _, order in orders))
    terms.factors[0] = np.repeat([c for c, _ in orders], [order for _, order in orders])
    blank = [_BLANK[int(sides_[c])] for c, _ in orders if sides_[c] in _BLANK]
    if blank:
        terms.blank[0] = max(blank)
        points.base()
        return Layout(points.freeze(), terms.freeze())
    stencils = [formula(order, accuracy, int(sides_[c])) for c, order in orders]
    known: dict[tuple[int, ...], IntpArray | int] = {}

    def at(offsets: tuple[int, ...]) -> IntpArray | int:
        if offsets not in known:
            moves = [(np.array([c]), float(o), 0.0) for (c, _), o in zip(orders, offsets, strict=True) if o]
            known[offsets] = points.add(*moves) if moves else points.base()
        return known[offsets]

    combination: Terms = []
    for outer in product(*(list(zip(s.offsets, s.weights, strict=True)) for s in stencils[:-1])):
        offsets = tuple(offset for offset, _ in outer)
        factor = Fraction(1)
        for _, weight in outer:
            factor *= weight
        for plus, minus, weight in stencils[-1].differences:
            combination.append((at((*offsets, plus)), at((*offsets, minus)), factor * weight))
    terms.add(np.array([0]), combination)
    return Layout(points.freeze(), terms.freeze(points.shift))


@lru_cache(maxsize=16)
def hessian_product_layout(sides: bytes, along: int, accuracy: int) -> Layout:
    """Return the layout of a Hessian-vector product: entry i is the mixed derivative along i and the direction.

    The direction's side is `along`; its unit is the step of coordinate n.
    """
    sides_ = np.frombuffer(sides, np.int8)
    if along in _BLANK:
        sides_ = np.full_like(sides_, along)
    points, terms = PointList(), TermList(len(sides_), 2)
    terms.factors[:, 0], terms.factors[:, 1] = np.arange(len(sides_)), len(sides_)
    steps_along: tuple[float, ...] = (0.0,)
    on_direction: dict[int, IntpArray] = {}  # the base points themselves, which all coordinates share
    for side in _present(sides_):
        chosen = _coordinates(sides_, side)
        direction, coordinate = formula(1, accuracy, along), formula(1, accuracy, side)
        steps_along = tuple(map(float, direction.offsets))
        combination: Terms = []
        for start, weight_along in enumerate(direction.weights):
            ids: dict[int, IntpArray] = {o: points.add((chosen, o, 0), start=start) for o in coordinate.offsets if o}
            if 0 in coordinate.offsets:
                ids[0] = on_direction[start] if start in on_direction else points.add(start=start)
                on_direction[start] = ids[0]
            for plus, minus, weight in coordinate.differences:
                combination.append((ids[plus], ids[minus], weight_along * weight))
        terms.add(chosen, combination)
    for side, status in _BLANK.items():
        terms.blank[_coordinates(sides_, side)] = status
    if not points.moved:
        points.base()  # the shape of f(x) is needed even where nothing moves
    return Layout(points.freeze(steps_along), terms.freeze(points.shift))


@lru_cache(maxsize=16)
def imaginary_layout(n: int, kind: str, order: int) -> Layout:
    """Return the layout of the complex step for all coordinates: f'(x) = Im f(x + ih) / h.

    W. Squire and G. Trapp, SIAM Rev. 40 (1998) 110-112. Kind ``"axis"`` of order 1 needs a point a coordinate; order 2
    and ``"hessian"`` (entries as in `hessian_layout`) are real central differences of that.
    """
    points, everyone = PointList(), np.arange(n)
    if kind == "axis" and order == 1:
        terms = TermList(n, 1)
        terms.factors[:, 0] = n + everyone
        terms.add(everyone, [(points.add((everyone, 0, 1)), -1, Fraction(1))])
        return Layout(points.freeze(), terms.freeze(1))
    rows, columns = np.triu_indices(n if kind == "hessian" else 0, 1)
    terms, gradient = TermList(n + len(rows), 2), TermList(n, 1)
    terms.factors[:, 0] = n + np.concatenate([everyone, rows])
    terms.factors[:, 1] = np.concatenate([everyone, columns])
    plus, minus = points.add((everyone, 1, 1)), points.add((everyone, -1, 1))
    terms.add(everyone, [(plus, minus, Fraction(1, 2))])
    gradient.factors[:, 0] = n + everyone
    gradient.add(everyone, [(plus, -1, Fraction(1, 2)), (minus, -1, Fraction(1, 2))])
    ends = [points.add((rows, 0, 1), (columns, sign, 0)) for sign in (1, -1)]
    terms.add(n + np.arange(len(rows)), [(ends[0], ends[1], Fraction(1, 2))])
    return Layout(points.freeze(), terms.freeze(1), gradient.freeze(1))
