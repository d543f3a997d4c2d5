"""The command line: ``fastdiff demo``, ``fastdiff info``, ``fastdiff compare``."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, get_args

import numpy as np

from . import __version__, _compare, _demo, _kernels, _threads

_PICTURE = "fastdiff-demo.png"
_FORMATS = (".png", ".jpg", ".pdf", ".svg")
_OPTIONAL = ("matplotlib", "numba")


class BadInput(Exception):
    """An argument can't be used; the message is the line that the user reads."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise BadInput(message)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : sequence of str, optional
        The arguments; default those of the process.

    Returns
    -------
    int
        The exit code: 0, or 1 where fastdiff and NumPy disagree, or 2 for bad input.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a sign shows another in its place
    try:
        given = _parser().parse_args(_attached(sys.argv[1:] if argv is None else argv))
        code: int = given.run(given)
    except BadInput as error:
        print(f"fastdiff: {error}", file=sys.stderr)
        return 2
    return code


def _attached(argv: Sequence[str]) -> list[str]:
    """Write ``--at -1,2`` as ``--at=-1,2``: argparse takes the former for an option."""
    joined: list[str] = []
    for argument in argv:
        if joined and joined[-1] == "--at":
            joined[-1] += f"={argument}"
        else:
            joined.append(argument)
    return joined


def _parser() -> _Parser:
    parser = _Parser(prog="fastdiff", description="Fast finite differences with honest errors.")
    parser.add_argument("--version", action="version", version=f"fastdiff {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="{demo,info,compare}")

    demo = commands.add_parser("demo", help="differentiate a real terrain and a function, and draw a picture")
    demo.add_argument("--output", metavar="FILE", default=_PICTURE, help=f"the picture; default {_PICTURE}")
    demo.set_defaults(run=_run_demo)

    info = commands.add_parser("info", help="tell versions, the compiled core, threads, what else is found")
    info.set_defaults(run=_run_info)

    compare = commands.add_parser("compare", help="put fastdiff beside SciPy on a function of yours")
    compare.add_argument("function", metavar="module:function", help="it may lie in the current directory")
    compare.add_argument("--at", required=True, metavar="1,2", help="where: numbers with commas between them")
    compare.add_argument("--kind", choices=get_args(_compare.Kind), default="gradient")
    compare.set_defaults(run=_run_compare)
    return parser


def _run_demo(given: argparse.Namespace) -> int:
    output = Path(given.output)
    if output.suffix.lower() not in _FORMATS:
        raise BadInput(f"--output must end in one of {', '.join(_FORMATS)}, got {given.output!r}")
    try:
        agreed = _demo.run(output)
    except _demo.CannotWrite as error:
        raise BadInput(f"{error}; name a file that can be written with --output") from None
    return 0 if agreed else 1


def _run_info(given: argparse.Namespace) -> int:
    core = _kernels.core
    openmp = core.openmp() if core is not None else 0
    rows = {
        "fastdiff": __version__,
        "Python": f"{platform.python_version()} on {platform.system()} {platform.machine()}",
        "NumPy": np.__version__,
        "SciPy": _version("scipy"),
        "compiled core": "yes" if core is not None else f"no ({_kernels.reason}); {_kernels.REMEDY}",
        "OpenMP": f"yes (specification of {openmp // 100}-{openmp % 100:02})" if openmp else "no",
        "vectors": core.SIMD if core is not None else "–",
        "threads": f"{_threads.available()} available" + ("" if openmp else ", 1 used without OpenMP"),
        **{name: _version(name) for name in _OPTIONAL},
    }
    for name, value in rows.items():
        print(f"{name:<14} {value}")
    return 0


def _version(distribution: str) -> str:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return "not found"


def _run_compare(given: argparse.Namespace) -> int:
    if _kernels.core is None:
        raise BadInput(f"compare needs the compiled core, which is missing ({_kernels.reason}); {_kernels.REMEDY}")
    f = _load(given.function)
    x = _point(given.at)
    where: Any = x[0] if given.kind == "derivative" and x.size == 1 else x
    f(where.copy())  # outside the `try`: an exception of f's own keeps its traceback
    try:
        comparison = _compare.compare(f, where, given.kind)
    except (TypeError, ValueError) as error:
        raise BadInput(f"{given.function} at {given.at}: {error}") from error
    print(comparison)
    return 0


def _load(name: str) -> Callable[..., Any]:
    """Return the function ``module:function``."""
    module_name, colon, function_name = name.partition(":")
    module_name = module_name.removesuffix(".py")
    if not (module_name and colon and function_name):
        raise BadInput(f"name the function as module:function, such as scipy.optimize:rosen, got {name!r}")
    sys.path.insert(0, os.getcwd())
    try:
        found: Any = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{module_name}.".startswith(f"{error.name}."):
            raise  # an import inside the module
        raise BadInput(f"no module {error.name!r}: it must lie in {os.getcwd()} or be installed") from None
    except (TypeError, ValueError) as error:
        if "relative import" not in str(error):
            raise
        raise BadInput(f"the module must be an absolute name, got {module_name!r}") from None
    for part in function_name.split("."):
        if not hasattr(found, part):
            raise BadInput(f"module {module_name!r} has no function {function_name!r}")
        found = getattr(found, part)
    if not callable(found):
        raise BadInput(f"{name} must be a function, got {found!r:.80}")
    return found  # type: ignore[no-any-return]


def _point(text: str) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the numbers of ``1,2`` as an array."""
    try:
        x = np.array([float(number) for number in text.split(",")])
    except ValueError:
        raise BadInput(f"--at must be numbers with commas between them, such as 1,2, got {text!r}") from None
    if not np.isfinite(x).all():
        raise BadInput(f"--at must be finite numbers, got {text!r}")
    return x
