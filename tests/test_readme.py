"""The Python of the README and of the guides runs, and gives what its comments say.

A comment after an expression is the repr of its value. Dots stand for further digits; white space is ignored.
"""

import ast
import re
from pathlib import Path

import pytest

import fastdiff as fd

README = Path(__file__).parent.parent / "README.md"
PAGES = (README, *sorted((README.parent / "docs").glob("*.md")))
TOLD_ELSEWHERE = ("Comparison", "HessianResult", "Options", "Status", "Stencil", "compare", "stencil")
BLOCKS = [
    block for page in PAGES for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
]


def same(found, promised):
    found, promised = (re.sub(r"\s+", "", text) for text in (found, promised))
    return re.fullmatch(re.escape(promised).replace(r"\.\.\.", ".*"), found) is not None


def without_type(value):
    """Write a NumPy scalar as the number that it is, but for truth values."""
    return repr(value.item()) if type(value).__name__ == "float64" else repr(value)


def test_there_are_blocks():
    assert len(BLOCKS) >= 3


@pytest.mark.parametrize("source", BLOCKS, ids=range(len(BLOCKS)))
def test_block(source):
    names = {}
    lines = source.splitlines()
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.Expr):
            exec(compile(ast.Module([statement], []), "README.md", "exec"), names)
            continue
        value = eval(compile(ast.Expression(statement.value), "README.md", "eval"), names)
        promised = lines[statement.end_lineno - 1][statement.end_col_offset :].partition("#")[2]
        assert not promised or same(without_type(value), promised.strip()), f"{without_type(value)} != {promised}"


def test_the_two_commands_stand_there_and_no_index_install():
    text = README.read_text(encoding="utf-8")
    assert "    python -m pip install '.[plot]' && fastdiff demo          # the main job\n" in text
    assert "    python -m pip install '.[test]' && python -m pytest       # its tests\n" in text
    assert "pip install fastdiff" not in text
    assert "http" not in text


def test_every_option_and_verb_is_told():
    text = README.read_text(encoding="utf-8")
    verbs = [name for name in fd.__all__ if callable(getattr(fd, name)) and name not in TOLD_ELSEWHERE]
    missing = [name for name in (*fd.Options.__annotations__, *verbs) if f"`{name}`" not in text]
    assert not missing
