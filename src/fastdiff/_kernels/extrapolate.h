/* Richardson extrapolation that finds its own steps: the adaptive method. Serial, no Python.

   A ladder is one line through x along which f is sampled. Its steps fall from level to level; the levels below one top
   are a descent. Every output of f is an entry of the ladder: it has a tableau and judges each descent. A descent that
   shows no convergence is followed by a lower one, one that shows nothing but noise by a higher one, until every entry
   is settled. docs/error-model.md derives the bounds. */
#ifndef FASTDIFF_EXTRAPOLATE_H
#define FASTDIFF_EXTRAPOLATE_H

#include "judge.h"

#include <stddef.h>

/* The patterns of a ladder that may turn: the sides of function/_layout.py. */
enum { FD_CENTRAL, FD_FORWARD, FD_BACKWARD };

enum { FD_NO_STEP = -32768 }; /* no exponent */

typedef struct {
    double argument; /* |x| in units of the line: what the rounding of x costs */
    double unit;     /* the step of exponent 0 */
    int first;       /* exponents: of the first step of all, */
    int other;       /* of the one to try where that fails, or FD_NO_STEP, */
    int cap, floor;  /* and the limits set by the box and by rounding */
    int side, later; /* the patterns of the first descent and of the others */
    int turns;       /* may it turn to the side on which f is finite? */
    int top, level, used, stride;
    int other_tried, probing;
    int broken, edges; /* descents in a row that met values that are not finite, on which sides */
    int active;
} fd_ladder;

/* Ladders with their entries, (ladders, outputs). Each has f(x) at f0 + ladder * f0_stride. */
typedef struct {
    fd_goal goal;
    const fd_pattern *patterns; /* by side */
    ptrdiff_t outputs;
    const double *f0;
    ptrdiff_t f0_stride;
    fd_ladder *ladders;
    fd_entry *entries;
} fd_ladders;

/* Prepare `count` ladders, which have argument, unit, first, other, cap, floor and sides, and entries that have
   `enough`; the rest is zero. */
void fd_ladders_begin(const fd_ladders *all, ptrdiff_t count);

/* A level of a ladder. */
typedef struct {
    ptrdiff_t id, top, level, side, probe;
    double step, divisor;
} fd_asked;

/* How many levels ladder `id` is sure to want, `ahead` of them at most: 0 where it is settled. */
int fd_ladders_want(const fd_ladders *all, ptrdiff_t id, int ahead);

/* Tell the values of levels, in the order in which they were asked: (samples, outputs) for each. Those that a ladder no
   longer wants are passed over. Ladders whose entries are settled become inactive. */
void fd_ladders_tell(const fd_ladders *all, ptrdiff_t count, const fd_asked *asked, const double *values);

#endif
