"""Finite differences that are fast, right, and honest about their error.

Derivatives of functions: `derivative`, `partial`, `gradient`, `jacobian`, `hessian`, … and the planned `Gradient`,
`Jacobian`, `Hessian` for ``jac=`` and ``hess=``. Derivatives of sampled fields: `fastdiff.grid`.
"""

from importlib.metadata import PackageNotFoundError as _NotFound
from importlib.metadata import version as _version

from . import _kernels
from ._stencil import Stencil, stencil
from .function import *  # noqa: F403
from .function import __all__ as _function_names

__all__ = ["Stencil", "stencil", *_function_names]
