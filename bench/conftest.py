"""Peers may warn: their warnings are no failures of ours."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent.name == "bench":
            item.add_marker(pytest.mark.filterwarnings("ignore"))


@pytest.fixture
def timed(request: pytest.FixtureRequest) -> bool:
    """Whether times are measured; with --benchmark-disable everything runs once, and small."""
    return not request.config.getoption("benchmark_disable")
