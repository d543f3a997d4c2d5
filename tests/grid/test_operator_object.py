"""`grid.Operator`: a plan of any row of the table that is applied, transposed, printed and counted."""

import copy
import pickle
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import scipy.sparse.linalg

import fastdiff as fd
from fastdiff import grid

RNG = np.random.default_rng(0)
SHAPE = (7, 8, 9)
AXES = tuple(np.cumsum(RNG.random(n) + 0.5) for n in SHAPE)
OF_VECTORS = ("divergence", "curl", "jacobian")
NAMES = ("gradient", "partial", "divergence", "curl", "laplacian", "hessian", "jacobian", "magnitude")
LINEAR = NAMES[:-1]
BOUNDARIES: tuple[Any, ...] = ("one-sided", "periodic", {0: ("reflect", "antireflect"), 2: ("constant", 2.0)})


def more(name: str) -> dict[str, Any]:
    return {"order": (1, 0, 2)} if name == "partial" else {}


def field(name: str, dtype: Any = float) -> np.ndarray:
    return RNG.standard_normal((3, *SHAPE) if name in OF_VECTORS else SHAPE).astype(dtype)


def leaves(result: Any) -> list[np.ndarray]:
    return [leaf for part in result for leaf in leaves(part)] if isinstance(result, tuple) else [result]


def bits(result: Any) -> Any:
    return [bits(part) for part in result] if isinstance(result, tuple) else (result.dtype, result.tobytes())


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("name", NAMES)
def test_applied_it_is_the_function_of_its_name(name: str, boundary: Any) -> None:
    options: dict[str, Any] = {"accuracy": 4, "boundary": boundary} | more(name)
    D = grid.Operator(name, SHAPE, 0.5, **options)
    for dtype in ("f8", "f4", "c16", "i4", ">f8"):
        u = (10 * field(name)).astype(dtype)
        expected = getattr(grid, name)(u, 0.5, **options)
        assert bits(D(u)) == bits(expected)
        assert bits(D @ u) == bits(expected)
    if name in OF_VECTORS:
        assert bits(D(tuple(u))) == bits(D(u))


def test_axes_and_coordinates() -> None:
    u = field("gradient")
    for axis in ((0, 2), (2, 1), -1):
        spacing = [AXES[k] for k in (axis if isinstance(axis, tuple) else (axis,))]
        D = grid.Operator("gradient", SHAPE, *spacing, axis=axis, accuracy=4)
        assert bits(D(u)) == bits(grid.gradient(u, *spacing, axis=axis, accuracy=4))
    D = grid.Operator("partial", SHAPE, AXES[1], axis=1, order=3)
    assert bits(D(u)) == bits(grid.partial(u, AXES[1], axis=1, order=3))


def test_it_keeps_what_it_was_given() -> None:
    x = AXES[0].copy()
    D = grid.Operator("gradient", (7,), x)
    before = D(np.sin(AXES[0]))
    x += np.arange(7)
    assert np.array_equal(D(np.sin(AXES[0])), before)


# ---- matrices


@pytest.mark.parametrize("boundary", BOUNDARIES)
@pytest.mark.parametrize("name", LINEAR)
def test_the_matrix_stacks_the_outputs(name: str, boundary: Any) -> None:
    D = grid.Operator(name, SHAPE, 0.5, accuracy=2, boundary=boundary, **more(name))
    u = field(name)
    matrix = D.matrix()
    assert scipy.sparse.issparse(matrix)
    assert matrix.format == "csr"
    assert matrix.dtype == np.float64
    assert matrix.has_sorted_indices
    assert (matrix.data != 0).all()  # an explicit zero would let a NaN through
    applied = np.stack([a - b for a, b in zip(leaves(D(u)), leaves(D(0 * u)), strict=True)])
    assert matrix.shape == (applied.size, u.size)
    # A shift of 2 is added and taken off; at most 25 products with weights below 4 * 4 * 2.
    np.testing.assert_allclose(matrix @ u.ravel(), applied.ravel(), rtol=0, atol=25 * 32 * 6 * 2.3e-16 * 4)


@pytest.mark.parametrize("name", LINEAR)
def test_the_adjoint_has_the_transposed_matrix(name: str) -> None:
    D = grid.Operator(name, SHAPE, *AXES, accuracy=4 if name != "hessian" else 2, **more(name))
    assert (D.T.matrix() != D.matrix().T).nnz == 0
    assert (D.T.T.matrix() != D.matrix()).nnz == 0
    v = D(field(name))
    back = D.T(v)
    wanted = D.matrix().T @ np.stack(leaves(v)).ravel()
    given = np.stack(leaves(back)).ravel()
    assert given.shape == wanted.shape
    # Sums of at most 9 * 25 products; each product is rounded once on either side, the sums in another order.
    size = abs(D.matrix()).T @ np.abs(np.stack(leaves(v)).ravel())
    assert (np.abs(given - wanted) <= 2 * 225 * 2.3e-16 * size + 1e-300).all()
    assert bits(D.T @ v) == bits(back)


def test_the_adjoint_of_an_affine_rule_is_that_of_its_linear_part() -> None:
    options: dict[str, Any] = {"accuracy": 4}
    shifted = grid.Operator("laplacian", SHAPE, boundary=("constant", 3.0), **options)
    linear = grid.Operator("laplacian", SHAPE, boundary=("constant", 0.0), **options)
    v = field("laplacian")
    assert bits(shifted.T(v)) == bits(linear.T(v))
    assert (shifted.matrix() != linear.matrix()).nnz == 0


def test_the_periodic_first_derivative_is_antisymmetric_and_the_second_symmetric() -> None:
    for order, sign in ((1, -1), (2, 1)):
        matrix = grid.Operator("partial", (12,), order=order, accuracy=4, boundary="periodic").matrix()
        assert (matrix != sign * matrix.T).nnz == 0


@pytest.mark.parametrize("name", ["gradient", "laplacian", "divergence"])
def test_as_a_linear_operator(name: str) -> None:
    D = grid.Operator(name, SHAPE, *AXES, accuracy=2)
    linear = D.as_linear_operator()
    assert isinstance(linear, scipy.sparse.linalg.LinearOperator)
    u = field(name)
    v = np.stack(leaves(D(u))).ravel()
    assert linear.shape == D.matrix().shape
    assert linear.dtype == np.float64
    assert linear.matvec(u.ravel()).tobytes() == v.tobytes()
    back = np.stack(leaves(D.T(D(u)))).ravel()
    assert linear.rmatvec(v).tobytes() == back.tobytes()
    assert np.array_equal(linear @ np.stack([u.ravel()] * 2, axis=1), np.stack([v] * 2, axis=1))


def test_a_solver_takes_it() -> None:
    """Poisson's equation with a zero boundary, by conjugate gradients, without a matrix."""
    n = 31
    D = grid.Operator("laplacian", (n, n), 1 / (n + 1), boundary=("constant", 0.0))
    x = np.arange(1, n + 1) / (n + 1)
    exact = np.sin(np.pi * x)[:, None] * np.sin(2 * np.pi * x)[None, :]
    solved, failed = scipy.sparse.linalg.cg(-D.as_linear_operator(), 5 * np.pi**2 * exact.ravel(), rtol=1e-10)
    assert failed == 0
    assert np.abs(solved.reshape(n, n) - exact).max() <= (2 * np.pi / (n + 1)) ** 2 / 12  # at most that of 2π


# ---- what it tells


def test_stencils() -> None:
    def of(name: str, **options: Any) -> Any:
        return grid.Operator(name, (20,) * 3, 0.5, **options).stencil

    assert of("gradient", accuracy=4) == fd.stencil(1, 4)
    assert of("laplacian", accuracy=6) == fd.stencil(2, 6)
    assert of("partial", order=(0, 3, 0)) == fd.stencil(3, 2)
    assert set(of("partial", order=(1, 2, 0), accuracy=4)) == {fd.stencil(1, 4), fd.stencil(2, 4)}
    assert set(of("hessian")) == {fd.stencil(1, 2), fd.stencil(2, 2)}
    assert isinstance(of("hessian"), tuple)
    assert of("magnitude").weights == (Fraction(-1, 2), Fraction(1, 2))
    with pytest.raises(ValueError, match="uniform"):
        grid.Operator("gradient", SHAPE, 0.5, AXES[1], 0.5).stencil
    assert grid.Operator("gradient", SHAPE, np.arange(7) * 0.5, 0.5, 0.25).stencil == fd.stencil(1, 2)


@pytest.mark.parametrize("accuracy", [2, 4, 8])
@pytest.mark.parametrize("order", [1, 2, 3, 4])
def test_modified_wavenumbers(order: int, accuracy: int) -> None:
    h, n = 0.25, 31
    D = grid.Operator("partial", (n,), h, order=order, accuracy=accuracy)
    k = np.linspace(0, np.pi / h, 9)
    K = D.modified_wavenumber(k)
    assert K.shape == k.shape
    assert K.dtype == np.float64
    x = h * (np.arange(n) - n // 2)
    middle = np.array([D(np.exp(1j * one * x))[n // 2] for one in k])
    # Samples are within 1, the sum of the absolute weights of these formulas within 40 / h^m; some ten terms.
    noise = 40 / h**order * 16 * 2.3e-16
    np.testing.assert_allclose(1j**order * K, middle, rtol=0, atol=noise)
    truncation = abs(D.modified_wavenumber(1.0) - 1)
    assert 1e-4 * h**accuracy - noise <= truncation <= h**accuracy + noise  # the constants are below one


def test_modified_wavenumbers_of_several_axes() -> None:
    D = grid.Operator("gradient", (9, 10), 0.5, 0.25, accuracy=4)
    k = np.linspace(0, 6, 5)
    each = D.modified_wavenumber(k)
    assert isinstance(each, tuple)
    for one, h in zip(each, (0.5, 0.25), strict=True):
        np.testing.assert_array_equal(one, grid.Operator("gradient", (9,), h, accuracy=4).modified_wavenumber(k))
    with pytest.raises(ValueError, match="uniform"):
        grid.Operator("gradient", (7,), AXES[0]).modified_wavenumber(k)


@pytest.mark.parametrize(
    ("name", "arrays"),
    [
        ("gradient", 4),
        ("partial", 2),
        ("divergence", 4),
        ("curl", 6),
        ("laplacian", 2),
        ("magnitude", 2),
        ("jacobian", 12),
    ],
)
def test_bytes_moved_are_one_read_and_one_write_of_each_array(name: str, arrays: int) -> None:
    assert grid.Operator(name, SHAPE, **more(name)).bytes_moved == arrays * 8 * np.prod(SHAPE)


# ---- an object


@pytest.mark.parametrize("name", NAMES)
def test_pickled_and_copied(name: str) -> None:
    D = grid.Operator(name, SHAPE, *AXES, accuracy=2, boundary={1: "reflect"}, **more(name))
    u = field(name)
    for twin in (pickle.loads(pickle.dumps(D)), copy.copy(D), copy.deepcopy(D)):
        assert bits(twin(u)) == bits(D(u))


def test_printed_it_says_what_it_is() -> None:
    text = repr(grid.Operator("laplacian", SHAPE, 0.5, accuracy=4, boundary="periodic"))
    for word in ("laplacian", "(7, 8, 9)", "4", "periodic"):
        assert word in text


def test_frozen() -> None:
    D = grid.Operator("gradient", (9,))
    for name in ("shape", "accuracy", "stencil", "T", "anything"):
        with pytest.raises(AttributeError):
            setattr(D, name, 1)


@pytest.mark.parametrize("name", NAMES)
def test_another_shape_is_refused(name: str) -> None:
    D = grid.Operator(name, SHAPE, **more(name))
    lead = (3,) if name in OF_VECTORS else ()
    for shape in ((7, 8, 8), (7, 8), (1, 7, 8, 9)):
        with pytest.raises(ValueError, match=r"(?s)`[fFuv]`.*\(7, 8, 9\)|shape.*\(7, 8, 9\)"):
            D(np.zeros((*lead, *shape)))
    if name != "magnitude":
        with pytest.raises(ValueError):
            D.T(np.zeros((7, 8, 8)))


def test_a_magnitude_is_not_linear() -> None:
    D = grid.Operator("magnitude", SHAPE)
    for use in (lambda: D.T, lambda: D.matrix(), lambda: D.as_linear_operator()):
        with pytest.raises(TypeError, match=r"magnitude.*linear|linear.*magnitude"):
            use()


BAD: dict[str, tuple[tuple[Any, ...], dict[str, Any], type[Exception] | tuple[type[Exception], ...], str]] = {
    "unknown": (("gradiant", SHAPE), {}, ValueError, "`name`.*gradient.*'gradiant'"),
    "no name": ((1, SHAPE), {}, (TypeError, ValueError), "`name`.*1"),
    "shape a float": (("gradient", 9.0), {}, TypeError, "`shape`.*9.0"),
    "shape negative": (("gradient", (9, -1)), {}, ValueError, "`shape`.*-1"),
    "shape empty": (("gradient", ()), {}, ValueError, "`shape`|axis|axes"),
    "short axis": (("laplacian", (9, 3)), {}, ValueError, "axis 1.*3 points.*at least 4"),
    "spacings": (("laplacian", SHAPE, 1.0, 1.0), {}, TypeError, "`spacing`.*3 axes.*2"),
    "order": (("laplacian", SHAPE), {"order": 2}, (TypeError, ValueError), "`order`|order"),
    "no order": (("partial", SHAPE), {}, TypeError, "order"),
    "boundary": (("laplacian", SHAPE), {"boundary": "mirror"}, ValueError, "`boundary`.*mirror"),
    "accuracy": (("laplacian", SHAPE), {"accuracy": 5}, ValueError, "`accuracy`.*5"),
    "curl of a line": (("curl", (9,)), {}, ValueError, "curl"),
    "axis": (("laplacian", SHAPE), {"axis": 3}, IndexError, "axis 3"),
    "unknown option": (("laplacian", SHAPE), {"mode": "wrap"}, TypeError, "mode"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named(case: str) -> None:
    given, options, error, words = BAD[case]
    with pytest.raises(error, match=words):
        grid.Operator(*given, **options)
