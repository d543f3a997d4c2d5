"""Stencils: exact weights, exact up to their accuracy and not beyond."""

from fractions import Fraction
from math import factorial

import numpy as np
import pytest

import fastdiff as fd

SIDES = ("central", "forward", "backward")
FORMULAS = [
    (order, accuracy, side)
    for order in range(1, 9)
    for side in SIDES
    for accuracy in ((2, 4, 6, 8, 10, 12) if side == "central" else range(1, 9))
]


def moment(formula: fd.Stencil, power: int) -> Fraction:
    return sum((w * Fraction(o) ** power for o, w in zip(formula.offsets, formula.weights, strict=True)), Fraction(0))


def as_dict(formula: fd.Stencil) -> dict[int, Fraction]:
    return dict(zip(formula.offsets, formula.weights, strict=True))


@pytest.mark.parametrize(("order", "accuracy", "side"), FORMULAS)
def test_moments_exact_up_to_the_accuracy_and_not_beyond(order: int, accuracy: int, side: str) -> None:
    formula = fd.stencil(order, accuracy, side=side)
    assert (formula.derivative, formula.accuracy) == (order, accuracy)
    last = order + accuracy
    assert [moment(formula, k) for k in range(last)] == [factorial(k) if k == order else 0 for k in range(last)]
    assert formula.error_constant * factorial(last) == moment(formula, last) != 0


@pytest.mark.parametrize(("order", "accuracy", "side"), FORMULAS)
def test_offsets_are_as_few_as_possible_and_on_their_side(order: int, accuracy: int, side: str) -> None:
    formula = fd.stencil(order, accuracy, side=side)
    assert 0 not in formula.weights
    assert formula.reach == max(abs(o) for o in formula.offsets)
    if side == "central":
        assert formula.reach == (order + 1) // 2 - 1 + accuracy // 2
        parity = (-1) ** order
        assert all(as_dict(formula)[-o] == parity * w for o, w in as_dict(formula).items())
    else:
        sign = 1 if side == "forward" else -1
        assert sorted(sign * o for o in formula.offsets) == list(range(order + accuracy))


@pytest.mark.parametrize("order", range(1, 7))
@pytest.mark.parametrize("accuracy", range(1, 6))
def test_backward_mirrors_forward(order: int, accuracy: int) -> None:
    forward, backward = (as_dict(fd.stencil(order, accuracy, side=side)) for side in SIDES[1:])
    assert backward == {-o: (-1) ** order * w for o, w in forward.items()}


@pytest.mark.parametrize(("order", "accuracy", "side"), FORMULAS)
def test_differences_reproduce_the_weights(order: int, accuracy: int, side: str) -> None:
    formula = fd.stencil(order, accuracy, side=side)
    rebuilt: dict[int, Fraction] = {}
    for plus, minus, weight in formula.differences:
        rebuilt[plus] = rebuilt.get(plus, Fraction(0)) + weight
        rebuilt[minus] = rebuilt.get(minus, Fraction(0)) - weight
    assert {o: w for o, w in rebuilt.items() if w} == as_dict(formula)


# B. Fornberg, Math. Comp. 51 (1988) 699-706, table 1 (centred) and table 3 (one-sided).
TABLE_1 = [
    (1, 2, "-1/2 0 1/2"),
    (1, 4, "1/12 -2/3 0 2/3 -1/12"),
    (1, 6, "-1/60 3/20 -3/4 0 3/4 -3/20 1/60"),
    (1, 8, "1/280 -4/105 1/5 -4/5 0 4/5 -1/5 4/105 -1/280"),
    (2, 2, "1 -2 1"),
    (2, 4, "-1/12 4/3 -5/2 4/3 -1/12"),
    (2, 6, "1/90 -3/20 3/2 -49/18 3/2 -3/20 1/90"),
    (2, 8, "-1/560 8/315 -1/5 8/5 -205/72 8/5 -1/5 8/315 -1/560"),
    (3, 2, "-1/2 1 0 -1 1/2"),
    (3, 4, "1/8 -1 13/8 0 -13/8 1 -1/8"),
    (4, 2, "1 -4 6 -4 1"),
    (4, 4, "-1/6 2 -13/2 28/3 -13/2 2 -1/6"),
]
TABLE_3 = [
    (1, 1, "-1 1"),
    (1, 2, "-3/2 2 -1/2"),
    (1, 3, "-11/6 3 -3/2 1/3"),
    (1, 4, "-25/12 4 -3 4/3 -1/4"),
    (1, 8, "-761/280 8 -14 56/3 -35/2 56/5 -14/3 8/7 -1/8"),
    (2, 1, "1 -2 1"),
    (2, 2, "2 -5 4 -1"),
    (2, 3, "35/12 -26/3 19/2 -14/3 11/12"),
    (3, 1, "-1 3 -3 1"),
    (3, 2, "-5/2 9 -12 7 -3/2"),
    (4, 1, "1 -4 6 -4 1"),
    (4, 2, "3 -14 26 -24 11 -2"),
]


@pytest.mark.parametrize(
    ("side", "order", "accuracy", "row"),
    [("central", *row) for row in TABLE_1] + [("forward", *row) for row in TABLE_3],
)
def test_published_weights(side: str, order: int, accuracy: int, row: str) -> None:
    published = [Fraction(number) for number in row.split()]
    start = -(len(published) // 2) if side == "central" else 0
    assert as_dict(fd.stencil(order, accuracy, side=side)) == {k: w for k, w in enumerate(published, start) if w}


@pytest.mark.parametrize("offsets", [(-1, 0, 1), (0, 1, 3), (-7, -2, 5, 11), (3, 4, 5), (-4, -3, -1, 2, 100)])
@pytest.mark.parametrize("order", [1, 2])
def test_given_offsets_interpolate(offsets: tuple[int, ...], order: int) -> None:
    formula = fd.stencil(order, offsets=offsets)
    assert set(formula.offsets) <= set(offsets)
    assert formula.accuracy >= len(offsets) - order
    assert [moment(formula, k) for k in range(len(offsets))] == [
        factorial(k) if k == order else 0 for k in range(len(offsets))
    ]
    assert fd.stencil(order, offsets=reversed(offsets)) == formula


@pytest.mark.parametrize(
    ("formula", "text"),
    [
        (fd.stencil(1, 2), "f'(x) = (-f(x-h) + f(x+h)) / (2 h) + O(h^2)"),
        (fd.stencil(2, 2), "f''(x) = (f(x-h) - 2 f(x) + f(x+h)) / h^2 + O(h^2)"),
        (fd.stencil(1, 1, side="forward"), "f'(x) = (-f(x) + f(x+h)) / h + O(h)"),
        (fd.stencil(1, 1, side="backward"), "f'(x) = (-f(x-h) + f(x)) / h + O(h)"),
        (fd.stencil(1, offsets=[0, 1, 3]), "f'(x) = (-8 f(x) + 9 f(x+h) - f(x+3h)) / (6 h) + O(h^2)"),
        (fd.stencil(4, 2), "f^(4)(x) = (f(x-2h) - 4 f(x-h) + 6 f(x) - 4 f(x+h) + f(x+2h)) / h^4 + O(h^2)"),
    ],
)
def test_prints_as_a_formula(formula: fd.Stencil, text: str) -> None:
    assert str(formula) == text


def test_defaults_are_the_cheapest() -> None:
    assert fd.stencil(1) == fd.stencil(1, 2)
    assert fd.stencil(2, side="forward") == fd.stencil(2, 1, side="forward")
    assert fd.stencil(np.int64(1), np.int32(4)) == fd.stencil(1, 4)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: fd.stencil(0), ValueError, ("`order`", "at least 1", "0")),
        (lambda: fd.stencil(1.0), TypeError, ("`order`", "integer", "1.0")),
        (lambda: fd.stencil("1"), TypeError, ("`order`", "integer", "'1'")),
        (lambda: fd.stencil(1, 3), ValueError, ("`accuracy`", "even", "'central'", "3")),
        (lambda: fd.stencil(1, 0), ValueError, ("`accuracy`", "positive", "0")),
        (lambda: fd.stencil(1, 0, side="forward"), ValueError, ("`accuracy`", "positive", "'forward'", "0")),
        (lambda: fd.stencil(1, 2.0), TypeError, ("`accuracy`", "integer", "2.0")),
        (lambda: fd.stencil(1, side="left"), ValueError, ("`side`", "'central'", "'forward'", "'left'")),
        (lambda: fd.stencil(1, 2, offsets=[0, 1]), ValueError, ("`offsets`", "`accuracy`", "`side`")),
        (lambda: fd.stencil(1, offsets=[0, 1], side="forward"), ValueError, ("`offsets`", "`side`")),
        (lambda: fd.stencil(1, offsets=[0, 1, 1]), ValueError, ("`offsets`", "distinct", "1")),
        (lambda: fd.stencil(2, offsets=[0, 1]), ValueError, ("`offsets`", "at least 3", "[0, 1]")),
        (lambda: fd.stencil(1, offsets=[0, 0.5]), TypeError, ("`offsets`", "integer", "0.5")),
        (lambda: fd.Stencil((0, 1), (Fraction(-1), Fraction(2)), 1, 1), ValueError, ("x**0", "!= 0")),
        (
            lambda: fd.Stencil((-1, 1), (Fraction(-1, 2), Fraction(1, 2)), 1, 1),
            ValueError,
            ("`accuracy`", "1"),
        ),
        (lambda: fd.Stencil((-1, 1), (Fraction(-1, 2), Fraction(1, 2)), 1, 3), ValueError, ("x**3",)),
        (
            lambda: fd.Stencil((1, 0), (Fraction(1), Fraction(-1)), 1, 1),
            ValueError,
            ("`offsets`", "increase"),
        ),
        (
            lambda: fd.Stencil((-1, 0, 1), (Fraction(-1, 2), Fraction(0), Fraction(1, 2)), 1, 2),
            ValueError,
            ("zero",),
        ),
    ],
)
def test_bad_input_is_named(call, error: type[Exception], words: tuple[str, ...]) -> None:
    with pytest.raises(error) as caught:
        call()
    assert [word for word in words if word not in str(caught.value)] == []


def test_frozen_hashable_equal_by_value() -> None:
    one, other = fd.stencil(1, 4), fd.Stencil(*(getattr(fd.stencil(1, 4), n) for n in fd.Stencil.__slots__))
    assert one == other
    assert hash(one) == hash(other)
    with pytest.raises(AttributeError):
        one.accuracy = 2
