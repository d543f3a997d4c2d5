# cython: language_level=3, boundscheck=False, wraparound=False, initializedcheck=False, cdivision=True
"""The shim of the adaptive kernel: ladders ask for steps and are told the values of f there; see extrapolate.h."""

import numpy as np

cimport numpy as cnp
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

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

    ctypedef struct fd_weights:
        pass

    ctypedef struct fd_entry:
        double size
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

    ctypedef struct fd_asked:
        Py_ssize_t id
        Py_ssize_t top
        Py_ssize_t level
        Py_ssize_t side
        Py_ssize_t probe
        double step
        double divisor

    double fd_level_step(int top, int level) noexcept
    void fd_ladders_begin(const fd_ladders *all, Py_ssize_t count) noexcept
    int fd_ladders_want(const fd_ladders *all, Py_ssize_t id, int ahead) noexcept
    void fd_ladders_tell(const fd_ladders *all, Py_ssize_t count, const fd_asked *asked, const double *values) noexcept
    fd_weights fd_neville(int power) noexcept
    fd_estimate fd_extrapolate(const fd_weights *w, int levels, const double *value, const double *noise,
                               double louder) noexcept

cdef extern from "start.h" nogil:
    ctypedef struct fd_start:
        double argument
        double unit
        Py_ssize_t first
        Py_ssize_t other
        Py_ssize_t cap
        Py_ssize_t floor
        Py_ssize_t side
        Py_ssize_t later
        Py_ssize_t turns

    ctypedef struct fd_start_rule:
        Py_ssize_t top
        double least

    void fd_start_lines(Py_ssize_t n, const double *x, const double *h, const double *scale, const fd_start_rule *rule,
                        fd_start *start) noexcept
    void fd_start_within(Py_ssize_t n, const double *x, const double *lower, const double *upper, const double *reach,
                         fd_start *start) noexcept

cdef extern from "arms.h" nogil:
    ctypedef struct fd_reach:
        Py_ssize_t samples
        const double *offsets
        const double *low
        const double *high

    ctypedef struct fd_arms:
        Py_ssize_t arms
        const double *x
        const double *lower
        const double *upper
        const fd_reach *reaches
        const Py_ssize_t *powers

    void fd_arms_place(const fd_arms *all, Py_ssize_t count, const Py_ssize_t *sides, const Py_ssize_t *coordinates,
                       const double *steps, Py_ssize_t *indptr, Py_ssize_t *indices, double *values,
                       double *divisor) noexcept

LEVELS = FD_LEVELS
NO_STEP = FD_NO_STEP

# What a ladder begins with.
START = np.dtype([("argument", np.float64), ("unit", np.float64), ("first", np.intp), ("other", np.intp),
                  ("cap", np.intp), ("floor", np.intp), ("side", np.intp), ("later", np.intp), ("turns", np.intp)])

# What a ladder wants next: a level of it, or a probe; its step, the pattern of its side, and what the quotient is
# divided by, which the geometry fills in.
ASKED = np.dtype([("id", np.intp), ("top", np.intp), ("level", np.intp), ("side", np.intp), ("probe", np.intp),
                  ("step", np.float64), ("divisor", np.float64)])


cdef inline double *optional(cnp.ndarray array):
    return NULL if array is None else <double *> cnp.PyArray_DATA(array)


def start_lines(cnp.ndarray x not None, cnp.ndarray h, cnp.ndarray scale, Py_ssize_t top, double least):
    """Return what ladders along single coordinates begin with, in the absence of bounds; see start.h."""
    cdef cnp.ndarray start = np.empty(len(x), START)
    cdef fd_start_rule rule = fd_start_rule(top, least)
    fd_start_lines(len(x), <const double *> cnp.PyArray_DATA(x), optional(h), optional(scale), &rule,
                   <fd_start *> cnp.PyArray_DATA(start))
    return start


def limit(cnp.ndarray start not None, cnp.ndarray x not None, cnp.ndarray lower not None, cnp.ndarray upper not None,
          double both_ways, double one_way):
    """Limit the steps by the bounds of x, given how far a level reaches, and choose the sides; see start.h."""
    cdef double[2] reach = [both_ways, one_way]
    fd_start_within(len(x), <const double *> cnp.PyArray_DATA(x), <const double *> cnp.PyArray_DATA(lower),
                    <const double *> cnp.PyArray_DATA(upper), reach, <fd_start *> cnp.PyArray_DATA(start))


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
        cdef const fd_start *begun
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
        start = np.ascontiguousarray(start, START)
        begun = <const fd_start *> cnp.PyArray_DATA(start)
        for r in range(self.count):
            ladder = &self.all.ladders[r]
            ladder.argument, ladder.unit = begun[r].argument, begun[r].unit
            ladder.first, ladder.other = <int> begun[r].first, <int> begun[r].other
            ladder.cap, ladder.floor = <int> begun[r].cap, <int> begun[r].floor
            ladder.side, ladder.later = <int> begun[r].side, <int> begun[r].later
            ladder.turns = <int> begun[r].turns
        for r in range(self.count * self.all.outputs):
            self.all.entries[r].enough = small[r]
        fd_ladders_begin(&self.all, self.count)

    def __dealloc__(self):
        free(self.patterns)
        free(self.all.ladders)
        free(self.all.entries)

    def ask(self, int ahead):
        """Return what the active ladders want next; up to `ahead` levels of a descent, which it may turn out not to."""
        cdef Py_ssize_t r, i, count = 0
        cdef fd_ladder *ladder
        cdef fd_asked *row
        for r in range(self.count):
            count += fd_ladders_want(&self.all, r, ahead)
        asked = np.empty(count, ASKED)
        row = <fd_asked *> cnp.PyArray_DATA(<cnp.ndarray> asked)
        for r in range(self.count):
            ladder = &self.all.ladders[r]
            for i in range(fd_ladders_want(&self.all, r, ahead)):
                row[0] = fd_asked(r, ladder.top, ladder.level + i, ladder.side, ladder.probing,
                                  ladder.unit * fd_level_step(ladder.top, ladder.level + <int> i), 0.0)
                row += 1
        return asked

    def tell(self, cnp.ndarray asked not None, cnp.ndarray values not None):
        """Take what was asked, with divisors, and the values of all samples, shape (samples, outputs)."""
        values = np.ascontiguousarray(values, np.float64)
        if asked.dtype != ASKED:
            raise ValueError(f"what was asked has the dtype {ASKED}, got {asked.dtype}")
        cdef Py_ssize_t i, samples = 0, count = len(asked)
        cdef const fd_asked *rows = <const fd_asked *> cnp.PyArray_DATA(asked)
        cdef const double *data = <const double *> cnp.PyArray_DATA(values)
        for i in range(count):
            if not (0 <= rows[i].id < self.count and 0 <= rows[i].side < len(self.points)):
                raise ValueError(f"ladder {rows[i].id} or its side {rows[i].side} does not exist")
            samples += self.patterns[rows[i].side].points
        if cnp.PyArray_DIM(values, 0) != samples or cnp.PyArray_DIM(values, 1) != self.all.outputs:
            raise ValueError("the values do not fit what was asked")
        with nogil:
            fd_ladders_tell(&self.all, count, rows, data)

    def results(self):
        """Return value, error, step, status and the top of the descent of each entry, shape (count, outputs)."""
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


cdef class Placement:
    """Where ladders sample f that move single coordinates; see arms.h.

    Parameters
    ----------
    x, lower, upper : ndarray, shape (n,)
        The point and its bounds.
    patterns : sequence of Pattern
        The samples of a level, by side.
    powers : ndarray of intp, shape (arms,)
        The derivative order along each arm.
    """

    cdef fd_arms all
    cdef fd_reach *reaches
    cdef object kept
    cdef Py_ssize_t count

    def __cinit__(self, cnp.ndarray x not None, cnp.ndarray lower not None, cnp.ndarray upper not None, patterns,
                  cnp.ndarray powers not None):
        self.count = len(patterns)
        self.reaches = <fd_reach *> calloc(max(1, self.count), sizeof(fd_reach))
        if self.reaches == NULL:
            raise MemoryError
        for r, pattern in enumerate(patterns):
            self.reaches[r] = fd_reach(len(pattern.offsets), <const double *> cnp.PyArray_DATA(pattern.offsets),
                                       <const double *> cnp.PyArray_DATA(pattern.low),
                                       <const double *> cnp.PyArray_DATA(pattern.high))
        self.all = fd_arms(len(powers), <const double *> cnp.PyArray_DATA(x), <const double *> cnp.PyArray_DATA(lower),
                           <const double *> cnp.PyArray_DATA(upper), self.reaches,
                           <const Py_ssize_t *> cnp.PyArray_DATA(powers))
        self.kept = (x, lower, upper, patterns, powers)

    def __dealloc__(self):
        free(self.reaches)

    def place(self, cnp.ndarray sides not None, cnp.ndarray coordinates not None, cnp.ndarray steps not None):
        """Return the samples as a CSR (indptr, indices, values), and what each quotient is divided by.

        `sides` are of shape (levels,), `coordinates` and `steps` of shape (levels, arms).
        """
        sides = np.ascontiguousarray(sides, np.intp)
        coordinates = np.ascontiguousarray(coordinates, np.intp)
        steps = np.ascontiguousarray(steps, np.float64)
        cdef Py_ssize_t levels = len(sides), r, samples = 0
        cdef const Py_ssize_t *side = <const Py_ssize_t *> cnp.PyArray_DATA(sides)
        for r in range(levels):
            samples += self.reaches[side[r]].samples
        indptr, indices = np.empty(samples + 1, np.intp), np.empty(samples * self.all.arms, np.intp)
        values, divisor = np.empty(len(indices)), np.empty(levels)
        fd_arms_place(&self.all, levels, side, <const Py_ssize_t *> cnp.PyArray_DATA(coordinates),
                      <const double *> cnp.PyArray_DATA(steps),
                      <Py_ssize_t *> cnp.PyArray_DATA(<cnp.ndarray> indptr),
                      <Py_ssize_t *> cnp.PyArray_DATA(<cnp.ndarray> indices),
                      <double *> cnp.PyArray_DATA(<cnp.ndarray> values),
                      <double *> cnp.PyArray_DATA(<cnp.ndarray> divisor))
        return indptr, indices[:indptr[samples]], values[:indptr[samples]], divisor


# The level on the second axis, with the first level on the other one, that the probe of a pair borrows from.
cdef Py_ssize_t ASIDE = 2


def pair_places(cnp.ndarray asked not None, cnp.ndarray pairs not None, cnp.ndarray units not None,
                cnp.ndarray first_steps not None):
    """Return the axes, levels and steps of the ladders of pairs that ask, each of shape (asked, 2).

    A pair that borrows takes the steps of its axes, ``first_steps`` times those of a level; others keep their arms in
    proportion, the steps of a ladder times ``units``. A probe has another proportion, or borrows from different
    levels: along the diagonal of a pair alone f may be smooth by chance.
    """
    cdef Py_ssize_t count = len(asked), r, arm, level, axis
    cdef const fd_asked *rows = <const fd_asked *> cnp.PyArray_DATA(asked)
    cdef const Py_ssize_t *pair = <const Py_ssize_t *> cnp.PyArray_DATA(pairs)
    cdef const double *unit = <const double *> cnp.PyArray_DATA(units)
    cdef const double *first = <const double *> cnp.PyArray_DATA(first_steps)
    axes, levels, steps = np.empty((count, 2), np.intp), np.empty((count, 2), np.intp), np.empty((count, 2))
    cdef Py_ssize_t *axis_out = <Py_ssize_t *> cnp.PyArray_DATA(<cnp.ndarray> axes)
    cdef Py_ssize_t *level_out = <Py_ssize_t *> cnp.PyArray_DATA(<cnp.ndarray> levels)
    cdef double *step_out = <double *> cnp.PyArray_DATA(<cnp.ndarray> steps)
    for r in range(count):
        for arm in range(2):
            axis = pair[2 * rows[r].id + arm]
            level = ASIDE if rows[r].probe and arm == 1 else rows[r].level
            axis_out[2 * r + arm], level_out[2 * r + arm] = axis, level
            if rows[r].side == 0:
                step_out[2 * r + arm] = first[axis] * fd_level_step(0, <int> level)
            else:
                step_out[2 * r + arm] = rows[r].step * unit[2 * rows[r].id + arm]
                if rows[r].probe and arm == 1:
                    step_out[2 * r + arm] /= 4
    return axes, levels, steps


def with_borrowed(cnp.ndarray own not None, cnp.ndarray asked not None, cnp.ndarray counts not None,
                  cnp.ndarray kept not None, cnp.ndarray axes not None, cnp.ndarray levels not None):
    """Return the samples of pairs ladder after ladder: own ones, then those borrowed from both axes.

    `own` has the shape (samples, outputs), `counts` the number of own samples by side, `kept` the samples along the
    axes, of shape (levels, axes, 2, outputs); all contiguous.
    """
    cdef Py_ssize_t count = len(asked), outputs = own.shape[1], coordinates = kept.shape[1], r, arm, number, samples = 0
    cdef const fd_asked *rows = <const fd_asked *> cnp.PyArray_DATA(asked)
    cdef const Py_ssize_t *by_side = <const Py_ssize_t *> cnp.PyArray_DATA(counts)
    cdef const Py_ssize_t *axis = <const Py_ssize_t *> cnp.PyArray_DATA(axes)
    cdef const Py_ssize_t *level = <const Py_ssize_t *> cnp.PyArray_DATA(levels)
    cdef const double *source = <const double *> cnp.PyArray_DATA(own)
    cdef const double *along = <const double *> cnp.PyArray_DATA(kept)
    for r in range(count):
        samples += by_side[rows[r].side] + (4 if rows[r].side == 0 else 0)
    whole = np.empty((samples, outputs))
    cdef double *out = <double *> cnp.PyArray_DATA(<cnp.ndarray> whole)
    for r in range(count):
        number = by_side[rows[r].side] * outputs
        memcpy(out, source, number * sizeof(double))
        out += number
        source += number
        if rows[r].side == 0:
            number = 2 * outputs
            for arm in range(2):
                memcpy(out, along + (level[2 * r + arm] * coordinates + axis[2 * r + arm]) * number,
                       number * sizeof(double))
                out += number
    return whole


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
    cdef fd_weights weights = fd_neville(power)
    for e in range(entries):
        best = fd_extrapolate(&weights, levels, <const double *> cnp.PyArray_DATA(columns) + e * levels,
                              <const double *> cnp.PyArray_DATA(noises) + e * levels, 1.0)
        out[e] = best.value
        out[entries + e] = best.error
    return found[0], found[1]
