"""Paired ratios: medians over interleaved rounds, so that a noisy moment hits all sides alike."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from typing import NamedTuple

from fastdiff._timing import ROUNDS, Call, interleaved

Times = dict[str, list[float]]


class Ratio(NamedTuple):
    """How many times longer one side takes than another: the median over rounds, and their middle half."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f} × ({self.low:.2f} to {self.high:.2f})"


def ratio(times: Times, slow: str, fast: str) -> Ratio:
    """Return the ratio of two sides, round by round."""
    paired = [a / b for a, b in zip(times[slow], times[fast], strict=True)]
    low, median, high = statistics.quantiles(paired, n=4) if len(paired) > 1 else paired * 3
    return Ratio(median, low, high)


def median(times: Times, name: str) -> float:
    """Return the median seconds of a side."""
    return statistics.median(times[name])


def slopes(calls: Callable[[int], Mapping[str, Call]], few: int, many: int, rounds: int = ROUNDS) -> dict[str, float]:
    """Return the seconds for one more coordinate, for each side: what a call costs once does not count."""
    both = {(name, n): call for n in (few, many) for name, call in calls(n).items()}
    times = interleaved({f"{name}@{n}": call for (name, n), call in both.items()}, rounds)
    names = dict.fromkeys(name for name, _ in both)
    return {name: (median(times, f"{name}@{many}") - median(times, f"{name}@{few}")) / (many - few) for name in names}
