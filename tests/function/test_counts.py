"""Evaluations: `nfev` is exact, and no more than the formulas promise."""

from typing import Any

import numpy as np
import pytest
from tests.recording import PAIRS, REAL_METHODS, VERBS, Recorded

import fastdiff as fd


def f(x: Any) -> Any:
    return x[0] ** 2 * x[-1] + x[-1] ** 3


def taps(order: int, method: str, accuracy: int) -> int:
    """Samples beside x itself."""
    return sum(o != 0 for o in fd.stencil(order, accuracy, side=method).offsets)


def uses_base(order: int, method: str, accuracy: int) -> int:
    return int(0 in fd.stencil(order, accuracy, side=method).offsets)


def expected(name: str, n: int, method: str, p: int) -> int:
    first = taps(1, method, p)
    second = taps(2, method, p)
    base = uses_base(1, method, p)
    counts = {
        "derivative": n * (first + base),
        "partial": first + base,
        "gradient": n * first + base,
        "jacobian": n * first + base,
        "directional": first + base,
        "jvp": first + base,
        "hessian_diagonal": n * second + 1,
        "laplacian": n * second + 1,
    }
    if name == "hessian" and method == "central":
        return 1 + p // 2 * n * (n + 1)
    if name == "hvp":
        # Every point along v, moved along every coordinate; one-sided differences share the points along v.
        return (first + base) * (n * first + base)
    return counts[name]


@pytest.mark.parametrize("n", [1, 2, 5])
@pytest.mark.parametrize(("method", "accuracy"), PAIRS)
@pytest.mark.parametrize("name", [name for name in VERBS if name != "derivative"])
def test_evaluations(name: str, method: str, accuracy: int, n: int) -> None:
    g = Recorded(f)
    result = VERBS[name](g, np.full(n, 0.7), method=method, accuracy=accuracy, full_output=True)
    assert result.nfev == g.calls
    if name == "hvp":
        assert g.calls == expected(name, n, method, accuracy)
        return  # the direction may lead to a point that a coordinate leads to as well
    if name == "hessian" and method != "central":
        if accuracy == 1:
            assert g.calls == 1 + n + n * (n + 1) // 2
    else:
        assert g.calls == expected(name, n, method, accuracy)
    assert len({tuple(point) for point in g.points}) == g.calls  # never the same point twice


@pytest.mark.parametrize("n", [1, 2, 3, 10])
def test_promised_counts(n: int) -> None:
    x = np.full(n, 0.5)

    def count(verb: Any, *args: Any, **options: Any) -> int:
        g = Recorded(f)
        assert verb(g, x, *args, full_output=True, **options).nfev == g.calls
        return g.calls

    assert [count(fd.gradient, accuracy=p) for p in (2, 4, 6, 8)] == [p * n for p in (2, 4, 6, 8)]
    assert [count(fd.hessian, accuracy=p) for p in (2, 4, 6, 8)] == [1 + p // 2 * n * (n + 1) for p in (2, 4, 6, 8)]
    assert count(fd.hessian) == n * n + n + 1
    assert count(fd.hessian, method="forward") == 1 + n + n * (n + 1) // 2
    assert count(fd.hessian, method="backward") == 1 + n + n * (n + 1) // 2
    assert count(fd.gradient, method="forward") == n + 1
    assert count(fd.laplacian) == 2 * n + 1
    assert count(fd.hvp, x) == 4 * n
    assert count(fd.jvp, x) == 2


@pytest.mark.parametrize(("verb", "n"), [(fd.gradient, 4), (fd.jacobian, 4), (fd.hessian, 3), (fd.laplacian, 3)])
@pytest.mark.parametrize("method", REAL_METHODS)
def test_f0_saves_one_where_it_is_used(verb: Any, n: int, method: str) -> None:
    x = np.full(n, 0.7)
    known, plain = Recorded(f), Recorded(f)
    with_f0 = verb(known, x, method=method, f0=f(x), full_output=True)
    without = verb(plain, x, method=method, full_output=True)
    used = any((point == x).all() for point in plain.points)
    assert with_f0.nfev == known.calls == plain.calls - used
    assert used == (method != "central" or verb in (fd.hessian, fd.laplacian))
    np.testing.assert_array_equal(with_f0.value, without.value)


@pytest.mark.parametrize("shape", [(), (1,), (7,), (2, 3)])
@pytest.mark.parametrize("order", [1, 2, 3])
@pytest.mark.parametrize(("method", "accuracy"), PAIRS)
def test_derivative_counts_points_not_calls(method: str, accuracy: int, order: int, shape: tuple[int, ...]) -> None:
    g = Recorded(lambda t: t**2)
    x = np.full(shape, 0.3)
    result = fd.derivative(g, x, order, method=method, accuracy=accuracy, full_output=True)
    assert g.calls == len(fd.stencil(order, accuracy, side=method).offsets)
    assert result.nfev == g.calls * x.size


@pytest.mark.parametrize("name", [name for name in VERBS if name != "derivative"])
@pytest.mark.parametrize("method", REAL_METHODS)
def test_columns_count_points(name: str, method: str) -> None:
    columns = Recorded(lambda x: x[0] ** 2 * x[1])
    options = {"method": method, "full_output": True}
    result = VERBS[name](columns, [0.5, 0.25], vectorized=True, **options)
    alone = VERBS[name](lambda x: x[0] ** 2 * x[1], [0.5, 0.25], **options)
    assert result.nfev == sum(p.shape[-1] for p in columns.points) == alone.nfev
    assert columns.calls == 1
    np.testing.assert_array_equal(result.value, alone.value)


def test_large_batches_are_cut_and_counted() -> None:
    n = 500
    columns = Recorded(lambda x: np.sum(x**2, axis=0))
    result = fd.gradient(columns, np.linspace(0, 1, n), vectorized=True, full_output=True)
    assert result.nfev == sum(p.shape[-1] for p in columns.points) == 2 * n
    assert columns.calls > 1
    np.testing.assert_allclose(result.value, 2 * np.linspace(0, 1, n), atol=1e-6)


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("n", [1, 3])
def test_complex_step_counts_its_guard(name: str, n: int) -> None:
    g = Recorded(lambda x: x[0] ** 2 + x[-1] if name != "derivative" else x**2)
    result = VERBS[name](g, np.full(n, 0.7), method="complex", full_output=True)
    weight = n if name == "derivative" else 1
    assert result.nfev == g.calls * weight
    ideal = {
        "derivative": 1, "partial": 1, "gradient": n, "jacobian": n, "hessian": n * (n + 1), "hvp": 2 * n,
        "hessian_diagonal": 2 * n, "laplacian": 2 * n, "directional": 1, "jvp": 1,
    }  # fmt: skip
    assert ideal[name] + 2 <= g.calls <= ideal[name] + 5


def test_gradient_field_counts_nodes() -> None:
    calls = []
    fx, fy = fd.gradient_field(
        lambda x, y: calls.append(x.size) or x * y, [0.0, 1.0, 2.0], [3.0, 4.0], full_output=True
    )
    assert (fx.nfev, fy.nfev) == (12, 12)
    assert sum(calls) == 24


def test_a_given_gradient_is_counted() -> None:
    g = Recorded(lambda x: 2 * x)
    assert fd.hessian(None, np.ones(4), gradient=g, full_output=True).nfev == g.calls <= 9
    g = Recorded(lambda x: 2 * x)
    assert fd.hvp(None, np.ones(4), np.ones(4), gradient=g, full_output=True).nfev == g.calls == 2


@pytest.mark.parametrize("cls", [fd.Gradient, fd.Hessian])
def test_planned_objects_add_up(cls: Any) -> None:
    g = Recorded(f)
    planned = cls(g)
    total = 0
    for k in range(1, 4):
        planned(np.full(3, 0.1 * k))
        total += planned.last.nfev
        assert planned.nfev == g.calls == total


def test_a_second_try_is_counted() -> None:
    g = Recorded(lambda x: np.log(x[0]) + x[1] if x[0] > 0 else np.nan)
    result = fd.gradient(g, [1e-12, 1.0], full_output=True)
    assert result.nfev == g.calls == 6


def test_finding_another_precision_is_counted() -> None:
    g = Recorded(lambda x: np.float32(x[0] * x[1]))
    result = fd.gradient(g, [0.5, 1.0], full_output=True)
    assert result.nfev == g.calls == 5
    planned = fd.Gradient(g := Recorded(lambda x: np.float32(x[0] * x[1])))
    planned([0.5, 1.0])
    planned([0.5, 1.0])
    assert planned.nfev == g.calls == 9  # the precision is remembered
