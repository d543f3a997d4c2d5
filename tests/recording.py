"""Functions that remember where they were called, and small helpers of the tests."""

from collections.abc import Callable
from typing import Any

import numpy as np

import fastdiff as fd

METHODS = ("central", "forward", "backward", "complex")
REAL_METHODS = METHODS[:3]
ACCURACIES = {"central": (2, 4, 6, 8), "forward": tuple(range(1, 9)), "backward": tuple(range(1, 9))}
PAIRS = [(method, accuracy) for method, accuracies in ACCURACIES.items() for accuracy in accuracies]


class Recorded:
    """A function of one array that keeps a copy of every point it is called at."""

    def __init__(self, f: Callable[..., Any]) -> None:
        self.f = f
        self.points: list[np.ndarray] = []

    def __call__(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        self.points.append(np.array(x))
        return self.f(x, *args, **kwargs)

    @property
    def calls(self) -> int:
        return len(self.points)

    def inside(self, lower: Any, upper: Any) -> bool:
        return all(((p >= lower) & (p <= upper)).all() for p in self.points)


# Every verb as (f, x, **options), with a direction where it needs one.
def _along(x: Any) -> np.ndarray:
    return np.linspace(1.0, 2.0, np.size(x)).reshape(np.shape(x))


VERBS: dict[str, Callable[..., Any]] = {
    "derivative": fd.derivative,
    "partial": lambda f, x, **o: fd.partial(f, x, 0, **o),
    "gradient": fd.gradient,
    "jacobian": fd.jacobian,
    "hessian": fd.hessian,
    "hessian_diagonal": fd.hessian_diagonal,
    "laplacian": fd.laplacian,
    "directional": lambda f, x, **o: fd.directional(f, x, _along(x), **o),
    "jvp": lambda f, x, **o: fd.jvp(f, x, _along(x), **o),
    "hvp": lambda f, x, **o: fd.hvp(f, x, _along(x), **o),
}
PLANNED: dict[str, Callable[..., Any]] = {
    "Gradient": fd.Gradient,
    "Jacobian": fd.Jacobian,
    "Hessian": fd.Hessian,
}
