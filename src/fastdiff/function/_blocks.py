"""Evaluation by blocks of points: by workers, or by this process with a bar that shows how far it is."""

from __future__ import annotations

import os
import pickle
import traceback
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import AbstractContextManager, nullcontext, suppress
from itertools import count, pairwise
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._typing import Array
from . import _workers
from ._evaluate import Batch, Evaluator
from ._results import require_same_shape
from ._workers import Crew

Recipe: TypeAlias = Callable[[], Evaluator]

# Blocks for each worker: more of them even out what f costs here and there, fewer are cheaper to send. Without workers
# they are what the bar moves by.
_BLOCKS_PER_WORKER = 4
_BLOCKS_OF_A_BAR = 64


class Block(NamedTuple):
    """Points for one task: their place in the batch, and what f returns if that is known."""

    number: int
    points: Batch
    shape: tuple[int, ...] | None


class Report(NamedTuple):
    """What became of a block: values, or None where f has another precision; or what f raised."""

    number: int
    values: Array | None
    shape: tuple[int, ...] | None
    epsilon: float
    nfev: int
    raised: Raised | None


class Raised:
    """An exception of f, with the point where it was raised; it survives pickling whatever it is."""

    def __init__(self, error: BaseException, x: Any, story: str = "") -> None:
        self.error = error
        self.x = x
        self.story = story

    def __reduce__(self) -> tuple[Any, ...]:
        story = ""
        with suppress(Exception):
            story = "".join(traceback.format_exception(self.error))
        return _received, (_portable(self.error), self.x, story)

    def thrown(self) -> BaseException:
        """Return the exception, with notes that tell where it comes from, if it takes them."""
        with suppress(Exception):
            self.error.add_note(f"f was called at x = {self.x}")
            if self.story:
                self.error.add_note(f"in a worker:\n{self.story}")
        return self.error


def _received(data: bytes, x: Any, story: str) -> Raised:
    return Raised(pickle.loads(data), x, story)


def _rebuilt(cls: type[BaseException], args: tuple[Any, ...], state: dict[str, Any]) -> BaseException:
    """Return an exception without its __init__, which may want other arguments than it passes on."""
    error: BaseException = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class _Parts:
    """What an exception is made of, to be pickled in its stead."""

    def __init__(self, error: BaseException) -> None:
        self._error = error

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuilt, (type(self._error), self._error.args, self._error.__dict__)


def _portable(error: BaseException) -> bytes:
    """Return an exception as bytes: as it pickles itself, by its parts, or what it says."""
    attempts: list[Callable[[], bytes]] = [lambda: pickle.dumps(error), lambda: pickle.dumps(_Parts(error))]
    with suppress(ImportError):
        import cloudpickle

        attempts.append(lambda: cloudpickle.dumps(_Parts(error)))
    for attempt in attempts:
        with suppress(Exception, SystemExit):  # anything may happen when an exception is pickled
            data = attempt()
            found = pickle.loads(data)
            if type(found) is type(error) and repr(found) == repr(error):  # an __init__ may have worded it once more
                return data
    said = "its message can't be had"
    with suppress(Exception):
        said = str(error)
    return pickle.dumps(RuntimeError(f"{type(error).__name__}: {said}"))


class Task:
    """Evaluates blocks; a worker in another process gets f as bytes, pickled once."""

    def __init__(self, recipe: Recipe, within: Callable[[], AbstractContextManager[None]] = _workers.Within) -> None:
        self._recipe = recipe
        self._within = within
        self._floating = np.geterr()
        self._token = os.getpid(), next(_numbers)
        self._bytes: bytes | None = None
        self.unpicklable: TypeError | None = None

    def __call__(self, block: Block) -> Report:
        """Return the report of a block."""
        evaluate = self._recipe()
        if block.shape is not None:
            evaluate.expect(block.shape)
        values, raised = None, None
        try:
            with self._within(), np.errstate(**self._floating):
                values = evaluate.evaluate(block.points)
        except (Exception, SystemExit) as error:
            raised = Raised(error, block.points.columns(evaluate.row, evaluate.row + 1).ravel())
        return Report(block.number, values, evaluate.shape, evaluate.epsilon, evaluate.nfev, raised)

    def __reduce__(self) -> tuple[Any, ...]:
        if self._bytes is None:
            try:
                self._bytes = _dumped((self._recipe, self._floating))
            except TypeError as error:
                self.unpicklable = error
                raise
        return SentTask, (self._token, self._bytes)


class SentTask:
    """A task as it arrives in another process; what can't be unpickled there is reported, or the worker would die."""

    def __init__(self, token: tuple[int, int], data: bytes) -> None:
        self._token = token
        self._data = data

    def __call__(self, block: Block) -> Report:
        """Return the report of a block."""
        try:
            task = _loaded(self._token, self._data)
        except Exception as error:
            fault = TypeError(
                f"`f` can't be unpickled by a worker ({type(error).__name__}: {error}): define it at the top level of "
                "a module that can be imported there, or install cloudpickle"
            )
            return Report(block.number, None, None, 0.0, 0, Raised(fault, None))
        return task(block)

    def __reduce__(self) -> tuple[Any, ...]:
        return SentTask, (self._token, self._data)


# The task that a worker process is at; the next one takes its place, and its memory.
_current: dict[tuple[int, int], Task] = {}
_numbers = count()


def _loaded(token: tuple[int, int], data: bytes) -> Task:
    task = _current.get(token)
    if task is None:
        recipe, floating = pickle.loads(data)
        with np.errstate(**floating):
            task = Task(recipe)
        _current.clear()
        _current[token] = task
    return task


def _dumped(recipe: Any) -> bytes:
    """Return a recipe as bytes; what `pickle` can't do, and functions of the main module, are for cloudpickle."""
    fault: Exception | None = None
    data = b""
    try:
        data = pickle.dumps(recipe)
    except Exception as error:
        fault = error
    if fault is None and b"__main__" not in data:
        return data
    try:
        import cloudpickle

        by_value: bytes = cloudpickle.dumps(recipe)
    except ImportError:
        if fault is None:
            return data
        raise TypeError(
            f"`f` can't be pickled for `workers` ({fault}): define it at the top level of a module, or install "
            "cloudpickle"
        ) from fault
    except Exception as error:
        if fault is None:
            return data
        raise TypeError(
            f"`f` can't be pickled for `workers` ({error}): it holds something that can't leave its process"
        ) from error
    return by_value


class Blocks:
    """An evaluator that cuts batches into blocks.

    Parameters
    ----------
    recipe : callable
        Makes the evaluator of a block.
    crew : Crew
        Who evaluates.
    epsilon : float
        The precision expected of f.
    leading : bool
        Whether the first point of all must be evaluated before others are.
    bar_class : type or None
        tqdm, if the number of points done and to go shall be shown.
    grain : int
        So many points go into one call of f, whose bits may depend on them: a bar does not divide them.
    """

    def __init__(self, recipe: Recipe, crew: Crew, epsilon: float, leading: bool, bar_class: Any, grain: int) -> None:
        self._task = Task(recipe, nullcontext if crew is _workers.ALONE else _workers.Within)
        self._crew = crew
        self._leading = leading
        self._bar_class = bar_class
        self._grain = grain
        self._bar: Any = None
        self.epsilon = epsilon
        self.shape: tuple[int, ...] | None = None
        self.nfev = 0

    def evaluate(self, batch: Batch) -> Array | None:
        """Return the values of f, shape (points, outputs); None where f turned out to have another precision."""
        self._announce(len(batch))
        values = self._evaluated(batch)
        if values is None:
            self._announce(-len(batch))
        return values

    def close(self) -> None:
        """Close the bar."""
        if self._bar is not None:
            self._bar.close()

    def _announce(self, points: int) -> None:
        """Show how many points are to go."""
        if self._bar is None and self._bar_class is not None:
            self._bar = self._bar_class(total=0, unit=" points")
        if self._bar is not None:
            self._bar.total += points
            self._bar.refresh()

    def _evaluated(self, batch: Batch) -> Array | None:
        ends = self._ends(len(batch))
        parts: list[Array] = []
        if self.shape is None and self._leading:
            first = self._values(batch, [0, 1])
            if first is None or len(batch) == 1:
                return None if first is None else first[0]
            parts, ends = first, [1, *(end for end in ends if end > 1)]
        found = self._values(batch, ends)
        return None if found is None else np.concatenate(parts + found)

    def _ends(self, points: int) -> list[int]:
        """Return where blocks begin and end: contiguous, and as even as can be."""
        alone = self._crew is _workers.ALONE
        wanted = _BLOCKS_OF_A_BAR if alone else _BLOCKS_PER_WORKER * self._crew.width
        grain = self._grain if alone else 1
        grains = -(-points // grain)
        blocks = max(1, min(grains, wanted))
        return [min(points, grain * (grains * i // blocks)) for i in range(blocks)] + [points]

    def _values(self, batch: Batch, ends: list[int]) -> list[Array] | None:
        """Return the values of each block; None where the first value of all shows another precision."""
        first = self.shape is None
        blocks = [Block(i, batch.rows(a, b), self.shape) for i, (a, b) in enumerate(pairwise(ends))]
        reports = self._reports(blocks, starting=first)
        lead = reports[0]
        if first:
            assert lead.shape is not None
            self.shape, self.epsilon = lead.shape, lead.epsilon
            if lead.values is None:
                return None
        # A block whose first value has another precision than the first of all: that one counts.
        stray = [Block(i, block.points, self.shape) for i, block in enumerate(blocks) if reports[i].values is None]
        reports |= self._reports(stray)
        assert self.shape is not None
        for report in reports.values():
            require_same_shape(self.shape, report.shape or ())
        return [values for i in range(len(blocks)) if (values := reports[i].values) is not None]

    def _reports(self, blocks: list[Block], starting: bool = False) -> dict[int, Report]:
        """Return the reports by the number of the block; raise what f raised in the first that failed.

        At the start the first may show another precision: then the others' points are not those that count.
        """
        reports: dict[int, Report] = {}
        sizes = {block.number: len(block.points) for block in blocks}
        for report in self._sent(blocks):
            if not isinstance(report, Report) or report.number not in sizes:
                raise TypeError(f"`workers` must return what the function it is given returns, got {report!r:.80}")
            reports[report.number] = report
            self.nfev += report.nfev
            if self._bar is not None and report.values is not None:
                self._bar.update(sizes[report.number])
            if report.raised is not None and len(reports) == report.number + 1:  # no earlier one is to come
                break
        lead = reports.get(0)
        if starting and lead is not None and lead.values is None and lead.raised is None:
            return reports
        for _, report in sorted(reports.items()):
            if report.raised is not None:
                raise report.raised.thrown()
        if len(reports) < len(blocks):
            raise ValueError(f"`workers` must return one result for each of {len(blocks)} tasks, got {len(reports)}")
        return reports

    def _sent(self, blocks: list[Block]) -> Iterator[Any]:
        """Yield what the workers return; what they raise themselves is told apart from what f raises."""
        if not blocks:
            return
        try:
            yield from self._crew.send(self._task, blocks)
        except BrokenExecutor as error:
            raise RuntimeError(
                f"`workers`: a process died while it evaluated f ({error}). f may have crashed it or used up its "
                'memory; a script must be a file, and start its work under `if __name__ == "__main__":`'
            ) from error
        except Exception as error:
            fault = self._task.unpicklable
            if fault is not None:
                raise fault from fault.__cause__
            raise RuntimeError(f"`workers` failed: {type(error).__name__}: {error}") from error
