"""`grid.gradient` without `accuracy` is `numpy.gradient`, bit for bit."""

import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from tests.strategies import calls, sound_calls

from fastdiff import grid
from fastdiff.grid._door import native

FOLDER = Path(tempfile.mkdtemp())


def outcome(function: Any, f: Any, spacing: Any, options: Any) -> Any:
    """Return what a call gives: its result, or the type and message of its error."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return function(f, *spacing, **options)
        except Exception as error:
            return type(error), str(error)


def assert_same_bits(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert type(ours) is type(theirs)
    assert ours.dtype == theirs.dtype
    assert ours.shape == theirs.shape
    assert ours.strides == theirs.strides
    if theirs.dtype.kind == "f":
        nan = np.isnan(theirs)
        assert np.array_equal(nan, np.isnan(ours))
        ours, theirs = np.where(nan, 0, ours), np.where(nan, 0, theirs)
    if theirs.dtype.char != "g":  # its padding is arbitrary
        assert ours.tobytes() == theirs.tobytes()
    else:
        assert np.array_equal(ours, theirs)


def assert_same(ours: Any, theirs: Any) -> None:
    assert type(ours) is type(theirs), (ours, theirs)
    if isinstance(theirs, tuple) and not (theirs and isinstance(theirs[0], type)):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same_bits(one, other)
    elif isinstance(theirs, np.ndarray):
        assert_same_bits(ours, theirs)
    else:
        assert ours == theirs


MANY = settings(deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


def check(call: Any) -> None:
    f, spacing, options = call
    theirs = outcome(np.gradient, f, spacing, options)
    assert_same(outcome(grid.gradient, f, spacing, options), theirs)
    assert_same(outcome(grid.gradient, f, spacing, options | {"threads": 3}), theirs)


@given(sound_calls(FOLDER))
@settings(MANY, max_examples=2500)
def test_what_the_kernels_serve_has_numpys_bits(call: Any) -> None:
    f, spacing, options = call
    assert native(f, spacing, options.get("axis"), options.get("edge_order", 1)) is not None
    check(call)


@given(calls(FOLDER))
@settings(MANY, max_examples=1500)
def test_every_other_call_is_numpys(call: Any) -> None:
    check(call)


def test_the_comparison_can_fail() -> None:
    with pytest.raises(AssertionError):
        assert_same_bits(np.array([0.0]), np.array([-0.0]))
    with pytest.raises(AssertionError):
        assert_same(np.zeros((2, 2)), np.zeros((2, 2), order="F"))
