"""What all tests share: the profile of hypothesis, and no silent skips in continuous integration."""

import os

import hypothesis
import pytest

# Reasons for which a test may be skipped in continuous integration.
ALLOWED_SKIPS: tuple[str, ...] = ()

_skipped: list[tuple[str, str]] = []

hypothesis.settings.register_profile("default", deadline=None, derandomize=True)
hypothesis.settings.load_profile("default")


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember skipped tests and why."""
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if not any(allowed in reason for allowed in ALLOWED_SKIPS):
            _skipped.append((report.nodeid, reason))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A skipped test fails continuous integration."""
    if _skipped and os.environ.get("CI") == "true":
        for nodeid, reason in _skipped:
            print(f"\nskipped: {nodeid}: {reason}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
