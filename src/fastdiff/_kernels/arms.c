#include "arms.h"

#include <math.h>

static double within(const fd_arms *all, ptrdiff_t i, double move) {
    return fmin(fmax(all->x[i] + move, all->lower[i]), all->upper[i]);
}

static double realised(const fd_arms *all, const fd_reach *reach, const ptrdiff_t *where, const double *step) {
    double divisor = 1;
    for (ptrdiff_t a = 0; a < all->arms; a++) {
        const double low = reach->low[a], high = reach->high[a];
        const double length = within(all, where[a], high * step[a]) - within(all, where[a], low * step[a]);
        for (ptrdiff_t k = 0; k < all->powers[a]; k++)
            divisor *= length / (high - low);
    }
    return divisor;
}

void fd_arms_place(const fd_arms *all, ptrdiff_t count, const ptrdiff_t *sides, const ptrdiff_t *coordinates,
                   const double *steps, ptrdiff_t *indptr, ptrdiff_t *indices, double *values, double *divisor) {
    ptrdiff_t moved = 0;
    *indptr++ = 0;
    for (ptrdiff_t r = 0; r < count; r++) {
        const fd_reach *reach = &all->reaches[sides[r]];
        const ptrdiff_t *where = coordinates + r * all->arms;
        const double *step = steps + r * all->arms;
        for (ptrdiff_t s = 0; s < reach->samples; s++) {
            for (ptrdiff_t a = 0; a < all->arms; a++) {
                const double offset = reach->offsets[s * all->arms + a];
                if (offset == 0)
                    continue;
                indices[moved] = where[a];
                values[moved++] = within(all, where[a], offset * step[a]);
            }
            *indptr++ = moved;
        }
        divisor[r] = realised(all, reach, where, step);
    }
}
