/* Where ladders begin: their first steps, and the limits of all steps. Serial, no Python. */
#ifndef FASTDIFF_START_H
#define FASTDIFF_START_H

#include <stddef.h>

/* What a ladder begins with: see fd_ladder in extrapolate.h. A side beyond FD_BACKWARD says that it can't. */
typedef struct {
    double argument, unit;
    ptrdiff_t first, other, cap, floor, side, later, turns;
} fd_start;

typedef struct {
    ptrdiff_t top; /* the first step is 2^top times the scale of x */
    double least;  /* the smallest step of all */
} fd_start_rule;

/* Begin n ladders along single coordinates: with the steps h, or on the scales, where these are given. */
void fd_start_lines(ptrdiff_t n, const double *x, const double *h, const double *scale, const fd_start_rule *rule,
                    fd_start *start);

/* Limit the steps by the room within the bounds of x, and choose the side. A level reaches so many steps: both ways,
   or one way only. */
void fd_start_within(ptrdiff_t n, const double *x, const double *lower, const double *upper, const double *reach,
                     fd_start *start);

#endif
