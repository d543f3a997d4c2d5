"""Parameter trees: the flat problem bit for bit, in the structure of x; and what is asked wrongly names the path."""

import ctypes
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import Bounds
from tests.recording import METHODS, PLANNED, VERBS

import fastdiff as fd
from fastdiff.function import _door
from fastdiff.function._trees import GradientOnTree, OnTree, planted

X: dict[Any, Any] = {
    "layer": {"w": np.array([[0.5, -1.5, 2.0], [1.0, 0.75, 3.0]]), "b": np.array([0.25, 1.25]), "none": {}},
    "gain": 2.0,
    3: [1.5],
}
V: dict[Any, Any] = {
    "layer": {"w": np.linspace(-1, 1, 6).reshape(2, 3), "b": np.array([1.0, -2.0]), "none": {}},
    "gain": -0.5,
    3: [0.25],
}
EVERY_METHOD = (*METHODS, "richardson")
TREE_VERBS = ("gradient", "jvp", "hvp")


# ---- the twin: the same on flat arrays, by the shortest means


def arrays(tree: Any) -> Iterator[np.ndarray]:
    """The leaves, in order."""
    for value in tree.values():
        if isinstance(value, Mapping):
            yield from arrays(value)
        else:
            yield np.asarray(value)


def flat(tree: Any) -> np.ndarray:
    return np.concatenate([np.empty(0), *(leaf.ravel() for leaf in arrays(tree))])


def planted_again(tree: Any, entries: np.ndarray, axis: int = 0) -> Any:
    """The entries, flat along an axis, in the structure of a tree."""
    rest = np.moveaxis(entries, axis, 0)

    def grown(value: Any) -> Any:
        nonlocal rest
        if isinstance(value, Mapping):
            return {key: grown(below) for key, below in value.items()}
        shape = np.shape(value)
        size = int(np.prod(shape))
        mine, rest = rest[:size], rest[size:]
        outer = entries.shape[:axis] if axis >= 0 else entries.shape[:-1]
        return np.moveaxis(mine, 0, axis).reshape(outer + shape if axis else shape + entries.shape[1:])[()]

    return grown(tree)


def of_array(f: Callable[..., Any], tree: Any) -> Callable[[np.ndarray], Any]:
    return lambda x: f(planted_again(tree, x))


def require_same(found: Any, expected: Any) -> None:
    """The same keys in the same order, shapes and bits."""
    if isinstance(expected, dict):
        assert type(found) is dict
        assert list(found) == list(expected)
        for key, value in expected.items():
            require_same(found[key], value)
    else:
        assert np.shape(found) == np.shape(expected)
        np.testing.assert_array_equal(found, expected)


def scalar(p: Any) -> Any:
    """Every pair of leaves interacts; columns are welcome."""
    w, b, gain, last = p["layer"]["w"], p["layer"]["b"], p["gain"], p[3]
    return gain * (w**3).sum(axis=(0, 1)) + b[0] ** 2 * last[0] + gain**2 * b[1] * w[1, 2] * last[0] ** 2


def vector(p: Any) -> Any:
    return np.array([scalar(p), p["gain"] * p["layer"]["b"][1] ** 2])


def gradient_of_scalar(p: Any) -> Any:
    w, b, gain, last = p["layer"]["w"], p["layer"]["b"], p["gain"], p[3]
    slope = 3 * gain * w**2
    slope[1, 2] += gain**2 * b[1] * last[0] ** 2
    return {  # not in the order of x
        3: [b[0] ** 2 + 2 * gain**2 * b[1] * w[1, 2] * last[0]],
        "gain": (w**3).sum(axis=(0, 1)) + 2 * gain * b[1] * w[1, 2] * last[0] ** 2,
        "layer": {"b": np.array([2 * b[0] * last[0], gain**2 * w[1, 2] * last[0] ** 2]), "none": {}, "w": slope},
    }


def flat_gradient(x: np.ndarray) -> np.ndarray:
    found = gradient_of_scalar(planted_again(X, x))
    layer = found["layer"]
    columns = x.shape[1:]
    parts = (layer["w"], layer["b"], found["gain"], found[3])
    return np.concatenate([np.reshape(part, (-1, *columns)) for part in parts])


# ---- the same bits as the flat problem

Case = tuple[Callable[..., Any], Callable[..., Any]]
CASES: dict[str, Case] = {
    "gradient": (
        lambda **o: fd.gradient(scalar, X, **o),
        lambda **o: fd.gradient(of_array(scalar, X), flat(X), **o),
    ),
    "hvp": (
        lambda **o: fd.hvp(scalar, X, V, **o),
        lambda **o: fd.hvp(of_array(scalar, X), flat(X), flat(V), **o),
    ),
    "hvp of a vector": (
        lambda **o: fd.hvp(vector, X, V, **o),
        lambda **o: fd.hvp(of_array(vector, X), flat(X), flat(V), **o),
    ),
    "hvp of a gradient": (
        lambda **o: fd.hvp(None, X, V, gradient=gradient_of_scalar, **o),
        lambda **o: fd.hvp(None, flat(X), flat(V), gradient=flat_gradient, **o),
    ),
}


@pytest.mark.parametrize("method", EVERY_METHOD)
@pytest.mark.parametrize("options", [{}, {"vectorized": True}, {"vectorized": True, "batch_bytes": 100}], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_the_bits_of_the_flat_problem(case: str, options: dict[str, Any], method: str) -> None:
    on_tree, on_array = CASES[case]
    expected = on_array(method=method, full_output=True, **options)
    found = on_tree(method=method, full_output=True, **options)
    for name in ("value", "error", "status"):
        require_same(getattr(found, name), planted_again(X, getattr(expected, name), -1))
    step = np.broadcast_to(expected.step, np.shape(expected.step) or flat(X).shape)
    require_same(found.step, planted_again(X, step, -1))
    assert found.nfev == expected.nfev
    assert found.ok == expected.ok
    require_same(on_tree(method=method, **options), found.value)
    for leaf in arrays(found.value):
        assert leaf.flags.c_contiguous
        assert leaf.dtype == np.float64


@pytest.mark.parametrize("method", EVERY_METHOD)
@pytest.mark.parametrize("f", [scalar, vector])
def test_a_jacobian_product_has_the_shape_of_f(f: Callable[..., Any], method: str) -> None:
    found = fd.jvp(f, X, V, method=method, full_output=True)
    expected = fd.jvp(of_array(f, X), flat(X), flat(V), method=method, full_output=True)
    for name in ("value", "error", "step", "status", "nfev", "message"):
        require_same(getattr(found, name), getattr(expected, name))


@pytest.mark.parametrize("options", [{"noise": "auto"}, {"noise": 1e-9}, {"accuracy": 6}, {"step": 1e-3}], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_options_that_know_no_tree(case: str, options: dict[str, Any]) -> None:
    on_tree, on_array = CASES[case]
    require_same(on_tree(**options), planted_again(X, on_array(**options), -1))


@pytest.mark.parametrize("method", ["central", "forward", "complex"])
@pytest.mark.parametrize("full_output", [False, True])
def test_scipy_differentiates_trees_too(method: str, full_output: bool) -> None:
    options: dict[str, Any] = {"method": method, "backend": "scipy", "full_output": full_output}
    found, expected = (CASES["gradient"][i](**options) for i in (0, 1))
    if full_output:
        assert (found.nfev, found.message) == (expected.nfev, expected.message)
        found, expected = found.value, expected.value
    require_same(found, planted_again(X, expected))
    jvp = fd.jvp(scalar, X, V, method=method, backend="scipy")
    require_same(jvp, fd.jvp(of_array(scalar, X), flat(X), flat(V), method=method, backend="scipy"))


SPREAD: dict[Any, Any] = {"gain": 0.5, 3: 2.0, "layer": {"none": {}, "b": [0.25, 1.0], "w": [[1.0], [0.5]]}}
SPREAD_OVER_X = np.array([1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25, 1.0, 0.5, 2.0])


@pytest.mark.parametrize("method", ["central", "forward", "richardson"])
@pytest.mark.parametrize("name", ["step", "relative_step", "x_scale"])
@pytest.mark.parametrize("case", CASES)
def test_a_number_for_every_entry_broadcasts_leaf_by_leaf(case: str, name: str, method: str) -> None:
    on_tree, on_array = CASES[case]
    factor = 1.0 if name == "x_scale" else 2.0**-10
    found = on_tree(method=method, **{name: planted_again(SPREAD, factor * flat(SPREAD))})
    expected = on_array(method=method, **{name: factor * SPREAD_OVER_X})
    require_same(found, planted_again(X, expected, -1))


@pytest.mark.parametrize("form", [tuple, lambda sides: Bounds(*sides)])
@pytest.mark.parametrize("case", CASES)
def test_bounds(case: str, form: Any) -> None:
    on_tree, on_array = CASES[case]
    upper = {key: value if key != "layer" else {**value, "w": 5.0, "b": np.inf} for key, value in X.items()}
    above = np.array([5.0] * 6 + [np.inf] * 2 + [2.0, 1.5])
    side = upper if form is tuple else 5.0
    flat_side = above if form is tuple else np.full(10, 5.0)
    found = on_tree(bounds=form((-np.inf, side)), full_output=True)
    expected = on_array(bounds=(np.full(10, -np.inf), flat_side), full_output=True)
    require_same(found.value, planted_again(X, expected.value, -1))
    require_same(found.status, planted_again(X, expected.status, -1))


@pytest.mark.parametrize("method", ["central", "forward", "backward", "richardson"])
def test_f_is_never_called_outside(method: str) -> None:
    lower = {"a": 1.0, "b": [[2.0, 3.0]]}

    def f(p: Any) -> Any:
        assert p["a"] >= 1
        assert (p["b"] >= [2, 3]).all()
        return p["a"] ** 2 + (p["b"] ** 2).sum()

    found = fd.gradient(f, lower, method=method, bounds=(lower, np.inf))
    np.testing.assert_allclose(flat(found), [2, 4, 6], rtol=1e-5)


@pytest.mark.parametrize("argnum", [1, -2])
@pytest.mark.parametrize("vectorized", [False, True])
def test_arguments_around_x(argnum: int, vectorized: bool) -> None:
    def f(factor: float, p: Any, exponent: int, *, offset: float) -> Any:
        return factor * scalar(p) ** exponent + offset

    options: dict[str, Any] = {"args": (3.0, 2), "kwargs": {"offset": 1.0}, "vectorized": vectorized}
    found = fd.gradient(f, X, argnum=argnum, **options)
    expected = fd.gradient(lambda x: f(3.0, planted_again(X, x), 2, offset=1.0), flat(X), vectorized=vectorized)
    require_same(found, planted_again(X, expected))


def test_a_known_value_saves_an_evaluation() -> None:
    known = scalar(planted_again(X, flat(X)))
    plain = fd.gradient(scalar, X, method="forward", full_output=True)
    found = fd.gradient(scalar, X, method="forward", f0=known, full_output=True)
    require_same(found.value, plain.value)
    assert found.nfev == plain.nfev - 1


# ---- structures

LEAVES = st.one_of(
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.sampled_from([(), (1,)]),
).flatmap(lambda shape: st.integers(0, 99).map(lambda seed: np.random.default_rng(seed).uniform(0.5, 2, shape)))
KEYS = st.one_of(st.text(max_size=3), st.integers(), st.none(), st.tuples(st.booleans(), st.text(max_size=1)))
TREES = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda below: st.dictionaries(KEYS, below, max_size=3), max_leaves=6), max_size=4
)


@given(tree=TREES, method=st.sampled_from(EVERY_METHOD), vectorized=st.booleans())
def test_any_structure(tree: dict[Any, Any], method: str, vectorized: bool) -> None:
    def entries(p: Any, columns: tuple[int, ...]) -> np.ndarray:
        parts = [leaf.reshape(-1, *columns) for leaf in arrays(p)]
        return np.concatenate([np.empty((0, *columns)), *parts])

    def polynomial(x: np.ndarray) -> Any:
        return (x**3).sum(axis=0) * (1 + (x * np.arange(len(x)).reshape(-1, *[1] * (x.ndim - 1))).sum(axis=0))

    def f(p: Any) -> Any:
        counts = {leaf.shape[-1:] for leaf in arrays(p)} if vectorized else {()}
        return polynomial(entries(p, counts.pop()))

    x = flat(tree)
    options: dict[str, Any] = {"method": method, "vectorized": vectorized and x.size > 0}
    vectorized = options["vectorized"]
    v = planted_again(tree, np.linspace(-1, 1, x.size))
    gradient = fd.gradient(f, tree, **options)
    require_same(gradient, planted_again(tree, fd.gradient(polynomial, x, **options)))
    require_same(fd.jvp(f, tree, v, **options), fd.jvp(polynomial, x, flat(v), **options))
    require_same(fd.hvp(f, tree, v, **options), planted_again(tree, fd.hvp(polynomial, x, flat(v), **options)))


@given(tree=TREES, columns=st.sampled_from([(), (1,), (3,)]))
def test_a_structure_is_kept(tree: dict[Any, Any], columns: tuple[int, ...]) -> None:
    structure, x = planted(tree, _door.point)
    np.testing.assert_array_equal(x, flat(tree))
    points = np.multiply.outer(x, np.ones(columns))
    require_same(structure.unflatten(points), planted_again(tree, points))
    require_same(structure.unflatten(points.T, len(columns)), planted_again(tree, points.T, -1))
    assert structure == planted(structure.unflatten(x), _door.point)[0]


def test_entries_are_in_the_order_of_the_dict() -> None:
    seen: list[Any] = []

    def f(p: Any) -> float:
        seen.extend(key for key in p if p[key] != x[key])
        return float(sum(p.values()))

    x = {"z": 1.0, "a": 2.0, 5: 3.0}
    assert list(fd.gradient(f, x)) == ["z", "a", 5]
    assert list(dict.fromkeys(seen)) == ["z", "a", 5]


@pytest.mark.parametrize("made", [OrderedDict, MappingProxyType], ids=lambda made: made.__name__)
def test_mappings_are_read_and_dicts_returned(made: Any) -> None:
    x = made({"a": made({"b": [1.0, 2.0]})})

    def f(p: Any) -> Any:
        assert type(p) is type(p["a"]) is dict
        return (p["a"]["b"] ** 2).sum()

    require_same(fd.gradient(f, x, step=2**-10), {"a": {"b": np.array([2.0, 4.0])}})
    found = fd.hvp(None, x, x, gradient=lambda p: made({"a": made({"b": p["a"]["b"] ** 2})}), step=2**-10)
    require_same(found, {"a": {"b": fd.hvp(None, [1.0, 2.0], [1.0, 2.0], gradient=np.square, step=2**-10)}})


@pytest.mark.parametrize("empty", [{}, {"a": {}}, {"a": [], "b": {"c": np.empty((0, 2))}}], ids=str)
@pytest.mark.parametrize("method", EVERY_METHOD)
def test_nothing_to_differentiate(empty: dict[Any, Any], method: str) -> None:
    expected = planted_again(empty, np.empty(0))
    require_same(fd.gradient(lambda p: 1.0, empty, method=method), expected)
    require_same(fd.hvp(lambda p: 1.0, empty, empty, method=method), expected)
    require_same(fd.jvp(lambda p: np.ones(2), empty, empty, method=method), np.zeros(2))
    result = fd.gradient(lambda p: 1.0, empty, method=method, full_output=True)
    assert result.ok
    assert result.message == "There is nothing to differentiate."
    assert result.message in repr(result)


# ---- what f gets, and what it may do with it


@pytest.mark.parametrize("method", ["central", "complex", "richardson"])
@pytest.mark.parametrize("vectorized", [False, True])
def test_f_gets_a_dict_of_its_own(vectorized: bool, method: str) -> None:
    kept: list[tuple[Any, Any]] = []

    def f(p: Any) -> Any:
        value = np.sin(p["s"]) * p["w"].sum(axis=(0, 1)) ** 2
        kept.append((p["w"], p["w"].copy()))
        assert p["w"].flags.c_contiguous
        assert p["w"].shape[:2] == (1, 2)
        assert p["w"].dtype == np.result_type(p["s"])
        assert vectorized or isinstance(p["s"], np.float64 | np.complex128)
        assert np.shape(p["s"]) == p["w"].shape[2:]
        return value

    def spoils(p: Any) -> Any:
        value = f(p)
        kept.pop()[0].fill(np.nan)
        p.clear()
        return value

    x = {"s": np.int64(1), "w": np.array([[1, 2]], np.float32)}
    found = fd.gradient(f, x, method=method, vectorized=vectorized)
    require_same(fd.gradient(spoils, x, method=method, vectorized=vectorized), found)
    assert kept
    for point, as_it_was in kept:
        np.testing.assert_array_equal(point, as_it_was)
    np.testing.assert_array_equal(x["w"], [[1, 2]])
    np.testing.assert_allclose(found["w"], 6 * np.sin(1) * np.ones((1, 2)), rtol=1e-8)


def test_results_share_nothing_with_x_or_f() -> None:
    buffer = {"w": np.empty(2)}

    def gradient(p: Any) -> Any:
        np.power(p["w"], 2, out=buffer["w"])
        return buffer

    x = {"w": np.array([1.0, 2.0])}
    found = fd.hvp(None, x, x, gradient=gradient, step=2**-10)
    require_same(found, {"w": fd.hvp(None, x["w"], x["w"], gradient=np.square, step=2**-10)})
    assert not np.shares_memory(found["w"], buffer["w"])
    assert not np.shares_memory(found["w"], x["w"])


def test_exceptions_of_f_arrive_unchanged() -> None:
    def f(p: Any) -> Any:
        return p["typo"]

    with pytest.raises(KeyError, match="typo"):
        fd.gradient(f, X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_coarsest_leaf_of_a_gradient_decides_the_steps(dtype: Any) -> None:
    def gradient(p: Any) -> Any:
        return {"w": (p["w"] ** 2).astype(dtype), "s": float(p["s"] ** 2), "i": 1}

    x = {"w": np.array([1.1, 2.3]), "s": 0.7, "i": 1.0}
    found = fd.hvp(None, x, x, gradient=gradient, full_output=True)
    np.testing.assert_allclose(found.value["w"], 2 * x["w"] ** 2, rtol=30 * np.finfo(dtype).eps ** (2 / 3))
    assert 0.01 < found.step["s"] / np.finfo(dtype).eps ** (1 / 3) < 10


WRAPPED = planted(X, _door.point)[0]


@pytest.mark.parametrize("args", [(), (1.5,)])
def test_the_function_of_an_array_is_pickled(args: tuple[float, ...]) -> None:
    function = OnTree(_shifted, WRAPPED, len(args))
    again = pickle.loads(pickle.dumps(function))
    assert again(*args, flat(X), shift=1.0) == function(*args, flat(X), shift=1.0) == sum(args) + scalar_at_x() + 1.0
    slope = GradientOnTree(OnTree(gradient_of_scalar, WRAPPED, 0))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(slope))(flat(X)), flat_gradient(flat(X)))


def _shifted(*args: Any, shift: float) -> Any:
    return sum(args[:-1]) + scalar(args[-1]) + shift


def scalar_at_x() -> Any:
    return scalar(planted_again(X, flat(X)))


# ---- results in words


def kinked(p: Any) -> Any:
    return abs(p["layer"]["w"][1, 0] - 1.0) + p["gain"] + abs(p[3][0] - 1.5) * 0


def test_the_worst_entry_is_named_by_its_path() -> None:
    with pytest.warns(
        fd.AccuracyWarning, match=re.escape("gradient: entry ['layer']['w'][1, 0]: NOT_SMOOTH")
    ) as caught:
        fd.gradient(kinked, X, method="richardson")
    assert caught[0].filename == __file__
    result = fd.gradient(kinked, X, method="richardson", full_output=True)
    assert not result.ok
    assert result.message.startswith("entry ['layer']['w'][1, 0]: NOT_SMOOTH. ")
    assert result.status["layer"]["w"][1, 0] == fd.Status.NOT_SMOOTH
    rows = repr(result).splitlines()
    for label in ("value['layer']['w']: [[", "status['gain']: 'CONVERGED'", "step[3]: [", "message: entry ['layer']"):
        assert any(row.strip().startswith(label) for row in rows), label


def test_a_scalar_leaf_and_a_leaf_of_outputs_are_named() -> None:
    x = {"fine": [1.0], "a": 1.0}
    not_finite = fd.gradient(lambda p: p["fine"][0] if p["a"] == 1 else np.nan, x, full_output=True)
    assert not_finite.message.startswith("entry ['a']: NOT_FINITE")
    array_valued = fd.hvp(
        lambda p: np.array([1.0, np.nan * p["a"][0]]), {"a": [1.0], "b": 1.0}, {"a": [1.0], "b": 1.0}, full_output=True
    )
    assert array_valued.message.startswith("entry ['a'][1, 0]: NOT_FINITE")


@pytest.mark.parametrize("name", TREE_VERBS)
def test_a_warning_points_at_the_call(name: str) -> None:
    directions = () if name == "gradient" else ({"a": 1.0},)
    with pytest.warns(fd.AccuracyWarning, match=f"^{name}: entry") as caught:
        getattr(fd, name)(lambda p: np.nan, {"a": 1.0}, *directions)
    assert caught[0].filename == __file__


# ---- what does not fit

A: dict[Any, Any] = {"a": {"w": [1.0, 2.0]}, "b": 1.0}


def total(p: Any) -> Any:
    return (p["a"]["w"] ** 2).sum() + p["b"]


def changed(path: tuple[str, ...], value: Any) -> dict[Any, Any]:
    """A with another value at a path."""
    first, *rest = path
    return {**A, first: {**A[first], rest[0]: value} if rest else value}


def hvp_of(gradient: Any, **options: Any) -> Callable[[], Any]:
    return lambda: fd.hvp(None, A, A, gradient=lambda p: gradient, **options)


FITS = {"a": {"w": [1.0, 1.0]}, "b": 1.0}
MISSING, UNKNOWN, SHORT = {"a": {}, "b": 1.0}, {**A, "c": 1.0}, changed(("a", "w"), [1.0, 2.0, 3.0])
PATH = "['a']['w']"
TABLE: dict[str, tuple[Callable[[], Any], type[Exception], tuple[str, ...]]] = {
    "text": (lambda: fd.gradient(total, changed(("b",), "one")), TypeError, ("`x['b']`", "real numbers")),
    "None": (lambda: fd.gradient(total, changed(("b",), None)), TypeError, ("`x['b']`", "None")),
    "complex": (lambda: fd.gradient(total, changed(("a", "w"), [1j])), TypeError, (f"`x{PATH}`", "real", "complex128")),
    "NaN": (lambda: fd.jvp(total, changed(("a", "w"), [1.0, np.nan]), A), ValueError, (f"x{PATH}[1] = nan", "finite")),
    "inf": (lambda: fd.hvp(total, changed(("b",), np.inf), A), ValueError, ("x['b'] = inf", "finite")),
    "masked": (
        lambda: fd.gradient(total, changed(("a", "w"), np.ma.array([1.0, 2.0], mask=[0, 1]))),
        TypeError,
        (f"`x{PATH}`", "masked"),
    ),
    "ragged": (lambda: fd.gradient(total, changed(("a", "w"), [[1.0], [1.0, 2.0]])), ValueError, (f"`x{PATH}`",)),
    "a dict in a list": (lambda: fd.gradient(total, changed(("b",), [A])), TypeError, ("`x['b']`", "real numbers")),
    "v is an array": (lambda: fd.jvp(total, A, [1.0, 2.0, 3.0]), TypeError, ("`v`", "dict", "keys of x", "[1.0, 2.0")),
    "v is None": (lambda: fd.hvp(total, A, None), TypeError, ("`v`", "dict", "None")),
    "v lacks a key": (lambda: fd.jvp(total, A, MISSING), ValueError, ("`v['a']`", "x['a']", "lacks ['w']")),
    "v has another key": (lambda: fd.hvp(total, A, UNKNOWN), ValueError, ("`v`", "keys of x", "has also ['c']")),
    "v has another shape": (lambda: fd.jvp(total, A, SHORT), ValueError, (f"`v{PATH}`", f"(2,) of x{PATH}", "(3,)")),
    "v has a leaf for a dict": (
        lambda: fd.jvp(total, A, changed(("a",), 1.0)),
        TypeError,
        ("`v['a']`", "dict", "keys of x['a']", "1.0"),
    ),
    "v has a dict for a leaf": (lambda: fd.jvp(total, A, changed(("b",), {})), TypeError, ("`v['b']`", "real numbers")),
    "v is not finite": (lambda: fd.hvp(total, A, changed(("b",), np.nan)), ValueError, ("v['b'] = nan", "finite")),
    "v is a dict, x is not": (lambda: fd.jvp(np.sum, [1.0], {"a": 1.0}), TypeError, ("`v`", "real numbers", "{'a'")),
    "step is an array": (
        lambda: fd.gradient(total, A, step=[1e-3] * 3),
        ValueError,
        ("`step`", "number", "dict", "(3,)"),
    ),
    "step lacks a key": (lambda: fd.gradient(total, A, step=MISSING), ValueError, ("`step['a']`", "lacks ['w']")),
    "step of another shape": (
        lambda: fd.gradient(total, A, step=SHORT),
        ValueError,
        (f"`step{PATH}`", f"(2,) of x{PATH}", "(3,)"),
    ),
    "relative_step < 0": (
        lambda: fd.gradient(total, A, relative_step=changed(("a", "w"), [1.0, -1.0])),
        ValueError,
        (f"relative_step{PATH}[1] = -1.0", "positive"),
    ),
    "x_scale 0": (
        lambda: fd.hvp(total, A, A, x_scale=changed(("b",), 0)),
        ValueError,
        ("x_scale['b'] = 0", "positive"),
    ),
    "step lost": (
        lambda: fd.gradient(total, A, step=changed(("a", "w"), [1.0, 1e-20])),
        ValueError,
        ("`step`", "1e-20", f"x{PATH}[1] = 2.0"),
    ),
    "step lost in a scalar": (
        lambda: fd.hvp(total, A, A, step=changed(("b",), 1e-20), method="richardson"),
        ValueError,
        ("`step`", "1e-20", "x['b'] = 1.0"),
    ),
    "relative_step at 0": (
        lambda: fd.gradient(total, changed(("a", "w"), [0.0, 1.0]), relative_step=1e-3),
        ValueError,
        ("`relative_step`", f"x{PATH}[0] = 0.0"),
    ),
    "x outside, with SciPy": (
        lambda: fd.gradient(total, A, bounds=(-np.inf, changed(("b",), 0.5)), backend="scipy"),
        ValueError,
        ("x['b'] = 1.0", "outside", "0.5"),
    ),
    "x_scale is text": (lambda: fd.gradient(total, A, x_scale="a"), TypeError, ("`x_scale`", "real numbers")),
    "bounds are a dict": (lambda: fd.gradient(total, A, bounds={"a": (0, 1)}), TypeError, ("`bounds`", "(lb, ub)")),
    "bounds lack a key": (
        lambda: fd.gradient(total, A, bounds=(-np.inf, MISSING)),
        ValueError,
        ("`bounds[1]['a']`", "lacks ['w']"),
    ),
    "bounds are arrays": (
        lambda: fd.gradient(total, A, bounds=(-np.inf, [9.0] * 3)),
        ValueError,
        ("`bounds[1]`", "number", "dict", "(3,)"),
    ),
    "bounds NaN": (lambda: fd.gradient(total, A, bounds=(np.nan, 9.0)), ValueError, ("`bounds`", "NaN")),
    "three bounds": (lambda: fd.gradient(total, A, bounds=(0.0, 1.0, 2.0)), ValueError, ("`bounds`", "3 items")),
    "bounds None": (
        lambda: fd.gradient(total, A, bounds=(changed(("b",), None), 9.0)),
        TypeError,
        ("`bounds[0]['b']`", "real numbers"),
    ),
    "bounds crossed": (
        lambda: fd.gradient(total, A, bounds=(changed(("a", "w"), [0.0, 9.0]), 5.0)),
        ValueError,
        (f"lb{PATH}[1] = 9.0", f"ub{PATH}[1] = 5.0"),
    ),
    "x outside": (
        lambda: fd.gradient(total, A, bounds=(-np.inf, changed(("b",), 0.5))),
        ValueError,
        ("x['b'] = 1.0", "outside", "0.5"),
    ),
    "unpack": (lambda: fd.gradient(total, A, unpack=True), ValueError, ("`unpack`", "`x`", "dict")),
    "a slice": (
        lambda: fd.gradient(total, A, argnum=slice(0, 3)),
        ValueError,
        ("`argnum`", "slice", "`x`", "dict"),
    ),
    "argnum out of range": (lambda: fd.gradient(total, A, argnum=1), ValueError, ("`argnum`", "1")),
    "unknown option": (lambda: fd.gradient(total, A, steps=1.0), TypeError, ("'steps'", "'step'")),
    "gradient is an array": (hvp_of([1.0, 1.0, 1.0]), TypeError, ("`gradient(x)`", "dict", "keys of x")),
    "gradient is None": (hvp_of(None), TypeError, ("`gradient(x)`", "dict", "None")),
    "gradient lacks a key": (hvp_of(MISSING), ValueError, ("`gradient(x)['a']`", "x['a']", "lacks ['w']")),
    "gradient has another key": (hvp_of({**FITS, 7: 1.0}), ValueError, ("`gradient(x)`", "has also [7]")),
    "gradient has another shape": (hvp_of(SHORT), ValueError, (f"`gradient(x){PATH}`", f"(2,) of x{PATH}", "(3,)")),
    "gradient has another axis": (
        hvp_of(changed(("a", "w"), [[1.0], [2.0]])),
        ValueError,
        (f"`gradient(x){PATH}`", f"(2,) of x{PATH}", "(2, 1)"),
    ),
    "gradient has no columns": (
        hvp_of(FITS, vectorized=True),
        ValueError,
        (f"`gradient(x){PATH}`", "(2, 2)", "(2,)"),
    ),
    "gradient has None": (hvp_of(changed(("b",), None)), TypeError, ("`gradient` at ['b']", "None")),
    "gradient has text": (hvp_of(changed(("b",), "1")), TypeError, ("`gradient` at ['b']", "number", "'1'")),
    "gradient is complex": (hvp_of(changed(("b",), 1j)), TypeError, ("complex",)),
    "f returns a dict": (lambda: fd.gradient(lambda p: {"a": 1}, A), TypeError, ("`f`", "number", "{'a': 1}")),
    "f returns a vector": (lambda: fd.gradient(lambda p: p["a"]["w"], A), ValueError, ("`f`", "scalar", "(2,)")),
    "f is not callable": (lambda: fd.gradient(1.0, A), TypeError, ("`f`", "callable")),
    "f is compiled": (
        lambda: fd.gradient(ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(abs), A),
        TypeError,
        ("`f`", "compiled", "dict", "Python function"),
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_does_not_fit_is_named(case: str) -> None:
    call, error, words = TABLE[case]
    with pytest.raises(error) as caught:
        call()
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
    assert "np.float64" not in message


OTHERS: dict[str, Callable[..., Any]] = {
    "gradient_field": fd.gradient_field,
    "compare": fd.compare,
    "step_study": lambda f, x: fd.plot.step_study(f, x, index=0),
    "hessian(gradient=)": lambda f, x: fd.hessian(None, x, gradient=f),
}


@pytest.mark.parametrize(
    "name",
    [name for name in [*VERBS, *PLANNED, *OTHERS] if name not in TREE_VERBS],
)
def test_all_else_says_which_verbs_take_trees(name: str) -> None:
    def f(p: Any) -> Any:
        raise AssertionError("f was called")

    verb = PLANNED[name](f) if name in PLANNED else lambda x: {**VERBS, **OTHERS}[name](f, x)
    with pytest.raises(TypeError, match=r"`x`.*array.*gradient, jvp, hvp"):
        verb(A)


def test_leaves_of_a_gradient_that_a_coarser_type_does_not_hold() -> None:
    def gradient(p: Any) -> Any:
        return {"a": np.float16(2 * p["a"]), "b": 2e6 * p["b"]}

    found = fd.hvp(None, {"a": 1.0, "b": 1.0}, {"a": 0.0, "b": 1.0}, gradient=gradient)
    np.testing.assert_allclose(found["b"], 2e6, rtol=1e-3)
