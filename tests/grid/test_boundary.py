"""The grammar of `boundary`, and what its rules mean: samples beyond the ends."""

from typing import Any

import numpy as np
import pytest

from fastdiff import grid

RNG = np.random.default_rng(0)
F = RNG.standard_normal((9, 10))
X = np.cumsum(RNG.random(9) + 0.5)
SPAN = float(X[-1] - X[0])

# How `numpy.pad` continues the samples in the same way.
PADS: dict[str, dict[str, Any]] = {
    "periodic": {"mode": "wrap"},
    "reflect": {"mode": "reflect"},
    "antireflect": {"mode": "reflect", "reflect_type": "odd"},
    "constant": {"mode": "constant", "constant_values": 2.5},
}


def rule(name: str, period: float | None = None) -> Any:
    """A rule in its spelling: `constant` has its value, `periodic` may have a period."""
    if name == "periodic" and period:
        return "periodic", period
    return ("constant", 2.5) if name == "constant" else name


@pytest.mark.parametrize("name", PADS)
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize("accuracy", [2, 6])
def test_a_rule_continues_the_samples_as_pad_does(name: str, order: int, accuracy: int) -> None:
    f = F[:, 0] if order + accuracy == 9 else np.resize(F, 13)
    width = order + accuracy
    ours = grid.partial(f, 0.5, order=order, accuracy=accuracy, boundary=rule(name))
    padded = np.pad(f, width, **PADS[name])
    wide = grid.partial(padded, 0.5, order=order, accuracy=accuracy)[width:-width]
    # The same formulas on the same samples, but ghosts of equal nodes share one weight: round-off of a few terms.
    size = width * np.abs(padded).max() * 4**order * 2**order
    np.testing.assert_allclose(ours, wide, rtol=0, atol=width * 2.3e-16 * size)


SPELLINGS: dict[str, tuple[Any, Any]] = {
    "negative axis": ({-1: "reflect"}, {1: "reflect"}),
    "both sides": ({0: ("reflect", "reflect")}, {0: "reflect"}),
    "a constant twice": ({0: (("constant", 1.0), ("constant", 1.0))}, {0: ("constant", 1.0)}),
    "a list of sides": ({0: ["reflect", "antireflect"]}, {0: ("reflect", "antireflect")}),
    "every axis": ("antireflect", {0: "antireflect", 1: "antireflect"}),
    "left out": ({0: "reflect"}, {0: "reflect", 1: "one-sided"}),
    "none": ({}, "one-sided"),
    "numbers": ({0: ("constant", np.float32(1))}, {0: ("constant", 1)}),
    "a NumPy axis": ({np.int64(1): "reflect"}, {1: "reflect"}),
    "period": ({0: ("periodic", 9 * 0.5)}, {0: "periodic"}),
    "period on both sides": ({0: (("periodic", 4.5), ("periodic", 4.5))}, {0: "periodic"}),
    "periodic on both sides": ({1: ("periodic", "periodic")}, {1: "periodic"}),
    "a side of a constant": ({0: ("one-sided", ("constant", 0.0))}, {0: ("one-sided", ("constant", 0))}),
}


@pytest.mark.parametrize("case", SPELLINGS)
def test_spellings(case: str) -> None:
    one, other = (np.array(grid.gradient(F, 0.5, boundary=given)) for given in SPELLINGS[case])
    assert one.tobytes() == other.tobytes()


def test_sides_are_independent() -> None:
    """A rule reaches as far as its formulas; the rest of the axis has the bits of any other rule."""
    accuracy, reach = 4, 2
    f = np.resize(F, 20)
    plain = grid.gradient(f, accuracy=accuracy)
    for name in ("reflect", "antireflect", "constant"):
        both = grid.gradient(f, accuracy=accuracy, boundary=rule(name))
        low = grid.gradient(f, accuracy=accuracy, boundary={0: (rule(name), "one-sided")})
        high = grid.gradient(f, accuracy=accuracy, boundary={0: ("one-sided", rule(name))})
        assert np.array_equal(low, np.r_[both[:reach], plain[reach:]])
        assert np.array_equal(high, np.r_[plain[:-reach], both[-reach:]])
        assert (both != plain).sum() == 2 * reach


def test_each_axis_has_its_own_rule() -> None:
    down, across = grid.gradient(F, X, 0.5, accuracy=2, boundary={1: "periodic"})
    assert np.array_equal(down, grid.gradient(F, X, axis=0, accuracy=2))
    assert np.array_equal(across, grid.gradient(F, 0.5, axis=1, boundary="periodic"))
    alone = grid.gradient(F, X, axis=0, boundary={0: "reflect"})
    assert np.array_equal(alone, grid.gradient(F.T.copy(), X, axis=1, boundary={1: "reflect"}).T)


@pytest.mark.parametrize("accuracy", [2, 4])
@pytest.mark.parametrize("falling", [False, True])
def test_periods_of_uneven_axes(accuracy: int, falling: bool) -> None:
    """Three periods in a row, differentiated as an open axis: the middle one is what the period means."""
    period = SPAN + 0.7
    x, direction = (X[::-1], -1.0) if falling else (X, 1.0)
    f = F[:, 0]
    for order in (1, 2):
        ours = grid.partial(f, x, order=order, accuracy=accuracy, boundary=("periodic", period))
        long = np.concatenate([x - direction * period, x, x + direction * period])
        wide = grid.partial(np.tile(f, 3), long, order=order, accuracy=accuracy)[9:18]
        np.testing.assert_allclose(ours, wide, rtol=0, atol=1e-12)  # the longer coordinates are rounded anew


def test_symmetric_fields_are_told_so() -> None:
    """A cosine on half a period reflects, a sine antireflects: exact but for truncation, at the ends too."""
    x = np.linspace(0, np.pi, 33)
    h, accuracy = x[1], 6
    truncation = 36 / 5040 * h**accuracy  # (r!)² / (2r + 1)! h^p
    for f, slope, name in ((np.cos(x), -np.sin(x), "reflect"), (np.sin(x), np.cos(x), "antireflect")):
        error = np.abs(grid.gradient(f, h, accuracy=accuracy, boundary=name) - slope)
        assert error.max() <= truncation + 1e-13
    one_sided = np.abs(grid.gradient(np.cos(x), h, accuracy=accuracy) + np.sin(x))
    assert one_sided.max() > 5 * truncation


def test_complex_constants_are_for_complex_data() -> None:
    f = F[:, 0] + 1j * F[:, 1]
    ours = grid.gradient(f, boundary=("constant", 2 - 1j))
    parts = grid.gradient(f.real, boundary=("constant", 2)), grid.gradient(f.imag, boundary=("constant", -1))
    np.testing.assert_array_equal(ours, parts[0] + 1j * parts[1])
    assert not grid.gradient(f.real + 0j, boundary=("constant", 2)).imag.any()
    with pytest.raises((TypeError, ValueError), match=r"`boundary.*(complex|real)"):
        grid.gradient(f.real, boundary=("constant", 2 - 1j))


BAD: dict[str, tuple[Any, tuple[Any, ...], type[Exception] | tuple[type[Exception], ...], str]] = {
    "unknown": ("mirror", (), ValueError, "`boundary`.*reflect.*'mirror'"),
    "unknown pair": (("mirror", 1.0), (), ValueError, "`boundary`.*mirror"),
    "a number": (3, (), (TypeError, ValueError), "`boundary`.*3"),
    "a list of axes": (["reflect", "reflect"], (), (TypeError, ValueError), "`boundary`"),
    "None in a dict": ({0: None}, (), (TypeError, ValueError), r"`boundary.*None"),
    "missing axis": ({2: "reflect"}, (), (ValueError, IndexError), "`boundary`.*2"),
    "axis twice": ({0: "reflect", -2: "reflect"}, (), ValueError, "`boundary`.*0.*-2|`boundary`.*twice"),
    "axis a string": ({"x": "reflect"}, (), TypeError, "`boundary`.*'x'"),
    "axis a float": ({0.0: "reflect"}, (), TypeError, "`boundary`.*0.0"),
    "three sides": ({0: ("reflect", "reflect", "reflect")}, (), ValueError, "`boundary.*reflect"),
    "unknown side": ({0: ("reflect", "mirror")}, (), ValueError, "`boundary.*mirror"),
    "periodic and not": ({0: ("periodic", "reflect")}, (), ValueError, "`boundary.*periodic"),
    "not and periodic": ({0: ("one-sided", "periodic")}, (), ValueError, "`boundary.*periodic"),
    "two periods": ({0: (("periodic", 10.0), ("periodic", 11.0))}, (X, 1.0), ValueError, "`boundary.*period"),
    "period missing": ("periodic", (X, 1.0), ValueError, "`boundary.*period"),
    "period at the last": ({0: ("periodic", SPAN)}, (X, 1.0), ValueError, "`boundary.*period"),
    "period within": ({0: ("periodic", SPAN / 2)}, (X, 1.0), ValueError, "`boundary.*period"),
    "period within, falling": ({0: ("periodic", SPAN / 2)}, (-X, 1.0), ValueError, "`boundary.*period"),
    "period short of the step": ({0: ("periodic", 8.0)}, (), ValueError, "`boundary.*period"),
    "period negative": ({0: ("periodic", -99.0)}, (X, 1.0), ValueError, "`boundary.*period"),
    "period NaN": ({0: ("periodic", np.nan)}, (X, 1.0), ValueError, "`boundary.*(period|finite)"),
    "period inf": ({0: ("periodic", np.inf)}, (X, 1.0), ValueError, "`boundary.*(period|finite)"),
    "period a string": ({0: ("periodic", "2π")}, (X, 1.0), (TypeError, ValueError), "`boundary"),
    "constant without": ("constant", (), ValueError, "`boundary`.*constant.*value"),
    "constant None": (("constant", None), (), (TypeError, ValueError), "`boundary`.*None"),
    "constant array": (("constant", np.zeros(3)), (), (TypeError, ValueError), "`boundary`"),
    "constant inf": (("constant", np.inf), (), ValueError, "`boundary`.*finite"),
    "reflect with a value": (("reflect", 1.0), (), ValueError, "`boundary`.*reflect"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_boundaries_are_named(case: str) -> None:
    boundary, spacing, error, words = BAD[case]
    for call in (grid.gradient, grid.laplacian):
        with pytest.raises(error, match=words):
            call(F, *spacing, boundary=boundary)


def test_an_axis_of_the_batch_has_no_boundary() -> None:
    with pytest.raises(ValueError, match=r"`boundary`.*1"):
        grid.laplacian(F, axis=0, boundary={1: "reflect"})


def test_a_pair_needs_its_axis() -> None:
    with pytest.raises(ValueError, match=r"`boundary` must name the axis of a \(low, high\) pair"):
        grid.laplacian(np.zeros((9, 9)), boundary=("reflect", "one-sided"))


def test_a_period_that_is_not_that_of_the_spacing() -> None:
    f = np.cos(2 * np.pi / 64 * np.arange(64))
    fits = grid.gradient(f, 2 * np.pi / 64, boundary=("periodic", 2 * np.pi))
    assert np.array_equal(fits, grid.gradient(f, 2 * np.pi / 64, boundary="periodic"))
    with pytest.raises(ValueError, match=r"`boundary`.*6\.28.*7\.0"):
        grid.gradient(f, 2 * np.pi / 64, boundary=("periodic", 7.0))
