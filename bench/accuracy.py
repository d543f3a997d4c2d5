"""How right derivatives are, and how right their error estimates: fastdiff beside its peers.

Run as ``python bench/accuracy.py``, with the peers installed (the extra ``bench``) and nothing else running: it prints
the calibration, writes it into the README and draws ``docs/accuracy.png``. ``--quick`` takes few cases and writes
nothing; ``--failures SEED`` lists what fastdiff gets wrong of the cases of a seed, and of the traps.
"""

from __future__ import annotations

import argparse
import math
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

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
from traps import TRAPS, Trap, Verdict, scatter

PICTURE = Path(__file__).parent.parent / "docs" / "accuracy.png"
# An estimate above this share of the value is no promise; a true error above it is a failure.
SILENT = 1e-3
WRONG = 1e-6
TOLERANCE = 1e-6
PER_FUNCTION = 48


class Answer(NamedTuple):
    """What a peer says: the derivative, its estimated error (NaN: none), and whether it warns of the result."""

    value: float
    error: float
    flagged: bool = False


REFUSED = Answer(math.nan, math.nan, True)
Peer = Callable[[Callable[[float], float], float], Answer]


def fastdiff(f: Any, x: float, **options: Any) -> Answer:
    """Return the derivative of fastdiff."""
    result = fd.derivative(f, x, full_output=True, **options)
    return Answer(float(result.value), float(result.error), not result.ok)


def numdifftools(f: Any, x: float, **options: Any) -> Answer:
    """Return that of numdifftools."""
    found = import_module("numdifftools").Derivative(f, full_output=True, **options)(x)
    return Answer(float(np.squeeze(found.estimate)), float(np.squeeze(found.error_estimate)))


def jacobi(f: Any, x: float, **options: Any) -> Answer:
    """Return that of jacobi."""
    value, error = import_module("jacobi").jacobi(f, x, **options)
    return Answer(float(np.squeeze(value)), float(np.squeeze(error)))


def scipy_adaptive(f: Any, x: float, **options: Any) -> Answer:
    """Return that of scipy.differentiate, whose f takes arrays."""
    found = differentiate.derivative(lambda t: np.reshape([f(float(u)) for u in t.ravel()], t.shape), x, **options)
    return Answer(float(found.df), float(found.error), not found.success)


def scipy_fixed(f: Any, x: float, method: str = "3-point", **options: Any) -> Answer:
    """Return that of scipy.optimize, which does not estimate its error."""
    value = approx_derivative(lambda t: f(float(t[0])), x, method=method, **options)
    return Answer(float(np.squeeze(value)), math.nan)


adaptive = partial(fastdiff, method="richardson")
ESTIMATING: dict[str, Peer] = {
    "fastdiff": adaptive,
    "fastdiff, `rtol=1e-6`": partial(adaptive, rtol=TOLERANCE),
    "numdifftools": numdifftools,
    "jacobi": jacobi,
    "scipy.differentiate": scipy_adaptive,
}
CALIBRATED = ESTIMATING | {"fastdiff, central": fastdiff, "scipy.optimize, 3-point": scipy_fixed}


@dataclass(frozen=True)
class Found:
    """What a peer made of a case."""

    case: Case
    value: float
    error: float
    flagged: bool
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
        return self.relative > SILENT and self.error < SILENT * abs(self.value) and not self.flagged

    @property
    def failed(self) -> bool:
        """Whether the error exceeds the estimate, or what round-off alone explains."""
        return not self.wrong <= self.error or (self.case.well_conditioned and self.relative > WRONG)


def solve(peer: Peer, case: Case, f: Callable[[float], float] | None = None) -> Found:
    """Let a peer differentiate a case, or another function whose derivative it is."""
    counted = peers.Counted(case.f if f is None else f)
    return Found(case, *ask(peer, counted, case.x), counted.points)


def ask(peer: Peer, f: Callable[[float], float], x: float) -> Answer:
    """Return what a peer says; an exception, its own or that of f, is a refusal."""
    try:
        return peer(f, x)
    except (ArithmeticError, ValueError):
        return REFUSED


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
        f"| {len(drawn):,} derivatives | evaluations | relative error > 1e-6 | silently wrong | covered "
        "| median relative error | sharpness |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, peer in peers.present(CALIBRATED).items():
        found = calibrate(peer, drawn)
        estimates = name in ESTIMATING
        lines.append(
            f"| {name} | {found.evaluations:.1f} | {found.wrong} | {found.silent if estimates else '–'} "
            f"| {f'{100 * found.covered:.1f} %' if estimates else '–'} | {found.median:.0e} "
            f"| {f'{found.sharpness:.2g}' if estimates else '–'} |"
        )
    return "\n".join(lines)


def failures(peer: Peer, drawn: tuple[Case, ...]) -> Iterator[str]:
    """Yield a line for each case that a peer gets wrong beyond its estimate, or that has fewer than six digits."""
    for one in (solve(peer, case) for case in drawn):
        if one.failed:
            yield (
                f"{one.case.f.name} at {one.case.x!r}: {one.value!r}, exactly {one.case.slope!r}; error "
                f"{one.wrong:.1e}, estimate {one.error:.1e}, {'silent, ' if one.silent else ''}"
                f"conditioning {one.case.conditioning:.0e}, {one.evaluations} evaluations"
            )


# ---- traps


def told(peer: str, trap: Trap) -> Verdict:
    """Return what a peer made of a trap; f that raises is told to fastdiff, which alone can be told."""
    options = {"on_error": "edge"} if peer.startswith("fastdiff") else {}
    return trap.judge(*ask(partial(ESTIMATING[peer], **options), trap, trap.x))


def trap_table() -> str:
    """Return how many of the traps each adaptive peer gets right, refuses, or is wrong on."""
    lines = [
        f"| {len(TRAPS)} traps | {' | '.join(verdict.value for verdict in Verdict)} |",
        "|---" + "|---:" * len(Verdict) + "|",
    ]
    for name in peers.present(ESTIMATING):
        counts = Counter(told(name, trap) for trap in TRAPS.values())
        lines.append(f"| {name} | {' | '.join(str(counts[verdict]) for verdict in Verdict)} |")
    return "\n".join(lines)


# ---- many variables


def rosenbrock(x: Any) -> Any:
    """Return the Rosenbrock function of a point, or of columns of points."""
    return (100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum(axis=0)


def gradients(x: Any, vectorized: bool) -> dict[str, ratios.Call]:
    """Return the gradient of Rosenbrock's function by each adaptive peer."""
    calls: dict[str, ratios.Call] = {
        "fastdiff": lambda: fd.gradient(rosenbrock, x, method="richardson", vectorized=vectorized),
        "numdifftools": lambda: import_module("numdifftools").Gradient(rosenbrock)(x),
    }
    if vectorized:
        calls["scipy.differentiate"] = lambda: differentiate.jacobian(rosenbrock, x).df
    return peers.present(calls)


def hessians(x: Any) -> dict[str, Callable[[Any], Any]]:
    """Return the Hessian of f at x by each peer."""
    return peers.present(
        {
            "fastdiff": lambda f: fd.hessian(f, x, method="richardson"),
            "numdifftools": lambda f: import_module("numdifftools").Hessian(f)(x),
            "scipy.differentiate": lambda f: differentiate.hessian(f, x).ddf,
            "fastdiff, central": lambda f: fd.hessian(f, x),
        }
    )


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


def functions_with_hessians(x: Any) -> dict[str, tuple[Callable[[Any], Any], Any]]:
    """Return functions of points, or of columns of points, and their exact Hessians at x."""
    weights = np.linspace(0.3, 0.75, len(x))

    def dot(x: Any) -> Any:
        return np.tensordot(weights, x, axes=1)

    def bell(x: Any) -> Any:
        return np.exp(-dot(x**2))

    def log_sum_exp(x: Any) -> Any:
        return np.log(np.exp(x).sum(axis=0))

    slope, share = 2 * weights * x, np.exp(x) / np.exp(x).sum()
    return {
        "Rosenbrock": (rosenbrock, rosen_hess(x)),
        "a Gaussian bell": (bell, bell(x) * (np.outer(slope, slope) - 2 * np.diag(weights))),
        "a plane wave": (lambda x: np.sin(5 * dot(x)), -25 * math.sin(5 * dot(x)) * np.outer(weights, weights)),
        "log Σ exp": (log_sum_exp, np.diag(share) - np.outer(share, share)),
    }


def hessian_table() -> str:
    """Return evaluations and errors of Hessians as a table."""
    x = np.linspace(-1, 1.5, 10)
    names = list(hessians(x))
    lines = [f"| Hessian of 10 variables | {' | '.join(names)} |", "|---" + "|---:" * len(names) + "|"]
    for title, (f, exact) in functions_with_hessians(x).items():
        cells = []
        for call in hessians(x).values():
            counted = peers.Counted(f, 10)
            error = np.abs(call(counted) - exact).max() / np.abs(exact).max()
            cells.append(f"{counted.points:,}, {error:.0e}")
        lines.append(f"| {title}: evaluations, relative error | {' | '.join(cells)} |")
    return "\n".join(lines)


# ---- work and precision

TOLERANCES = (1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 0.0)
ORDERS = (2, 4, 6, 8)
SWEEPS: dict[str, list[Peer]] = {
    "fastdiff": [partial(adaptive, rtol=rtol) for rtol in TOLERANCES],
    "fastdiff, central": [partial(fastdiff, accuracy=order) for order in ORDERS],
    "numdifftools": [partial(numdifftools, num_steps=steps) for steps in (3, 4, 5, 6, 8, 11, 15)],
    "jacobi": [partial(jacobi, rtol=rtol) for rtol in (1e-1, *TOLERANCES)],
    "scipy.differentiate": [
        partial(scipy_adaptive, tolerances={"rtol": max(rtol, 1e-14), "atol": 0.0}) for rtol in TOLERANCES
    ],
    "scipy.optimize": [partial(scipy_fixed, method=method) for method in ("2-point", "3-point")],
}
BOUNDED = {name: SWEEPS[name] for name in ("fastdiff", "fastdiff, central", "scipy.optimize")}
NOISE = 1e-6
NOISY_SWEEPS = SWEEPS | {
    'fastdiff, noise="auto"': [partial(adaptive, noise="auto")],
    'fastdiff, central, noise="auto"': [partial(fastdiff, noise="auto")],
}


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

    near = [(case, case.x + abs(case.x) * 10.0 ** -(1 + i % 12)) for i, case in enumerate(well)]

    def curves(sweeps: dict[str, list[Peer]], run: Callable[[Peer], list[Found]]) -> dict[str, list[Point]]:
        return {name: [digits(run(peer)) for peer in sweep] for name, sweep in peers.present(sweeps).items()}

    return {
        "smooth": curves(SWEEPS, lambda peer: [solve(peer, case) for case in well]),
        f"noise of {NOISE:.0e} of f".replace("e-0", "e-"): curves(
            NOISY_SWEEPS, lambda peer: [solve(peer, case, noisy(case)) for case in well]
        ),
        "a bound at 0.1 … 1e-12 of |x|": curves(
            BOUNDED, lambda peer: [solve(partial(peer, bounds=(-np.inf, bound)), case) for case, bound in near]
        ),
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
    parser.add_argument("--failures", type=int, metavar="SEED", help="only list what fastdiff gets wrong")
    options = parser.parse_args()
    warnings.simplefilter("ignore")  # the peers'
    np.seterr(all="ignore")
    if options.failures is not None:
        list_failures(cases(PER_FUNCTION, options.failures))
        return
    if not options.quick:
        peers.require("numdifftools", "jacobi", "mpmath")
    drawn = cases(1 if options.quick else PER_FUNCTION)
    tables = [calibration_table(drawn), trap_table(), gradient_table(options.quick), hessian_table(), table.machine()]
    text = "\n\n".join(tables)
    print(text)
    curves = families(drawn[:: 5 if options.quick else 8])
    if not options.quick:
        readme.replace("accuracy", text)
        draw(curves)


def list_failures(drawn: tuple[Case, ...]) -> None:
    """Print what fastdiff gets wrong of the cases and of the traps."""
    for name in ("fastdiff", "fastdiff, `rtol=1e-6`"):
        print(f"{name}:")
        for line in failures(ESTIMATING[name], drawn):
            print(" ", line)
        for title, trap in TRAPS.items():
            if told(name, trap) is Verdict.WRONG:
                print("  trap", title)


if __name__ == "__main__":
    assert rosenbrock(np.ones(3)) == rosen(np.ones(3))
    main()
