# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The shim over `sweep.c`: turns the tuples of a plan into C structs once, then runs them on buffers."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from libc.stdlib cimport calloc, free

cdef extern from "sweep.h" nogil:
    enum: FD_MAX_TAPS
    enum: FD_MAX_DIMS
    enum: FD_QUOTIENT
    enum: FD_SUM
    enum: FD_DIFFERENCES
    enum: FD_F32_F32
    enum: FD_F64_F64
    ctypedef struct fd_rule:
        int kind
        int taps
        Py_ssize_t plus[FD_MAX_TAPS]
        Py_ssize_t minus[FD_MAX_TAPS]
        Py_ssize_t rows
        const void *weights
    ctypedef struct fd_axis:
        int types
        int by_column
        Py_ssize_t extent
        Py_ssize_t inner
        Py_ssize_t low
        Py_ssize_t high
        const fd_rule *rules
    ctypedef struct fd_plan:
        int dims
        int axes
        Py_ssize_t count[FD_MAX_DIMS]
        Py_ssize_t stride[FD_MAX_DIMS]
        const fd_axis *axis
    void fd_sweep(const fd_plan *plan, const void *data, void *const *outputs,
                  Py_ssize_t begin, Py_ssize_t end, int threads, int streamed)
    const char *fd_choose()
    int fd_openmp()

QUOTIENT = FD_QUOTIENT
SUM = FD_SUM
DIFFERENCES = FD_DIFFERENCES

# Elements of all outputs between two looks for Ctrl-C: some 50 ms of work for one thread.
cdef Py_ssize_t SLICE = 1 << 26


SIMD = fd_choose().decode()


def openmp():
    """Return the date of the OpenMP specification in use, or 0."""
    return fd_openmp()


@cython.no_gc_clear  # __dealloc__ needs the list of blocks
cdef class Sweep:
    """A plan in C: the loops over the input, and the rules of each axis. Immutable: threads may share it."""

    cdef fd_plan plan
    cdef Py_ssize_t size, itemsize
    cdef fd_axis *axis
    cdef list blocks, weights

    def __cinit__(self, counts, strides, axes):
        self.blocks, self.weights = [], []
        self.plan.dims = len(counts)
        self.plan.axes = len(axes)
        if not 0 < self.plan.dims <= FD_MAX_DIMS or len(strides) != self.plan.dims:
            raise ValueError("a sweep has 1 to 64 dimensions")
        if not 0 < self.plan.axes <= FD_MAX_DIMS:
            raise ValueError("a sweep has 1 to 64 axes")
        self.size = 1
        for k in range(self.plan.dims):
            self.plan.count[k] = counts[k]
            self.plan.stride[k] = strides[k]
            self.size *= counts[k]
        self.axis = <fd_axis *>self.allocate(self.plan.axes * sizeof(fd_axis))
        self.plan.axis = self.axis
        for k in range(self.plan.axes):
            self.set_axis(&self.axis[k], axes[k])
        self.itemsize = 8 if self.axis[0].types == FD_F64_F64 else 4

    def __dealloc__(self):
        for block in self.blocks:
            free(<void *><size_t>block)

    cdef void *allocate(self, size_t size) except NULL:
        cdef void *block = calloc(size, 1)
        if block == NULL:
            raise MemoryError
        self.blocks.append(<size_t>block)
        return block

    cdef int set_axis(self, fd_axis *axis, spec) except -1:
        cdef Py_ssize_t stride
        axis.types, axis.extent, axis.inner, stride, axis.by_column, low, interior, high = spec
        axis.low, axis.high = len(low), len(high)
        rules = (*low, interior, *high)
        cdef fd_rule *block = <fd_rule *>self.allocate(len(rules) * sizeof(fd_rule))
        for k in range(len(rules)):
            self.set_rule(&block[k], rules[k], stride, axis.types == FD_F32_F32)
        axis.rules = block
        return 0

    cdef int set_rule(self, fd_rule *rule, spec, Py_ssize_t stride, bint single) except -1:
        kind, plus, minus, weights = spec
        rule.kind, rule.taps = kind, len(plus)
        if not 0 < rule.taps <= FD_MAX_TAPS or len(minus) != rule.taps or len(weights) != rule.taps:
            raise ValueError("a rule has 1 to 8 taps")
        for k in range(rule.taps):
            rule.plus[k] = plus[k] * stride
            rule.minus[k] = minus[k] * stride
        if isinstance(weights, tuple):
            rule.rows = 1
            rule.weights = self.scalars(weights, single)
        else:
            rule.rows = weights.shape[1]
            rule.weights = self.hold(weights)
        return 0

    cdef void *scalars(self, tuple weights, bint single) except NULL:
        cdef void *block = self.allocate(len(weights) * sizeof(double))
        for k in range(len(weights)):
            if single:
                (<float *>block)[k] = weights[k]
            else:
                (<double *>block)[k] = weights[k]
        return block

    cdef const void *hold(self, weights) except? NULL:
        """Keep the memory of the weights alive as long as this lives; the plan never changes them."""
        cdef Py_buffer buffer
        PyObject_GetBuffer(weights, &buffer, PyBUF_SIMPLE)
        self.weights.append(weights)
        PyBuffer_Release(&buffer)
        return buffer.buf

    def run(self, data, outputs, int threads, bint streamed):
        """Differentiate `data`, laid out as planned, into one dense array for each axis."""
        cdef Py_buffer source
        cdef Py_buffer targets[FD_MAX_DIMS]
        cdef void *pointers[FD_MAX_DIMS]
        cdef int held = 0
        if len(outputs) != self.plan.axes:
            raise ValueError("one output for each axis")
        PyObject_GetBuffer(data, &source, PyBUF_STRIDES)
        try:
            for output in outputs:
                PyObject_GetBuffer(output, &targets[held], PyBUF_STRIDES | PyBUF_WRITABLE)
                pointers[held] = targets[held].buf
                held += 1
                if targets[held - 1].len != self.size * self.itemsize:
                    raise ValueError("an output has the wrong size")
            self.sweep(source.buf, pointers, threads, streamed)
        finally:
            for k in range(held):
                PyBuffer_Release(&targets[k])
            PyBuffer_Release(&source)

    cdef int sweep(self, const void *data, void *const *outputs, int threads, bint streamed) except -1:
        cdef Py_ssize_t begin = 0, end
        cdef Py_ssize_t step = max(1, SLICE // self.plan.axes)
        while begin < self.size:
            end = min(self.size, begin + step)
            with nogil:
                fd_sweep(&self.plan, data, outputs, begin, end, threads, streamed)
            begin = end
            if begin < self.size:
                PyErr_CheckSignals()
        return 0
