"""Measure fastdiff beside its peers; write the table and the picture of the README.

Run as ``python bench/table.py``, with the peers installed (the extra ``bench``) and nothing else running;
``--quick`` takes small sizes, to try the script, and writes nothing.
"""

from __future__ import annotations

import argparse
import io
import platform
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import rosen, rosen_der, rosen_hess

import bench_grid
import floor
import peers
import ratios
import readme
from fastdiff import _demo, _threads

ROOT = Path(__file__).parent.parent
TITLES = ("fastdiff", "NumPy", "SciPy", "findiff", "numdifftools", "jacobi")
Row = tuple[str, Mapping[str, str]]

# Functions that vary on the scale of 1, and functions that vary on that of x, with their derivatives.
FUNCTIONS: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any]]] = {
    "exp(-x)": (lambda x: np.exp(-x), lambda x: -np.exp(-x)),
    "sin": (np.sin, np.cos),
    "arctan": (np.arctan, lambda x: 1 / (1 + x * x)),
    "tanh": (np.tanh, lambda x: 1 / np.cosh(x) ** 2),
    "log": (np.log, lambda x: 1 / x),
    "sqrt": (np.sqrt, lambda x: 0.5 / np.sqrt(x)),
    "1/x": (lambda x: 1 / x, lambda x: -1 / x**2),
    "x³": (lambda x: x**3, lambda x: 3 * x**2),
}


def field_rows(side: int) -> list[Row]:
    """Return the rows about fields: large and small, both accuracies."""
    large, small = peers.field(side), peers.field(32)
    out = (np.empty_like(large), np.empty_like(large))
    rows = [
        (f"gradient of a {side}² field [ms]", peers.field_gradient(large), 1e3),
        (
            "  the same into `out=` [ms]",
            _only(peers.field_gradient(large, out=out), "fastdiff", "numba"),
            1e3,
        ),
        ("  the same, accuracy 8 [ms]", peers.field_gradient(large, 8), 1e3),
        ("gradient of a 32² field [µs]", _only(peers.field_gradient(small), *peers.NAMES), 1e6),
    ]
    for _, calls, _ in rows:
        _fields_agree(calls)
    return [(title, _times(calls, scale)) for title, calls, scale in rows]


def _fields_agree(calls: Mapping[str, Any]) -> None:
    """Compare inside only: at the edges each library has formulas of its own."""
    inside = (slice(8, -8), slice(8, -8))
    reference = [np.array(component[inside]) for component in calls["fastdiff"]()]
    for name, call in calls.items():
        for mine, ours in zip(call(), reference, strict=True):
            np.testing.assert_allclose(mine[inside], ours, rtol=1e-9, atol=1e-11, err_msg=name)


def _only(calls: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: call for name, call in calls.items() if name in names}


def _times(calls: Mapping[str, Any], scale: float) -> dict[str, str]:
    times = ratios.interleaved(calls, rounds=5)
    return {name: _figure(ratios.median(times, name) * scale) for name in calls}


def _figure(value: float) -> str:
    return f"{value:.3g}" if value < 1000 else f"{value:,.0f}"


def function_rows() -> list[Row]:
    """Return the rows about gradients of functions: small, large, per evaluation."""
    x = np.array([1.0, 2.0])
    calls = peers.function_gradient(rosen, x)
    _agree(calls, rosen_der(x), 1e-6)
    return [
        ("gradient of a function, n = 2 [µs]", _times(calls, 1e6)),
        ("gradient of a function, n = 100: evaluations", gradient_evaluations(100)),
        ("  time per evaluation beyond f [µs]", _beyond_f(100)),
    ]


def _agree(calls: Mapping[str, Any], exact: Any, tolerance: float) -> None:
    for name, call in calls.items():
        np.testing.assert_allclose(call(), exact, rtol=tolerance, atol=tolerance, err_msg=name)


def _square_sum(x: Any) -> Any:
    return x.dot(x)


def _counts(make: Callable[[Any], Mapping[str, Any]], f: Any, size: int) -> dict[str, int]:
    counted = peers.Counted(f, size)
    counts = {}
    for name, call in make(counted).items():
        counted.points = 0
        call()
        counts[name] = counted.points
    return counts


def gradient_evaluations(n: int) -> dict[str, str]:
    """Return how many evaluations of f a gradient takes."""
    counts = _counts(lambda f: peers.function_gradient(f, np.linspace(1, 2, n)), _square_sum, n)
    return {name: f"{count:,}" for name, count in counts.items()}


def _beyond_f(n: int) -> dict[str, str]:
    x = np.linspace(1, 2, n)
    calls = peers.function_gradient(_square_sum, x)
    _agree(calls, 2 * x, 1e-6)
    counts = _counts(lambda f: peers.function_gradient(f, x), _square_sum, n)
    times = ratios.interleaved({**calls, "f": lambda: _square_sum(x)}, rounds=5)
    own = ratios.median(times, "f")
    return {name: _figure((ratios.median(times, name) / counts[name] - own) * 1e6) for name in calls}


def hessian_rows() -> list[Row]:
    """Return the rows about the Hessian at n = 10: evaluations and accuracy."""
    x = np.linspace(0.5, 1.5, 10)

    def columns(x: Any) -> Any:
        return np.sum(100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2, axis=0)

    counts = _counts(lambda f: peers.function_hessian(f, x), columns, 10)
    exact = rosen_hess(x)
    errors = {
        name: np.abs(call() - exact).max() / np.abs(exact).max()
        for name, call in peers.function_hessian(columns, x).items()
    }
    return [
        (
            "Hessian of a function, n = 10: evaluations",
            {name: f"{count:,}" for name, count in counts.items()},
        ),
        ("  its relative error", {name: f"{error:.0e}" for name, error in errors.items()}),
    ]


def accuracy_rows(points: int) -> list[Row]:
    """Return the rows about first derivatives of 8 functions over 12 decades of x."""
    errors: dict[str, list[float]] = {}
    evaluations: dict[str, int] = {}
    for f, exact in FUNCTIONS.values():
        for x in np.logspace(-6, 6, points):
            if max(1, x) * abs(exact(x)) < max(1e-6 * abs(f(x)), 1e-250):
                continue  # f is flat to its last digits: no difference of its values can tell
            for name, count in _counts(lambda f, x=x: peers.derivative(f, x), f, 1).items():
                evaluations[name] = evaluations.get(name, 0) + count
            for name, call in peers.derivative(f, x).items():
                error = abs(float(np.squeeze(call())) / exact(x) - 1)
                errors.setdefault(name, []).append(error if np.isfinite(error) else np.inf)
    cases = len(errors["fastdiff"])
    return [
        (
            f"{cases} derivatives, 1e-6 ≤ x ≤ 1e6: evaluations each",
            _each(evaluations, lambda n: f"{n / cases:.1f}"),
        ),
        ("  median relative error", _each(errors, lambda e: f"{np.median(e):.0e}")),
        (
            "  share with relative error > 1e-3, or NaN",
            _each(errors, lambda e: f"{np.mean(np.array(e) > 1e-3):.1%}"),
        ),
    ]


def _each(values: Mapping[str, Any], word: Callable[[Any], str]) -> dict[str, str]:
    return {name: word(value) for name, value in values.items()}


def limit_rows() -> list[tuple[str, str, str]]:
    """Return work, what is measured and the target of the grid engine; those of one work side by side."""
    grouped: dict[str, list[tuple[bench_grid.Target, ratios.Ratio]]] = defaultdict(list)
    for target in bench_grid.TARGETS:
        found = bench_grid.measured(target.prepare(False))
        print(f"{target.title}: {found}, target {target.least}", flush=True)
        grouped[target.work].append((target, found))
    rows = []
    for work, pairs in grouped.items():
        word = "times" if pairs[0][0].unit == "times" else "of the floor"
        cases = " / ".join(target.case for target, _ in pairs).replace(" / accuracy ", " / ")
        measured = " / ".join(_digits(target, found.median) for target, found in pairs)
        targets = " / ".join(dict.fromkeys(f"{target.least:g}" for target, _ in pairs))
        rows.append((f"{work}: {cases}" if cases else work, f"{measured} {word}", targets))
    return rows


def _digits(target: bench_grid.Target, value: float) -> str:
    """Write a figure, cut rather than rounded: it is not to reach a target by its last digit."""
    digits = 2 if target.unit != "times" or value < 10 else 1
    return f"{int(value * 10**digits) / 10**digits:.{digits}f}"


def limits(rows: list[tuple[str, str, str]]) -> str:
    """Return the table of the limits of memory."""
    lines = [
        f"Fields on {floor.THREADS} threads. The floor is one read of each input and one write of each output, in full "
        "64-byte lines past the cache; findiff and NumPy have no `out=`.",
        "",
        "| work | measured | target |",
        "|---|---:|---:|",
    ]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def require_peers() -> None:
    """Stop where a peer or the floor is missing."""
    peers.require(*peers.NAMES, "numba")
    try:
        floor.fastest([np.zeros(64)], [np.zeros(64)])
    except floor.Unavailable as error:
        raise SystemExit(f"missing floor: {error}") from None


def markdown(rows: list[Row]) -> str:
    """Return the table, and a line that says where it comes from."""
    lines = [f"| | {' | '.join(TITLES)} |", "|---" + "|---:" * len(TITLES) + "|"]
    for title, cells in rows:
        indented = title.replace("  ", "&emsp;", 1) if title.startswith("  ") else title
        lines.append(f"| {indented} | {' | '.join(cells.get(name, '–') for name in peers.NAMES)} |")
    numba = [f"{title.strip()}: {cells['numba']}" for title, cells in rows if "numba" in cells]
    if numba:
        lines += ["", f"A loop written by hand for this very case and compiled by numba: {'; '.join(numba)}."]
    return "\n".join([*lines, "", machine()])


def machine() -> str:
    """Return where figures come from: the processor, the threads, the versions."""
    libraries = ", ".join(f"{name} {version}" for name, version in peers.versions().items())
    return f"{platform.machine()}, {_threads.available()} threads, Python {platform.python_version()}; {libraries}."


def picture() -> bytes:
    """Return the demo's picture, small: 256 colours."""
    from PIL import Image

    terrain = _demo.load_terrain()
    image = Image.open(io.BytesIO(_demo.render(terrain, _demo.slopes_of(terrain), dpi=100))).convert("RGB")
    buffer = io.BytesIO()
    image.quantize(128, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def main() -> None:
    """Measure, print, and write unless it was only a try."""
    parser = argparse.ArgumentParser(description="Measure the table of the README and draw its picture.")
    parser.add_argument("--quick", action="store_true", help="small sizes; write nothing")
    quick = parser.parse_args().quick
    if not quick:
        require_peers()
    with np.errstate(all="ignore"):
        rows = field_rows(256 if quick else 4096) + function_rows() + hessian_rows() + accuracy_rows(5 if quick else 25)
    table = markdown(rows)
    print(table)
    if quick:
        for target in bench_grid.TARGETS:
            target.prepare(True)
        return
    table += f"\n\n{limits(limit_rows())}"
    print(table)
    readme.replace("table", table)
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "terrain.png").write_bytes(picture())


if __name__ == "__main__":
    main()
