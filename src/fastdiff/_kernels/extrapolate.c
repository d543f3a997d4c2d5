#include "extrapolate.h"
#include "config.h"

#include <float.h>
#include <math.h>

/* fastdiff.Status, as far as a ladder can tell. */
enum {
    UNSETTLED = -1,
    CONVERGED = 0,
    TOLERANCE_MET = 1,
    NOISE_LIMITED = 4,
    EXHAUSTED = 6,
    ALIASED = 7,
    NOT_SMOOTH = 8,
    NOT_FINITE = 9
};

/* What an entry makes of a descent, so far. */
enum { LIVE, ROUNDED, FLAT, NOISY, TOLERATED, ROUGH, BROKEN };

/* Steps halve from level to level but for these factors, over 256. With exact powers of two a function whose period is
   nearly a multiple of every step is sampled at the same phase on all levels, and they agree on a wrong slope. */
static const double MANTISSA[FD_LEVELS] = {256, 241, 263, 249, 259, 245, 267, 251, 257, 243, 261, 253};

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
/* An error of so many epsilon is worth larger steps, if there was nothing but noise; so is one of fewer digits for
   each further order of the derivative. */
static const double WORTH = 4096, ENDED_WORTH = 64;
/* How far up the next descent begins, and how far above the first at most; where f is probed; how far down. */
enum { UPWARDS = 8, FARTHEST = 24, PROBE = 8, STRIDE = 4, STRIDE_GROWTH = 2 };
/* An error of so many times what is enough is no reason to begin again, nor to go on after so many levels. */
static const double NEARLY = 16;
enum { LONG = 4 };
/* So many levels in a row that look like a kink are one. */
enum { KINKED = 4 };
/* So many levels in a row that do not halve the error are the end of a descent, by power: in a series in h, of which
   each level takes away less, one may be an accident. */
static const int STALLED[] = {2, 1};
/* So many levels in a row must find the error small enough, by power: in a series in h one may do so by an accident of
   its coefficients. */
static const int CONFIRMED[] = {2, 1};
/* f is larger by far where it is so many times f(x). */
static const double TOWERING = 1024;
/* So many probes that disagree are a verdict. */
enum { DOUBTS = 3 };
/* So many descents in a row that are not finite on one side only make a ladder turn to the other side. */
enum { TURNING = 3 };

static const fd_estimate NOTHING = {NAN, INFINITY, INFINITY, INFINITY, 0, 0};

double fd_level_step(int top, int level) {
    return ldexp(MANTISSA[level] / 256, top - level);
}

/* ---- the tableau */

/* Neville's scheme at h = 0: in column j of level i the neighbour has the weight 1 / ((h_(i-j) / h_i)^power - 1). */
typedef struct {
    double of[FD_LEVELS][FD_LEVELS];
} weights;

static weights neville(int power) {
    weights w = {{{0}}};
    for (int i = 1; i < FD_LEVELS; i++)
        for (int j = 1; j <= i; j++) {
            const double ratio = MANTISSA[i - j] / MANTISSA[i] * (1 << j);
            w.of[i][j] = 1 / ((power == 1 ? ratio : ratio * ratio) - 1);
        }
    return w;
}

/* Add row i to the tableau, of which `row` is the last one; return the best cell of the new row. The noise of a cell is
   what its weights make of the noise of the quotients, its truncation error half the larger difference to its
   neighbours (docs/error-model.md, eq. 4 and 5), or what its distance to the end of the row has beyond noise: two
   neighbours may agree by an accident of the series. */
static fd_estimate extend(const weights *w, int i, double value, double noise, double *row, double *row_noise) {
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
    fd_estimate best = NOTHING;
    for (int j = 1; j <= i; j++) {
        const double apart = fabs(row[j] - row[i]) - 2 * (row_noise[j] + row_noise[i]);
        const double cut = fmax(truncation[j], apart), error = cut + 2 * row_noise[j];
        if (error < best.error)
            best = (fd_estimate){row[j], error, cut, row_noise[j], 0, i};
    }
    return best;
}

/* Extrapolate a whole descent, with `louder` times the noise. */
static fd_estimate extrapolate(const weights *w, int levels, const double *value, const double *noise, double louder) {
    double row[FD_LEVELS] = {0}, row_noise[FD_LEVELS] = {0};
    fd_estimate best = NOTHING;
    for (int i = 0; i < levels; i++) {
        const fd_estimate found = extend(w, i, value[i], louder * noise[i], row, row_noise);
        if (found.error < best.error)
            best = found;
    }
    return best;
}

fd_estimate fd_extrapolate(int levels, int power, const double *value, const double *noise) {
    const weights w = neville(power);
    return extrapolate(&w, levels, value, noise, 1);
}

/* ---- a level */

/* The quotient of a level and its noise. Where the pattern is paired, the part of f that a central derivative does not
   see: the even part, and a quotient of the other parity, of second order for first derivatives and the reverse. */
typedef struct {
    double value, noise, step, largest;
    double even, even_noise;
    double bend, bend_noise; /* the even part and its noise as a change of slope at x */
    double other, other_noise;
    int edges;
} sample;

/* A value of f is off by epsilon |f| and, as x is rounded, by epsilon |x f'| (docs/error-model.md, eq. 2); the smallest
   numbers are spaced by DBL_TRUE_MIN, whatever epsilon is. `argument` is |x| / 2h. */
static sample combine(const fd_pattern *p, const double *values, ptrdiff_t outputs, double f0, double epsilon,
                      double argument, double divisor) {
    sample s = {0};
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

/* ---- an entry and its descent */

static int larger_of(int a, int b) {
    return a > b ? a : b;
}

static int near_to(double ratio, double wanted) {
    return fabs(ratio - wanted) < 0.15 * wanted;
}

/* Look at two successive levels for what a smooth f never does on all scales: an even part or a slope that falls like
   h, a slope that grows like 1/h. What is lost in noise says nothing. */
static void look_for_kinks(fd_entry *e, int i, const fd_pattern *p, const sample *now, double halving) {
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

static void keep_aside(fd_entry *e, const sample *now) {
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
static double loudness(const fd_entry *e, const weights *w, int levels) {
    double row[FD_LEVELS] = {0}, row_noise[FD_LEVELS] = {0}, before[FD_LEVELS] = {0}, before_noise[FD_LEVELS] = {0};
    const int last = levels - 1;
    double louder = 1;
    for (int i = 0; i <= last; i++) {
        for (int j = 0; j < i; j++) {
            before[j] = row[j];
            before_noise[j] = row_noise[j];
        }
        extend(w, i, e->value[i], e->noise[i], row, row_noise);
    }
    for (int j = last > 2 ? last - 1 : 1; j <= last; j++) {
        louder = fmax(louder, fabs(row[j] - row[j - 1]) / (row_noise[j] + row_noise[j - 1]));
        louder = fmax(louder, fabs(row[j] - before[j - 1]) / (row_noise[j] + before_noise[j - 1]));
    }
    return louder;
}

/* What is known of a descent, with what a kink at x may add. */
static fd_estimate bent(const fd_entry *e, fd_estimate found) {
    found.error += e->bend;
    return found;
}

/* An error above this share of the value is no convergence. */
static double unconverged(const fd_goal *goal) {
    return fmax(UNCONVERGED, WORTH * goal->epsilon);
}

static int tolerated(const fd_goal *goal, const fd_estimate *found) {
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

/* The verdict on a descent whose error no longer falls: f has more noise than was assumed, or no limit is in sight. */
static int judge_stagnant(fd_entry *e, const fd_goal *goal, const weights *w, int levels) {
    e->descent = extrapolate(w, levels, e->value, e->noise, loudness(e, w, levels));
    const fd_estimate found = bent(e, e->descent);
    const double limit = fmax(unconverged(goal) * fabs(found.value), NEARLY * e->enough);
    return found.error <= limit || tolerated(goal, &found) ? NOISY : ROUGH;
}

/* The verdict after a level; `levels` >= 2 of them are in the entry, the even part of the last in `now`. */
static int judge(fd_entry *e, const fd_goal *goal, const fd_pattern *p, const weights *w, int levels,
                 const sample *now) {
    const int i = levels - 1;
    const double halving = fd_level_step(0, i - 1) / fd_level_step(0, i);
    const double difference = e->value[i - 1] - e->value[i];
    const int flat = fabs(difference) <= VISIBLE * (e->noise[i - 1] + e->noise[i]);
    const int even_seen =
        p->order == 1 && fabs(e->even) > SIGNIFICANT * e->even_noise && fabs(now->even) > VISIBLE * now->even_noise;
    const double even_ratio = e->even / now->even / (halving * halving);
    const int even_good = even_seen && even_ratio > EVEN_LOW && even_ratio < EVEN_HIGH;
    const double larger = fmax(fabs(e->value[i - 1]), fabs(e->value[i]));
    e->even_bad = even_seen && !even_good;
    e->bend = e->even_bad ? now->bend : 0;
    /* One ratio may be an accident of a smooth f'', of which others are seen. */
    if (p->paired && levels > 2 && look_aside(e, p->order) && (p->order == 1 || flat || e->kinks > 1)) {
        e->bend = fmax(e->bend, e->kink);
        e->even_bad = 1;
    }
    const fd_estimate found = bent(e, e->descent);
    if (levels == 2) {
        if (e->even_bad && (flat || fabs(difference) > 0.2 * larger))
            return ROUGH;
        if (flat && p->borrows) {
            e->flat = 1;
            return judge_flat(e, levels);
        }
        return even_good && tolerated(goal, &found) ? TOLERATED : LIVE;
    }
    const double difference_before = e->value[i - 2] - e->value[i - 1];
    const int flat_before = fabs(difference_before) <= VISIBLE * (e->noise[i - 2] + e->noise[i - 1]);
    const double a = pow(fd_level_step(0, i - 2), p->power), b = pow(fd_level_step(0, i - 1), p->power),
                 c = pow(fd_level_step(0, i), p->power);
    const double ratio = difference_before / difference / ((a - b) / (b - c));
    const int asymptotic = p->borrows || (ratio > RATIO_LOW && ratio < RATIO_HIGH);
    const int converging = found.error <= unconverged(goal) * fabs(found.value);
    if (levels == 3) {
        e->flat = flat_before;
        if (flat && flat_before)
            return judge_flat(e, levels);
        if (!asymptotic && !(flat && fabs(difference_before) > fabs(difference)))
            return ROUGH;
    }
    if (!converging && (e->even_bad || (levels > 3 && !asymptotic && !flat)))
        return ROUGH;
    /* The next level has 2^order times the noise: below that there is nothing to gain. */
    /* Where f(x) is next to nothing, noise falls with the steps, and with it a derivative that is 0: what the noise of
       the first level would be is enough. */
    const double enough = fmax(levels < LONG ? e->enough : NEARLY * e->enough, 2 * e->noise[0]);
    const int rounded = found.error <= fmax(ACCURATE * goal->epsilon * fabs(found.value), enough) ||
                        e->descent.truncation <= ldexp(1, p->order) * e->descent.noise;
    const int met = tolerated(goal, &found);
    e->confirmed = rounded || met ? e->confirmed + 1 : 0;
    if (e->confirmed >= CONFIRMED[p->power - 1]) {
        e->ended = rounded && levels == 3;
        return met && !(found.error <= ACCURATE * goal->epsilon * fabs(found.value)) ? TOLERATED : ROUNDED;
    }
    e->stalls = e->descent.error > 0.5 * e->error_before ? e->stalls + 1 : 0;
    const int stagnant = levels > 3 && (e->stalls >= STALLED[p->power - 1] || levels == FD_LEVELS);
    return stagnant ? judge_stagnant(e, goal, w, levels) : LIVE;
}

static void begin_descent(fd_entry *e) {
    e->descent = NOTHING;
    e->error_before = INFINITY;
    e->stalls = 0;
    e->confirmed = 0;
    e->verdict = LIVE;
    e->flat = 0;
    e->ended = 0;
    e->even_bad = 0;
    e->bend = 0;
}

static void add_level(fd_entry *e, const fd_goal *goal, const fd_pattern *p, const weights *w, int i, const sample *s) {
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
    const fd_estimate found = extend(w, i, s->value, s->noise, e->row, e->row_noise);
    if (found.error < e->descent.error)
        e->descent = found;
    if (i > 0) {
        look_for_kinks(e, i, p, s, fd_level_step(0, i - 1) / fd_level_step(0, i));
        e->verdict = judge(e, goal, p, w, i + 1, s);
    }
    e->even = s->even;
    e->even_noise = s->even_noise;
}

/* ---- from descent to descent */

/* Settle an entry whose best estimate is as good as it gets. */
static void settle(fd_entry *e, const fd_goal *goal) {
    const fd_estimate *best = &e->best;
    const int asked = goal->rtol > 0 || goal->atol > 0;
    if (asked && tolerated(goal, best))
        e->status = e->verdict == TOLERATED ? TOLERANCE_MET : CONVERGED;
    else if (best->truncation == 0 && best->value == 0 && best->error <= UNCONVERGED * e->size + DBL_MIN)
        e->status = CONVERGED; /* f does not change */
    else
        e->status = asked || best->error > 1e-3 * fabs(best->value) ? NOISE_LIMITED : CONVERGED;
}

/* Has it looked like a kink or a jump on too many levels in a row? */
static int broken_smoothness(const fd_entry *e) {
    return larger_of(e->kinks, larger_of(e->jumps, e->slopes)) >= KINKED;
}

/* Settle an entry that found no convergence: with the best there is and an error that covers what is not known. */
static void give_up(fd_entry *e, const fd_goal *goal, int exhausted) {
    if (isfinite(e->best.error)) {
        settle(e, goal);
        if (exhausted && e->best.error > 1e-3 * fabs(e->best.value))
            e->status = EXHAUSTED;
        return;
    }
    e->best = e->rough;
    if (!isfinite(e->best.error)) {
        e->best.value = e->best.error = NAN;
        e->status = e->edges ? NOT_FINITE : EXHAUSTED;
    } else if (broken_smoothness(e)) {
        e->status = NOT_SMOOTH;
        if (e->jumps >= KINKED)
            e->best.error = INFINITY;
    } else
        e->status = e->doubts ? ALIASED : EXHAUSTED;
}

/* Note a descent that was not accepted; true if f has been seen to be noisy instead: every lower descent says the same
   with as much less certainty as its steps are smaller (docs/error-model.md, section 5). */
static int refuse(fd_entry *e, const weights *w, int top, int levels) {
    if (levels < 2)
        return 0;
    fd_estimate found = bent(e, extrapolate(w, levels, e->value, e->noise, loudness(e, w, levels)));
    found.top = top;
    const fd_estimate *rough = &e->rough;
    const int same = isfinite(rough->error) && rough->error < 0.5 * fabs(rough->value) &&
                     fabs(found.value - rough->value) <= found.error + rough->error && found.error >= 4 * rough->error;
    e->noisier = same ? e->noisier + 1 : 0;
    if (found.error < rough->error)
        e->rough = found;
    return e->noisier > 1;
}

static int can_turn(const fd_ladder *l) {
    return l->turns && (l->edges == 1 || l->edges == 2);
}

/* Halfway between a top with nothing but noise and one that was too high. */
static int between(const fd_entry *e) {
    const int middle = (e->flat_top + e->rough_top) / 2;
    return middle - e->flat_top < 2 || e->rough_top - middle < 1 ? FD_NO_STEP : middle;
}

static void accept(fd_entry *e, int top) {
    fd_estimate found = bent(e, e->descent);
    found.top = top;
    if (found.error < e->best.error)
        e->best = found;
}

/* The wish of an entry whose descent was accepted: a top, or FD_NO_STEP where it is settled. Larger steps have less
   noise. They are worth a try where nothing but noise was seen, and where the series of a higher derivative ended. */
static int wish_after_acceptance(fd_entry *e, fd_ladder *l, const fd_goal *goal, int order) {
    /* Is all that was seen higher up lost in noise down here? Then it was real, and may show in between. */
    const int mute = e->verdict == FLAT && (e->kinks > 0 || e->descent.error > e->rough.error);
    if (!mute)
        accept(e, l->top);
    const fd_estimate *best = &e->best;
    const int ended = e->ended && order > 1 && e->flat_top == FD_NO_STEP;
    const double worth =
        e->flat ? fmin(ldexp(WORTH * goal->epsilon, 4 * (order - 1)), 1e-2) : ENDED_WORTH * goal->epsilon;
    const int small = fabs(best->value) <= 4 * best->noise && l->top >= l->first + (order > 1);
    const int done = best->error <= worth * fabs(best->value) || tolerated(goal, best) || small ||
                     !(e->flat || ended) || e->kinks > 0;
    int wish = FD_NO_STEP;
    if (!done && !(e->flat_top != FD_NO_STEP && l->top <= e->flat_top)) {
        e->flat_top = l->top;
        wish = e->rough_top != FD_NO_STEP ? between(e) : l->top + (e->flat ? UPWARDS : UPWARDS / 2);
        if (wish > l->cap || wish > l->first + FARTHEST)
            wish = l->cap > l->top && l->cap <= l->first + FARTHEST ? l->cap : FD_NO_STEP;
    }
    /* f may be larger by far at the first step than at x: on the scale of x itself it has less noise. */
    if (!e->flat && l->other != FD_NO_STEP && !l->other_tried && best->error > UNCONVERGED * fabs(best->value))
        wish = l->other;
    if (wish != FD_NO_STEP)
        return wish;
    if (mute) {
        e->verdict = ROUGH;
        give_up(e, goal, 0);
    } else
        settle(e, goal);
    return FD_NO_STEP;
}

/* The wish of an entry whose descent was not accepted. */
static int wish_after_refusal(fd_entry *e, fd_ladder *l, const fd_goal *goal, const weights *w) {
    if (e->verdict == ROUGH && refuse(e, w, l->top, l->level)) {
        e->best = e->rough;
        settle(e, goal);
        if (e->status == CONVERGED)
            e->status = NOISE_LIMITED;
        return FD_NO_STEP;
    }
    if (e->rough_top == FD_NO_STEP || l->top < e->rough_top)
        e->rough_top = l->top;
    if (e->flat_top == FD_NO_STEP && isfinite(e->best.error)) { /* this was but a second look */
        settle(e, goal);
        return FD_NO_STEP;
    }
    int wish;
    if (e->flat_top != FD_NO_STEP)
        wish = between(e);
    else if (!l->other_tried && l->other != FD_NO_STEP && l->other < e->rough_top)
        wish = l->other;
    else
        wish = e->rough_top <= l->floor ? FD_NO_STEP : larger_of(e->rough_top - l->stride, l->floor);
    if (wish == FD_NO_STEP && e->verdict == BROKEN && can_turn(l))
        return l->floor; /* there is another side yet */
    if (wish == FD_NO_STEP)
        give_up(e, goal, 0);
    return wish;
}

/* ---- a ladder and its entries */

static void begin(fd_ladder *l, fd_entry *entries, ptrdiff_t outputs, int top) {
    l->top = top;
    l->level = 0;
    for (ptrdiff_t j = 0; j < outputs; j++)
        if (entries[j].status == UNSETTLED)
            begin_descent(&entries[j]);
}

void fd_ladders_begin(const fd_ladders *all, ptrdiff_t count) {
    for (ptrdiff_t r = 0; r < count; r++) {
        fd_ladder *l = &all->ladders[r];
        fd_entry *entries = all->entries + r * all->outputs;
        for (ptrdiff_t j = 0; j < all->outputs; j++) {
            entries[j].best = entries[j].rough = NOTHING;
            entries[j].flat_top = entries[j].rough_top = FD_NO_STEP;
            entries[j].status = UNSETTLED;
            entries[j].size = fabs(all->f0[r * all->f0_stride + j]);
            if (isfinite(all->f0[r * all->f0_stride + j]))
                l->active = 1;
            else {
                entries[j].best.value = entries[j].best.error = NAN;
                entries[j].status = NOT_FINITE;
            }
        }
        l->stride = STRIDE;
        begin(l, entries, all->outputs, l->first);
    }
}

/* What the probe of a flat descent says: a slope that differs there is one that the descent stepped over. */
static void judge_probe(fd_entry *e, const fd_ladder *l, const fd_goal *goal, const sample *s) {
    const double apart = fabs(s->value - e->best.value);
    if (s->edges || apart <= e->best.error + 8 * s->noise) {
        settle(e, goal);
        return;
    }
    e->doubts++;
    e->rough_top = l->top + PROBE;
    e->flat_top = FD_NO_STEP;
    e->rough = e->best;
    e->rough.error = fmax(apart, e->best.error);
    e->best = NOTHING;
    e->wish = l->top;
}

/* Whether f is to be probed at the other scale, of which the descent may have seen nothing: where it towers above f(x),
   and in mixed derivatives, which see no other parity. */
static int doubts_scale(const fd_entry *e, const fd_ladder *l, const fd_pattern *p) {
    const int mixed = p->order > 1 && !p->paired && !p->borrows;
    return (e->towering || mixed) && l->other != FD_NO_STEP && !l->other_tried && l->other > l->floor;
}

/* Whether an entry that has been settled is to be probed: a flat descent further down, or on the other scale. */
static int wants_probe(fd_entry *e, const fd_ladder *l, const fd_pattern *p) {
    const int flat = e->verdict == FLAT && l->top - PROBE > l->floor;
    if (e->status == UNSETTLED || e->verdict == ROUGH || !(flat || doubts_scale(e, l, p)))
        return 0;
    if (e->doubts == DOUBTS) {
        e->status = ALIASED;
        e->best.error = fmax(e->best.error, e->rough.error);
        return 0;
    }
    e->status = UNSETTLED;
    e->wish = FD_NO_STEP;
    return 1;
}

/* Let every entry say what it makes of the descent; true if one of them wants a probe. */
static int conclude(fd_ladder *l, fd_entry *entries, ptrdiff_t outputs, const fd_goal *goal, const weights *w,
                    const fd_pattern *p) {
    int probe = 0, edges = 0, before = l->edges;
    for (ptrdiff_t j = 0; j < outputs; j++)
        edges |= entries[j].status == UNSETTLED && entries[j].verdict == BROKEN ? entries[j].edges : 0;
    l->broken = edges && edges == before ? l->broken + 1 : edges != 0;
    l->edges = edges;
    for (ptrdiff_t j = 0; j < outputs; j++) {
        fd_entry *e = &entries[j];
        if (e->status != UNSETTLED)
            continue;
        if (e->verdict == LIVE) /* cut short by the last step that is left */
            e->verdict = l->level > 3 ? judge_stagnant(e, goal, w, l->level) : ROUGH;
        const int refused = e->verdict == ROUGH || e->verdict == BROKEN;
        e->wish = refused ? wish_after_refusal(e, l, goal, w) : wish_after_acceptance(e, l, goal, p->order);
        probe |= wants_probe(e, l, p);
    }
    return probe;
}

/* Begin the next descent at the highest top that an entry wishes for; none is left where all are settled. */
static void descend_again(fd_ladder *l, fd_entry *entries, ptrdiff_t outputs) {
    int top = FD_NO_STEP, rough = 0;
    for (ptrdiff_t j = 0; j < outputs; j++) {
        if (entries[j].status != UNSETTLED)
            continue;
        top = larger_of(top, entries[j].wish);
        rough |= broken_smoothness(&entries[j]);
    }
    l->active = top != FD_NO_STEP;
    if (!l->active)
        return;
    if (l->other != FD_NO_STEP && top <= l->other)
        l->other_tried = 1;
    else if (top < l->top)
        l->stride += rough ? l->stride : STRIDE_GROWTH;
    l->side = l->later;
    begin(l, entries, outputs, top);
}

/* Go to the side on which f is finite, as if nothing had been asked yet. */
static void turn(fd_ladder *l, fd_entry *entries, ptrdiff_t outputs) {
    l->side = l->later = l->edges == 1 ? FD_BACKWARD : FD_FORWARD;
    l->turns = 0;
    l->other_tried = 0;
    l->broken = 0;
    l->stride = STRIDE;
    for (ptrdiff_t j = 0; j < outputs; j++)
        entries[j].flat_top = entries[j].rough_top = FD_NO_STEP;
    begin(l, entries, outputs, l->first);
}

/* Out of levels: what is still converging is kept, and said to be exhausted. */
static void exhaust(fd_ladder *l, fd_entry *entries, ptrdiff_t outputs, const fd_goal *goal, const weights *w) {
    for (ptrdiff_t j = 0; j < outputs; j++) {
        fd_entry *e = &entries[j];
        if (e->status != UNSETTLED)
            continue;
        const int cut = e->verdict == LIVE && l->level > 2 && !isfinite(e->best.error);
        if (e->verdict == LIVE && l->level > 2)
            accept(e, l->top);
        else if (e->verdict != BROKEN)
            refuse(e, w, l->top, l->level);
        give_up(e, goal, 1);
        if (cut && !tolerated(goal, &e->best))
            e->status = EXHAUSTED;
    }
    l->active = 0;
}

static void step_down(fd_ladder *l, fd_entry *entries, ptrdiff_t outputs, const fd_goal *goal, const fd_pattern *p,
                      const weights *w) {
    int live = 0;
    for (ptrdiff_t j = 0; j < outputs; j++)
        live |= entries[j].status == UNSETTLED && entries[j].verdict == LIVE;
    if (live && l->level < FD_LEVELS && l->top - l->level > l->floor) {
        if (l->used >= goal->max_levels)
            exhaust(l, entries, outputs, goal, w);
        return;
    }
    l->probing = conclude(l, entries, outputs, goal, w, p);
    if (l->probing) {
        const int other = l->other != FD_NO_STEP && !l->other_tried && l->other > l->floor;
        l->other_tried |= other;
        l->top = other ? l->other : l->top - PROBE;
        l->level = 0;
    } else if (can_turn(l) && (l->broken >= TURNING || l->top <= l->floor))
        turn(l, entries, outputs);
    else
        descend_again(l, entries, outputs);
    if (l->active && l->used >= goal->max_levels)
        exhaust(l, entries, outputs, goal, w);
}

static void tell(const fd_ladders *all, ptrdiff_t id, const weights *w, const double *values, double divisor) {
    fd_ladder *l = &all->ladders[id];
    fd_entry *entries = all->entries + id * all->outputs;
    const fd_pattern *p = &all->patterns[l->side];
    const double *f0 = all->f0 + id * all->f0_stride;
    const double argument = l->argument / (2 * fd_level_step(l->top, l->level));
    for (ptrdiff_t j = 0; j < all->outputs; j++) {
        fd_entry *e = &entries[j];
        const int concerned = e->status == UNSETTLED && (l->probing ? e->wish == FD_NO_STEP : e->verdict == LIVE);
        if (!concerned)
            continue;
        const sample s = combine(p, values + j, all->outputs, f0[j], all->goal.epsilon, argument, divisor);
        if (l->probing)
            judge_probe(e, l, &all->goal, &s);
        else
            add_level(e, &all->goal, p, w, l->level, &s);
    }
    l->used++;
    if (l->probing) {
        l->probing = 0;
        descend_again(l, entries, all->outputs);
        if (l->active && l->used >= all->goal.max_levels)
            exhaust(l, entries, all->outputs, &all->goal, w);
        return;
    }
    l->level++;
    step_down(l, entries, all->outputs, &all->goal, p, w);
}

int fd_ladders_want(const fd_ladders *all, ptrdiff_t id, int ahead) {
    const fd_ladder *l = &all->ladders[id];
    if (!l->active)
        return 0;
    if (l->probing)
        return 1;
    int most = ahead - l->level; /* of a descent that goes on */
    most = most < all->goal.max_levels - l->used ? most : all->goal.max_levels - l->used;
    most = most < l->top - l->level - l->floor + 1 ? most : l->top - l->level - l->floor + 1;
    return larger_of(most, 1);
}

void fd_ladders_tell(const fd_ladders *all, ptrdiff_t count, const fd_asked *asked, const double *values) {
    const weights w[2] = {neville(1), neville(2)};
    for (const fd_asked *a = asked; a < asked + count; a++) {
        const fd_ladder *l = &all->ladders[a->id];
        const fd_pattern *p = &all->patterns[a->side];
        if (l->active && l->top == a->top && l->level == a->level && l->probing == a->probe && l->side == a->side)
            tell(all, a->id, &w[p->power - 1], values, a->divisor);
        values += p->points * all->outputs;
    }
}
