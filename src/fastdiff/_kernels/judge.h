/* What an output of f makes of a descent: an entry of a ladder judges the levels as they come. Serial, no Python.

   docs/error-model.md derives the bounds. */
#ifndef FASTDIFF_JUDGE_H
#define FASTDIFF_JUDGE_H

#include "tableau.h"

#include <stddef.h>

enum { FD_AT_X = -1 }; /* the sample at x itself */

/* What a level is made of: the sum over its terms of weight * (f[plus] - f[minus]), over a divisor. It has `points`
   samples of its own, or borrowed ones. The error of the quotient is a series in h^power. Where it is `paired`, samples
   0 and 1 are mirror images and a derivative of order 1 or 2 is wanted: the part of f that it does not see is judged as
   well. Where it `borrows`, the other ladders vouch for the steps: two levels with nothing but noise are enough, and no
   ratio is asked of it. */
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

/* What an entry makes of a descent, so far. */
enum { LIVE, ROUNDED, FLAT, NOISY, TOLERATED, ROUGH, BROKEN };

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

/* The quotient of a level and its noise. Where the pattern is paired, the part of f that a central derivative does not
   see: the even part, and a quotient of the other parity, of second order for first derivatives and the reverse. */
typedef struct {
    double value, noise, step, largest;
    double even, even_noise;
    double bend, bend_noise; /* the even part and its noise as a change of slope at x */
    double other, other_noise;
    int edges;
} fd_sample;

fd_sample fd_combine(const fd_pattern *p, const double *values, ptrdiff_t outputs, double f0, double epsilon,
                     double argument, double divisor);

void fd_begin_descent(fd_entry *e);

/* Take level i of a descent, and judge it. */
void fd_add_level(fd_entry *e, const fd_goal *goal, const fd_pattern *p, const fd_weights *w, int i,
                  const fd_sample *s);

/* The verdict on a descent whose error no longer falls: f has more noise than was assumed, or no limit is in sight. */
int fd_judge_stagnant(fd_entry *e, const fd_goal *goal, const fd_weights *w, int levels);

/* What a descent shows if f has as much more noise as its last extrapolations differ by. */
fd_estimate fd_louder(const fd_entry *e, const fd_weights *w, int levels);

/* What is known of a descent, with what a kink at x may add. */
fd_estimate fd_bent(const fd_entry *e, fd_estimate found);

/* An error above this share of the value is no convergence. */
double fd_unconverged(const fd_goal *goal);

int fd_tolerated(const fd_goal *goal, const fd_estimate *found);

#endif
