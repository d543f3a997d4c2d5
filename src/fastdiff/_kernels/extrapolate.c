#include "extrapolate.h"

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

/* An error of so many epsilon is worth larger steps, if there was nothing but noise; so is one of fewer digits for
   each further order of the derivative. */
static const double WORTH = 4096, ENDED_WORTH = 64;
/* How far up the next descent begins, and how far above the first at most; where f is probed; how far down. */
enum { UPWARDS = 8, FARTHEST = 24, PROBE = 8, STRIDE = 4, STRIDE_GROWTH = 2 };
/* So many levels in a row that look like a kink are one. */
enum { KINKED = 4 };
/* So many probes that disagree are a verdict. */
enum { DOUBTS = 3 };
/* So many descents in a row that are not finite on one side only make a ladder turn to the other side. */
enum { TURNING = 3 };

static int larger_of(int a, int b) {
    return a > b ? a : b;
}

/* ---- from descent to descent */

/* Settle an entry whose best estimate is as good as it gets. */
static void settle(fd_entry *e, const fd_goal *goal) {
    const fd_estimate *best = &e->best;
    const int asked = goal->rtol > 0 || goal->atol > 0;
    if (asked && fd_tolerated(goal, best))
        e->status = e->verdict == TOLERATED ? TOLERANCE_MET : CONVERGED;
    else if (best->value == 0 && best->error <= DBL_MIN)
        e->status = CONVERGED; /* f is 0 all around */
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
static int refuse(fd_entry *e, const fd_weights *w, int top, int levels) {
    if (levels < 2)
        return 0;
    fd_estimate found = fd_bent(e, fd_louder(e, w, levels));
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
    fd_estimate found = fd_bent(e, e->descent);
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
    const int done = best->error <= worth * fabs(best->value) || fd_tolerated(goal, best) || small ||
                     !(e->flat || ended) || e->kinks > 0;
    int wish = FD_NO_STEP;
    if (!done && !(e->flat_top != FD_NO_STEP && l->top <= e->flat_top)) {
        e->flat_top = l->top;
        wish = e->rough_top != FD_NO_STEP ? between(e) : l->top + (e->flat ? UPWARDS : UPWARDS / 2);
        if (wish > l->cap || wish > l->first + FARTHEST)
            wish = l->cap > l->top && l->cap <= l->first + FARTHEST ? l->cap : FD_NO_STEP;
    }
    /* f may be larger by far at the first step than at x: on the scale of x itself it has less noise. */
    if (!e->flat && l->other != FD_NO_STEP && !l->other_tried && best->error > fd_unconverged(goal) * fabs(best->value))
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
static int wish_after_refusal(fd_entry *e, fd_ladder *l, const fd_goal *goal, const fd_weights *w) {
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
            fd_begin_descent(&entries[j]);
}

void fd_ladders_begin(const fd_ladders *all, ptrdiff_t count) {
    for (ptrdiff_t r = 0; r < count; r++) {
        fd_ladder *l = &all->ladders[r];
        fd_entry *entries = all->entries + r * all->outputs;
        for (ptrdiff_t j = 0; j < all->outputs; j++) {
            entries[j].best = entries[j].rough = FD_NOTHING;
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
static void judge_probe(fd_entry *e, const fd_ladder *l, const fd_goal *goal, const fd_sample *s) {
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
    e->best = FD_NOTHING;
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
static int conclude(fd_ladder *l, fd_entry *entries, ptrdiff_t outputs, const fd_goal *goal, const fd_weights *w,
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
            e->verdict = l->level > 3 ? fd_judge_stagnant(e, goal, w, l->level) : ROUGH;
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
static void exhaust(fd_ladder *l, fd_entry *entries, ptrdiff_t outputs, const fd_goal *goal, const fd_weights *w) {
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
        if (cut && !fd_tolerated(goal, &e->best))
            e->status = EXHAUSTED;
    }
    l->active = 0;
}

static void step_down(fd_ladder *l, fd_entry *entries, ptrdiff_t outputs, const fd_goal *goal, const fd_pattern *p,
                      const fd_weights *w) {
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

static void tell(const fd_ladders *all, ptrdiff_t id, const fd_weights *w, const double *values, double divisor) {
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
        const fd_sample s = fd_combine(p, values + j, all->outputs, f0[j], all->goal.epsilon, argument, divisor);
        if (l->probing)
            judge_probe(e, l, &all->goal, &s);
        else
            fd_add_level(e, &all->goal, p, w, l->level, &s);
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
    const fd_weights w[2] = {fd_neville(1), fd_neville(2)};
    for (const fd_asked *a = asked; a < asked + count; a++) {
        const fd_ladder *l = &all->ladders[a->id];
        const fd_pattern *p = &all->patterns[a->side];
        if (l->active && l->top == a->top && l->level == a->level && l->probing == a->probe && l->side == a->side)
            tell(all, a->id, &w[p->power - 1], values, a->divisor);
        values += p->points * all->outputs;
    }
}
