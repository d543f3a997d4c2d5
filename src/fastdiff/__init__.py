"""Finite differences that are fast, right, and honest about their error.

Derivatives of functions: `derivative`, `partial`, `gradient`, `jacobian`, `hessian`, … and the planned `Gradient`,
`Jacobian`, `Hessian` for ``jac=`` and ``hess=``. Derivatives of sampled fields: `fastdiff.grid`.
"""

from importlib import import_module as _import_module
from typing import TYPE_CHECKING as _TYPE_CHECKING
from typing import Any as _Any
from warnings import warn as _warn

from . import _kernels, grid
from ._compare import Comparison, compare
from ._stencil import Stencil, stencil
from .function import (
    AccuracyWarning,
    DerivativeResult,
    Gradient,
    Hessian,
    HessianResult,
    Jacobian,
    Options,
    Status,
    derivative,
    directional,
    gradient,
    gradient_field,
    hessian,
    hessian_diagonal,
    hvp,
    jacobian,
    jit,
    jvp,
    laplacian,
    partial,
)

if _TYPE_CHECKING:
    from . import plot

__all__ = [
    "AccuracyWarning",
    "Comparison",
    "DerivativeResult",
    "Gradient",
    "Hessian",
    "HessianResult",
    "Jacobian",
    "Options",
    "Status",
    "Stencil",
    "compare",
    "derivative",
    "directional",
    "gradient",
    "gradient_field",
    "grid",
    "hessian",
    "hessian_diagonal",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "laplacian",
    "partial",
    "plot",
    "stencil",
]


def __getattr__(name: str) -> _Any:
    """Look up what is seldom asked for: importlib.metadata would add half of NumPy's time to every import."""
    if name == "plot":
        return _import_module("fastdiff.plot")
    if name == "__version__":
        from importlib.metadata import version

        return version("fastdiff")
    raise AttributeError(f"module 'fastdiff' has no attribute {name!r}")


if _kernels.core is None:
    _warn(
        f"the compiled core of fastdiff can't be used ({_kernels.reason}): SciPy and NumPy stand in where they can; "
        f"{_kernels.REMEDY}",
        RuntimeWarning,
        stacklevel=2,
    )
