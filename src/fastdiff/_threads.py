"""The only thread policy: how many threads there are, and whether work is worth them.

Nothing else in the package reads a CPU count or ``OMP_NUM_THREADS``. The number of OpenMP threads is passed to every
parallel region; the process-wide setting is never touched.
"""

from __future__ import annotations

import math
import os
import threading
from pathlib import Path

from . import _checks

# A region of two threads costs 1.5 us while they still spin and 50 to 270 us when the last one was 10 ms ago; where
# another process holds a core, one thread waits for the other through whole scheduler ticks, 4 to 12 ms. Work of this
# many seconds on one thread gains more than it risks.
WORTHWHILE_SECONDS = 2e-3

# Calls of a function are handed out in small pieces, so that a thread that is held up keeps nobody waiting but in the
# end.
WORTHWHILE_CALLS = 500e-6

# More threads than this are a mistake, whoever asks for them.
MOST = 1024

_CGROUP_QUOTA = Path("/sys/fs/cgroup/cpu.max")

_forked = False


def _mark_forked() -> None:
    global _forked
    _forked = True


# libgomp's threads do not survive a fork: a region of two threads in the child would wait for them for ever.
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_mark_forked)


def available() -> int:
    """Return the number of threads that this process may use.

    ``OMP_NUM_THREADS`` wins where it is set; else the CPUs of the affinity mask, capped by the cgroup quota, which the
    OpenMP run-time ignores.
    """
    wanted = os.environ.get("OMP_NUM_THREADS", "").split(",")[0].strip()
    if wanted.isdecimal() and int(wanted) >= 1:
        return int(wanted)
    return processors()


def processors() -> int:
    """Return the number of CPUs that this process may use."""
    affinity = getattr(os, "sched_getaffinity", None)
    cpus = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cpus, _cgroup_cpus()))


def _cgroup_cpus() -> int:
    """Return the CPU quota of cgroup v2, rounded up; a large number where there is none."""
    try:
        quota, period = _CGROUP_QUOTA.read_text().split()
        return math.ceil(int(quota) / int(period))
    except (OSError, ValueError):
        return 1 << 20


def for_work(threads: object, seconds: float, worthwhile: float = WORTHWHILE_SECONDS) -> int:
    """Return the number of threads for work that takes one thread about `seconds`.

    Parameters
    ----------
    threads : int or None
        What the caller asked for; None leaves it to the policy: one thread for little work and in threads other than
        the main one, as each of those would get an OpenMP team of its own.
    seconds : float
        The estimated time of the work on one thread.
    worthwhile : float
        From how much of it on several threads pay.

    Returns
    -------
    int
        At least 1; always 1 in a forked child.
    """
    wanted = None if threads is None else _checks.integer("threads", threads, least=1, most=MOST)
    if _forked:
        return 1
    if wanted is not None:
        return wanted
    if seconds < worthwhile or threading.current_thread() is not threading.main_thread():
        return 1
    return min(available(), MOST)
