"""Which evaluator a function asks for, and those that stand on others."""

from __future__ import annotations

from functools import partial
from math import prod

import numpy as np

from .. import _dispatch, _threads
from .._typing import Array, FloatArray
from ._blocks import Blocks, Recipe
from ._callables import Compiled
from ._compiled import CompiledLoop
from ._evaluate import EPSILON, Batch, Columns, Loop
from ._jit import Form, Jitted
from ._plan import Evaluator
from ._pointers import MOST_NUMBERS, ONE_NUMBER, SIGNATURES, VECTOR, Pointer
from ._problem import Problem
from ._workers import ALONE, crew

COMPLEX_VALUED = ("derivative", "partial", "jacobian", "Jacobian")


def evaluator(problem: Problem, epsilon: float = EPSILON) -> Evaluator:
    """Return the evaluator that f asks for; `epsilon` is the precision expected of f."""
    call = problem.call
    if call.compiled is None or problem.settings.method == "complex":  # a jitted f runs in Python there
        evaluate = _interpreted(problem, epsilon)
    else:
        evaluate = _compiled(problem, call.compiled)
    return evaluate if call.weights is None else Weighted(evaluate, call.weights)


def _interpreted(problem: Problem, epsilon: float) -> Evaluator:
    call, settings, target = problem.call, problem.settings, problem.target
    before, after = call.around(problem.x.size)
    adaptive = settings.method == "richardson"
    edges = settings.goal.on_error == "edge"
    complex_allowed = settings.method == "complex" or (problem.verb in COMPLEX_VALUED and not adaptive)
    judged = (complex_allowed, epsilon, adaptive, edges)
    f = call.compiled.python if isinstance(call.compiled, Jitted) else call.f
    recipe: Recipe
    if settings.vectorized:
        recipe = partial(Columns, f, before, after, call.kwargs, problem.x.shape, *judged, settings.batch_bytes)
    else:
        form = "scalar" if problem.scalar_x else call.form()
        weight = problem.x.size if target.kind == "elementwise" else 1
        recipe = partial(Loop, f, before, after, call.kwargs, form, problem.x.shape, weight, *judged)
    workers = crew(settings.workers)
    if workers is ALONE and not settings.progress:
        return recipe()
    bar_class = _dispatch.progress_bar() if settings.progress else None
    grain = max(1, settings.batch_bytes // (8 * max(1, problem.x.size))) if settings.vectorized else 1
    return Blocks(recipe, workers, epsilon, adaptive, bar_class, grain)


def _compiled(problem: Problem, compiled: Compiled) -> Evaluator:
    call, size, shape = problem.call, problem.x.size, problem.x.shape
    elementwise = problem.target.kind == "elementwise"
    outputs: tuple[int, ...] | None
    if isinstance(compiled, Jitted):
        by_numbers = elementwise and (problem.scalar_x or bool(call.args) or compiled.takes_number())
        count = 1 + len(call.args) if by_numbers else size
        unpacked = by_numbers or call.unpack
        form = Form(True, count) if unpacked else Form(False, len(shape))
        pointer: Pointer = compiled.pointer(form, shape, call.outputs)
        compilation = compiled.compilation(form)
        outputs = () if compilation.scalar else None  # which the first value shows
        epsilon = compilation.epsilon
    else:
        pointer, epsilon = compiled, EPSILON
        by_numbers = elementwise and pointer.signature != VECTOR
        count = 1 + len(call.args) if by_numbers else size
        _require_fitting(problem, pointer, count)
        outputs = call.outputs if pointer.signature == VECTOR else ()
    edges = problem.settings.goal.on_error == "edge"
    team = partial(_threads.for_work, pointer.threads(call.threads), worthwhile=_threads.WORTHWHILE_CALLS)
    weight = size if elementwise and not by_numbers else 1
    held = pointer.needs_lock(call.threads)
    evaluate = CompiledLoop(pointer, count, outputs, epsilon, weight, edges, held, team)
    return Entrywise(evaluate, problem) if by_numbers else evaluate


def _require_fitting(problem: Problem, pointer: Pointer, count: int) -> None:
    """Raise where a pointer does not take as many numbers, by its signature."""
    signature = SIGNATURES[pointer.signature]
    if pointer.signature == VECTOR:
        if problem.call.args:
            raise TypeError(f"`f` must return a number for {problem.verb}, but its signature is {signature!r}")
    elif pointer.signature in ONE_NUMBER and count != 1:
        raise ValueError(f"`f` has the signature {signature!r}: it takes one number, but there are {count}")
    elif count > MOST_NUMBERS:
        raise ValueError(f"`f` has the signature {signature!r}: it takes at most {MOST_NUMBERS} numbers, got {count}")


class _Standing:
    """What stands on another evaluator: its precision and its count are those of f."""

    def __init__(self, evaluate: Evaluator, shape: tuple[int, ...]) -> None:
        self._evaluate = evaluate
        self.shape: tuple[int, ...] | None = shape

    @property
    def epsilon(self) -> float:
        """The precision of f."""
        return self._evaluate.epsilon

    @property
    def nfev(self) -> int:
        """The number of points evaluated so far."""
        return self._evaluate.nfev

    def close(self) -> None:
        """Let go of what is held beyond a batch."""
        self._evaluate.close()


class Weighted(_Standing):
    """The weighted sum of the outputs of f, as an f of its own."""

    def __init__(self, evaluate: Evaluator, weights: FloatArray) -> None:
        super().__init__(evaluate, ())
        self._weights = weights.ravel()

    def evaluate(self, batch: Batch) -> Array | None:
        """Return the weighted sums, shape (points, 1); None where f turned out to have another precision."""
        values = self._evaluate.evaluate(batch)
        if values is None:
            return None
        shape = self._evaluate.shape or ()
        if prod(shape) != self._weights.size:
            raise ValueError(f"`v` must have one weight for each output of `f`, got {self._weights.size} for {shape}")
        return np.asarray(values @ self._weights).reshape(-1, 1)


class Entrywise(_Standing):
    """A compiled function of numbers, called for every entry of x; its other arguments have the shape of x as well."""

    def __init__(self, evaluate: Evaluator, problem: Problem) -> None:
        super().__init__(evaluate, problem.x.shape)
        before, after = problem.call.around(problem.x.size)
        self._index = len(before)
        self._base = np.stack([np.ravel(a) for a in (*before, problem.x, *after)], axis=1)

    def evaluate(self, batch: Batch) -> Array | None:
        """Return the values of f, shape (points, entries)."""
        points, entries = len(batch), len(self._base)
        calls = Batch(
            self._base,
            np.tile(np.arange(entries), points),
            np.arange(points * entries + 1),
            np.full(points * entries, self._index),
            batch.columns(0, points).T.reshape(-1),
        )
        values = self._evaluate.evaluate(calls)
        return None if values is None else values.reshape(points, entries)
