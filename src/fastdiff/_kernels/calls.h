/* Calls of compiled functions at points given as data: one serial body, one OpenMP driver, no Python. */
#ifndef FASTDIFF_CALLS_H
#define FASTDIFF_CALLS_H

#include <stddef.h>
#include <stdint.h>

/* How a function is called: the four of scipy.integrate.quad, and that of scipy.ndimage.generic_filter1d. */
enum fd_signature {
    FD_NUMBER,      /* double (double) */
    FD_NUMBER_DATA, /* double (double, void *) */
    FD_ARRAY,       /* double (int, double *) */
    FD_ARRAY_DATA,  /* double (int, double *, void *) */
    FD_VECTOR       /* int (double *, intptr_t, double *, intptr_t, void *); it returns 0 where it failed */
};

/* A compiled function of n numbers that gives m. */
typedef struct {
    void (*pointer)(void);
    int signature;
    void *data; /* what it gets as void * */
    ptrdiff_t n;
    ptrdiff_t m;
} fd_function;

/* Points: what each changes in its base point, as in function/_evaluate.pyx, Batch. Row r sets coordinate indices[t] of
   base point start[r] to values[t], for t from indptr[r] to indptr[r + 1]; each coordinate at most once. A start of
   NULL is the first base point for all; an indptr of NULL changes nothing, and row r is base point r. */
typedef struct {
    ptrdiff_t count;
    const double *base;
    const ptrdiff_t *start;
    const ptrdiff_t *indptr;
    const ptrdiff_t *indices;
    const double *values;
} fd_points;

/* What is wrong with a call. */
enum fd_fault {
    FD_NONE,
    FD_FAILED, /* f returned 0 */
    FD_UNSET,  /* f left an output as it was */
    FD_BEYOND, /* f wrote more outputs than m */
    FD_RAISED, /* f left an exception */
};

/* Whether an exception is left, as PyErr_Occurred says for the thread that holds the interpreter's lock. */
typedef void *(*fd_pending)(void);

/* How far a call came, and what stopped it. */
typedef struct {
    ptrdiff_t done;   /* the rows below it have values */
    ptrdiff_t failed; /* the first row with a fault, or -1 */
    int fault;        /* of the first row that has one */
    int wrote;        /* f wrote to x: no value can be trusted */
    double seconds;   /* the time it took */
} fd_progress;

/* Doubles of scratch for each thread: a point, outputs, and room between threads. */
ptrdiff_t fd_scratch(const fd_function *f);

/* Call f at the points from progress->done on, on `threads` threads, each with a copy of x of its own in `scratch`.
   Stops after about `seconds`, or where a call fails; from row `strict` on, a call that fails gives NaN instead.
   Where `pending` is given, it is asked after each call. `values` has the shape (count, m): each result has its own
   slot, so that the number of threads does not show. */
void fd_call(const fd_function *f, const fd_points *points, int threads, double seconds, ptrdiff_t strict,
             fd_pending pending, double *scratch, double *values, fd_progress *progress);

#endif
