# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The shim of the adaptive kernel: ladders ask for steps and are told the values of f there; see extrapolate.h."""

import numpy as np

cimport numpy as cnp
from libc.stdlib cimport calloc, free

cnp.import_array()

cdef extern from "extrapolate.h" nogil:
    enum:
        FD_LEVELS
        FD_NO_STEP

    ctypedef struct fd_pattern:
        Py_ssize_t points
        Py_ssize_t terms
        const Py_ssize_t *plus
        const Py_ssize_t *minus
        const double *weight
        int order
        int power
        int paired
        int borrows

    ctypedef struct fd_goal:
        double epsilon
        double rtol
        double atol
        int max_levels

    ctypedef struct fd_estimate:
        double value
        double error
        double truncation
        double noise
        int top
        int level

    ctypedef struct fd_entry:
        double enough
        fd_estimate best
        signed char status

    ctypedef struct fd_ladder:
        double argument
        double unit
        int first
        int other
        int cap
        int floor
        int side
        int later
        int turns
        int top
        int level
        int probing
        int active

    ctypedef struct fd_ladders:
        fd_goal goal
        const fd_pattern *patterns
        Py_ssize_t outputs
        const double *f0
        Py_ssize_t f0_stride
        fd_ladder *ladders
        fd_entry *entries

    double fd_level_step(int top, int level) noexcept
    void fd_ladders_begin(const fd_ladders *all, Py_ssize_t count) noexcept
    void fd_ladders_tell(const fd_ladders *all, Py_ssize_t count, const Py_ssize_t *ids, const double *values,
                         const double *divisor) noexcept
    fd_estimate fd_extrapolate(int levels, int power, const double *value, const double *noise) noexcept

LEVELS = FD_LEVELS
NO_STEP = FD_NO_STEP

cdef packed struct fd_asked:
    Py_ssize_t id
    double h
    Py_ssize_t side
    Py_ssize_t level
    Py_ssize_t top
    Py_ssize_t probe

# What a ladder wants next: its step, the pattern and the level of it; whether it is a probe.
ASKED = np.dtype([("id", np.intp), ("h", np.float64), ("side", np.intp), ("level", np.intp), ("top", np.intp),
                  ("probe", np.intp)])


cdef class Ladders:
    """Ladders with an entry for each output; see extrapolate.h for what they are.

    Parameters
    ----------
    start : ndarray of `START`, shape (count,)
        What each ladder begins with.
    patterns : sequence of Pattern
        What the levels of a ladder are made of, chosen by its `side`.
    f0 : ndarray, shape (1, outputs) or (count, outputs)
        f(x), for all ladders or for each.
    epsilon, rtol, atol, max_levels
        The noise of f, the tolerances and the most levels of a ladder.
    enough : ndarray, shape (count, outputs)
        Errors that are small enough in any case.
    """

    cdef fd_ladders all
    cdef fd_pattern *patterns
    cdef object kept
    cdef Py_ssize_t count
    cdef readonly tuple points

    def __cinit__(self, cnp.ndarray start not None, patterns, cnp.ndarray f0 not None, double epsilon, double rtol,
                  double atol, int max_levels, cnp.ndarray enough not None):
        cdef Py_ssize_t r
        cdef const double *small = <const double *> cnp.PyArray_DATA(enough)
        cdef fd_ladder *ladder
        self.count = len(start)
        self.all.outputs = f0.shape[1]
        self.all.goal = fd_goal(epsilon, rtol, atol, max_levels)
        self.all.f0 = <const double *> cnp.PyArray_DATA(f0)
        self.all.f0_stride = f0.shape[1] if f0.shape[0] > 1 else 0
        self.patterns = <fd_pattern *> calloc(max(1, len(patterns)), sizeof(fd_pattern))
        self.all.ladders = <fd_ladder *> calloc(max(1, self.count), sizeof(fd_ladder))
        self.all.entries = <fd_entry *> calloc(max(1, self.count * self.all.outputs), sizeof(fd_entry))
        if self.patterns == NULL or self.all.ladders == NULL or self.all.entries == NULL:
            raise MemoryError
        self.all.patterns = self.patterns
        self.kept = (patterns, f0)
        self.points = tuple(pattern.points for pattern in patterns)
        for r, pattern in enumerate(patterns):
            self.patterns[r] = fd_pattern(
                pattern.points, len(pattern.weight),
                <const Py_ssize_t *> cnp.PyArray_DATA(pattern.plus),
                <const Py_ssize_t *> cnp.PyArray_DATA(pattern.minus),
                <const double *> cnp.PyArray_DATA(pattern.weight), pattern.order, pattern.power, pattern.paired,
                pattern.borrowed > 0)
        for r, row in enumerate(start.tolist()):
            ladder = &self.all.ladders[r]
            (ladder.argument, ladder.unit, ladder.first, ladder.other, ladder.cap, ladder.floor, ladder.side,
             ladder.later, ladder.turns) = row
        for r in range(self.count * self.all.outputs):
            self.all.entries[r].enough = small[r]
        fd_ladders_begin(&self.all, self.count)

    def __dealloc__(self):
        free(self.patterns)
        free(self.all.ladders)
        free(self.all.entries)

    def ask(self):
        """Return what the active ladders want next."""
        cdef Py_ssize_t r, i = 0
        cdef fd_ladder *ladder
        ids = np.array([r for r in range(self.count) if self.all.ladders[r].active], np.intp)
        asked = np.empty(len(ids), ASKED)
        cdef fd_asked *rows = <fd_asked *> cnp.PyArray_DATA(<cnp.ndarray> asked)
        for i in range(len(ids)):
            r = (<Py_ssize_t *> cnp.PyArray_DATA(<cnp.ndarray> ids))[i]
            ladder = &self.all.ladders[r]
            rows[i].id = r
            rows[i].h = ladder.unit * fd_level_step(ladder.top, ladder.level)
            rows[i].side = ladder.side
            rows[i].level = ladder.level
            rows[i].top = ladder.top
            rows[i].probe = ladder.probing
        return asked

    def tell(self, cnp.ndarray ids not None, cnp.ndarray values not None, cnp.ndarray divisor not None):
        """Take the values, shape (samples of all these ladders, outputs), and what each ladder divides by."""
        ids = np.ascontiguousarray(ids, np.intp)
        values = np.ascontiguousarray(values, np.float64)
        divisor = np.ascontiguousarray(divisor, np.float64)
        cdef Py_ssize_t i, samples = 0
        for i in range(cnp.PyArray_DIM(ids, 0)):
            samples += self.patterns[self.all.ladders[(<Py_ssize_t *> cnp.PyArray_DATA(ids))[i]].side].points
        if cnp.PyArray_DIM(values, 0) != samples or cnp.PyArray_DIM(values, 1) != self.all.outputs or \
                cnp.PyArray_DIM(divisor, 0) != cnp.PyArray_DIM(ids, 0):
            raise ValueError("the values do not fit the ladders")
        cdef const Py_ssize_t *chosen = <const Py_ssize_t *> cnp.PyArray_DATA(ids)
        cdef const double *data = <const double *> cnp.PyArray_DATA(values)
        cdef const double *divisors = <const double *> cnp.PyArray_DATA(divisor)
        cdef Py_ssize_t count = cnp.PyArray_DIM(ids, 0)
        with nogil:
            fd_ladders_tell(&self.all, count, chosen, data, divisors)

    def results(self):
        """Return value, error, step, status of the entries and the top of their ladder, each of shape (count, outputs)."""
        shape = (self.count, self.all.outputs)
        value, error, step = np.empty(shape), np.empty(shape), np.empty(shape)
        status = np.empty(shape, np.int8)
        tops = np.empty(shape, np.intp)
        cdef Py_ssize_t i
        cdef fd_estimate best
        cdef Py_ssize_t *top = <Py_ssize_t *> cnp.PyArray_DATA(<cnp.ndarray> tops)
        cdef double *values = <double *> cnp.PyArray_DATA(value)
        cdef double *errors = <double *> cnp.PyArray_DATA(error)
        cdef double *steps = <double *> cnp.PyArray_DATA(step)
        cdef signed char *statuses = <signed char *> cnp.PyArray_DATA(status)
        for i in range(self.count * self.all.outputs):
            best = self.all.entries[i].best
            values[i] = best.value
            errors[i] = best.error
            top[i] = best.top
            steps[i] = fd_level_step(best.top, best.level) * self.all.ladders[i // self.all.outputs].unit
            statuses[i] = self.all.entries[i].status
        return value, error, step, status, tops


def level_step(int top, int level):
    """Return the step of a level, in units of the ladder."""
    return fd_level_step(top, level)


def extrapolate(cnp.ndarray value not None, cnp.ndarray noise not None, int power):
    """Extrapolate quotients (levels, entries) without judging them; return values and errors, (entries,)."""
    cdef Py_ssize_t entries = value.shape[1], e
    cdef int levels = value.shape[0]
    cdef cnp.ndarray columns = np.ascontiguousarray(value.T, np.float64)
    cdef cnp.ndarray noises = np.ascontiguousarray(noise.T, np.float64)
    if levels > FD_LEVELS or noise.shape[0] != value.shape[0] or noise.shape[1] != value.shape[1]:
        raise ValueError("too many levels, or noise of another shape")
    found = np.empty((2, entries))
    cdef double *out = <double *> cnp.PyArray_DATA(<cnp.ndarray> found)
    cdef fd_estimate best
    for e in range(entries):
        best = fd_extrapolate(levels, power, <const double *> cnp.PyArray_DATA(columns) + e * levels,
                              <const double *> cnp.PyArray_DATA(noises) + e * levels)
        out[e] = best.value
        out[entries + e] = best.error
    return found[0], found[1]
