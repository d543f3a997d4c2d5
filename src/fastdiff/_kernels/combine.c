#include "combine.h"
#include "config.h"

#include <float.h>
#include <math.h>

/* A default step may not be smaller than this share of max(1, |x|). */
static const double FLOOR = 1e-4;

/* Fewer than three digits survive where the difference is below 10^3 units of round-off of what it subtracts. */
static const double SURVIVING = 1e3;

/* h = epsilon^(1/(k+p)) s. Whether f varies on the scale of 1 or of |x| is not known. On the scale L the relative
   error is (s/L)^p from truncation and (L/s)^k from round-off, both in units of epsilon^(p/(k+p)). The minimax over
   L in {1, |x|} equates the truncation of the smaller L with the round-off of the larger:

       |x| > 1:  s^p = (|x|/s)^k,  s = |x|^(k/(k+p));    |x| < 1:  s^-k = (s/|x|)^p,  s = |x|^(p/(k+p)).

   At x = 0 there is no scale but 1. */
void fd_steps(ptrdiff_t n, const double *x, const fd_step_rule *rule, double *h) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const double size = fabs(x[i]);
        const double least = FLOOR * (size > 1 ? size : 1);
        const double scale = size == 0 || size == 1 ? 1 : pow(size, size > 1 ? rule->above : rule->below);
        h[i] = rule->step * (scale > least ? scale : least);
    }
    if (rule->dyadic)
        fd_round_dyadic(n, h);
}

void fd_round_dyadic(ptrdiff_t n, double *h) {
    for (ptrdiff_t i = 0; i < n; i++) {
        int exponent;
        const double mantissa = frexp(h[i], &exponent); /* in [1/2, 1) */
        h[i] = ldexp(mantissa < 0.70710678118654757 ? 0.5 : 1, exponent);
    }
}

/* The point is clipped, not the step: a sample never leaves the box, whatever rounding does. */
FD_INLINE double sample(double x, double multiple, double h, const double *lower, const double *upper, ptrdiff_t i) {
    const double value = x + multiple * h;
    if (lower && value < lower[i])
        return lower[i];
    if (upper && value > upper[i])
        return upper[i];
    return value;
}

void fd_units(ptrdiff_t n, const double *x, const double *h, const double *low, const double *high, const double *lower,
              const double *upper, double *units) {
    for (ptrdiff_t i = 0; i < n; i++)
        units[i] = (sample(x[i], high[i], h[i], lower, upper, i) - sample(x[i], low[i], h[i], lower, upper, i)) /
                   (high[i] - low[i]);
}

void fd_displace(ptrdiff_t count, const double *x, const double *h, const ptrdiff_t *indices, const double *multiples,
                 const double *lower, const double *upper, double *values) {
    for (ptrdiff_t r = 0; r < count; r++) {
        const ptrdiff_t i = indices[r];
        values[r] = sample(x[i], multiples[r], h[i], lower, upper, i);
    }
}

int fd_combine(const fd_differences *d, ptrdiff_t outputs, const double *FD_RESTRICT values,
               const double *FD_RESTRICT units, double epsilon, double *FD_RESTRICT out,
               signed char *FD_RESTRICT status) {
    const double noise = SURVIVING * epsilon;
    int worst = 0;
    for (ptrdiff_t e = 0; e < d->entries; e++) {
        const ptrdiff_t first = d->terms[e], last = d->terms[e + 1];
        for (ptrdiff_t j = 0; j < outputs; j++) {
            double sum = 0, lost = 0;
            for (ptrdiff_t t = first; t < last; t++) {
                const double plus = values[d->plus[t] * outputs + j];
                const double minus = d->minus[t] < 0 ? 0 : values[d->minus[t] * outputs + j];
                sum += d->weight[t] * (plus - minus);
                const double size = fmax(fabs(plus), fabs(minus));
                const double rounded = d->minus[t] < 0 ? 0 : noise * size;
                /* The smallest numbers are spaced as far as this, whatever epsilon is. */
                const double least = size > 0 ? SURVIVING * DBL_TRUE_MIN : 0;
                lost += fabs(d->weight[t]) * fmax(rounded, least);
            }
            double value = sum / d->denominator[e];
            for (ptrdiff_t k = 0; k < d->order; k++) /* one by one: their product may overflow */
                value /= units[d->factors[e * d->order + k]];
            signed char found = !isfinite(value)   ? FD_NOT_FINITE
                                : fabs(sum) < lost ? FD_NOISE_LIMITED
                                                   : FD_NOT_ESTIMATED;
            if (first == last) {
                value = d->blank[e] == FD_FIXED ? 0 : NAN;
                found = d->blank[e];
            }
            out[e * outputs + j] = value;
            status[e * outputs + j] = found;
            worst = found > worst ? found : worst;
        }
    }
    return worst;
}
