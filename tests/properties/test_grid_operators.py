"""Laws of the operators on grids, for every derivative order, accuracy and boundary rule."""

import hashlib
import itertools
import math
import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.grid_reference import ONE_SIDED, Twin, axis_matrix, reach, uniform
from tests.strategies import lay_out

from fastdiff import grid

ORDERS = range(1, 7)
ACCURACIES = range(2, 13, 2)
EPS = float(np.finfo(np.float64).eps)


def roundoff(order: int, accuracy: int) -> float:
    """How far a row may be off, relative to the sum of its absolute terms: it has at most order + accuracy + 1 of
    them, each from a weight good to two units in the last place a node, a difference and a product, then summed.
    """
    return 4 * (order + accuracy + 1) * EPS


# ---- axes: small integers, so that coordinates, their differences and small powers of those are exact


def uneven(n: int, seed: int = 3) -> np.ndarray:
    """Steps of 1 to 3. This seed leaves no window of a length used below symmetric, and so exact by chance."""
    return np.cumsum(np.random.default_rng([n, seed]).integers(1, 4, n)) - float(n)


AXES = {
    "uniform": lambda n: np.arange(n) - n // 2 + 0.0,
    "falling": lambda n: n // 2 - np.arange(n) + 0.0,
    "uneven": uneven,
    "uneven, falling": lambda n: -uneven(n),
}

LINEAR_RULES = ("one-sided", "reflect", "antireflect")
RULES = (*LINEAR_RULES, ("constant", 1.5))


def period(x: np.ndarray) -> float:
    """A period that leaves a step like the others beyond the last coordinate."""
    return float(abs(x[-1] - x[0]) + abs(x[1] - x[0]))


def pairs(x: np.ndarray, rules: tuple[Any, ...] = RULES) -> list[tuple[Any, Any]]:
    """Every pair of rules that an axis may have at its ends."""
    wrapped = ("periodic", period(x))
    return [*itertools.product(rules, rules), (wrapped, wrapped)]


# ---- exactness


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("kind", AXES)
def test_exact_on_polynomials_to_the_degree_and_not_beyond(kind: str, order: int, accuracy: int) -> None:
    """Column i holds powers of x - x[i], so that the diagonal of the result holds the moments of the rows."""
    n = order + accuracy + 6
    x = AXES[kind](n)
    even = uniform(x, ONE_SIDED)
    width = reach(order, accuracy, even=even)
    inside = (np.arange(n) >= width) & (np.arange(n) < n - width)
    # Rounded up to an odd number of points, an interior row of an even derivative has one point to spare.
    exact_to = order + accuracy - 1 + np.where(inside & (not even) & (order % 2 == 0), 1, 0)
    weights = np.abs(axis_matrix(x, order, accuracy).linear)
    for degree in range(order + accuracy + 2):
        powers = np.subtract.outer(x, x) ** degree
        moments = np.diagonal(grid.partial(powers, x, order=order, axis=0, accuracy=accuracy))
        error = np.abs(moments - math.factorial(order) * (degree == order))
        noise = roundoff(order, accuracy) * (weights.T * np.abs(powers)).sum(axis=0)
        assert (error <= noise)[degree <= exact_to].all(), degree
        assert (error > 10 * noise)[degree == exact_to + 1].all(), degree


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("kind", AXES)
def test_a_constant_differentiates_to_exactly_zero(kind: str, accuracy: int) -> None:
    values = np.array([1e8, -1e8 / 3, 0.1, 1e300, 5e-324])
    for order in ORDERS:
        x = AXES[kind](order + accuracy + 3)
        f = np.tile(values, (len(x), 1))  # varies across, not along
        for rules in [*zip(LINEAR_RULES, LINEAR_RULES[::-1], strict=True), pairs(x)[-1]]:
            for field, axis in ((f, 0), (np.ascontiguousarray(f.T), 1)):
                part = grid.partial(field, x, order=order, axis=axis, accuracy=accuracy, boundary={axis: rules})
                assert not part.any(), (order, rules, axis)


OPERATORS = ("gradient", "partial", "divergence", "curl", "laplacian", "hessian", "jacobian", "magnitude")
LINEAR = OPERATORS[:-1]
OF_VECTORS = ("divergence", "curl", "jacobian")


def options_of(name: str, ndim: int) -> dict[str, Any]:
    """What an operator needs beyond the common options."""
    return {"order": (1, 2, 0)[:ndim]} if name == "partial" else {}


def samples(name: str, shape: tuple[int, ...], seed: int = 0, dtype: Any = float) -> np.ndarray:
    """A random field in the range of small integers, or a vector of them, component first."""
    rng = np.random.default_rng(seed)
    return (10 * rng.standard_normal((len(shape), *shape) if name in OF_VECTORS else shape)).astype(dtype)


def leaves(result: Any) -> list[np.ndarray]:
    """The arrays of a result, in order."""
    if hasattr(result, "error"):
        return leaves(result.value) + leaves(result.error)
    return [leaf for part in result for leaf in leaves(part)] if isinstance(result, tuple | list) else [result]


def stacked(result: Any) -> np.ndarray:
    return np.stack(leaves(result))


@pytest.mark.parametrize("name", OPERATORS)
def test_constants_have_no_derivatives_at_all(name: str) -> None:
    shape = (9, 8, 10)
    f = np.full_like(samples(name, shape), 1e8 / 3)
    for spacing in ((0.1,), tuple(map(uneven, shape))):
        for boundary in LINEAR_RULES:
            result = getattr(grid, name)(f, *spacing, accuracy=4, boundary=boundary, **options_of(name, 3))
            assert not stacked(result).any()


# ---- the slow twin


@pytest.mark.parametrize("accuracy", ACCURACIES)
@pytest.mark.parametrize("kind", AXES)
def test_the_slow_twin_agrees_on_an_axis(kind: str, accuracy: int) -> None:
    for order in ORDERS:
        for n in (order + accuracy, order + accuracy + 5):  # the fewest points; with an interior
            x = AXES[kind](n)
            f = np.random.default_rng(n).uniform(-1, 1, (n, 3))
            every = pairs(x)
            for rules in every if accuracy <= 4 else every[order % 4 :: 4]:  # some of them, to be quick
                linear, affine, size = axis_matrix(x, order, accuracy, rules)
                ours = grid.partial(f, x, order=order, axis=0, accuracy=accuracy, boundary={0: rules})
                error = np.abs(ours - linear @ f - affine[:, None])
                # Differences against the row's own sample can double what a term is made of.
                assert (error <= 2 * roundoff(order, accuracy) * size[:, None]).all(), (order, n, rules)


@pytest.mark.parametrize("accuracy", [2, 4])
@pytest.mark.parametrize("shape", [(9, 8), (8, 7, 9)])
@pytest.mark.parametrize("name", OPERATORS)
def test_the_slow_twin_agrees_on_every_operator(name: str, shape: tuple[int, ...], accuracy: int) -> None:
    field = samples(name, shape) / 10
    options = options_of(name, len(shape))
    for number, kinds in enumerate([("uniform",) * 3, ("uneven", "falling", "uneven, falling")]):
        axes = [AXES[kind](n) for kind, n in zip(kinds, shape, strict=False)]
        for boundary in (
            {axis: pairs(x, LINEAR_RULES)[(5 * axis + 3 * number) % 10] for axis, x in enumerate(axes)},
            dict.fromkeys(range(len(axes)), (("constant", 1.5), ("constant", 1.5))),
        ):
            twin = Twin(axes, accuracy, [boundary[axis] for axis in range(len(axes))])
            wanted = getattr(twin, name)(field, **options)
            ours = getattr(grid, name)(field, *axes, accuracy=accuracy, boundary=boundary, **options)
            # Two derivatives of orders 1 and 2 in turn at most, and a sum of three.
            rows = [[axis_matrix(x, m, accuracy, boundary[a]).size.max() for m in (1, 2)] for a, x in enumerate(axes)]
            largest = np.sort(np.maximum(1, rows), axis=None)[-2:].prod()
            noise = 3 * 2 * 2 * roundoff(2, accuracy) * largest * np.abs(field).max()
            np.testing.assert_allclose(stacked(ours), stacked(wanted), rtol=0, atol=noise)


# ---- laws


CASES = st.tuples(
    st.sampled_from(ORDERS), st.sampled_from(ACCURACIES), st.sampled_from(sorted(AXES)), st.integers(0, 9)
)


@given(CASES, st.integers(0, 2**16))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_linear(case: tuple[int, int, str, int], seed: int) -> None:
    order, accuracy, kind, which = case
    x = AXES[kind](order + accuracy + 3)
    rules = pairs(x, LINEAR_RULES)[which]
    f, g = np.random.default_rng(seed).uniform(-1, 1, (2, len(x)))

    def differentiate(field: np.ndarray) -> np.ndarray:
        return grid.partial(field, x, order=order, accuracy=accuracy, boundary={0: rules})

    error = np.abs(differentiate(3 * f - 5 * g) - 3 * differentiate(f) + 5 * differentiate(g))
    # Both sides are off by their own round-off, and the sum of fields by its own.
    size = axis_matrix(x, order, accuracy, rules).size
    assert (error <= 2 * 8 * 2 * roundoff(order, accuracy) * size).all()


@given(CASES, st.integers(0, 2**16))
@settings(max_examples=100, deadline=None, derandomize=True)
def test_what_is_affine_is_linear_but_for_a_shift(case: tuple[int, int, str, int], seed: int) -> None:
    order, accuracy, kind, which = case
    x = AXES[kind](order + accuracy + 3)
    other = pairs(x, LINEAR_RULES)[which % 9][0]
    rules = (("constant", -2.5), other) if seed % 2 else (other, ("constant", -2.5))
    f = np.random.default_rng(seed).uniform(-1, 1, len(x))
    options: dict[str, Any] = {"order": order, "accuracy": accuracy}
    zero = tuple(("constant", 0.0) if rule[0] == "constant" else rule for rule in rules)
    shift = grid.partial(0 * f, x, **options, boundary={0: rules})
    error = grid.partial(f, x, **options, boundary={0: rules}) - grid.partial(f, x, **options, boundary={0: zero})
    size = axis_matrix(x, order, accuracy, rules).size
    assert (np.abs(error - shift) <= 2 * 2 * roundoff(order, accuracy) * size).all()
    assert shift.any()


def smallest_noise(axes: list[np.ndarray], accuracy: int, boundary: Any) -> float:
    """Twice the round-off of two first derivatives in turn, of a field within one."""
    sizes = sorted(axis_matrix(x, 1, accuracy, boundary[axis]).size.max() for axis, x in enumerate(axes))
    return 2 * 2 * 2 * roundoff(1, accuracy) * sizes[-1] * sizes[-2]


@pytest.mark.parametrize("accuracy", [2, 6, 12])
@pytest.mark.parametrize("kind", AXES)
def test_a_curl_of_a_gradient_and_a_divergence_of_a_curl_vanish(kind: str, accuracy: int) -> None:
    shape = tuple(accuracy + 3 + k for k in range(3))
    axes = [AXES[kind](n) for n in shape]
    rng = np.random.default_rng(accuracy)
    f, F = rng.uniform(-1, 1, shape), rng.uniform(-1, 1, (3, *shape))
    for which in range(10):
        boundary = {axis: pairs(x, LINEAR_RULES)[which] for axis, x in enumerate(axes)}
        options: dict[str, Any] = {"accuracy": accuracy, "boundary": boundary}
        noise = smallest_noise(axes, accuracy, boundary)
        turning = grid.curl(grid.gradient(f, *axes, **options), *axes, **options)
        flowing = grid.divergence(grid.curl(F, *axes, **options), *axes, **options)
        assert np.abs(stacked(turning)).max() <= noise
        assert np.abs(flowing).max() <= 3 * noise  # a pair for each axis
        plane = grid.curl(grid.gradient(f[0], *axes[1:], accuracy=accuracy), *axes[1:], accuracy=accuracy)
        assert np.abs(plane).max() <= smallest_noise(axes[1:], accuracy, [ONE_SIDED] * 2)


@pytest.mark.parametrize("accuracy", [2, 4])
@pytest.mark.parametrize("name", LINEAR)
def test_adjoint_and_matrix_are_those_of_apply(name: str, accuracy: int) -> None:
    shape = (7, 8, 9)
    for number, kind in enumerate(AXES):
        axes = [AXES[kind](n) for n in shape]
        boundary = {axis: pairs(x)[(7 * number + 4 * axis + accuracy) % 17] for axis, x in enumerate(axes)}
        D = grid.Operator(name, shape, *axes, accuracy=accuracy, boundary=boundary, **options_of(name, 3))
        u, zero = samples(name, shape) / 10, np.zeros_like(samples(name, shape))
        applied = stacked(D(u)) - stacked(D(zero))  # the linear part
        v = np.random.default_rng(1).uniform(-1, 1, applied.shape)
        matrix = D.matrix()
        terms = np.asarray(abs(matrix) @ np.abs(u).ravel())
        rows = abs(matrix).sum(axis=1).max() * np.abs(u).max()
        # Three partials, mixed ones in two steps; differences against the row's own sample can double a term; the
        # shift of an affine rule, of the size of a row, is added and taken off.
        noise = 3 * 2 * 2 * roundoff(2, accuracy) * 2 * rows
        np.testing.assert_allclose(matrix @ u.ravel(), applied.ravel(), rtol=0, atol=noise)
        back = stacked(D.T(nested(v, D(u))))
        left, right = math.fsum((applied * v).ravel()), math.fsum(u.ravel() * back.ravel())
        assert abs(left - right) <= noise * v.size + EPS * terms.sum()
        assert (D.T.matrix() != matrix.T).nnz == 0


def nested(arrays: np.ndarray, like: Any) -> Any:
    """Arrays in the structure of a result."""
    rest = iter(arrays)

    def fill(part: Any) -> Any:
        return tuple(map(fill, part)) if isinstance(part, tuple) else next(rest)

    return fill(like)


# ---- flows


@pytest.mark.parametrize("accuracy", ACCURACIES)
def test_the_abc_flow_is_its_own_curl(accuracy: int) -> None:
    n = 24
    t = 2 * np.pi * np.arange(n) / n
    x, y, z = np.meshgrid(t, t, t, indexing="ij", sparse=True)
    A, B, C = 1.0, 0.7, 0.4
    parts = (A * np.sin(z) + C * np.cos(y), B * np.sin(x) + A * np.cos(z), C * np.sin(y) + B * np.cos(x))
    u = [np.broadcast_to(part, (n, n, n)) for part in parts]
    h, reach = 2 * np.pi / n, accuracy // 2
    # The central difference of exp(ix) is iK exp(ix) with 0 <= 1 - K <= c h^p, c = (r!)^2 / (2r + 1)!. The second
    # component is the largest.
    truncation = math.factorial(reach) ** 2 / math.factorial(2 * reach + 1) * h**accuracy
    noise = 2 * 2 * roundoff(1, accuracy) * 4 / h
    turned = grid.curl(u, h, accuracy=accuracy, boundary="periodic")
    error = max(np.abs(ours - wanted).max() for ours, wanted in zip(turned, u, strict=True))
    assert error <= truncation * np.abs(parts[1]).max() + noise
    if truncation > 100 * noise:
        assert error >= truncation / 2  # not better than it should be, either
    # No component depends on its own coordinate, hence exactly:
    assert not grid.divergence(u, h, accuracy=accuracy, boundary="periodic").any()


@pytest.mark.parametrize("accuracy", ACCURACIES)
def test_taylor_green_vortices(accuracy: int) -> None:
    n = 24
    t = 2 * np.pi * np.arange(n) / n
    h = 2 * np.pi / n
    (sx, cx), (sy, cy) = ((np.sin(s), np.cos(s)) for s in (t[:, None], t[None, :]))
    u = (cx * sy, -sx * cy)
    options: dict[str, Any] = {"accuracy": accuracy, "boundary": "periodic"}
    first, second = (grid.Operator("partial", (n,), h, order=m, **options).modified_wavenumber(1.0) for m in (1, 2))
    noise = 2 * 2 * 2 * roundoff(2, accuracy) * 4 / h**2
    for ours, wanted in (
        (grid.divergence(u, h, **options), 0 * sx * sy),
        (grid.curl(u, h, **options), -2 * first * cx * cy),
        (grid.laplacian(u[0], h, **options), -2 * second * u[0]),
        (grid.magnitude(u[0], h, **options), first * np.hypot(sx * sy, cx * cy)),
        (grid.hessian(u[0], h, **options)[0][1], -(first**2) * sx * cy),
    ):
        np.testing.assert_allclose(ours, wanted, rtol=0, atol=noise)
    for wavenumber in (first, second):
        assert abs(wavenumber - 1) <= h**accuracy  # the constants are below one


# ---- convergence


def bisected(x: np.ndarray) -> np.ndarray:
    return np.sort(np.concatenate([x, (x[1:] + x[:-1]) / 2]))


CELLS = {
    "uniform": np.linspace(0, 1, 17),
    "stretched": np.tanh(np.linspace(-1, 1, 17)),
    # Bisected once, as the slope is that of windows within a cell or two: wider ones average over cells.
    "random": bisected(np.cumsum([0, *np.random.default_rng(1).uniform(0.5, 1.5, 8)]) / 8),
}


@pytest.mark.parametrize("accuracy", [2, 4, 6, 8])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
@pytest.mark.parametrize("kind", CELLS)
def test_the_error_falls_with_the_accuracy(kind: str, order: int, accuracy: int) -> None:
    """A complex exponential, as the error of its derivative has no zeros that nodes could fall upon."""
    x, k, errors = CELLS[kind], 10j, []
    for _ in range(5):
        D = grid.Operator("partial", x.shape, x, order=order, accuracy=accuracy)
        error = np.abs(D(np.exp(k * x)) - k**order * np.exp(k * x)).max()
        if error < 100 * EPS * abs(D.matrix()).sum(axis=1).max():
            break
        errors.append(error)
        x = bisected(x)
    assert len(errors) >= 2
    assert math.log2(errors[0] / errors[-1]) / (len(errors) - 1) >= accuracy - 0.5


# ---- the same bits


# Beyond a chunk, in few long rows and many short ones, with short lines, and beyond one slice of a thread.
BIG_SHAPES = ((12001,), (140, 97), (9, 1500), (1500, 9), (21, 22, 23))


def calls(name: str, shape: tuple[int, ...]) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
    """Spacings and options that together reach every kind of row."""
    options = options_of(name, len(shape))
    return [
        ((), options),
        ((0.3,), options | {"accuracy": 4, "boundary": "periodic"}),
        (tuple(map(uneven, shape)), options | {"accuracy": 4, "boundary": {0: ("reflect", ("constant", 2.0))}}),
        ((0.3,), options | {"nan": "one-sided"}),
        ((0.3,), options | {"full_output": True}),
    ]


def defined(name: str, shape: tuple[int, ...]) -> bool:
    return name != "curl" or len(shape) in (2, 3)


EVERY = [(name, shape) for name in OPERATORS for shape in BIG_SHAPES if defined(name, shape)]


@pytest.mark.parametrize(("name", "shape"), EVERY)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_threads_do_not_change_a_bit(name: str, shape: tuple[int, ...], dtype: str) -> None:
    f = samples(name, shape, dtype=dtype)
    f.flat[:: f.size // 7] = np.nan
    for spacing, options in calls(name, shape):
        one = stacked(getattr(grid, name)(f, *spacing, **options, threads=1)).tobytes()
        for threads in (2, 3, 7):
            assert one == stacked(getattr(grid, name)(f, *spacing, **options, threads=threads)).tobytes()


@pytest.mark.parametrize(("name", "shape"), [(name, shape) for name, shape in EVERY if shape != (12001,)])
@pytest.mark.parametrize("dtype", ["f8", "f4", "c16", ">f8", "f2", "i2"])
def test_every_layout_gives_the_same_bits(name: str, shape: tuple[int, ...], dtype: str) -> None:
    f = samples(name, shape, dtype=dtype)
    native = f.astype("f8" if dtype == "i2" else f.dtype.newbyteorder("="))
    for spacing, options in calls(name, shape):
        plain = stacked(getattr(grid, name)(native, *spacing, **options))
        for layout in ("C", "F", "transposed", "reversed", "sliced", "read-only", "unaligned"):
            ours = stacked(getattr(grid, name)(lay_out(f, layout), *spacing, **options))
            assert ours.astype(plain.dtype).tobytes() == plain.tobytes(), layout


def digest() -> str:
    """Of every operator on shapes below and beyond a vector and a chunk; what the tests below compare."""
    bits = hashlib.sha256()
    for name, shape in itertools.product(OPERATORS, ((33, 65), (9, 10, 131))):
        for dtype in ("f4", "f8"):
            f = samples(name, shape, dtype=dtype)
            for spacing, options in calls(name, shape):
                bits.update(stacked(getattr(grid, name)(f, *spacing, **options)).tobytes())
    return bits.hexdigest()


def test_wider_vectors_do_not_change_a_bit() -> None:
    code = "from tests.properties.test_grid_operators import digest; print(digest())"
    digests = [
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"FASTDIFF_SIMD": level, "PYTHONPATH": os.pathsep.join(map(str, sys.path))},
            check=True,
            timeout=120,
            capture_output=True,
        ).stdout
        for level in ("base", "avx2", "avx512")
    ]
    assert digests[0] == digests[1] == digests[2] != b""
