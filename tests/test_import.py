"""What importing costs, what is public, and who may import whom."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import fastdiff as fd

ROOT = Path(__file__).parents[1] / "src" / "fastdiff"  # an installed package has no C sources
SOURCES = sorted(path for path in ROOT.rglob("*.py*") if path.suffix in (".py", ".pyx"))

PUBLIC = [
    "AccuracyWarning", "Comparison", "DerivativeResult", "Gradient", "Hessian", "HessianResult", "Jacobian", "Options",
    "Status", "Stencil", "compare", "derivative", "directional", "gradient", "gradient_field", "grid", "hessian",
    "hessian_diagonal", "hvp", "jacobian", "jit", "jvp", "laplacian", "partial", "plot", "stencil",
]  # fmt: skip


def in_a_new_process(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    "more", ["", "fd.gradient(lambda x: x[0] ** 2, [1.0])", "fd.grid.gradient([1.0, 2.0, 4.0])", "fd.plot"]
)
def test_neither_importing_nor_differentiating_loads_scipy(more: str) -> None:
    heavy = in_a_new_process(
        f"import sys, fastdiff as fd\n{more}\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('scipy', 'matplotlib', 'numba', 'pandas', 'cffi')])"
    )
    assert heavy.strip() == "[]"


def test_public_names() -> None:
    assert sorted(fd.__all__) == sorted(PUBLIC)
    assert all(hasattr(fd, name) for name in PUBLIC)
    public = [name for name in vars(fd) if not name.startswith("_") and name not in PUBLIC]
    modules = {"function", "interop", "cli", "plot", "testing"}  # there once something imports them
    assert set(public) <= modules
    assert fd.__version__


@pytest.mark.parametrize(
    "name",
    ["fastdiff", "fastdiff.grid", "fastdiff.function", "fastdiff.interop", "fastdiff.plot", "fastdiff.testing"],
)
def test_each_public_module_can_be_imported_alone(name: str) -> None:
    in_a_new_process(f"import {name}")


# ---- the rules of the house

# The floors, from the ground up; an import goes to a lower one.
FLOORS = (
    ("_typing", "_checks", "_stencil"),
    ("_threads", "_timing", "_kernels"),
    ("_dispatch",),
    ("grid", "function"),
    ("interop", "_compare"),
    ("plot", "testing"),
    ("_demo",),
    ("cli",),
    ("__main__",),
    ("__init__",),
)
FLOOR = {name: number for number, names in enumerate(FLOORS) for name in names}


def room(path: Path) -> str:
    """The module or package directly under fastdiff to which a file belongs."""
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def imported_rooms(path: Path) -> set[str]:
    """The rooms that a Python file imports, wherever the import stands."""
    package = ("fastdiff", *path.relative_to(ROOT).parts[:-1])
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            full = (*base, *(node.module.split(".") if node.module else ()))
            if full == ("fastdiff",):
                found |= {alias.name for alias in node.names}
            elif full[:1] == ("fastdiff",):
                found.add(full[1])
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == "fastdiff":
                    found.add(parts[1] if len(parts) > 1 else "__init__")
    return found


PYTHON = [path for path in SOURCES if path.suffix == ".py"]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_go_to_a_lower_floor(path: Path) -> None:
    mine = room(path)
    assert mine in FLOOR, "a new room needs a floor"
    imported = imported_rooms(path) - {mine}
    unknown = {name for name in imported if name not in FLOOR and (ROOT / f"{name}.py").exists()}
    assert not unknown
    if mine != "_dispatch":  # the one place that reaches upwards, and it does so by name
        upwards = {name for name in imported if name in FLOOR and FLOOR[name] >= FLOOR[mine]}
        assert not upwards - ({"_stencil", "_checks", "_typing"} if FLOOR[mine] == 0 else set())


def test_grid_and_function_never_import_each_other() -> None:
    for path in PYTHON:
        if room(path) in ("grid", "function"):
            assert not imported_rooms(path) & ({"grid", "function"} - {room(path)}), path
    for path in ROOT.rglob("*.pyx"):
        text = path.read_text(encoding="utf-8")
        other = {"grid": "function", "function": "grid"}.get(room(path))
        assert other is None or f"..{other}" not in text


def test_kernels_know_nobody() -> None:
    for path in ROOT.joinpath("_kernels").iterdir():
        if path.suffix in (".pyx", ".py"):
            assert "from .." not in path.read_text(encoding="utf-8"), path


def test_scipy_is_only_imported_when_it_is_needed() -> None:
    for path in PYTHON:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            heavy = [name for name in names if name.split(".")[0] in ("scipy", "matplotlib")]
            assert not heavy or room(path) in ("plot",), path


def test_only_the_drivers_hold_parallel_regions() -> None:
    holders = {
        path.name
        for path in ROOT.rglob("*")
        if path.suffix in (".c", ".h", ".pyx")
        and path.with_suffix(".pyx").exists() <= (path.suffix == ".pyx")  # not what Cython wrote
        and "#pragma omp parallel" in path.read_text(encoding="utf-8")
    }
    assert holders == {"sweep.c", "calls.c"}
    assert not [path for path in ROOT.rglob("*.pyx") if "prange" in path.read_text(encoding="utf-8")]


def test_only_the_thread_policy_reads_cpu_counts() -> None:
    signs = (
        "cpu_count",
        "sched_getaffinity",
        "cpu.max",
        'environ.get("OMP_NUM_THREADS"',
        "omp_get_max_threads",
    )
    holders = {path.name for path in SOURCES if any(sign in path.read_text(encoding="utf-8") for sign in signs)}
    assert holders == {"_threads.py"}
    assert not [path for path in ROOT.rglob("*.c") if "omp_set_num_threads(" in path.read_text(encoding="utf-8")]


def test_arguments_are_judged_at_the_doors() -> None:
    """`_checks` is for the doors and their verbs; nothing that computes imports it for anything but words."""
    judges = {"integer", "flag", "one_of", "real_array", "finite_array", "positive_array"}
    for name in ("_layout", "_steps", "_plan", "_engine"):
        tree = ast.parse((ROOT / "function" / f"{name}.py").read_text(encoding="utf-8"))
        used = {
            n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute) and getattr(n.value, "id", "") == "_checks"
        }
        assert not used & judges, name
