"""The main job in four short chapters: a real terrain, a textbook function, a minimisation, a picture."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy import cos, sin

from . import _kernels, _timing, function, grid
from ._typing import Array, FloatArray

_METRES_PER_DEGREE = 6_371_009 * np.pi / 180  # on a sphere of the mean radius of the Earth
_WINDS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_SIDE = 4096  # the refinement has about the points of a square of this side


class CannotWrite(Exception):
    """The picture can't be written."""


def run(output: Path, side: int = _SIDE, dpi: int = 160) -> bool:
    """Tell the four chapters on standard output and write the picture.

    Parameters
    ----------
    output : Path
        The picture.
    side : int, optional
        The size of the large refinement of the terrain: about ``side**2`` points.
    dpi : int, optional
        The resolution of the picture.

    Returns
    -------
    bool
        Whether fastdiff and NumPy agreed bit for bit.

    Raises
    ------
    CannotWrite
        If the picture can't be written; nothing half-written stays behind.
    """
    if _kernels.core is None:
        print(
            f"The compiled core is missing ({_kernels.reason}).\n"
            f"NumPy and SciPy stand in where they can: there is no speed to show, some rows are left out.\n"
            f"To see all of it, {_kernels.REMEDY}.\n"
        )
    terrain, slopes, agreed = _tell_terrain(side)
    _tell_textbook()
    _tell_rosenbrock()
    _tell_picture(terrain, slopes, output, dpi)
    return agreed


# 1. A terrain


@dataclass(frozen=True, slots=True, eq=False)
class Terrain:
    """Elevations in metres on a grid of latitudes and longitudes in degrees; row 0 is the northernmost."""

    source: str
    elevation: Array
    latitude: FloatArray
    longitude: FloatArray

    @property
    def spacing(self) -> tuple[float, float]:
        """The metres between rows, negative as the rows run south, and between columns at the equator."""
        rows, columns = (float(a[-1] - a[0]) / (a.size - 1) for a in (self.latitude, self.longitude))
        return rows * _METRES_PER_DEGREE, columns * _METRES_PER_DEGREE


@dataclass(frozen=True, slots=True, eq=False)
class Slopes:
    """Slope and aspect in degrees; the aspect is the downslope direction, clockwise from north."""

    slope: FloatArray
    aspect: FloatArray


def load_terrain() -> Terrain:
    """Return the elevation model that matplotlib ships, or an analytic terrain where it is not found."""
    try:
        from matplotlib import cbook

        data: Any = cbook.get_sample_data("jacksboro_fault_dem.npz")
    except (ImportError, OSError) as error:
        return analytic_terrain(f"an analytic terrain, as the elevation model is not found ({error})")
    rows, columns = data["elevation"].shape
    # The file calls its northern edge ymin and lists the rows from there: y descends.
    latitude = np.linspace(float(data["ymin"]), float(data["ymax"]), rows)
    longitude = np.linspace(float(data["xmin"]), float(data["xmax"]), columns)
    source = "the Jacksboro fault, an elevation model that matplotlib ships"
    return Terrain(source, data["elevation"], latitude, longitude)


def analytic_terrain(source: str = "an analytic terrain") -> Terrain:
    """Return hills and a ridge on the grid of the real terrain, in whole metres too."""
    latitude, longitude = np.linspace(36.733, 36.446, 344), np.linspace(-84.414, -84.078, 403)
    y, x = np.meshgrid(np.linspace(1, 0, 344), np.linspace(0, 1, 403), indexing="ij")
    ridge = 420 * np.exp(-(((y - 0.35 - 0.4 * x) / 0.09) ** 2)) * (1 + 0.25 * sin(31 * x))
    hills = 70 * sin(17 * x + 3 * sin(7 * y)) * cos(19 * y - 2 * sin(9 * x)) + 25 * sin(53 * x) * sin(47 * y)
    return Terrain(source, np.round(430 + ridge + hills).astype(np.int16), latitude, longitude)


def slopes_of(terrain: Terrain) -> Slopes:
    """Return slope and aspect of a terrain, from its gradient field."""
    north, east = grid.gradient(terrain.elevation, *terrain.spacing)
    east = east / cos(np.radians(terrain.latitude))[:, None]  # meridians converge towards the pole
    slope = np.degrees(np.arctan(np.hypot(north, east)))
    return Slopes(slope, np.degrees(np.arctan2(-east, -north)) % 360)


def refined(terrain: Terrain, side: int) -> Terrain:
    """Return the terrain interpolated bilinearly to about ``side**2`` points."""
    from scipy.ndimage import zoom

    factor = side / np.sqrt(terrain.elevation.size)
    elevation = zoom(terrain.elevation.astype(np.float64), factor, order=1)
    rows, columns = elevation.shape
    latitude = np.linspace(terrain.latitude[0], terrain.latitude[-1], rows)
    longitude = np.linspace(terrain.longitude[0], terrain.longitude[-1], columns)
    return Terrain("its refinement", elevation, latitude, longitude)


def _tell_terrain(side: int) -> tuple[Terrain, Slopes, bool]:
    terrain = load_terrain()
    slopes = slopes_of(terrain)
    print(f"1. Terrain: {terrain.source}\n")
    low, high, (rows, columns) = terrain.elevation.min(), terrain.elevation.max(), terrain.elevation.shape
    print(f"   elevation       {low} to {high} m, {rows} × {columns} points")
    print(f"   spacing         {_spacing_in_words(terrain)}")
    print(f"   steepest slope  {_steepest_in_words(terrain, slopes)}")
    print(f"   mean slope      {slopes.slope.mean():.1f}°")
    print("   Aspect: the downslope direction, in degrees clockwise from north.\n")
    if _kernels.core is None:
        return terrain, slopes, True  # NumPy beside itself
    print(f"   {'gradient field':<24}{'numpy.gradient':>16}{'fastdiff.grid':>16}{'ratio':>12}")
    agreements = [_tell_speed(terrain), _tell_speed(refined(terrain, side), reuse=True)]
    agreed = all(agreements)
    verdict = "agree bit for bit" if agreed else "DO NOT AGREE bit for bit: please report this"
    print(f"   The large field is the terrain, refined bilinearly. The numbers {verdict}.\n")
    return terrain, slopes, agreed


def _spacing_in_words(terrain: Terrain) -> str:
    rows, columns = terrain.spacing
    east = columns * cos(np.radians(terrain.latitude.mean()))
    return f"{abs(rows):.1f} m southwards, {east:.1f} m eastwards (degrees × cosine of the latitude)"


def _steepest_in_words(terrain: Terrain, slopes: Slopes) -> str:
    row, column = np.unravel_index(int(np.argmax(slopes.slope)), slopes.slope.shape)
    slope, aspect = slopes.slope[row, column], slopes.aspect[row, column]
    place = f"{terrain.latitude[row]:.3f}° N, {-terrain.longitude[column]:.3f}° W"
    return f"{slope:.1f}°, facing {aspect:.0f}° ({_WINDS[round(aspect / 45) % 8]}), at {place}"


def _tell_speed(terrain: Terrain, reuse: bool = False) -> bool:
    """Print how long the gradient field takes; return whether the two agree bit for bit."""
    f, spacing = terrain.elevation, terrain.spacing
    theirs, ours = np.gradient(f, *spacing), grid.gradient(f, *spacing)
    calls: dict[str, Callable[[], Any]] = {
        "numpy": lambda: np.gradient(f, *spacing),
        "fastdiff": lambda: grid.gradient(f, *spacing),
    }
    agreed = all(_same_bits(a, b) for a, b in zip(theirs, ours, strict=True))
    if reuse:
        calls["reused"] = lambda: grid.gradient(f, *spacing, out=ours)
        calls["reused"]()
        agreed = agreed and all(_same_bits(a, b) for a, b in zip(theirs, ours, strict=True))
    times = _timing.medians(calls, seconds=0.0)
    size = f"{f.shape[0]} × {f.shape[1]} {f.dtype}"
    labels = {"fastdiff": size, "reused": "  with out= reused"}
    for name, label in labels.items():
        if name in times:
            ours_ms, theirs_ms = times[name] * 1e3, times["numpy"] * 1e3
            print(f"   {label:<24}{theirs_ms:>13.2f} ms{ours_ms:>13.2f} ms{theirs_ms / ours_ms:>10.1f} ×")
    return agreed


def _same_bits(a: Array, b: Array) -> bool:
    return a.shape == b.shape and a.dtype == b.dtype and bool((a.view(np.uint64) == b.view(np.uint64)).all())


# 2. A textbook function


def textbook(p: Any) -> Any:
    """Return x²y + sin(xy)."""
    x, y = p
    return x**2 * y + sin(x * y)


def _textbook_rows() -> list[tuple[str, Callable[[], Any], Any]]:
    """Return a row for each verb: its label, the call, and the exact value at (1, 2)."""
    c, s = cos(2.0), sin(2.0)
    first = np.array([4 + 2 * c, 1 + c])
    second = np.array([[4 - 4 * s, 2 + c - 2 * s], [2 + c - 2 * s, -s]])
    at, v = np.array([1.0, 2.0]), np.array([3.0, 4.0])

    def pair(p: Any) -> Any:
        return np.array([textbook(p), p[0] * p[1]])

    def field() -> Any:
        return np.ravel(function.gradient_field(lambda x, y: textbook((x, y)), [1], [2]))

    return [
        ("derivative of f(x, 2)", lambda: function.derivative(lambda x: textbook((x, 2.0)), 1.0), first[0]),
        ("partial (0, 1)", lambda: function.partial(textbook, at, (0, 1)), second[0, 1]),
        ("gradient", lambda: function.gradient(textbook, at), first),
        ("  accuracy=6", lambda: function.gradient(textbook, at, accuracy=6), first),
        ('  method="complex"', lambda: function.gradient(textbook, at, method="complex"), first),
        ("jacobian of (f, xy)", lambda: function.jacobian(pair, at), np.array([first, [2.0, 1.0]])),
        ("hessian", lambda: function.hessian(textbook, at), second),
        ("hessian_diagonal", lambda: function.hessian_diagonal(textbook, at), np.diag(second)),
        ("laplacian", lambda: function.laplacian(textbook, at), np.trace(second)),
        ("directional (3, 4)", lambda: function.directional(textbook, at, v), first @ v / 5),
        ("jvp (3, 4)", lambda: function.jvp(textbook, at, v), first @ v),
        ("hvp (3, 4)", lambda: function.hvp(textbook, at, v), second @ v),
        ("gradient_field", field, first),
    ]


def _tell_textbook() -> None:
    print("2. A textbook function: f(x, y) = x²y + sin(xy) at (1, 2)\n")
    print(f"   {'':<24}{'fastdiff':<36}{'exact':<36}error")
    for label, call, exact in _textbook_rows():
        try:
            value = call()
        except (ImportError, ValueError):
            if _kernels.core is not None:
                raise
            print(f"   {label:<24}left out: needs the compiled core")
            continue
        error = np.abs(np.asarray(value) - exact).max()
        print(f"   {label:<24}{_numbers(value):<36}{_numbers(exact):<36}{error:.0e}")
    print()


def _numbers(values: Any) -> str:
    return " ".join(f"{value:.5f}" for value in np.ravel(values))


# 3. A minimisation


def _tell_rosenbrock() -> None:
    from scipy.optimize import rosen, rosen_der

    print("3. Rosenbrock's function in 10 dimensions, minimised from (2, …, 2) by BFGS\n")
    if _kernels.core is None:
        print("   left out: needs the compiled core\n")
        return
    print(f"   {'jac=':<36}{'iterations':>10}{'evaluations':>13}{'max |x - 1|':>13}{'time':>11}")
    jacs: dict[str, Any] = {
        "SciPy's default, 2 points": None,
        'SciPy\'s "3-point"': "3-point",
        'fastdiff.Gradient, method="forward"': function.Gradient(rosen, method="forward"),
        "fastdiff.Gradient": function.Gradient(rosen),
        "the exact gradient": rosen_der,
    }
    found = {label: _minimised(jac) for label, jac in jacs.items()}
    evaluations = {label: run.nfev + getattr(jacs[label], "nfev", 0) for label, run in found.items()}
    seconds = _timing.medians({label: partial(_minimised, jac) for label, jac in jacs.items()}, rounds=5)
    for label, run in found.items():
        miss, milliseconds = np.abs(run.x - 1).max(), seconds[label] * 1e3
        print(f"   {label:<36}{run.nit:>10}{evaluations[label]:>13}{miss:>13.0e}{milliseconds:>8.1f} ms")
    print()


def _minimised(jac: Any) -> Any:
    from scipy.optimize import minimize, rosen

    return minimize(rosen, np.full(10, 2.0), jac=jac, method="BFGS")


# 4. The picture


def _tell_picture(terrain: Terrain, slopes: Slopes, output: Path, dpi: int) -> None:
    print("4. The picture: the terrain in relief, and a gradient field over contours\n")
    try:
        picture = render(terrain, slopes, output.suffix[1:].lower(), dpi)
    except ImportError as error:
        print(f"   No picture: matplotlib is needed ({error}); install it with the extra `plot`.")
        return
    _write(output, picture)
    print(f"   {output}")


def _write(output: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    part = output.with_name(f".{output.name}.part")
    try:
        part.write_bytes(content)
        part.replace(output)
    except OSError as error:
        raise CannotWrite(f"can't write the picture {output}: {error.strerror}") from None
    finally:
        with suppress(OSError):  # a folder that can't be written holds no part either
            part.unlink(missing_ok=True)


def render(terrain: Terrain, slopes: Slopes, suffix: str = "png", dpi: int = 160) -> bytes:
    """Return the picture as the content of a file; pyplot, its back-end and its settings stay untouched."""
    from matplotlib import style
    from matplotlib.figure import Figure

    with style.context("default"):
        figure = Figure(figsize=(11.5, 5.2), layout="constrained", facecolor="white")
        left, right = figure.subplots(1, 2, width_ratios=(0.94, 1))
        _draw_terrain(figure, left, terrain, slopes)
        _draw_field(figure, right)
        buffer = io.BytesIO()
        figure.savefig(buffer, format=suffix, dpi=dpi)
    return buffer.getvalue()


def _draw_terrain(figure: Any, axes: Any, terrain: Terrain, slopes: Slopes) -> None:
    """Draw elevation as colour and the light of a low sun in the north-west as shade."""
    sun, height = np.radians(315), np.radians(40)
    slope, aspect = np.radians(slopes.slope), np.radians(slopes.aspect)
    slope = np.arctan(1.6 * np.tan(slope))  # the relief exaggerated a little, as maps do
    light = sin(height) * cos(slope) + cos(height) * sin(slope) * cos(sun - aspect)
    shade = np.clip(light / sin(height), 0, 1.6)[..., None]
    edges = (terrain.longitude[0], terrain.longitude[-1], terrain.latitude[-1], terrain.latitude[0])
    colours = _land(terrain.elevation)
    lit = colours.to_rgba(terrain.elevation)[..., :3] * (0.25 + 0.75 * shade)
    axes.imshow(np.clip(lit, 0, 1), extent=edges, interpolation="bilinear")
    axes.set_aspect(1 / cos(np.radians(terrain.latitude.mean())))
    name = terrain.source.partition(",")[0]
    axes.set_title(f"{name[0].upper()}{name[1:]}: relief from its gradient", fontsize=11)
    axes.set(xlabel="longitude", ylabel="latitude")
    axes.xaxis.set_major_formatter(lambda degrees, _: f"{-degrees:.2f}° W")
    axes.yaxis.set_major_formatter(lambda degrees, _: f"{degrees:.2f}° N")
    axes.locator_params(nbins=5)
    figure.colorbar(colours, ax=axes, label="elevation [m]", shrink=0.83, pad=0.02)


def _land(elevation: Array) -> Any:
    """Return the colours of a map: green plains, brown hills, light tops."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import LinearSegmentedColormap, Normalize

    land = ["#5d7f5a", "#a9b77e", "#e6d9a8", "#c79a6b", "#8f6a52", "#f4f0ea"]
    limits = Normalize(elevation.min(), elevation.max())
    return ScalarMappable(limits, LinearSegmentedColormap.from_list("land", land))


def _draw_field(figure: Any, axes: Any) -> None:
    """Draw the textbook kind of picture: arrows of the gradient, across contours."""

    def hills(x: Any, y: Any) -> Any:
        return sin(x) * cos(y) + y / 5

    x, y = np.linspace(-3, 3, 241), np.linspace(-3, 3, 241)
    contours = axes.contourf(x, y, hills(*np.meshgrid(x, y)), levels=17, cmap="RdYlBu_r", alpha=0.9)
    axes.contour(contours, colors="white", linewidths=0.6, alpha=0.8)
    figure.colorbar(contours, ax=axes, label="f(x, y)", shrink=0.83, pad=0.02)
    axes.set(xlabel="x", ylabel="y", aspect="equal")
    axes.set_title("f = sin x cos y + y/5 and its gradient", fontsize=11)
    nodes = np.linspace(-2.8, 2.8, 17)
    try:
        across, up = function.gradient_field(hills, nodes, nodes, indexing="xy")
    except ImportError:
        axes.set_title("f = sin x cos y + y/5 (its gradient needs the compiled core)", fontsize=11)
        return
    axes.quiver(nodes, nodes, across, up, color="#1b1b1b", width=0.0045, scale=19, pivot="mid")
