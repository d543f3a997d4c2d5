"""How right derivatives are, and how right their error estimates: fastdiff beside its peers.

Run as ``python bench/accuracy.py``, with the peers installed (the extra ``bench``) and nothing else running: it prints
the calibration, writes it into the README and draws ``docs/accuracy.png``. ``--quick`` takes few cases and writes
nothing.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jacobi
import numdifftools
import numpy as np
from scipy import differentiate
from scipy.optimize import rosen, rosen_der, rosen_hess
from scipy.optimize._numdiff import approx_derivative

import fastdiff as fd
import peers
import ratios
import readme
import table
from catalogue import Case, cases

PICTURE = Path(__file__).parent.parent / "docs" / "accuracy.png"
# An estimate above this share of the value is no promise; a true error above it is a failure.
SILENT = 1e-3
WRONG = 1e-6
TOLERANCE = 1e-6

# (f, x) -> (derivative, its estimated error)
Peer = Callable[[Callable[[float], float], float], tuple[float, float]]


def fastdiff(f: Any, x: float, **options: Any) -> tuple[float, float]:
    """Return the derivative of fastdiff."""
    result = fd.derivative(f, x, full_output=True, **options)
    return float(result.value), float(result.error)


def numdifftools_(f: Any, x: float, **options: Any) -> tuple[float, float]:
    """Return that of numdifftools."""
    found = numdifftools.Derivative(f, full_output=True, **options)(x)
    return float(np.squeeze(found.estimate)), float(np.squeeze(found.error_estimate))


def jacobi_(f: Any, x: float, **options: Any) -> tuple[float, float]:
    """Return that of jacobi."""
    value, error = jacobi.jacobi(f, x, **options)
    return float(np.squeeze(value)), float(np.squeeze(error))


def scipy_adaptive(f: Any, x: float, **options: Any) -> tuple[float, float]:
    """Return that of scipy.differentiate, whose f takes arrays."""
    found = differentiate.derivative(lambda t: np.reshape([f(float(u)) for u in t.ravel()], t.shape), x, **options)
    return float(found.df), float(found.error)


def scipy_fixed(f: Any, x: float, **options: Any) -> tuple[float, float]:
    """Return that of scipy.optimize, which does not estimate its error."""
    return float(
        np.squeeze(approx_derivative(lambda t: f(float(t[0])), x, **{"method": "3-point", **options}))
    ), math.nan


adaptive = partial(fastdiff, method="richardson")
CALIBRATED: dict[str, Peer] = {
    "fastdiff": adaptive,
    f"fastdiff, `rtol={TOLERANCE:.0e}`".replace("e-0", "e-"): partial(adaptive, rtol=TOLERANCE),
    "numdifftools": numdifftools_,
    "jacobi": jacobi_,
    "scipy.differentiate": scipy_adaptive,
    "fastdiff, central": fastdiff,
    "scipy.optimize, 3-point": scipy_fixed,
}


@dataclass(frozen=True)
class Found:
    """What a peer made of a case."""

    case: Case
    value: float
    error: float
    evaluations: int

    @property
    def wrong(self) -> float:
        """The true error; infinite where nothing came out."""
        return abs(self.value - self.case.slope) if math.isfinite(self.value) else math.inf

    @property
    def relative(self) -> float:
        """The true error over the exact derivative."""
        return self.wrong / abs(self.case.slope)

    @property
    def silent(self) -> bool:
        """Whether it is wrong and says that it is right."""
        return self.relative > SILENT and self.error < SILENT * abs(self.value)


def solve(peer: Peer, case: Case, f: Callable[[float], float] | None = None) -> Found:
    """Let a peer differentiate a case, or another function whose derivative it is."""
    counted = peers.Counted(case.f if f is None else f)
    try:
        value, error = peer(counted, case.x)
    except ArithmeticError:  # of the peer: f raises nothing
        value, error = math.nan, math.nan
    return Found(case, value, error, counted.points)


@dataclass(frozen=True)
class Calibration:
    """What a peer made of all cases."""

    evaluations: float
    wrong: int
    silent: int
    covered: float
    median: float
    sharpness: float
    met: float


def calibrate(peer: Peer, drawn: tuple[Case, ...]) -> Calibration:
    """Let a peer differentiate all cases."""
    found = [solve(peer, case) for case in drawn]
    well = [one for one in found if one.case.well_conditioned]
    shares = [one.wrong / one.error for one in found if one.wrong > 0 and one.error > 0 and math.isfinite(one.wrong)]
    return Calibration(
        evaluations=float(np.mean([one.evaluations for one in found])),
        wrong=sum(one.relative > WRONG for one in well),
        silent=sum(one.silent for one in found),
        covered=float(np.mean([one.wrong <= one.error for one in found])),
        median=float(np.median([one.relative for one in found])),
        sharpness=float(np.median(shares)) if shares else math.nan,
        met=float(np.mean([one.relative <= TOLERANCE for one in well])),
    )


def calibration_table(drawn: tuple[Case, ...]) -> str:
    """Return the calibration of all peers as a table."""
    lines = [
        f"| {len(drawn)} derivatives | evaluations | relative error > 1e-6 | silently wrong | covered "
        "| median relative error | sharpness |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, peer in CALIBRATED.items():
        found = calibrate(peer, drawn)
        estimates = not math.isnan(found.sharpness)
        lines.append(
            f"| {name} | {found.evaluations:.1f} | {found.wrong} | {found.silent if estimates else '–'} "
            f"| {f'{100 * found.covered:.1f} %' if estimates else '–'} | {found.median:.0e} "
            f"| {f'{found.sharpness:.2g}' if estimates else '–'} |"
        )
    return "\n".join(lines)


# ---- many variables


def rosenbrock(x: Any) -> Any:
    """Return the Rosenbrock function of a point, or of columns of points."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(axis=0)


def gradients(x: Any, vectorized: bool) -> dict[str, ratios.Call]:
    """Return the gradient of Rosenbrock's function by each adaptive peer."""
    calls: dict[str, ratios.Call] = {
        "fastdiff": lambda: fd.gradient(rosenbrock, x, method="richardson", vectorized=vectorized),
        "numdifftools": lambda: numdifftools.Gradient(rosenbrock)(x),
    }
    if vectorized:
        calls["scipy.differentiate"] = lambda: differentiate.jacobian(rosenbrock, x).df
    return calls


def hessians(x: Any) -> dict[str, Callable[[Any], Any]]:
    """Return the Hessian of f at x by each peer."""
    return {
        "fastdiff": lambda f: fd.hessian(f, x, method="richardson"),
        "numdifftools": lambda f: numdifftools.Hessian(f)(x),
        "scipy.differentiate": lambda f: differentiate.hessian(f, x).ddf,
        "fastdiff, central": lambda f: fd.hessian(f, x),
    }


def gradient_table(quick: bool) -> str:
    """Return times and errors of gradients as a table."""
    lines = [
        "| gradient of Rosenbrock's function | fastdiff | numdifftools | scipy.differentiate |",
        "|---|---:|---:|---:|",
    ]
    for n, vectorized in ((10, True), (1000, True), (100, False)):
        x = np.random.default_rng(0).normal(size=10 if quick else n)
        calls, exact = gradients(x, vectorized), rosen_der(x)
        errors = {name: np.abs(call() - exact).max() / np.abs(exact).max() for name, call in calls.items()}
        times = ratios.interleaved(calls, rounds=2 if quick else 5 if n == 1000 else 31)
        ours = ratios.median(times, "fastdiff")
        cells = []
        for name in ("fastdiff", "numdifftools", "scipy.differentiate"):
            if name not in calls:
                cells.append("–")
                continue
            spent = f"{1e3 * ours:.3g} ms" if name == "fastdiff" else f"{ratios.median(times, name) / ours:.1f} times"
            cells.append(f"{spent}, {errors[name]:.0e}")
        kind = "a vectorized f" if vectorized else "a Python f, point by point"
        lines.append(f"| {kind}, n = {n}: time, relative error | {' | '.join(cells)} |")
    return "\n".join(lines)


def hessian_table() -> str:
    """Return evaluations and errors of Hessians as a table."""
    x = np.linspace(-1, 1.5, 10)
    weights = np.linspace(0.3, 0.75, 10)

    def bell(x: Any) -> Any:
        return np.exp(-np.tensordot(weights, x**2, axes=1))

    slope = 2 * weights * x
    exact = {
        "Rosenbrock": (rosenbrock, rosen_hess(x)),
        "a Gaussian bell": (bell, bell(x) * (np.outer(slope, slope) - 2 * np.diag(weights))),
    }
    names = list(hessians(x))
    lines = [f"| Hessian of 10 variables | {' | '.join(names)} |", "|---" + "|---:" * len(names) + "|"]
    for title, (f, truth) in exact.items():
        cells = []
        for call in hessians(x).values():
            counted = peers.Counted(f, 10)
            error = np.abs(call(counted) - truth).max() / np.abs(truth).max()
            cells.append(f"{counted.points:,}, {error:.0e}")
        lines.append(f"| {title}: evaluations, relative error | {' | '.join(cells)} |")
    return "\n".join(lines)


# ---- work and precision

TOLERANCES = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 0.0)
ORDERS = (2, 4, 6, 8)
SWEEPS: dict[str, list[Peer]] = {
    "fastdiff": [partial(adaptive, rtol=rtol) for rtol in TOLERANCES],
    "fastdiff, central": [partial(fastdiff, accuracy=order) for order in ORDERS],
    "numdifftools": [partial(numdifftools_, order=order) for order in ORDERS],
    "jacobi": [partial(jacobi_, rtol=rtol) for rtol in (1e-1, *TOLERANCES)],
    "scipy.differentiate": [
        partial(scipy_adaptive, tolerances={"rtol": max(rtol, 1e-14), "atol": 0.0}) for rtol in TOLERANCES
    ],
    "scipy.optimize": [partial(scipy_fixed, method=method) for method in ("2-point", "3-point")],
}
NOISE = 1e-6
NOISY_SWEEPS = SWEEPS | {
    'fastdiff, noise="auto"': [partial(adaptive, noise="auto")],
    'fastdiff, central, noise="auto"': [partial(fastdiff, noise="auto")],
}


def scatter(x: float) -> float:
    """Return a number between -1 and 1 that depends on every bit of x."""
    bits = int(np.float64(x).view(np.uint64)) * 0x9E3779B97F4A7C15 % 2**64
    return (bits ^ (bits >> 29)) % 2**32 / 2**31 - 1


def bounded(peer: str) -> list[Callable[[float, float], Peer]]:
    """Return how a peer is told of a lower and an upper bound, at each of its settings."""
    known: dict[str, list[Callable[[float, float], Peer]]] = {
        "fastdiff": [lambda lo, hi, p=p: partial(p, bounds=(lo, hi)) for p in SWEEPS["fastdiff"]],
        "fastdiff, central": [lambda lo, hi, p=p: partial(p, bounds=(lo, hi)) for p in SWEEPS["fastdiff, central"]],
        "scipy.optimize": [lambda lo, hi, p=p: partial(p, bounds=(lo, hi)) for p in SWEEPS["scipy.optimize"]],
    }
    return known.get(peer, [])


Point = tuple[float, float]


def digits(found: list[Found]) -> Point:
    """Return the mean number of evaluations, and the median number of right digits."""
    right = [min(16.0, max(0.0, -math.log10(max(one.relative, 1e-17)))) for one in found]
    return float(np.mean([one.evaluations for one in found])), float(np.median(right))


def families(drawn: tuple[Case, ...]) -> dict[str, dict[str, list[Point]]]:
    """Return the curve of each peer for smooth, noisy and bounded f."""
    well = [case for case in drawn if case.well_conditioned]

    def noisy(case: Case) -> Callable[[float], float]:
        return lambda t: case.f(t) * (1 + NOISE * scatter(float(np.squeeze(t))))

    near = [(case, case.x + abs(case.x) * 10.0 ** -(i % 12)) for i, case in enumerate(well)]
    return {
        "smooth": {name: [digits([solve(peer, c) for c in well]) for peer in sweep] for name, sweep in SWEEPS.items()},
        f"noisy: {NOISE:g} of f": {
            name: [digits([solve(peer, c, noisy(c)) for c in well]) for peer in sweep]
            for name, sweep in NOISY_SWEEPS.items()
        },
        "an upper bound near x": {
            name: [digits([solve(tell(-np.inf, bound), c) for c, bound in near]) for tell in bounded(name)]
            for name in SWEEPS
            if bounded(name)
        },
    }


def draw(curves: Mapping[str, Mapping[str, list[Point]]]) -> None:
    """Draw digits against evaluations, a panel for each family."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    # Okabe and Ito's colours, which the colour-blind tell apart.
    styles = {
        "fastdiff": ("#D55E00", "o"),
        'fastdiff, noise="auto"': ("#D55E00", "*"),
        "fastdiff, central": ("#E69F00", "s"),
        'fastdiff, central, noise="auto"': ("#E69F00", "*"),
        "numdifftools": ("#0072B2", "^"),
        "jacobi": ("#009E73", "v"),
        "scipy.differentiate": ("#56B4E9", "D"),
        "scipy.optimize": ("#777777", "x"),
    }
    figure, panels = plt.subplots(1, len(curves), figsize=(13, 4.2), sharey=True, layout="constrained")
    for axes, (title, by_peer) in zip(panels, curves.items(), strict=True):
        for name, points in by_peer.items():
            colour, marker = styles[name]
            size = 13 if marker == "*" else 6
            axes.plot(*zip(*points, strict=True), marker + "-", color=colour, markersize=size, lw=1.2, label=name)
        axes.set(title=title, xlabel="evaluations of f, mean", xscale="log", ylim=(0, 16))
        axes.set_xticks([1, 2, 5, 10, 20, 50], ["1", "2", "5", "10", "20", "50"])
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("right digits, median")
    panels[1].legend(fontsize=8, loc="upper right")
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)


def main() -> None:
    """Measure, print, and write unless it was only a try."""
    parser = argparse.ArgumentParser(description="Calibrate derivatives and their errors beside the peers.")
    parser.add_argument("--quick", action="store_true", help="few cases; write nothing")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore")  # the peers'
    drawn = cases(1 if quick else 15)
    with np.errstate(all="ignore"):
        text = "\n\n".join([calibration_table(drawn), gradient_table(quick), hessian_table(), table.machine()])
        print(text)
        curves = families(drawn[:: 5 if quick else 2])
    if quick:
        return
    readme.replace("accuracy", text)
    draw(curves)


if __name__ == "__main__":
    assert rosenbrock(np.ones(3)) == rosen(np.ones(3))
    main()
