"""Derivatives of sampled arrays: every operator in one compiled sweep over memory."""

from .._typing import GridOptions
from ._apply import GridResult
from ._operator import Operator
from ._verbs import curl, divergence, gradient, hessian, jacobian, laplacian, magnitude, partial

__all__ = [
    "GridOptions",
    "GridResult",
    "Operator",
    "curl",
    "divergence",
    "gradient",
    "hessian",
    "jacobian",
    "laplacian",
    "magnitude",
    "partial",
]
