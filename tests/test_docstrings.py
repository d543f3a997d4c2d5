"""Every public name is documented in numpydoc, and its examples run."""

import doctest
import inspect
from typing import Any

import pytest

import fastdiff as fd
from fastdiff import testing

VERBS = {name: value for name, value in vars(fd).items() if name in fd.__all__ and inspect.isfunction(value)}
CLASSES = {name: value for name, value in vars(fd).items() if name in fd.__all__ and inspect.isclass(value)}
ROOMS = {
    "grid.gradient": fd.grid.gradient,
    "plot.step_study": fd.plot.step_study,
    "testing.problem": testing.problem,
}
DOCUMENTED = {**VERBS, **CLASSES, **ROOMS, "testing.problems": testing.problems, "testing.Problem": testing.Problem}


@pytest.mark.parametrize("name", DOCUMENTED)
def test_examples_run(name: str) -> None:
    found = doctest.DocTestFinder(recurse=False).find(DOCUMENTED[name], name, globs={})
    runner = doctest.DocTestRunner(optionflags=doctest.FAIL_FAST)
    assert all(runner.run(test).failed == 0 for test in found)


@pytest.mark.parametrize("name", [*VERBS, *ROOMS, "Gradient", "Jacobian", "Hessian"])
def test_sections_are_there(name: str) -> None:
    text = inspect.getdoc(DOCUMENTED[name]) or ""
    wanted = ["Parameters", "Raises", "Examples"] + (["Returns"] if name in VERBS else [])
    assert [section for section in wanted if f"\n{section}\n{'-' * len(section)}\n" not in text] == []
    assert ">>> " in text


@pytest.mark.parametrize("name", [*VERBS, *ROOMS])
def test_every_parameter_is_described(name: str) -> None:
    function: Any = DOCUMENTED[name]
    text = inspect.getdoc(function) or ""
    section = text.partition("Parameters\n")[2].partition("\nReturns\n")[0]
    for parameter in inspect.signature(function).parameters.values():
        prefix = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        stated = [line for line in section.splitlines() if line and not line.startswith(" ")]
        names = {word.strip() for line in stated for word in line.partition(" : ")[0].split(",")}
        assert f"{prefix}{parameter.name}" in names
