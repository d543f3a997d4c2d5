"""Workers of every kind give what this process alone gives, and say what went wrong."""

import concurrent.futures as cf
import multiprocessing as mp
import operator
import os
import pickle
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pytest
from tests.recording import METHODS, PLANNED, VERBS, Recorded

import fastdiff as fd
from fastdiff import _threads
from fastdiff.function import _blocks, _pool, _workers
from fastdiff.function._evaluate import Batch

X = np.array([0.7, 1.3, 0.4])
FORKSERVER = mp.get_context("forkserver")


def made() -> dict[str, Callable[..., Any]]:
    """Return functions that no module has: they reach another process by value."""

    def scalar(x: Any) -> Any:
        return np.exp(x[0]) * x[1] ** 2 + np.sin(x[2] * x[1])

    def vector(x: Any) -> Any:
        return np.stack([x[0] * x[1], np.sin(x[2]), x[0] ** 2])

    def elementwise(x: Any) -> Any:
        return x**3

    def columns(x: Any) -> Any:
        return np.exp(x[0]) * x[1] ** 2

    def single(x: Any) -> Any:
        return np.float32(x[0] * x[1])

    def edge(x: Any) -> Any:
        if x[0] < 0:
            raise ValueError("off")
        return np.sqrt(x[0]) * x[1]

    def late(x: Any) -> Any:
        if x[1] > 1.3:
            raise KeyError("late", 7)
        return x[0]

    def dies(x: Any) -> Any:
        os._exit(3)

    def nested(x: Any) -> Any:
        return fd.gradient(lambda y: y[0] * y[1], x, workers=2)[0]

    return dict(locals())


F = made()


@pytest.fixture(scope="module")
def kinds() -> Iterator[dict[str, Any]]:
    """One of each kind that is made in this process or on this machine."""
    with ExitStack() as stack:
        yield {
            "a number": 2,
            "processes": stack.enter_context(cf.ProcessPoolExecutor(2, mp_context=FORKSERVER)),
            "threads": stack.enter_context(cf.ThreadPoolExecutor(2)),
            "Pool": stack.enter_context(FORKSERVER.Pool(2)),
            "ThreadPool": stack.enter_context(ThreadPool(2)),
            "joblib": joblib.Parallel(2, backend="loky"),
            "joblib threads": joblib.Parallel(2, backend="threading"),
            "joblib generator": joblib.Parallel(2, backend="threading", return_as="generator_unordered"),
            "map": map,
            "executor's map": stack.enter_context(cf.ThreadPoolExecutor(2)).map,
            "backwards": lambda f, items: [f(item) for item in list(items)[::-1]],
        }


KINDS = (
    "a number", "processes", "threads", "Pool", "ThreadPool", "joblib", "joblib threads", "joblib generator", "map",
    "executor's map", "backwards",
)  # fmt: skip


def same(found: fd.DerivativeResult, wanted: fd.DerivativeResult) -> None:
    for name in ("value", "error", "step", "status", "nfev"):
        np.testing.assert_array_equal(getattr(found, name), getattr(wanted, name), err_msg=name)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_gives_the_same_bits(kinds: dict[str, Any], kind: str) -> None:
    workers = kinds[kind]
    for method in (*METHODS, "richardson"):
        for verb, f in (("gradient", "scalar"), ("jacobian", "vector"), ("hessian", "scalar"), ("jvp", "vector")):
            options: dict[str, Any] = {"method": method, "full_output": True}
            same(VERBS[verb](F[f], X, workers=workers, **options), VERBS[verb](F[f], X, **options))
    same(
        fd.gradient(F["columns"], X, vectorized=True, workers=workers, full_output=True),
        fd.gradient(F["columns"], X, vectorized=True, full_output=True),
    )


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("kind", ["a number", "backwards"])
def test_every_verb(kinds: dict[str, Any], kind: str, verb: str) -> None:
    f = F["elementwise"] if verb == "derivative" else F["scalar"]
    for method in ("central", "richardson"):
        options: dict[str, Any] = {"method": method, "full_output": True}
        same(VERBS[verb](f, X, workers=kinds[kind], **options), VERBS[verb](f, X, **options))


@pytest.mark.parametrize("kind", ["a number", "threads"])
def test_planned_objects_and_fields(kinds: dict[str, Any], kind: str) -> None:
    workers = kinds[kind]
    for cls in PLANNED.values():
        planned, plain = cls(F["scalar"], workers=workers), cls(F["scalar"])
        for x in (X, X + 1):
            np.testing.assert_array_equal(planned(x), plain(x))
        assert planned.nfev == plain.nfev
    weighted = fd.Hessian(F["vector"], weighted=True, workers=workers)
    np.testing.assert_array_equal(weighted(X, [1, 2, 3]), fd.Hessian(F["vector"], weighted=True)(X, [1, 2, 3]))
    axes = [0.0, 1.0], [1.0, 2.0]
    for found, wanted in zip(
        fd.gradient_field(operator.mul, *axes, workers=workers), fd.gradient_field(operator.mul, *axes), strict=True
    ):
        np.testing.assert_array_equal(found, wanted)
    x = {"a": X, "b": 2.0}
    tree = fd.gradient(lambda p: (p["a"] * p["b"]).sum(), x, workers=workers)
    np.testing.assert_allclose(tree["a"], 2.0)


def test_a_planned_object_with_a_number_can_be_pickled() -> None:
    planned = pickle.loads(pickle.dumps(fd.Gradient(operator.itemgetter(0), workers=2)))
    np.testing.assert_allclose(planned(X), [1, 0, 0], atol=1e-9)


@pytest.mark.parametrize("kind", ["a number", "threads", "backwards"])
def test_the_precision_of_f_decides_the_steps(kinds: dict[str, Any], kind: str) -> None:
    found = fd.gradient(F["single"], X, workers=kinds[kind], full_output=True)
    wanted = fd.gradient(F["single"], X, full_output=True)
    np.testing.assert_array_equal(found.value, wanted.value)
    np.testing.assert_array_equal(found.step, wanted.step)

    def mixed(x: Any) -> Any:  # the first value counts
        return np.float32(x[1]) if x[1] != 1.3 else float(x[0])

    found = fd.gradient(mixed, X, workers=kinds[kind], full_output=True)
    wanted = fd.gradient(mixed, X, full_output=True)
    np.testing.assert_array_equal(found.value, wanted.value)
    np.testing.assert_array_equal(found.step, wanted.step)


@pytest.mark.parametrize("kind", ["a number", "threads", "backwards"])
def test_exceptions_may_be_edges(kinds: dict[str, Any], kind: str) -> None:
    options: dict[str, Any] = {"method": "richardson", "on_error": "edge", "full_output": True}
    for x in ([1e-9, 1.0], [0.1, 2.0]):
        same(fd.gradient(F["edge"], x, workers=kinds[kind], **options), fd.gradient(F["edge"], x, **options))
    with pytest.raises(ValueError, match="off"):
        fd.gradient(F["edge"], [-1.0, 1.0], workers=kinds[kind], **options)


# ---- what a task is


def test_blocks_are_few_contiguous_and_small() -> None:
    sent: list[Any] = []

    class Pool:
        _processes = 3

        def map(self, task: Any, blocks: Any) -> Any:
            for block in blocks:
                sent.append((pickle.dumps(block), len(block.points)))
                yield task(block)

    n = 1000
    np.testing.assert_array_equal(
        fd.gradient(operator.itemgetter(0), np.ones(n), workers=Pool()), fd.gradient(operator.itemgetter(0), np.ones(n))
    )
    assert len(sent) == 12
    assert sum(points for _, points in sent) == 2 * n
    for data, points in sent:  # a number of bytes for each coordinate and each point, not for each of their pairs
        assert len(data) <= 8 * n + 32 * points + 2000


def test_f_is_pickled_once_and_not_at_all_for_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    count = 0

    def dumped(recipe: Any) -> bytes:
        nonlocal count
        count += 1
        return original(recipe)

    original = _blocks._dumped
    monkeypatch.setattr(_blocks, "_dumped", dumped)
    lock = threading.Lock()  # can't be pickled

    def f(x: Any) -> Any:
        with lock:
            return x[0] * x[1]

    with cf.ThreadPoolExecutor(2) as threads, ThreadPool(2) as pool:
        for workers in (threads, pool, map, joblib.Parallel(2, backend="threading"), 1):
            np.testing.assert_allclose(fd.gradient(f, X, workers=workers), [1.3, 0.7, 0], atol=1e-9)
    assert count == 0
    fd.gradient(F["scalar"], np.ones(40), workers=2)
    assert count == 1


def test_rows_of_a_batch_need_their_own_base_points_only() -> None:
    base = np.arange(12.0).reshape(4, 3)
    start, indptr = np.array([0, 3, 3, 1]), np.array([0, 1, 1, 3, 4])
    indices, values = np.array([0, 1, 2, 0]), np.array([-1.0, -2.0, -3.0, -4.0])
    for batch in (
        Batch(base),
        Batch(base, start),
        Batch(base[:1], None, indptr, indices, values),
        Batch(base, start, indptr, indices, values),
    ):
        whole = batch.columns(0, len(batch))
        for first in range(4):
            for last in range(first + 1, 5):
                part = pickle.loads(pickle.dumps(batch.rows(first, last)))
                np.testing.assert_array_equal(part.columns(0, last - first), whole[:, first:last])
                assert len(part.base) <= max(1, last - first)


def test_many_points_and_one_point() -> None:
    np.testing.assert_array_equal(
        fd.gradient(operator.itemgetter(3), np.ones(256), workers=2), fd.gradient(operator.itemgetter(3), np.ones(256))
    )
    assert fd.gradient(operator.itemgetter(0), [1.0], method="forward", f0=1.0, workers=2).shape == (1,)
    assert fd.gradient(np.sum, np.empty(0), workers=2).shape == (0,)


# ---- numbers of processes


def test_one_is_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_pool, "warm", lambda count: pytest.fail("a pool was asked for"))
    recorded = Recorded(F["scalar"])
    fd.gradient(recorded, X, workers=1)
    fd.gradient(recorded, X, workers=np.int64(1))
    assert recorded.calls == 12
    monkeypatch.setattr(_threads, "processors", lambda: 1)
    fd.gradient(recorded, X, workers=-1)
    assert recorded.calls == 18


def test_all_processors_whatever_openmp_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert _workers.crew(-1).width in (1, _threads.processors())
    monkeypatch.setattr(_threads, "processors", lambda: 5)
    assert _workers.crew(-1).width == 5


def test_pools_stay_warm_side_by_side() -> None:
    first = _pool.warm(2)
    second = _pool.warm(3)
    assert _pool.warm(2) is first
    assert _pool.warm(3) is second
    _pool.discard(second)
    assert _pool.warm(3) is not second

    def many(count: int) -> Any:
        return [fd.gradient(operator.itemgetter(0), X, workers=count) for _ in range(10)]

    with cf.ThreadPoolExecutor(4) as threads:
        for found in threads.map(many, (2, 3, 2, 3)):
            np.testing.assert_allclose(found, [[1, 0, 0]] * 10, atol=1e-9)


def test_free_threaded_python_uses_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "_is_gil_enabled", lambda: False, raising=False)
    pool = _pool.warm(7)
    assert isinstance(pool, cf.ThreadPoolExecutor)
    np.testing.assert_array_equal(fd.gradient(F["scalar"], X, workers=7), fd.gradient(F["scalar"], X))
    _pool.discard(pool)


def test_f_may_use_workers_itself() -> None:
    np.testing.assert_allclose(fd.gradient(F["nested"], X, workers=2), [0, 1, 0], atol=1e-5)


FORKING = """
import os
import numpy as np
import fastdiff as fd

if __name__ == "__main__":
    x = np.ones(3)
    wanted = fd.gradient(np.sum, x, workers=2)
    child = os.fork()
    if child == 0:
        os._exit(0 if (fd.gradient(np.sum, x, workers=2) == wanted).all() else 1)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_is_alone(tmp_path: Path) -> None:
    done = run(FORKING, tmp_path)
    assert done.stdout.strip() == "0", done.stderr[-2000:]


def test_f_may_ask_for_the_worker_it_runs_on() -> None:
    with cf.ThreadPoolExecutor(1) as one, cf.ProcessPoolExecutor(1, mp_context=FORKSERVER) as process:
        found = fd.gradient(lambda x: fd.gradient(lambda y: y[0] * y[1], x, workers=one)[0], X, workers=one)
        np.testing.assert_allclose(found, [0, 1, 0], atol=1e-5)
        for workers in (process, joblib.Parallel(2)):
            np.testing.assert_allclose(fd.gradient(F["nested"], X, workers=workers), [0, 1, 0], atol=1e-5)


ORPHANS = """
import os
import numpy as np
import fastdiff as fd

def pid(x):
    return float(os.getpid())

if __name__ == "__main__":
    print(int(fd.gradient(pid, np.ones(1), method="forward", workers=2, step=1.0, f0=0.0)[0]), flush=True)
    os._exit(0)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there are no signals of POSIX")
def test_workers_end_with_their_parent_however_it_ends(tmp_path: Path) -> None:
    done = run(ORPHANS, tmp_path)
    worker, end = int(done.stdout), time.monotonic() + 20
    while time.monotonic() < end:
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail(f"process {worker} is still there")


def test_daemons_are_alone() -> None:
    with FORKSERVER.Pool(1) as pool:
        np.testing.assert_allclose(fd.gradient(F["nested"], X, workers=pool), [0, 1, 0], atol=1e-5)


# ---- faults


@pytest.mark.parametrize("workers", [0, -2, 1.5, True, "2", [2], object(), cf.ThreadPoolExecutor, np.ones(2)], ids=str)
def test_what_workers_may_be(workers: Any) -> None:
    with pytest.raises((TypeError, ValueError), match="`workers`"):
        fd.gradient(F["scalar"], X, workers=workers)
    with pytest.raises((TypeError, ValueError), match="`workers`"):
        fd.Gradient(F["scalar"], workers=workers)


@pytest.mark.parametrize("kind", KINDS)
def test_an_exception_arrives_as_itself_with_the_point(kinds: dict[str, Any], kind: str) -> None:
    with pytest.raises(KeyError) as caught:
        fd.gradient(F["late"], X, workers=kinds[kind])
    assert caught.value.args == ("late", 7)
    assert "f was called at x = [0.7" in caught.value.__notes__[0]
    assert "1.30000" in caught.value.__notes__[0]
    if kind in ("a number", "processes", "Pool", "joblib"):
        assert "in late" in caught.value.__notes__[1]


def test_a_type_error_of_f_is_not_taken_for_wrong_workers(kinds: dict[str, Any]) -> None:
    for kind in KINDS:
        with pytest.raises(TypeError, match="did not contain a loop"):
            fd.gradient(lambda x: x[0] + "1", X, workers=kinds[kind])


class Worded(Exception):
    """An exception that words its argument."""

    def __init__(self, word: str) -> None:
        super().__init__(f"the word {word}")


class Odd(Exception):
    """An exception whose arguments are not those of its __init__."""

    def __init__(self, a: int, b: int) -> None:
        super().__init__(f"{a} and {b}")
        self.a = a


@pytest.mark.parametrize("kind", ["a number", "processes", "Pool", "joblib", "threads"])
def test_an_exception_that_pickle_cannot_make_again(kinds: dict[str, Any], kind: str) -> None:
    class Local(Exception):
        def __init__(self, a: int, b: int) -> None:
            super().__init__(f"{a} and {b}")
            self.a = a

    def f(x: Any) -> Any:
        raise Local(1, 2)

    with pytest.raises(Local, match="1 and 2") as caught:
        fd.gradient(f, X, workers=kinds[kind])
    assert caught.value.a == 1


def test_exceptions_become_bytes() -> None:
    found = pickle.loads(_blocks._portable(Odd(1, 2)))
    assert type(found) is Odd
    assert (str(found), found.a) == ("1 and 2", 1)
    found = pickle.loads(_blocks._portable(Worded("once")))
    assert str(found) == "the word once"
    found = pickle.loads(_blocks._portable(KeyError("a", 3)))
    assert (type(found), found.args) == (KeyError, ("a", 3))


@pytest.mark.parametrize("kind", ["a number", "Pool", "joblib"])
def test_an_exception_that_cannot_leave_its_process(kinds: dict[str, Any], kind: str) -> None:
    def f(x: Any) -> Any:
        error = ValueError("locked")
        error.lock = threading.Lock()  # type: ignore[attr-defined]
        raise error

    with pytest.raises(RuntimeError, match="ValueError: locked"):
        fd.gradient(f, X, workers=kinds[kind])


@dataclass(frozen=True)
class Frozen(Exception):
    """An exception that takes no notes."""

    value: int


def test_an_exception_that_takes_no_notes(kinds: dict[str, Any]) -> None:
    def f(x: Any) -> Any:
        raise Frozen(3)

    for kind in ("threads", "backwards"):
        with pytest.raises(Frozen):
            fd.gradient(f, X, workers=kinds[kind])


@pytest.mark.parametrize("kind", KINDS)
def test_leaving_the_process_arrives_as_itself(kinds: dict[str, Any], kind: str) -> None:
    def f(x: Any) -> Any:
        sys.exit(0)

    with pytest.raises(SystemExit) as caught:
        fd.gradient(f, X, workers=kinds[kind])
    assert caught.value.code == 0


@pytest.mark.parametrize("kind", KINDS)
def test_floating_point_errors_are_handled_as_here(kinds: dict[str, Any], kind: str) -> None:
    def f(x: Any) -> Any:
        return np.divide(x[0], x[1] - 1.3)

    with np.errstate(all="raise"), pytest.raises(FloatingPointError):
        fd.gradient(f, X, workers=kinds[kind])


def test_a_replaced_worker_that_dies_is_an_error() -> None:
    def f(x: Any) -> Any:
        if x[-1] != 1.0:
            os._exit(3)
        return x[0]

    with (
        FORKSERVER.Pool(2, maxtasksperchild=1) as pool,
        pytest.raises(RuntimeError, match="`workers`: a process died"),
    ):
        fd.gradient(f, np.ones(40), workers=pool)


CHILD = """
import multiprocessing
import numpy as np
import fastdiff as fd

def work():
    print(fd.gradient(np.sum, np.ones(2), workers=2), flush=True)

if __name__ == "__main__":
    child = multiprocessing.get_context("forkserver").Process(target=work)
    child.start()
    child.join(60)
    print(child.exitcode)
    child.kill()
"""


def test_a_child_process_that_used_workers_ends(tmp_path: Path) -> None:
    done = run(CHILD, tmp_path)
    assert done.stdout.split("\n")[:2] == ["[1. 1.]", "0"], done.stderr[-2000:]


def test_the_first_exception_counts_whatever_the_order(kinds: dict[str, Any]) -> None:
    def f(x: Any) -> Any:
        k = int(np.argmax(x != 1.0))
        if k >= 3:
            raise ValueError(f"coordinate {k}")
        return x[0]

    for kind in KINDS:
        with pytest.raises(ValueError, match="coordinate 3"):
            fd.gradient(f, np.ones(20), workers=kinds[kind])


@pytest.mark.parametrize("kind", ["a number", "processes", "Pool", "joblib"])
def test_a_worker_that_dies_is_an_error(kind: str) -> None:
    with ExitStack() as stack:
        workers: Any = {
            "a number": lambda: 2,
            "processes": lambda: stack.enter_context(cf.ProcessPoolExecutor(2, mp_context=FORKSERVER)),
            "Pool": lambda: stack.enter_context(FORKSERVER.Pool(2)),
            "joblib": lambda: joblib.Parallel(2),
        }[kind]()
        with pytest.raises(RuntimeError, match="`workers`: a process died"):
            fd.gradient(F["dies"], X, workers=workers)
    assert fd.gradient(F["scalar"], X, workers=2).shape == (3,)  # the next pool is a new one


def test_an_executor_that_is_shut_down() -> None:
    executors: list[Any] = [cf.ThreadPoolExecutor(1), cf.ProcessPoolExecutor(1, mp_context=FORKSERVER)]
    for executor in executors:
        executor.shutdown()
        with pytest.raises(RuntimeError, match=r"`workers` failed: .*shutdown"):
            fd.gradient(F["scalar"], X, workers=executor)
    with ThreadPool(1) as pool:
        pass
    with pytest.raises(RuntimeError, match=r"`workers` failed: .*not running"):
        fd.gradient(F["scalar"], X, workers=pool)


@pytest.mark.parametrize("kind", ["a number", "processes", "Pool", "joblib"])
def test_an_f_that_cannot_be_pickled(kinds: dict[str, Any], kind: str) -> None:
    lock = threading.Lock()
    with pytest.raises(TypeError, match="`f` can't be pickled for `workers`"):
        fd.gradient(lambda x: x[0] + lock.locked(), X, workers=kinds[kind])


def test_without_cloudpickle_it_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    with pytest.raises(TypeError, match="define it at the top level of a module, or install cloudpickle"):
        fd.gradient(lambda x: x[0], X, workers=2)


def test_an_f_that_a_worker_cannot_find() -> None:
    module = type(sys)("only_here")
    exec("def f(x):\n    return x[0]", module.__dict__)
    module.f.__module__ = "only_here"
    sys.modules["only_here"] = module
    try:
        with pytest.raises(TypeError, match=r"`f` can't be unpickled by a worker .*only_here"):
            fd.gradient(module.f, X, workers=2)
    finally:
        del sys.modules["only_here"]


@pytest.mark.parametrize(
    ("workers", "words"),
    [
        (lambda f, items: [f(item) for item in list(items)[1:]], "must return one result for each of"),
        (lambda f, items: [None for _ in items], "must return what the function it is given returns"),
        (lambda f, items: None, "`workers` failed: TypeError"),
        (lambda f: None, "`workers` failed: TypeError"),
        (lambda f, items: 1 / 0, "`workers` failed: ZeroDivisionError"),
    ],
)
def test_map_like_callables_that_are_not(workers: Any, words: str) -> None:
    with pytest.raises((TypeError, ValueError, RuntimeError), match=words):
        fd.gradient(F["scalar"], X, workers=workers)


def test_a_changing_shape_is_an_error(kinds: dict[str, Any]) -> None:
    def f(x: Any) -> Any:
        return np.ones(2 if x[2] == 0.4 else 3)

    for kind in ("a number", "threads", "backwards"):
        with pytest.raises(ValueError, match=r"returned the shape \(2,\) first and \(3,\) later"):
            fd.jacobian(f, X, workers=kinds[kind])


def test_pairs_that_make_no_sense() -> None:
    for option in ({"workers": 2}, {"progress": True}):
        with pytest.raises(ValueError, match="SciPy can't do `"):
            fd.gradient(F["scalar"], X, backend="scipy", **option)
        with pytest.raises(ValueError, match="can't be used with a compiled f"):
            fd.gradient(fd.jit(F["elementwise"]), X, **option)


def run(script: str, folder: Path, *before: str) -> subprocess.CompletedProcess[str]:
    path = folder / "script.py"
    path.write_text(textwrap.dedent(script))
    return subprocess.run(
        [*before, sys.executable, str(path)], capture_output=True, text=True, timeout=120, check=False, cwd=folder
    )


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send to another process")
def test_ctrl_c_stops_workers_at_once(tmp_path: Path) -> None:
    path = tmp_path / "script.py"
    path.write_text(
        textwrap.dedent("""
        import signal, time
        import numpy as np
        import fastdiff as fd

        def slow(x):
            time.sleep(60)
            return x[0]

        if __name__ == "__main__":
            signal.signal(signal.SIGINT, signal.default_int_handler)
            fd.gradient(np.sum, np.ones(4), workers=2)  # the pool is warm
            print("ready", flush=True)
            try:
                fd.gradient(slow, np.ones(4), workers=2)
            except KeyboardInterrupt:
                print("stopped", flush=True)
        """)
    )
    with subprocess.Popen(
        [sys.executable, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(0.7)
            child.send_signal(signal.SIGINT)
            start = time.perf_counter()
            out, err = child.communicate(timeout=30)
            assert (child.returncode, out) == (0, "stopped\n"), err[-2000:]
            assert time.perf_counter() - start < 10
        finally:
            child.kill()


def test_a_script_with_a_guard_works_and_one_without_says_so(tmp_path: Path) -> None:
    body = """
    import numpy as np
    import fastdiff as fd

    def f(x):
        return x[0] * x[1]

    """
    done = run(body + "if __name__ == '__main__':\n        print(fd.gradient(f, np.ones(2), workers=2))", tmp_path)
    assert done.stdout.strip() == "[1. 1.]", done.stderr[-2000:]
    done = run(body + "print(fd.gradient(f, np.ones(2), workers=2))", tmp_path)
    assert done.returncode != 0
    assert "`workers`: a process died" in done.stderr
    assert '`if __name__ == "__main__":`' in done.stderr


# ---- progress


def test_progress_counts_to_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    for workers in (None, 2, map):
        for method in ("central", "richardson"):
            found = fd.gradient(F["scalar"], X, method=method, workers=workers, progress=True, full_output=True)
            same(found, fd.gradient(F["scalar"], X, method=method, full_output=True))
            text = capsys.readouterr().err
            assert f"{found.nfev}/{found.nfev}" in text
            assert "100%" in text
            assert text.endswith("\n")
    for f in (np.sin, lambda x: np.float32(x * x)):  # one call counts for all entries; a precision found starts anew
        fd.derivative(f, X, progress=True)
        last = capsys.readouterr().err.splitlines()[-1]
        assert "2/2" in last
        assert "100%" in last
    fd.gradient(F["scalar"], X, progress=False)
    assert capsys.readouterr().err == ""


def test_the_bar_is_closed_when_f_raises(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError):
        fd.gradient(F["late"], X, progress=True)
    text = capsys.readouterr().err
    assert "/6" in text
    assert text.endswith("\n")


def test_progress_needs_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    from fastdiff import _dispatch

    _dispatch.progress_bar.cache_clear()
    monkeypatch.setitem(sys.modules, "tqdm", None)
    try:
        with pytest.raises(ImportError, match=r"`progress`=True needs tqdm.*pip install tqdm"):
            fd.gradient(F["scalar"], X, progress=True)
    finally:
        _dispatch.progress_bar.cache_clear()
    with pytest.raises(TypeError, match="`progress`"):
        fd.gradient(F["scalar"], X, progress=1)


def test_a_bar_does_not_divide_the_calls_of_a_vectorized_function(capsys: pytest.CaptureFixture[str]) -> None:
    def sizes(**options: Any) -> list[int]:
        found: list[int] = []

        def f(x: Any) -> Any:
            found.append(x.shape[1])
            return x.sum(axis=0)

        fd.gradient(f, np.ones(50), vectorized=True, batch_bytes=50 * 8 * 7, **options)
        return found

    assert sizes(progress=True) == sizes()
    assert capsys.readouterr().err


def test_a_point_that_no_other_precision_needs_may_raise(kinds: dict[str, Any]) -> None:
    def f(x: Any) -> Any:
        if abs(x[1] - 1.3) < 1e-4 and x[1] != 1.3:
            raise ValueError("at the steps of another precision")
        return np.float32(x[0] * x[1])

    for kind in ("a number", "threads", "backwards"):
        np.testing.assert_array_equal(fd.gradient(f, X, workers=kinds[kind]), fd.gradient(f, X))


def test_a_value_known_and_a_domain_that_ends() -> None:
    def f(x: Any) -> Any:
        return float(x[0]) ** 0.5 * float(x[1]) ** 0.5

    options: dict[str, Any] = {"method": "richardson", "step": 0.5, "f0": f([1e-3, 1.0]), "full_output": True}
    wanted = fd.gradient(f, [1e-3, 1.0], **options)
    same(fd.gradient(f, [1e-3, 1.0], workers=2, **options), wanted)


# ---- clusters


def test_a_dask_cluster(tmp_path: Path) -> None:
    script = """
    import warnings
    warnings.simplefilter("error")
    warnings.filterwarnings("ignore", module="distributed|dask|tornado|zict")
    import numpy as np
    import fastdiff as fd
    from distributed import Client, LocalCluster

    def f(x):
        return np.exp(x[0]) * x[1:].sum()

    def bad(x):
        raise KeyError("late", 7)

    if __name__ == "__main__":
        with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster:
            with Client(cluster) as client:
                x = np.linspace(0.5, 1.5, 20)
                for method in ("central", "forward", "complex", "richardson"):
                    found = fd.gradient(f, x, method=method, workers=client)
                    assert (found == fd.gradient(f, x, method=method)).all(), method
                try:
                    fd.gradient(bad, x, workers=client)
                except KeyError as error:
                    assert error.args == ("late", 7), error.args
                    print("right")
    """
    done = run(script, tmp_path)
    assert done.stdout.strip() == "right", done.stderr[-3000:]


def test_two_mpi_ranks(tmp_path: Path) -> None:
    script = """
    import numpy as np
    import fastdiff as fd
    from mpi4py import MPI
    from mpi4py.futures import MPICommExecutor

    def f(x):
        return np.exp(x[0]) * x[1:].sum()

    with MPICommExecutor(MPI.COMM_WORLD, root=0) as executor:
        if executor is not None:
            x = np.linspace(0.5, 1.5, 20)
            for method in ("central", "richardson"):
                assert (fd.gradient(f, x, method=method, workers=executor) == fd.gradient(f, x, method=method)).all()
            try:
                fd.gradient(lambda x: x["a"], x, workers=executor)
            except IndexError:
                print(MPI.COMM_WORLD.Get_size())
    """
    mpiexec = Path(sys.executable).with_name("mpiexec")
    done = run(script, tmp_path, str(mpiexec), "-n", "2", "--allow-run-as-root", "--oversubscribe")
    assert done.stdout.strip() == "2", done.stderr[-3000:]
