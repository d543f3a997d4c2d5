"""What breaks adaptive differences: each trap is answered right, within the error, or flagged."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import fastdiff as fd
from fastdiff import Status

FLAGGED = "flagged"


def noise(x: float) -> float:
    """A deterministic pseudo-random number between -1 and 1 for every x."""
    bits = int(np.float64(x).view(np.uint64)) * 0x9E3779B97F4A7C15 % 2**64
    return (bits ^ (bits >> 29)) % 2**32 / 2**31 - 1


def within(f: Callable[[float], float], inside: Callable[[float], bool]) -> Callable[[float], float]:
    """f, and NaN off its domain."""
    return lambda x: f(x) if inside(x) else math.nan


# name -> (f, x, the exact derivative, or FLAGGED where there is none).
TRAPS: dict[str, tuple[Callable[[float], Any], float, Any]] = {
    # one scale or the other
    "exp at 1e-12": (math.exp, 1e-12, math.exp(1e-12)),
    "exp at 1e-300": (math.exp, 1e-300, 1.0),
    "exp at a subnormal": (math.exp, 5e-324, 1.0),
    "sin at 1e6": (math.sin, 1e6, math.cos(1e6)),
    "sin at 1e10": (math.sin, 1e10, math.cos(1e10)),
    "log at 1e-3": (within(math.log, lambda x: x > 0), 1e-3, 1e3),
    "log at 1e-8": (within(math.log, lambda x: x > 0), 1e-8, 1e8),
    "log at 1e-300": (within(math.log, lambda x: x > 0), 1e-300, 1e300),
    "x**2 at 1e20": (lambda x: x * x, 1e20, 2e20),
    "x**5 at 1e-6": (lambda x: x**5, 1e-6, 5e-24),
    "slow exp": (lambda x: math.exp(-x / 1e6), 1.0, -1e-6 * math.exp(-1e-6)),
    "near a pole": (lambda x: 1 / (x - 1) if x != 1 else math.inf, 1 + 2.0**-30, -(2.0**60)),
    "x at the end of the numbers": (lambda x: x / 2, -1.7e308, 0.5),
    # oscillation: also where steps that are powers of two meet one phase
    "sin(1000 x)": (lambda x: math.sin(1000 * x), 1.0, 1000 * math.cos(1000)),
    "cos(100 x) at 8.1": (lambda x: math.cos(100 * x), 8.1, -100 * math.sin(810.0)),
    "sin(2 pi x 2**10)": (lambda x: math.sin(2 * math.pi * 2**10 * x), 0.3, None),
    "small ripple": (lambda x: x + 1e-3 * math.sin(1000 * x), 1.0, 1 + math.cos(1000)),
    # size
    "constant": (lambda x: 3.0, 1.0, 0.0),
    "zero": (lambda x: 0.0, 1.0, 0.0),
    "huge": (lambda x: 1e300 * math.sin(x), 1.0, 1e300 * math.cos(1)),
    "tiny": (lambda x: 1e-300 * math.sin(x), 1.0, 1e-300 * math.cos(1)),
    "huge and linear": (lambda x: 1e308 * x, 1.0, 1e308),
    "offset": (lambda x: 1e10 + math.sin(x), 1.0, math.cos(1)),
    # noise
    "noise 1e-3": (lambda x: math.exp(x) * (1 + 1e-3 * noise(x)), 1.0, math.e),
    "noise 1e-6": (lambda x: math.exp(x) * (1 + 1e-6 * noise(x)), 1.0, math.e),
    "noise 1e-9": (lambda x: math.exp(x) * (1 + 1e-9 * noise(x)), 1.0, math.e),
    # kinks, jumps, roots
    "abs at 0": (abs, 0.0, FLAGGED),
    "abs at 1e-9": (abs, 1e-9, 1.0),
    "abs at -1e-3": (abs, -1e-3, -1.0),
    "abs beside something else": (lambda x: math.sin(x) + abs(x - 1), 1.0, FLAGGED),
    "abs on a large offset": (lambda x: 1e10 + abs(x), 0.0, FLAGGED),
    "a kink 1e-6 away": (lambda x: abs(x - 1) + x * x, 1 + 1e-6, 1 + 2 * (1 + 1e-6)),
    "the larger of two": (lambda x: max(x, 0) + x * x, 0.0, FLAGGED),
    "sign at 0": (lambda x: float(np.sign(x)), 0.0, FLAGGED),
    "a jump at x": (lambda x: float(x > 1) + x, 1.0, FLAGGED),
    "a jump 1e-3 away": (lambda x: float(x > 1.001) + x, 1.0, 1.0),
    "a small jump 1e-3 away": (lambda x: 1e-6 * float(x > 1.001) + x * x, 1.0, 2.0),
    "x|x| at 0": (lambda x: x * abs(x), 0.0, 0.0),
    "|x|**1.5 at 0": (lambda x: abs(x) ** 1.5, 0.0, 0.0),
    "the root of |x| at 0": (lambda x: abs(x) ** 0.5, 0.0, FLAGGED),
    "the cubic root at 0": (lambda x: math.copysign(abs(x) ** (1 / 3), x), 0.0, FLAGGED),
    "x**2 sin(1/x) at 0": (lambda x: x * x * math.sin(1 / x) if x else 0.0, 0.0, 0.0),
    # domains
    "the root at 0": (within(math.sqrt, lambda x: x >= 0), 0.0, FLAGGED),
    "x**1.5 at 0": (within(lambda x: x * math.sqrt(x), lambda x: x >= 0), 0.0, 0.0),
    "x**2 right of 1 at 1": (within(lambda x: x * x, lambda x: x >= 1), 1.0, 2.0),
    "NaN": (lambda x: math.nan, 1.0, FLAGGED),
    "NaN at x": (lambda x: math.nan if x == 1 else x, 1.0, FLAGGED),
    "NaN everywhere else": (lambda x: 1.0 if x == 1 else math.nan, 1.0, FLAGGED),
    "single precision": (lambda x: np.float32(math.sin(x)), 1.0, math.cos(1)),
}


@pytest.mark.parametrize("rtol", [0.0, 1e-6])
@pytest.mark.parametrize("name", TRAPS)
def test_right_or_flagged(name: str, rtol: float) -> None:
    f, x, exact = TRAPS[name]
    if exact is None:
        exact = 2 * math.pi * 2**10 * math.cos(2 * math.pi * 2**10 * x)
    result = fd.derivative(f, x, method="richardson", rtol=rtol, full_output=True)
    flagged = result.status > Status.NOISE_LIMITED
    if exact is FLAGGED:
        assert flagged
        return
    # The argument of a fast f is rounded before f sees it, in our exact value as well.
    rounding = 2e-16 * abs(x) * 2 * math.pi * 2**11 * abs(exact) if "pi" in name else 0.0
    # Noise that was not stated is not seen by a descent that stops at the tolerance: that is what counts then.
    unseen = rtol * abs(exact) if "noise" in name else 0.0
    assert flagged or abs(result.value - exact) <= max(result.error, unseen) + rounding
    if np.isfinite(result.error) and result.error < 1e-3 * abs(result.value):
        assert abs(result.value - exact) <= 1e-3 * abs(exact)


@pytest.mark.parametrize("x", [0.0, 1.0])
def test_the_error_at_a_kink_covers_both_slopes(x: float) -> None:
    result = fd.derivative(lambda t: abs(t - x) + 2 * t, x, method="richardson", full_output=True)
    assert result.status == Status.NOT_SMOOTH
    assert result.value - result.error <= 1 + 1e-6
    assert result.value + result.error >= 3 - 1e-6


def saddle(x: Any) -> float:
    """Its mixed derivatives at 0 are -1 and 1, by the order of differentiation."""
    a, b = x
    return a * b * (a**2 - b**2) / (a**2 + b**2) if a or b else 0.0


def test_a_mixed_derivative_that_depends_on_the_direction_is_flagged() -> None:
    options: Any = {"method": "richardson", "full_output": True}
    for index in ((0, 1), (1, 0)):
        assert fd.partial(saddle, [0.0, 0.0], index, **options).status > Status.NOISE_LIMITED
    hessian = fd.hessian(saddle, [0.0, 0.0], **options)
    assert hessian.status[0, 1] > Status.NOISE_LIMITED
    assert hessian.error[0, 1] > 0.5
    assert (hessian.status[[0, 1], [0, 1]] == Status.CONVERGED).all()


class Refusal(Exception):
    pass


@pytest.mark.parametrize("vectorized", [False, True])
def test_an_exception_arrives_as_it_is(vectorized: bool) -> None:
    refusal = Refusal("below one")

    def f(x: Any) -> Any:
        if np.min(x) < 1:
            raise refusal
        return x[0] ** 2

    with pytest.raises(Refusal) as caught:
        fd.gradient(f, [1.01], method="richardson", vectorized=vectorized)
    assert caught.value is refusal


@pytest.mark.parametrize("vectorized", [False, True])
def test_an_exception_may_be_the_edge_of_the_domain(vectorized: bool) -> None:
    def f(x: Any) -> Any:
        if np.min(x) < 1:
            raise Refusal
        return x[0] ** 3

    for x in (1.0, 1 + 1e-6, 1.01, 2.0):
        result = fd.gradient(f, [x], method="richardson", on_error="edge", vectorized=vectorized, full_output=True)
        assert abs(result.value[0] - 3 * x**2) <= result.error[0] <= 1e-8


def test_an_exception_at_x_itself_is_no_edge() -> None:
    with pytest.raises(ZeroDivisionError):
        fd.derivative(lambda x: 1 / x, 0.0, method="richardson", on_error="edge")


def test_an_interrupt_is_no_edge() -> None:
    def f(x: float) -> float:
        if x != 1:
            raise KeyboardInterrupt
        return x

    with pytest.raises(KeyboardInterrupt):
        fd.derivative(f, 1.0, method="richardson", on_error="edge")
