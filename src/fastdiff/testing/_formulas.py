"""The residuals of the Moré-Garbow-Hillstrom problems, as formulas over any kind of number.

Each takes a module of elementary functions and the variables, and returns the residuals in the order of the paper;
comments give its section. Indices of sums run from 1 there, from 0 here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from ._jets import Number

Module: TypeAlias = Any
Residuals: TypeAlias = list[Number]
Variables: TypeAlias = Sequence[Number]

BARD = (0.14, 0.18, 0.22, 0.25, 0.29, 0.32, 0.35, 0.39, 0.37, 0.58, 0.73, 0.96, 1.34, 2.10, 4.39)
GAUSS = (0.0009, 0.0044, 0.0175, 0.0540, 0.1295, 0.2420, 0.3521, 0.3989)
MEYER = (
    34780, 28610, 23650, 19630, 16370, 13720, 11540, 9744, 8261, 7030, 6005, 5147, 4427, 3820, 3307, 2872,
)  # fmt: skip
KOWALIK = (0.1957, 0.1947, 0.1735, 0.1600, 0.0844, 0.0627, 0.0456, 0.0342, 0.0323, 0.0235, 0.0246)
KOWALIK_AT = (4.0, 2.0, 1.0, 0.5, 0.25, 0.167, 0.125, 0.1, 0.0833, 0.0714, 0.0625)
OSBORNE_1 = (
    0.844, 0.908, 0.932, 0.936, 0.925, 0.908, 0.881, 0.850, 0.818, 0.784, 0.751, 0.718, 0.685, 0.658, 0.628, 0.603,
    0.580, 0.558, 0.538, 0.522, 0.506, 0.490, 0.478, 0.467, 0.457, 0.448, 0.438, 0.431, 0.424, 0.420, 0.414, 0.411,
    0.406,
)  # fmt: skip
OSBORNE_2 = (
    1.366, 1.191, 1.112, 1.013, 0.991, 0.885, 0.831, 0.847, 0.786, 0.725, 0.746, 0.679, 0.608, 0.655, 0.616, 0.606,
    0.602, 0.626, 0.651, 0.724, 0.649, 0.649, 0.694, 0.644, 0.624, 0.661, 0.612, 0.558, 0.533, 0.495, 0.500, 0.423,
    0.395, 0.375, 0.372, 0.391, 0.396, 0.405, 0.428, 0.429, 0.523, 0.562, 0.607, 0.653, 0.672, 0.708, 0.633, 0.668,
    0.645, 0.632, 0.591, 0.559, 0.597, 0.625, 0.739, 0.710, 0.729, 0.720, 0.636, 0.581, 0.428, 0.292, 0.162, 0.098,
    0.054,
)  # fmt: skip


def rosenbrock(m: Module, x: Variables) -> Residuals:  # 1 and 21
    return [r for a, b in zip(x[::2], x[1::2], strict=True) for r in (10 * (b - a**2), 1 - a)]


def freudenstein_roth(m: Module, x: Variables) -> Residuals:  # 2
    a, b = x
    return [-13 + a + ((5 - b) * b - 2) * b, -29 + a + ((b + 1) * b - 14) * b]


def powell_badly_scaled(m: Module, x: Variables) -> Residuals:  # 3
    a, b = x
    return [1e4 * a * b - 1, m.exp(-a) + m.exp(-b) - 1.0001]


def brown_badly_scaled(m: Module, x: Variables) -> Residuals:  # 4
    a, b = x
    return [a - 1e6, b - 2e-6, a * b - 2]


def beale(m: Module, x: Variables) -> Residuals:  # 5
    a, b = x
    return [y - a * (1 - b**i) for i, y in enumerate((1.5, 2.25, 2.625), 1)]


def jennrich_sampson(m: Module, x: Variables) -> Residuals:  # 6
    a, b = x
    return [2 + 2 * i - (m.exp(i * a) + m.exp(i * b)) for i in range(1, 11)]


def helical_valley(m: Module, x: Variables) -> Residuals:  # 7
    a, b, c = x
    turns = m.atan(b / a) / (2 * math.pi) + (0.5 if float(a) < 0 else 0.0)
    return [10 * (c - 10 * turns), 10 * (m.sqrt(a**2 + b**2) - 1), c]


def bard(m: Module, x: Variables) -> Residuals:  # 8
    a, b, c = x
    return [y - (a + i / ((16 - i) * b + min(i, 16 - i) * c)) for i, y in enumerate(BARD, 1)]


def gaussian(m: Module, x: Variables) -> Residuals:  # 9
    a, b, c = x
    bell = (*GAUSS, *GAUSS[-2::-1])
    return [a * m.exp(-b * ((8 - i) / 2 - c) ** 2 / 2) - y for i, y in enumerate(bell, 1)]


def meyer(m: Module, x: Variables) -> Residuals:  # 10
    a, b, c = x
    return [a * m.exp(b / (45 + 5 * i + c)) - y for i, y in enumerate(MEYER, 1)]


def gulf(m: Module, x: Variables) -> Residuals:  # 11
    # As in the authors' Algorithm 566: |y - b|, where the paper prints |y m i b|.
    a, b, c = x
    shares = [i / 100 for i in range(1, 11)]
    at = [25 + (-50 * math.log(t)) ** (2 / 3) for t in shares]
    return [m.exp(-m.exp(c * m.log(abs(y - b))) / a) - t for t, y in zip(shares, at, strict=True)]


def box(m: Module, x: Variables) -> Residuals:  # 12
    a, b, c = x
    times = [i / 10 for i in range(1, 11)]
    return [m.exp(-t * a) - m.exp(-t * b) - c * (math.exp(-t) - math.exp(-10 * t)) for t in times]


def powell_singular(m: Module, x: Variables) -> Residuals:  # 13 and 22
    residuals: Residuals = []
    for a, b, c, d in zip(x[::4], x[1::4], x[2::4], x[3::4], strict=True):
        residuals += [a + 10 * b, 5**0.5 * (c - d), (b - 2 * c) ** 2, 10**0.5 * (a - d) ** 2]
    return residuals


def wood(m: Module, x: Variables) -> Residuals:  # 14
    a, b, c, d = x
    return [10 * (b - a**2), 1 - a, 90**0.5 * (d - c**2), 1 - c, 10**0.5 * (b + d - 2), 10**-0.5 * (b - d)]


def kowalik_osborne(m: Module, x: Variables) -> Residuals:  # 15
    a, b, c, d = x
    return [y - a * (u**2 + u * b) / (u**2 + u * c + d) for y, u in zip(KOWALIK, KOWALIK_AT, strict=True)]


def brown_dennis(m: Module, x: Variables) -> Residuals:  # 16
    a, b, c, d = x
    times = [i / 5 for i in range(1, 21)]
    return [(a + t * b - math.exp(t)) ** 2 + (c + d * math.sin(t) - math.cos(t)) ** 2 for t in times]


def osborne_1(m: Module, x: Variables) -> Residuals:  # 17
    a, b, c, d, e = x
    return [y - (a + b * m.exp(-10 * i * d) + c * m.exp(-10 * i * e)) for i, y in enumerate(OSBORNE_1)]


def biggs(m: Module, x: Variables) -> Residuals:  # 18
    a, b, c, d, e, f = x
    times = [i / 10 for i in range(1, 14)]
    ys = [math.exp(-t) - 5 * math.exp(-10 * t) + 3 * math.exp(-4 * t) for t in times]
    return [c * m.exp(-t * a) - d * m.exp(-t * b) + f * m.exp(-t * e) - y for t, y in zip(times, ys, strict=True)]


def osborne_2(m: Module, x: Variables) -> Residuals:  # 19
    def model(t: float) -> Number:
        bells = [x[k] * m.exp(-((t - x[k + 7]) ** 2) * x[k + 4]) for k in (1, 2, 3)]
        return x[0] * m.exp(-t * x[4]) + bells[0] + bells[1] + bells[2]

    return [y - model(i / 10) for i, y in enumerate(OSBORNE_2)]


def watson(m: Module, x: Variables) -> Residuals:  # 20
    def residual(t: float) -> Number:
        slope = sum(j * x[j] * t ** (j - 1) for j in range(1, len(x)))
        return slope - sum(x[j] * t**j for j in range(len(x))) ** 2 - 1

    return [*(residual(i / 29) for i in range(1, 30)), x[0], x[1] - x[0] ** 2 - 1]


def penalty_1(m: Module, x: Variables) -> Residuals:  # 23
    return [*(1e-5**0.5 * (a - 1) for a in x), sum(a**2 for a in x) - 0.25]


def penalty_2(m: Module, x: Variables) -> Residuals:  # 24
    n, root = len(x), 1e-5**0.5
    ys = [math.exp(i / 10) + math.exp((i - 1) / 10) for i in range(2, n + 1)]
    steps = [root * (m.exp(b / 10) + m.exp(a / 10) - y) for a, b, y in zip(x[:-1], x[1:], ys, strict=True)]
    ends = [root * (m.exp(a / 10) - math.exp(-1 / 10)) for a in x[1:]]
    return [x[0] - 0.2, *steps, *ends, sum((n - j) * x[j] ** 2 for j in range(n)) - 1]


def variably_dimensioned(m: Module, x: Variables) -> Residuals:  # 25
    total = sum(j * (a - 1) for j, a in enumerate(x, 1))
    return [*(a - 1 for a in x), total, total**2]


def trigonometric(m: Module, x: Variables) -> Residuals:  # 26
    total = len(x) - sum(m.cos(a) for a in x)
    return [total + i * (1 - m.cos(a)) - m.sin(a) for i, a in enumerate(x, 1)]


def brown_almost_linear(m: Module, x: Variables) -> Residuals:  # 27
    total, product = sum(x[1:], x[0]), x[0]
    for a in x[1:]:
        product = product * a
    return [*(a + total - (len(x) + 1) for a in x[:-1]), product - 1]


def inner_points(n: int) -> list[float]:
    """Return n equidistant points between 0 and 1."""
    return [i / (n + 1) for i in range(1, n + 1)]


def discrete_boundary(m: Module, x: Variables) -> Residuals:  # 28
    h, padded = 1 / (len(x) + 1), [0.0, *x, 0.0]
    return [
        2 * b - a - c + h**2 * (b + t + 1) ** 3 / 2
        for a, b, c, t in zip(padded[:-2], padded[1:-1], padded[2:], inner_points(len(x)), strict=True)
    ]


def discrete_integral(m: Module, x: Variables) -> Residuals:  # 29
    n, times = len(x), inner_points(len(x))
    cubes = [(a + t + 1) ** 3 for a, t in zip(x, times, strict=True)]

    def residual(i: int) -> Number:
        before = sum(times[j] * cubes[j] for j in range(i + 1))
        after = sum((1 - times[j]) * cubes[j] for j in range(i + 1, n))
        return x[i] + ((1 - times[i]) * before + times[i] * after) / (2 * (n + 1))

    return [residual(i) for i in range(n)]


def broyden_tridiagonal(m: Module, x: Variables) -> Residuals:  # 30
    padded = [0.0, *x, 0.0]
    return [(3 - 2 * b) * b - a - 2 * c + 1 for a, b, c in zip(padded[:-2], padded[1:-1], padded[2:], strict=True)]


def broyden_banded(m: Module, x: Variables) -> Residuals:  # 31
    def residual(i: int) -> Number:
        near = [j for j in range(max(0, i - 5), min(len(x), i + 2)) if j != i]
        return x[i] * (2 + 5 * x[i] ** 2) + 1 - sum(x[j] * (1 + x[j]) for j in near)

    return [residual(i) for i in range(len(x))]


# Of the linear problems there are twice as many residuals as variables.


def linear_full_rank(m: Module, x: Variables) -> Residuals:  # 32
    shift = sum(x[1:], x[0]) / len(x) + 1
    return [*(a - shift for a in x), *([-shift] * len(x))]


def linear_rank_1(m: Module, x: Variables) -> Residuals:  # 33
    total = sum(j * a for j, a in enumerate(x, 1))
    return [i * total - 1 for i in range(1, 2 * len(x) + 1)]


def linear_rank_1_zeros(m: Module, x: Variables) -> Residuals:  # 34
    inner = sum(j * a for j, a in enumerate(x[1:-1], 2))
    ends = x[0] * 0 - 1
    return [ends, *(i * inner - 1 for i in range(1, 2 * len(x) - 1)), ends]


def chebyquad(m: Module, x: Variables) -> Residuals:  # 35
    n = len(x)
    before, now = [a * 0 + 1 for a in x], [2 * a - 1 for a in x]  # shifted to [0, 1]
    residuals: Residuals = []
    for i in range(1, n + 1):
        integral = -1 / (i**2 - 1) if i % 2 == 0 else 0.0
        residuals.append(sum(now[1:], now[0]) / n - integral)
        before, now = now, [2 * (2 * a - 1) * t - b for a, t, b in zip(x, now, before, strict=True)]
    return residuals
