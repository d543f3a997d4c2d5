"""Registers the marks of NumPy's tests, which we collect from NumPy's wheel."""

import pytest


def pytest_configure(config: pytest.Config) -> None:
    for mark in ("slow", "thread_unsafe"):
        config.addinivalue_line("markers", f"{mark}: used by NumPy's tests")
