"""Times of calls side by side: rounds take turns, so that a noisy moment hits all sides alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

import numpy as np

Call: TypeAlias = Callable[[], Any]

ROUNDS = 9
ROUND_SECONDS = 0.02  # a call that is shorter is repeated to fill it: the clock and the loop must not count


def interleaved(
    calls: Mapping[str, Call], rounds: int = ROUNDS, seconds: float = ROUND_SECONDS
) -> dict[str, list[float]]:
    """Return the seconds of a call in each round, for each side."""
    repeats = {name: max(1, int(seconds / _once(call))) for name, call in calls.items()}
    times: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            for _ in range(repeats[name]):
                call()
            times[name].append((time.perf_counter() - start) / repeats[name])
    return times


def medians(calls: Mapping[str, Call], rounds: int = ROUNDS, seconds: float = ROUND_SECONDS) -> dict[str, float]:
    """Return the median seconds of a call, for each side."""
    return {name: float(np.median(times)) for name, times in interleaved(calls, rounds, seconds).items()}


def _once(call: Call) -> float:
    call()  # the first call pays for imports, caches and pages
    start = time.perf_counter()
    call()
    return max(time.perf_counter() - start, 1e-9)
