/* One sweep over arrays: a short program of derivatives, run on one stretch of memory after another.

   All arrays have the same points. The outputs are dense and share one order of their elements, the flat index. The
   inputs have any strides. All of it is counted in elements, never in bytes. */
#ifndef FASTDIFF_SWEEP_H
#define FASTDIFF_SWEEP_H

#include <stddef.h>

/* How one row of an axis combines its samples; C is the calculation type, T the type of the data. */
enum fd_kind {
    FD_QUOTIENT,    /* (C)(f[plus] - f[minus]) / w */
    FD_SUM,         /* sum of w (C)f[plus], left to right */
    FD_DIFFERENCES, /* sum of w (C)(f[plus] - f[minus]), left to right */
    FD_MAGNITUDES,  /* sum of w (|f[plus]| + |f[minus]|), left to right */
};

enum fd_types { FD_F32_F32, FD_F32_F64, FD_F64_F64 }; /* T and C */

/* The rule of a row, or of many rows of one form. Samples beyond a boundary may have one value for all: the term
   outside * (value - f[0]) is added. Even elements of the flat index see value[0], odd ones value[1]: the real and the
   imaginary part of complex data. */
typedef struct {
    int kind;
    int taps;
    const ptrdiff_t *plus, *minus; /* distances in the input */
    ptrdiff_t rows;                /* 1: the same weights for every row */
    const void *weights;           /* of type C, [tap][row] */
    double outside, value[2];
} fd_rule;

typedef struct {
    int types;
    int by_column;        /* short lines: one closure or interior row of many lines at a time */
    ptrdiff_t extent;     /* points of a line */
    ptrdiff_t inner;      /* distance of neighbours in the flat index */
    ptrdiff_t low, high;  /* closure rows at either end */
    const fd_rule *rules; /* low closures, the interior, high closures */
} fd_axis;

/* What is done with a chunk. Registers hold a chunk each, of type C. */
enum fd_operation {
    FD_DERIVATIVE, /* along an axis of an input */
    FD_NORM,       /* the square root of the sum of the squares of the registers `from` to `from + count` */
    FD_DEVIATION,  /* scale[0] |r0 - r1| + scale[1] r2 of the registers from `from` on */
};

typedef struct {
    int operation;
    int add;    /* to what the register holds */
    int target; /* a register */
    int output; /* where the register goes in the end; -1: nowhere */
    int direct; /* it may live there all the time: it has the type of the data */
    int last;   /* it goes there now */
    int summed; /* so many steps from here on, and a norm of them if the last is not `last`, make one output */
    int input;
    int from, count;
    double scale[2];
    ptrdiff_t ahead; /* how far the samples of a chunk reach in the flat index; 0: they are not fetched ahead */
    fd_axis axis;
} fd_step;

/* The inputs are `dims - 1` loops around a row, a stretch of the flat index with one element stride in each input. */
typedef struct {
    int dims;
    int inputs;
    int registers;
    int steps;
    const ptrdiff_t *count;  /* [dims] */
    const ptrdiff_t *stride; /* [input][dims] */
    const fd_step *step;
    /* The flat index is swept in stretches of `block` elements of every `period`, so that the samples around a chunk
       are still in cache when its neighbour `period` elements on needs them. */
    ptrdiff_t period, block;
    /* 0, or the chunk with which streamed outputs are swept four periods at a time, so that a sample is loaded once for
       four outputs along the outermost axis. Each step writes to an output of its own then. */
    ptrdiff_t banded;
} fd_plan;

/* Where the data is: `origin` is the place of inputs[k] within the whole input, for a window of it. */
typedef struct {
    const void *const *inputs;
    const ptrdiff_t *origin;
    void *const *outputs;
    ptrdiff_t base;      /* the flat index where the outputs start */
    unsigned char *gaps; /* NULL, or a mark for each FD_CHUNK of the flat index: some sample in it is not finite */
    int threads;
    int streamed; /* outputs bypass the cache */
} fd_data;

#define FD_CHUNK ((ptrdiff_t)4096)

/* Run the program on the flat range [begin, end). The result does not depend on the range, the number of threads, the
   blocks or `streamed`. */
void fd_sweep(const fd_plan *plan, const fd_data *data, ptrdiff_t begin, ptrdiff_t end);

/* Choose the level of vectors for this CPU, once, before the first sweep: "base", "avx2" or "avx512". FASTDIFF_SIMD
   names a lower one to stop at. */
const char *fd_choose(void);

/* The date of the OpenMP specification this was built with, or 0. */
int fd_openmp(void);

#endif
