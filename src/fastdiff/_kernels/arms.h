/* Where ladders sample f that move single coordinates of x, their arms, each in steps of its own. Serial, no Python. */
#ifndef FASTDIFF_ARMS_H
#define FASTDIFF_ARMS_H

#include <stddef.h>

/* The samples of one level: offsets in steps, (samples, arms), and the ends of what they reach along each arm. */
typedef struct {
    ptrdiff_t samples;
    const double *offsets;
    const double *low;
    const double *high;
} fd_reach;

typedef struct {
    ptrdiff_t arms;
    const double *x;
    const double *lower; /* bounds of x */
    const double *upper;
    const fd_reach *reaches;
    const ptrdiff_t *powers; /* the derivative order along each arm */
} fd_arms;

/* Place the samples of `count` levels, with the reach chosen by `sides`, and the coordinates and steps of their arms,
   (count, arms). The samples become the rows of a CSR of (coordinate, new value); an offset of 0 leaves a coordinate
   alone. What a quotient is divided by is the product of the steps as they are realised, to their powers. */
void fd_arms_place(const fd_arms *all, ptrdiff_t count, const ptrdiff_t *sides, const ptrdiff_t *coordinates,
                   const double *steps, ptrdiff_t *indptr, ptrdiff_t *indices, double *values, double *divisor);

#endif
