"""NumPy's own tests of `gradient`, run with ours in its place."""

import numpy as np
import numpy.lib.tests.test_function_base as suite
import pytest

from fastdiff import grid


class TestGradient(suite.TestGradient):
    """Every test that NumPy has, collected under our roof."""

    @pytest.fixture(autouse=True)
    def ours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Replace both names that the tests use."""
        monkeypatch.setattr(suite, "gradient", grid.gradient)
        monkeypatch.setattr(np, "gradient", grid.gradient)
