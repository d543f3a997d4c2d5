/* Steps, points and weighted differences of the function half: serial, branch-light, no Python. */
#ifndef FASTDIFF_COMBINE_H
#define FASTDIFF_COMBINE_H

#include <stddef.h>

/* fastdiff.Status, as far as a fixed step can tell. */
enum fd_status { FD_NOT_ESTIMATED = 2, FD_FIXED = 3, FD_NOISE_LIMITED = 4, FD_NOT_FINITE = 9 };

/* How a default step depends on x: see fd_steps. */
typedef struct {
    double step;  /* epsilon^(1/(k+p)) */
    double above; /* exponent of |x| where |x| > 1 */
    double below; /* exponent of |x| where |x| < 1 */
    int dyadic;   /* round to a power of two? */
} fd_step_rule;

/* Default steps of a k-th derivative at accuracy p. */
void fd_steps(ptrdiff_t n, const double *x, const fd_step_rule *rule, double *h);

/* Round each step to the nearest power of two (in the ratio). */
void fd_round_dyadic(ptrdiff_t n, double *h);

/* The step as it is realised: the distance of the outermost samples low[i] and high[i] (in steps, low < high), after
   rounding and after clipping to the box where one is given, over their distance in steps. */
void fd_units(ptrdiff_t n, const double *x, const double *h, const double *low, const double *high, const double *lower,
              const double *upper, double *units);

/* values[r] = x[indices[r]] + multiples[r] * h[indices[r]], clipped to the box where one is given (else NULL). */
void fd_displace(ptrdiff_t count, const double *x, const double *h, const ptrdiff_t *indices, const double *multiples,
                 const double *lower, const double *upper, double *values);

/* The weighted differences of a derivative. Entry e is the sum over its terms t, from terms[e] to terms[e + 1], of
   weight[t] * (values[plus[t]] - values[minus[t]]), divided by denominator[e] and by the units of its factors,
   factors[e * order] and on. A minus of -1 subtracts nothing. */
typedef struct {
    ptrdiff_t entries;
    ptrdiff_t order;
    const ptrdiff_t *terms;
    const ptrdiff_t *plus;
    const ptrdiff_t *minus;
    const double *weight;
    const signed char *blank; /* the status of an entry without terms */
    const double *denominator;
    const ptrdiff_t *factors;
} fd_differences;

/* out and status have the shape (entries, outputs), values the shape (points, outputs). Returns the worst status. */
int fd_combine(const fd_differences *d, ptrdiff_t outputs, const double *values, const double *units, double epsilon,
               double *out, signed char *status);

#endif
