# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Evaluators: a batch of points in, the values of f out. And the shims of the compiled steps and differences.

An evaluator has one verb, ``evaluate(batch) -> values``, and knows nothing of derivatives. Every point is an array
that nobody else holds: what f keeps or changes never spoils a result. Values are copied out at once: f may return the
same buffer every time.
"""

from math import prod

import numpy as np

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals
from cpython.float cimport PyFloat_AS_DOUBLE, PyFloat_Check
from cpython.object cimport PyObject
from libc.string cimport memcpy

from ._results import numbers, require_same_shape

cnp.import_array()

cdef extern from *:
    """
    /* A count of references tells who else holds an object only where one thread runs at a time. */
    #ifdef Py_GIL_DISABLED
    #define fd_sole_reference(o) 0
    #else
    #define fd_sole_reference(o) (Py_REFCNT(o) == 1)
    #endif
    """
    bint fd_sole_reference(PyObject *o)

EPSILON = float(np.finfo(np.float64).eps)
# The precision of what f returns decides the steps: f in float32 has fewer digits to lose.
cdef dict EPSILON_OF_ITEMSIZE = {2: float(np.finfo(np.float16).eps), 4: float(np.finfo(np.float32).eps)}

cdef enum:
    YIELD_EVERY = 4096


cdef void repeat(Py_ssize_t n, Py_ssize_t count, const double *x, double *columns) noexcept nogil:
    """Fill rows of `count` numbers with one number each: several times faster than broadcasting."""
    cdef Py_ssize_t i, k
    for i in range(n):
        for k in range(count):
            columns[i * count + k] = x[i]


cdef class Batch:
    """Points as data: base points, and what each point changes in one of them.

    Attributes
    ----------
    base : ndarray, shape (q, n)
        Base points, C-contiguous, float64 or complex128.
    start : ndarray of intp, shape (k,), or None
        The base point of each point; None where q is 1.
    indptr, indices, values : ndarrays in CSR form, or None
        Point r sets coordinate ``indices[t]`` to ``values[t]`` for t in ``indptr[r]:indptr[r + 1]``. None where the
        points are the base points.
    """

    def __init__(self, cnp.ndarray base not None, start=None, indptr=None, indices=None, values=None):
        self.base = base
        self.start = start
        self.indptr = indptr
        self.indices = indices
        self.values = values

    def __reduce__(self):
        return Batch, (self.base, self.start, self.indptr, self.indices, self.values)

    def rows(self, Py_ssize_t first, Py_ssize_t last):
        """Return the points first to last as a batch of their own, with those base points only that they need."""
        base, start, indptr, indices, values = self.base, self.start, self.indptr, self.indices, self.values
        if start is not None:
            used, start = np.unique(start[first:last], return_inverse=True)
            base = base[used]
        elif indptr is None:
            base = base[first:last]
        if indptr is not None:
            changes = slice(indptr[first], indptr[last])
            indptr, indices, values = indptr[first:last + 1] - indptr[first], indices[changes], values[changes]
        return Batch(base, start, indptr, indices, values)

    def __len__(self):
        if self.indptr is not None:
            return cnp.PyArray_DIM(self.indptr, 0) - 1
        return cnp.PyArray_DIM(self.base, 0) if self.start is None else cnp.PyArray_DIM(self.start, 0)

    def columns(self, Py_ssize_t first, Py_ssize_t last):
        """Return the points first to last as columns of a new array, shape (n, last - first)."""
        cdef Py_ssize_t count = last - first, row, t
        cdef Py_ssize_t itemsize = cnp.PyArray_ITEMSIZE(self.base)
        cdef cnp.ndarray columns = np.empty((self.base.shape[1], count), self.base.dtype)
        if self.start is not None:
            columns[...] = self.base[self.start[first:last]].T
        elif self.indptr is None:
            columns[...] = self.base[first:last].T
        elif cnp.PyArray_TYPE(self.base) == cnp.NPY_FLOAT64:
            repeat(cnp.PyArray_DIM(self.base, 1), count, <const double *> cnp.PyArray_DATA(self.base),
                   <double *> cnp.PyArray_DATA(columns))
        else:
            columns[...] = self.base.T
        if self.indptr is None:
            return columns
        cdef char *data = <char *> cnp.PyArray_DATA(columns)
        cdef const Py_ssize_t *indptr = <const Py_ssize_t *> cnp.PyArray_DATA(self.indptr)
        cdef const Py_ssize_t *indices = <const Py_ssize_t *> cnp.PyArray_DATA(self.indices)
        cdef const char *changed = <const char *> cnp.PyArray_DATA(self.values)
        for row in range(count):
            for t in range(indptr[first + row], indptr[first + row + 1]):
                memcpy(data + (indices[t] * count + row) * itemsize, changed + t * itemsize, itemsize)
        return columns


cdef class Evaluator:
    """What all evaluators share: the values of a batch, whose shape may not change, and the count of points.

    Attributes
    ----------
    shape : tuple of int or None
        The shape of what f returns; None before the first value.
    epsilon : float
        The relative precision of what f returns.
    nfev : int
        The number of points evaluated so far.
    row : int
        The point of the batch that is evaluated, or was the last one; of columns, the first of a call.
    """

    def expect(self, tuple shape not None):
        """Take it as known what f returns: its shape, and the precision too."""
        self.shape = shape
        self.size = prod(shape)

    def close(self):
        """Let go of what is held beyond a batch: nothing."""

    cdef int begin(self, Py_ssize_t points, object array) except -1:
        """Take the first value of a batch as the model of all; find the precision from the first of all."""
        cdef object dtype = np.complex128 if array.dtype.kind == "c" else np.float64
        if self.shape is None:
            self.shape = array.shape
            self.size = array.size
            if array.dtype.kind in "fc":
                itemsize = array.dtype.itemsize // (2 if array.dtype.kind == "c" else 1)
                self.epsilon = EPSILON_OF_ITEMSIZE.get(itemsize, EPSILON)
        self.values = np.empty((points, self.size), dtype)
        return 0

    cdef object judged(self, object value):
        """Return what f returned as an array; what is complex after something real lies outside the domain of f."""
        array = numbers(value, self.complex_allowed or (self.real_domain and self.shape is not None))
        if array.dtype.kind == "c" and not self.complex_allowed:
            return np.where(array.imag == 0, array.real, np.nan)
        return array

    cdef object fitting(self, object array):
        """Return `array` if it has the shape of the values before it."""
        if array.shape != self.shape:
            require_same_shape(self.shape, array.shape)
        if array.dtype.kind == "c" and not np.iscomplexobj(self.values):
            self.values = self.values.astype(np.complex128)
        return array


cdef class Loop(Evaluator):
    """Calls a Python function point by point.

    Parameters
    ----------
    f : callable
        The function.
    before, after, kwargs : tuple, tuple, dict
        The arguments around x.
    form : {"array", "unpack", "scalar"}
        Whether f takes an array of shape `x_shape`, its entries as numbers, or one number.
    x_shape : tuple of int
        The shape of x.
    complex_allowed : bool
        Whether f may return complex numbers.
    weight : int
        The points that one call counts for: an elementwise f takes as many as x has entries.
    epsilon : float
        The precision expected of f. `evaluate` stops at the first value that shows another one.
    real_domain : bool
        Whether complex numbers after a real one say that a point is outside the domain of f: they count as NaN.
    edges : bool
        Whether an exception of f, but for that at the first point of all, does so too.
    """

    cdef object f
    cdef tuple before
    cdef tuple after
    cdef dict kwargs
    cdef bint bare
    cdef int form
    cdef Py_ssize_t weight
    cdef bint edges
    cdef int ndim
    cdef cnp.npy_intp dims[64]

    def __init__(self, f, tuple before, tuple after, dict kwargs, str form, tuple x_shape, Py_ssize_t weight,
                 bint complex_allowed, double epsilon, bint real_domain, bint edges):
        self.f = f
        self.before = before
        self.after = after
        self.kwargs = kwargs
        self.bare = not (before or after or kwargs)
        self.form = {"array": 0, "unpack": 1, "scalar": 2}[form]
        self.ndim = len(x_shape)
        for axis in range(self.ndim):
            self.dims[axis] = x_shape[axis]
        self.complex_allowed = complex_allowed
        self.weight = weight
        self.epsilon = epsilon
        self.real_domain = real_domain
        self.edges = edges

    cdef object call(self, cnp.ndarray x):
        if self.form == 0:
            if self.bare:
                return self.f(x)
            return self.f(*self.before, x, *self.after, **self.kwargs)
        if self.form == 2:
            return self.f(*self.before, x.item(), *self.after, **self.kwargs)
        return self.f(*self.before, *x.ravel().tolist(), *self.after, **self.kwargs)

    cdef bint untouched(self, cnp.ndarray x, const char *data, int typenum):
        """Whether f kept no reference to x and left its form alone, so that it can carry the next point as well."""
        cdef int axis
        if not fd_sole_reference(<PyObject *> x) or cnp.PyArray_DATA(x) != data or not cnp.PyArray_ISCARRAY(x):
            return False
        if cnp.PyArray_TYPE(x) != typenum or cnp.PyArray_NDIM(x) != self.ndim:
            return False
        for axis in range(self.ndim):
            if cnp.PyArray_DIM(x, axis) != self.dims[axis]:
                return False
        return True

    cdef int store(self, Py_ssize_t row, Py_ssize_t points, object value) except -1:
        cdef cnp.ndarray array
        if row > 0 and self.size == 1 and PyFloat_Check(value) and cnp.PyArray_TYPE(self.values) == cnp.NPY_FLOAT64:
            (<double *> cnp.PyArray_DATA(self.values))[row] = PyFloat_AS_DOUBLE(value)
            return 0
        array = self.judged(value)
        if row == 0:
            self.begin(points, array)
        self.fitting(array)
        if (cnp.PyArray_TYPE(array) == cnp.NPY_FLOAT64 and cnp.PyArray_TYPE(self.values) == cnp.NPY_FLOAT64
                and cnp.PyArray_ISCARRAY_RO(array)):
            memcpy(<double *> cnp.PyArray_DATA(self.values) + row * self.size, cnp.PyArray_DATA(array),
                   self.size * sizeof(double))
        else:
            self.values[row] = array.reshape(-1)
        return 0

    def evaluate(self, Batch batch not None):
        """Return the values of f, shape (points, outputs); None where f turned out to have another precision."""
        cdef Py_ssize_t points = len(batch), row, t
        cdef Py_ssize_t itemsize = cnp.PyArray_ITEMSIZE(batch.base)
        cdef Py_ssize_t row_bytes = cnp.PyArray_DIM(batch.base, 1) * itemsize
        cdef int typenum = cnp.PyArray_TYPE(batch.base)
        cdef bint moved = batch.indptr is not None
        cdef const char *base = <const char *> cnp.PyArray_DATA(batch.base)
        cdef const Py_ssize_t *start = NULL
        cdef const Py_ssize_t *indptr = NULL
        cdef const Py_ssize_t *indices = NULL
        cdef const char *changed = NULL
        cdef Py_ssize_t origin
        cdef double expected = self.epsilon
        cdef char *data = NULL
        cdef cnp.ndarray x = None
        if batch.start is not None:
            start = <const Py_ssize_t *> cnp.PyArray_DATA(batch.start)
        if moved:
            indptr = <const Py_ssize_t *> cnp.PyArray_DATA(batch.indptr)
            indices = <const Py_ssize_t *> cnp.PyArray_DATA(batch.indices)
            changed = <const char *> cnp.PyArray_DATA(batch.values)
        for row in range(points):
            self.row = row
            PyErr_CheckSignals()
            if row % YIELD_EVERY == YIELD_EVERY - 1:
                with nogil:  # an f in C never lets other threads run
                    pass
            if x is None or not self.untouched(x, data, typenum):
                x = cnp.PyArray_EMPTY(self.ndim, self.dims, typenum, 0)
                data = <char *> cnp.PyArray_DATA(x)
            origin = start[row] if start != NULL else 0 if moved else row
            memcpy(data, base + origin * row_bytes, row_bytes)
            if moved:
                for t in range(indptr[row], indptr[row + 1]):
                    memcpy(data + indices[t] * itemsize, changed + t * itemsize, itemsize)
            try:
                value = self.call(x)
            except Exception:
                if not self.edges or self.shape is None:
                    raise
                value = np.full(self.shape, np.nan)
            self.nfev += self.weight
            self.store(row, points, value)
            if row == 0 and self.epsilon != expected:
                return None
        return self.values


cdef class Columns(Evaluator):
    """Calls a vectorized function with many points at once, one a column: ``x.shape + (k,)`` to ``(k,)`` or ``(m, k)``.

    The parameters are those of `Loop`, without form and weight; a call gets at most `batch_bytes` of points.
    """

    cdef object f
    cdef tuple before
    cdef tuple after
    cdef dict kwargs
    cdef tuple x_shape
    cdef Py_ssize_t batch_bytes
    cdef bint edges

    def __init__(self, f, tuple before, tuple after, dict kwargs, tuple x_shape, bint complex_allowed, double epsilon,
                 bint real_domain, bint edges, Py_ssize_t batch_bytes):
        self.f = f
        self.before = before
        self.after = after
        self.kwargs = kwargs
        self.x_shape = x_shape
        self.complex_allowed = complex_allowed
        self.epsilon = epsilon
        self.real_domain = real_domain
        self.edges = edges
        self.batch_bytes = batch_bytes

    cdef object call(self, Batch batch, Py_ssize_t first, Py_ssize_t last):
        """Return the values of the points first to last, shape (last - first, ...)."""
        columns = batch.columns(first, last).reshape(self.x_shape + (last - first,))
        try:
            value = self.f(*self.before, columns, *self.after, **self.kwargs)
        except Exception:
            if not self.edges or self.shape is None:
                raise
            if last - first > 1:  # find the points that are to blame
                return np.concatenate([self.call(batch, row, row + 1) for row in range(first, last)])
            return np.full((1, *self.shape), np.nan)
        array = self.judged(value)
        if array.ndim == 0 or array.shape[array.ndim - 1] != last - first:
            raise ValueError(f"`f` with vectorized=True was given {last - first} points as columns, shape "
                             f"{self.x_shape + (last - first,)}, and must return one value a column, shape "
                             f"({last - first},) or (m, {last - first}); it returned shape {array.shape}")
        return array.transpose((array.ndim - 1, *range(array.ndim - 1)))

    def evaluate(self, Batch batch not None):
        """Return the values of f, shape (points, outputs); None where f turned out to have another precision."""
        cdef Py_ssize_t points = len(batch), first, last
        cdef Py_ssize_t row_bytes = cnp.PyArray_DIM(batch.base, 1) * cnp.PyArray_ITEMSIZE(batch.base)
        cdef Py_ssize_t chunk = max(1, self.batch_bytes // max(1, row_bytes))
        cdef double expected = self.epsilon
        for first in range(0, points, chunk):
            PyErr_CheckSignals()
            self.row = first
            last = min(first + chunk, points)
            rows = self.call(batch, first, last)
            self.nfev += last - first
            if first == 0:
                self.begin(points, rows[0])
                if self.epsilon != expected:
                    return None
            self.fitting(rows[0])
            self.values[first:last] = rows.reshape(last - first, self.size)
        return self.values


cdef inline double *optional(cnp.ndarray array):
    return NULL if array is None else <double *> cnp.PyArray_DATA(array)


def default_steps(cnp.ndarray x not None, double step, double above, double below, bint dyadic):
    """Return the minimax steps for x (float64, contiguous); see fd_steps in combine.c."""
    cdef fd_step_rule rule = fd_step_rule(step, above, below, dyadic)
    cdef cnp.ndarray h = cnp.PyArray_EMPTY(1, cnp.PyArray_DIMS(x), cnp.NPY_FLOAT64, 0)
    fd_steps(cnp.PyArray_DIM(x, 0), <const double *> cnp.PyArray_DATA(x), &rule, <double *> cnp.PyArray_DATA(h))
    return h


def round_dyadic(cnp.ndarray h not None):
    """Round the steps h to powers of two, in place, and return them."""
    fd_round_dyadic(cnp.PyArray_SIZE(h), <double *> cnp.PyArray_DATA(h))
    return h


def realised_units(cnp.ndarray x not None, cnp.ndarray h not None, cnp.ndarray low not None, cnp.ndarray high not None,
                   cnp.ndarray lower, cnp.ndarray upper):
    """Return the steps as they come out in floating point and within the box; see fd_units in combine.c."""
    cdef cnp.ndarray units = cnp.PyArray_EMPTY(1, cnp.PyArray_DIMS(x), cnp.NPY_FLOAT64, 0)
    fd_units(cnp.PyArray_DIM(x, 0), <const double *> cnp.PyArray_DATA(x), <const double *> cnp.PyArray_DATA(h),
             <const double *> cnp.PyArray_DATA(low), <const double *> cnp.PyArray_DATA(high),
             optional(lower), optional(upper), <double *> cnp.PyArray_DATA(units))
    return units


def displace(cnp.ndarray x not None, cnp.ndarray h not None, cnp.ndarray indices not None,
             cnp.ndarray multiples not None, cnp.ndarray lower, cnp.ndarray upper):
    """Return ``x[indices] + multiples * h[indices]``, clipped to the box where one is given."""
    cdef cnp.ndarray values = cnp.PyArray_EMPTY(1, cnp.PyArray_DIMS(indices), cnp.NPY_FLOAT64, 0)
    fd_displace(cnp.PyArray_DIM(indices, 0), <const double *> cnp.PyArray_DATA(x), <const double *> cnp.PyArray_DATA(h),
                <const Py_ssize_t *> cnp.PyArray_DATA(indices), <const double *> cnp.PyArray_DATA(multiples),
                optional(lower), optional(upper), <double *> cnp.PyArray_DATA(values))
    return values


cdef class Differences:
    """Weighted differences of points, ready for the kernel: see fd_differences in combine.h.

    Attributes
    ----------
    terms : ndarray of intp, shape (entries + 1,)
        Entry e has the terms ``terms[e]:terms[e + 1]``.
    plus, minus : ndarrays of intp; weight : ndarray
        The points of each term, and its weight.
    blank : ndarray of int8, shape (entries,)
        The status of an entry without terms.
    denominator : ndarray, shape (entries,); factors : ndarray of intp, shape (entries, order)
        What an entry is divided by: a number, and the units of these coordinates.
    """

    def __init__(self, cnp.ndarray terms not None, cnp.ndarray plus not None, cnp.ndarray minus not None,
                 cnp.ndarray weight not None, cnp.ndarray blank not None, cnp.ndarray denominator not None,
                 cnp.ndarray factors not None):
        self.terms, self.plus, self.minus, self.weight = terms, plus, minus, weight
        self.blank, self.denominator, self.factors = blank, denominator, factors
        self.d.entries = cnp.PyArray_DIM(denominator, 0)
        self.d.order = cnp.PyArray_DIM(factors, 1)
        self.d.terms = <const Py_ssize_t *> cnp.PyArray_DATA(terms)
        self.d.plus = <const Py_ssize_t *> cnp.PyArray_DATA(plus)
        self.d.minus = <const Py_ssize_t *> cnp.PyArray_DATA(minus)
        self.d.weight = <const double *> cnp.PyArray_DATA(weight)
        self.d.blank = <const signed char *> cnp.PyArray_DATA(blank)
        self.d.denominator = <const double *> cnp.PyArray_DATA(denominator)
        self.d.factors = <const Py_ssize_t *> cnp.PyArray_DATA(factors)
        self.points = 1 + max(plus.max(initial=-1), minus.max(initial=-1))
        if plus.min(initial=0) < 0 or minus.min(initial=-1) < -1:
            raise ValueError("a term combines points that do not exist")

    def combine(self, cnp.ndarray values not None, cnp.ndarray units not None, double epsilon):
        """Return the entries and the status of each, both of shape (entries, outputs), and the worst status.

        `values` has the shape (points, outputs); all arrays are contiguous.
        """
        cdef cnp.npy_intp dims[2]
        if cnp.PyArray_DIM(values, 0) < self.points:
            raise ValueError(f"the entries combine {self.points} points, got {cnp.PyArray_DIM(values, 0)}")
        dims[0] = self.d.entries
        dims[1] = cnp.PyArray_DIM(values, 1)
        cdef cnp.ndarray out = cnp.PyArray_EMPTY(2, dims, cnp.NPY_FLOAT64, 0)
        cdef cnp.ndarray status = cnp.PyArray_EMPTY(2, dims, cnp.NPY_INT8, 0)
        cdef int worst = fd_combine(
            &self.d, dims[1], <const double *> cnp.PyArray_DATA(values), <const double *> cnp.PyArray_DATA(units),
            epsilon, <double *> cnp.PyArray_DATA(out), <signed char *> cnp.PyArray_DATA(status))
        return out, status, worst
