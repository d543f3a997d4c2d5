/* The tableau of a descent: quotients at falling steps, extrapolated to the step 0. Serial, no Python. */
#ifndef FASTDIFF_TABLEAU_H
#define FASTDIFF_TABLEAU_H

enum { FD_LEVELS = 12 }; /* the most levels of a descent */

/* error = truncation + 2 noise. */
typedef struct {
    double value, error, truncation, noise;
    int top, level; /* of the smallest step in it */
} fd_estimate;

/* No value, with an error without bounds. */
extern const fd_estimate FD_NOTHING;

/* Neville's scheme at h = 0: in column j of level i the neighbour has the weight 1 / ((h_(i-j) / h_i)^power - 1). */
typedef struct {
    double of[FD_LEVELS][FD_LEVELS];
} fd_weights;

/* The step of a level, in units of the ladder. */
double fd_level_step(int top, int level);

fd_weights fd_neville(int power);

/* Add row i to the tableau, of which `row` is the last one; return the best cell of the new row. The noise of a cell is
   what its weights make of the noise of the quotients, its truncation error half the larger difference to its
   neighbours (docs/error-model.md, eq. 4 and 5), or what its distance to the end of the row has beyond noise: two
   neighbours may agree by an accident of the series. */
fd_estimate fd_extend(const fd_weights *w, int i, double value, double noise, double *row, double *row_noise);

/* Extrapolate a whole descent, with `louder` times the noise; it is not judged. */
fd_estimate fd_extrapolate(const fd_weights *w, int levels, const double *value, const double *noise, double louder);

#endif
