"""Derivatives of sampled arrays: every operator in one compiled sweep over memory."""

from ._apply import GridResult
from ._verbs import curl, divergence, gradient, hessian, jacobian, laplacian, magnitude, partial

__all__ = [
    "GridResult",
    "curl",
    "divergence",
    "gradient",
    "hessian",
    "jacobian",
    "laplacian",
    "magnitude",
    "partial",
]
