# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The shim over `sweep.c`: turns the tuples of a program into C structs once, then runs them on buffers."""

cimport cython
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_STRIDES, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from libc.stdlib cimport calloc, free

cdef extern from "sweep.h" nogil:
    enum: FD_CHUNK
    enum: FD_QUOTIENT
    enum: FD_SUM
    enum: FD_DIFFERENCES
    enum: FD_MAGNITUDES
    enum: FD_F32_F32
    enum: FD_F64_F64
    enum: FD_DERIVATIVE
    enum: FD_NORM
    enum: FD_DEVIATION
    ctypedef struct fd_rule:
        int kind
        int taps
        const Py_ssize_t *plus
        const Py_ssize_t *minus
        Py_ssize_t rows
        const void *weights
        double outside
        double value[2]
    ctypedef struct fd_axis:
        int types
        int by_column
        Py_ssize_t extent
        Py_ssize_t inner
        Py_ssize_t low
        Py_ssize_t high
        const fd_rule *rules
    ctypedef struct fd_step:
        int operation
        int add
        int target
        int output
        int direct
        int last
        int summed
        int input
        int first "from"
        int count
        double scale[2]
        Py_ssize_t ahead
        fd_axis axis
    ctypedef struct fd_plan:
        int dims
        int inputs
        int registers
        int steps
        const Py_ssize_t *count
        const Py_ssize_t *stride
        const fd_step *step
        Py_ssize_t period
        Py_ssize_t block
        Py_ssize_t banded
    ctypedef struct fd_data:
        const void *const *inputs
        const Py_ssize_t *origin
        void *const *outputs
        Py_ssize_t base
        unsigned char *gaps
        int threads
        int streamed
    void fd_sweep(const fd_plan *plan, const fd_data *data, Py_ssize_t begin, Py_ssize_t end)
    const char *fd_choose()
    int fd_openmp()

QUOTIENT = FD_QUOTIENT
SUM = FD_SUM
DIFFERENCES = FD_DIFFERENCES
MAGNITUDES = FD_MAGNITUDES
DERIVATIVE = FD_DERIVATIVE
NORM = FD_NORM
DEVIATION = FD_DEVIATION
CHUNK = FD_CHUNK

# Elements of all outputs between two looks for Ctrl-C: some 200 ms of work for one thread. Blocks need that many.
cdef Py_ssize_t SLICE = 1 << 28


SIMD = fd_choose().decode()


def openmp():
    """Return the date of the OpenMP specification in use, or 0."""
    return fd_openmp()


cdef class _Held:
    """A buffer, until this is gone."""

    cdef Py_buffer buffer

    def __cinit__(self, array, bint writeable, Py_ssize_t size):
        PyObject_GetBuffer(array, &self.buffer, PyBUF_STRIDES | PyBUF_WRITABLE if writeable else PyBUF_STRIDES)
        if self.buffer.len < size:
            raise ValueError("an array is too small")

    def __dealloc__(self):
        PyBuffer_Release(&self.buffer)


@cython.no_gc_clear  # __dealloc__ needs the list of blocks
cdef class Sweep:
    """A program in C: the loops over the inputs, and its steps. Immutable: threads may share it."""

    cdef fd_plan plan
    cdef Py_ssize_t size, itemsize
    cdef int outputs
    cdef list blocks, held

    def __cinit__(self, counts, strides, int registers, steps, tiles):
        self.blocks, self.held = [], []
        self.plan.dims, self.plan.inputs, self.plan.steps = len(counts), len(strides), len(steps)
        self.plan.registers = registers
        self.plan.period, self.plan.block, self.plan.banded = tiles
        if not (counts and strides and steps and 0 < registers < 256):
            raise ValueError("a sweep has dimensions, inputs, steps and registers")
        if not (0 < self.plan.block <= self.plan.period and 0 <= self.plan.banded <= FD_CHUNK):
            raise ValueError("a sweep has tiles")
        self.size = 1
        for count in counts:
            self.size *= count
        self.plan.count = self.integers(counts)
        self.plan.stride = self.integers([stride for row in strides for stride in row])
        cdef fd_step *block = <fd_step *>self.allocate(len(steps) * sizeof(fd_step))
        for k in range(self.plan.steps):
            self.set_step(&block[k], steps[k])
        self.plan.step = block
        self.itemsize = 8 if block[0].axis.types == FD_F64_F64 else 4

    def __dealloc__(self):
        for block in self.blocks:
            free(<void *><size_t>block)

    cdef void *allocate(self, size_t size) except NULL:
        cdef void *block = calloc(max(size, 1), 1)
        if block == NULL:
            raise MemoryError
        self.blocks.append(<size_t>block)
        return block

    cdef Py_ssize_t *integers(self, values) except NULL:
        cdef Py_ssize_t *block = <Py_ssize_t *>self.allocate(len(values) * sizeof(Py_ssize_t))
        for k in range(len(values)):
            block[k] = values[k]
        return block

    cdef int set_step(self, fd_step *step, spec) except -1:
        operation, types, source, target, add, output, direct, last, summed, axis = spec
        step.operation, step.target, step.output = operation, target, output
        step.add, step.direct, step.last, step.summed = add, direct, last, summed
        self.outputs = max(self.outputs, step.output + 1)
        step.axis.types = types
        if step.operation == FD_DERIVATIVE:
            step.input, step.ahead = source
            self.set_axis(&step.axis, axis)
        else:
            step.first, step.count, (step.scale[0], step.scale[1]) = source
        return 0

    cdef int set_axis(self, fd_axis *axis, spec) except -1:
        cdef Py_ssize_t stride
        axis.extent, axis.inner, stride, axis.by_column, low, interior, high = spec
        axis.low, axis.high = len(low), len(high)
        rules = (*low, interior, *high)
        cdef fd_rule *block = <fd_rule *>self.allocate(len(rules) * sizeof(fd_rule))
        for k in range(len(rules)):
            self.set_rule(&block[k], stride, axis.types == FD_F32_F32, rules[k])
        axis.rules = block
        return 0

    cdef int set_rule(self, fd_rule *rule, Py_ssize_t stride, bint single, spec) except -1:
        kind, plus, minus, weights, outside, value = spec
        rule.kind, rule.taps, rule.outside = kind, len(plus), outside
        if len(minus) != rule.taps or len(weights) != rule.taps:
            raise ValueError("a rule has a weight for every tap")
        rule.plus = self.integers([offset * stride for offset in plus])
        rule.minus = self.integers([offset * stride for offset in minus])
        rule.value[0], rule.value[1] = value.real, (value.imag if isinstance(value, complex) else value)
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
        self.held.append(weights)
        PyBuffer_Release(&buffer)
        return buffer.buf

    def run(self, inputs, outputs, int threads, bint streamed, Py_ssize_t begin, Py_ssize_t end, origins=None,
            base=0, gaps=None):
        """Run on the flat range [begin, end).

        `outputs` are dense and start at the flat index `base`. Windows of the inputs have their places in `origins`,
        in elements. `gaps`, of one byte for each CHUNK elements, is marked where a sample is not finite.
        """
        cdef fd_data data
        cdef list buffers = []
        cdef _Held held
        cdef const void **sources
        cdef void **targets
        cdef Py_ssize_t *places
        if len(inputs) != self.plan.inputs or len(outputs) != self.outputs:
            raise ValueError("not the arrays this sweep was made for")
        if not 0 <= base <= begin <= end <= self.size:
            raise ValueError("a range outside of what this sweep was made for")
        sources = <const void **>calloc(len(inputs) + len(outputs), sizeof(void *))
        places = <Py_ssize_t *>calloc(len(inputs), sizeof(Py_ssize_t))
        try:
            if sources == NULL or places == NULL:
                raise MemoryError
            targets = <void **>sources + len(inputs)
            for k in range(len(inputs)):
                held = _Held(inputs[k], False, 0)
                buffers.append(held)
                sources[k] = held.buffer.buf
                places[k] = 0 if origins is None else origins[k]
            for k in range(len(outputs)):
                held = _Held(outputs[k], True, (end - base) * self.itemsize)
                buffers.append(held)
                targets[k] = held.buffer.buf
            data.inputs, data.outputs, data.origin = sources, targets, places
            data.base, data.threads, data.streamed, data.gaps = base, threads, streamed, NULL
            if gaps is not None:
                held = _Held(gaps, True, (self.size + FD_CHUNK - 1) // FD_CHUNK)
                buffers.append(held)
                data.gaps = <unsigned char *>held.buffer.buf
            self.sweep(&data, begin, end)
        finally:
            free(sources)
            free(places)

    cdef int sweep(self, const fd_data *data, Py_ssize_t begin, Py_ssize_t end) except -1:
        cdef Py_ssize_t step = max(1, SLICE // self.plan.steps), stop
        while begin < end:
            stop = min(end, (begin // step + 1) * step)
            with nogil:
                fd_sweep(&self.plan, data, begin, stop)
            begin = stop
            if begin < end:
                PyErr_CheckSignals()
        return 0
