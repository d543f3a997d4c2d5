"""The door of the function half: every argument is judged here and nowhere behind it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np

from .. import _checks, _dispatch, _threads
from .._typing import Array, FloatArray, Method, Options, Position
from . import _workers
from ._callables import Call, check_argnum, compiled_function
from ._jit import Jitted
from ._pointers import SIGNATURES, VECTOR, Pointer
from ._problem import Goal, Settings

# The verbs whose x may be a dict of arrays.
TREE_VERBS = ("gradient", "jvp", "hvp")

METHODS: tuple[Method, ...] = ("central", "forward", "backward", "complex", "richardson")

# Points of one call of a vectorized f are kept within the L2 cache.
BATCH_BYTES = 256 * 1024

# method -> (default accuracy, accuracies it has)
_ACCURACIES: dict[str, tuple[int, tuple[int, ...]]] = {
    "central": (2, (2, 4, 6, 8)),
    "forward": (1, tuple(range(1, 9))),
    "backward": (1, tuple(range(1, 9))),
}

# Options that some verbs do not have, and why.
_NOT_FOR = {
    "vectorized": (("derivative", "gradient_field"), "f is called elementwise there"),
    "unpack": (("derivative", "gradient_field"), "f is called elementwise there"),
    "argnum": (("gradient_field",), "f takes the coordinates first"),
    "f0": (("Gradient", "Jacobian", "Hessian"), "a planned object meets many x"),
    "full_output": (("Gradient", "Jacobian", "Hessian"), "call .result(x), or read .last"),
}

_PAIRS = (
    ("step", "relative_step", "give one of them"),
    ("step", "x_scale", "the step is taken literally, so the scale would be ignored"),
    ("relative_step", "x_scale", "the step is taken literally, so the scale would be ignored"),
    ("vectorized", "unpack", "columns can't be unpacked into numbers"),
)


def settings(verb: str, options: Options) -> Settings:
    """Return the judged options of a verb.

    Raises
    ------
    TypeError
        If an option is unknown, or is not of its type.
    ValueError
        If a value is out of its range, or two options make no sense together.
    """
    if not options:
        return DEFAULTS
    given = _known(verb, options)
    method = _method(given.get("method", "central"))
    bounds = _bounds(given.get("bounds"))
    _require_fitting(method, given)
    return Settings(
        method=method,
        accuracy=_accuracy(method, given.get("accuracy")),
        step=_positive("step", given.get("step")),
        relative_step=_positive("relative_step", given.get("relative_step")),
        x_scale=_positive("x_scale", given.get("x_scale")),
        bounds=bounds,
        vectorized=_checks.flag("vectorized", given.get("vectorized", False)),
        batch_bytes=_checks.integer("batch_bytes", given.get("batch_bytes", BATCH_BYTES), least=1),
        f0=given.get("f0"),
        full_output=_checks.flag("full_output", given.get("full_output", False)),
        backend=_backend(verb, given),
        goal=_goal(given),
        noise=_noise(given.get("noise")),
        workers=_workers.judged(given["workers"]) if "workers" in given else None,
        progress=_checks.flag("progress", given.get("progress", False)),
    )


DEFAULTS = Settings(
    method="central",
    accuracy=2,
    step=None,
    relative_step=None,
    x_scale=None,
    bounds=None,
    vectorized=False,
    f0=None,
    full_output=False,
    backend="fastdiff",
    goal=Goal(),
    noise=None,
    batch_bytes=BATCH_BYTES,
    workers=None,
    progress=False,
)

# Options that a method does not have, and why.
_NOT_WITH = {
    "complex": {
        "accuracy": "its error is round-off at any step",
        "bounds": "it leaves the real axis, and beyond first order takes real steps on both sides",
        "noise": "it subtracts nothing",
    },
    "richardson": {"accuracy": "it extrapolates as far as it pays; state `rtol` or `atol`"},
}
# Options of the adaptive method only.
_ADAPTIVE = ("rtol", "atol", "max_levels", "on_error")


def _require_fitting(method: str, given: dict[str, Any]) -> None:
    """Raise ValueError where an option and the method make no sense together."""
    for name, reason in _NOT_WITH.get(method, {}).items():
        if name in given:
            raise ValueError(f"`{name}` can't be used with method={method!r}: {reason}")
    for name in _ADAPTIVE:
        if name in given and method != "richardson":
            raise ValueError(f"`{name}` can't be used with method={method!r}: only 'richardson' adapts")
    if given.get("batch_bytes") is not None and given.get("vectorized", False) is False:
        raise ValueError("`batch_bytes` and vectorized=False make no sense together: f is called point by point")


def _goal(given: dict[str, Any]) -> Goal:
    tolerances = {name: _checks.number(name, given[name], least=0.0) for name in ("rtol", "atol") if name in given}
    return Goal(
        **tolerances,
        max_levels=_checks.integer("max_levels", given.get("max_levels", Goal().max_levels), least=3, most=10_000),
        on_error=_checks.one_of("on_error", given.get("on_error", "raise"), ("raise", "edge")),
    )


def _noise(noise: Any) -> Any:
    if noise is None or (isinstance(noise, str) and noise == "auto"):
        return noise
    if isinstance(noise, str | bool | np.bool_):
        raise (ValueError if isinstance(noise, str) else TypeError)(
            f"`noise` must be a number or 'auto', got {noise!r}"
        )
    return _checks.number("noise", noise, least=0.0, most=1.0)


def _known(verb: str, options: Options) -> dict[str, Any]:
    given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
    for name in options:
        if name not in Options.__annotations__:
            raise TypeError(_unknown(verb, name))
    for name, (verbs, reason) in _NOT_FOR.items():
        if verb in verbs and name in given:
            raise ValueError(f"{verb} does not take `{name}`: {reason}")
    for one, other, reason in _PAIRS:
        if given.get(one, False) is not False and given.get(other, False) is not False:
            raise ValueError(f"`{one}` and `{other}` can't be given together: {reason}")
    return given


# What SciPy calls our options and methods.
_SCIPY_WORDS = {
    "rel_step": "relative_step",
    "abs_step": "step",
    "diff_step": "relative_step",
    "finite_diff_rel_step": "relative_step",
    "eps": "step",
    "epsilon": "step",
    "h": "step",
    "2-point": "forward",
    "3-point": "central",
    "cs": "complex",
}


def _unknown(verb: str, name: str) -> str:
    known = list(Options.__annotations__)
    meant = [_SCIPY_WORDS[name]] if name in _SCIPY_WORDS else difflib.get_close_matches(name, known, 1)
    hint = f" (is {meant[0]!r} meant?)" if meant else ""
    return f"{verb}() got an unknown option {name!r}{hint}; the options are {', '.join(known)}"


def _method(method: Any) -> Method:
    if isinstance(method, str) and method in _SCIPY_WORDS:
        listed = ", ".join(map(repr, METHODS))
        raise ValueError(f"`method` must be one of {listed}, got {method!r}, which is {_SCIPY_WORDS[method]!r} here")
    return _checks.one_of("method", method, METHODS)


def _accuracy(method: str, accuracy: Any) -> int:
    if method not in _ACCURACIES:
        return 2
    default, allowed = _ACCURACIES[method]
    if accuracy is None:
        return default
    number = _checks.integer("accuracy", accuracy)
    return _checks.one_of("accuracy", number, allowed, where=f" with method={method!r}")


def _positive(name: str, value: Any) -> FloatArray | None:
    return None if value is None else _checks.positive_array(name, value)


def _backend(verb: str, given: dict[str, Any]) -> Any:
    backend = _checks.one_of("backend", given.get("backend", "fastdiff"), ("fastdiff", "scipy"))
    if backend == "scipy" and verb not in _dispatch.SCIPY_VERBS:
        raise ValueError(f"`backend`='scipy' is for {', '.join(_dispatch.SCIPY_VERBS)}; SciPy can't do {verb}")
    if backend == "scipy" and "accuracy" in given:
        raise ValueError("`accuracy` can't be chosen with backend='scipy': SciPy has one for each method")
    return backend


def _bounds(bounds: Any) -> tuple[FloatArray, FloatArray] | None:
    if bounds is None:
        return None
    if isinstance(bounds, tuple):
        if len(bounds) != 2:
            raise ValueError(f"`bounds` must be a tuple (lb, ub), got {len(bounds)} items")
        pair = bounds
    elif hasattr(bounds, "lb") and hasattr(bounds, "ub"):
        pair = (bounds.lb, bounds.ub)
    else:
        raise TypeError(
            f"`bounds` must be a tuple (lb, ub) or scipy.optimize.Bounds, got {type(bounds).__name__}: a list could be "
            "read as pairs or as (lb, ub); from pairs (low, high) make it with tuple(zip(*bounds))"
        )
    try:
        lower, upper = (_checks.real_array("bounds", side) for side in pair)
    except TypeError as error:
        raise TypeError(f"{error}; where there is no bound, use -np.inf and np.inf") from None
    if np.isnan(lower).any() or np.isnan(upper).any():
        raise ValueError("`bounds` must not be NaN; use -inf and inf where there is none")
    return lower, upper


def box(
    bounds: tuple[FloatArray, FloatArray], shape: tuple[int, ...], position: Position
) -> tuple[FloatArray, FloatArray]:
    """Return the bounds broadcast to x and flattened; lb > ub raises ValueError naming the coordinate."""
    lower, upper = (np.ascontiguousarray(_checks.broadcast("bounds", side, shape).ravel()) for side in bounds)
    crossed = lower > upper
    if crossed.any():
        i = int(np.argmax(crossed))
        place = position(i)
        raise ValueError(f"`bounds` must have lb <= ub, got lb{place} = {lower[i]} > ub{place} = {upper[i]}")
    return lower, upper


def require_inside(x: FloatArray, lower: FloatArray, upper: FloatArray, position: Position) -> None:
    """Raise ValueError where x (flattened) lies outside the box, naming the coordinate."""
    outside = (x < lower) | (x > upper)
    if outside.any():
        i = int(np.argmax(outside))
        place = position(i)
        raise ValueError(
            f"`x` must lie within `bounds`: x{place} = {float(x[i])!r} is outside [{lower[i]}, {upper[i]}]"
        )


# Options of one kind of function only, and why the other does not have them.
_ONLY_PYTHON = {
    "args": "give data by scipy.LowLevelCallable(f, user_data), or close over it with fastdiff.jit",
    "kwargs": "give data by scipy.LowLevelCallable(f, user_data), or close over it with fastdiff.jit",
    "argnum": "x is its only argument",
    "unpack": "its signature says how it takes x",
    "vectorized": "it is called without the interpreter, so that there is nothing to gain",
    "batch_bytes": "it is called without the interpreter, so that there is nothing to gain",
    "workers": "use `threads`",
    "progress": "it is called without the interpreter, which would have to draw the bar",
}
_ONLY_COMPILED = {
    "threads": "use `workers`",
    "outputs": "what it returns shows its shape",
}


def call(verb: str, f: Any, options: Options) -> Call:
    """Return f with its other arguments, judged."""
    compiled = compiled_function("f", f)
    if not options and compiled is None:
        return Call(f)
    given = {name: value for name, value in options.items() if not _says_nothing(name, value)}
    for name, reason in (_ONLY_COMPILED if compiled is None else _ONLY_PYTHON).items():
        if name in given and not (name == "unpack" and isinstance(compiled, Jitted)):
            kind = "a Python" if compiled is None else "a compiled"
            raise ValueError(f"`{name}` can't be used with {kind} f: {reason}")
    if compiled is not None:
        return _compiled_call(f, compiled, given)
    args: Any = options.get("args")
    kwargs: Any = options.get("kwargs")
    if args is not None and not isinstance(args, tuple):
        raise TypeError(f"`args` must be a tuple, got {args!r:.80}; write `args=(a,)` for one argument")
    if kwargs is not None and not (isinstance(kwargs, Mapping) and all(type(key) is str for key in kwargs)):
        raise TypeError(f"`kwargs` must be a dict with names as keys, got {kwargs!r:.80}")
    argnum = options.get("argnum")
    unpack = options.get("unpack")
    made = Call(
        f,
        args or (),
        dict(kwargs or {}),
        check_argnum(0 if argnum is None else argnum),
        _checks.flag("unpack", False if unpack is None else unpack),
    )
    if isinstance(made.argnum, slice):
        for name in ("unpack", "vectorized"):
            if options.get(name):
                raise ValueError(f"`{name}` and a slice as `argnum` can't be given together: a slice unpacks already")
    return made


# What an option is where it might as well be left out.
_NOTHING = {"unpack": False, "vectorized": False, "progress": False, "args": (), "kwargs": {}, "argnum": 0}


def _says_nothing(name: str, value: Any) -> bool:
    default = _NOTHING.get(name)
    return value is None or (type(value) is type(default) and value == default)


def _compiled_call(f: Any, compiled: Pointer | Jitted, given: dict[str, Any]) -> Call:
    """Return a compiled f with the options it takes."""
    if given.get("backend") == "scipy":
        raise ValueError("`backend`='scipy' can't be used with a compiled f: SciPy differentiates Python functions")
    if given.get("method") == "complex":
        if isinstance(compiled, Pointer):
            raise ValueError("method='complex' can't be used with a pointer: it takes no complex numbers")
        for name in ("threads", "outputs"):
            if name in given:
                raise ValueError(f"`{name}` can't be used with method='complex': f runs in Python there")
    if isinstance(compiled, Pointer):
        if compiled.signature == VECTOR and "outputs" not in given:
            raise ValueError(
                f"`outputs` is needed for an f of the signature {SIGNATURES[VECTOR]!r}: the number or the shape of "
                "what it returns"
            )
        if compiled.signature != VECTOR and "outputs" in given:
            raise ValueError(
                f"`outputs` can't be used with an f of the signature {SIGNATURES[compiled.signature]!r}: it returns "
                "one number"
            )
    return Call(
        f,
        unpack=_checks.flag("unpack", given.get("unpack", False)),
        compiled=compiled,
        outputs=_outputs(given.get("outputs")),
        threads=_checks.integer("threads", given["threads"], least=1, most=_threads.MOST)
        if "threads" in given
        else None,
    )


_MOST_OUTPUTS = 2**40  # beyond any memory


def _outputs(outputs: Any) -> tuple[int, ...] | None:
    """Return the shape of what f returns."""
    if outputs is None:
        return None
    lengths = outputs if isinstance(outputs, tuple | list) else (outputs,)
    shape = tuple(_checks.integer("outputs", length, least=0) for length in lengths)
    if prod(shape) > _MOST_OUTPUTS:
        raise ValueError(f"`outputs` must be at most {_MOST_OUTPUTS} numbers, got {outputs!r:.80}")
    return shape


def point(x: Any, name: str = "x") -> FloatArray:
    """Return x as a new C-contiguous float64 array, finite: what the caller's own does meanwhile is of no matter."""
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"`{name}` must not be a masked array: f can't be called at a missing coordinate")
    if type(x) is not np.ndarray or x.dtype != np.float64:
        _require_array(name, x)
        x = _checks.real_array(name, x)
    x = np.array(x, order="C", subok=False)
    if not np.isfinite(x).all():
        _checks.finite_array(name, x)
    array: FloatArray = x
    return array


def _require_array(name: str, x: Any) -> None:
    """Raise TypeError where x is a dict."""
    if isinstance(x, Mapping):
        listed = ", ".join(TREE_VERBS)
        raise TypeError(
            f"`{name}` must be an array here, got {x!r:.80}; the verbs that take a dict of arrays are {listed}"
        )


def direction(v: Any, shape: tuple[int, ...], path: str = "") -> FloatArray:
    """Return v as finite float64 of the shape of x, or what is at the path of both."""
    array = _checks.finite_array(f"v{path}", v)
    if array.shape != shape:
        raise ValueError(f"`v{path}` must have the shape {shape} of x{path}, got {array.shape}")
    return array


def flat_index(index: Any, size: int) -> tuple[tuple[int, int], ...]:
    """Return the (coordinate, derivative order) pairs of ``partial``'s index."""
    entries = index if isinstance(index, tuple) else (index,)
    if not entries:
        raise ValueError("`index` must name at least one coordinate, got ()")
    counts: dict[int, int] = {}
    for entry in entries:
        i = _checks.integer("index", entry)
        if not -size <= i < size:
            raise IndexError(f"`index` {i} is out of range for x with {size} entries")
        counts[i % size] = counts.get(i % size, 0) + 1
    if len(entries) > 8:
        raise ValueError(f"`index` asks for a derivative of order {len(entries)}; at most 8 are supported")
    return tuple(sorted(counts.items()))


def known_value(f0: Any, complex_allowed: bool) -> Array | None:
    """Return `f0` as an array of numbers."""
    if f0 is None:
        return None
    _checks.require_unmasked("`f0`", f0)
    try:
        array = np.asarray(f0)
    except ValueError as error:
        raise ValueError(f"`f0` must be numbers: {error}") from None
    if array.dtype.kind not in ("biufc" if complex_allowed else "biuf"):
        raise TypeError(f"`f0` must be numbers, got {f0!r:.80}")
    return array.astype(np.complex128 if array.dtype.kind == "c" else np.float64)
