"""The demo: the numbers it prints, the picture it writes, and what it does without one."""

import importlib.abc
import os
import subprocess
import sys

import numpy as np
import pytest

import fastdiff as fd
from fastdiff import _demo, cli

SMALL = {"side": 64, "dpi": 40}
PNG = b"\x89PNG"


def chapters(text):
    return [line for line in text.splitlines() if line[:1] in "1234" and line[1:2] == "."]


def test_headless_twice_in_a_row(tmp_path):
    script = f"""
import os, sys
os.environ.pop("DISPLAY", None)
os.environ["MPLBACKEND"] = "TkAgg"  # neither loaded nor needed
from pathlib import Path
from fastdiff._demo import run
for _ in range(2):
    assert run(Path("fastdiff-demo.png"), **{SMALL})
assert "matplotlib.pyplot" not in sys.modules
"""
    run = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.stderr == ""
    assert run.returncode == 0
    assert len(chapters(run.stdout)) == 8
    assert run.stdout.splitlines()[-1].strip() == "fastdiff-demo.png"
    assert [path.name for path in tmp_path.iterdir()] == ["fastdiff-demo.png"]
    assert (tmp_path / "fastdiff-demo.png").read_bytes().startswith(PNG)


class WithoutMatplotlib(importlib.abc.MetaPathFinder):
    """An import hook that finds no matplotlib."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "matplotlib":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def test_without_matplotlib(tmp_path, capsys, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "matplotlib"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [WithoutMatplotlib(), *sys.meta_path])
    assert _demo.run(tmp_path / "fastdiff-demo.png", **SMALL)
    printed = capsys.readouterr().out
    assert "an analytic terrain" in printed
    assert "No picture: matplotlib is needed" in printed
    assert "agree bit for bit" in printed
    assert not list(tmp_path.iterdir())


def test_terrain_is_plausible():
    terrain = _demo.load_terrain()
    slopes = _demo.slopes_of(terrain)
    assert terrain.latitude[0] > terrain.latitude[-1]
    assert 30 < slopes.slope.max() < 80
    assert (slopes.slope >= 0).all()
    assert ((slopes.aspect >= 0) & (slopes.aspect < 360)).all()


@pytest.mark.parametrize(("facing", "down"), [(0, (1, 0)), (90, (0, 1)), (180, (-1, 0)), (270, (0, -1))])
def test_aspect_is_the_downslope_direction_clockwise_from_north(facing, down):
    latitude, longitude = np.linspace(0.01, -0.01, 21), np.linspace(10.0, 10.02, 21)
    north, east = np.meshgrid(latitude, longitude, indexing="ij")
    metres = _demo._METRES_PER_DEGREE
    plane = _demo.Terrain("a plane", -metres * (down[0] * north + down[1] * (east - 10)), latitude, longitude)
    slopes = _demo.slopes_of(plane)
    np.testing.assert_allclose(slopes.slope, 45, atol=1e-4)
    np.testing.assert_allclose((slopes.aspect - facing + 180) % 360, 180, atol=1e-4)


def test_textbook_rows_hold_and_name_every_verb():
    rows = _demo._textbook_rows()
    for label, call, exact in rows:
        np.testing.assert_allclose(np.asarray(call()), exact, atol=2e-6, err_msg=label)
    told = " ".join(label for label, _, _ in rows)
    verbs = {"derivative", "partial", "gradient", "jacobian", "hessian", "hessian_diagonal", "laplacian"}
    verbs |= {"directional", "jvp", "hvp", "gradient_field"}
    assert all(verb in told and hasattr(fd, verb) for verb in verbs)


def test_disagreement_is_said_and_fails(capsys, monkeypatch, tmp_path):
    exact = fd.grid.gradient
    monkeypatch.setattr(_demo.grid, "gradient", lambda *a, **k: tuple(np.nextafter(d, np.inf) for d in exact(*a, **k)))
    assert not _demo.run(tmp_path / "picture.png", **SMALL)
    assert "DO NOT AGREE" in capsys.readouterr().out


@pytest.mark.parametrize("suffix", ["png", "pdf", "svg", "jpg"])
def test_every_format_can_be_drawn(suffix):
    terrain = _demo.analytic_terrain()
    assert len(_demo.render(terrain, _demo.slopes_of(terrain), suffix, dpi=30)) > 1000


def test_a_picture_that_cannot_be_written(tmp_path, capsys, monkeypatch):
    exact = _demo.run
    monkeypatch.setattr(_demo, "run", lambda output: exact(output, **SMALL))
    (tmp_path / "taken.png").mkdir()
    for output in ("missing/picture.png", "taken.png"):
        assert cli.main(["demo", "--output", str(tmp_path / output)]) == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert output in error
        assert "--output" in error
    assert [path.name for path in tmp_path.iterdir()] == ["taken.png"]


def test_read_only_directory(tmp_path, monkeypatch):
    def refuse(self, content):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.write_bytes", refuse)  # permissions do not bind a super-user
    with pytest.raises(_demo.CannotWrite, match=r"picture\.png: Permission denied"):
        _demo._write(tmp_path / "picture.png", b"")
    assert not list(tmp_path.iterdir())


def test_without_the_core(tmp_path):
    script = f"from pathlib import Path; from fastdiff._demo import run; assert run(Path('p.png'), **{SMALL})"
    command = [sys.executable, "-W", "ignore", "-c", script]
    environment = {**os.environ, "FASTDIFF_NO_CORE": "1"}
    run = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    assert run.stdout.startswith("The compiled core is missing (FASTDIFF_NO_CORE=1 is set)")
    assert "left out: needs the compiled core" in run.stdout
    assert (tmp_path / "p.png").read_bytes().startswith(PNG)
