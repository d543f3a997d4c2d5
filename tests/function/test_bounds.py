"""Bounds: f is never called outside, and what comes back is right or says that it is not."""

from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.recording import PAIRS, REAL_METHODS, Recorded

import fastdiff as fd
from fastdiff import Status

EPS = np.finfo(float).eps
NAMES = (
    "gradient", "jacobian", "hessian", "derivative", "derivative2", "partial", "partial2", "jvp", "directional", "hvp",
    "hessian_diagonal", "laplacian",
)  # fmt: skip


class Quadratic:
    """A quadratic around x, whose values near x are as exact as can be, and its derivatives at x."""

    def __init__(self, x: np.ndarray, degree: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = x.size
        self.x = x
        self.slope = rng.integers(1, 5, n) * rng.choice([-1.0, 1.0], n)
        a = rng.integers(1, 5, (n, n)).astype(float)
        self.curvature = (a + a.T) * (degree >= 2)

    def __call__(self, p: np.ndarray) -> Any:
        d = np.asarray(p) - self.x
        return self.slope @ d + d @ self.curvature @ d / 2

    def entrywise(self, p: np.ndarray) -> Any:
        d = np.asarray(p) - self.x
        return self.slope * d + np.diag(self.curvature) * d * d / 2


def differentiate(name: str, f: Quadratic, recorded: Recorded, v: np.ndarray, options: dict[str, Any]) -> Any:
    x = f.x
    calls = {
        "gradient": lambda: fd.gradient(recorded, x, **options),
        "jacobian": lambda: fd.jacobian(recorded, x, **options),
        "hessian": lambda: fd.hessian(recorded, x, **options),
        "derivative": lambda: fd.derivative(recorded, x, **options),
        "derivative2": lambda: fd.derivative(recorded, x, 2, **options),
        "partial": lambda: fd.partial(recorded, x, -1, **options),
        "partial2": lambda: fd.partial(recorded, x, (0, -1), **options),
        "jvp": lambda: fd.jvp(recorded, x, v, **options),
        "directional": lambda: fd.directional(recorded, x, v, **options),
        "hvp": lambda: fd.hvp(recorded, x, v, **options),
        "hessian_diagonal": lambda: fd.hessian_diagonal(recorded, x, **options),
        "laplacian": lambda: fd.laplacian(recorded, x, **options),
    }
    return calls[name]()


def exact(name: str, f: Quadratic, v: np.ndarray, fixed: np.ndarray) -> np.ndarray:
    """The derivative, with 0 along the coordinates that bounds fix."""
    free = (~fixed).astype(float)
    slope, curvature = f.slope * free, f.curvature * np.outer(free, free)
    w = v * free
    values = {
        "gradient": slope,
        "jacobian": slope,
        "hessian": curvature,
        "derivative": slope,
        "derivative2": np.diag(curvature),
        "partial": slope[-1],
        "partial2": curvature[0, -1],
        "jvp": slope @ w,
        "directional": slope @ w / np.linalg.norm(v),
        "hvp": curvature @ w,
        "hessian_diagonal": np.diag(curvature),
        "laplacian": np.trace(curvature),
    }
    return np.asarray(values[name])


def cornered(x: np.ndarray, lower: np.ndarray, upper: np.ndarray, v: np.ndarray) -> bool:
    """Whether x + t v leaves the box at once on both sides, by different coordinates."""
    w = np.where(lower == upper, 0.0, v)
    ahead = ((w > 0) & (x == upper)) | ((w < 0) & (x == lower))
    behind = ((w > 0) & (x == lower)) | ((w < 0) & (x == upper))
    return bool(ahead.any() and behind.any())


@st.composite
def boxed_problems(draw: st.DrawFn) -> Any:
    """A verb, a method, an x, and a box around it: wide, narrow, one-sided, touching or fixed in each coordinate."""
    n = draw(st.integers(1, 3))
    x, lower, upper = np.empty(n), np.empty(n), np.empty(n)
    for i in range(n):
        x[i] = draw(st.sampled_from([0.0, 1.0, -1.0, 0.3, 1e-9, -3e-4, 123.456, -1e6, 1.0 + EPS, 0.1]))
        for side, sign in ((lower, -1), (upper, 1)):
            room = draw(st.sampled_from([0.0, 0.0, np.inf, 10.0, 1e-1, 1e-3, 3e-6, 1e-8, 7e-12, "few ulp"]))
            if room == "few ulp":
                room = draw(st.integers(1, 40)) * np.spacing(abs(x[i]))
            side[i] = x[i] + sign * room
    name = draw(st.sampled_from(NAMES))
    method, accuracy = draw(st.sampled_from(PAIRS))
    v = np.array(draw(st.lists(st.sampled_from([1.0, -1.0, 0.5, -2.0, 0.0]), min_size=n, max_size=n)))
    if not v.any():
        v[0] = 1.0
    return name, method, accuracy, x, lower, upper, v, draw(st.integers(0, 1000))


@settings(max_examples=1500, deadline=None, suppress_health_check=list(HealthCheck))
@given(boxed_problems())
def test_never_outside_and_never_silently_wrong(problem: Any) -> None:
    name, method, accuracy, x, lower, upper, v, seed = problem
    second = name in ("hessian", "derivative2", "partial2", "hvp", "hessian_diagonal", "laplacian")
    # One-sided differences of accuracy 1 are exact on lines only; for second derivatives, on parabolas.
    f = Quadratic(x, 2 if second or accuracy > 1 else 1, seed)
    recorded = Recorded(f.entrywise if name.startswith("derivative") else f)
    options = {"method": method, "accuracy": accuracy, "bounds": (lower, upper), "full_output": True}
    result = differentiate(name, f, recorded, v, options)
    assert recorded.inside(lower, upper)
    fixed = lower == upper
    wanted = exact(name, f, v, fixed)
    value, status = np.asarray(result.value), result.status
    assert status.shape == value.shape == wanted.shape
    blank = status == Status.DOMAIN_LIMITED
    assert np.isnan(value[blank]).all()
    assert np.isfinite(value[~blank]).all()
    if name in ("jvp", "directional", "hvp") and cornered(x, lower, upper, v):
        assert blank.all() or not blank.any()  # the direction may be refused, or taken apart
        return
    assert not blank.any() or ((upper - lower)[~fixed] <= 64 * 9 * np.spacing(np.abs(x[~fixed]))).any()
    size = np.abs(f.slope).max() * (not second) + np.abs(f.curvature).max() + 1
    trusted = ~blank & (status <= Status.FIXED)
    # Round-off of the points: x + h is rounded, which a step of many ulp does not notice.
    np.testing.assert_allclose(value[trusted], wanted[trusted], rtol=0, atol=2e-2 * size * max(1.0, np.abs(v).sum()))


@settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
@given(boxed_problems())
def test_the_same_accuracy_where_the_box_has_room(problem: Any) -> None:
    name, method, accuracy, x, _, _, v, seed = problem
    second = name in ("hessian", "derivative2", "partial2", "hvp", "hessian_diagonal", "laplacian")
    f = Quadratic(x, 2 if second or accuracy > 1 else 1, seed)
    recorded = Recorded(f.entrywise if name.startswith("derivative") else f)
    faces = np.random.default_rng(seed).integers(0, 3, x.size)
    room = 100.0 * np.maximum(1.0, np.abs(x))
    lower, upper = np.where(faces == 0, x, x - room), np.where(faces == 1, x, x + room)
    options = {"method": method, "accuracy": accuracy, "bounds": (lower, upper), "full_output": True}
    result = differentiate(name, f, recorded, v, options)
    assert recorded.inside(lower, upper)
    if name in ("jvp", "directional", "hvp") and cornered(x, lower, upper, v):
        assert result.ok == bool(np.isfinite(result.value).all())
        return
    assert (result.status <= Status.NOISE_LIMITED).all()
    size = np.abs(f.slope).max() + np.abs(f.curvature).max()
    if np.abs(x).max() <= 1:
        np.testing.assert_allclose(result.value, exact(name, f, v, lower > upper), rtol=0, atol=1e-3 * size * 9)


@pytest.mark.parametrize(("method", "accuracy"), PAIRS)
@pytest.mark.parametrize("face", ["lower", "upper", "corner", "none"])
def test_accuracy_on_a_face(face: str, method: str, accuracy: int) -> None:
    """x**accuracy is differentiated exactly from inside, as it is without bounds."""
    x = np.array([1.0, 2.0])
    box = {
        "lower": (x, x + 1),
        "upper": (x - 1, x),
        "corner": ([1.0, 1.0], [2.0, 2.0]),
        "none": (-np.inf, np.inf),
    }[face]
    f = Recorded(lambda p: p[0] ** accuracy + 3 * p[1] ** accuracy)
    found = fd.gradient(f, x, method=method, accuracy=accuracy, bounds=box, step=2.0**-5)
    np.testing.assert_allclose(found, accuracy * x ** (accuracy - 1) * [1, 3], rtol=1e-7)
    assert f.inside(*box)


@pytest.mark.parametrize("wrap", ["tuple", "Bounds"])
@pytest.mark.parametrize("method", REAL_METHODS)
def test_fixed_coordinates_are_zero_and_say_so(method: str, wrap: str) -> None:
    from scipy.optimize import Bounds

    x = np.array([1.0, 2.0, 3.0])
    lower, upper = [0.0, 2.0, -np.inf], [5.0, 2.0, np.inf]
    bounds = Bounds(lower, upper) if wrap == "Bounds" else (lower, upper)
    f = Recorded(lambda p: p[0] * p[1] + p[1] ** 2 * p[2] ** 2)
    options: dict[str, Any] = {"method": method, "bounds": bounds, "full_output": True}
    result = fd.gradient(f, x, **options)
    np.testing.assert_allclose(result.value, [2, 0, 24], rtol=1e-5)
    np.testing.assert_array_equal(result.status == Status.FIXED, [False, True, False])
    assert result.ok
    assert "[1]" in result.message
    assert "fixed" in result.message
    hessian = fd.hessian(f, x, **options)
    np.testing.assert_allclose(hessian.value, [[0, 0, 0], [0, 0, 0], [0, 0, 8]], atol=1e-2)
    assert (hessian.status[1] == Status.FIXED).all()
    assert (hessian.status[:, 1] == Status.FIXED).all()
    assert hessian.gradient[1] == 0
    assert fd.partial(f, x, (1, 2), **options).status == Status.FIXED
    assert fd.jvp(f, x, [0, 1, 0], **options).status == Status.FIXED
    assert fd.jvp(f, x, [1, 1, 1], **options).value == pytest.approx(26, rel=1e-5)
    assert {p[1] for p in f.points} == {2.0}


def test_all_fixed() -> None:
    f = Recorded(lambda p: p.sum())
    result = fd.gradient(f, [1.0, 2.0], bounds=([1.0, 2.0], [1.0, 2.0]), full_output=True)
    np.testing.assert_array_equal(result.value, [0, 0])
    assert (result.status == Status.FIXED).all()
    assert result.nfev == f.calls <= 1
    assert not fd.gradient(f, [1.0, 2.0], bounds=([1.0, 2.0], [1.0, 2.0]), f0=3.0).any()
    assert not fd.hessian(f, [1.0, 2.0], bounds=([1.0, 2.0], [1.0, 2.0])).any()


@pytest.mark.parametrize("method", REAL_METHODS)
def test_a_box_without_room_is_said(method: str) -> None:
    """Two neighbouring numbers: a two-point difference may try, but must say that nothing is left of f."""
    x = np.array([1.0, 5.0])
    bounds = (x, [np.nextafter(1.0, 2), 9.0])
    f = Recorded(lambda p: p.sum())
    result = fd.gradient(f, x, method=method, bounds=bounds, full_output=True)
    assert result.status[0] in (Status.NOISE_LIMITED, Status.DOMAIN_LIMITED)
    assert np.isnan(result.value[0]) == (result.status[0] == Status.DOMAIN_LIMITED)
    assert "[0]" in result.message
    assert result.value[1] == pytest.approx(1.0, rel=1e-6)
    assert f.inside(*bounds)
    with pytest.warns(fd.AccuracyWarning, match=r"\[0\].*DOMAIN_LIMITED.*bounds"):
        fd.gradient(f, x, method=method, accuracy=4, bounds=bounds)


@pytest.mark.parametrize("width", [5, 7, 11, 101])
@pytest.mark.parametrize("verb", [fd.gradient, fd.hessian])
def test_few_representable_numbers_between_the_faces(verb: Any, width: int) -> None:
    """Three points of a one-sided stencil must lie at equal distances, or nothing may be claimed."""
    ulp = np.spacing(1.0)
    result = verb(lambda p: p[0] - 1, [1.0], bounds=(1.0, 1.0 + width * ulp), full_output=True)
    wrong = np.abs(result.value - (1.0 if verb is fd.gradient else 0.0)).max()
    assert wrong < 1e-2 or result.status.max() >= Status.NOISE_LIMITED


def test_bounds_take_precedence_over_a_stated_step() -> None:
    f = Recorded(lambda p: p[0] ** 2)
    result = fd.gradient(f, [0.5], step=3.0, bounds=(0.0, 1.0), full_output=True)
    assert f.inside(0.0, 1.0)
    assert result.value == pytest.approx(1.0)
    assert result.step <= 0.5


@pytest.mark.parametrize("cls", [fd.Gradient, fd.Jacobian, fd.Hessian])
def test_planned_objects_stay_inside(cls: Any) -> None:
    lower, upper = np.array([0.0, -1.0]), np.array([1.0, 1.0])
    f = Recorded(lambda p: np.sqrt(p[0]) + np.sqrt(1 - p[1] ** 2))
    planned = cls(f, bounds=(lower, upper), accuracy=4)
    rng = np.random.default_rng(0)
    for x in [*rng.uniform(lower, upper, (50, 2)).tolist(), [1e-9, 1 - 1e-12], [1.0, -1.0], [0.0, 0.0]]:
        assert planned(x).shape == ((2, 2) if cls is fd.Hessian else (2,))
    assert f.inside(lower, upper)


@pytest.mark.parametrize("x", [1e-300, 5e-324, 1e-12, 0.0])
def test_a_face_at_zero(x: float) -> None:
    f = Recorded(lambda p: np.sqrt(p[0]) * 0 + 3 * p[0])
    result = fd.gradient(f, [x], bounds=(0.0, np.inf), full_output=True)
    assert f.inside(0.0, np.inf)
    assert result.value == pytest.approx(3.0, rel=1e-6)


def test_directions_leave_the_box_on_neither_side() -> None:
    x, lower, upper = np.array([0.5, 0.0]), np.zeros(2), np.ones(2)
    for v in ([1.0, 1.0], [1.0, -1.0], [-1.0, -1e-9], [0.0, -3.0], [1e-12, 1.0]):
        f = Recorded(lambda p: p[0] ** 2 + p[0] * p[1])
        assert fd.jvp(f, x, v, bounds=(lower, upper)) == pytest.approx(v[0] + 0.5 * v[1], rel=1e-6)
        assert f.inside(lower, upper)


@pytest.mark.parametrize("name", ["jvp", "directional", "hvp"])
def test_a_direction_that_leaves_a_corner_on_both_sides(name: str) -> None:
    """Taken apart into coordinates, or refused; 0 would be a wrong number."""
    f = Recorded(lambda p: p.sum() + p @ p)
    x, v, bounds = [0.0, 1.0], [1.0, 1.0], (np.zeros(2), np.ones(2))
    result = getattr(fd, name)(f, x, v, bounds=bounds, full_output=True)
    wanted = {"jvp": 4.0, "directional": 4 / np.sqrt(2), "hvp": [2.0, 2.0]}[name]
    assert f.inside(*bounds)
    if not np.isnan(result.value).all():
        np.testing.assert_allclose(result.value, wanted, rtol=1e-3)
    else:
        assert (result.status == Status.DOMAIN_LIMITED).all()
