"""The one place that reaches upwards: back-ends and interop by name, looked up when they are first needed."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from . import _kernels
from ._typing import Backend

BACKENDS: dict[Backend, str] = {
    "fastdiff": "fastdiff.function._engine",
    "scipy": "fastdiff.interop.scipy",
}


# What SciPy can do, of the verbs and planned objects.
SCIPY_VERBS = ("derivative", "gradient", "jacobian", "hessian", "jvp")


@cache
def sparse() -> Any:
    """Return the module that makes SciPy's matrices: ``csr`` and ``linear_operator``."""
    return import_module("fastdiff.interop.sparse")


def _extra(module: str, user: str, package: str) -> Any:
    """Return a module that an extra brings; ImportError says what to install."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ImportError(f"{user} needs {package}, which is missing: python -m pip install {package}") from error


@cache
def numba() -> Any:
    """Return the module that compiles Python functions."""
    return _extra("fastdiff.interop.numba", "jit", "numba")


@cache
def progress_bar() -> Any:
    """Return the class of progress bars."""
    return _extra("tqdm", "`progress`=True", "tqdm").tqdm


@cache
def backend(name: Backend) -> Any:
    """Return the module of a back-end: it has ``differentiate(problem) -> solution``."""
    return import_module(BACKENDS[name])


def backend_for(verb: str, name: Backend) -> Any:
    """Return the back-end of a verb: the one asked for, or SciPy where the core is missing and SciPy can do it.

    Raises
    ------
    ImportError
        If the compiled core is missing and SciPy can't stand in.
    """
    if name == "fastdiff" and _kernels.core is None:
        if verb not in SCIPY_VERBS:
            raise ImportError(
                f"{verb} needs the compiled core of fastdiff ({_kernels.reason}), and SciPy has nothing like it; "
                f"{_kernels.REMEDY}"
            )
        name = "scipy"
    return backend(name)
