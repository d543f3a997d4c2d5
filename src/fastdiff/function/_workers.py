"""Who evaluates f where `workers` says so: pools, executors and map-like callables behind one function.

A task is called with a block and returns a report. Exceptions of f are data in the report, so that those that come
from the workers themselves can't be taken for them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import BrokenExecutor
from typing import Any, NamedTuple, TypeAlias

from .. import _checks, _threads
from . import _pool

Task: TypeAlias = Callable[[Any], Any]
Send: TypeAlias = Callable[[Task, list[Any]], Iterable[Any]]


class Crew(NamedTuple):
    """How many evaluate at once, and what sends them blocks; the reports may come in any order."""

    width: int
    send: Send


# This process by itself.
ALONE = Crew(1, map)


# What f asks for while it is evaluated by workers is done by its worker alone: it might wait for itself.
_here = threading.local()


class Within:
    """Marks this thread as that of a worker, for as long as it is entered."""

    def __enter__(self) -> None:
        self._before = getattr(_here, "within", False)
        _here.within = True

    def __exit__(self, *exception: object) -> None:
        _here.within = self._before


def judged(workers: Any) -> Any:
    """Return `workers` if it is one of the kinds that can be used.

    Raises
    ------
    TypeError, ValueError
        If it is not.
    """
    if isinstance(workers, int | float) or hasattr(workers, "__index__"):
        count = _checks.integer("workers", workers)
        if count < 1 and count != -1:
            raise ValueError(f"`workers` must be at least 1, or -1 for all processors, got {count}")
        return count
    is_class = isinstance(workers, type) and workers is not map  # the class of executors is not one
    if is_class or not any(fits(workers) for fits, _ in _KINDS):
        raise TypeError(
            "`workers` must be an integer, an executor, a joblib.Parallel, a pool, or a map-like callable "
            f"workers(func, iterable), got {workers!r:.80}"
        )
    return workers


def crew(workers: Any) -> Crew:
    """Return the crew of judged `workers`; None is this process alone."""
    if workers is None or getattr(_here, "within", False):
        return ALONE
    if isinstance(workers, int):
        count = _threads.processors() if workers == -1 else workers
        return ALONE if count == 1 or _pool.alone() else Crew(count, _own_pool(count))
    made = next(make for fits, make in _KINDS if fits(workers))
    return Crew(_width(workers), made(workers))


def _own_pool(count: int) -> Send:
    def send(task: Task, blocks: list[Any]) -> Iterator[Any]:
        pool = _pool.warm(count)
        try:
            yield from _submitting(pool, (BrokenExecutor, KeyboardInterrupt))(task, blocks)
        except (BrokenExecutor, KeyboardInterrupt):
            _pool.discard(pool)
            raise

    return send


def _submitting(executor: Any, lost: tuple[type[BaseException], ...] = (BrokenExecutor,)) -> Send:
    """Return what submits blocks to an executor; after the exceptions `lost` the tasks are the executor's to end."""
    # Dask takes equal tasks for the same one unless it is told otherwise; f need not be deterministic.
    options = {"pure": False} if type(executor).__module__.startswith("distributed") else {}

    def send(task: Task, blocks: list[Any]) -> Iterator[Any]:
        futures = [executor.submit(task, block, **options) for block in blocks]
        try:
            for future in futures:
                yield future.result()
        except lost:
            futures = []
            raise
        finally:
            for future in futures:
                future.cancel()

    return send


def _joblib(parallel: Any) -> Send:
    return lambda task, blocks: parallel((task, (block,), {}) for block in blocks)


def _mapping(pool: Any) -> Send:
    return _watched(pool) if hasattr(pool, "map_async") else pool.map


# How often it is looked whether a worker died.
_WATCH_SECONDS = 0.02


def _watched(pool: Any) -> Send:
    """Return the map of a multiprocessing.Pool: its own waits for ever where a worker dies."""

    def send(task: Task, blocks: list[Any]) -> Iterator[Any]:
        may_end = getattr(pool, "_maxtasksperchild", None) is not None
        seen: dict[Any, Any] = {}  # those that the pool has replaced too
        found = pool.map_async(task, blocks, chunksize=1)
        while not found.ready():
            seen |= {worker.pid: worker for worker in list(getattr(pool, "_pool", ())) if hasattr(worker, "pid")}
            found.wait(_WATCH_SECONDS)
            codes = {worker.exitcode for worker in seen.values()} - {None}
            if not found.ready() and codes - ({0} if may_end else set()):
                raise BrokenExecutor(f"a process of the pool ended, exit codes {sorted(codes)}")
        yield from found.get()

    return send


def _is_joblib(workers: Any) -> bool:
    return any(cls.__name__ == "Parallel" and str(cls.__module__).startswith("joblib") for cls in type(workers).__mro__)


# What an object must be, in this order, and what sends blocks to it.
_KINDS: tuple[tuple[Callable[[Any], bool], Callable[[Any], Send]], ...] = (
    (lambda workers: callable(getattr(workers, "submit", None)), _submitting),
    (_is_joblib, _joblib),
    (lambda workers: callable(getattr(workers, "map", None)), _mapping),
    (callable, lambda workers: workers),
)


def _width(workers: Any) -> int:
    """Return how many evaluate at once, where `workers` tells, else the number of processors."""
    if callable(getattr(workers, "nthreads", None)):  # of a dask client: threads by worker
        try:
            return max(1, int(sum(workers.nthreads().values())))
        except Exception as error:
            raise RuntimeError(f"`workers` can't be asked for its threads: {type(error).__name__}: {error}") from error
    for name in ("_max_workers", "_processes", "n_jobs"):
        count = getattr(workers, name, None)
        if isinstance(count, int) and count >= 1:
            return count
    return _threads.processors()
