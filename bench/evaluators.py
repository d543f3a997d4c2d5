"""Every way to evaluate f beside its peer: the targets, and the table of the README.

Run as ``python bench/evaluators.py``, with the peers installed (the extra ``bench``) and nothing else running.
"""

from __future__ import annotations

import argparse
import ctypes
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numba
import numdifftools
import numpy as np
from numba import types
from scipy.optimize import rosen_der, rosen_hess
from scipy.optimize._numdiff import approx_derivative

import fastdiff as fd
import floor
import ratios
import readme
import table

Call = Callable[[], Any]
Calls = Mapping[str, Call]

# What no way to differentiate a compiled f can do without: it sets a coordinate, calls, and restores it.
LOOP = """
void gradient(double (*f)(int, double *), int n, double *x, const double *h, double *g) {
    for (int i = 0; i < n; i++) {
        const double kept = x[i];
        x[i] = kept + h[i];
        const double above = f(n, x);
        x[i] = kept - h[i];
        const double below = f(n, x);
        x[i] = kept;
        g[i] = (above - below) / (2 * h[i]);
    }
}
"""


@numba.njit
def rosen(x):
    """Return the Rosenbrock function."""
    total = 0.0
    for i in range(x.size - 1):
        total += 100.0 * (x[i + 1] - x[i] * x[i]) ** 2 + (1.0 - x[i]) ** 2
    return total


@numba.cfunc(types.float64(types.intc, types.CPointer(types.float64)))
def rosen_pointer(n, x):
    """Return the Rosenbrock function, without the interpreter."""
    return rosen(numba.carray(x, (n,)))


def columns(x: Any) -> Any:
    """Return the Rosenbrock function of columns of points, or of one."""
    return np.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1.0 - x[:-1]) ** 2, axis=0)


def spinning(x: Any, seconds: float = 5e-3) -> Any:
    """Take so long as a simulation may."""
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        pass
    return x[0] * x[1]


def first(x: Any) -> Any:
    """Cost next to nothing, so that what is around the call shows."""
    return x[0]


def point(n: int) -> Any:
    """Return where to differentiate."""
    return np.linspace(0.5, 1.5, n)


def planned(gradient: Any, x: Any) -> Call:
    """Return the call of a planned derivative at x."""
    return lambda: gradient(x)


def scipy_gradient(f: Any, x: Any) -> Call:
    """Return the gradient by SciPy, one call of f a point."""
    return lambda: approx_derivative(f, x, method="3-point")


def compiled_gradient(n: int) -> Calls:
    """Return the gradient of a pointer, on one thread, and SciPy's of the same function compiled."""
    x = point(n)
    return {"ours": planned(fd.Gradient(rosen_pointer, threads=1), x), "other": scipy_gradient(rosen, x)}


def two_threads() -> Calls:
    """Return the gradient of a pointer on two threads and on one."""
    x = point(1000)
    return {
        "ours": planned(fd.Gradient(rosen_pointer, threads=2), x),
        "other": planned(fd.Gradient(rosen_pointer, threads=1), x),
    }


def beside_loop() -> Calls:
    """Return the gradient of a pointer on one thread, and a C loop for this very case."""
    n = 1000
    x, h, g = point(n), 6e-6 * np.ones(n), np.empty(n)
    run = floor.compiled(LOOP).gradient
    run.restype = None
    arguments = (ctypes.c_void_p(rosen_pointer.address), n, *(ctypes.c_void_p(a.ctypes.data) for a in (x, h, g)))

    def other(keep: Any = (x, h, g)) -> Any:
        run(*arguments)
        return g

    return {"ours": planned(fd.Gradient(rosen_pointer, threads=1), x), "other": other}


def compiled_hessian(method: Any) -> Calls:
    """Return the Hessian of a pointer, on one thread, and that of numdifftools of the same function compiled."""
    x = point(50)
    other = numdifftools.Hessian(rosen)
    return {"ours": planned(fd.Hessian(rosen_pointer, method=method, threads=1), x), "other": lambda: other(x)}


def vectorized() -> Calls:
    """Return the gradient of a vectorized function, and SciPy's with one call a point."""
    x = point(100)
    return {"ours": planned(fd.Gradient(columns, vectorized=True), x), "other": scipy_gradient(columns, x)}


def two_processes() -> Calls:
    """Return the gradient of a slow function on two processes and on one."""
    x = point(32)
    return {
        "ours": planned(fd.Gradient(spinning, workers=2), x),
        "other": planned(fd.Gradient(spinning), x),
    }


def overhead() -> Calls:
    """Return a gradient of 512 points of a vector of 64 on two processes, and in this one."""
    x = point(64)
    options: dict[str, Any] = {"accuracy": 8}
    return {
        "ours": planned(fd.Gradient(first, workers=2, **options), x),
        "other": planned(fd.Gradient(first, **options), x),
    }


def beyond_the_loop(n: int) -> Calls:
    """Return the gradient of a Python function, SciPy's, and a bare loop over as many calls."""
    x = point(n)

    def loop() -> None:
        for _ in range(2 * n):
            first(x)

    return {"ours": planned(fd.Gradient(first), x), "other": scipy_gradient(first, x), "loop": loop}


def ratio(calls: Calls) -> float:
    """Return how many times longer the other side takes."""
    return ratios.ratio(ratios.interleaved(calls), "other", "ours").median


def milliseconds(calls: Calls) -> float:
    """Return how much longer our side takes."""
    times = ratios.interleaved(calls)
    return 1e3 * (ratios.median(times, "ours") - ratios.median(times, "other"))


def slope_ratio(calls: Calls) -> float:
    """Return how many times more SciPy takes for one more evaluation, beyond a bare loop."""
    slope = ratios.slopes(beyond_the_loop, 8, 64)
    return (slope["other"] - slope["loop"]) / (slope["ours"] - slope["loop"])


class Target(NamedTuple):
    """A row: what is measured of which calls, how it is worded, what is wanted, and the derivative they agree on."""

    work: str
    words: str
    wanted: str
    prepare: Callable[[], Calls]
    exact: Callable[[], Any]
    measure: Callable[[Calls], float] = ratio
    reached: Callable[[float], bool] = bool

    def assert_agreement(self) -> Calls:
        """Return the calls, which agree with the exact derivative."""
        calls, exact = self.prepare(), self.exact()
        scale = np.abs(exact).max()
        for name in ("ours", "other"):
            np.testing.assert_allclose(calls[name](), exact, atol=2e-5 * scale, err_msg=f"{self.work}: {name}")
        return calls


def at_least(least: float) -> Callable[[float], bool]:
    """Return whether a figure is large enough."""
    return lambda figure: figure >= least


def _unit(n: int) -> Any:
    return np.eye(n)[0]


def _product() -> Any:
    exact = np.zeros(32)
    exact[:2] = point(32)[1::-1]
    return exact


TARGETS = (
    Target(
        "a Python f: time of an evaluation beyond a bare loop",
        "{:.0f} times less than SciPy's",
        "20 times",
        partial(beyond_the_loop, 64),
        partial(_unit, 64),
        slope_ratio,
        at_least(20),
    ),
    *(
        Target(
            f"gradient of a `@cfunc`, n = {n}, beside SciPy on the same function by `@njit`",
            "{:.1f} times faster",
            f"{least} times",
            partial(compiled_gradient, n),
            lambda n=n: rosen_der(point(n)),
            reached=at_least(least),
        )
        for n, least in ((2, 30), (100, 50), (1000, 7))
    ),
    Target(
        "the same, n = 1000, on two threads instead of one",
        "{:.2f} times faster",
        "1.8 times",
        two_threads,
        lambda: rosen_der(point(1000)),
        reached=at_least(1.8),
    ),
    Target(
        "the same, n = 1000, beside a C loop that sets, calls and restores",
        "{:.2f} of its speed",
        "0.85",
        beside_loop,
        lambda: rosen_der(point(1000)),
        reached=at_least(0.85),
    ),
    *(
        Target(
            f"Hessian of a `@cfunc`, n = 50, {method}, beside numdifftools on the same function by `@njit`",
            "{:.0f} times faster",
            f"{least} times",
            partial(compiled_hessian, method),
            lambda: rosen_hess(point(50)),
            reached=at_least(least),
        )
        for method, least in (("central", 400), ("richardson", 100))
    ),
    Target(
        "gradient of a vectorized f, n = 100, beside SciPy with one call a point",
        "{:.1f} times faster",
        "20 times",
        vectorized,
        lambda: rosen_der(point(100)),
        reached=at_least(20),
    ),
    Target(
        "gradient of a Python f of 5 ms on two processes instead of one",
        "{:.2f} times faster",
        "1.7 times",
        two_processes,
        _product,
        reached=at_least(1.7),
    ),
    Target(
        "512 points of a vector of 64 sent to two processes",
        "{:.1f} ms more",
        "under 5 ms",
        overhead,
        partial(_unit, 64),
        milliseconds,
        lambda figure: figure < 5,
    ),
)


@contextmanager
def warm() -> Iterator[None]:
    """Start the worker processes, so that their start is not measured."""
    fd.gradient(first, point(4), workers=2)
    yield


def rows() -> Iterator[str]:
    """Yield the lines of the table as they are measured."""
    yield "| evaluators | measured | target |"
    yield "|---|---:|---:|"
    with warm():
        for target in TARGETS:
            figure = target.measure(target.assert_agreement())
            yield f"| {target.work} | {target.words.format(figure)} | {target.wanted} |"


def main() -> None:
    """Measure, print, and write unless it was only a try."""
    parser = argparse.ArgumentParser(description="Measure the ways to evaluate f beside their peers.")
    parser.add_argument("--dry", action="store_true", help="write nothing")
    dry = parser.parse_args().dry
    lines = []
    for line in rows():
        print(line, flush=True)
        lines.append(line)
    if not dry:
        readme.replace("evaluators", "\n".join([*lines, "", table.machine()]))


if __name__ == "__main__":
    main()
