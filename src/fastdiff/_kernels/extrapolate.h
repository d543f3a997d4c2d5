/* Richardson extrapolation that finds its own steps: the adaptive method. Serial, no Python.

   A ladder is one line through x along which f is sampled. Its steps fall from level to level; the levels below one top
   are a descent. Every output of f is an entry of the ladder: it has a tableau and judges each descent. A descent that
   shows no convergence is followed by a lower one, one that shows nothing but noise by a higher one, until every entry
   is settled. docs/error-model.md derives the bounds. */
#ifndef FASTDIFF_EXTRAPOLATE_H
#define FASTDIFF_EXTRAPOLATE_H

#include <stddef.h>

/* The patterns of a ladder that may turn: the sides of function/_layout.py. */
enum { FD_CENTRAL, FD_FORWARD, FD_BACKWARD };

enum {
    FD_LEVELS = 12,      /* the most levels of a descent */
    FD_NO_STEP = -32768, /* no exponent */
    FD_AT_X = -1         /* the sample at x itself */
};

/* What a level is made of: the sum over its terms of weight * (f[plus] - f[minus]), over a divisor. It has `points`
   samples of its own, or borrowed ones. The error of the quotient is a series in h^power. Where it is `paired`, samples
   0 and 1 are mirror images and a derivative of order 1 or 2 is wanted: the part of f that it does not see is judged as
   well. Where it `borrows`,
   the other ladders vouch for the steps: two levels with nothing but noise are enough, and no ratio is asked of it. */
typedef struct {
    ptrdiff_t points;
    ptrdiff_t terms;
    const ptrdiff_t *plus;
    const ptrdiff_t *minus;
    const double *weight;
    int order;
    int power;
    int paired;
    int borrows;
} fd_pattern;

typedef struct {
    double epsilon; /* the relative noise of f */
    double rtol;
    double atol;
    int max_levels;
} fd_goal;

/* error = truncation + 2 noise. */
typedef struct {
    double value, error, truncation, noise;
    int top, level; /* of the smallest step in it */
} fd_estimate;

typedef struct {
    double size;   /* |f(x)| */
    double enough; /* an error that is small enough, whatever the tolerances say */
    /* The descent. */
    double value[FD_LEVELS], noise[FD_LEVELS];   /* the quotients */
    double row[FD_LEVELS], row_noise[FD_LEVELS]; /* the last row of the tableau */
    double even, even_noise, error_before;
    fd_estimate descent;
    int verdict;
    int stalls;    /* levels in a row that did not halve the error */
    int confirmed; /* levels in a row that found it small enough */
    int flat;      /* is the first difference mere noise? */
    int ended;     /* did the series end: was the third level as good as exact? */
    int even_bad;
    double bend;                               /* what a kink at x may do to the derivative, where f looks like one */
    double other[3], other_noise[3], steps[3]; /* of the last levels: see `other` of a sample */
    int edges;                                 /* bit 0: f is not finite at sample 0; bit 1: at another */
    /* All descents. */
    fd_estimate best, rough;  /* of those that were accepted, and of the others */
    int flat_top, rough_top;  /* the highest top with nothing but noise, the lowest that was not accepted */
    int noisier;              /* refused descents in a row that look like noise */
    int kinks, jumps, slopes; /* levels in a row that look like one */
    double kink;              /* the last change of the derivative at x that was seen */
    int wish;                 /* the top of the next descent */
    int towering;             /* is f larger by far at the first steps than at x? */
    int doubts;               /* probes of flat descents that disagreed */
    signed char status;       /* negative while unsettled */
} fd_entry;

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

/* The step of a level, in units of the ladder. */
double fd_level_step(int top, int level);

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

/* Extrapolate the quotients of one descent, which is not judged. */
fd_estimate fd_extrapolate(int levels, int power, const double *value, const double *noise);

#endif
