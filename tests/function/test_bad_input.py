"""Bad input: one table of calls, the exception each raises, and the words its message must hold."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from tests.recording import PLANNED, VERBS

import fastdiff as fd


def f(x: Any) -> Any:
    return x[0] ** 2


X = [1.0, 2.0]
OPTIONS = (
    "method", "accuracy", "step", "relative_step", "x_scale", "bounds", "args", "kwargs", "argnum", "unpack",
    "vectorized", "f0", "backend", "full_output",
)  # fmt: skip


def ragged() -> Any:
    return [[1.0], [1.0, 2.0]]


def changing(shapes: list[tuple[int, ...]]) -> Callable[[Any], Any]:
    turns = iter(shapes)
    return lambda x: np.zeros(next(turns))


# What is wrong -> (call, exception, words of the message).
TABLE: dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]] = {
    # x
    "x string": (lambda: fd.gradient(f, "12"), TypeError, ("`x`", "real numbers")),
    "x strings": (lambda: fd.gradient(f, ["1", "2"]), TypeError, ("`x`", "real numbers")),
    "x object strings": (lambda: fd.gradient(f, np.array(["1"], object)), TypeError, ("`x`", "real numbers")),
    "x None": (lambda: fd.gradient(f, None), TypeError, ("`x`", "None")),
    "x holds None": (lambda: fd.gradient(f, [1.0, None]), TypeError, ("`x`", "None")),
    "x dates": (lambda: fd.gradient(f, np.array(["2020-01-01"], "M8[D]")), TypeError, ("`x`", "datetime64")),
    "x bytes": (lambda: fd.gradient(f, b"1"), TypeError, ("`x`",)),
    "x ragged": (lambda: fd.gradient(f, ragged()), ValueError, ("`x`", "real numbers")),
    "x huge": (lambda: fd.gradient(f, [10**400]), ValueError, ("`x`",)),
    "x NaN": (lambda: fd.gradient(f, [1.0, np.nan]), ValueError, ("`x`", "finite", "x[1]", "nan")),
    "x inf": (lambda: fd.gradient(f, [[1.0, -np.inf]]), ValueError, ("`x`", "finite", "x[0, 1]", "-inf")),
    "x scalar NaN": (lambda: fd.derivative(np.sin, np.nan), ValueError, ("`x`", "finite", "nan")),
    "x complex": (lambda: fd.gradient(f, [1.0 + 0j, 2.0]), TypeError, ("`x`", "real", "complex128")),
    "x masked": (lambda: fd.gradient(f, np.ma.array([1.0, 2.0], mask=[0, 1])), TypeError, ("`x`", "masked")),
    # f
    "f None": (lambda: fd.gradient(None, X), TypeError, ("`f`", "callable", "None")),
    "f number": (lambda: fd.gradient(3.0, X), TypeError, ("`f`", "callable", "3.0")),
    "f string": (lambda: fd.jacobian("x**2", X), TypeError, ("`f`", "callable", "'x**2'")),
    "f returns None": (lambda: fd.gradient(lambda x: None, X), TypeError, ("`f`", "None", "return")),
    "f returns a string": (lambda: fd.gradient(lambda x: "1", X), TypeError, ("`f`", "number", "'1'")),
    "f returns strings": (
        lambda: fd.jacobian(lambda x: np.array(["1"], object), X),
        TypeError,
        ("`f`", "number"),
    ),
    "f returns Nones": (lambda: fd.jacobian(lambda x: [1.0, None], X), TypeError, ("`f`", "number")),
    "f returns dict": (lambda: fd.jacobian(lambda x: {"a": 1}, X), TypeError, ("`f`", "number", "{'a': 1}")),
    "f returns dates": (
        lambda: fd.jacobian(lambda x: np.datetime64("2020"), X),
        TypeError,
        ("`f`", "number"),
    ),
    "f returns ragged": (lambda: fd.jacobian(lambda x: ragged(), X), ValueError, ("`f`", "number")),
    "f returns huge": (lambda: fd.gradient(lambda x: 10**400, X), (TypeError, ValueError), ("`f`",)),
    "f returns complex": (lambda: fd.gradient(lambda x: 1j, X), TypeError, ("`f`", "complex", "jacobian")),
    "f vector in gradient": (
        lambda: fd.gradient(lambda x: x, X),
        ValueError,
        ("`f`", "scalar", "(2,)", "jacobian"),
    ),
    "f changes shape": (
        lambda: fd.jacobian(changing([2, 3, 2, 2]), X),
        ValueError,
        ("`f`", "(2,)", "(3,)", "same shape"),
    ),
    "f loses shape": (
        lambda: fd.jacobian(changing([(2,), (2, 1), (2,), 2]), X),
        ValueError,
        ("`f`", "(2,)", "(2, 1)"),
    ),
    "f not elementwise": (
        lambda: fd.derivative(lambda t: 1.0, X),
        ValueError,
        ("`f`", "elementwise", "(2,)", "()"),
    ),
    "f drops an entry": (
        lambda: fd.derivative(lambda t: t[:1], X),
        ValueError,
        ("`f`", "elementwise", "(2,)", "(1,)"),
    ),
    "f adds an entry": (
        lambda: fd.derivative(lambda t: [t, t], 1.0),
        ValueError,
        ("`f`", "elementwise", "()", "(2,)"),
    ),
    "columns too few": (
        lambda: fd.gradient(lambda x: 1.0, X, vectorized=True),
        ValueError,
        ("`f`", "vectorized=True", "4 points", "(2, 4)", "(4,)", "(m, 4)", "()"),
    ),
    "columns as rows": (
        lambda: fd.jacobian(lambda x: x.T, X, vectorized=True),
        ValueError,
        ("`f`", "vectorized=True", "(4, 2)"),
    ),
    "f loses the imaginary part": (
        lambda: fd.gradient(lambda x: abs(x[0]) ** 2, X, method="complex"),
        ValueError,
        ("`f`", "imaginary part", "method='central'"),
    ),
    "f complex on the real axis": (
        lambda: fd.jacobian(lambda x: 1j * x, X, method="complex"),
        TypeError,
        ("`f`", "complex", "real x"),
    ),
    # method, accuracy, unknown options
    "method": (
        lambda: fd.gradient(f, X, method="centre"),
        ValueError,
        ("`method`", "'central'", "'forward'", "'backward'", "'complex'", "'centre'"),
    ),
    "method None-like": (lambda: fd.gradient(f, X, method=2), ValueError, ("`method`", "'central'", "2")),
    "accuracy 3 central": (
        lambda: fd.gradient(f, X, accuracy=3),
        ValueError,
        ("`accuracy`", "2, 4, 6, 8", "method='central'", "3"),
    ),
    "accuracy 10": (lambda: fd.gradient(f, X, accuracy=10), ValueError, ("`accuracy`", "2, 4, 6, 8", "10")),
    "accuracy 9 forward": (
        lambda: fd.gradient(f, X, accuracy=9, method="forward"),
        ValueError,
        ("`accuracy`", "8", "'forward'", "9"),
    ),
    "accuracy 0": (
        lambda: fd.gradient(f, X, accuracy=0, method="backward"),
        ValueError,
        ("`accuracy`", "'backward'", "0"),
    ),
    "accuracy float": (lambda: fd.gradient(f, X, accuracy=2.0), TypeError, ("`accuracy`", "integer", "2.0")),
    "accuracy bool": (lambda: fd.gradient(f, X, accuracy=True), TypeError, ("`accuracy`", "integer", "True")),
    "accuracy complex": (
        lambda: fd.gradient(f, X, method="complex", accuracy=2),
        ValueError,
        ("`accuracy`", "method='complex'"),
    ),
    "unknown option": (lambda: fd.gradient(f, X, stpe=1), TypeError, ("gradient", "'stpe'", *OPTIONS)),
    "unknown planned option": (lambda: fd.Jacobian(f, stpe=1), TypeError, ("Jacobian", "'stpe'", *OPTIONS)),
    "vectorized not a flag": (
        lambda: fd.gradient(f, X, vectorized=1),
        TypeError,
        ("`vectorized`", "True or False", "1"),
    ),
    "unpack not a flag": (
        lambda: fd.gradient(f, X, unpack="yes"),
        TypeError,
        ("`unpack`", "True or False", "'yes'"),
    ),
    "full_output not a flag": (
        lambda: fd.gradient(f, X, full_output=1),
        TypeError,
        ("`full_output`", "True or False"),
    ),
    "normalize not a flag": (
        lambda: fd.directional(f, X, X, normalize=1),
        TypeError,
        ("`normalize`", "True or False"),
    ),
    "backend": (
        lambda: fd.gradient(f, X, backend="jax"),
        ValueError,
        ("`backend`", "'fastdiff'", "'scipy'", "'jax'"),
    ),
    # senseless pairs
    "step and relative_step": (
        lambda: fd.gradient(f, X, step=0.1, relative_step=0.1),
        ValueError,
        ("`step`", "`relative_step`"),
    ),
    "step and x_scale": (
        lambda: fd.gradient(f, X, step=0.1, x_scale=1.0),
        ValueError,
        ("`step`", "`x_scale`"),
    ),
    "relative_step and x_scale": (
        lambda: fd.gradient(f, X, relative_step=0.1, x_scale=[1, 2]),
        ValueError,
        ("`relative_step`", "`x_scale`"),
    ),
    "vectorized and unpack": (
        lambda: fd.gradient(f, X, vectorized=True, unpack=True),
        ValueError,
        ("`vectorized`", "`unpack`"),
    ),
    "slice and unpack": (
        lambda: fd.gradient(f, X, argnum=slice(0, 2), unpack=True),
        ValueError,
        ("`unpack`", "`argnum`"),
    ),
    "slice and vectorized": (
        lambda: fd.gradient(f, X, argnum=slice(0, 2), vectorized=True),
        ValueError,
        ("`vectorized`", "`argnum`"),
    ),
    "bounds and complex": (
        lambda: fd.gradient(f, X, bounds=(0, 3), method="complex"),
        ValueError,
        ("`bounds`", "method='complex'"),
    ),
    "derivative vectorized": (
        lambda: fd.derivative(np.sin, X, vectorized=True),
        ValueError,
        ("derivative", "`vectorized`", "elementwise"),
    ),
    "derivative unpack": (
        lambda: fd.derivative(np.sin, X, unpack=True),
        ValueError,
        ("derivative", "`unpack`"),
    ),
    "field unpack": (
        lambda: fd.gradient_field(np.add, X, X, unpack=True),
        ValueError,
        ("gradient_field", "`unpack`"),
    ),
    "field argnum": (
        lambda: fd.gradient_field(np.add, X, X, argnum=1),
        ValueError,
        ("gradient_field", "`argnum`"),
    ),
    "planned f0": (lambda: fd.Gradient(f, f0=1.0), ValueError, ("Gradient", "`f0`")),
    "planned full_output": (
        lambda: fd.Hessian(f, full_output=True),
        ValueError,
        ("Hessian", "`full_output`", ".result"),
    ),
    "weighted and gradient": (
        lambda: fd.Hessian(None, gradient=f, weighted=True),
        ValueError,
        ("`weighted`", "`gradient`"),
    ),
    # steps
    "step 0": (lambda: fd.gradient(f, X, step=0.0), ValueError, ("`step`", "positive", "0.0")),
    "step negative": (
        lambda: fd.gradient(f, X, step=[0.1, -0.1]),
        ValueError,
        ("`step`", "positive", "step[1]", "-0.1"),
    ),
    "step NaN": (lambda: fd.gradient(f, X, step=np.nan), ValueError, ("`step`", "finite", "nan")),
    "step inf": (lambda: fd.gradient(f, X, step=np.inf), ValueError, ("`step`", "finite", "inf")),
    "step string": (lambda: fd.gradient(f, X, step="small"), TypeError, ("`step`", "real numbers")),
    "step complex": (lambda: fd.gradient(f, X, step=1j), TypeError, ("`step`", "real", "complex128")),
    "step shape": (lambda: fd.gradient(f, X, step=[1, 2, 3]), ValueError, ("`step`", "(2,)", "(3,)")),
    "relative_step 0": (
        lambda: fd.gradient(f, X, relative_step=0),
        ValueError,
        ("`relative_step`", "positive"),
    ),
    "x_scale 0": (
        lambda: fd.gradient(f, X, x_scale=[1, 0]),
        ValueError,
        ("`x_scale`", "positive", "x_scale[1]"),
    ),
    "step lost": (
        lambda: fd.gradient(f, [1.0, 1e9], step=1e-9),
        ValueError,
        ("`step`", "lost", "x[1]", "1.19e-07"),
    ),
    "relative_step lost": (
        lambda: fd.gradient(f, X, relative_step=1e-17),
        ValueError,
        ("`relative_step`", "lost", "x[0]"),
    ),
    "relative_step at 0": (
        lambda: fd.gradient(f, [1.0, 0.0], relative_step=0.1),
        ValueError,
        ("`relative_step`", "x[1]"),
    ),
    "relative_step at 0, complex": (
        lambda: fd.gradient(f, [1.0, 0.0], relative_step=0.1, method="complex"),
        ValueError,
        ("`relative_step`", "x[1]"),
    ),
    "x_scale lost": (lambda: fd.gradient(f, X, x_scale=1e-30), ValueError, ("`x_scale`", "lost", "x[0]")),
    "step lost in hessian": (lambda: fd.hessian(f, X, step=1e-20), ValueError, ("`step`", "lost", "x[0]")),
    "step lost in complex hessian": (
        lambda: fd.hessian(f, X, step=1e-20, method="complex"),
        ValueError,
        ("`step`", "lost", "x[0]"),
    ),
    "step lost along v": (lambda: fd.jvp(f, X, X, step=1e-20), ValueError, ("`step`", "lost")),
    "step lost in hvp": (
        lambda: fd.hvp(f, [1.0, 0.0], [0.0, 1.0], step=1e-20),
        ValueError,
        ("`step`", "lost", "x[0]"),
    ),
    "step lost in derivative": (
        lambda: fd.derivative(np.sin, [1.0], step=1e-20),
        ValueError,
        ("`step`", "lost", "x[0]"),
    ),
    "step lost in partial": (lambda: fd.partial(f, X, (0, 1), step=1e-20), ValueError, ("`step`", "lost")),
    # bounds
    "bounds list": (
        lambda: fd.gradient(f, X, bounds=[(0, 3), (0, 3)]),
        TypeError,
        ("`bounds`", "(lb, ub)", "Bounds", "list"),
    ),
    "bounds array": (
        lambda: fd.gradient(f, X, bounds=np.ones((2, 2))),
        TypeError,
        ("`bounds`", "(lb, ub)", "ndarray"),
    ),
    "bounds three": (lambda: fd.gradient(f, X, bounds=(0, 1, 2)), ValueError, ("`bounds`", "(lb, ub)", "3")),
    "bounds crossed": (
        lambda: fd.gradient(f, X, bounds=([0, 3], [3, 1])),
        ValueError,
        ("`bounds`", "lb[1] = 3.0", "ub[1] = 1.0"),
    ),
    "bounds shape": (
        lambda: fd.gradient(f, X, bounds=([0, 0, 0], 3)),
        ValueError,
        ("`bounds`", "(2,)", "(3,)"),
    ),
    "bounds NaN": (lambda: fd.gradient(f, X, bounds=(np.nan, 3)), ValueError, ("`bounds`", "NaN", "inf")),
    "bounds strings": (lambda: fd.gradient(f, X, bounds=("a", "b")), TypeError, ("`bounds`", "real numbers")),
    "x below": (
        lambda: fd.gradient(f, X, bounds=([0, 2.5], 3)),
        ValueError,
        ("`x`", "`bounds`", "x[1] = 2.0", "[2.5, 3.0]"),
    ),
    "x above": (
        lambda: fd.hessian(f, X, bounds=(0, 1.5)),
        ValueError,
        ("`x`", "`bounds`", "x[1] = 2.0", "[0.0, 1.5]"),
    ),
    "planned x outside": (
        lambda: fd.Gradient(f, bounds=(0, 1.5))(X),
        ValueError,
        ("`x`", "`bounds`", "x[1]"),
    ),
    "scalar x outside": (
        lambda: fd.derivative(np.sin, 2.0, bounds=(0, 1)),
        ValueError,
        ("`x`", "`bounds`", "2.0"),
    ),
    "field outside": (
        lambda: fd.gradient_field(np.add, X, X, bounds=([0, 0], [3, 1])),
        ValueError,
        ("`x`", "`bounds`"),
    ),
    "field bounds list": (
        lambda: fd.gradient_field(np.add, X, X, bounds=[0, 3]),
        TypeError,
        ("`bounds`", "list"),
    ),
    # index, order, direction, axes
    "index above": (lambda: fd.partial(f, X, 2), IndexError, ("`index`", "2", "2 entries")),
    "index below": (lambda: fd.partial(f, X, -3), IndexError, ("`index`", "-3", "2 entries")),
    "index in a tuple": (lambda: fd.partial(f, X, (0, 5)), IndexError, ("`index`", "5")),
    "index of empty x": (lambda: fd.partial(f, [], 0), IndexError, ("`index`", "0 entries")),
    "index float": (lambda: fd.partial(f, X, 0.0), TypeError, ("`index`", "integer", "0.0")),
    "index list": (lambda: fd.partial(f, X, [0, 1]), TypeError, ("`index`", "[0, 1]")),
    "index empty": (lambda: fd.partial(f, X, ()), ValueError, ("`index`", "()")),
    "index too long": (lambda: fd.partial(f, X, (0,) * 9), ValueError, ("`index`", "9", "8")),
    "order 0": (lambda: fd.derivative(np.sin, 1.0, 0), ValueError, ("`order`", "1", "8", "0")),
    "order 9": (lambda: fd.derivative(np.sin, 1.0, 9), ValueError, ("`order`", "8", "9")),
    "order float": (lambda: fd.derivative(np.sin, 1.0, 1.0), TypeError, ("`order`", "integer", "1.0")),
    "v shape": (lambda: fd.jvp(f, X, [1.0]), ValueError, ("`v`", "(2,)", "(1,)")),
    "v scalar": (lambda: fd.hvp(f, X, 1.0), ValueError, ("`v`", "(2,)", "()")),
    "v zero": (lambda: fd.directional(f, X, [0.0, 0.0]), ValueError, ("`v`", "zero", "normalize")),
    "v NaN": (lambda: fd.jvp(f, X, [1.0, np.nan]), ValueError, ("`v`", "finite", "v[1]")),
    "v strings": (lambda: fd.jvp(f, X, ["a", "b"]), TypeError, ("`v`", "real numbers")),
    "v complex": (lambda: fd.hvp(f, X, [1j, 0]), TypeError, ("`v`", "real")),
    "no axes": (lambda: fd.gradient_field(np.sin), TypeError, ("gradient_field", "axis")),
    "axis 2-D": (lambda: fd.gradient_field(np.add, X, [[1.0]]), ValueError, ("axis 1", "1-D", "(1, 1)")),
    "axis scalar": (lambda: fd.gradient_field(np.sin, 1.0), ValueError, ("axis 0", "1-D", "()")),
    "indexing": (
        lambda: fd.gradient_field(np.add, X, X, indexing="yx"),
        ValueError,
        ("`indexing`", "'ij'", "'xy'", "'yx'"),
    ),
    "field step shape": (
        lambda: fd.gradient_field(np.add, X, X, step=[1, 1, 1]),
        ValueError,
        ("`step`", "(2,)", "(3,)"),
    ),
    "field not elementwise": (
        lambda: fd.gradient_field(lambda x, y: 1.0, X, X),
        ValueError,
        ("`f`", "elementwise", "(2, 2)"),
    ),
    # arguments
    "args list": (lambda: fd.gradient(f, X, args=[1]), TypeError, ("`args`", "tuple", "[1]")),
    "args number": (lambda: fd.gradient(f, X, args=3), TypeError, ("`args`", "tuple", "(a,)")),
    "kwargs": (lambda: fd.gradient(f, X, kwargs=[1]), TypeError, ("`kwargs`", "dict", "[1]")),
    "kwargs keys": (lambda: fd.gradient(f, X, kwargs={1: 2}), TypeError, ("`kwargs`", "{1: 2}")),
    "argnum too large": (lambda: fd.gradient(f, X, argnum=1), ValueError, ("`argnum`", "1", "0", "`args`")),
    "argnum too small": (lambda: fd.gradient(f, X, argnum=-2), ValueError, ("`argnum`", "-2", "`args`")),
    "argnum float": (lambda: fd.gradient(f, X, argnum=0.0), TypeError, ("`argnum`", "integer", "0.0")),
    "argnum step": (lambda: fd.gradient(f, X, argnum=slice(0, 4, 2)), ValueError, ("`argnum`", "step 1")),
    "planned without x": (lambda: fd.Gradient(f)(), TypeError, ("Gradient", "x")),
    "planned argnum": (lambda: fd.Jacobian(f, argnum=1)(X), TypeError, ("`argnum`", "1")),
    "planned slice": (lambda: fd.Jacobian(f, argnum=slice(1, None))(X), TypeError, ("`argnum`", "1")),
    # f0, gradient=, weights
    "f0 size": (lambda: fd.hessian(f, X, f0=[1.0, 2.0]), ValueError, ("`f0`", "(2,)", "()")),
    "f0 string": (lambda: fd.hessian(f, X, f0="1"), TypeError, ("`f0`", "numbers", "'1'")),
    "f0 complex": (lambda: fd.gradient(f, X, f0=1j, method="forward"), TypeError, ("`f0`",)),
    "f0 ragged": (lambda: fd.hessian(f, X, f0=ragged()), ValueError, ("`f0`",)),
    "gradient not callable": (
        lambda: fd.hessian(None, X, gradient=3),
        TypeError,
        ("`gradient`", "callable", "3"),
    ),
    "gradient shape": (
        lambda: fd.hessian(None, X, gradient=lambda x: 1.0),
        ValueError,
        ("`gradient`", "(2,)", "()"),
    ),
    "planned gradient shape": (
        lambda: fd.Hessian(None, gradient=lambda x: 1.0)(X),
        ValueError,
        ("`gradient`", "shape", "()"),
    ),
    "neither f nor gradient": (lambda: fd.hessian(None, X), TypeError, ("`f`", "callable", "None")),
    "planned neither": (lambda: fd.Hessian(None), TypeError, ("`f`", "callable", "None")),
    "hvp neither": (lambda: fd.hvp(None, X, X), TypeError, ("`f`", "callable", "None")),
    "weighted without v": (lambda: fd.Hessian(lambda x: x, weighted=True)(X), TypeError, ("weighted", "v")),
    "weights too few": (
        lambda: fd.Hessian(lambda x: x, weighted=True)(X, [1.0]),
        ValueError,
        ("`v`", "1", "(2,)"),
    ),
    "weights NaN": (
        lambda: fd.Hessian(lambda x: x, weighted=True)(X, [1.0, np.nan]),
        ValueError,
        ("`v`", "finite"),
    ),
    "weighted f None": (lambda: fd.Hessian(lambda x: None, weighted=True)(X, X), TypeError, ("`f`", "None")),
    "weighted f string": (
        lambda: fd.Hessian(lambda x: "a", weighted=True)(X, [1]),
        TypeError,
        ("`f`", "number"),
    ),
    "weighted not a flag": (lambda: fd.Hessian(f, weighted=1), TypeError, ("`weighted`", "True or False")),
    # compare
    "kind": (lambda: fd.compare(f, X, "slope"), ValueError, ("`kind`", "'gradient'", "'hessian'", "'slope'")),
    "compare backend": (lambda: fd.compare(f, X, backend="scipy"), ValueError, ("`backend`",)),
    "compare full_output": (lambda: fd.compare(f, X, full_output=True), ValueError, ("`full_output`",)),
    "compare exact": (lambda: fd.compare(f, X, exact=[1.0]), ValueError, ("`exact`", "(2,)", "(1,)")),
}


@pytest.mark.parametrize("case", TABLE)
def test_bad_input_is_named(case: str) -> None:
    call, error, words = TABLE[case]
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
    assert "np.float64" not in message


@pytest.mark.parametrize("options", [{"stpe": 1}, {"method": "x"}, {"accuracy": 3}, {"step": 0}, {"args": 3}], ids=str)
@pytest.mark.parametrize("name", [*VERBS, *PLANNED])
def test_every_door_judges_its_options(name: str, options: dict[str, Any]) -> None:
    calls: list[Any] = []
    door = (
        (lambda **o: VERBS[name](calls.append, X, **o))
        if name in VERBS
        else (lambda **o: PLANNED[name](calls.append, **o))
    )
    with pytest.raises((TypeError, ValueError), match=next(iter(options))):
        door(**options)
    assert not calls  # judged before f is called


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("x", [["a"], [np.nan, 1.0], [1j], [None]], ids=str)
def test_every_verb_judges_x(name: str, x: Any) -> None:
    calls: list[Any] = []
    with pytest.raises((TypeError, ValueError), match="`x`"):
        VERBS[name](calls.append, x)
    assert not calls


# ---- exceptions of f


class Own(BaseException):
    """Not even an Exception."""


@pytest.mark.parametrize(
    "error", [KeyError("k"), ValueError("v"), KeyboardInterrupt(), Own(), StopIteration(3), SystemExit(2)]
)
@pytest.mark.parametrize("at", [0, 1, 3])
@pytest.mark.parametrize("name", [*VERBS, *PLANNED])
def test_exceptions_of_f_arrive_unchanged(name: str, at: int, error: BaseException) -> None:
    calls = []

    def g(x: Any) -> Any:
        calls.append(0)
        if len(calls) > at:
            raise error
        return np.ones(2) if name == "derivative" else 1.0

    verb = VERBS[name] if name in VERBS else lambda f, x: PLANNED[name](f)(x)
    if name in ("partial", "jvp", "directional", "derivative") and at == 3:
        return  # fewer evaluations than that
    with pytest.raises(type(error)) as caught:
        verb(g, X)
    assert caught.value is error
    assert caught.value.__cause__ is None
    assert len(calls) == at + 1


@pytest.mark.parametrize("vectorized", [False, True])
def test_a_planned_object_survives_an_exception(vectorized: bool) -> None:
    fail = [False]

    def g(x: Any) -> Any:
        if fail[0]:
            raise ZeroDivisionError
        return x[0] ** 2

    planned = fd.Gradient(g, vectorized=vectorized)
    before = planned(X)
    fail[0] = True
    with pytest.raises(ZeroDivisionError):
        planned(X)
    fail[0] = False
    np.testing.assert_array_equal(planned(X), before)


@pytest.mark.parametrize("value", ["1.0", "t[:1]", "np.ones(2)"])
def test_a_wrong_shape_reads_no_foreign_memory(value: str) -> None:
    """In a process of its own: values beyond the end of a buffer must not be looked at."""
    code = f"""
import numpy as np, fastdiff as fd
try:
    fd.derivative(lambda t: {value}, np.zeros(10_000_000))
except ValueError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "elementwise" in done.stdout) == (0, True), done.stderr[-500:]
