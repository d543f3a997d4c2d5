"""Runs written as generators: they yield the batches they need, and are sent the values."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator
from typing import TypeAlias

from .._typing import Array
from ._evaluate import Batch

Talk: TypeAlias = Generator[Batch, Array, None]


class TalkingRun(ABC):
    """Asks and tells what a generator does; a subclass calls `_begin_talk` when it is ready for it."""

    _talk: Talk
    _next: Batch | None

    @abstractmethod
    def _run(self) -> Talk:
        """Yield the batches that are needed, one after another, and keep the result."""

    def _begin_talk(self) -> None:
        self._talk = self._run()
        self._next = next(self._talk, None)

    def ask(self) -> Batch | None:
        """Return the points that are needed next, or None when the run is done."""
        batch, self._next = self._next, None
        return batch

    def tell(self, values: Array) -> None:
        """Take the values at the points asked for, shape (points, outputs)."""
        try:
            self._next = self._talk.send(values)
        except StopIteration:
            self._next = None
