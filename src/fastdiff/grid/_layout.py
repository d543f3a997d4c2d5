"""How arrays lie in memory, and windows of those that the kernels can't read as they are."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from .._typing import Array

# What a window holds beside the rows around it, if a row is not larger.
WINDOW_BYTES = 1 << 20


def order_of(array: Array) -> list[int]:
    """Return the axes from the outermost in memory to the innermost, those of one point last."""
    return sorted(range(array.ndim), key=lambda axis: (array.shape[axis] == 1, -abs(array.strides[axis])))


def dense_strides(shape: tuple[int, ...], order: list[int], itemsize: int) -> tuple[int, ...]:
    """Return the strides of a dense array with its axes in `order`."""
    strides = [0] * len(shape)
    for axis in reversed(order):
        strides[axis] = itemsize
        itemsize *= shape[axis]
    return tuple(strides)


def empty(shape: tuple[int, ...], order: list[int], dtype: np.dtype[Any]) -> Array:
    """Return a new dense array with its axes in `order`."""
    back = np.argsort(order) if order else ()
    return np.empty([shape[axis] for axis in order], dtype).transpose(back)


def is_dense(array: Array) -> bool:
    """Whether the memory of an array is one stretch, each of its places used once, rising along each axis."""
    return array.flags.aligned and all(
        stride == wanted or extent == 1
        for stride, wanted, extent in zip(
            array.strides, dense_strides(array.shape, order_of(array), array.itemsize), array.shape, strict=True
        )
    )


def real_view(array: Array) -> Array:
    """Return complex data as real numbers with a trailing axis of 2; real data as they are."""
    if array.dtype.kind != "c":
        return array
    part = array.real
    return as_strided(part, (*array.shape, 2), (*array.strides, part.itemsize))


def rows_of(shape: tuple[int, ...], order: list[int], itemsize: int, least: int) -> int:
    """Return how many rows of the outermost axis a window holds."""
    row = itemsize * prod(shape) // max(shape[order[0]], 1)
    return max(WINDOW_BYTES // max(row, 1), least, 1)


class Source:
    """Samples as the kernels read them: in place if `readable`, else copied row by row into a window that moves along.

    Parameters
    ----------
    data : ndarray
        The samples.
    order : list of int
        The axes from the outermost to the innermost; the first is the one that the window moves along.
    dtype : dtype
        What the kernels read.
    far : int
        How many rows on either side the samples of a row may lie; of all there are the window becomes a copy.
    """

    def __init__(self, data: Array, order: list[int], dtype: np.dtype[Any], far: int, *, readable: bool) -> None:
        self.data, self.order, self.dtype, self.far, self.readable = data, order, dtype, far, readable
        self.window = data
        self.first = self.last = 0

    @property
    def strides(self) -> tuple[int, ...]:
        """The strides of the whole as the kernels see it, as real numbers."""
        if self.readable:
            return real_view(self.data).strides
        strides = dense_strides(self.data.shape, self.order, self.dtype.itemsize)
        return (*strides, self.dtype.itemsize // 2) if self.dtype.kind == "c" else strides

    def rows(self, start: int, stop: int) -> tuple[Array, int]:
        """Return what rows `start` to `stop` need, as real numbers, and its place in the whole, in elements."""
        if self.readable:
            return real_view(self.data), 0
        lead = self.order[0]
        extent = self.data.shape[lead]
        first, last = max(start - self.far, 0), min(stop + self.far, extent)
        if not (self.first <= first and last <= self.last):
            self._move(lead, first, last)
        view = real_view(self.window)
        return view, self.first * (prod(self.data.shape) // extent) * (2 if self.dtype.kind == "c" else 1)

    def _move(self, lead: int, first: int, last: int) -> None:
        """Copy what is new to the window; what it has already moves to its start."""
        shape = (*self.data.shape[:lead], last - first, *self.data.shape[lead + 1 :])
        window = empty(shape, self.order, self.dtype)
        kept = max(min(self.last, last) - max(self.first, first), 0) if self.first <= first else 0
        along = (slice(None),) * lead
        if kept:
            window[(*along, slice(0, kept))] = self.window[
                (*along, slice(first - self.first, first - self.first + kept))
            ]
        with np.errstate(all="ignore"):
            np.copyto(window[(*along, slice(kept, None))], self.data[(*along, slice(first + kept, last))], "same_kind")
        self.window, self.first, self.last = window, first, last
