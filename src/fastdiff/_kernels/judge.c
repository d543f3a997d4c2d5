#include "judge.h"

#include <float.h>
#include <math.h>

/* An even part is significant above so many units of its noise, a difference visible above so many. */
static const double SIGNIFICANT = 16, VISIBLE = 4;
/* Ratios of successive differences and of successive even parts, over those of a series that starts with its first
   term. One that starts with a later term has 4 or 16; random ones are anywhere. */
static const double RATIO_LOW = 0.55, RATIO_HIGH = 20, EVEN_LOW = 0.65, EVEN_HIGH = 5;
/* Differences of the other quotient are not those of a smooth f, which fall to a quarter, if they are less than so many
   times the next: for first derivatives, where the pre-asymptotic ones of many a smooth f hardly fall, and for second.
 */
static const double GROWING = 0.85, HALVING = 2.5;
/* An error above this share of the value is no convergence, unless the noise of f is as large. */
static const double UNCONVERGED = 1.0 / (1 << 20);
/* There is nothing to gain below an error of so many epsilon. */
static const double ACCURATE = 4;
/* An error of so many times what is enough is no reason to begin again, nor to go on after so many levels. */
static const double NEARLY = 16;
enum { LONG = 4 };
/* So many levels in a row that do not halve the error are the end of a descent, by power: in a series in h, of which
   each level takes away less, one may be an accident. */
static const int STALLED[] = {2, 1};
/* So many levels in a row must find the error small enough, by power: in a series in h one may do so by an accident of
   its coefficients. */
static const int CONFIRMED[] = {2, 1};
/* f is larger by far where it is so many times f(x). */
static const double TOWERING = 1024;
/* For f of little precision: an error of so many epsilon is no more than its noise. */
static const double NOISE = 4096;

/* A value of f is off by epsilon |f| and, as x is rounded, by epsilon |x f'| (docs/error-model.md, eq. 2); the smallest
   numbers are spaced by DBL_TRUE_MIN, whatever epsilon is. `argument` is |x| / 2h. */
fd_sample fd_combine(const fd_pattern *p, const double *values, ptrdiff_t outputs, double f0, double epsilon,
                     double argument, double divisor) {
    fd_sample s = {0};
    double size = 0, moved = 0, total = 0;
    for (ptrdiff_t k = 0; k < p->points; k++) {
        if (!isfinite(values[k * outputs]))
            s.edges |= k == 0 ? 1 : 2;
        s.largest = fmax(s.largest, fabs(values[k * outputs]));
    }
    for (ptrdiff_t t = 0; t < p->terms; t++) {
        const double plus = p->plus[t] == FD_AT_X ? f0 : values[p->plus[t] * outputs];
        const double minus = p->minus[t] == FD_AT_X ? f0 : values[p->minus[t] * outputs];
        const double w = fabs(p->weight[t]);
        s.value += p->weight[t] * (plus - minus);
        size += w * (epsilon * fabs(plus) + epsilon * fabs(minus));
        moved += w * (epsilon * argument) * fabs(plus - minus);
        total += w;
    }
    s.value /= divisor;
    s.noise = (size + moved + DBL_TRUE_MIN * total) / fabs(divisor) + DBL_TRUE_MIN;
    if (p->paired) {
        const double plus = values[0], minus = values[outputs];
        s.even = (plus - f0) + (minus - f0);
        s.even_noise = epsilon * fabs(plus) + epsilon * fabs(minus) + 2 * epsilon * fabs(f0) +
                       2 * epsilon * argument * fabs(plus - minus);
        s.step = p->order == 1 ? fabs(divisor) : sqrt(fabs(divisor));
        s.bend = fabs(s.even) / (2 * s.step);
        s.bend_noise = s.even_noise / (2 * s.step);
        s.other = p->order == 1 ? s.even / s.step / s.step : (plus - minus) / (2 * s.step);
        s.other_noise = p->order == 1 ? s.even_noise / s.step / s.step : s.bend_noise;
    }
    if (!s.edges && !(isfinite(s.value) && isfinite(s.noise)))
        s.edges = 3; /* too large to be subtracted */
    return s;
}

static int near_to(double ratio, double wanted) {
    return fabs(ratio - wanted) < 0.15 * wanted;
}

/* Look at two successive levels for what a smooth f never does on all scales: an even part or a slope that falls like
   h, a slope that grows like 1/h. What is lost in noise says nothing. */
static void look_for_kinks(fd_entry *e, int i, const fd_pattern *p, const fd_sample *now, double halving) {
    const double before = e->value[i - 1];
    const int seen = fabs(before - now->value) > VISIBLE * (e->noise[i - 1] + now->noise);
    const int even = fabs(e->even) > SIGNIFICANT * e->even_noise;
    if (p->order == 1 && even) {
        e->kinks = near_to(e->even / now->even, halving) ? e->kinks + 1 : 0;
        e->kink = now->bend;
    } else if (p->order == 1 && e->kink > SIGNIFICANT * now->bend_noise)
        e->kinks = 0; /* it would be seen, if it were here */
    if (seen) {
        e->jumps = near_to(now->value / before, halving) ? e->jumps + 1 : 0;
        e->slopes = near_to(before / now->value, halving) ? e->slopes + 1 : 0;
    }
}

static void keep_aside(fd_entry *e, const fd_sample *now) {
    for (int k = 0; k < 2; k++) {
        e->other[k] = e->other[k + 1];
        e->other_noise[k] = e->other_noise[k + 1];
        e->steps[k] = e->steps[k + 1];
    }
    e->other[2] = now->other;
    e->other_noise[2] = now->other_noise;
    e->steps[2] = now->step;
}

/* Look at the last three levels for what the curvature of f may hide from the size of the other quotient, but not from
   its differences. Those of a smooth f fall like h^2. For first derivatives they grow like 1/h at a kink and like 1/h^2
   at a spike; for second ones those of a kink in f' fall like h. */
static int look_aside(fd_entry *e, int order) {
    const double before = e->other[0] - e->other[1], now = e->other[1] - e->other[2], h = e->steps[2];
    const double noise = SIGNIFICANT * (e->other_noise[1] + e->other_noise[2]);
    const double kink =
        order == 1 ? fabs(now) * fmax(h, 0.5 / (1 / h - 1 / e->steps[1])) : 2 * fabs(now) / (e->steps[1] - h);
    const int rough = fabs(before) < (order == 1 ? GROWING : HALVING) * fabs(now);
    if (fabs(now) > noise && rough) {
        e->kink = kink;
        e->kinks += order > 1;
        return 1;
    }
    if (order > 1 && e->kink * (e->steps[1] - h) > 2 * noise)
        e->kinks = 0; /* it would be seen, if it were here */
    return 0;
}

/* How many times more noise than was assumed: as much as the last extrapolations differ by. */
static double loudness(const fd_entry *e, const fd_weights *w, int levels) {
    double row[FD_LEVELS] = {0}, row_noise[FD_LEVELS] = {0}, before[FD_LEVELS] = {0}, before_noise[FD_LEVELS] = {0};
    const int last = levels - 1;
    double louder = 1;
    for (int i = 0; i <= last; i++) {
        for (int j = 0; j < i; j++) {
            before[j] = row[j];
            before_noise[j] = row_noise[j];
        }
        fd_extend(w, i, e->value[i], e->noise[i], row, row_noise);
    }
    for (int j = last > 2 ? last - 1 : 1; j <= last; j++) {
        louder = fmax(louder, fabs(row[j] - row[j - 1]) / (row_noise[j] + row_noise[j - 1]));
        louder = fmax(louder, fabs(row[j] - before[j - 1]) / (row_noise[j] + before_noise[j - 1]));
    }
    return louder;
}

fd_estimate fd_louder(const fd_entry *e, const fd_weights *w, int levels) {
    return fd_extrapolate(w, levels, e->value, e->noise, loudness(e, w, levels));
}

fd_estimate fd_bent(const fd_entry *e, fd_estimate found) {
    found.error += e->bend;
    return found;
}

double fd_unconverged(const fd_goal *goal) {
    return fmax(UNCONVERGED, NOISE * goal->epsilon);
}

int fd_tolerated(const fd_goal *goal, const fd_estimate *found) {
    return found->error <= fmax(goal->rtol * fabs(found->value), goal->atol);
}

/* The verdict on differences that are mere noise: the quotient with the least noise serves as well as any cell. */
static int judge_flat(fd_entry *e, int levels) {
    for (int k = 0; k < levels; k++) {
        double truncation = 0;
        for (int l = 0; l < levels; l++)
            truncation = fmax(truncation, fabs(e->value[k] - e->value[l]));
        const double error = truncation + 2 * e->noise[k];
        if (error < e->descent.error)
            e->descent = (fd_estimate){e->value[k], error, truncation, e->noise[k], 0, k};
    }
    return e->even_bad ? ROUGH : FLAT;
}

int fd_judge_stagnant(fd_entry *e, const fd_goal *goal, const fd_weights *w, int levels) {
    e->descent = fd_louder(e, w, levels);
    const fd_estimate found = fd_bent(e, e->descent);
    const double limit = fmax(fd_unconverged(goal) * fabs(found.value), NEARLY * e->enough);
    return found.error <= limit || fd_tolerated(goal, &found) ? NOISY : ROUGH;
}

static int is_flat(const fd_entry *e, int i) {
    return fabs(e->value[i - 1] - e->value[i]) <= VISIBLE * (e->noise[i - 1] + e->noise[i]);
}

/* Are the last three levels those of a series in h^power, or of one whose first terms are missing? */
static int is_asymptotic(const fd_entry *e, int power, int i) {
    double h[3];
    for (int k = 0; k < 3; k++)
        h[k] = pow(fd_level_step(0, i - 2 + k), power);
    const double ratio = (e->value[i - 2] - e->value[i - 1]) / (e->value[i - 1] - e->value[i]);
    const double leading = (h[0] - h[1]) / (h[1] - h[2]);
    return ratio > RATIO_LOW * leading && ratio < RATIO_HIGH * leading;
}

/* Judge the part of f that a central derivative does not see; true if it was seen, and is that of a smooth f. */
static int judge_parity(fd_entry *e, const fd_pattern *p, int levels, const fd_sample *now) {
    const double halving = fd_level_step(0, levels - 2) / fd_level_step(0, levels - 1);
    const int seen =
        p->order == 1 && fabs(e->even) > SIGNIFICANT * e->even_noise && fabs(now->even) > VISIBLE * now->even_noise;
    const double ratio = e->even / now->even / (halving * halving);
    const int good = seen && ratio > EVEN_LOW && ratio < EVEN_HIGH;
    e->even_bad = seen && !good;
    e->bend = e->even_bad ? now->bend : 0;
    /* One ratio may be an accident of a smooth f'', of which others are seen. */
    const int sure = p->order == 1 || is_flat(e, levels - 1);
    if (p->paired && levels > 2 && look_aside(e, p->order) && (sure || e->kinks > 1)) {
        e->bend = fmax(e->bend, e->kink);
        e->even_bad = 1;
    }
    return good;
}

/* The verdict on the first two levels. */
static int judge_two(fd_entry *e, const fd_goal *goal, const fd_pattern *p, int even_good) {
    const fd_estimate found = fd_bent(e, e->descent);
    const double larger = fmax(fabs(e->value[0]), fabs(e->value[1]));
    const int flat = is_flat(e, 1);
    if (e->even_bad && (flat || fabs(e->value[0] - e->value[1]) > 0.2 * larger))
        return ROUGH;
    if (flat && p->borrows) {
        e->flat = 1;
        return judge_flat(e, 2);
    }
    return even_good && fd_tolerated(goal, &found) ? TOLERATED : LIVE;
}

/* The verdict on a descent that converges: whether its error is small enough, or no longer falls. */
static int judge_error(fd_entry *e, const fd_goal *goal, const fd_pattern *p, const fd_weights *w, int levels) {
    const fd_estimate found = fd_bent(e, e->descent);
    const double accurate = ACCURATE * goal->epsilon * fabs(found.value);
    /* Where f(x) is next to nothing, noise falls with the steps, and with it a derivative that is 0: what the noise of
       the first level would be is enough. */
    const double enough = fmax(levels < LONG ? e->enough : NEARLY * e->enough, 2 * e->noise[0]);
    /* The next level has 2^order times the noise: below that there is nothing to gain. */
    const int limited = e->descent.truncation <= ldexp(1, p->order) * e->descent.noise;
    const int rounded = limited || found.error <= fmax(accurate, enough), met = fd_tolerated(goal, &found);
    e->confirmed = rounded || met ? e->confirmed + 1 : 0;
    if (e->confirmed >= CONFIRMED[p->power - 1]) {
        e->ended = rounded && levels == 3;
        return met && found.error > accurate ? TOLERATED : ROUNDED;
    }
    e->stalls = e->descent.error > 0.5 * e->error_before ? e->stalls + 1 : 0;
    const int stagnant = levels > 3 && (e->stalls >= STALLED[p->power - 1] || levels == FD_LEVELS);
    return stagnant ? fd_judge_stagnant(e, goal, w, levels) : LIVE;
}

/* The verdict after a level; `levels` >= 2 of them are in the entry, the last is `now`. */
static int judge(fd_entry *e, const fd_goal *goal, const fd_pattern *p, const fd_weights *w, int levels,
                 const fd_sample *now) {
    const int i = levels - 1, even_good = judge_parity(e, p, levels, now);
    if (levels == 2)
        return judge_two(e, goal, p, even_good);
    const int flat = is_flat(e, i), flat_before = is_flat(e, i - 1);
    const int asymptotic = p->borrows || is_asymptotic(e, p->power, i);
    if (levels == 3) {
        const double before = fabs(e->value[0] - e->value[1]), difference = fabs(e->value[1] - e->value[2]);
        e->flat = flat_before;
        if (flat && flat_before)
            return judge_flat(e, levels);
        if (!asymptotic && !(flat && before > difference))
            return ROUGH;
    }
    const fd_estimate found = fd_bent(e, e->descent);
    const int converging = found.error <= fd_unconverged(goal) * fabs(found.value);
    if (!converging && (e->even_bad || (levels > 3 && !asymptotic && !flat)))
        return ROUGH;
    return judge_error(e, goal, p, w, levels);
}

void fd_begin_descent(fd_entry *e) {
    e->descent = FD_NOTHING;
    e->error_before = INFINITY;
    e->stalls = 0;
    e->confirmed = 0;
    e->verdict = LIVE;
    e->flat = 0;
    e->ended = 0;
    e->even_bad = 0;
    e->bend = 0;
}

void fd_add_level(fd_entry *e, const fd_goal *goal, const fd_pattern *p, const fd_weights *w, int i,
                  const fd_sample *s) {
    e->edges |= s->edges;
    e->towering |= s->largest > TOWERING * e->size;
    if (s->edges) {
        e->verdict = BROKEN;
        return;
    }
    e->error_before = e->descent.error;
    e->value[i] = s->value;
    e->noise[i] = s->noise;
    keep_aside(e, s);
    const fd_estimate found = fd_extend(w, i, s->value, s->noise, e->row, e->row_noise);
    if (found.error < e->descent.error)
        e->descent = found;
    if (i > 0) {
        look_for_kinks(e, i, p, s, fd_level_step(0, i - 1) / fd_level_step(0, i));
        e->verdict = judge(e, goal, p, w, i + 1, s);
    }
    e->even = s->even;
    e->even_noise = s->even_noise;
}
