"""Parameter trees: dicts of arrays, nested or not, as one flat array and back; f and results in their structure."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _checks
from .._typing import Array, FloatArray, Function
from ._results import DerivativeResult, Solution, describe, numbers


@dataclass(frozen=True, slots=True)
class Leaf:
    """An array of a tree.

    Attributes
    ----------
    path : str
        The keys that lead to it, as the user writes them: ``['layer']['w']``.
    start, stop : int
        Its entries of the flat array.
    shape : tuple of int
        Its shape.
    """

    path: str
    start: int
    stop: int
    shape: tuple[int, ...]

    def unflatten(self, flat: Array, axis: int) -> Any:
        """Return the leaf from an array that is flat along `axis`: contiguous, a view if it can be, a scalar if 0-d."""
        before, after = flat.shape[:axis], flat.shape[axis + 1 :]
        part = flat[(*(slice(None) for _ in before), slice(self.start, self.stop))]
        return np.ascontiguousarray(part).reshape(before + self.shape + after)[()]

    def leaves(self) -> Iterator[Leaf]:
        """Yield the leaf itself."""
        yield self

    def matched(self, name: str, value: Any) -> Iterator[tuple[Leaf, Any]]:
        """Yield the leaf itself with what is there for it."""
        yield self, value


@dataclass(frozen=True, slots=True)
class Tree:
    """The structure of a dict of arrays.

    Attributes
    ----------
    path : str
        The keys that lead to it.
    branches : tuple of (key, Tree or Leaf)
        What it holds, in the order of the dict.
    stop : int
        The end of its entries of the flat array.
    """

    path: str
    branches: tuple[tuple[Hashable, Tree | Leaf], ...]
    stop: int

    def unflatten(self, flat: Array, axis: int = 0) -> dict[Hashable, Any]:
        """Return a dict of this structure from an array that is flat along `axis`; its leaves keep the other axes."""
        return {key: branch.unflatten(flat, axis) for key, branch in self.branches}

    def leaves(self) -> Iterator[Leaf]:
        """Yield the leaves in the order of the flat array."""
        for _, branch in self.branches:
            yield from branch.leaves()

    def position(self, i: int) -> str:
        """Word an entry of the flat array by its path."""
        leaf = next(leaf for leaf in self.leaves() if i < leaf.stop)
        return leaf.path + _checks.position(i - leaf.start, leaf.shape)

    def matched(self, name: str, value: Any) -> Iterator[tuple[Leaf, Any]]:
        """Yield each leaf with what `value` has for it.

        Raises
        ------
        TypeError
            If a dict should be there and is not.
        ValueError
            If the keys are others.
        """
        here = f"{name}{self.path}"
        if not isinstance(value, Mapping):
            raise TypeError(f"`{here}` must be a dict with the keys of x{self.path}, got {value!r:.80}")
        keys = dict(self.branches)
        missing, unknown = [key for key in keys if key not in value], [key for key in value if key not in keys]
        if missing or unknown:
            faults = [f"{what} {found!r:.80}" for what, found in (("lacks", missing), ("has also", unknown)) if found]
            raise ValueError(f"`{here}` must have the keys of x{self.path}, but {' and '.join(faults)}")
        for key, branch in self.branches:
            yield from branch.matched(name, value[key])


def planted(x: Mapping[Any, Any], judge: Callable[[Any, str], FloatArray]) -> tuple[Tree, FloatArray]:
    """Return the structure of a dict of arrays and its entries, flat; `judge` takes a leaf and its name."""
    parts: list[FloatArray] = []

    def leaf(path: str, value: Any, start: int) -> Leaf:
        array = judge(value, f"x{path}")
        parts.append(array)
        return Leaf(path, start, start + array.size, array.shape)

    def tree(path: str, value: Mapping[Any, Any], start: int) -> Tree:
        branches: list[tuple[Hashable, Tree | Leaf]] = []
        for key, below in value.items():
            grown = tree if isinstance(below, Mapping) else leaf
            branch = grown(f"{path}[{key!r}]", below, start)
            branches.append((key, branch))
            start = branch.stop
        return Tree(path, tuple(branches), start)

    return tree("", x, 0), joined(parts)


def joined(parts: list[FloatArray]) -> FloatArray:
    """Return the entries of arrays, one after the other."""
    return np.concatenate([np.empty(0), *(part.ravel() for part in parts)])


@dataclass(frozen=True, slots=True)
class OnTree:
    """A function of a tree as a function of a flat array: the positional argument `index`.

    Of points as columns, shape (n, k), it makes leaves with a last axis of k.
    """

    f: Function
    tree: Tree
    index: int

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what f returns."""
        x = self.tree.unflatten(args[self.index])
        return self.f(*args[: self.index], x, *args[self.index + 1 :], **kwargs)


@dataclass(frozen=True, slots=True)
class GradientOnTree:
    """A gradient, from a flat array to a tree, as a function from a flat array to a flat array."""

    gradient: OnTree

    def __call__(self, *args: Any, **kwargs: Any) -> Array:
        """Return the gradient, flat along its first axis."""
        tree = self.gradient.tree
        columns: tuple[int, ...] = args[self.gradient.index].shape[1:]
        parts = []
        for leaf, value in tree.matched("gradient(x)", self.gradient(*args, **kwargs)):
            array = numbers(value, complex_allowed=True, name=f"`gradient` at {leaf.path}")
            shape = leaf.shape + columns
            if array.shape != shape:
                raise ValueError(
                    f"`gradient(x){leaf.path}` must have the shape {shape} of x{leaf.path}, got {array.shape}"
                )
            parts.append(array.reshape(-1, *columns))
        return _as_coarse_as_its_parts(parts) if parts else np.empty((0, *columns))


def _as_coarse_as_its_parts(parts: list[Array]) -> Array:
    """Return the parts joined, in the lowest precision among them: that of the whole, by which steps are chosen."""
    flat = np.concatenate(parts)
    if flat.dtype.kind != "f":
        return flat
    lowest = min((part.dtype for part in parts if part.dtype.kind == "f"), key=lambda dtype: dtype.itemsize)
    if np.abs(flat[np.isfinite(flat)]).max(initial=0.0) > np.finfo(lowest).max:
        return flat  # it would not hold what the others are
    return flat.astype(lowest)


@dataclass(frozen=True, slots=True, eq=False)
class InTree:
    """A solution that is flat along its last axis, in the structure of a tree."""

    flat: Solution
    tree: Tree

    @property
    def worst(self) -> int:
        """The worst status."""
        return self.flat.worst

    def value(self) -> Any:
        """Return the derivative alone: a dict."""
        return self._shaped(self.flat.value())

    def result(self) -> DerivativeResult:
        """Return the derivative with all that is known about it: dicts."""
        found = self.flat.result()
        step = found.step if np.ndim(found.step) else np.full(self.tree.stop, found.step)  # one serves them all
        value, error, step, status = map(self._shaped, (found.value, found.error, step, found.status))
        return DerivativeResult(value, error, step, status, found.nfev, describe(status))

    def _shaped(self, entries: Array) -> dict[Hashable, Any]:
        return self.tree.unflatten(entries, entries.ndim - 1)
