"""Build of the compiled core. Everything that can be said as data stands in pyproject.toml.

Two switches, read from the environment:

FASTDIFF_NO_OPENMP=1    build the serial core even where OpenMP works
FASTDIFF_SANITIZE=1     build with AddressSanitizer and UndefinedBehaviorSanitizer (see CONTRIBUTING.md)
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy
from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext
from setuptools.errors import CompileError, LinkError

KERNELS = "src/fastdiff/_kernels"

# Never -ffast-math or a part of it: it folds (x + h) - x, deletes NaN tests and, once loaded, flushes denormals in
# the whole process. -ffp-contract=off because the default contracts into FMA where the CPU has it: other bits.
GCC_FLAGS = [
    "-O3",
    "-fno-math-errno",
    "-fno-trapping-math",
    "-ffp-contract=off",
    "-fvisibility=hidden",
    "-g0",
]
SANITIZE = ["-O1", "-g", "-fno-omit-frame-pointer", "-fsanitize=address,undefined"]

OPENMP_PROBE = "#include <omp.h>\nint main(void) { return omp_get_max_threads() < 1; }\n"
OPENMP_FLAGS = {
    "msvc": [(["/openmp"], [])],
    "unix": [(["-fopenmp"], ["-fopenmp"]), (["-Xpreprocessor", "-fopenmp"], ["-lomp"])],
}


class BuildCore(build_ext):
    """Add the flags that the compiler at hand understands."""

    def build_extensions(self):
        """Probe for OpenMP with the compiler that builds the core, then build."""
        kind = "msvc" if self.compiler.compiler_type == "msvc" else "unix"
        flags = [] if kind == "msvc" else GCC_FLAGS
        compile_openmp, link_openmp = self.probe_openmp(OPENMP_FLAGS[kind])
        sanitize = SANITIZE if os.environ.get("FASTDIFF_SANITIZE") == "1" else []
        for extension in self.extensions:
            extension.extra_compile_args = [*flags, *sanitize, *compile_openmp]
            extension.extra_link_args = [*sanitize, *link_openmp]
        super().build_extensions()

    def probe_openmp(self, candidates):
        """Return the first pair of compile and link flags that builds an OpenMP program, or a pair of none."""
        if os.environ.get("FASTDIFF_NO_OPENMP") == "1":
            return [], []
        for compile_flags, link_flags in candidates:
            with tempfile.TemporaryDirectory() as folder:
                source = Path(folder, "probe.c")
                source.write_text(OPENMP_PROBE)
                try:
                    objects = self.compiler.compile([str(source)], output_dir=folder, extra_postargs=compile_flags)
                    self.compiler.link_executable(objects, "probe", output_dir=folder, extra_postargs=link_flags)
                except (CompileError, LinkError):
                    continue
                return compile_flags, link_flags
        print("fastdiff: no OpenMP found; building a serial core", file=sys.stderr)
        return [], []


setup(
    cmdclass={"build_ext": BuildCore},
    ext_modules=[
        Extension(
            "fastdiff._kernels.core",
            [f"{KERNELS}/core.pyx", f"{KERNELS}/sweep.c"],
            include_dirs=[KERNELS],
            depends=[
                f"{KERNELS}/{name}"
                for name in ("config.h", "sweep.h", "level.inc.h", "runs.inc.h", "registers.inc.h", "sums.inc.h")
            ],
        ),
        Extension(
            "fastdiff.function._evaluate",
            ["src/fastdiff/function/_evaluate.pyx", f"{KERNELS}/combine.c"],
            include_dirs=[KERNELS, numpy.get_include()],
            depends=[f"{KERNELS}/{name}" for name in ("config.h", "combine.h")],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        ),
        Extension(
            "fastdiff.function._compiled",
            ["src/fastdiff/function/_compiled.pyx", f"{KERNELS}/calls.c", f"{KERNELS}/combine.c"],
            include_dirs=[KERNELS, numpy.get_include()],
            depends=[
                "src/fastdiff/function/_evaluate.pxd",
                *(f"{KERNELS}/{name}" for name in ("config.h", "calls.h", "combine.h")),
            ],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        ),
        Extension(
            "fastdiff.function._ladders",
            [
                "src/fastdiff/function/_ladders.pyx",
                *(f"{KERNELS}/{name}.c" for name in ("start", "arms", "tableau", "judge", "extrapolate")),
            ],
            include_dirs=[KERNELS, numpy.get_include()],
            depends=[f"{KERNELS}/{name}" for name in ("start.h", "arms.h", "tableau.h", "judge.h", "extrapolate.h")],
            define_macros=[("NPY_NO_DEPRECATED_API", "NPY_2_0_API_VERSION")],
        ),
    ],
)
