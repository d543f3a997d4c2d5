"""Laws of `grid.gradient` with `accuracy`."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import derivative
from tests.strategies import LAYOUTS, lay_out

from fastdiff import grid
from fastdiff._stencil import stencil

ACCURACIES = (2, 4, 6, 8)
EPS = np.finfo(np.float64).eps


def uneven(n: int, seed: int = 0) -> np.ndarray:
    return np.cumsum(np.random.default_rng(seed).random(n) + 0.3) - 0.25 * n


AXES = {
    "uniform": lambda n: np.arange(n) * 0.25 - 1.0,
    "falling": lambda n: 2.0 - np.arange(n) * 0.25,
    "uneven": uneven,
    "uneven, falling": lambda n: -uneven(n),
}


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("kind", AXES)
def test_exact_on_polynomials_to_the_degree_and_not_beyond(kind: str, accuracy: int) -> None:
    x = AXES[kind](accuracy + 6)
    for degree in range(accuracy + 1):
        exact = degree * x ** max(degree - 1, 0)
        error = np.abs(grid.gradient(x**degree, x, accuracy=accuracy) - exact)
        assert error.max() <= 1e3 * EPS * max(1.0, np.abs(x**degree).max()) / np.abs(np.diff(x)).min()
    degree = accuracy + 1
    error = np.abs(grid.gradient(x**degree, x, accuracy=accuracy) - degree * x**accuracy)
    assert (error > 1e-6 * np.abs(x[1] - x[0]) ** accuracy).all()


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("length", ["shortest", "long"])
@pytest.mark.parametrize("kind", AXES)
def test_the_slow_twin_agrees(kind: str, length: str, accuracy: int) -> None:
    n = accuracy + 1 if length == "shortest" else 3 * accuracy + 5
    x = AXES[kind](n)
    f = np.random.default_rng(accuracy).standard_normal((n, 3))
    for axis, field in ((0, f), (1, f.T)):
        ours = grid.gradient(field, x, axis=axis, accuracy=accuracy)
        scale = 1 / np.abs(np.diff(x)).min()
        np.testing.assert_allclose(ours, derivative(field, x, axis, accuracy), rtol=0, atol=100 * EPS * scale * 4)


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("value", [0.0, 0.1, -1e8 / 3, 1e300, 5e-324])
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", "f2"])
def test_a_constant_differentiates_to_exactly_zero(value: float, accuracy: int, dtype: str) -> None:
    if abs(value) > 1e4 and dtype in ("f2", "f4"):
        value = 1e4 / 3
    f = np.full((20, 21), value, dtype)
    for spacing in ((0.1, 3), (uneven(20), -uneven(21))):
        for part in grid.gradient(f, *spacing, accuracy=accuracy):
            assert part.dtype == f.dtype
            assert not part.any()


@given(st.sampled_from(ACCURACIES), st.integers(0, 2**16), st.booleans())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_linear(accuracy: int, seed: int, even: bool) -> None:
    rng = np.random.default_rng(seed)
    f, g = rng.standard_normal((2, 14, 15))
    spacing = (0.5, 0.3) if even else (uneven(14, seed), uneven(15, seed + 1))
    a, b = rng.standard_normal(2)
    apart = [
        a * one + b * other
        for one, other in zip(
            grid.gradient(f, *spacing, accuracy=accuracy),
            grid.gradient(g, *spacing, accuracy=accuracy),
            strict=True,
        )
    ]
    together = grid.gradient(a * f + b * g, *spacing, accuracy=accuracy)
    for one, other in zip(together, apart, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("even", [True, False])
def test_the_error_falls_with_the_accuracy(accuracy: int, even: bool) -> None:
    def error(n: int) -> float:
        t = np.linspace(0, 1, n)
        x = t if even else t + 0.1 * np.sin(3 * t)
        f = np.exp(np.sin(2 * x))
        return float(np.abs(grid.gradient(f, x, accuracy=accuracy) - 2 * np.cos(2 * x) * f).max())

    observed = np.log2(error(33) / error(65))
    assert accuracy - 0.6 < observed < accuracy + 1.2


def arguments(accuracy: int | None, shape: tuple[int, ...]) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Spacings and options that together reach every kind of rule."""
    mode: dict[str, Any] = {} if accuracy is None else {"accuracy": accuracy}
    cases: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
        ((), mode),
        ((0.3,), mode),
        (tuple(map(uneven, shape)), mode),
        ((0.3,), mode | {"axis": -1}),
        ((uneven(shape[0]),), mode | {"axis": 0}),
    ]
    if accuracy is None:
        cases += [((0.3,), {"edge_order": 2}), (tuple(map(uneven, shape)), {"edge_order": 2})]
    return cases


# Beyond a chunk, in few long rows and many short ones, with short lines, and beyond one slice of a thread.
BIG_SHAPES = ((12001,), (140, 97), (9, 1500), (1500, 9), (21, 22, 23), (9, 9, 9, 10))


@pytest.mark.parametrize("shape", BIG_SHAPES)
@pytest.mark.parametrize("accuracy", [None, *ACCURACIES])
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_threads_do_not_change_a_bit(shape: tuple[int, ...], accuracy: int | None, dtype: str) -> None:
    f = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    for spacing, options in arguments(accuracy, shape):
        one = np.array(grid.gradient(f, *spacing, **options, threads=1))
        for threads in (2, 3, 7):
            assert one.tobytes() == np.array(grid.gradient(f, *spacing, **options, threads=threads)).tobytes()


@pytest.mark.parametrize("shape", BIG_SHAPES)
@pytest.mark.parametrize("accuracy", [None, 2, 8])
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", ">f8", "i2"])
def test_every_layout_gives_the_same_bits(shape: tuple[int, ...], accuracy: int | None, dtype: str) -> None:
    f = (100 * np.random.default_rng(0).standard_normal(shape)).astype(dtype)
    for spacing, options in arguments(accuracy, shape):
        plain = np.array(grid.gradient(f, *spacing, **options))
        for layout in LAYOUTS:
            if layout not in ("broadcast", "memmap"):
                field = lay_out(f, layout)
                assert np.array(grid.gradient(field, *spacing, **options)).tobytes() == plain.tobytes(), layout


@pytest.mark.parametrize("shape", BIG_SHAPES)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_big_arrays_have_numpys_bits(shape: tuple[int, ...], dtype: str) -> None:
    f = np.random.default_rng(0).standard_normal(shape).astype(dtype)
    for spacing, options in arguments(None, shape):
        for layout in LAYOUTS:
            field = lay_out(f, layout)
            ours = np.array(grid.gradient(field, *spacing, **options))
            assert ours.tobytes() == np.array(np.gradient(field, *spacing, **options)).tobytes(), layout


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("even", [True, False])
def test_a_gap_stays_within_the_stencil(accuracy: int, even: bool) -> None:
    n, reach = 40, accuracy // 2
    x = np.arange(n) * 0.5 if even else uneven(n)
    f = np.sin(x)
    f[20] = np.nan
    lost = np.flatnonzero(np.isnan(grid.gradient(f, x, accuracy=accuracy)))
    expected = [row for row in range(20 - reach, 21 + reach) if row != 20 or not even]
    assert lost.tolist() == expected


@pytest.mark.parametrize("offset", [10.0, 1e3, 1e6])
def test_rounded_coordinates_keep_the_digits_of_the_data(offset: float) -> None:
    x = np.linspace(offset, offset + 1, 101)
    assert np.ptp(np.diff(x)) > 0
    slope = grid.gradient(x - offset, x, accuracy=4)
    np.testing.assert_allclose(slope, 1.0, rtol=0, atol=2e-14)


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("spacing", [1.0, 0.1, -3.0, 1e-7, 1e200])
def test_weights_are_exact_rationals_rounded_once(spacing: float, accuracy: int) -> None:
    n = 3 * accuracy
    exact = stencil(1, accuracy)
    taps = dict(zip(exact.offsets, exact.weights, strict=True))
    for hot in range(n):
        impulse = np.zeros(n)
        impulse[hot] = 1
        rows = range(accuracy // 2, n - accuracy // 2)
        expected = [float(taps.get(hot - row, Fraction(0)) / Fraction(spacing)) for row in rows]
        assert grid.gradient(impulse, spacing, accuracy=accuracy)[rows.start : rows.stop].tolist() == expected


@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize("edge_order", [1, 2])
def test_powers_of_two_have_numpys_bits(dtype: str, edge_order: int) -> None:
    f = np.array([0, 0, -0.0, 1, 3, 3, 3, 1e-40, 5e-324, 1e30, -1e30, 7], dtype)
    with np.errstate(all="ignore"):
        for exponent in range(-1074, 1024):
            ours = grid.gradient(f, 2.0**exponent, edge_order=edge_order)
            theirs = np.gradient(f, 2.0**exponent, edge_order=edge_order)
            assert np.where(np.isnan(ours), 0, ours).tobytes() == np.where(np.isnan(theirs), 0, theirs).tobytes()
            assert np.array_equal(np.isnan(ours), np.isnan(theirs))
