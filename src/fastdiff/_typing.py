"""The words of the interface as types: array aliases and the literal values of the options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, TypeAlias

import numpy as np

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]
FloatArray: TypeAlias = np.ndarray[Any, np.dtype[np.float64]]
IntpArray: TypeAlias = np.ndarray[Any, np.dtype[np.intp]]
StatusArray: TypeAlias = np.ndarray[Any, np.dtype[np.int8]]

Function: TypeAlias = Callable[..., Any]

Method: TypeAlias = Literal["central", "forward", "backward", "complex"]
Backend: TypeAlias = Literal["fastdiff", "scipy"]
Indexing: TypeAlias = Literal["ij", "xy"]
