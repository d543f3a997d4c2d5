"""An operator as an object: planned once, applied often, transposed, printed and counted."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import prod
from typing import Any, NoReturn, Unpack

import numpy as np

from .. import _checks, _dispatch
from .._stencil import Stencil, stencil
from .._typing import Array, FloatArray, GridOptions
from . import _apply, _door
from ._operators import OPERATORS, Structure, Sum, Term, dimensions, entries, is_pure
from ._request import Request, spacing_of
from ._rules import matrix_of
from ._spacing import line


class Operator:
    """A differential operator for arrays of one shape.

    Calling it, or ``D @ u``, gives what the function of its name gives, bit for bit. It is frozen and can be pickled.

    Parameters
    ----------
    name : str
        ``"gradient"``, ``"partial"``, ``"divergence"``, ``"curl"``, ``"laplacian"``, ``"magnitude"``, ``"hessian"`` or
        ``"jacobian"``, the last of as many components as axes.
    shape : tuple of int
        The shape of the samples, of one component if the operator takes a vector field.
    *spacing : float or array_like
        As in `fastdiff.grid.gradient`.
    order : int or tuple of int
        For ``"partial"``: the derivative order along each of the axes.
    **options
        See `fastdiff.grid.GridOptions`; `out` and `threads` belong to the call.

    Attributes
    ----------
    T : Operator
        The adjoint: ``<D u, v> = <u, D.T v>``; of the linear part where a boundary is constant. It takes what D
        returns.
    stencil : Stencil or tuple of Stencil
        The formula of the interior; a tuple if there are several derivative orders.
    bytes_moved : int
        What one application to float64 data must move at least: one read of each input, one write of each output.

    Raises
    ------
    TypeError, ValueError, IndexError, ImportError
        As the function of its name; and if `name` or `shape` is not as above.

    Examples
    --------
    >>> import numpy as np
    >>> from fastdiff import grid
    >>> D = grid.Operator("laplacian", (5,), 0.5)
    >>> D(np.arange(5.0) ** 2)
    array([8., 8., 8., 8., 8.])
    >>> D.matrix().toarray()[2]
    array([ 0.,  4., -8.,  4.,  0.])
    >>> print(D.stencil)
    f''(x) = (f(x-h) - 2 f(x) + f(x+h)) / h^2 + O(h^2)
    """

    def __init__(self, name: str, shape: Any, *spacing: Any, order: Any = None, **options: Unpack[GridOptions]) -> None:
        name = _checks.one_of("name", name, tuple(OPERATORS))
        _apply.require_core(name)
        given = _door.known_options(name, options)
        for option in ("out", "threads"):
            if option in given:
                raise TypeError(
                    f"`{option}` must be given where the operator is applied, got {option}={given[option]!r}"
                )
        extents = _shape(shape)
        axes = given.get("axis")
        count = len(extents) if axes is None else len(axes) if isinstance(axes, tuple | list) else 1
        components = count if OPERATORS[name].vector else 1
        design = _door.design(name, extents, components, spacing, order, kept=True, **given)
        if not design.entries:
            raise ValueError(f"`axis` must name at least one axis, got {axes!r}")
        self._set(design, adjoint=False)

    def _set(self, design: _door.Design, *, adjoint: bool) -> None:
        vars(self).update(_design=design, _adjoint=adjoint)

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"an Operator is frozen: {name!r} can't be set")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"an Operator is frozen: {name!r} can't be deleted")

    def __repr__(self) -> str:
        design = self._design
        boundary = {
            axis: sides[0].rule if sides[0] == sides[1] else tuple(side.rule for side in sides)
            for axis, sides in zip(design.axes, design.scheme.sides, strict=True)
        }
        text = f"Operator({design.name!r}, {design.shape}, accuracy={design.scheme.accuracy}, boundary={boundary})"
        return f"{text}.T" if self._adjoint else text

    _design: _door.Design
    _adjoint: bool

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the samples, of one component."""
        return self._design.shape

    def __call__(self, u: Any, *, out: Any = None, threads: int | None = None) -> Any:
        """Apply the operator.

        Parameters
        ----------
        u : array_like, or what the operator takes
            Samples of the operator's shape: a field, or the components of a vector field. For an adjoint: what the
            operator returns.
        out, threads : optional
            As in `fastdiff.grid.gradient`; `out` not for an adjoint.

        Returns
        -------
        ndarray or tuple
            As the function of the operator's name returns it; for an adjoint what the operator takes.

        Raises
        ------
        ValueError
            If the shape is another.
        """
        _door.check_threads(threads)
        if self._adjoint:
            if out is not None:
                raise TypeError("`out` can't be used with an adjoint, which sums several results")
            return self._applied_back(u, threads)
        components, masked = _door.fields(self._design.name, u, "u")
        if len(components) != self._design.components:
            raise ValueError(f"`u` must have {self._design.components} components, got {len(components)}")
        self._check_shapes(components)
        call = self._design.fit(components, masked)
        return _apply.solve(call, out, threads, (*(u if isinstance(u, tuple | list) else (u,)),))

    def __matmul__(self, u: Any) -> Any:
        """Apply the operator."""
        return self(u)

    def _check_shapes(self, parts: tuple[Array, ...]) -> None:
        for part in parts:
            if part.shape != self.shape:
                raise ValueError(f"`u` must have the shape {self.shape} of the operator, got {part.shape}")

    # ---- the linear operator

    @property
    def T(self) -> Operator:
        """The adjoint, of the linear part."""
        self._require_linear()
        turned = object.__new__(Operator)
        turned._set(self._design, adjoint=not self._adjoint)
        return turned

    def _require_linear(self) -> None:
        if OPERATORS[self._design.name].norm:
            raise TypeError(f"{self._design.name} is not linear: it has no adjoint and no matrix")

    def _applied_back(self, v: Any, threads: int | None) -> Any:
        """Apply the adjoint: to each component all entries that were made of it, by the transposed matrices."""
        design = self._design
        parts, masked = _door.fields("jacobian", _leaves(v, design.structure), "v")  # any number of components
        self._check_shapes(parts)
        scheme = design.scheme._replace(adjoint=True)
        results = []
        for component in range(design.components):
            terms = [
                Term(term.sign, place, term.orders)
                for place, entry in enumerate(entries(design.structure))
                for term in entry.terms
                if term.component == component
            ]
            sums = [Sum(tuple(term for term in terms if is_pure(term)))]
            sums += [Sum((term,)) for term in terms if not is_pure(term)]
            request = Request(scheme, design.tokens, design.axes, tuple(one for one in sums if one.terms))
            call = _door.Call(parts, request, request.entries, design.coordinates, masked, plain=False)
            values = _apply.solve(call, None, threads, ()) if request.entries else (np.zeros_like(parts[0]),)
            results.append(sum(values[1:], start=values[0]))
        return tuple(results) if OPERATORS[design.name].vector else results[0]

    def matrix(self) -> Any:
        """Return the linear part as a SciPy CSR array.

        Returns
        -------
        scipy.sparse.csr_array
            Of shape ``(m * N, n * N)`` for N samples, m entries of the result and n components, stacked in C order.

        Raises
        ------
        TypeError
            If the operator is not linear.
        """
        self._require_linear()
        design = self._design

        @cache
        def factor(position: int, order: int) -> Any:
            extent = design.shape[design.axes[position]]
            rules = design.scheme.rules(position, design.tokens[position], extent, order, "d")
            return matrix_of(rules, extent)

        def term(term: Term) -> Any:
            factors = {design.axes[p]: factor(p, order) for p, order in enumerate(term.orders) if order}
            return term.sign, factors

        blocks = [
            [[term(one) for one in entry.terms if one.component == component] for component in range(design.components)]
            for entry in entries(design.structure)
        ]
        matrix = _dispatch.sparse().csr(blocks, design.shape)
        return matrix.T.tocsr() if self._adjoint else matrix

    def as_linear_operator(self) -> Any:
        """Return the linear part as a `scipy.sparse.linalg.LinearOperator` of flat float64 vectors, without a matrix.

        Raises
        ------
        TypeError
            If the operator is not linear.
        """
        self._require_linear()
        design = self._design._replace(scheme=self._design.scheme.linear(), estimate=False)
        forward, back = object.__new__(Operator), object.__new__(Operator)
        forward._set(design, adjoint=self._adjoint)
        back._set(design, adjoint=not self._adjoint)
        size = prod(self.shape)
        sizes = (len(entries(design.structure)) * size, design.components * size)

        def applied(operator: Operator, flat: Array) -> Array:
            structure: Any = design.structure if operator._adjoint else (Sum(()),) * design.components
            shape = (*dimensions(structure), *self.shape)
            parts = flat.reshape(shape)
            vector = operator._adjoint or OPERATORS[design.name].vector
            return np.stack(list(_arrays(operator(parts if vector else parts[0])))).ravel()

        return _dispatch.sparse().linear_operator(
            sizes[::-1] if self._adjoint else sizes,
            lambda flat: applied(forward, flat),
            lambda flat: applied(back, flat),
        )

    # ---- what it is

    @property
    def _orders(self) -> list[tuple[int, int]]:
        """The selected axes and the derivative orders along them that occur, by order."""
        terms = (term for entry in self._design.entries for term in entry.terms)
        found = {(order, position) for term in terms for position, order in enumerate(term.orders) if order}
        return [(position, order) for order, position in sorted(found)]

    def _step(self, position: int) -> float:
        """Return the step of a uniform axis."""
        design = self._design
        axis = design.axes[position]
        spacing = spacing_of(design.tokens[position])
        step = line(spacing, design.shape[axis], design.scheme.sides[position]).step
        if step is None:
            raise ValueError(f"axis {axis} must be uniform for this, as a formula of its own serves each of its rows")
        return float(step)

    @property
    def stencil(self) -> Stencil | tuple[Stencil, ...]:
        """The formula of the interior; a tuple if there are several derivative orders."""
        for position, _ in self._orders:
            self._step(position)
        found = tuple(
            stencil(order, self._design.scheme.accuracy) for order in dict.fromkeys(order for _, order in self._orders)
        )
        return found[0] if len(found) == 1 else found

    def modified_wavenumber(self, k: Any) -> FloatArray | tuple[FloatArray, ...]:
        """Return K, by which the interior formula differentiates a wave: ``exp(i k x)`` becomes ``i**m K exp(i k x)``.

        An exact derivative of order m has K = k**m (S. K. Lele, J. Comput. Phys. 103 (1992) 16-42, section 3).

        Parameters
        ----------
        k : float or array_like
            Wavenumbers, in radians for each unit of the spacing.

        Returns
        -------
        ndarray or tuple of ndarray
            Of the shape of `k`, for each axis and derivative order; a tuple if there are several.

        Raises
        ------
        ValueError
            If an axis is not uniform.
        """
        wave = _checks.finite_array("k", k)
        found = tuple(self._response(wave, position, order) for position, order in self._orders)
        return found[0] if len(found) == 1 else found

    def _response(self, k: FloatArray, position: int, order: int) -> FloatArray:
        step = self._step(position)
        formula = stencil(order, self._design.scheme.accuracy)
        part = np.sin if order % 2 else np.cos
        total = np.zeros(k.shape)
        for offset, weight in zip(formula.offsets, formula.weights, strict=True):
            total += float(weight) * part(offset * k * step)
        response: FloatArray = (-1) ** (order // 2) * total / step**order
        return response

    @property
    def bytes_moved(self) -> int:
        """What one application to float64 data moves at least."""
        outputs = len(self._design.entries) * (2 if self._design.estimate else 1)
        return (self._design.components + outputs) * prod(self.shape) * np.dtype(np.float64).itemsize


def _shape(shape: Any) -> tuple[int, ...]:
    if isinstance(shape, np.ndarray) and shape.ndim:
        raise TypeError(f"`shape` must be integers, got an array; its shape is {shape.shape}")
    items = shape if isinstance(shape, tuple | list) else (shape,)
    extents = tuple(_checks.integer("shape", one, least=0) for one in items)
    if not extents:
        raise ValueError(f"`shape` must have at least one axis, got {shape!r}")
    return extents


def _leaves(v: Any, structure: Structure) -> list[Any]:
    """Return the entries of what an operator returned, or of an array of them."""
    if isinstance(structure, Sum):
        return [v]
    if not isinstance(v, tuple | list | np.ndarray) or len(v) != len(structure):
        got = f"{len(v)} of them" if hasattr(v, "__len__") else type(v).__name__
        raise ValueError(f"`v` must have {len(structure)} entries, as the operator returns them, got {got}")
    return [leaf for one, part in zip(v, structure, strict=True) for leaf in _leaves(one, part)]


def _arrays(parts: Any) -> Iterator[Array]:
    """Yield the arrays of nested tuples."""
    if isinstance(parts, tuple):
        for part in parts:
            yield from _arrays(part)
    else:
        yield parts
