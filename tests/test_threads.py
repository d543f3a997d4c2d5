"""The thread policy, and the guard against a fork."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from fastdiff import _threads


@pytest.mark.parametrize(("value", "threads"), [("1", 1), ("3", 3), ("7,2", 7), (" 2 ", 2), ("64", 64)])
def test_the_environment_wins(monkeypatch: pytest.MonkeyPatch, value: str, threads: int) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert _threads.available() == threads


@pytest.mark.parametrize("value", ["", "0", "-2", "many", "1.5", ","])
def test_what_makes_no_sense_is_passed_over(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    default = _threads.available()
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert _threads.available() == default >= 1


@pytest.mark.parametrize(("text", "quota"), [("150000 100000\n", 2), ("100000 100000", 1), ("50000 100000", 1)])
def test_the_quota_caps_the_cpus(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, quota: int) -> None:
    (tmp_path / "cpu.max").write_text(text)
    monkeypatch.setattr(_threads, "_CGROUP_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert _threads.available() == quota


@pytest.mark.parametrize("text", ["max 100000", "", "nonsense"])
def test_no_quota_caps_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str) -> None:
    (tmp_path / "cpu.max").write_text(text)
    monkeypatch.setattr(_threads, "_CGROUP_QUOTA", tmp_path / "cpu.max")
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert _threads.available() == 8


def test_little_work_takes_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert _threads.for_work(None, _threads.WORTHWHILE_SECONDS / 2) == 1
    assert _threads.for_work(None, 1.0) == 4
    assert _threads.for_work(3, 0.0) == 3  # asked for is asked for


def test_other_threads_take_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    found: list[int] = []
    worker = threading.Thread(target=lambda: found.extend([_threads.for_work(None, 1.0), _threads.for_work(2, 1.0)]))
    worker.start()
    worker.join()
    assert found == [1, 2]


@pytest.mark.parametrize(
    ("threads", "error"),
    [
        (0, ValueError),
        (-1, ValueError),
        (1025, ValueError),
        (1.0, TypeError),
        ("2", TypeError),
        (True, TypeError),
    ],
)
def test_bad_thread_counts_are_named(threads: object, error: type[Exception]) -> None:
    with pytest.raises(error, match="`threads`") as caught:
        _threads.for_work(threads, 1.0)
    assert str(threads) in str(caught.value)


FORK = """
import os, sys
import numpy as np
from fastdiff import _threads, grid
a = np.random.default_rng(0).standard_normal((600, 600))
before = grid.gradient(a, threads=2)
assert _threads.for_work(2, 1.0) == 2
child = os.fork()
if child == 0:
    assert _threads.for_work(2, 1.0) == 1
    again = grid.gradient(a, threads=2)
    os._exit(0 if all((x == y).all() for x, y in zip(before, again)) else 3)
_, status = os.waitpid(child, 0)
after = grid.gradient(a, threads=2)
assert all((x == y).all() for x, y in zip(before, after))
assert _threads.for_work(2, 1.0) == 2
print("child", os.waitstatus_to_exitcode(status))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_does_not_wait_for_threads_it_lost() -> None:
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORK]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "child 0"), done.stderr


def test_no_environment_asks_for_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "100000")
    assert _threads.for_work(None, 1.0) == _threads.MOST
