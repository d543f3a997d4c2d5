"""What other compiled modules need of the evaluators: points, values, differences."""

cimport numpy as cnp

cdef extern from "combine.h" nogil:
    ctypedef struct fd_step_rule:
        double step
        double above
        double below
        int dyadic

    ctypedef struct fd_differences:
        Py_ssize_t entries
        Py_ssize_t order
        const Py_ssize_t *terms
        const Py_ssize_t *plus
        const Py_ssize_t *minus
        const double *weight
        const signed char *blank
        const double *denominator
        const Py_ssize_t *factors

    void fd_steps(Py_ssize_t n, const double *x, const fd_step_rule *rule, double *h) noexcept
    void fd_round_dyadic(Py_ssize_t n, double *h) noexcept
    void fd_units(Py_ssize_t n, const double *x, const double *h, const double *low, const double *high,
                  const double *lower, const double *upper, double *units) noexcept
    void fd_displace(Py_ssize_t count, const double *x, const double *h, const Py_ssize_t *indices,
                     const double *multiples, const double *lower, const double *upper, double *values) noexcept
    int fd_combine(const fd_differences *d, Py_ssize_t outputs, const double *values, const double *units,
                   double epsilon, double *out, signed char *status) noexcept


cdef class Batch:
    cdef readonly cnp.ndarray base
    cdef readonly cnp.ndarray start
    cdef readonly cnp.ndarray indptr
    cdef readonly cnp.ndarray indices
    cdef readonly cnp.ndarray values


cdef class Evaluator:
    cdef readonly object shape
    cdef readonly double epsilon
    cdef readonly Py_ssize_t nfev
    cdef readonly Py_ssize_t row
    cdef bint complex_allowed
    cdef bint real_domain
    cdef Py_ssize_t size
    cdef cnp.ndarray values
    cdef int begin(self, Py_ssize_t points, object array) except -1
    cdef object judged(self, object value)
    cdef object fitting(self, object array)


cdef class Differences:
    cdef readonly cnp.ndarray terms
    cdef readonly cnp.ndarray plus
    cdef readonly cnp.ndarray minus
    cdef readonly cnp.ndarray weight
    cdef readonly cnp.ndarray blank
    cdef readonly cnp.ndarray denominator
    cdef readonly cnp.ndarray factors
    cdef fd_differences d
    cdef Py_ssize_t points
