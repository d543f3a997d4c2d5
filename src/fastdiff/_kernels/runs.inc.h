/* The kernels for data of type T calculated in type C; included once for each pair and each level of vectors, with
   NAME(x) to spell the symbols, ABS and FMA of type C, and STREAM_LINE(out, line) to write 64 aligned bytes past the
   cache.

   A run is a stretch of outputs that one rule serves. Everything that is `const int` below is known at compile time:
   the loop is specialised by inlining. */

#define LINE ((ptrdiff_t)(64 / sizeof(T)))

FD_INLINE C NAME(term)(const int kind, const T *f, const ptrdiff_t plus, const ptrdiff_t minus, const C w) {
    if (kind == FD_SUM)
        return w * (C)f[plus];
    if (kind == FD_MAGNITUDES)
        return w * (ABS((C)f[plus]) + ABS((C)f[minus]));
    return kind == FD_QUOTIENT ? (C)(f[plus] - f[minus]) / w : w * (C)(f[plus] - f[minus]);
}

FD_INLINE C NAME(sample)(const int kind, const int taps, const T *f, const ptrdiff_t *plus, const ptrdiff_t *minus,
                         const C *w, const ptrdiff_t tap) {
    C sum = NAME(term)(kind, f, plus[0], minus[0], w[0]);
    for (int k = 1; k < taps; k++)
        sum += NAME(term)(kind, f, plus[k], minus[k], w[k * tap]);
    return sum;
}

/* `own`: every element has its own weights, those of its row. */
FD_INLINE void NAME(loop)(const int kind, const int taps, const int own, const int add, C *FD_RESTRICT out, const T *f,
                          const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row) {
    ptrdiff_t plus[FD_UNROLLED], minus[FD_UNROLLED];
    C common[FD_UNROLLED];
    const C *weights = (const C *)rule->weights + row;
    for (int k = 0; k < taps; k++) {
        plus[k] = rule->plus[k];
        minus[k] = rule->minus[k];
        common[k] = weights[k * rule->rows];
    }
    const C *w = own ? weights : common;
    const ptrdiff_t tap = own ? rule->rows : 1;
    for (ptrdiff_t i = 0; i < count; i++) {
        const C sum = NAME(sample)(kind, taps, f + i, plus, minus, w + own * i, tap);
        out[i] = add ? out[i] + sum : sum;
    }
}

/* Any number of taps, a few elements at a time: the sums stay in the first level of cache. */
FD_INLINE void NAME(loop_any)(const int kind, const int own, const int add, C *FD_RESTRICT out, const T *f,
                              const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row) {
    for (ptrdiff_t start = 0; start < count; start += FD_GROUP) {
        const ptrdiff_t size = count - start < FD_GROUP ? count - start : FD_GROUP;
        C sum[FD_GROUP];
        for (int k = 0; k < rule->taps; k++) {
            const C *w = (const C *)rule->weights + k * rule->rows + row + own * start;
            const T *at = f + start;
            const ptrdiff_t plus = rule->plus[k], minus = rule->minus[k];
            if (k == 0)
                for (ptrdiff_t i = 0; i < size; i++)
                    sum[i] = NAME(term)(kind, at + i, plus, minus, w[own * i]);
            else
                for (ptrdiff_t i = 0; i < size; i++)
                    sum[i] += NAME(term)(kind, at + i, plus, minus, w[own * i]);
        }
        for (ptrdiff_t i = 0; i < size; i++)
            out[start + i] = add ? out[start + i] + sum[i] : sum[i];
    }
}

/* Differences over one divisor d, without dividing: q = x r with r = 1/d rounded, then twice q += (x - d q) r. The
   first correction makes q faithful, after the second it is the quotient rounded (P. Markstein, IBM J. Res. Dev. 34
   (1990) 111-119, theorem 2). It needs every intermediate result to be normal; others are divided. */
FD_INLINE void NAME(divide)(C *FD_RESTRICT out, const T *f, const ptrdiff_t count, const fd_rule *rule) {
    const ptrdiff_t plus = rule->plus[0], minus = rule->minus[0];
    const C d = *(const C *)rule->weights;
#ifdef FMA
    const C r = 1 / d;
    const int usual = ABS(d) > DIVISOR_LEAST && ABS(d) < 1 / DIVISOR_LEAST;
    for (ptrdiff_t start = 0; start < count; start += FD_GROUP) {
        const ptrdiff_t end = count - start < FD_GROUP ? count : start + FD_GROUP;
        int odd = !usual;
        for (ptrdiff_t i = start; usual && i < end; i++) {
            const C x = (C)(f[i + plus] - f[i + minus]), size = ABS(x);
            const C first = x * r;
            const C second = FMA(FMA(-d, first, x), r, first);
            const C third = FMA(FMA(-d, second, x), r, second);
            out[i] = x == 0 ? first : third; /* which keeps the sign of zero */
            odd |= (size < DIVIDEND_LEAST) & (x != 0);
            odd |= !(size < 1 / DIVIDEND_LEAST);
        }
        for (ptrdiff_t i = start; odd && i < end; i++)
            out[i] = (C)(f[i + plus] - f[i + minus]) / d;
    }
#else
    for (ptrdiff_t i = 0; i < count; i++)
        out[i] = (C)(f[i + plus] - f[i + minus]) / d;
#endif
}

/* One element; `w` are the weights of its row. */
FD_INLINE C NAME(element)(const fd_rule *rule, const T *f, const C *w) {
    switch (rule->kind) {
    case FD_QUOTIENT:
        return NAME(sample)(FD_QUOTIENT, 1, f, rule->plus, rule->minus, w, 1);
    case FD_SUM:
        return NAME(sample)(FD_SUM, rule->taps, f, rule->plus, rule->minus, w, rule->rows);
    case FD_MAGNITUDES:
        return NAME(sample)(FD_MAGNITUDES, rule->taps, f, rule->plus, rule->minus, w, rule->rows);
    default:
        return NAME(sample)(FD_DIFFERENCES, rule->taps, f, rule->plus, rule->minus, w, rule->rows);
    }
}

#define LOOP(kind, taps, own)                                                                                          \
    if (add)                                                                                                           \
        NAME(loop)(kind, taps, own, 1, out, f, count, rule, row);                                                      \
    else                                                                                                               \
        NAME(loop)(kind, taps, own, 0, out, f, count, rule, row);                                                      \
    return
#define LOOP_ANY(kind)                                                                                                 \
    if (own)                                                                                                           \
        NAME(loop_any)(kind, 1, add, out, f, count, rule, row);                                                        \
    else                                                                                                               \
        NAME(loop_any)(kind, 0, add, out, f, count, rule, row);                                                        \
    return
#define CASE(taps, own)                                                                                                \
    case taps:                                                                                                         \
        LOOP(FD_DIFFERENCES, taps, own)

/* A run of neighbours in the output and in the input. */
static void NAME(run_dense)(C *out, const T *f, const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row,
                            const int own, const int add) {
    if (rule->kind == FD_QUOTIENT) {
        NAME(divide)(out, f, count, rule);
        return;
    }
    if (rule->kind == FD_SUM) {
        if (rule->taps == 3) {
            if (own) {
                LOOP(FD_SUM, 3, 1);
            }
            LOOP(FD_SUM, 3, 0);
        }
        LOOP_ANY(FD_SUM);
    }
    if (rule->kind == FD_MAGNITUDES) {
        LOOP_ANY(FD_MAGNITUDES);
    }
    if (own) {
        switch (rule->taps) {
            CASE(2, 1);
            CASE(4, 1);
            CASE(6, 1);
            CASE(8, 1);
        }
    } else {
        switch (rule->taps) {
            CASE(1, 0);
            CASE(2, 0);
            CASE(3, 0);
            CASE(4, 0);
            CASE(5, 0);
            CASE(6, 0);
            CASE(8, 0);
        }
    }
    LOOP_ANY(FD_DIFFERENCES);
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
                      const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row, const int own, const int add) {
    if (rule->taps == 0)
        for (ptrdiff_t i = 0; i < count; i++)
            out[i * out_step] = add ? out[i * out_step] : 0;
    else if (out_step == 1 && step == 1)
        NAME(run_dense)(out, f, count, rule, row, own, add);
    else
        NAME(run_strided)(out, out_step, f, step, count, rule, row, own, add);
    if (rule->outside != 0)
        for (ptrdiff_t i = 0; i < count; i++) {
            const C value = (C)rule->value[(flat + i * out_step) & 1], here = (C)f[i * step];
            out[i * out_step] +=
                (C)rule->outside * (rule->kind == FD_MAGNITUDES ? ABS(value) + ABS(here) : value - here);
        }
}

/* Differentiate the flat range [lo, hi), which lies in one row; `out` and `f` are what belongs to lo. */
static void NAME(walk_runs)(const fd_axis *axis, C *out, const T *f, const ptrdiff_t step, ptrdiff_t lo,
                            const ptrdiff_t hi, const int add) {
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
        } else {
            const int own = rule->rows > 1 && inner == 1;
            if (rule->rows > 1 && !own)
                last = here + 1;
            const ptrdiff_t left = last * inner - at;
            count = left < hi - lo ? left : hi - lo;
            NAME(run)(out, 1, f, step, lo, count, rule, row, own, add);
        }
        lo += count;
        out += count;
        f += count * step;
        at = at + count == line ? 0 : at + count;
    }
}

/* The same for lines too short for runs: position by position, across all lines that [lo, hi) touches. */
static void NAME(walk_columns)(const fd_axis *axis, C *out, const T *f, const ptrdiff_t step, const ptrdiff_t lo,
                               const ptrdiff_t hi, const int add) {
    const ptrdiff_t line = axis->extent * axis->inner;
    for (ptrdiff_t k = 0; k < line && lo + k < hi; k++) {
        ptrdiff_t row, last;
        const fd_rule *rule = fd_find_rule(axis, (lo + k) % line / axis->inner, &row, &last);
        const ptrdiff_t count = (hi - lo - k + line - 1) / line;
        NAME(run)(out + k, line, f + k * step, step * line, lo + k, count, rule, row, 0, add);
    }
}

static void NAME(walk)(const fd_axis *axis, void *out, const void *f, const ptrdiff_t step, const ptrdiff_t lo,
                       const ptrdiff_t hi, const int add) {
    if (axis->by_column)
        NAME(walk_columns)(axis, out, f, step, lo, hi, add);
    else
        NAME(walk_runs)(axis, out, f, step, lo, hi, add);
}

/* Write a register to its output, in full lines past the cache if `streamed`. */
static void NAME(emit)(void *target, const void *source, const ptrdiff_t count, const int streamed) {
    T *FD_RESTRICT out = target;
    const C *FD_RESTRICT from = source;
    ptrdiff_t i = 0;
    if (FD_STREAMS && streamed) {
        const ptrdiff_t past = (ptrdiff_t)((uintptr_t)out % 64 / sizeof(T));
        const ptrdiff_t head = past && LINE - past < count ? LINE - past : past ? count : 0;
        for (; i < head; i++)
            out[i] = (T)from[i];
        for (; i + LINE <= count; i += LINE) {
            T line[64 / sizeof(T)];
            for (ptrdiff_t j = 0; j < LINE; j++)
                line[j] = (T)from[i + j];
            STREAM_LINE(out + i, line);
        }
    }
    for (; i < count; i++)
        out[i] = (T)from[i];
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
#undef CASE
#undef LOOP_ANY
#undef LOOP
#undef LINE
