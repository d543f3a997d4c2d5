/* One sweep over an array, differentiating along several axes at once.

   The outputs are dense and share one order of their elements, the flat index. The input has any strides. All
   of it is counted in elements, never in bytes. */
#ifndef FASTDIFF_SWEEP_H
#define FASTDIFF_SWEEP_H

#include <stddef.h>

#define FD_MAX_TAPS 8
#define FD_MAX_DIMS 64

/* How one row of an axis combines its samples; C is the calculation type, T the type of the data. */
enum fd_kind {
    FD_QUOTIENT,    /* (T)((C)(f[plus] - f[minus]) / w) */
    FD_SUM,         /* (T)(w0 f[plus0] + w1 f[plus1] + w2 f[plus2]), left to right */
    FD_DIFFERENCES, /* (T)(sum of w (C)(f[plus] - f[minus])), left to right */
};

enum fd_types { FD_F32_F32, FD_F32_F64, FD_F64_F64 }; /* T and C */

typedef struct {
    int kind;
    int taps;
    ptrdiff_t plus[FD_MAX_TAPS], minus[FD_MAX_TAPS]; /* distances in the input */
    ptrdiff_t rows;                                  /* 1: the same weights for every row */
    const void *weights;                             /* of type C, [tap][row] */
} fd_rule;

typedef struct {
    int types;
    int by_column;        /* short lines: one closure or interior row of many lines at a time */
    ptrdiff_t extent;     /* points of a line */
    ptrdiff_t inner;      /* distance of neighbours in the flat index */
    ptrdiff_t low, high;  /* closure rows at either end */
    const fd_rule *rules; /* low closures, the interior, high closures */
} fd_axis;

/* The input is `dims - 1` loops around a row, a stretch of the flat index with one element stride. */
typedef struct {
    int dims;
    int axes;
    ptrdiff_t count[FD_MAX_DIMS], stride[FD_MAX_DIMS];
    const fd_axis *axis;
} fd_plan;

/* Differentiate the flat range [begin, end): outputs[k] is the derivative along axis[k]. `streamed` outputs
   bypass the cache. The result does not depend on the range, the number of threads or `streamed`. */
void fd_sweep(const fd_plan *plan, const void *input, void *const *outputs, ptrdiff_t begin, ptrdiff_t end, int threads,
              int streamed);

/* Choose the level of vectors for this CPU, once, before the first sweep: "base", "avx2" or "avx512". FASTDIFF_SIMD
   names a lower one to stop at. */
const char *fd_choose(void);

/* The date of the OpenMP specification this was built with, or 0. */
int fd_openmp(void);

#endif
