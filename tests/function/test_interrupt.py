"""Ctrl-C stops a long run, whatever f is."""

import signal
import subprocess
import sys
import time

import pytest

PRELUDE = """
import operator, signal, time
import numba
import numpy as np
import fastdiff as fd
signal.signal(signal.SIGINT, signal.default_int_handler)
x = np.ones(100_000)
first = operator.itemgetter(0)
def python(x):
    return x[0]
total = numba.njit(lambda x: x.sum())
cfunc = numba.cfunc("float64(int32, CPointer(float64))")(lambda n, x: total(numba.carray(x, (n,))))
print("ready", flush=True)
try:
    {call}
    print("finished")
except KeyboardInterrupt:
    print("stopped")
"""
# Each call takes longer than the test waits.
CALLS = {
    "C builtin": "fd.gradient(first, x)",
    "Python": "fd.gradient(python, x)",
    "forward": "fd.gradient(first, x, method='forward')",
    "planned": "fd.Gradient(first)(x)",
    "Hessian": "fd.Hessian(first, accuracy=8)(np.ones(2000))",
    "compiled": "fd.gradient(cfunc, x)",
    "compiled, two threads": "fd.gradient(cfunc, x, threads=2)",
    "jitted": "fd.Hessian(fd.jit(total))(np.ones(3000))",
    "columns": "fd.gradient(first, np.ones(60_000), vectorized=True)",
}


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send to another process")
@pytest.mark.parametrize("kind", CALLS)
def test_ctrl_c_stops_a_run(kind: str) -> None:
    command = [sys.executable, "-c", PRELUDE.format(call=CALLS[kind])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "ready\n"
            time.sleep(0.7)
            child.send_signal(signal.SIGINT)
            start = time.perf_counter()
            out, err = child.communicate(timeout=20)
            assert (child.returncode, out) == (0, "stopped\n"), err[-2000:]
            assert time.perf_counter() - start < 2.0
        finally:
            child.kill()
