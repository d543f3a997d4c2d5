"""The engine: binds a problem to a plan, lets run and evaluator talk until the run is done, shapes the result."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache, partial
from math import prod
from typing import Any

import numpy as np

from .. import _checks
from .._typing import Array, FloatArray, Position
from . import _door
from ._compiled import CompiledLoop, DirectGradient
from ._evaluate import EPSILON, Batch
from ._evaluators import COMPLEX_VALUED, evaluator
from ._imaginary_runs import IMAGINARY_RUNS, blank
from ._layout import SIDES
from ._noisy_runs import noisy
from ._plan import Evaluator, Plan, Run
from ._problem import Problem, Settings, Target
from ._results import (
    DerivativeResult,
    HessianResult,
    Status,
    describe,
    no_estimate,
    symmetric_part,
    symmetrised,
)
from ._richardson import RICHARDSON_RUNS
from ._runs import RUNS
from ._steps import Box, StepRule

_RUNS = {"complex": IMAGINARY_RUNS, "richardson": RICHARDSON_RUNS}


def bind(settings: Settings, target: Target, shape: tuple[int, ...], position: Position | None = None) -> Plan:
    """Return the plan of a target for one shape of x; `position` words a coordinate of a tree."""
    position = position or partial(_checks.position, shape=shape)
    two_points = target.total_order == 1 and settings.accuracy <= (2 if settings.method == "central" else 1)
    rule = StepRule(
        derivative=target.total_order,
        accuracy=settings.accuracy,
        position=position,
        step=_checks.flattened("step", settings.step, shape),
        relative_step=_checks.flattened("relative_step", settings.relative_step, shape),
        x_scale=_checks.flattened("x_scale", settings.x_scale, shape),
        dyadic=not two_points,
    )
    box = None if settings.bounds is None else Box(*_door.box(settings.bounds, shape, position))
    adaptive = (settings.goal, settings.vectorized, settings.noise)
    return Plan(target, settings.method, settings.accuracy, rule, box, shape, *adaptive)


def run(problem: Problem, plan: Plan, evaluate: Evaluator, x: FloatArray, known: Array | None) -> Run:
    """Let a run and an evaluator talk until the run is done; x is flattened."""
    # Nothing is imaginary about no coordinates.
    runs = _RUNS.get(plan.method, RUNS) if x.size else RUNS
    start = runs[plan.target.kind] if plan.noise is None else noisy(runs[plan.target.kind])
    running = start(plan, x, evaluate.epsilon, known)
    while (batch := running.ask()) is not None:
        values = evaluate.evaluate(batch)
        if values is None:  # f turned out to have another precision: other steps
            running = start(plan, x, evaluate.epsilon, known)
            continue
        assert evaluate.shape is not None
        _require_shape(problem, evaluate.shape)
        if known is not None:
            _require_known(problem, evaluate)
        running.tell(values)
    return running


def _require_known(problem: Problem, evaluate: Evaluator) -> None:
    """Raise ValueError where `f0` can't be a value of f."""
    f0 = np.asarray(problem.settings.f0)
    shape = evaluate.shape or ()
    if f0.shape != shape and not f0.size == prod(shape) == 1:
        raise ValueError(f"`f0` has the shape {f0.shape}, but `f` returns the shape {shape}")
    if f0.dtype.kind in "fc" and np.finfo(f0.dtype).eps > evaluate.epsilon:
        raise ValueError(f"`f0` is {f0.dtype}, but `f` is more precise: give `f0` as `f` returned it")


def _require_shape(problem: Problem, shape: tuple[int, ...]) -> None:
    """Raise ValueError where f returned a shape that the problem does not allow."""
    if problem.scalar_only and prod(shape) != 1:
        other = "jacobian" if problem.verb.islower() else "Jacobian"
        raise ValueError(f"`f` must return a scalar for {problem.verb}, got shape {shape}; use {other}")
    if problem.target.kind == "elementwise" and shape != problem.x.shape:
        x_shape = problem.x.shape
        raise ValueError(f"`f` must map elementwise for {problem.verb}: given the shape {x_shape}, it returned {shape}")


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """A finished run, with what is needed to shape its entries."""

    problem: Problem
    run: Run
    f_shape: tuple[int, ...]
    nfev: int

    @property
    def worst(self) -> int:
        """The worst status."""
        return self.run.worst

    def value(self) -> Any:
        """Return the derivative alone: a new array, or a scalar."""
        return self._shaped(self.run.value)[()]

    def status(self) -> Array:
        """Return the status of every entry of the derivative."""
        return self._shaped(self.run.status)

    def result(self) -> DerivativeResult:
        """Return the derivative with all that is known about it."""
        done, x = self.run, self.problem.x
        value, status = self._shaped(done.value), self.status()
        error = no_estimate(value) if done.error is None else self._shaped(done.error)
        if done.step.ndim == 2:  # steps belong to entries
            step = self._shaped(done.step)
        else:
            step = done.step.reshape(x.shape) if done.step.size == x.size else done.step[0]
        fields = (value[()], error[()], step[()], status, self.nfev, describe(status))
        if done.gradient is None or self.problem.target.kind != "hessian":
            return DerivativeResult(*fields)
        outer = () if self.problem.scalar_only else self.f_shape
        return HessianResult(*fields, gradient=np.array(done.gradient.T, order="C").reshape(outer + x.shape))

    def _shaped(self, entries: Array) -> Array:
        """Shape entries (entries, outputs) as the contract says: the shape of f, then that of x."""
        kind, x = self.problem.target.kind, self.problem.x
        outer = () if self.problem.scalar_only or kind == "elementwise" else self.f_shape
        array = np.array(entries.T, order="C")
        if kind == "hessian":
            return _symmetric(array, x.size).reshape(outer + x.shape + x.shape)
        return array.reshape(outer if kind in ("mixed", "direction") else outer + x.shape)


@dataclass(frozen=True, slots=True, eq=False)
class Symmetrised:
    """The outcome of differencing a gradient, as that of a Hessian."""

    jacobian: Outcome

    @property
    def worst(self) -> int:
        """The worst status."""
        return self.jacobian.worst

    def value(self) -> Any:
        """Return the Hessian alone, as a new array."""
        return symmetric_part(self.jacobian.value(), self.jacobian.status(), self.jacobian.problem.x)[0]

    def result(self) -> DerivativeResult:
        """Return the Hessian with all that is known about it."""
        run: Any = self.jacobian.run
        x = self.jacobian.problem.x
        return symmetrised(self.jacobian.result(), x, run.f_at_x())


def differentiate(problem: Problem) -> Outcome:
    """Solve a problem."""
    settings, target, shape = problem.settings, problem.target, problem.x.shape
    reusable = settings is _door.DEFAULTS and target.v is None
    plan = _default_plan(target, shape) if reusable else bind(settings, target, shape, problem.position)
    return solve(problem, plan, evaluator(problem))


def hessian_of_gradient(problem: Problem) -> Symmetrised:
    """Solve a problem whose f is a gradient, as that of a Hessian."""
    return Symmetrised(differentiate(problem))


@lru_cache(maxsize=64)
def _default_plan(target: Target, shape: tuple[int, ...]) -> Plan:
    return bind(_door.DEFAULTS, target, shape)


def solve(problem: Problem, plan: Plan, evaluate: Evaluator) -> Outcome:
    """Run a plan on a problem."""
    settings, x = problem.settings, problem.x.ravel()
    if plan.box is not None:
        _door.require_inside(x, plan.box.lower, plan.box.upper, problem.position)
    known = None if settings.f0 is None else _door.known_value(settings.f0, problem.verb in COMPLEX_VALUED)
    try:
        done = run(problem, plan, evaluate, x, None if known is None else known.ravel())
    finally:
        evaluate.close()
    shape = evaluate.shape if evaluate.shape is not None else known.shape if known is not None else ()
    guard = guard_imaginary(problem, plan, done) if settings.method == "complex" else 0
    return Outcome(problem, done, shape, evaluate.nfev + guard)


def direct(problem: Problem, plan: Plan, evaluate: Evaluator) -> DirectGradient | None:
    """Return what computes the gradient of a compiled f in one call, or None where a run is needed."""
    plain = plan.box is None and plan.noise is None and not plan.rule.stated and plan.method in SIDES
    if not (plain and problem.scalar_only and problem.x.size and isinstance(evaluate, CompiledLoop)):
        return None
    if evaluate.shape is None or prod(evaluate.shape) != 1:
        return None
    layout, low, high = plan.unbounded
    points = (layout.points.indptr, layout.points.indices, layout.points.real)
    rule = plan.rule.default(evaluate.epsilon)
    return DirectGradient(evaluate, *points, low, high, layout.entries, rule, plan.shape)


def resumed(problem: Problem, plan: Plan, evaluate: Evaluator, values: FloatArray) -> Outcome:
    """Return the outcome of a run whose first values are known: those that a `DirectGradient` took."""
    running = RUNS[plan.target.kind](plan, problem.x.ravel(), evaluate.epsilon, None)
    running.ask()
    running.tell(values)
    while (batch := running.ask()) is not None:
        more = evaluate.evaluate(batch)
        assert more is not None
        running.tell(more)
    return Outcome(problem, running, (), len(values) + evaluate.nfev)


def _symmetric(entries: Array, n: int) -> Array:
    """Return full matrices from diagonals followed by upper triangles, shape (m, n + n (n - 1) / 2)."""
    full = np.empty((len(entries), n, n), entries.dtype)
    rows, columns = np.triu_indices(n, 1)
    full[:, np.arange(n), np.arange(n)] = entries[:, :n]
    full[:, rows, columns] = full[:, columns, rows] = entries[:, n:]
    return full


# Two real differences that agree to the second of these are evidence against a complex step that differs from both by
# the first.
_GUARD_TOLERANCE = 1e-3
_GUARD_AGREEMENT = 1e-4


def guard_imaginary(problem: Problem, plan: Plan, done: Run) -> int:
    """Raise where f drops the imaginary part; return the evaluations that this took.

    An f that takes abs, compares or casts to real gives a derivative of 0, or a part of it, without any error of its
    own. Two real points along a direction without zero entries must show what the complex step shows.
    """
    x, elementwise = problem.x.ravel(), problem.target.kind == "elementwise"
    if not x.size:
        return 0
    target = Target("elementwise") if elementwise else Target("direction", v=_generic(plan.rule(x, EPSILON)))
    plain = replace(problem.settings, step=None, relative_step=None, f0=None, progress=False)
    nfev = 0

    def along(settings: Settings, rule: StepRule | None = None) -> Run:
        nonlocal nfev
        one = replace(problem, verb="jacobian", target=target, settings=settings, scalar_only=False)
        bound, evaluate = bind(settings, target, plan.shape), evaluator(one)
        finished = run(one, bound if rule is None else replace(bound, rule=rule), evaluate, x, None)
        nfev += evaluate.nfev
        return finished

    if problem.target.total_order == 1 and problem.target.kind in ("axis", "elementwise"):
        imaginary = done.value if elementwise else target.v @ done.value
    else:
        imaginary = along(plain).value
    central = replace(plain, method="central")
    real = along(central)
    if np.iscomplexobj(real.value) and (real.value.imag != 0).any():
        raise TypeError("`f` returned complex numbers at real x; method='complex' needs an f that is real there")
    doubtful = _disagree(imaginary, real, _GUARD_TOLERANCE)
    if not doubtful.any() and Status.NOT_FINITE not in (done.worst, real.worst):
        return nfev
    nfev += _blank_off_domain(problem, done)
    rule = bind(central, target, plan.shape).rule
    again = along(central, replace(rule, step=rule(x, EPSILON) / 16, x_scale=None))
    lost = doubtful & _disagree(imaginary, again, _GUARD_TOLERANCE) & ~_disagree(real.value, again, _GUARD_AGREEMENT)
    if lost.any():
        i = int(np.argmax(lost))
        raise ValueError(
            f"`f` loses the imaginary part: the complex step gives {imaginary.ravel()[i]:.6g} where a real difference "
            f"gives {real.value.real.ravel()[i]:.6g}; method='complex' needs an f without abs, comparisons and casts "
            "to real: use method='central'"
        )
    return nfev


def _blank_off_domain(problem: Problem, done: Run) -> int:
    """Mark the outputs that are not finite at x itself: complex arithmetic continues f beyond its domain."""
    settings = replace(problem.settings, progress=False)
    evaluate = evaluator(replace(problem, verb="jacobian", settings=settings))
    values = evaluate.evaluate(Batch(problem.x.reshape(1, -1)))
    if values is None:  # another precision was found
        values = evaluate.evaluate(Batch(problem.x.reshape(1, -1)))
    assert values is not None
    outside = ~np.isfinite(values)
    blank(done, outside.T if problem.target.kind == "elementwise" else outside)
    return evaluate.nfev


def _disagree(values: Array, real: Run, tolerance: float) -> Array:
    """Return where `values` differ from those of a real difference that is neither noise nor infinite."""
    other = real.value.real.ravel()
    size = np.maximum(np.abs(values.real.ravel()), np.abs(other))
    trusted = (real.status.ravel() < Status.NOISE_LIMITED) & np.isfinite(values.real.ravel())
    # An imaginary part below the smallest numbers is lost without f's doing.
    trusted &= np.abs(other) * float(real.step.ravel()[0]) > np.finfo(np.float64).tiny / EPSILON
    disagreement: Array = trusted & (np.abs(values.real.ravel() - other) > tolerance * size)
    return disagreement


def _generic(h: FloatArray) -> FloatArray:
    """Return a fixed pseudo-random direction, without small entries in units of the steps h."""
    direction: FloatArray = np.random.default_rng(h.size).uniform(0.5, 1.0, h.size) * (h / h.max())
    return direction
