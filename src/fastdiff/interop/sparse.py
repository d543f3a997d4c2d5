"""SciPy's sparse matrices and linear operators, made of what a plan knows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np

from .._typing import Array

# A term of a block: its sign, and by axis the places and weights of its matrix.
Term = tuple[int, dict[int, tuple[Array, Array, Array]]]


def csr(blocks: Sequence[Sequence[Sequence[Term]]], shape: tuple[int, ...]) -> Any:
    """Return ``[output][input]`` blocks as one CSR matrix; a block is a sum of Kronecker products over the axes."""
    from scipy import sparse

    def block(terms: Sequence[Term]) -> Any:
        total = sparse.csr_array((prod(shape), prod(shape)))
        for sign, factors in terms:
            product = sparse.csr_array([[float(sign)]])
            for axis, extent in enumerate(shape):
                if axis in factors:
                    rows, columns, weights = factors[axis]
                    factor = sparse.csr_array((weights, (rows, columns)), shape=(extent, extent))
                else:
                    factor = sparse.eye_array(extent, format="csr")
                product = sparse.kron(product, factor, format="csr")
            total = total + product
        return total

    matrix = sparse.csr_array(sparse.vstack([sparse.hstack([block(terms) for terms in row]) for row in blocks]))
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    matrix.sort_indices()
    return matrix


def linear_operator(shape: tuple[int, int], matvec: Callable[[Array], Array], rmatvec: Callable[[Array], Array]) -> Any:
    """Return a `scipy.sparse.linalg.LinearOperator` of float64."""
    from scipy.sparse.linalg import LinearOperator

    return LinearOperator(shape, matvec=matvec, rmatvec=rmatvec, dtype=np.dtype(np.float64))
