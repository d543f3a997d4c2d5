"""Derivatives of functions that are called: verbs, planned objects and results."""

from .._typing import Options
from ._jit import jit
from ._planned import Gradient, Hessian, Jacobian
from ._results import AccuracyWarning, DerivativeResult, HessianResult, Status
from ._verbs import (
    derivative,
    directional,
    gradient,
    gradient_field,
    hessian,
    hessian_diagonal,
    hvp,
    jacobian,
    jvp,
    laplacian,
    partial,
)

__all__ = [
    "AccuracyWarning",
    "DerivativeResult",
    "Gradient",
    "Hessian",
    "HessianResult",
    "Jacobian",
    "Options",
    "Status",
    "derivative",
    "directional",
    "gradient",
    "gradient_field",
    "hessian",
    "hessian_diagonal",
    "hvp",
    "jacobian",
    "jit",
    "jvp",
    "laplacian",
    "partial",
]
