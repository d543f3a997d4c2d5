/* Sums and norms of derivatives along several axes, from the samples straight to an output past the cache, for data of
   type T calculated in T and rules without an outside; included once for each type and each level of vectors, after
   runs.inc.h. */

/* Where a step is on its way along the flat index: the rule there, and how far that holds. */
typedef struct {
    const fd_axis *axis;
    const T *f;
    ptrdiff_t at, left; /* in the line of the axis; elements before the rule changes */
    const fd_rule *rule;
    const C *weights; /* those of the row */
} NAME(track);

static void NAME(enter)(NAME(track) * track) {
    ptrdiff_t row, last;
    const ptrdiff_t inner = track->axis->inner, here = track->at / inner;
    track->rule = fd_find_rule(track->axis, here, &row, &last);
    track->weights = (const C *)track->rule->weights + row;
    track->left = last * inner - track->at;
}

static void NAME(advance)(NAME(track) * track, const ptrdiff_t count) {
    track->at += count;
    track->left -= count;
    track->f += count;
    if (track->at == track->axis->extent * track->axis->inner)
        track->at = 0;
    if (track->left == 0)
        NAME(enter)(track);
}

/* Full lines from element `from` on. The terms of all steps have one form: `central` differences, or differences from
   the element itself; of `one` input or of as many as there are steps. */
FD_INLINE const char *NAME(sum_lines)(const int norm, const int axes, const int taps, const int central, const int one,
                                      const NAME(track) * tracks, const ptrdiff_t from, const ptrdiff_t lines,
                                      T *target, const int streamed, const char *ahead) {
    const T *base[FD_SUMMED];
    ptrdiff_t plus[FD_SUMMED][FD_SUMMED_TAPS];
    C weights[FD_SUMMED][FD_SUMMED_TAPS];
    for (int a = 0; a < axes; a++) {
        base[a] = tracks[one ? 0 : a].f + from;
        for (int k = 0; k < taps; k++) {
            plus[a][k] = tracks[a].rule->plus[k];
            weights[a][k] = tracks[a].weights[k];
        }
    }
    for (ptrdiff_t i = 0; i < lines * LINE; i += LINE) {
        C line[64 / sizeof(T)], part[FD_SUMMED][64 / sizeof(T)];
        int odd = 0;
        for (ptrdiff_t j = 0; j < LINE; j++) {
            for (int a = 0; a < axes; a++) {
                const T *at = base[one ? 0 : a] + i + j;
                C sum = weights[a][0] * (C)(at[plus[a][0]] - (central ? at[-plus[a][0]] : *at));
                for (int k = 1; k < taps; k++)
                    sum += weights[a][k] * (C)(at[plus[a][k]] - (central ? at[-plus[a][k]] : *at));
                part[a][j] = sum;
            }
            C total = norm ? part[0][j] * part[0][j] : part[0][j];
            for (int a = 1; a < axes; a++)
                total += norm ? part[a][j] * part[a][j] : part[a][j];
            odd |= norm && !(total >= SQUARE_LEAST && total <= SQUARE_MOST);
            line[j] = norm ? SQRT(total) : total;
        }
        if (odd)
            CNAME(norm)(line, part[0], LINE, axes, LINE);
        if (streamed)
            STREAM_LINE(target + i, line);
        else
            memcpy(target + i, line, sizeof line);
        if (ahead) {
            FD_PREFETCH(ahead);
            ahead += 64;
        }
    }
    return ahead;
}

typedef const char *NAME(summing)(const NAME(track) * tracks, ptrdiff_t from, ptrdiff_t lines, T *target, int streamed,
                                  const char *ahead);

/* The forms that have a loop: SUM(name, norm, axes, taps, central, one). */
#define SUMS(SUM)                                                                                                      \
    SUM(curl_2, 0, 2, 1, 1, 0)                                                                                         \
    SUM(divergence_3, 0, 3, 1, 1, 0)                                                                                   \
    SUM(curl_2_4, 0, 2, 2, 1, 0)                                                                                       \
    SUM(divergence_3_4, 0, 3, 2, 1, 0)                                                                                 \
    SUM(laplacian_2, 0, 2, 2, 0, 1)                                                                                    \
    SUM(laplacian_3, 0, 3, 2, 0, 1)                                                                                    \
    SUM(laplacian_2_4, 0, 2, 4, 0, 1)                                                                                  \
    SUM(laplacian_3_4, 0, 3, 4, 0, 1)                                                                                  \
    SUM(magnitude_2, 1, 2, 1, 1, 1)                                                                                    \
    SUM(magnitude_3, 1, 3, 1, 1, 1)                                                                                    \
    SUM(magnitude_2_4, 1, 2, 2, 1, 1)                                                                                  \
    SUM(magnitude_3_4, 1, 3, 2, 1, 1)
#define DEFINE(name, norm, axes, taps, central, one)                                                                   \
    static const char *NAME(name)(const NAME(track) * tracks, ptrdiff_t from, ptrdiff_t lines, T *target,              \
                                  int streamed, const char *ahead) {                                                   \
        return NAME(sum_lines)(norm, axes, taps, central, one, tracks, from, lines, target, streamed, ahead);          \
    }
SUMS(DEFINE)
#undef DEFINE

/* The loop for the rules that hold here, or NULL. */
static NAME(summing) * NAME(find_sum)(const NAME(track) * tracks, const int count, const int norm) {
    const int taps = tracks->rule->taps;
    int central = 1, centred = 1, one = 1;
    for (int a = 0; a < count; a++) {
        const fd_rule *rule = tracks[a].rule;
        if (rule->kind != FD_DIFFERENCES || rule->taps != taps || rule->rows != 1)
            return NULL;
        one &= tracks[a].f == tracks[0].f;
        for (int k = 0; k < taps; k++) {
            central &= rule->minus[k] == -rule->plus[k];
            centred &= rule->minus[k] == 0;
        }
    }
    if (!central && !centred)
        return NULL;
#define MATCH(name, its_norm, its_axes, its_taps, its_central, its_one)                                                \
    if (norm == its_norm && count == its_axes && taps == its_taps && central == its_central && one >= its_one)         \
        return NAME(name);
    SUMS(MATCH)
#undef MATCH
#undef SUMS
    return NULL;
}

/* A run of at least a line, by full lines, as run_lines does it. */
static void NAME(sum_run)(const NAME(track) * tracks, const ptrdiff_t count, NAME(writer) * to,
                          NAME(summing) * kernel) {
    const ptrdiff_t head = NAME(missing)(to, count), lines = (count - head) / LINE, rest = (count - head) % LINE;
    if (head) {
        kernel(tracks, 0, 1, to->stage + to->fill, 0, NULL);
        NAME(flush)(to);
    }
    to->ahead = kernel(tracks, head, lines, to->line, 1, to->ahead);
    if (rest)
        kernel(tracks, count - LINE, 1, to->stage + rest - LINE, 0, NULL);
    to->line += lines * LINE;
    to->fill = rest;
}

/* Any other run, a group of elements at a time. */
static void NAME(sum_groups)(const NAME(track) * tracks, const int axes, const int norm, const ptrdiff_t flat,
                             const ptrdiff_t count, NAME(writer) * to) {
    NAME(writer) none;
    NAME(open)(&none, NULL, NULL);
    for (ptrdiff_t start = 0; start < count; start += FD_GROUP) {
        const ptrdiff_t size = count - start < FD_GROUP ? count - start : FD_GROUP;
        C parts[FD_SUMMED][FD_GROUP], total[FD_GROUP];
        for (int a = 0; a < axes; a++) {
            const fd_rule *rule = tracks[a].rule;
            const ptrdiff_t row = tracks[a].weights - (const C *)rule->weights;
            if (size == 1 && rule->taps > 0)
                parts[a][0] = NAME(element)(rule, tracks[a].f + start, tracks[a].weights);
            else
                NAME(run)(parts[a], 1, tracks[a].f + start, 1, flat + start, size, rule, row, 0, 0, &none);
        }
        if (norm)
            CNAME(norm)(total, parts[0], FD_GROUP, axes, size);
        else
            for (ptrdiff_t i = 0; i < size; i++) {
                total[i] = parts[0][i] + parts[1][i];
                for (int a = 2; a < axes; a++)
                    total[i] += parts[a][i];
            }
        for (ptrdiff_t i = 0; i < size; i++)
            NAME(put)(to, total[i]);
    }
}

static int NAME(is_simple)(const NAME(track) * tracks, const int count) {
    int simple = 1;
    for (int a = 0; a < count; a++)
        simple &= tracks[a].rule->taps > 0;
    return simple;
}

/* One element under simple rules, as at the ends of lines. */
static void NAME(sum_one)(const NAME(track) * tracks, const int count, const int norm, NAME(writer) * to) {
    C parts[FD_SUMMED], total = 0;
    for (int a = 0; a < count; a++) {
        parts[a] = NAME(element)(tracks[a].rule, tracks[a].f, tracks[a].weights);
        total = a ? total + parts[a] : parts[a];
    }
    if (norm)
        CNAME(norm)(&total, parts, 1, count, 1);
    NAME(put)(to, total);
}

/* The sum or the norm of `count` steps on the flat range [lo, hi); sources[k] is what step k has at lo. */
static void NAME(walk_sum)(const fd_step *steps, const int count, const int norm, const void *const *sources,
                           ptrdiff_t lo, const ptrdiff_t hi, void *out, const void *ahead) {
    NAME(track) tracks[FD_SUMMED];
    NAME(writer) to;
    NAME(open)(&to, out, ahead);
    for (int a = 0; a < count; a++) {
        const fd_axis *axis = &steps[a].axis;
        tracks[a].axis = axis;
        tracks[a].f = sources[a];
        tracks[a].at = lo % (axis->extent * axis->inner);
        NAME(enter)(&tracks[a]);
    }
    while (lo < hi) {
        ptrdiff_t run = hi - lo;
        for (int a = 0; a < count; a++)
            run = tracks[a].left < run ? tracks[a].left : run;
        if (run == 1 && NAME(is_simple)(tracks, count)) {
            NAME(sum_one)(tracks, count, norm, &to);
            for (int a = 0; a < count; a++)
                NAME(advance)(&tracks[a], 1);
            lo++;
            continue;
        }
        NAME(summing) *kernel = run < LINE ? NULL : NAME(find_sum)(tracks, count, norm);
        if (kernel)
            NAME(sum_run)(tracks, run, &to, kernel);
        else
            NAME(sum_groups)(tracks, count, norm, lo, run, &to);
        for (int a = 0; a < count; a++)
            NAME(advance)(&tracks[a], run);
        lo += run;
    }
    NAME(close)(&to);
}
