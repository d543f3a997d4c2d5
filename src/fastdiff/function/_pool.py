"""The pools of worker processes that ``workers=`` with a number uses; they are kept warm between calls."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import util

_lock = threading.Lock()
_pools: dict[int, Executor] = {}  # by their number of workers

# Whether this process starts no workers: it is one itself, or was forked, and the server that forks workers is its
# parent's.
_alone = False


def warm(count: int) -> Executor:
    """Return the pool of `count` workers, a new one where there is none or it is broken."""
    with _lock:
        if not _pools:  # a process that has children waits for them before it ends, unless they end first
            util.Finalize(None, _stop, exitpriority=100)
        if count not in _pools or getattr(_pools[count], "_broken", False):
            _pools[count] = _started(count)
        return _pools[count]


def discard(pool: Executor) -> None:
    """Forget a pool that is broken or interrupted, and stop its processes: they may be at work for long."""
    with _lock:
        for count in [count for count, known in _pools.items() if known is pool]:
            del _pools[count]
    processes = list((getattr(pool, "_processes", None) or {}).values())
    pool.shutdown(wait=False, cancel_futures=True)
    for process in processes:
        process.terminate()


def _stop() -> None:
    """End all pools."""
    with _lock:
        while _pools:
            _, pool = _pools.popitem()
            pool.shutdown(cancel_futures=True)


def alone() -> bool:
    """Whether this process may have no workers: as a worker, as a forked process, or as a daemonic one."""
    return _alone or bool(multiprocessing.current_process().daemon)


def _started(count: int) -> Executor:
    if not getattr(sys, "_is_gil_enabled", lambda: True)():
        return ThreadPoolExecutor(count)
    # A fork would copy the locks of other threads, held as they are, and OpenMP's team without its threads.
    method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context(method), initializer=_become_worker)


def _become_worker() -> None:
    """Leave Ctrl-C to the process that waits, start no further processes, and end with the parent."""
    global _alone
    _alone = True
    signal.signal(signal.SIGINT, lambda number, frame: None)  # to ignore it would be inherited by what f starts
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    """End with the parent, however it ends: a worker would wait for its next task for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _forget() -> None:
    global _lock, _alone
    _lock, _alone = threading.Lock(), True
    _pools.clear()


if hasattr(os, "register_at_fork"):  # a pool belongs to the process that started it
    os.register_at_fork(after_in_child=_forget)
