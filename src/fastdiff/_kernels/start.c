#include "start.h"
#include "extrapolate.h"

#include <float.h>
#include <math.h>

/* Sides on which there is no ladder: lower == upper, and no room. */
enum { FIXED = FD_BACKWARD + 1, CRAMPED };
/* A step is at least so many times the spacing of x. */
static const double SPACINGS = 16;
/* A central ladder is kept in a box that is this much (a power of two) narrower than its first step would like; in a
   narrower one a ladder to the wider side loses fewer digits. */
enum { NARROW = 8 };
/* So many levels must fit into a box. */
enum { LEAST_LEVELS = 3 };
/* Below every step there is. */
enum { NOWHERE = -2000 };

void fd_start_lines(ptrdiff_t n, const double *x, const double *h, const double *scale, const fd_start_rule *rule,
                    fd_start *start) {
    for (ptrdiff_t i = 0; i < n; i++) {
        const double size = fabs(x[i]), unit = h ? h[i] : 1;
        ptrdiff_t first = 0, other = FD_NO_STEP;
        if (scale)
            first = (ptrdiff_t)rint(log2(scale[i])) + rule->top;
        else if (!h) {
            /* f may vary on the scale of 1 or on that of x: the larger comes first. */
            const ptrdiff_t exponent = size > 0 ? (ptrdiff_t)rint(log2(size)) : 0;
            first = (exponent > 0 ? exponent : 0) + rule->top;
            other = size > 0 ? (exponent < 0 ? exponent : 0) + rule->top : FD_NO_STEP;
        }
        const double spacing = nextafter(size, INFINITY) - size;
        start[i] = (fd_start){
            .argument = size,
            .unit = unit,
            .first = first,
            .other = other,
            .cap = h ? first : DBL_MAX_EXP - 1,
            .floor = (ptrdiff_t)ceil(log2(fmax(SPACINGS * spacing, rule->least) / unit)),
            .side = FD_CENTRAL,
            .later = FD_CENTRAL,
            .turns = 1,
        };
    }
}

/* The largest exponent of a step within the room. */
static ptrdiff_t within(double room) {
    return room > 0 ? (ptrdiff_t)fmin(floor(log2(fmin(room, DBL_MAX))), DBL_MAX_EXP - 1) : NOWHERE;
}

static void cap(fd_start *s, double below, double above, const double *reach) {
    const ptrdiff_t central = within(fmin(below, above) / reach[0]), aside = within(fmax(below, above) / reach[1]);
    ptrdiff_t room = central;
    if (central < s->first - NARROW && aside > central) {
        s->side = s->later = above >= below ? FD_FORWARD : FD_BACKWARD;
        s->turns = 0;
        room = aside;
    }
    if (room < s->floor + LEAST_LEVELS)
        s->side = CRAMPED;
    s->cap = s->cap < room ? s->cap : room;
    s->first = s->first < s->cap ? s->first : s->cap;
    if (s->other > s->first - 3)
        s->other = FD_NO_STEP;
}

void fd_start_within(ptrdiff_t n, const double *x, const double *lower, const double *upper, const double *reach,
                     fd_start *start) {
    for (ptrdiff_t i = 0; i < n; i++) {
        fd_start *s = &start[i];
        const double below = (x[i] - fmax(lower[i], -DBL_MAX)) / s->unit;
        const double above = (fmin(upper[i], DBL_MAX) - x[i]) / s->unit;
        cap(s, below, above, reach);
        if (lower[i] == upper[i])
            s->side = FIXED;
    }
}
