"""The pictures: what is drawn where, and that nothing is shown or loaded before it is asked for."""

import importlib.abc
import sys
from typing import Any

import matplotlib as mpl
import numpy as np
import pytest
from tests.recording import Recorded

import fastdiff as fd

mpl.use("Agg")


@pytest.fixture(autouse=True)
def _closed_figures() -> Any:
    from matplotlib import pyplot

    yield
    pyplot.close("all")


def lines(ax: Any) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Return what is drawn, by the first word of its label."""
    return {str(line.get_label()).partition(" ")[0].strip(","): line.get_data() for line in ax.get_lines()}


def slope(steps: np.ndarray, errors: np.ndarray) -> float:
    return float(np.polyfit(np.log(steps), np.log(errors), 1)[0])


@pytest.mark.parametrize(("method", "accuracy"), [("central", 2), ("central", 4), ("forward", 1), ("backward", 2)])
@pytest.mark.parametrize("order", [1, 2])
def test_the_lines_are_the_errors_and_their_model(order: int, method: str, accuracy: int) -> None:
    ax = fd.plot.step_study(np.exp, 1.0, order, method=method, accuracy=accuracy)
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")
    drawn = lines(ax)
    steps, errors = drawn[method]
    own = [fd.derivative(np.exp, 1.0, order, method=method, accuracy=accuracy, step=h) for h in steps]
    reference = fd.derivative(np.exp, 1.0, order, method="richardson")
    deviations = np.abs(np.array(own) - reference)
    np.testing.assert_allclose(errors, np.maximum(deviations, np.spacing(reference)), rtol=1e-12)
    model, noise = drawn["truncation"][1], drawn["noise"][1]
    assert slope(steps, model) == pytest.approx(accuracy)
    assert slope(steps, noise) == pytest.approx(-order)
    # Where one of the two dominates, the errors follow it.
    truncated = (model > 100 * noise) & (steps < 0.05)
    assert truncated.sum() > 5
    np.testing.assert_allclose(errors[truncated], model[truncated], rtol=0.3)
    noisy = noise > 100 * model
    assert 0.03 < np.median(errors[noisy] / noise[noisy]) < 3


def test_the_choices_are_those_of_the_methods() -> None:
    ax = fd.plot.step_study(np.sin, 0.5)
    step, error = lines(ax)["chosen"]
    chosen = fd.derivative(np.sin, 0.5, full_output=True)
    reference = fd.derivative(np.sin, 0.5, method="richardson", full_output=True)
    assert step[0] == chosen.step
    assert error[0] == pytest.approx(abs(chosen.value - reference.value))
    bar = ax.containers[0].lines[0].get_data()
    assert (bar[0][0], bar[1][0]) == (reference.step, reference.error)
    assert ax.get_ylim()[0] < reference.error < ax.get_ylim()[1]
    assert ax.get_legend() is not None


@pytest.mark.parametrize("noise", [1e-6, "auto"])
def test_noise_is_drawn_and_regarded(noise: Any) -> None:
    rng = np.random.default_rng(3)
    ax = fd.plot.step_study(lambda t: np.exp(t) * (1 + 1e-6 * rng.normal()), 1.0, noise=noise)
    drawn = lines(ax)
    steps, model = drawn["noise"]
    assert 0.3 < np.median(model * steps / (np.e * 1e-6 * 2**-0.5)) < 3
    assert 1e-3 < drawn["chosen"][0][0] < 0.1


@pytest.mark.parametrize("index", [1, -1])
def test_a_coordinate_of_an_array(index: int) -> None:
    f = Recorded(lambda p: np.sin(p[0] * p[1]))
    drawn = lines(fd.plot.step_study(f, [1.0, 2.0], index=index))
    assert {p[0] for p in f.points} == {1.0}
    step = fd.gradient(f, [1.0, 2.0], full_output=True).step[1]
    assert drawn["chosen"][0][0] == step


def test_a_vectorized_function_of_an_array() -> None:
    ax = fd.plot.step_study(lambda p: np.sin(p[0] * p[1]), [1.0, 2.0], index=0, vectorized=True)
    alone = fd.plot.step_study(lambda p: np.sin(p[0] * p[1]), [1.0, 2.0], index=0)
    np.testing.assert_allclose(lines(ax)["noise"][1], lines(alone)["noise"][1])


def test_bounds_hold() -> None:
    f = Recorded(lambda t: np.exp(t))
    steps, _ = lines(fd.plot.step_study(f, 1.0, bounds=(0.99, 1.01)))["central"]
    assert f.inside(0.99, 1.01)
    assert 0.005 < steps.max() <= 0.0101


@pytest.mark.parametrize("f", [lambda t: 3.0, lambda t: 3 * t + 1, lambda t: t**2, lambda t: np.log(t)])
def test_what_has_no_error_is_drawn_too(f: Any) -> None:
    ax = fd.plot.step_study(f, 1.0)
    assert np.isfinite(lines(ax)["central"][0]).all()
    ax.figure.savefig(_Nowhere(), format="png")


class _Nowhere:
    """A file that keeps nothing."""

    def write(self, content: bytes) -> int:
        return len(content)

    def flush(self) -> None:
        pass


def test_given_axes_are_used_and_nothing_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib import pyplot

    monkeypatch.setattr(pyplot, "show", lambda *_, **__: pytest.fail("shown"))
    ax = pyplot.subplots()[1]
    assert fd.plot.step_study(np.exp, 1.0, ax=ax) is ax
    assert fd.plot.step_study(np.exp, 1.0) is not ax
    assert len(pyplot.get_fignums()) == 2


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: fd.plot.step_study(np.exp, [1.0, 2.0]), ValueError, "`index`"),
        (lambda: fd.plot.step_study(np.exp, 1.0, 9), ValueError, "`order`"),
        (lambda: fd.plot.step_study(np.exp, np.nan), ValueError, "`x`"),
        (lambda: fd.plot.step_study(np.exp, 1.0, step=0.1), ValueError, "`step`"),
        (lambda: fd.plot.step_study(np.exp, 1.0, full_output=True), ValueError, "`full_output`"),
        (lambda: fd.plot.step_study(np.exp, 1.0, method="richardson"), ValueError, "`method`"),
        (lambda: fd.plot.step_study(lambda p: p.sum(), [1.0], index=1), IndexError, "`index`"),
        (lambda: fd.plot.step_study(lambda p: p, [1.0, 2.0], index=0), ValueError, "must return a number"),
        (lambda: fd.plot.step_study(lambda t: np.nan, 1.0), ValueError, "measure against"),
        (lambda: fd.plot.step_study(np.exp, 1.0, colour="red"), TypeError, "'colour'"),
    ],
)
def test_bad_arguments_are_named(call: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error) as caught:
        call()
    assert words in str(caught.value)


def test_without_matplotlib_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    class Blocked(importlib.abc.MetaPathFinder):
        def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
            if name.split(".")[0] == "matplotlib":
                raise ImportError(f"no {name} here")

    for name in [name for name in sys.modules if name.split(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Blocked(), *sys.meta_path])
    with pytest.raises(ImportError, match=r"fastdiff\[plot\]"):
        fd.plot.step_study(np.exp, 1.0)
