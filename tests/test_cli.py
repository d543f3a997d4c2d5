"""The command line: what it prints, and how it refuses what it can't use."""

import subprocess
import sys

import pytest

import fastdiff as fd
from fastdiff import _demo, _kernels, cli


def refused(capsys, *argv):
    """Run a command that must be refused and return its one line on stderr."""
    assert cli.main(argv) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    return printed.err


def test_version_and_module():
    run = subprocess.run([sys.executable, "-m", "fastdiff", "--version"], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == f"fastdiff {fd.__version__}"


def test_info_names_what_is_found(capsys):
    assert cli.main(["info"]) == 0
    printed = capsys.readouterr().out
    for name in (
        "fastdiff",
        "Python",
        "NumPy",
        "SciPy",
        "compiled core",
        "OpenMP",
        "threads",
        "matplotlib",
        "numba",
    ):
        assert f"\n{name} " in f"\n{printed}"
    assert fd.__version__ in printed


def test_info_says_why_the_core_is_missing(capsys, monkeypatch):
    monkeypatch.setattr(_kernels, "core", None)
    monkeypatch.setattr(_kernels, "reason", "the moon is full")
    assert cli.main(["info"]) == 0
    assert "no (the moon is full)" in capsys.readouterr().out
    assert "the moon is full" in refused(capsys, "compare", "scipy.optimize:rosen", "--at", "1,2")


@pytest.mark.parametrize("at", [("--at", "-1.5,2"), ("--at=-1.5,2",)])
@pytest.mark.parametrize("kind", ["gradient", "jacobian"])
def test_compare(capsys, at, kind):
    assert cli.main(["compare", "scipy.optimize:rosen", *at, "--kind", kind]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(kind)
    assert "SciPy" in printed


def test_compare_finds_a_module_in_the_current_directory(capsys, tmp_path, monkeypatch):
    (tmp_path / "my_model_of_the_day.py").write_text("import math\n\ndef f(t):\n    return math.sin(t)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    assert cli.main(["compare", "my_model_of_the_day:f", "--at", "1", "--kind", "derivative"]) == 0
    assert capsys.readouterr().out.startswith("derivative")


def test_an_exception_of_f_arrives_unchanged(tmp_path, monkeypatch):
    (tmp_path / "my_broken_model.py").write_text("def f(x):\n    return {}['volume']\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(KeyError, match="volume"):
        cli.main(["compare", "my_broken_model:f", "--at", "1"])


def test_a_missing_import_inside_the_module_is_not_taken_for_a_missing_module(tmp_path, monkeypatch):
    (tmp_path / "my_importing_model.py").write_text("import a_module_that_is_nowhere\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with pytest.raises(ModuleNotFoundError, match="a_module_that_is_nowhere"):
        cli.main(["compare", "my_importing_model:f", "--at", "1"])


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        ([], ["demo,info,compare"]),
        (["fly"], ["'fly'", "demo"]),
        (["info", "--loud"], ["--loud"]),
        (["compare", "scipy.optimize:rosen"], ["--at"]),
        (["compare", "scipy.optimize:rosen", "--at"], ["--at"]),
        (["compare", "rosen", "--at", "1"], ["'rosen'", "module:function"]),
        (["compare", "nowhere_at_all:f", "--at", "1"], ["'nowhere_at_all'", "installed"]),
        (["compare", "nowhere.at.all:f", "--at", "1"], ["'nowhere'"]),
        (["compare", ".math:f", "--at", "1"], ["'.math'", "absolute"]),
        (["compare", "math:no_such", "--at", "1"], ["'math'", "'no_such'"]),
        (["compare", "math:pi", "--at", "1"], ["math:pi", "3.14"]),
        (["compare", "math:sin", "--at", "1;2"], ["'1;2'", "1,2"]),
        (["compare", "math:sin", "--at", "1,"], ["'1,'"]),
        (["compare", "math:sin", "--at", "nan"], ["'nan'", "finite"]),
        (["compare", "math:sin", "--at", "1", "--kind", "curl"], ["'curl'", "gradient"]),
        (["compare", "numpy:sin", "--at", "1,2"], ["numpy:sin", "scalar"]),
        (["demo", "--output", "picture.txt"], ["'picture.txt'", ".png"]),
        (["demo", "--output", ""], ["''", ".png"]),
    ],
)
def test_bad_input_is_one_line_and_code_2(capsys, monkeypatch, argv, words):
    monkeypatch.setattr(sys, "path", list(sys.path))
    line = refused(capsys, *argv)
    assert all(word in line for word in words), line


def test_demo_that_disagrees_fails(monkeypatch):
    monkeypatch.setattr(_demo, "run", lambda output: False)
    assert cli.main(["demo"]) == 1
