"""The door of parameter trees: a problem on a dict of arrays becomes one on a flat array, judged leaf by leaf."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

from .. import _checks
from .._typing import Array, FloatArray, Options
from . import _door
from ._callables import Call
from ._problem import Problem, Target
from ._trees import GradientOnTree, OnTree, Tree, joined, planted


def problem(verb: str, f: Any, x: Mapping[Any, Any], target: Target, options: Options, v: Any) -> Problem:
    """Return the problem of a verb at a parameter tree as one at its entries.

    Raises
    ------
    TypeError
        If an argument is not of its type.
    ValueError
        If an argument does not have the structure of x, or an option makes no sense with a tree.
    """
    is_gradient = verb == "hvp" and target.kind == "direction"
    tree, point = planted(x, _door.point)
    given = _flattened(tree, options)
    settings = _door.settings(verb, given)
    if target.along:
        parts = [_door.direction(part, leaf.shape, leaf.path) for leaf, part in tree.matched("v", v)]
        target = replace(target, v=joined(parts))
    call = _door.call(verb, f, given)
    if call.compiled is not None:
        name = "gradient" if is_gradient else "f"
        raise TypeError(f"`{name}` is compiled and takes numbers only; with a dict as `x` it must be a Python function")
    on_tree = OnTree(call.f, tree, _index(call, point.size))
    call = replace(call, f=GradientOnTree(on_tree) if is_gradient else on_tree)
    return Problem(verb, call, target, settings, point, verb == "gradient", tree=tree)


def _index(call: Call, size: int) -> int:
    """Return which positional argument of f is x."""
    if call.form() == "unpack":
        name = "`unpack`" if call.unpack else "a slice as `argnum`"
        raise ValueError(f"{name} and a dict as `x` can't be given together: f takes the dict, not its numbers")
    before, _ = call.around(size)
    return len(before)


def _flattened(tree: Tree, options: Options) -> Options:
    """Return the options with those flat that have a number for every coordinate."""
    given: dict[str, Any] = dict(options)
    for name in ("step", "relative_step", "x_scale"):
        if given.get(name) is not None:
            given[name] = _spread(tree, name, given[name], _checks.positive_array)
    bounds: Any = given.get("bounds")
    if hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        bounds = (bounds.lb, bounds.ub)
    if isinstance(bounds, tuple):
        given["bounds"] = tuple(
            _spread(tree, f"bounds[{i}]", side, _checks.real_array) for i, side in enumerate(bounds)
        )
    return cast(Options, given)


def _spread(tree: Tree, name: str, value: Any, judge: Callable[[str, Any], FloatArray]) -> FloatArray:
    """Return a number, or the entries of a dict with the structure of a tree, broadcast to its leaves."""
    if not isinstance(value, Mapping):
        array = judge(name, value)
        if array.size != 1:
            raise ValueError(f"`{name}` must be a number or a dict with the keys of x, got the shape {array.shape}")
        return array.reshape(())
    parts: list[Array] = []
    for leaf, below in tree.matched(name, value):
        array = judge(f"{name}{leaf.path}", below)
        parts.append(_checks.broadcast(f"{name}{leaf.path}", array, leaf.shape, of=f"x{leaf.path}"))
    return joined(parts)
