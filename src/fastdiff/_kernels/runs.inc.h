/* The kernels for data of type T calculated in type C; included once for each pair and each level of vectors, with
   NAME(x) to spell the symbols, ABS and FMA of type C, and STREAM_LINE(out, line) to write 64 aligned bytes past the
   cache.

   A run is a stretch of outputs that one rule serves. Everything that is `const int` below is known at compile time:
   the loop is specialised by inlining. */

/* Where runs go in order: to an output, in full lines past the cache, or to a register. Where runs meet within a line
   it waits in the stage. */
typedef struct {
    int streamed;                       /* to an output */
    T *line;                            /* the aligned line that stage[0] belongs to */
    ptrdiff_t skip;                     /* elements at its start that are not ours */
    ptrdiff_t fill;                     /* of the stage, less than a line */
    T room[3 * 64 / sizeof(T)], *stage; /* in the middle of the room: full lines reach beyond either end */
    const char *ahead;                  /* NULL, or what the next chunk is the first to read: fetched line by line */
} NAME(writer);

FD_INLINE void NAME(open)(NAME(writer) * to, T *out, const void *ahead) {
    to->streamed = out != NULL;
    to->stage = to->room + LINE;
    to->ahead = ahead;
    to->skip = to->fill = (ptrdiff_t)((uintptr_t)out % 64 / sizeof(T));
    to->line = out ? out - to->skip : NULL;
}

/* Write the line in the stage, which is full. */
FD_INLINE void NAME(flush)(NAME(writer) * to) {
    if (to->skip)
        for (ptrdiff_t j = to->skip; j < LINE; j++)
            to->line[j] = to->stage[j];
    else
        STREAM_LINE(to->line, to->stage);
    to->skip = to->fill = 0;
    to->line += LINE;
}

FD_INLINE void NAME(put)(NAME(writer) * to, const C value) {
    to->stage[to->fill++] = (T)value;
    if (to->fill == LINE)
        NAME(flush)(to);
}

FD_INLINE void NAME(close)(NAME(writer) * to) {
    for (ptrdiff_t j = to->skip; j < to->fill; j++)
        to->line[j] = to->stage[j];
}

/* Elements that complete the line in the stage, of `count` that follow. */
FD_INLINE ptrdiff_t NAME(missing)(const NAME(writer) * to, const ptrdiff_t count) {
    const ptrdiff_t missing = to->fill ? LINE - to->fill : 0;
    return missing < count ? missing : count;
}

static void NAME(append)(NAME(writer) * to, const C *out, const ptrdiff_t count) {
    ptrdiff_t i = 0;
    for (const ptrdiff_t head = NAME(missing)(to, count); i < head; i++)
        NAME(put)(to, out[i]);
    for (; i + LINE <= count; i += LINE, to->line += LINE) {
        T line[64 / sizeof(T)];
        for (ptrdiff_t j = 0; j < LINE; j++)
            line[j] = (T)out[i + j];
        STREAM_LINE(to->line, line);
    }
    for (; i < count; i++)
        NAME(put)(to, out[i]);
}

/* Differences over one divisor d, without dividing: q = x r with r = 1/d rounded, then twice q += (x - d q) r. The
   first correction makes q faithful, after the second it is the quotient rounded (P. Markstein, IBM J. Res. Dev. 34
   (1990) 111-119, theorem 2). It needs every intermediate result to be normal; others are divided. */
FD_INLINE C NAME(quotient)(const C x, const C d) {
#ifdef FMA
    const C r = 1 / d;
    const C first = x * r;
    const C second = FMA(FMA(-d, first, x), r, first);
    const C third = FMA(FMA(-d, second, x), r, second);
    return x == 0 ? first : third; /* which keeps the sign of zero */
#else
    return x / d;
#endif
}

/* Whether a run can be divided so. */
static int NAME(is_normal)(const T *f, const ptrdiff_t count, const fd_rule *rule) {
    const ptrdiff_t plus = rule->plus[0], minus = rule->minus[0];
    const C d = *(const C *)rule->weights;
    int odd = !(ABS(d) > DIVISOR_LEAST && ABS(d) < 1 / DIVISOR_LEAST);
    for (ptrdiff_t i = 0; i < count; i++) {
        const C x = (C)(f[i + plus] - f[i + minus]);
        odd |= (ABS(x) < DIVIDEND_LEAST) & (x != 0);
        odd |= !(ABS(x) < 1 / DIVIDEND_LEAST);
    }
    return !odd;
}

FD_INLINE C NAME(term)(const int kind, const T *f, const ptrdiff_t plus, const ptrdiff_t minus, const C w) {
    if (kind == FD_SUM)
        return w * (C)f[plus];
    if (kind == FD_MAGNITUDES)
        return w * (ABS((C)f[plus]) + ABS((C)f[minus]));
    if (kind == FD_RECIPROCAL)
        return NAME(quotient)((C)(f[plus] - f[minus]), w);
    return kind == FD_QUOTIENT ? (C)(f[plus] - f[minus]) / w : w * (C)(f[plus] - f[minus]);
}

FD_INLINE C NAME(sample)(const int kind, const int taps, const T *f, const ptrdiff_t *plus, const ptrdiff_t *minus,
                         const C *w, const ptrdiff_t tap) {
    C sum = NAME(term)(kind, f, plus[0], minus[0], w[0]);
    for (int k = 1; k < taps; k++)
        sum += NAME(term)(kind, f, plus[k], minus[k], w[k * tap]);
    return sum;
}

/* Full lines of a run, from the registers of the CPU to `target`. `own`: every element has its own weights, those of
   its row. `streamed`: the target is past the cache, otherwise it is in a register. Returns what is next to be fetched.
 */
FD_INLINE const char *NAME(lines)(const int kind, const int taps, const int own, const int add, const C *out,
                                  const T *f, const ptrdiff_t lines, const fd_rule *rule, const ptrdiff_t row,
                                  T *target, const int streamed, const char *ahead) {
    ptrdiff_t plus[FD_UNROLLED], minus[FD_UNROLLED];
    C common[FD_UNROLLED];
    const C *weights = (const C *)rule->weights + row;
    for (int k = 0; k < taps; k++) {
        plus[k] = rule->plus[k];
        minus[k] = rule->minus[k];
        common[k] = weights[k * rule->rows];
    }
    const ptrdiff_t tap = own ? rule->rows : 1;
    for (ptrdiff_t i = 0; i < lines * LINE; i += LINE) {
        T line[64 / sizeof(T)];
        for (ptrdiff_t j = 0; j < LINE; j++) { /* known to end after a line, even if integers wrap around */
            const C sum = NAME(sample)(kind, taps, f + i + j, plus, minus, own ? weights + i + j : common, tap);
            line[j] = (T)(add ? out[i + j] + sum : sum);
        }
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

/* The sums of a group of elements, any number of taps. */
FD_INLINE void NAME(group)(const int kind, const int own, C *FD_RESTRICT sum, const T *f, const ptrdiff_t size,
                           const fd_rule *rule, const ptrdiff_t row) {
    for (int k = 0; k < rule->taps; k++) {
        const C *w = (const C *)rule->weights + k * rule->rows + row;
        const ptrdiff_t plus = rule->plus[k], minus = rule->minus[k];
        if (k == 0)
            for (ptrdiff_t i = 0; i < size; i++)
                sum[i] = NAME(term)(kind, f + i, plus, minus, w[own * i]);
        else
            for (ptrdiff_t i = 0; i < size; i++)
                sum[i] += NAME(term)(kind, f + i, plus, minus, w[own * i]);
    }
}

/* A run under any rule, a group of elements at a time: the sums stay in the first level of cache. */
static void NAME(run_groups)(C *out, const T *f, const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row,
                             const int own, const int add, NAME(writer) * to) {
    for (ptrdiff_t start = 0; start < count; start += FD_GROUP) {
        const ptrdiff_t size = count - start < FD_GROUP ? count - start : FD_GROUP, first = row + own * start;
        const T *at = f + start;
        C sum[FD_GROUP], *FD_RESTRICT target = out + start;
        if (rule->kind == FD_QUOTIENT)
            NAME(group)(FD_QUOTIENT, 0, sum, at, size, rule, first);
        else if (rule->kind == FD_MAGNITUDES)
            NAME(group)(FD_MAGNITUDES, own, sum, at, size, rule, first);
        else if (rule->kind == FD_SUM)
            NAME(group)(FD_SUM, own, sum, at, size, rule, first);
        else
            NAME(group)(FD_DIFFERENCES, own, sum, at, size, rule, first);
        if (to->streamed)
            for (ptrdiff_t i = 0; i < size; i++)
                NAME(put)(to, add ? target[i] + sum[i] : sum[i]);
        else
            for (ptrdiff_t i = 0; i < size; i++)
                target[i] = add ? target[i] + sum[i] : sum[i];
    }
}

/* One element; `w` are the weights of its row. */
FD_INLINE C NAME(element)(const fd_rule *rule, const T *f, const C *w) {
#define ELEMENT(kind, taps) return NAME(sample)(kind, taps, f, rule->plus, rule->minus, w, rule->rows)
    switch (rule->kind) {
    case FD_QUOTIENT:
        ELEMENT(FD_QUOTIENT, 1);
    case FD_SUM:
        ELEMENT(FD_SUM, rule->taps);
    case FD_MAGNITUDES:
        ELEMENT(FD_MAGNITUDES, rule->taps);
    }
    switch (rule->taps) { /* unrolled, as the compiler would gather the samples of a few taps into vectors */
    case 2:
        ELEMENT(FD_DIFFERENCES, 2);
    case 3:
        ELEMENT(FD_DIFFERENCES, 3);
    case 4:
        ELEMENT(FD_DIFFERENCES, 4);
    case 6:
        ELEMENT(FD_DIFFERENCES, 6);
    case 8:
        ELEMENT(FD_DIFFERENCES, 8);
    }
    ELEMENT(FD_DIFFERENCES, rule->taps);
#undef ELEMENT
}

typedef const char *NAME(kernel)(const C *out, const T *f, ptrdiff_t count, const fd_rule *rule, ptrdiff_t row,
                                 T *target, int streamed, const char *ahead);

#ifndef MIXED
/* The loops that are worth their own code: KERNEL(name, kind, taps, own). */
#define KERNELS(KERNEL)                                                                                                \
    KERNEL(quotient, FD_RECIPROCAL, 1, 0)                                                                              \
    KERNEL(sum3, FD_SUM, 3, 0)                                                                                         \
    KERNEL(own_sum3, FD_SUM, 3, 1)                                                                                     \
    KERNEL(own2, FD_DIFFERENCES, 2, 1)                                                                                 \
    KERNEL(own4, FD_DIFFERENCES, 4, 1)                                                                                 \
    KERNEL(own6, FD_DIFFERENCES, 6, 1)                                                                                 \
    KERNEL(own8, FD_DIFFERENCES, 8, 1)                                                                                 \
    KERNEL(one, FD_DIFFERENCES, 1, 0)                                                                                  \
    KERNEL(two, FD_DIFFERENCES, 2, 0)                                                                                  \
    KERNEL(three, FD_DIFFERENCES, 3, 0)                                                                                \
    KERNEL(four, FD_DIFFERENCES, 4, 0)                                                                                 \
    KERNEL(five, FD_DIFFERENCES, 5, 0)                                                                                 \
    KERNEL(six, FD_DIFFERENCES, 6, 0)                                                                                  \
    KERNEL(eight, FD_DIFFERENCES, 8, 0)
#define DEFINE(name, kind, taps, own)                                                                                  \
    static const char *NAME(put_##name)(const C *out, const T *f, ptrdiff_t count, const fd_rule *rule, ptrdiff_t row, \
                                        T *target, int streamed, const char *ahead) {                                  \
        return NAME(lines)(kind, taps, own, 0, out, f, count, rule, row, target, streamed, ahead);                     \
    }                                                                                                                  \
    static const char *NAME(add_##name)(const C *out, const T *f, ptrdiff_t count, const fd_rule *rule, ptrdiff_t row, \
                                        T *target, int streamed, const char *ahead) {                                  \
        return NAME(lines)(kind, taps, own, 1, out, f, count, rule, row, target, streamed, ahead);                     \
    }
KERNELS(DEFINE)
#endif

/* The loop over full lines for a rule, or NULL. */
static NAME(kernel) * NAME(find)(const int kind, const int taps, const int own, const int add) {
#ifndef MIXED
#define MATCH(name, its_kind, its_taps, its_own)                                                                       \
    if (kind == its_kind && taps == its_taps && own == its_own)                                                        \
        return add ? NAME(add_##name) : NAME(put_##name);
    KERNELS(MATCH)
#undef MATCH
#undef DEFINE
#undef KERNELS
#endif
    return NULL;
}

/* A run of at least a line, by full lines: what lies in the lines at its ends is computed with its neighbours. */
static void NAME(run_lines)(C *out, const T *f, const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row,
                            const int own, NAME(writer) * to, NAME(kernel) * kernel) {
    const ptrdiff_t head = to->streamed ? NAME(missing)(to, count) : 0;
    const ptrdiff_t lines = (count - head) / LINE, end = count - LINE, rest = (count - head) % LINE;
    if (head) {
        kernel(out, f, 1, rule, row, to->stage + to->fill, 0, NULL);
        NAME(flush)(to);
    }
    T *target = to->streamed ? to->line : (T *)out;
    to->ahead = kernel(out + head, f + head, lines, rule, row + own * head, target, to->streamed, to->ahead);
    if (rest)
        kernel(out + end, f + end, 1, rule, row + own * end, to->stage + rest - LINE, 0, NULL);
    if (to->streamed) {
        to->line += lines * LINE;
        to->fill = rest;
    } else
        for (ptrdiff_t i = 0; i < rest; i++)
            out[count - rest + i] = (C)to->stage[i];
}

static void NAME(run_piece)(C *out, const T *f, const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row,
                            const int own, const int add, NAME(writer) * to, NAME(kernel) * kernel) {
    if (kernel && count >= LINE)
        NAME(run_lines)(out, f, count, rule, row, own, to, kernel);
    else
        NAME(run_groups)(out, f, count, rule, row, own, add, to);
}

/* A run of neighbours in the output and in the input. */
static void NAME(run_dense)(C *out, const T *f, const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row,
                            const int own, const int add, NAME(writer) * to) {
    if (rule->kind != FD_QUOTIENT) {
        NAME(run_piece)(out, f, count, rule, row, own, add, to, NAME(find)(rule->kind, rule->taps, own, add));
        return;
    }
    NAME(kernel) *kernel = NAME(find)(FD_RECIPROCAL, 1, 0, add);
    for (ptrdiff_t start = 0, size; start < count; start += size) {
        size = count - start < FD_DIVIDED ? count - start : FD_DIVIDED;
        NAME(kernel) *fit = NAME(is_normal)(f + start, size, rule) ? kernel : NULL;
        NAME(run_piece)(out + start, f + start, size, rule, row, 0, add, to, fit);
    }
}

#define STRIDED(kind, taps)                                                                                            \
    for (ptrdiff_t i = 0; i < count; i++) {                                                                            \
        const C sum = NAME(sample)(kind, taps, f + i * step, rule->plus, rule->minus, w + own * i, rule->rows);        \
        C *to = out + i * out_step;                                                                                    \
        *to = add ? *to + sum : sum;                                                                                   \
    }                                                                                                                  \
    return

/* A run with gaps between neighbours. */
static void NAME(run_strided)(C *out, const ptrdiff_t out_step, const T *f, const ptrdiff_t step, const ptrdiff_t count,
                              const fd_rule *rule, const ptrdiff_t row, const int own, const int add) {
    const C *w = (const C *)rule->weights + row;
    switch (rule->kind) {
    case FD_QUOTIENT:
        STRIDED(FD_QUOTIENT, 1);
    case FD_SUM:
        STRIDED(FD_SUM, rule->taps);
    case FD_MAGNITUDES:
        STRIDED(FD_MAGNITUDES, rule->taps);
    }
    if (rule->taps == 1) {
        STRIDED(FD_DIFFERENCES, 1);
    }
    if (rule->taps == 2) {
        STRIDED(FD_DIFFERENCES, 2);
    }
    STRIDED(FD_DIFFERENCES, rule->taps);
}

static void NAME(run)(C *out, const ptrdiff_t out_step, const T *f, const ptrdiff_t step, const ptrdiff_t flat,
                      const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row, const int own, const int add,
                      NAME(writer) * to) {
    if (rule->taps > 0 && out_step == 1 && step == 1 && rule->outside == 0) {
        NAME(run_dense)(out, f, count, rule, row, own, add, to);
        return;
    }
    if (rule->taps == 0)
        for (ptrdiff_t i = 0; i < count; i++)
            out[i * out_step] = add ? out[i * out_step] : 0;
    else
        NAME(run_strided)(out, out_step, f, step, count, rule, row, own, add);
    if (rule->outside != 0)
        for (ptrdiff_t i = 0; i < count; i++) {
            const C value = (C)rule->value[(flat + i * out_step) & 1], here = (C)f[i * step];
            out[i * out_step] +=
                (C)rule->outside * (rule->kind == FD_MAGNITUDES ? ABS(value) + ABS(here) : value - here);
        }
    if (to->streamed)
        NAME(append)(to, out, count);
}

/* Differentiate the flat range [lo, hi), which lies in one row; `out` and `f` are what belongs to lo. */
static void NAME(walk_runs)(const fd_axis *axis, C *out, const T *f, const ptrdiff_t step, ptrdiff_t lo,
                            const ptrdiff_t hi, const int add, NAME(writer) * to) {
    const ptrdiff_t inner = axis->inner, line = axis->extent * inner;
    ptrdiff_t at = lo % line;
    while (lo < hi) {
        ptrdiff_t row, last;
        const ptrdiff_t here = inner == 1 ? at : at / inner;
        const fd_rule *rule = fd_find_rule(axis, here, &row, &last);
        ptrdiff_t count = 1;
        if (inner == 1 && last == here + 1 && rule->taps > 0 && rule->outside == 0) {
            const C sum = NAME(element)(rule, f, (const C *)rule->weights + row);
            *out = add ? *out + sum : sum;
            if (to->streamed)
                NAME(put)(to, *out);
        } else {
            const int own = rule->rows > 1 && inner == 1;
            if (rule->rows > 1 && !own)
                last = here + 1;
            const ptrdiff_t left = last * inner - at;
            count = left < hi - lo ? left : hi - lo;
            NAME(run)(out, 1, f, step, lo, count, rule, row, own, add, to);
        }
        lo += count;
        out += count;
        f += count * step;
        at = at + count == line ? 0 : at + count;
    }
}

/* The same for lines too short for runs: position by position, across all lines that [lo, hi) touches. */
static void NAME(walk_columns)(const fd_axis *axis, C *out, const T *f, const ptrdiff_t step, const ptrdiff_t lo,
                               const ptrdiff_t hi, const int add, NAME(writer) * to) {
    const ptrdiff_t line = axis->extent * axis->inner;
    for (ptrdiff_t k = 0; k < line && lo + k < hi; k++) {
        ptrdiff_t row, last;
        const fd_rule *rule = fd_find_rule(axis, (lo + k) % line / axis->inner, &row, &last);
        const ptrdiff_t count = (hi - lo - k + line - 1) / line;
        NAME(run)(out + k, line, f + k * step, step * line, lo + k, count, rule, row, 0, add, to);
    }
}

/* Write a register to its output. */
static void NAME(emit)(void *out, const void *from, const ptrdiff_t count, const int streamed) {
    if (FD_STREAMS && streamed) {
        NAME(writer) to;
        NAME(open)(&to, out, NULL);
        NAME(append)(&to, from, count);
        NAME(close)(&to);
    } else {
        T *FD_RESTRICT target = out;
        for (ptrdiff_t i = 0; i < count; i++)
            target[i] = (T)((const C *)from)[i];
    }
}

/* Differentiate into a register, and on to an output past the cache if there is one. */
static void NAME(walk)(const fd_axis *axis, void *slot, const void *f, const ptrdiff_t step, const ptrdiff_t lo,
                       const ptrdiff_t hi, const int add, void *streamed, const void *ahead) {
    NAME(writer) to;
    if (axis->by_column) {
        NAME(open)(&to, NULL, NULL);
        NAME(walk_columns)(axis, slot, f, step, lo, hi, add, &to);
        if (streamed)
            NAME(emit)(streamed, slot, hi - lo, 1);
    } else {
        NAME(open)(&to, streamed, ahead);
        NAME(walk_runs)(axis, slot, f, step, lo, hi, add, &to);
        if (streamed)
            NAME(close)(&to);
    }
}

/* FD_BANDS runs at a distance of `pitch`, neighbours along the axis: a sample is loaded once for all that need it. */
FD_INLINE void NAME(bands)(const int taps, T *out, const T *f, const ptrdiff_t count, const ptrdiff_t pitch,
                           const C *weights) {
    C common[FD_BANDED];
    for (int k = 0; k < taps; k++)
        common[k] = weights[k];
    for (ptrdiff_t i = 0; i < count; i += LINE) {
        T line[FD_BANDS][64 / sizeof(T)];
        for (ptrdiff_t j = 0; j < LINE; j++) {
            T at[FD_BANDS + 2 * FD_BANDED];
            for (int k = 0; k < FD_BANDS + 2 * taps; k++)
                at[k] = f[i + j + (k - taps) * pitch];
            for (int b = 0; b < FD_BANDS; b++) {
                const T *here = at + taps + b;
                C sum = common[0] * (C)(here[1] - here[-1]);
                for (int k = 1; k < taps; k++)
                    sum += common[k] * (C)(here[k + 1] - here[-k - 1]);
                line[b][j] = (T)sum;
            }
        }
        for (int b = 0; b < FD_BANDS; b++)
            STREAM_LINE(out + i + b * pitch, line[b]);
    }
}

static int NAME(is_central)(const fd_rule *rule, const ptrdiff_t pitch) {
    int central = rule->kind == FD_DIFFERENCES && rule->rows == 1 && rule->outside == 0;
    for (int k = 0; k < rule->taps; k++)
        central &= rule->plus[k] == (k + 1) * pitch && rule->minus[k] == -rule->plus[k];
    return central;
}

/* Differentiate FD_BANDS flat ranges of `size` from lo on, at a distance of `pitch`, past the cache. Returns whether
   that was possible: where all is interior, central and whole lines. */
static int NAME(walk_bands)(const fd_axis *axis, void *out, const void *f, const ptrdiff_t lo, const ptrdiff_t size,
                            const ptrdiff_t pitch) {
    const ptrdiff_t line = axis->extent * axis->inner, at = lo % line, end = at + (FD_BANDS - 1) * pitch + size;
    const fd_rule *rule = axis->rules + axis->low;
    if (axis->inner != pitch || at < axis->low * pitch || end > line - axis->high * pitch)
        return 0;
    if ((uintptr_t)out % 64 || size % LINE || pitch % LINE || !NAME(is_central)(rule, pitch))
        return 0;
    switch (rule->taps) {
#define BANDS(taps)                                                                                                    \
    case taps:                                                                                                         \
        NAME(bands)(taps, out, f, size, pitch, rule->weights);                                                         \
        return 1
        BANDS(1);
        BANDS(2);
        BANDS(3);
        BANDS(4);
#undef BANDS
    }
    return 0;
}

/* Whether a sample is not finite: x - x is 0 for all others. */
static int NAME(gap)(const void *source, const ptrdiff_t step, const ptrdiff_t count) {
    const T *f = source;
    int found = 0;
    if (step == 1)
        for (ptrdiff_t i = 0; i < count; i++)
            found |= !(f[i] - f[i] == 0);
    else
        for (ptrdiff_t i = 0; i < count; i++)
            found |= !(f[i * step] - f[i * step] == 0);
    return found;
}

#undef STRIDED
