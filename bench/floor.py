"""The floor of streaming work: one read of each input and one write of each output, and nothing else.

Each output is written in full 64-byte lines past the cache, as its own stream, on two threads: nothing that makes
these outputs from these inputs moves less memory. A line of an output is the exclusive or of that line of the inputs,
which costs nothing beside memory and lets the result be checked. The C source below is compiled at run time with the
compiler of the system; where there is none for x86, `Unavailable` says so.

Run as ``python bench/floor.py --inputs 1 --outputs 2 --dtype f8 4096 4096``.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import platform
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from fastdiff._timing import interleaved

THREADS = 2
LINE = 64
# Lines written to one output before the next: which is fastest depends on the machine, and the floor is the fastest.
BURSTS = (1, 8, 64)

SOURCE = r"""
#include <immintrin.h>
#include <omp.h>
#include <stddef.h>
#include <stdint.h>

#define SWEEP(NAME, TARGET, WIDTH, VECTOR, LOAD, XOR, STREAM)                                                  \
    __attribute__((target(TARGET))) static void NAME(const char *const *in, int inputs, char *const *out,      \
                                                     int outputs, ptrdiff_t lo, ptrdiff_t hi, ptrdiff_t burst) { \
        for (ptrdiff_t start = lo; start < hi; start += burst) {                                               \
            const ptrdiff_t stop = start + burst < hi ? start + burst : hi;                                    \
            for (int k = 0; k < outputs; k++) {                                                                \
                const ptrdiff_t head = -(uintptr_t)out[k] & 63;                                                \
                for (ptrdiff_t line = start; line < stop; line++) {                                            \
                    for (int part = 0; part < 64; part += WIDTH) {                                             \
                        const ptrdiff_t at = head + 64 * line + part;                                          \
                        VECTOR v = LOAD((const void *)(in[0] + at));                                           \
                        for (int j = 1; j < inputs; j++)                                                       \
                            v = XOR(v, LOAD((const void *)(in[j] + at)));                                      \
                        STREAM((void *)(out[k] + at), v);                                                      \
                    }                                                                                          \
                }                                                                                              \
            }                                                                                                  \
        }                                                                                                      \
        _mm_sfence();                                                                                          \
    }

SWEEP(sweep_avx512, "avx512f", 64, __m512i, _mm512_loadu_si512, _mm512_xor_si512, _mm512_stream_si512)
SWEEP(sweep_avx2, "avx2", 32, __m256i, _mm256_loadu_si256, _mm256_xor_si256, _mm256_stream_si256)
SWEEP(sweep_base, "sse2", 16, __m128i, _mm_loadu_si128, _mm_xor_si128, _mm_stream_si128)

void floor_sweep(const char *const *in, int inputs, char *const *out, int outputs, ptrdiff_t lines, ptrdiff_t burst,
                 int threads) {
    __builtin_cpu_init();
    const int level = __builtin_cpu_supports("avx512f") ? 2 : __builtin_cpu_supports("avx2") ? 1 : 0;
#pragma omp parallel num_threads(threads)
    {
        const ptrdiff_t team = omp_get_num_threads(), own = omp_get_thread_num();
        const ptrdiff_t lo = lines * own / team, hi = lines * (own + 1) / team;
        (level == 2 ? sweep_avx512 : level == 1 ? sweep_avx2 : sweep_base)(in, inputs, out, outputs, lo, hi, burst);
    }
}
"""


class Unavailable(RuntimeError):
    """The floor can't be measured here."""


@lru_cache
def compiled(text: str) -> Any:
    """Return the library of a C source, compiled with the compiler of the system."""
    with tempfile.TemporaryDirectory() as folder:
        source, library = Path(folder, "floor.c"), Path(folder, "floor.so")
        source.write_text(text)
        command = [os.environ.get("CC", "cc"), "-O3", "-fopenmp", "-fPIC", "-shared", str(source), "-o", str(library)]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except FileNotFoundError:
            raise Unavailable(f"there is no C compiler {command[0]!r}") from None
        except subprocess.CalledProcessError as error:
            raise Unavailable(f"{command[0]!r} can't compile the floor: {error.stderr[-400:]}") from None
        return ctypes.CDLL(str(library))


def sweep(
    inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray], burst: int = 1, threads: int = THREADS
) -> Callable[[], None]:
    """Return a call that reads `inputs` and writes `outputs` once.

    All of them are contiguous and of one number of bytes. What is left of a line at either end is left out.
    """
    nbytes = {one.nbytes for one in (*inputs, *outputs)}
    if len(nbytes) != 1 or not all(one.flags.c_contiguous for one in (*inputs, *outputs)):
        raise ValueError("the arrays of a floor must be contiguous and of one size")
    if platform.machine().lower() not in ("x86_64", "amd64"):
        raise Unavailable(f"the floor is written for x86-64, not for {platform.machine()}")
    run = compiled(SOURCE).floor_sweep
    pointers = [(ctypes.c_void_p * len(arrays))(*(one.ctypes.data for one in arrays)) for arrays in (inputs, outputs)]
    lines = ctypes.c_ssize_t(max(0, nbytes.pop() // LINE - 1))
    width = ctypes.c_ssize_t(burst)

    def call(keep: Any = (inputs, outputs)) -> None:
        run(pointers[0], len(inputs), pointers[1], len(outputs), lines, width, threads)

    return call


def fastest(inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray], threads: int = THREADS) -> Callable[[], None]:
    """Return the fastest call for these arrays, by the median of three rounds."""
    if len(outputs) == 1:
        return sweep(inputs, outputs, BURSTS[-1], threads)
    calls = {str(burst): sweep(inputs, outputs, burst, threads) for burst in BURSTS}
    times = interleaved(calls, rounds=3)
    return calls[min(calls, key=lambda name: statistics.median(times[name]))]


def assert_swept(inputs: Sequence[np.ndarray], outputs: Sequence[np.ndarray]) -> None:
    """Check that every full line of the outputs is the exclusive or of the inputs."""
    total = np.bitwise_xor.reduce([one.reshape(-1).view(np.uint8) for one in inputs])
    for output in outputs:
        head = -output.ctypes.data % LINE
        here = slice(head, head + max(0, output.nbytes // LINE - 1) * LINE)
        np.testing.assert_array_equal(output.reshape(-1).view(np.uint8)[here], total[here])


def main() -> None:
    """Time the floor of a number of inputs and outputs."""
    parser = argparse.ArgumentParser(description="Time one read of each input and one write of each output.")
    parser.add_argument("shape", type=int, nargs="+")
    parser.add_argument("--inputs", type=int, default=1)
    parser.add_argument("--outputs", type=int, default=1)
    parser.add_argument("--dtype", default="f8")
    parser.add_argument("--threads", type=int, default=THREADS)
    given = parser.parse_args()
    inputs, outputs = (
        [np.full(given.shape, float(k), given.dtype) for k in range(count)] for count in (given.inputs, given.outputs)
    )
    try:
        calls = {f"{burst} lines": sweep(inputs, outputs, burst, given.threads) for burst in BURSTS}
    except Unavailable as error:
        raise SystemExit(f"skipped: {error}") from None
    moved = prod(given.shape) * np.dtype(given.dtype).itemsize * (given.inputs + given.outputs)
    for name, call in calls.items():
        call()
        assert_swept(inputs, outputs)
        for output in outputs:
            output.fill(0)
        seconds = statistics.median(interleaved({name: call}, rounds=5)[name])
        print(f"bursts of {name:9} {seconds * 1e3:9.3f} ms {moved / seconds / 1e9:8.1f} GB/s")


if __name__ == "__main__":
    main()
