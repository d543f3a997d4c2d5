"""Draw how the gradient scales, docs/scaling.png: time per point by size, and by accuracy.

Run as ``python bench/scaling.py`` with nothing else running; ``--quick`` takes small sizes and writes nothing.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

import peers
import ratios
from fastdiff import grid

PICTURE = Path(__file__).parent.parent / "docs" / "scaling.png"
ACCURACIES = (2, 4, 6, 8, 10, 12)
FINDIFF = 8  # where its one-sided weights begin to lose digits
ROUNDS = 5
Curves = dict[str, dict[int, float]]  # by side: nanoseconds a point, by size or accuracy


def field(side: int, dimensions: int = 2) -> Any:
    return np.random.default_rng(0).standard_normal((side,) * dimensions)


def by_size(sides: list[int]) -> Curves:
    """Return the time per point of squares of `sides`, at accuracy 2 into given arrays."""
    curves: Curves = {"fastdiff, accuracy 2, out=": {}, "numpy.gradient": {}}
    for side in sides:
        f = field(side)
        out = (np.zeros_like(f), np.zeros_like(f))

        def ours(f: Any = f, out: Any = out) -> Any:
            return grid.gradient(f, 0.1, accuracy=2, out=out)

        def theirs(f: Any = f) -> Any:
            return np.gradient(f, 0.1)

        _agree(ours(), theirs(), 1)
        _add(curves, side, f.size, dict(zip(curves, (ours, theirs), strict=True)))
    return curves


def by_accuracy(side: int, dimensions: int, accuracies: tuple[int, ...] = ACCURACIES) -> Curves:
    """Return the time per point at each accuracy, ours and that of findiff."""
    f = field(side, dimensions)
    words = f"{side}{'²³'[dimensions - 2]}"
    curves: Curves = {f"fastdiff, {words}": {}, f"findiff, {words}": {}}
    out = tuple(np.zeros_like(f) for _ in range(dimensions))
    for accuracy in accuracies:
        calls = peers.field_gradient(f, accuracy, out=out)
        pair = {f"fastdiff, {words}": calls["fastdiff"]}
        if accuracy <= FINDIFF:
            _agree(calls["fastdiff"](), calls["findiff"](), accuracy)
            pair[f"findiff, {words}"] = calls["findiff"]
        _add(curves, accuracy, f.size, pair)
    return curves


def _agree(ours: Any, theirs: Any, margin: int) -> None:
    inside = (slice(margin, -margin),) * ours[0].ndim
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one[inside], other[inside], rtol=1e-9, atol=1e-9)


def _add(curves: Curves, at: int, points: int, calls: Mapping[str, Callable[[], Any]]) -> None:
    times = ratios.interleaved(calls, ROUNDS)
    for name in calls:
        curves[name][at] = 1e9 * ratios.median(times, name) / points
        print(f"{name:32}{at:6}{curves[name][at]:10.3f} ns a point", flush=True)


def draw(sizes: Curves, accuracies: list[Curves]) -> None:
    """Write the picture: the panel of sizes, the panel of accuracies."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    _panel(left, sizes, ["C0", "C7"], ["o-", "s--"])
    left.set_xscale("log", base=2)
    ticks = sorted(next(iter(sizes.values())))
    left.set_xticks(ticks, [f"{side}²" for side in ticks], rotation=45)
    left.set_title("gradient by size, accuracy 2")
    for curves, style in zip(accuracies, ("o", "^"), strict=True):
        _panel(right, curves, ["C0", "C1"], [f"{style}-", f"{style}--"])
    right.set_xticks(ACCURACIES)
    right.set_xlabel("accuracy")
    right.set_title("gradient by accuracy")
    figure.savefig(PICTURE, dpi=100, metadata={"Software": None})


def _panel(axes: Any, curves: Curves, colours: list[str], styles: list[str]) -> None:
    for (name, curve), colour, style in zip(curves.items(), colours, styles, strict=True):
        axes.plot(list(curve), list(curve.values()), style, color=colour, label=name, markersize=5)
    axes.set_yscale("log")
    axes.set_ylabel("ns a point")
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure how the gradient scales and draw it.")
    parser.add_argument("--quick", action="store_true", help="small sizes; write nothing")
    quick = parser.parse_args().quick
    sizes = by_size([2**k for k in range(4, 8 if quick else 14)])
    shapes = ((64, 2), (24, 3)) if quick else ((2048, 2), (160, 3))
    accuracies = [by_accuracy(*shape) for shape in shapes]
    if not quick:
        draw(sizes, accuracies)


if __name__ == "__main__":
    main()
