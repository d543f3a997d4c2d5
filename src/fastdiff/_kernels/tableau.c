#include "tableau.h"

#include <math.h>

/* Steps halve from level to level but for these factors, over 256. With exact powers of two a function whose period is
   nearly a multiple of every step is sampled at the same phase on all levels, and they agree on a wrong slope. */
static const double MANTISSA[FD_LEVELS] = {256, 241, 263, 249, 259, 245, 267, 251, 257, 243, 261, 253};

const fd_estimate FD_NOTHING = {NAN, INFINITY, INFINITY, INFINITY, 0, 0};

double fd_level_step(int top, int level) {
    return ldexp(MANTISSA[level] / 256, top - level);
}

fd_weights fd_neville(int power) {
    fd_weights w = {{{0}}};
    for (int i = 1; i < FD_LEVELS; i++)
        for (int j = 1; j <= i; j++) {
            const double ratio = MANTISSA[i - j] / MANTISSA[i] * (1 << j);
            w.of[i][j] = 1 / ((power == 1 ? ratio : ratio * ratio) - 1);
        }
    return w;
}

fd_estimate fd_extend(const fd_weights *w, int i, double value, double noise, double *row, double *row_noise) {
    double above = row[0], above_noise = row_noise[0], truncation[FD_LEVELS];
    row[0] = value;
    row_noise[0] = noise;
    for (int j = 1; j <= i; j++) {
        const double left = row[j - 1], next = row[j], next_noise = row_noise[j];
        row[j] = left + (left - above) * w->of[i][j];
        row_noise[j] = row_noise[j - 1] * (1 + w->of[i][j]) + above_noise * w->of[i][j];
        truncation[j] = 0.5 * fmax(fabs(row[j] - left), fabs(row[j] - above));
        above = next;
        above_noise = next_noise;
    }
    fd_estimate best = FD_NOTHING;
    for (int j = 1; j <= i; j++) {
        const double apart = fabs(row[j] - row[i]) - 2 * (row_noise[j] + row_noise[i]);
        const double cut = fmax(truncation[j], apart), error = cut + 2 * row_noise[j];
        if (error < best.error)
            best = (fd_estimate){row[j], error, cut, row_noise[j], 0, i};
    }
    return best;
}

fd_estimate fd_extrapolate(const fd_weights *w, int levels, const double *value, const double *noise, double louder) {
    double row[FD_LEVELS] = {0}, row_noise[FD_LEVELS] = {0};
    fd_estimate best = FD_NOTHING;
    for (int i = 0; i < levels; i++) {
        const fd_estimate found = fd_extend(w, i, value[i], louder * noise[i], row, row_noise);
        if (found.error < best.error)
            best = found;
    }
    return best;
}
