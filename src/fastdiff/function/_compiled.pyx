# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""Evaluators of compiled functions: no interpreter between the points, threads where the policy allows them."""

import numpy as np

cimport numpy as cnp
from cpython.exc cimport PyErr_CheckSignals, PyErr_Clear, PyErr_ExceptionMatches
from cpython.pycapsule cimport PyCapsule_GetContext, PyCapsule_GetName, PyCapsule_GetPointer
from libc.math cimport isfinite
from libc.stdint cimport uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy

from ._evaluate cimport (
    Batch,
    Differences,
    Evaluator,
    fd_combine,
    fd_displace,
    fd_step_rule,
    fd_steps,
    fd_units,
)

cnp.import_array()

cdef extern from "Python.h" nogil:
    void *exception_pending "PyErr_Occurred"() noexcept

cdef extern from "calls.h" nogil:
    enum:
        FD_FAILED
        FD_UNSET
        FD_RAISED

    ctypedef void *(*fd_pending)() noexcept

    ctypedef struct fd_function:
        void (*pointer)() noexcept
        int signature
        void *data
        Py_ssize_t n
        Py_ssize_t m

    ctypedef struct fd_points:
        Py_ssize_t count
        const double *base
        const Py_ssize_t *start
        const Py_ssize_t *indptr
        const Py_ssize_t *indices
        const double *values

    ctypedef struct fd_progress:
        Py_ssize_t done
        Py_ssize_t failed
        int fault
        int wrote
        double seconds

    Py_ssize_t fd_scratch(const fd_function *f)
    void fd_call(const fd_function *f, const fd_points *points, int threads, double seconds, Py_ssize_t strict,
                 fd_pending pending, double *scratch, double *values, fd_progress *progress) noexcept

# The first rows run on one thread for this long, which tells how long the others will take; after it, Ctrl-C is
# answered at intervals of the second.
cdef double TRIAL_SECONDS = 20e-6
cdef double INTERRUPT_SECONDS = 20e-3


def capsule(object o):
    """Return the name, the address and the context of a PyCapsule; the name is None where it has none."""
    cdef const char *name = PyCapsule_GetName(o)
    address = <uintptr_t> PyCapsule_GetPointer(o, name)
    return None if name == NULL else name.decode(), address, <uintptr_t> PyCapsule_GetContext(o)


cdef class CompiledLoop(Evaluator):
    """Calls a compiled function of `size` numbers.

    Parameters
    ----------
    source : Pointer
        Where the function is, how it is called, what its failures mean. It is kept alive.
    size : int
        How many numbers the function takes.
    shape : tuple of int or None
        The shape of what it returns; None where the source has to be asked at the first point.
    epsilon : float
        The precision of f.
    weight : int
        The points that one call counts for: an elementwise f takes as many as x has entries.
    edges : bool
        Whether a failure, but for that at the first point of all, says that the point is outside the domain of f.
    held : bool
        Whether f may need the interpreter: it is called with its lock, and its exceptions are looked for.
    team : callable
        Called with the estimated seconds of the work, returns the number of threads.
    """

    cdef object source
    cdef object team
    cdef Py_ssize_t weight
    cdef bint edges
    cdef bint held
    cdef fd_function f

    def __init__(self, source, Py_ssize_t size, shape, double epsilon, Py_ssize_t weight, bint edges,
                 bint held, team):
        self.source = source
        self.weight = weight
        self.team = team
        self.edges = edges
        self.held = held
        self.epsilon = epsilon
        self.f.pointer = <void (*)() noexcept> <uintptr_t> source.address
        self.f.signature = source.signature
        self.f.data = <void *> <uintptr_t> source.data
        self.f.n = size
        if shape is not None:
            self.take_shape(shape)

    cdef int take_shape(self, object shape) except -1:
        self.expect(shape)
        self.f.m = self.size
        return 0

    cdef CompiledLoop fresh(self):
        """Return the same with a count of its own."""
        cdef CompiledLoop other = CompiledLoop.__new__(CompiledLoop)
        other.source, other.team, other.edges, other.held = self.source, self.team, self.edges, self.held
        other.epsilon, other.shape, other.size, other.f = self.epsilon, self.shape, self.size, self.f
        other.weight = self.weight
        return other

    def evaluate(self, Batch batch not None):
        """Return the values of f, shape (points, outputs)."""
        cdef fd_points points
        cdef Py_ssize_t first = 0
        points.count = len(batch)
        points.base = <const double *> cnp.PyArray_DATA(batch.base)
        points.start = <const Py_ssize_t *> data_or_null(batch.start)
        points.indptr = <const Py_ssize_t *> data_or_null(batch.indptr)
        points.indices = <const Py_ssize_t *> data_or_null(batch.indices)
        points.values = <const double *> data_or_null(batch.values)
        known = None
        if self.shape is None and points.count:
            known = self.source.value(batch.columns(0, 1).reshape(-1))
            self.take_shape(known.shape)
            self.nfev += self.weight
            first = 1
        cdef cnp.ndarray values = np.empty((points.count, self.size))
        if first:
            values[0] = known.reshape(-1)
        self.run(&points, first, <double *> cnp.PyArray_DATA(values))
        return values

    cdef int settle(self, int fault, object x, double *y) except -1:
        """Set the outputs at a point where a call failed to what f says elsewhere, or raise."""
        cdef cnp.ndarray value
        if fault == FD_FAILED:
            value = self.source.settled(x, self.shape)
            memcpy(y, cnp.PyArray_DATA(value), self.size * sizeof(double))
            return 0
        found = "set fewer" if fault == FD_UNSET else "wrote more"
        raise ValueError(f"`f` {found} numbers than the {self.size} that `outputs` promises, at x = {x}")

    cdef int run(self, const fd_points *points, Py_ssize_t first, double *values) except -1:
        """Evaluate the points from `first` on: a trial on one thread, then as many as the rest is worth."""
        cdef fd_progress progress
        cdef Py_ssize_t begun, strict = points.count
        cdef int threads = 1
        cdef double each, seconds = TRIAL_SECONDS
        cdef double *scratch = NULL
        if self.edges:
            strict = 1 if self.nfev == 0 else 0
        progress.done = first
        try:
            while progress.done < points.count:
                if scratch == NULL:
                    scratch = <double *> malloc(threads * fd_scratch(&self.f) * sizeof(double))
                    if scratch == NULL:
                        raise MemoryError(f"{threads} copies of x with {self.f.n} entries do not fit into memory")
                begun = progress.done
                if self.held:
                    fd_call(&self.f, points, threads, seconds, strict, <fd_pending> exception_pending, scratch, values,
                            &progress)
                else:
                    with nogil:
                        fd_call(&self.f, points, threads, seconds, strict, NULL, scratch, values, &progress)
                if progress.failed >= 0:
                    progress.done = progress.failed + 1
                self.nfev += self.weight * (progress.done - begun)
                if progress.fault == FD_RAISED:
                    if progress.failed < strict or not PyErr_ExceptionMatches(Exception):
                        raise_pending()
                    PyErr_Clear()  # beyond the edge of the domain of f, where there is NaN
                if progress.wrote:
                    raise ValueError("`f` wrote to x; a compiled function must leave x as it is, or work on a copy of "
                                     "its own")
                if progress.failed >= 0 and progress.fault != FD_RAISED:
                    self.settle(progress.fault, point(points, progress.failed, self.f.n),
                                values + progress.failed * self.size)
                with nogil:  # a function that needs the interpreter never lets other threads run
                    pass
                PyErr_CheckSignals()
                if seconds == TRIAL_SECONDS and progress.done < points.count:
                    seconds = INTERRUPT_SECONDS
                    each = progress.seconds / max(1, progress.done - begun)
                    threads = min(self.team(each * (points.count - progress.done)), points.count - progress.done)
                    if threads > 1:
                        free(scratch)
                        scratch = NULL
        finally:
            free(scratch)
        return 0


cdef class DirectGradient:
    """The gradient of a compiled function by a fixed step of the default rule, without bounds, in one call.

    It is `_runs.CoordinateRun` and the evaluator in one, for planned gradients of small and cheap functions: there the
    interpreter between steps, points and differences would take most of the time.

    Parameters
    ----------
    evaluate : CompiledLoop
        The function, of one output.
    indptr, indices, multiples : ndarray
        The points, in units of the steps, as `_layout.Points` has them.
    low, high : ndarray, shape (n,)
        How far the lowest and the highest sample of each coordinate lie from x, in steps.
    entries : Differences
        The entries made of the points.
    rule : tuple of float, float, float, bool
        The rule of the steps, as `default_steps` takes it.
    shape : tuple of int
        The shape of x.
    """

    cdef CompiledLoop evaluate
    cdef cnp.ndarray indptr
    cdef cnp.ndarray indices
    cdef cnp.ndarray multiples
    cdef cnp.ndarray low
    cdef cnp.ndarray high
    cdef Differences entries
    cdef fd_step_rule rule
    cdef int ndim
    cdef cnp.npy_intp dims[64]
    cdef Py_ssize_t n

    def __init__(self, CompiledLoop evaluate not None, cnp.ndarray indptr not None, cnp.ndarray indices not None,
                 cnp.ndarray multiples not None, cnp.ndarray low not None, cnp.ndarray high not None,
                 Differences entries not None, tuple rule, tuple shape):
        self.evaluate = evaluate
        self.indptr, self.indices, self.multiples = indptr, indices, multiples
        self.low, self.high = low, high
        self.entries = entries
        step, above, below, dyadic = rule
        self.rule = fd_step_rule(step, above, below, dyadic)
        self.ndim = len(shape)
        for axis in range(self.ndim):
            self.dims[axis] = shape[axis]
        self.n = cnp.PyArray_DIM(low, 0)

    cdef bint takes(self, object x):
        """Whether x is a plain array of the shape planned for, and finite: all else is for the door."""
        cdef int axis
        cdef Py_ssize_t i
        cdef const double *data
        if not cnp.PyArray_CheckExact(x):
            return False
        if (cnp.PyArray_TYPE(x) != cnp.NPY_FLOAT64 or cnp.PyArray_NDIM(x) != self.ndim
                or not cnp.PyArray_ISCARRAY_RO(x)):
            return False
        for axis in range(self.ndim):
            if cnp.PyArray_DIM(x, axis) != self.dims[axis]:
                return False
        data = <const double *> cnp.PyArray_DATA(x)
        for i in range(self.n):
            if not isfinite(data[i]):
                return False
        return True

    def __call__(self, object x, object owner):
        """Return the gradient at x, its worst status, x and the values of f, (points, 1); None if x is not plain.

        The points evaluated are added to ``owner.nfev``, those before an exception too.
        """
        if not self.takes(x):
            return None
        cdef cnp.ndarray own = cnp.PyArray_NewCopy(x, cnp.NPY_CORDER)
        cdef cnp.npy_intp dims[2]
        dims[0], dims[1] = cnp.PyArray_DIM(self.indptr, 0) - 1, 1
        cdef cnp.ndarray values = cnp.PyArray_EMPTY(2, dims, cnp.NPY_FLOAT64, 0)
        cdef cnp.ndarray gradient = cnp.PyArray_EMPTY(self.ndim, self.dims, cnp.NPY_FLOAT64, 0)
        cdef Py_ssize_t changes = cnp.PyArray_DIM(self.indices, 0)
        cdef const double *base = <const double *> cnp.PyArray_DATA(own)
        cdef const Py_ssize_t *indices = <const Py_ssize_t *> cnp.PyArray_DATA(self.indices)
        cdef double *h = <double *> malloc((2 * self.n + changes) * sizeof(double) + self.n)
        if h == NULL:
            raise MemoryError(f"the steps of {self.n} coordinates do not fit into memory")
        cdef double *units = h + self.n
        cdef double *moved = units + self.n
        cdef signed char *status = <signed char *> (moved + changes)
        cdef CompiledLoop evaluate = self.evaluate.fresh()
        cdef fd_points points
        cdef int worst
        try:
            fd_steps(self.n, base, &self.rule, h)
            fd_units(self.n, base, h, <const double *> cnp.PyArray_DATA(self.low),
                     <const double *> cnp.PyArray_DATA(self.high), NULL, NULL, units)
            fd_displace(changes, base, h, indices, <const double *> cnp.PyArray_DATA(self.multiples), NULL, NULL, moved)
            points.count = dims[0]
            points.base = base
            points.start = NULL
            points.indptr = <const Py_ssize_t *> cnp.PyArray_DATA(self.indptr)
            points.indices = indices
            points.values = moved
            evaluate.run(&points, 0, <double *> cnp.PyArray_DATA(values))
            worst = fd_combine(&self.entries.d, 1, <const double *> cnp.PyArray_DATA(values), units,
                               evaluate.epsilon, <double *> cnp.PyArray_DATA(gradient), status)
        finally:
            free(h)
            owner.nfev += evaluate.nfev
        return gradient, worst, own, values


cdef int raise_pending() except -1:
    """Raise the exception that f left."""
    return -1


cdef inline void *data_or_null(cnp.ndarray array):
    return NULL if array is None else cnp.PyArray_DATA(array)


cdef object point(const fd_points *points, Py_ssize_t row, Py_ssize_t n):
    """Return one of the points as a new array."""
    cdef Py_ssize_t t
    cdef Py_ssize_t origin = points.start[row] if points.start != NULL else 0 if points.indptr != NULL else row
    cdef cnp.ndarray x = np.empty(n)
    memcpy(cnp.PyArray_DATA(x), points.base + origin * n, n * sizeof(double))
    if points.indptr != NULL:
        for t in range(points.indptr[row], points.indptr[row + 1]):
            (<double *> cnp.PyArray_DATA(x))[points.indices[t]] = points.values[t]
    return x
