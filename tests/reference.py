"""The slow, obvious twin: derivatives by exact rational interpolation, one point at a time."""

from fractions import Fraction
from typing import Any

import numpy as np

from fastdiff._stencil import fornberg


def derivative(f: np.ndarray, x: np.ndarray, axis: int, accuracy: int) -> np.ndarray:
    """The derivative of the polynomial through the accuracy + 1 points around each, rounded once."""
    f = np.moveaxis(f, axis, 0)
    result = np.empty(f.shape)
    for row in range(len(x)):
        start = min(max(row - accuracy // 2, 0), len(x) - accuracy - 1)
        nodes = [Fraction(float(node)) for node in x[start : start + accuracy + 1]]
        weights = fornberg(nodes, Fraction(float(x[row])), 1)
        for index in np.ndindex(*f.shape[1:]):
            column: Any = f[(slice(start, start + accuracy + 1), *index)]
            result[(row, *index)] = sum(w * Fraction(float(v)) for w, v in zip(weights, column, strict=True))
    return np.moveaxis(result, 0, axis)
