"""The kernel of the adaptive method against a slow and obvious twin, and its shim against misuse."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fastdiff.function._ladders import ASKED, LEVELS, NO_STEP, START, Ladders, extrapolate, level_step
from fastdiff.function._patterns import line

EPS = np.finfo(float).eps


def at_zero(steps: list[Fraction], values: list[Fraction], power: int) -> Fraction:
    """The polynomial in step**power through the values, at 0, by Lagrange's formula."""
    nodes = [step**power for step in steps]
    total = Fraction(0)
    for i, value in enumerate(values):
        weight = Fraction(1)
        for j, node in enumerate(nodes):
            if j != i:
                weight *= node / (node - nodes[i])
        total += weight * value
    return total


@given(
    coefficients=st.lists(st.integers(-9, 9), min_size=2, max_size=6),
    power=st.sampled_from([1, 2]),
    top=st.integers(0, 3),
)
@settings(max_examples=100, deadline=None)
def test_series_are_extrapolated_exactly_and_not_beyond(coefficients: list[int], power: int, top: int) -> None:
    def sample(levels: int) -> tuple[np.ndarray, list[Fraction]]:
        steps = [level_step(top, level) for level in range(levels)]
        values = [sum(c * h ** (power * k) for k, c in enumerate(coefficients)) for h in steps]
        return np.array(values, float), [Fraction(h) for h in steps]

    terms = len(coefficients)
    values, steps = sample(terms + 1)  # one more than exactness takes: neighbours in the tableau agree
    size = max(np.abs(values).max(), 1.0)
    found, error = extrapolate(values[:, None], np.full((terms + 1, 1), EPS * size), power)
    twin = at_zero(steps, [Fraction(float(v)) for v in values], power)
    assert abs(float(twin) - coefficients[0]) <= 1e5 * EPS * size
    assert abs(found[0] - coefficients[0]) <= 1e5 * EPS * size
    assert error[0] <= 1e6 * EPS * size
    if coefficients[-1]:
        values, steps = sample(terms - 1)
        short = at_zero(steps, [Fraction(float(v)) for v in values], power)
        assert abs(float(short) - coefficients[0]) > 1e5 * EPS * size


@pytest.mark.parametrize("power", [1, 2])
def test_the_error_covers_noise_at_its_worst(power: int) -> None:
    rng = np.random.default_rng(0)
    noise = 1e-9
    signs = rng.choice([-1.0, 1.0], (5, 200))
    found, error = extrapolate(3.0 + noise * signs, np.full((5, 200), noise), power)
    assert (np.abs(found - 3.0) <= error).all()
    assert (error < 10 * noise).all()


def test_steps_nearly_halve_and_are_no_powers_of_two() -> None:
    steps = np.array([level_step(0, level) for level in range(LEVELS)])
    ratios = steps[:-1] / steps[1:]
    assert steps[0] == 1
    assert ((ratios > 1.8) & (ratios < 2.2)).all()
    assert (np.frexp(steps[1:])[0] != 0.5).all()
    assert level_step(5, 3) == 32 * steps[3]


def ladders(outputs: int = 1, **changes: int) -> Ladders:
    start = np.zeros(1, START)
    start["unit"], start["cap"], start["floor"], start["other"] = 1.0, 1023, -40, NO_STEP
    for name, value in changes.items():
        start[name] = value
    patterns = tuple(line(1, side) for side in range(3))
    return Ladders(start, patterns, np.zeros((1, outputs)), EPS, 0.0, 0.0, 40, np.zeros((1, outputs)))


@pytest.mark.parametrize("shape", [(1, 1), (3, 1), (2, 2), (0, 1)])
def test_values_that_do_not_fit_are_refused(shape: tuple[int, int]) -> None:
    found = ladders()
    with pytest.raises(ValueError, match="do not fit"):
        found.tell(found.ask(1), np.zeros(shape))


def test_what_was_not_asked_is_refused() -> None:
    with pytest.raises(ValueError, match="dtype"):
        ladders().tell(np.zeros(1), np.zeros((2, 1)))


@pytest.mark.parametrize("field", ["id", "side"])
@pytest.mark.parametrize("value", [-1, 3, 2**40])
def test_ladders_and_sides_that_do_not_exist_are_refused(field: str, value: int) -> None:
    found = ladders()
    asked = found.ask(1)
    asked[field] = value
    with pytest.raises(ValueError, match="does not exist"):
        found.tell(asked, np.zeros((2, 1)))


def test_too_many_levels_are_refused() -> None:
    with pytest.raises(ValueError, match="levels"):
        extrapolate(np.zeros((LEVELS + 1, 1)), np.zeros((LEVELS + 1, 1)), 2)
    with pytest.raises(ValueError, match="levels"):
        extrapolate(np.zeros((3, 1)), np.zeros((2, 1)), 2)


def test_a_settled_ladder_asks_for_nothing_and_is_told_nothing() -> None:
    found = ladders()
    last = asked = found.ask(1)
    while len(asked):
        last = asked
        asked["divisor"] = asked["step"]
        found.tell(asked, np.array([[asked["step"][0]], [-asked["step"][0]]]))
        asked = found.ask(1)
    value, error, step, status, _ = found.results()
    assert value[0, 0] == 1
    assert error[0, 0] < 1e-12
    assert step[0, 0] > 0
    assert status[0, 0] == 0
    found.tell(last, np.full((2, 1), np.nan))
    assert found.results()[0][0, 0] == 1
    assert asked.dtype == ASKED
