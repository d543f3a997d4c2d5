"""Noise: measured as large as it is, and steps at which it harms least, with errors that say so."""

from collections.abc import Callable
from math import factorial
from typing import Any

import numpy as np
import pytest
from tests.recording import PAIRS, REAL_METHODS, VERBS, Recorded

import fastdiff as fd
from fastdiff import Status
from fastdiff.function import _noise
from fastdiff.function._layout import SIDES
from fastdiff.function._noise import Noise, contrasts, probe
from fastdiff.function._steps import Box

EPS = float(np.finfo(float).eps)
UNIFORM = 3**-0.5  # the standard deviation of uniform noise in [-1, 1]
SMOOTH: dict[str, Callable[[np.ndarray], Any]] = {
    "exp": lambda p: np.exp(p[0] - p[1] / 2),
    "sines": lambda p: np.sin(p).sum() + 4,
    "quadratic": lambda p: p @ p + 1,
    "oscillation": lambda p: np.sin(30 * p[0]) + 2,
}


def hashed(x: Any) -> Any:
    """Return uniform pseudo-noise in [-1, 1) that is a function of the bits of x."""
    bits = np.ascontiguousarray(x, np.float64).view(np.uint64)
    with np.errstate(over="ignore"):
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
        bits ^= bits >> np.uint64(31)
        if bits.ndim:
            bits = np.bitwise_xor.reduce(bits, axis=0)
    return bits.astype(np.float64) / 2.0**63 - 1


def measured(f: Callable[[np.ndarray], Any], x: Any, box: Box | None = None, epsilon: float = EPS) -> tuple[Noise, int]:
    """Return the noise that the probe finds, and how many points it took."""
    x = np.atleast_1d(np.asarray(x, float))
    talk = probe(x, np.maximum(1, np.abs(x)), box, np.atleast_1d(f(x)), epsilon)
    count, values = 0, None
    while True:
        try:
            batch = next(talk) if values is None else talk.send(values)
        except StopIteration as end:
            return end.value, count
        count += len(batch)
        if box is not None:
            assert ((batch.base >= box.lower) & (batch.base <= box.upper)).all()
        values = np.array([np.atleast_1d(f(point)) for point in batch.base])


# ---- how large the noise is


@pytest.mark.parametrize("level", [1e-2, 1e-3, 1e-6, 1e-9, 1e-12])
@pytest.mark.parametrize("name", SMOOTH)
@pytest.mark.parametrize("kind", ["uniform", "normal", "hashed"])
def test_noise_is_recovered(name: str, level: float, kind: str) -> None:
    rng = np.random.default_rng(7)
    draw = {"uniform": lambda p: rng.uniform(-1, 1), "normal": lambda p: UNIFORM * rng.normal(), "hashed": hashed}[kind]
    found = []
    for _ in range(100):
        noise, count = measured(lambda p: SMOOTH[name](p) * (1 + level * draw(p)), rng.uniform(-3, 3, 3))
        assert count in (8, 16, 24, 32)
        found.append(noise.summary / (UNIFORM * level))
    within = (np.array(found) > 1 / 4) & (np.array(found) < 4)
    assert within.mean() >= 0.95
    assert 0.6 < np.median(found) < 1.5


@pytest.mark.parametrize("name", SMOOTH)
def test_without_noise_it_is_the_precision(name: str) -> None:
    rng = np.random.default_rng(8)
    found = [measured(SMOOTH[name], rng.uniform(-3, 3, 3))[0].summary for _ in range(50)]
    assert min(found) >= EPS
    assert max(found) <= 16 * EPS


def test_each_output_has_its_own_noise() -> None:
    rng = np.random.default_rng(9)
    levels = np.array([1e-3, 1e-7, 0.0, 1e-10])
    scales = np.array([1e-8, 1.0, 1.0, 1e12])
    noise, _ = measured(lambda p: scales * np.exp(p[0]) * (1 + levels * rng.normal(size=4)), 0.5)
    wanted = np.maximum(levels, EPS)
    np.testing.assert_array_less(noise.relative, 4 * wanted)
    np.testing.assert_array_less(wanted / 4, noise.relative)
    np.testing.assert_allclose(noise.absolute, noise.relative * scales * np.exp(0.5), rtol=1e-2)
    assert noise.summary == noise.relative.max()


def test_rounded_values_ask_for_larger_spacing() -> None:
    noise, count = measured(lambda p: np.round(np.exp(p[0]), 3), 0.3)
    assert count == 16
    assert 1e-4 < noise.absolute[0] < 1e-3


@pytest.mark.parametrize("f", [lambda p: 3.0, lambda p: 0.0, lambda p: p[0], lambda p: np.nan])
def test_nothing_to_find_takes_few_points(f: Any) -> None:
    noise, count = measured(f, 0.3)
    assert count <= 16
    assert noise.summary == EPS
    assert np.isfinite(noise.absolute).all()


@pytest.mark.parametrize("additive", [True, False])
def test_where_f_is_zero(additive: bool) -> None:
    rng = np.random.default_rng(10)
    found = []
    for _ in range(100):
        noise, _ = measured(lambda p: np.sin(p[0]) + 1e-6 * rng.normal() * (1 if additive else np.sin(p[0])), 0.0)
        found.append((noise.absolute[0] if additive else noise.relative[0]) / 1e-6)
    assert 1 / 4 < np.median(found) < 4
    assert np.mean((np.array(found) > 1 / 10) & (np.array(found) < 10)) >= 0.95


@pytest.mark.parametrize("width", [1.0, 1e-3, 1e-6])
@pytest.mark.parametrize("corner", [(0, 0), (0, 1), (1, 1)])
def test_the_probe_stays_in_the_box(width: float, corner: tuple[int, int]) -> None:
    rng = np.random.default_rng(11)
    box = Box(np.array([1.0, -2.0]), np.array([1.0, -2.0]) + width)
    x = np.where(corner, box.upper, box.lower)
    noise, _ = measured(lambda p: p @ p * (1 + 1e-9 * rng.normal()), x, box)
    assert 1 / 4 < noise.summary / 1e-9 < 4


def test_the_table_of_a_known_sequence() -> None:
    # Differences of ±1: the k-th have the size 2^k, so that the estimates are 2^k sqrt((k!)^2/(2k)!).
    noise, verdict = _noise.estimate(np.array([1.0, -1.0] * 4 + [1.0])[:, None] * 1e-3 + 1, EPS)
    assert noise[0] == pytest.approx(1e-3 * 2 * np.sqrt(1 / 2))
    assert verdict[0] == _noise._FOUND


# ---- the ratio that tells the best step


@pytest.mark.parametrize(("method", "accuracy"), PAIRS)
def test_a_contrast_shows_the_truncation_error(method: str, accuracy: int) -> None:
    own = contrasts(accuracy)[SIDES.index(method)]
    formula = fd.stencil(1, accuracy, side=method)
    offsets = own.pattern.offsets[:, 0]
    weights = {offset: w for offset, w in zip(offsets, own.own, strict=True) if w} | ({0: own.at_x} if own.at_x else {})
    assert weights == pytest.approx({o: float(w) for o, w in zip(formula.offsets, formula.weights, strict=True)})
    assert own.norm == pytest.approx(np.linalg.norm(list(weights.values())))
    for power in range(1, accuracy + 1):  # what D differentiates without error
        assert own.pattern.weight @ offsets**power == pytest.approx(0, abs=1e-9 * max(abs(offsets)) ** power)
    truncation = float(formula.error_constant) * factorial(accuracy + 1)
    assert own.pattern.weight @ offsets ** (accuracy + 1) == pytest.approx(own.excess * truncation)
    at_x = -own.pattern.weight.sum()
    assert own.floor * own.excess * own.norm == pytest.approx(np.hypot(np.linalg.norm(own.pattern.weight), at_x))
    assert np.sqrt(accuracy) * own.floor < 1 / 3  # at the best step T is more than its own noise


def test_the_contrasts_are_those_of_the_paper() -> None:
    forward, central = contrasts(1)[SIDES.index("forward")], contrasts(2)[SIDES.index("central")]
    taps = [dict(zip(c.pattern.offsets[:, 0], c.pattern.weight, strict=True)) for c in (forward, central)]
    assert taps == [{4: 1, 1: -4}, {3: 0.5, 1: -1.5, -1: 1.5, -3: -0.5}]


# ---- the results


def logarithm(t: float) -> float:
    return float(np.log(t)) if t > 0 else np.nan


# f and its first three derivatives, and where.
EXACT: dict[str, tuple[tuple[Callable[[Any], Any], ...], tuple[float, float]]] = {
    "exp": ((np.exp, np.exp, np.exp, np.exp), (-3, 3)),
    "sin": ((np.sin, np.cos, lambda t: -np.sin(t), lambda t: -np.cos(t)), (-6, 6)),
    "rational": (
        (
            lambda t: 1 / (1 + t * t),
            lambda t: -2 * t / (1 + t * t) ** 2,
            lambda t: (6 * t * t - 2) / (1 + t * t) ** 3,
            lambda t: 24 * t * (1 - t * t) / (1 + t * t) ** 4,
        ),
        (-3, 3),
    ),
    "log": (
        (lambda t: np.log(t) if t > 0 else np.nan, lambda t: 1 / t, lambda t: -(t**-2), lambda t: 2 * t**-3),
        (1e-3, 10),
    ),
}


@pytest.mark.parametrize("noise", ["auto", "stated"])
@pytest.mark.parametrize("kind", ["hashed", "normal"])
@pytest.mark.parametrize("method", [*REAL_METHODS, "richardson"])
@pytest.mark.parametrize("name", EXACT)
def test_results_are_near_the_optimum_of_the_method(name: str, method: str, kind: str, noise: Any) -> None:
    (f, first, second, third), ends = EXACT[name]
    level, rng = 1e-6, np.random.default_rng(12)
    share = UNIFORM if kind == "hashed" else 1.0
    errors, covered = [], []
    for x in rng.uniform(*ends, 200):
        noisy = Recorded(lambda t: f(t) * (1 + level * (hashed(t) if kind == "hashed" else rng.normal())))
        stated = share * level if noise == "stated" else noise
        result = fd.derivative(noisy, x, method=method, noise=stated, full_output=True)
        assert result.nfev == noisy.calls
        sigma = share * level * abs(f(x))
        if method in ("forward", "backward"):  # Moré and Wild 2012, eq. 2.4
            optimum = 2**0.75 * np.sqrt(sigma * abs(second(x)))
        else:
            h = np.cbrt(3 * sigma / abs(third(x)))
            optimum = abs(third(x)) * h**2 / 6 + sigma / h
        error = abs(result.value - first(x))
        errors.append(error / optimum)
        covered.append(error <= result.error)
    assert np.mean(np.array(errors) <= 10) >= 0.95
    assert np.median(errors) < 1
    assert np.mean(covered) >= 0.85


@pytest.mark.parametrize(("method", "accuracy"), PAIRS)
def test_every_accuracy_searches_its_step(method: str, accuracy: int) -> None:
    rng = np.random.default_rng(13)
    level = 1e-8
    formula = fd.stencil(1, accuracy, side=method)
    norm = np.sqrt(sum(float(w) ** 2 for w in formula.weights))
    errors, covered = [], []
    for x in rng.uniform(-1, 1, 100):
        result = fd.derivative(
            lambda t: np.exp(t) * (1 + level * rng.normal()), x, method=method, accuracy=accuracy, noise=level,
            full_output=True,
        )  # fmt: skip
        h = (level * norm / (np.sqrt(accuracy) * abs(float(formula.error_constant)))) ** (1 / (accuracy + 1))
        optimum = np.exp(x) * np.hypot(float(formula.error_constant) * h**accuracy, level * norm / h)
        errors.append(abs(result.value - np.exp(x)) / optimum)
        covered.append(abs(result.value - np.exp(x)) / result.error)
    assert np.mean(np.array(errors) <= 10) >= 0.95
    assert np.mean(np.array(covered) <= 2) >= 0.95
    assert accuracy > 6 or np.mean(np.array(covered) <= 1) >= 0.85  # exp is hardly asymptotic over 14 such steps


def f2(p: Any) -> Any:
    return np.exp(p[0]) * np.sin(p[1]) * (1 + 1e-6 * hashed(p))


X2 = np.array([0.3, 1.1])
G2 = np.array([np.exp(0.3) * np.sin(1.1), np.exp(0.3) * np.cos(1.1)])


@pytest.mark.parametrize("noise", [1e-6, "auto"])
@pytest.mark.parametrize("method", [*REAL_METHODS, "richardson"])
@pytest.mark.parametrize("name", ["gradient", "jacobian", "partial", "jvp", "directional"])
def test_first_derivatives_have_errors(name: str, method: str, noise: Any) -> None:
    v = np.linspace(1.0, 2.0, 2)
    exact = {"partial": G2[0], "jvp": G2 @ v, "directional": G2 @ v / np.linalg.norm(v)}.get(name, G2)
    result = VERBS[name](f2, X2, method=method, noise=noise, full_output=True)
    assert np.shape(result.error) == np.shape(result.value)
    tolerance = 2e-2 if method in ("forward", "backward") else 1e-3
    np.testing.assert_allclose(result.value, exact, atol=tolerance)
    assert (np.abs(result.value - exact) <= 3 * result.error).all()
    assert (result.error < tolerance).all()
    assert (result.status <= Status.NOISE_LIMITED).all()
    few = result.error > 1e-3 * np.abs(result.value)
    if method != "richardson":
        np.testing.assert_array_equal(result.status, np.where(few, Status.NOISE_LIMITED, Status.CONVERGED))


@pytest.mark.parametrize("exponent", [-900, -1, 0, 1, 900])
@pytest.mark.parametrize("method", REAL_METHODS)
@pytest.mark.parametrize("noise", [1e-6, "auto"])
def test_the_unit_of_f_is_of_no_matter(noise: Any, method: str, exponent: int) -> None:
    plain = fd.gradient(f2, X2, method=method, noise=noise, full_output=True)
    scaled = fd.gradient(lambda p: np.ldexp(f2(p), exponent), X2, method=method, noise=noise, full_output=True)
    assert scaled.nfev == plain.nfev
    np.testing.assert_array_equal(scaled.step, plain.step)
    np.testing.assert_array_equal(scaled.value, np.ldexp(plain.value, exponent))
    np.testing.assert_allclose(scaled.error, np.ldexp(plain.error, exponent), rtol=1e-12)


@pytest.mark.parametrize("noise", [0.0, 1e-6, "auto"])
@pytest.mark.parametrize("method", REAL_METHODS)
@pytest.mark.parametrize("name", VERBS)
def test_evaluations_are_counted(name: str, method: str, noise: Any) -> None:
    x = 0.7 if name == "derivative" else X2
    g = Recorded((lambda t: np.exp(t) * (1 + 1e-6 * hashed(t))) if name == "derivative" else f2)
    result = VERBS[name](g, x, method=method, noise=noise, full_output=True)
    assert result.nfev == g.calls
    assert g.calls <= 200
    known = Recorded(g.f)
    again = VERBS[name](known, x, method=method, noise=noise, f0=g.f(np.array(x)), full_output=True)
    assert again.nfev == known.calls == g.calls - 1
    np.testing.assert_array_equal(again.value, result.value)


@pytest.mark.parametrize("noise", [1e-6, "auto"])
@pytest.mark.parametrize("method", [*REAL_METHODS, "richardson"])
@pytest.mark.parametrize("name", ["gradient", "jacobian", "partial", "jvp"])
def test_columns_are_points(name: str, method: str, noise: Any) -> None:
    columns = Recorded(f2)
    result = VERBS[name](columns, X2, method=method, noise=noise, vectorized=True, full_output=True)
    alone = VERBS[name](f2, X2, method=method, noise=noise, full_output=True)
    assert result.nfev == sum(p.shape[-1] for p in columns.points) == alone.nfev
    np.testing.assert_allclose(result.value, alone.value, atol=1e-9)


@pytest.mark.parametrize("noise", [1e-6, "auto"])
@pytest.mark.parametrize(("method", "accuracy"), [*PAIRS[::3], ("richardson", None)])
@pytest.mark.parametrize("name", ["gradient", "partial", "jvp", "directional", "hessian_diagonal"])
@pytest.mark.parametrize("room", [(0.5, 0.5), (0.0, 0.5), (0.0, 1e-4), (1e-3, 0.0), (0.0, 0.0), (1e-9, 0.0)])
def test_bounds_hold(room: tuple[float, float], name: str, method: str, accuracy: Any, noise: Any) -> None:
    lower, upper = X2 - np.array([room[0], 3.0]), X2 + np.array([room[1], 3.0])
    g = Recorded(f2)
    result = VERBS[name](
        g, X2, method=method, accuracy=accuracy, noise=noise, bounds=(lower, upper), full_output=True
    )  # fmt: skip
    assert g.inside(lower, upper)
    assert result.nfev == g.calls
    if name == "gradient":
        fixed = room == (0.0, 0.0)
        assert (result.status[0] == Status.FIXED) == fixed
        assert abs(result.value[0] - (0.0 if fixed else G2[0])) <= 5 * result.error[0]


@pytest.mark.parametrize("method", REAL_METHODS)
def test_entries_search_steps_of_their_own(method: str) -> None:
    x = np.array([1e-3, 0.1, 1.0, 100.0])
    calls = []
    result = fd.derivative(
        lambda t: calls.append(t) or np.log(t) * (1 + 1e-8 * np.vectorize(hashed)(t)), x, method=method, noise=1e-8,
        full_output=True,
    )  # fmt: skip
    assert result.nfev == len(calls) * x.size
    np.testing.assert_allclose(result.value * x, 1, atol=1e-2)
    assert (np.diff(result.step / x) != 0).all()
    assert (result.step < 0.3 * x).all()
    assert np.isfinite(result.error).all()


@pytest.mark.parametrize("option", ["step", "relative_step"])
@pytest.mark.parametrize("noise", [1e-6, "auto"])
def test_a_stated_step_is_taken_literally(option: str, noise: Any) -> None:
    result = fd.gradient(f2, X2, noise=noise, full_output=True, **{option: 0.01})
    plain = fd.gradient(f2, X2, full_output=True, **{option: 0.01})
    np.testing.assert_array_equal(result.value, plain.value)
    np.testing.assert_array_equal(result.step, plain.step)
    assert np.isnan(result.error).all()


@pytest.mark.parametrize("scale", [0.5, [1.0, 2.0]])
def test_a_stated_scale_wins(scale: Any) -> None:
    result = fd.gradient(f2, X2, noise=1e-6, x_scale=scale, full_output=True)
    np.testing.assert_allclose(result.step, 1e-2 * np.broadcast_to(scale, 2))


@pytest.mark.parametrize("order", [2, 3])
def test_higher_orders_follow_the_rule(order: int) -> None:
    result = fd.derivative(np.exp, 1.0, order, noise=1e-6, full_output=True)
    h = (1e-6) ** (1 / (order + 2))
    assert h / 2**0.5 <= result.step <= h * 2**0.5
    assert result.status == Status.NOT_ESTIMATED or result.status == Status.NOISE_LIMITED
    assert np.isnan(result.error)


@pytest.mark.parametrize("verb", [fd.hessian, fd.hessian_diagonal])
def test_second_derivatives_of_a_noisy_function(verb: Any) -> None:
    exact = np.array([[G2[0], G2[1]], [G2[1], -G2[0]]])
    exact = exact if verb is fd.hessian else np.diag(exact)
    assert np.abs(verb(f2, X2, noise="auto") - exact).max() < 0.05 < np.abs(verb(f2, X2) - exact).max()


def test_a_noisy_gradient_is_differenced() -> None:
    gradient = Recorded(lambda p: 2 * p * (1 + 1e-7 * np.vectorize(hashed)(p)))
    result = fd.hessian(None, [1.0, 2.0], gradient=gradient, noise="auto", full_output=True)
    assert result.nfev == gradient.calls
    np.testing.assert_allclose(result.value, [[2, 0], [0, 2]], atol=1e-3)
    np.testing.assert_allclose(result.gradient, [2, 4], rtol=1e-6)


@pytest.mark.parametrize("x", [0.0, 5.0, -300.0])
@pytest.mark.parametrize("method", REAL_METHODS)
def test_a_linear_function_takes_the_largest_step(x: float, method: str) -> None:
    result = fd.derivative(lambda t: 3 * t + 1, x, method=method, noise=1e-8, full_output=True)
    assert result.step == max(1.0, abs(x))
    assert abs(result.value - 3) < 1e-12
    assert result.nfev < 40


@pytest.mark.parametrize("method", REAL_METHODS)
def test_noise_that_is_larger_than_stated_is_found_out(method: str) -> None:
    rng = np.random.default_rng(14)
    formula = fd.stencil(1, 2 if method == "central" else 1, side=method)
    constant, norm = abs(float(formula.error_constant)), np.linalg.norm([float(w) for w in formula.weights])
    h = (1e-5 * norm / constant) ** (1 / (1 + formula.accuracy))
    errors, covered = [], []
    for x in rng.uniform(-1, 1, 100):
        noisy = lambda t: np.exp(t) * (1 + 1e-5 * rng.normal())  # noqa: E731
        result = fd.derivative(noisy, x, method=method, noise=1e-10, full_output=True)
        error = abs(result.value - np.exp(x))
        errors.append(error / (np.exp(x) * (constant * h**formula.accuracy + 1e-5 * norm / h)))
        covered.append(error <= result.error)
    assert np.median(errors) < 3  # the steps for a noise of 1e-10 would make it tens to hundreds
    assert np.mean(covered) >= 0.8


def test_the_largest_noise_decides_for_richardson() -> None:
    g = Recorded(lambda t: np.exp(t) * (1 + 1e-6 * hashed(t)))
    informed = fd.derivative(g, 1.0, method="richardson", noise="auto", full_output=True)
    stated = fd.derivative(g, 1.0, method="richardson", noise=UNIFORM * 1e-6, full_output=True)
    ignorant = fd.derivative(g, 1.0, method="richardson", full_output=True)
    assert stated.nfev < ignorant.nfev
    assert stated.nfev + 8 <= informed.nfev < ignorant.nfev + 8
    for result in (informed, stated):
        assert abs(result.value - np.e) <= result.error
        assert result.status == Status.CONVERGED
    tiny = fd.derivative(np.exp, 1.0, method="richardson", noise=1e-30, full_output=True)
    assert tiny.error == fd.derivative(np.exp, 1.0, method="richardson", full_output=True).error


def test_noise_of_single_precision() -> None:
    single = fd.derivative(lambda t: np.float32(np.exp(t)), 0.4, noise="auto", full_output=True)
    assert abs(single.value - np.exp(0.4)) <= 3 * single.error < 1e-3


def test_noise_of_complex_values() -> None:
    rng = np.random.default_rng(15)
    result = fd.derivative(lambda t: np.exp(1j * t) * (1 + 1e-6 * rng.normal()), 0.4, noise="auto", full_output=True)
    assert abs(result.value - 1j * np.exp(0.4j)) <= 3 * result.error < 2e-3


def test_f_outside_its_domain_asks_for_smaller_steps() -> None:
    g = Recorded(lambda t: np.log(t) if t > 0 else np.nan)
    result = fd.derivative(g, 1e-12, noise=1e-8, full_output=True)
    assert result.nfev == g.calls
    assert abs(result.value - 1e12) <= result.error < 1e9


def test_planned_derivatives_take_noise() -> None:
    planned = fd.Gradient(f2, noise="auto")
    np.testing.assert_array_equal(planned(X2), fd.gradient(f2, X2, noise="auto"))
    assert planned.last is not None
    assert np.isfinite(planned.last.error).all()


@pytest.mark.parametrize("method", [*REAL_METHODS, "richardson"])
@pytest.mark.parametrize("noise", [1e-3, "auto"])
def test_nothing_to_do(method: str, noise: Any) -> None:
    options = {"method": method, "noise": noise, "full_output": True}
    assert fd.gradient(lambda p: 1.0, np.zeros(0), **options).value.shape == (0,)
    assert fd.jacobian(lambda p: p[:0], np.zeros(2), **options).value.shape == (0, 2)
    assert fd.jvp(f2, X2, [0.0, 0.0], **options).value == 0
    fixed = fd.gradient(f2, X2, bounds=(X2, X2), **options)
    assert (fixed.status == Status.FIXED).all()
    assert (fixed.value == 0).all()


@pytest.mark.parametrize(
    ("noise", "error", "words"),
    [
        (-1e-6, ValueError, "from 0 to 1"),
        (1.5, ValueError, "from 0 to 1"),
        (np.nan, ValueError, "finite"),
        (np.inf, ValueError, "finite"),
        ("automatic", ValueError, "'auto'"),
        (True, TypeError, "'auto'"),
        ([1e-6, 1e-6], TypeError, "single number"),
        (1j, TypeError, "real"),
    ],
)
@pytest.mark.parametrize("name", VERBS)
def test_bad_noise_is_refused(name: str, noise: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=r"`noise` must.*") as caught:
        VERBS[name](f2, X2, noise=noise)
    assert words in str(caught.value)


def test_what_does_not_go_with_noise() -> None:
    with pytest.raises(ValueError, match=r"`noise`.*'complex'"):
        fd.gradient(f2, X2, method="complex", noise=1e-6)
    with pytest.raises(ValueError, match=r"SciPy can't do `noise`"):
        fd.gradient(f2, X2, backend="scipy", noise=1e-6)
