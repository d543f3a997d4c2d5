"""What the adaptive method is asked wrongly: every message names the parameter, what was given and what would do."""

from typing import Any

import numpy as np
import pytest
from tests.recording import PLANNED, VERBS

import fastdiff as fd

X = np.array([1.0, 2.0])
RICHARDSON: dict[str, Any] = {"method": "richardson"}

# Options, the error, words of its message.
TABLE: dict[str, tuple[dict[str, Any], type[Exception], tuple[str, ...]]] = {
    "rtol negative": ({**RICHARDSON, "rtol": -1e-3}, ValueError, ("`rtol`", "-0.001", "0")),
    "rtol NaN": ({**RICHARDSON, "rtol": np.nan}, ValueError, ("`rtol`", "nan")),
    "rtol string": ({**RICHARDSON, "rtol": "1e-3"}, TypeError, ("`rtol`", "real numbers")),
    "rtol complex": ({**RICHARDSON, "rtol": 1j}, TypeError, ("`rtol`", "real", "complex128")),
    "rtol array": ({**RICHARDSON, "rtol": [1e-3, 1e-3]}, TypeError, ("`rtol`", "number")),
    "atol negative": ({**RICHARDSON, "atol": -1.0}, ValueError, ("`atol`", "-1.0", "0")),
    "atol NaN": ({**RICHARDSON, "atol": np.nan}, ValueError, ("`atol`", "nan")),
    "max_levels 2": ({**RICHARDSON, "max_levels": 2}, ValueError, ("`max_levels`", "2", "3")),
    "max_levels negative": ({**RICHARDSON, "max_levels": -1}, ValueError, ("`max_levels`", "-1", "3")),
    "max_levels float": ({**RICHARDSON, "max_levels": 8.0}, TypeError, ("`max_levels`", "integer", "8.0")),
    "max_levels bool": ({**RICHARDSON, "max_levels": True}, TypeError, ("`max_levels`", "True")),
    "max_levels huge": ({**RICHARDSON, "max_levels": 10**9}, ValueError, ("`max_levels`", "1000000000", "10000")),
    "noise negative": ({**RICHARDSON, "noise": -1e-9}, ValueError, ("`noise`", "-1e-09", "0")),
    "noise NaN": ({**RICHARDSON, "noise": np.nan}, ValueError, ("`noise`", "nan")),
    "noise above 1": ({**RICHARDSON, "noise": 2.0}, ValueError, ("`noise`", "2.0", "1")),
    "noise word": ({**RICHARDSON, "noise": "some"}, ValueError, ("`noise`", "'auto'", "'some'")),
    "noise array": ({**RICHARDSON, "noise": [1e-9]}, TypeError, ("`noise`", "number")),
    "on_error": ({**RICHARDSON, "on_error": "ignore"}, ValueError, ("`on_error`", "'raise'", "'edge'", "'ignore'")),
    "on_error bool": ({**RICHARDSON, "on_error": True}, ValueError, ("`on_error`", "'raise'", "'edge'", "True")),
    "accuracy": ({**RICHARDSON, "accuracy": 4}, ValueError, ("`accuracy`", "'richardson'", "`rtol`", "`atol`")),
    "step negative": ({**RICHARDSON, "step": -1.0}, ValueError, ("`step`", "positive")),
    "two steps": ({**RICHARDSON, "step": 1.0, "x_scale": 1.0}, ValueError, ("`step`", "`x_scale`")),
    "batches of nothing": ({**RICHARDSON, "batch_bytes": 1000}, ValueError, ("`batch_bytes`", "vectorized=False")),
    "batch_bytes 0": (
        {**RICHARDSON, "batch_bytes": 0, "vectorized": True},
        ValueError,
        ("`batch_bytes`", "0", "1"),
    ),
    "batch_bytes float": (
        {**RICHARDSON, "batch_bytes": 1e6, "vectorized": True},
        TypeError,
        ("`batch_bytes`", "integer"),
    ),
    "method misspelt": ({"method": "richardsen"}, ValueError, ("`method`", "'richardson'", "'richardsen'")),
    "scipy": ({**RICHARDSON, "backend": "scipy"}, ValueError, ("'richardson'", "SciPy", "'fastdiff'")),
    "scipy and noise": ({"noise": 1e-8, "backend": "scipy"}, ValueError, ("`noise`", "SciPy", "'fastdiff'")),
}
TABLE |= {
    f"{name} with {method}": (
        {"method": method, name: value},
        ValueError,
        (f"`{name}`", f"{method!r}", "'richardson'"),
    )
    for method in ("central", "forward", "backward", "complex")
    for name, value in {"rtol": 1e-3, "atol": 1e-3, "max_levels": 9, "on_error": "edge"}.items()
}


@pytest.mark.parametrize("case", TABLE)
def test_bad_options_are_named(case: str) -> None:
    options, error, words = TABLE[case]
    calls: list[Any] = []
    with pytest.raises(error) as caught:
        fd.gradient(lambda x: calls.append(0) or 1.0, X, **options)
    message = str(caught.value)
    assert [word for word in words if word not in message] == [], message
    assert "np.float64" not in message
    assert not calls  # judged before f is called


@pytest.mark.parametrize("options", [{"rtol": -1}, {"max_levels": 1}, {"on_error": "x"}, {"accuracy": 2}], ids=str)
@pytest.mark.parametrize("name", [*VERBS, *PLANNED, "gradient_field"])
def test_every_door_judges_its_options(name: str, options: dict[str, Any]) -> None:
    doors = {
        "gradient_field": lambda **o: fd.gradient_field(np.add, X, X, **o),
        **{verb: lambda **o: VERBS[name](np.sin, X, **o) for verb in VERBS},
        **{cls: lambda **o: PLANNED[name](np.sin, **o) for cls in PLANNED},
    }
    with pytest.raises(ValueError, match=next(iter(options))):
        doors[name](**RICHARDSON, **options)


@pytest.mark.parametrize(
    "options",
    [{"rtol": 0}, {"rtol": np.float32(1e-3)}, {"atol": 0}, {"max_levels": np.int64(3)}, {"noise": 0}, {"noise": 1}],
    ids=str,
)
def test_the_limits_of_what_will_do(options: dict[str, Any]) -> None:
    result = fd.gradient(lambda x: x @ x, X, full_output=True, **RICHARDSON, **options)
    assert (np.abs(result.value - 2 * X) <= result.error).all()


@pytest.mark.parametrize("name", [name for name in VERBS if name != "derivative"])
@pytest.mark.parametrize("value", [None, "a", [1.0, "a"]], ids=str)
def test_what_f_returns_is_judged(name: str, value: Any) -> None:
    with pytest.raises(TypeError, match="`f`"):
        VERBS[name](lambda x: value, X, **RICHARDSON)


@pytest.mark.parametrize("name", VERBS)
def test_complex_values_are_refused_by_name(name: str) -> None:
    with pytest.raises(TypeError, match="complex"):
        VERBS[name](lambda x: 1j * np.ones(2) if name == "derivative" else 1j, X, **RICHARDSON)


@pytest.mark.parametrize("name", VERBS)
def test_a_step_that_is_lost_is_named(name: str) -> None:
    with pytest.raises(ValueError, match=r"`step`.*lost"):
        VERBS[name](np.sin if name == "derivative" else lambda x: x @ x, X, step=1e-20, **RICHARDSON)


def test_a_wrong_f0_is_named() -> None:
    for f0, error in (([1.0, 2.0], ValueError), ("1", TypeError), (1j, TypeError)):
        with pytest.raises(error, match="`f0`"):
            fd.gradient(lambda x: x @ x, X, f0=f0, **RICHARDSON)


@pytest.mark.parametrize("name", ["gradient", "jacobian", "hessian"])
def test_f_that_changes_its_shape_is_named(name: str) -> None:
    calls = [0]

    def f(x: Any) -> Any:
        calls[0] += 1
        return x[0] if calls[0] < 3 else x

    with pytest.raises(ValueError, match=r"`f`.*shape"):
        VERBS[name](f, X, **RICHARDSON)
