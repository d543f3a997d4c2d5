/* The kernels for data of type T calculated in type C; included once for each pair and each level of vectors, with
   NAME(x) to spell the symbols and STREAM_LINE(out, line) to write 64 aligned bytes past the cache.

   A run is a stretch of outputs that one rule serves. Everything that is `const int` below is known at
   compile time: the loop is specialised by inlining. */

#define LINE ((ptrdiff_t)(64 / sizeof(T)))

FD_INLINE T NAME(sample)(const int kind, const int taps, const T *f, const ptrdiff_t *plus, const ptrdiff_t *minus,
                         const C *w, const ptrdiff_t tap) {
    if (kind == FD_QUOTIENT)
        return (T)((C)(f[plus[0]] - f[minus[0]]) / w[0]);
    C sum = kind == FD_SUM ? w[0] * (C)f[plus[0]] : w[0] * (C)(f[plus[0]] - f[minus[0]]);
    for (int k = 1; k < taps; k++)
        sum += w[k * tap] * (kind == FD_SUM ? (C)f[plus[k]] : (C)(f[plus[k]] - f[minus[k]]));
    return (T)sum;
}

/* `own`: every element has its own weights, those of its row. */
FD_INLINE void NAME(loop)(const int kind, const int taps, const int own, const int streamed, T *FD_RESTRICT out,
                          const ptrdiff_t out_step, const T *f, const ptrdiff_t step, const ptrdiff_t count,
                          const fd_rule *rule, const ptrdiff_t row) {
    ptrdiff_t plus[FD_MAX_TAPS], minus[FD_MAX_TAPS];
    C common[FD_MAX_TAPS];
    const C *weights = (const C *)rule->weights + row;
    for (int k = 0; k < taps; k++) {
        plus[k] = rule->plus[k];
        minus[k] = rule->minus[k];
        common[k] = weights[k * rule->rows];
    }
    const C *w = own ? weights : common;
    const ptrdiff_t tap = own ? rule->rows : 1;
    ptrdiff_t i = 0;
    if (streamed) {
        const ptrdiff_t past = (ptrdiff_t)((uintptr_t)out % 64 / sizeof(T));
        const ptrdiff_t head = past && LINE - past < count ? LINE - past : past ? count : 0;
        for (; i < head; i++)
            out[i] = NAME(sample)(kind, taps, f + i, plus, minus, w + own * i, tap);
        for (; i + LINE <= count; i += LINE) {
            T line[64 / sizeof(T)];
            for (ptrdiff_t j = 0; j < LINE; j++)
                line[j] = NAME(sample)(kind, taps, f + i + j, plus, minus, w + own * (i + j), tap);
            STREAM_LINE(out + i, line);
        }
    }
    for (; i < count; i++)
        out[i * out_step] = NAME(sample)(kind, taps, f + i * step, plus, minus, w + own * i, tap);
}

#define SPECIALISE(kind, taps, own)                                                                                    \
    if (!unit)                                                                                                         \
        NAME(loop)(kind, taps, own, 0, out, out_step, f, step, count, rule, row);                                      \
    else if (streamed)                                                                                                 \
        NAME(loop)(kind, taps, own, FD_STREAMS, out, 1, f, 1, count, rule, row);                                       \
    else                                                                                                               \
        NAME(loop)(kind, taps, own, 0, out, 1, f, 1, count, rule, row);                                                \
    return

#define CASE(taps, own)                                                                                                \
    case taps:                                                                                                         \
        SPECIALISE(FD_DIFFERENCES, taps, own)

static void NAME(run)(T *out, ptrdiff_t out_step, const T *f, ptrdiff_t step, ptrdiff_t count, const fd_rule *rule,
                      ptrdiff_t row, int own, int streamed) {
    const int unit = out_step == 1 && step == 1;
    if (rule->kind == FD_QUOTIENT) {
        SPECIALISE(FD_QUOTIENT, 1, 0);
    }
    if (rule->kind == FD_SUM) {
        if (own) {
            SPECIALISE(FD_SUM, 3, 1);
        }
        SPECIALISE(FD_SUM, 3, 0);
    }
    if (own) {
        switch (rule->taps) {
            CASE(2, 1);
            CASE(4, 1);
            CASE(6, 1);
            CASE(8, 1);
        }
    }
    switch (rule->taps) {
        CASE(1, 0);
        CASE(2, 0);
        CASE(3, 0);
        CASE(4, 0);
        CASE(6, 0);
        CASE(8, 0);
    }
}

/* Differentiate [lo, hi), which lies in one row; `f` is the input at lo. */
static void NAME(walk_runs)(const fd_axis *axis, T *out, const T *f, ptrdiff_t step, ptrdiff_t lo, ptrdiff_t hi,
                            int streamed) {
    const ptrdiff_t inner = axis->inner, line = axis->extent * inner;
    const ptrdiff_t start = lo;
    ptrdiff_t at = lo % line;
    while (lo < hi) {
        ptrdiff_t row, last;
        const fd_rule *rule = fd_find_rule(axis, at / inner, &row, &last);
        const int own = rule->rows > 1 && inner == 1;
        if (rule->rows > 1 && !own)
            last = at / inner + 1;
        const ptrdiff_t left = last * inner - at;
        const ptrdiff_t count = left < hi - lo ? left : hi - lo;
        NAME(run)(out + lo, 1, f + (lo - start) * step, step, count, rule, row, own, streamed);
        lo += count;
        at = at + count == line ? 0 : at + count;
    }
}

/* The same for lines too short for runs: position by position, across all lines that [lo, hi) touches. */
static void NAME(walk_columns)(const fd_axis *axis, T *out, const T *f, ptrdiff_t step, ptrdiff_t lo, ptrdiff_t hi) {
    const ptrdiff_t line = axis->extent * axis->inner;
    for (ptrdiff_t k = 0; k < line && lo + k < hi; k++) {
        ptrdiff_t row, last;
        const fd_rule *rule = fd_find_rule(axis, (lo + k) % line / axis->inner, &row, &last);
        const ptrdiff_t count = (hi - lo - k + line - 1) / line;
        NAME(run)(out + lo + k, line, f + k * step, step * line, count, rule, row, 0, 0);
    }
}

static void NAME(walk)(const fd_axis *axis, void *out, const void *f, ptrdiff_t step, ptrdiff_t lo, ptrdiff_t hi,
                       int streamed) {
    if (axis->by_column)
        NAME(walk_columns)(axis, out, f, step, lo, hi);
    else
        NAME(walk_runs)(axis, out, f, step, lo, hi, streamed);
}

#undef CASE
#undef SPECIALISE
#undef LINE
