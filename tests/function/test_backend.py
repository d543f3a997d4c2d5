"""SciPy beside fastdiff: as a back-end, in a comparison, and where the compiled core is missing."""

import os
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from tests.recording import VERBS, Recorded

import fastdiff as fd

X = np.array([0.5, 0.25, 2.0])


def f(x: Any) -> Any:
    return np.exp(x[0]) * x[1] + x[1] * x[2] ** 2


def vector(x: Any) -> Any:
    return np.stack([x[0] * x[1], x[1] * x[2] ** 2])


PAIRS: dict[str, tuple[Any, float]] = {
    "gradient": (lambda **o: fd.gradient(f, X, **o), 1e-7),
    "jacobian": (lambda **o: fd.jacobian(vector, X, **o), 1e-7),
    "jacobian of a scalar": (lambda **o: fd.jacobian(f, X, **o), 1e-7),
    "hessian": (lambda **o: fd.hessian(f, X, **o), 1e-5),
    "hessian(gradient=)": (lambda **o: fd.hessian(None, X, gradient=lambda x: x**3, **o), 1e-6),
    "jvp": (lambda **o: fd.jvp(vector, X, [1.0, 2.0, -1.0], **o), 1e-6),
    "derivative": (lambda **o: fd.derivative(np.sin, X, **o), 1e-8),
    "derivative of a scalar": (lambda **o: fd.derivative(lambda t: float(t) ** 3, 0.5, **o), 1e-8),
    "2-D x": (lambda **o: fd.gradient(lambda x: np.sum(x**3), X.reshape(3, 1), **o), 1e-7),
    "scalar x": (lambda **o: fd.gradient(lambda x: x**2, 2.0, **o), 1e-7),
    "hessian, 2-D x": (lambda **o: fd.hessian(lambda x: f(x[:, 0]), X.reshape(3, 1), **o), 1e-5),
    "array-valued": (lambda **o: fd.jacobian(lambda x: np.outer(x, x), X, **o), 1e-7),
    "args": (
        lambda **o: fd.gradient(lambda x, a, *, b: a * b * f(x), X, args=(2,), kwargs={"b": 3}, **o),
        1e-7,
    ),
    "argnum": (lambda **o: fd.gradient(lambda a, x: a * f(x), X, args=(2,), argnum=1, **o), 1e-7),
    "unpack": (lambda **o: fd.gradient(lambda a, b, c: f([a, b, c]), X, unpack=True, **o), 1e-7),
    "complex": (lambda **o: fd.gradient(f, X, method="complex", **o), 1e-12),
    "forward": (lambda **o: fd.jacobian(vector, X, method="forward", **o), 1e-5),
    "step": (lambda **o: fd.gradient(f, X, step=1e-4, **o), 1e-7),
    "steps": (lambda **o: fd.gradient(lambda x: np.sum(x**3), X.reshape(3, 1), step=[[1e-4]] * 3, **o), 1e-7),
    "relative_step": (lambda **o: fd.gradient(f, X, relative_step=1e-5, **o), 1e-7),
    "bounds": (lambda **o: fd.gradient(f, X, bounds=(X, X + 1), **o), 1e-6),
    "bounds, 2-D": (
        lambda **o: fd.gradient(lambda x: np.sum(x**3), X.reshape(3, 1), bounds=(np.zeros((3, 1)), 2.0), **o),
        1e-6,
    ),
    "f0": (lambda **o: fd.gradient(f, X, method="forward", f0=f(X), **o), 1e-5),
    "empty x": (lambda **o: fd.gradient(lambda x: 1.0, [], **o), 1e-7),
}


@pytest.mark.parametrize("case", PAIRS)
def test_both_back_ends_agree(case: str) -> None:
    call, tolerance = PAIRS[case]
    ours, theirs = (call(backend=backend, full_output=True) for backend in ("fastdiff", "scipy"))
    assert np.shape(ours.value) == np.shape(theirs.value)
    assert theirs.status.shape == np.shape(theirs.value)
    assert np.shape(theirs.error) == np.shape(theirs.value)
    assert type(theirs) is type(ours)
    assert np.isfinite(theirs.value).all()
    np.testing.assert_allclose(theirs.value, ours.value, rtol=100 * tolerance, atol=100 * tolerance)


@pytest.mark.parametrize("verb", [fd.gradient, fd.hessian])
def test_evaluations_are_counted(verb: Any) -> None:
    g = Recorded(f)
    assert verb(g, X, backend="scipy", full_output=True).nfev == g.calls


def test_points_of_elementwise_functions_are_counted() -> None:
    g = Recorded(np.sin)
    assert fd.derivative(g, X, backend="scipy", full_output=True).nfev == sum(p.size for p in g.points)


def test_a_fixed_coordinate_is_zero_or_refused() -> None:
    bounds = ([0.5, 0, 0], [0.5, 3, 3])
    try:
        found = fd.gradient(f, X, bounds=bounds, backend="scipy", full_output=True)
    except ValueError as error:
        assert "SciPy" in str(error)  # noqa: PT017
    else:
        assert found.value[0] == 0
        assert found.status[0] == fd.Status.FIXED


REFUSED: dict[str, tuple[Any, tuple[str, ...]]] = {
    "verb": (lambda: fd.partial(f, X, 0, backend="scipy"), ("`backend`", "'scipy'", "partial")),
    "planned": (lambda: fd.Gradient(f, backend="scipy"), ("`backend`", "Gradient")),
    "accuracy": (lambda: fd.gradient(f, X, accuracy=4, backend="scipy"), ("`accuracy`", "backend='scipy'")),
    "default accuracy, said": (
        lambda: fd.gradient(f, X, accuracy=2, backend="scipy"),
        ("`accuracy`", "'scipy'"),
    ),
    "x_scale": (lambda: fd.gradient(f, X, x_scale=1.0, backend="scipy"), ("SciPy", "`x_scale`", "gradient")),
    "vectorized": (lambda: fd.gradient(f, X, vectorized=True, backend="scipy"), ("SciPy", "`vectorized`")),
    "backward": (
        lambda: fd.gradient(f, X, method="backward", backend="scipy"),
        ("SciPy", "method='backward'"),
    ),
    "order": (lambda: fd.derivative(np.sin, X, 2, backend="scipy"), ("SciPy", "order=2", "derivative")),
    "complex derivative": (
        lambda: fd.derivative(np.sin, X, method="complex", backend="scipy"),
        ("SciPy", "'complex'"),
    ),
    "hessian method": (
        lambda: fd.hessian(f, X, method="forward", backend="scipy"),
        ("SciPy", "method='forward'"),
    ),
    "hessian bounds": (
        lambda: fd.hessian(f, X, bounds=(0, 9), backend="scipy"),
        ("SciPy", "`bounds`", "hessian"),
    ),
    "hessian step": (lambda: fd.hessian(f, X, step=0.1, backend="scipy"), ("SciPy", "`step`", "hessian")),
    "hessian of a vector": (lambda: fd.hessian(vector, X, backend="scipy"), ("SciPy", "vector-valued")),
    "jvp bounds": (lambda: fd.jvp(f, X, X, bounds=(0, 9), backend="scipy"), ("SciPy", "`bounds`", "jvp")),
    "x outside": (lambda: fd.gradient(f, X, bounds=(0, 1), backend="scipy"), ("`x`", "`bounds`", "x[2]")),
    "vector in gradient": (lambda: fd.gradient(vector, X, backend="scipy"), ("`f`", "scalar", "(2,)")),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_scipy_cannot_do_is_said(case: str) -> None:
    call, words = REFUSED[case]
    with pytest.raises(ValueError) as caught:
        call()
    assert [word for word in words if word not in str(caught.value)] == [], str(caught.value)


@pytest.mark.parametrize("verb", [fd.gradient, fd.jacobian, fd.hessian])
def test_exceptions_and_bad_values_of_f_arrive(verb: Any) -> None:
    error = ZeroDivisionError("mine")

    def fails(x: Any) -> Any:
        raise error

    with pytest.raises(ZeroDivisionError) as caught:
        verb(fails, X, backend="scipy")
    assert caught.value is error
    with pytest.raises(TypeError, match="`f` returned None"):
        verb(lambda x: None, X, backend="scipy")


# ---- compare


@pytest.mark.parametrize(("kind", "g"), [("gradient", f), ("jacobian", vector), ("hessian", f), ("derivative", np.sin)])
def test_a_comparison_prints_both_sides(kind: Any, g: Any) -> None:
    table = fd.compare(g, X, kind)
    text = str(table)
    words = (
        kind,
        "fastdiff",
        "SciPy",
        "max |error|",
        "evaluations of f",
        "time of a call",
        "accuracy 8",
        table.verdict,
    )
    assert [word for word in words if word not in text] == []
    assert table.kind == kind
    assert table.fastdiff.error < 1e-3
    assert table.scipy.error < 1e-3
    assert table.fastdiff.seconds > 0
    assert np.shape(table.fastdiff.value) == np.shape(table.scipy.value)


def test_a_comparison_counts_evaluations() -> None:
    table = fd.compare(f, X)
    assert (table.fastdiff.nfev, table.scipy.nfev) == (
        6,
        fd.gradient(f, X, backend="scipy", full_output=True).nfev,
    )


def test_a_comparison_says_where_scipy_is_better() -> None:
    better = fd.compare(np.sin, 1.0, "derivative", exact=np.cos)
    assert better.scipy.error < better.fastdiff.error
    assert "SciPy is more accurate" in better.verdict
    assert "fastdiff is" in better.verdict
    assert "cheaper in evaluations" in better.verdict.split("fastdiff is")[1]
    worse = fd.compare(lambda x: np.sin(x[0]), [1e-6], exact=[np.cos(1e-6)])
    assert worse.reference == "the exact values"


@pytest.mark.parametrize("exact", [[4.0, 1.0], lambda x: [2 * x[0] * x[1], x[0] ** 2]])
def test_a_comparison_with_the_exact_values(exact: Any) -> None:
    table = fd.compare(lambda p: p[0] ** 2 * p[1], [1.0, 2.0], exact=exact)
    assert table.fastdiff.error == pytest.approx(np.abs(table.fastdiff.value - [4.0, 1.0]).max(), abs=1e-15)


# ---- without the compiled core


def without_core(code: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "FASTDIFF_NO_CORE": "1"}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=120, check=False)


def test_without_the_core_one_warning_says_how_to_build_it() -> None:
    done = without_core(
        "import warnings\n"
        "with warnings.catch_warnings(record=True) as caught:\n"
        "    warnings.simplefilter('always')\n"
        "    import fastdiff as fd, numpy as np\n"
        "    fd.gradient(lambda x: x[0] ** 2, [1.0])\n"
        "    import fastdiff.grid\n"
        "    fd.grid.gradient(np.arange(4.0))\n"
        "for w in caught:\n"
        "    print(w.category.__name__, w.message)\n"
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert len(lines) == 1, lines
    words = (
        "RuntimeWarning",
        "compiled core",
        "FASTDIFF_NO_CORE=1",
        "python -m pip install .",
        "SciPy",
        "NumPy",
    )
    assert [word for word in words if word not in lines[0]] == []


def test_without_the_core_scipy_stands_in() -> None:
    done = without_core(
        "import warnings; warnings.simplefilter('ignore')\n"
        "import fastdiff as fd, numpy as np\n"
        "f = lambda x: x[0] ** 2 * x[1]\n"
        "close = lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)\n"
        "close(fd.gradient(f, [1.0, 2.0]), [4, 1])\n"
        "close(fd.jacobian(lambda x: x**2, [1.0, 2.0]), [[2, 0], [0, 4]])\n"
        "close(fd.hessian(f, [1.0, 2.0]), [[4, 2], [2, 0]])\n"
        "close(fd.jvp(f, [1.0, 2.0], [1.0, 1.0]), 5)\n"
        "close(fd.derivative(np.sin, [0.0, 1.0]), np.cos([0.0, 1.0]))\n"
        "close(fd.grid.gradient(np.arange(5.0) ** 2), np.gradient(np.arange(5.0) ** 2))\n"
        "print(fd.stencil(1, 2))\n"
    )
    assert done.returncode == 0, done.stderr
    assert "O(h^2)" in done.stdout


@pytest.mark.parametrize(
    "call",
    ["fd.partial(f, [1.0], 0)", "fd.laplacian(f, [1.0])", "fd.hvp(f, [1.0], [1.0])", "fd.directional(f, [1.0], [1.0])",
     "fd.hessian_diagonal(f, [1.0])", "fd.gradient_field(np.sin, [0.0, 1.0])", "fd.Gradient(f)", "fd.Jacobian(f)",
     "fd.Hessian(f)", "fd.grid.gradient(np.arange(9.0), accuracy=4)"],
)  # fmt: skip
def test_without_the_core_the_rest_says_so(call: str) -> None:
    done = without_core(
        "import warnings; warnings.simplefilter('ignore')\n"
        "import fastdiff as fd, numpy as np\n"
        "f = lambda x: x[0] ** 2\n"
        f"try:\n    {call}\nexcept ImportError as error:\n    print(error)\n"
    )
    assert done.returncode == 0, done.stderr
    words = ("compiled core", "FASTDIFF_NO_CORE=1", "python -m pip install .")
    assert [word for word in words if word not in done.stdout] == [], done.stdout


def test_without_the_core_options_are_judged_all_the_same() -> None:
    done = without_core(
        "import warnings; warnings.simplefilter('ignore')\n"
        "import fastdiff as fd\n"
        "f = lambda x: x[0] ** 2\n"
        "for options in ({'stpe': 1}, {'accuracy': 4}, {'x_scale': 2.0}, {'vectorized': True}):\n"
        "    try:\n        fd.gradient(f, [1.0], **options)\n"
        "    except (TypeError, ValueError, ImportError) as error:\n        print(next(iter(options)) in str(error))\n"
    )
    assert done.stdout.split() == ["True"] * 4, done.stdout + done.stderr


def test_all_verbs_are_tried() -> None:
    assert set(VERBS) <= set(fd.__all__)


def test_a_gradient_is_not_evaluated_outside_its_bounds() -> None:
    calls = []
    for backend in ("fastdiff", "scipy"):
        with pytest.raises(ValueError, match="`bounds`"):
            fd.hessian(None, [2.0, 0.0], gradient=calls.append, bounds=(0, 1), backend=backend)
    assert calls == []
