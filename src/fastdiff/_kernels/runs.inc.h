/* The kernels for data of type T calculated in type C; included once for each pair and each level of vectors, with
   NAME(x) to spell the symbols, ABS and FMA of type C, and STREAM_LINE(out, line) to write 64 aligned bytes past the
   cache.

   A run is a stretch of outputs that one rule serves. Everything that is `const int` below is known at compile time:
   the loop is specialised by inlining. */

#define LINE ((ptrdiff_t)(64 / sizeof(T)))

/* Writes one output in order, in full lines past the cache. Where runs meet within a line it waits in the stage. */
typedef struct {
    T *line;        /* the aligned line that stage[0] belongs to */
    ptrdiff_t skip; /* elements at its start that are not ours */
    ptrdiff_t fill; /* of the stage, less than a line */
    T stage[2 * 64 / sizeof(T)];
    const char *ahead; /* what the next chunk is the first to read, fetched line by line as lines are written */
    ptrdiff_t pace;
} NAME(writer);

FD_INLINE void NAME(open)(NAME(writer) *to, T *out, const void *ahead) {
    to->ahead = ahead;
    to->pace = ahead ? 64 : 0;
    to->skip = to->fill = (ptrdiff_t)((uintptr_t)out % 64 / sizeof(T));
    to->line = out - to->skip;
}

/* Write the line in the stage, which is full. */
FD_INLINE void NAME(flush)(NAME(writer) *to) {
    if (to->skip)
        for (ptrdiff_t j = to->skip; j < LINE; j++)
            to->line[j] = to->stage[j];
    else
        STREAM_LINE(to->line, to->stage);
    to->skip = 0;
    to->line += LINE;
}

FD_INLINE void NAME(close)(NAME(writer) *to) {
    for (ptrdiff_t j = to->skip; j < to->fill; j++)
        to->line[j] = to->stage[j];
}

/* Write a run of `value`, an expression of the element i. Lines go from the registers of the CPU straight past the cache;
   those at either end of the run are computed whole, and what belongs to the stage is kept. */
#define WRITE(value)                                                                                                   \
    do {                                                                                                               \
        if (count < LINE) {                                                                                            \
            for (ptrdiff_t i = 0; i < count; i++)                                                                      \
                to->stage[to->fill + i] = (T)(value);                                                                  \
            to->fill += count;                                                                                         \
            if (to->fill >= LINE) {                                                                                    \
                NAME(flush)(to);                                                                                       \
                to->fill -= LINE;                                                                                      \
                for (ptrdiff_t j = 0; j < LINE; j++)                                                                   \
                    to->stage[j] = to->stage[LINE + j];                                                                \
            }                                                                                                          \
            break;                                                                                                     \
        }                                                                                                              \
        ptrdiff_t from = 0;                                                                                            \
        if (to->fill) {                                                                                                \
            T *end = to->stage + to->fill;                                                                             \
            for (ptrdiff_t i = 0; i < LINE; i++)                                                                       \
                end[i] = (T)(value);                                                                                   \
            from = LINE - to->fill;                                                                                    \
            NAME(flush)(to);                                                                                           \
        }                                                                                                              \
        T *target = to->line;                                                                                          \
        const char *ahead = to->ahead;                                                                                 \
        const ptrdiff_t pace = to->pace;                                                                               \
        for (; from + LINE <= count; from += LINE, target += LINE) {                                                   \
            T line[64 / sizeof(T)];                                                                                    \
            for (ptrdiff_t j = 0; j < LINE; j++) {                                                                     \
                const ptrdiff_t i = from + j;                                                                          \
                line[j] = (T)(value);                                                                                  \
            }                                                                                                          \
            STREAM_LINE(target, line);                                                                                 \
            FD_PREFETCH(ahead);                                                                                        \
            ahead += pace;                                                                                             \
        }                                                                                                              \
        to->ahead = ahead;                                                                                             \
        to->line = target;                                                                                             \
        to->fill = count - from;                                                                                       \
        if (to->fill) {                                                                                                \
            T line[2 * 64 / sizeof(T)];                                                                                \
            for (ptrdiff_t j = 0; j < LINE; j++) {                                                                     \
                const ptrdiff_t i = count - LINE + j;                                                                  \
                line[j] = (T)(value);                                                                                  \
            }                                                                                                          \
            for (ptrdiff_t j = 0; j < LINE; j++)                                                                       \
                to->stage[j] = line[LINE - to->fill + j];                                                              \
        }                                                                                                              \
    } while (0)

/* The same into a register or an output in cache, or past it if `to` is given. */
#define FILL(value)                                                                                                    \
    if (to)                                                                                                            \
        WRITE(add ? out[i] + (value) : (value));                                                                       \
    else                                                                                                               \
        for (ptrdiff_t i = 0; i < count; i++)                                                                          \
        out[i] = add ? out[i] + (value) : (value)

FD_INLINE void NAME(append)(NAME(writer) *to, const C *out, ptrdiff_t count) { WRITE(out[i]); }

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

/* `own`: every element has its own weights, those of its row. `to`: NULL, or what writes the results on. */
FD_INLINE void NAME(loop)(const int kind, const int taps, const int own, const int add, C *FD_RESTRICT out,
                          const T *f, const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row,
                          NAME(writer) *to) {
    ptrdiff_t plus[FD_UNROLLED], minus[FD_UNROLLED];
    C common[FD_UNROLLED];
    const C *weights = (const C *)rule->weights + row;
    for (int k = 0; k < taps; k++) {
        plus[k] = rule->plus[k];
        minus[k] = rule->minus[k];
        common[k] = weights[k * rule->rows];
    }
    const ptrdiff_t tap = own ? rule->rows : 1;
    FILL(NAME(sample)(kind, taps, f + i, plus, minus, own ? weights + i : common, tap));
}

/* Any number of taps, a group of elements at a time: the sums stay in the first level of cache. */
FD_INLINE void NAME(loop_any)(const int kind, const int own, const int add, C *out, const T *f, const ptrdiff_t count,
                              const fd_rule *rule, const ptrdiff_t row, NAME(writer) *to) {
    for (ptrdiff_t start = 0; start < count; start += FD_GROUP) {
        const ptrdiff_t size = count - start < FD_GROUP ? count - start : FD_GROUP;
        C sum[FD_GROUP], *FD_RESTRICT end = out + start;
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
            end[i] = add ? end[i] + sum[i] : sum[i];
    }
    if (to)
        NAME(append)(to, out, count);
}

/* Differences over one divisor d, without dividing: q = x r with r = 1/d rounded, then twice q += (x - d q) r. The
   first correction makes q faithful, after the second it is the quotient rounded (P. Markstein, IBM J. Res. Dev. 34
   (1990) 111-119, theorem 2). It needs every intermediate result to be normal; others are divided. */
#ifdef FMA
FD_INLINE C NAME(quotient)(const C x, const C d, const C r) {
    const C first = x * r;
    const C second = FMA(FMA(-d, first, x), r, first);
    const C third = FMA(FMA(-d, second, x), r, second);
    return x == 0 ? first : third; /* which keeps the sign of zero */
}
#endif

FD_INLINE void NAME(divide)(C *FD_RESTRICT out, const T *f, const ptrdiff_t count, const fd_rule *rule, NAME(writer) *to) {
    const int add = 0;
    const ptrdiff_t plus = rule->plus[0], minus = rule->minus[0];
    const C d = *(const C *)rule->weights;
#ifdef FMA
    const C r = 1 / d;
    int odd = !(ABS(d) > DIVISOR_LEAST && ABS(d) < 1 / DIVISOR_LEAST);
    for (ptrdiff_t i = 0; !odd && i < count; i += FD_GROUP) {
        const ptrdiff_t end = count - i < FD_GROUP ? count : i + FD_GROUP;
        for (ptrdiff_t j = i; j < end; j++) {
            const C x = (C)(f[j + plus] - f[j + minus]);
            odd |= (ABS(x) < DIVIDEND_LEAST) & (x != 0);
            odd |= !(ABS(x) < 1 / DIVIDEND_LEAST);
        }
    }
    if (!odd) {
        FILL(NAME(quotient)((C)(f[i + plus] - f[i + minus]), d, r));
        return;
    }
#endif
    FILL((C)(f[i + plus] - f[i + minus]) / d);
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
        NAME(loop)(kind, taps, own, 1, out, f, count, rule, row, to);                                                      \
    else                                                                                                               \
        NAME(loop)(kind, taps, own, 0, out, f, count, rule, row, to);                                                      \
    return
#define LOOP_ANY(kind)                                                                                                 \
    if (own)                                                                                                           \
        NAME(loop_any)(kind, 1, add, out, f, count, rule, row, to);                                                      \
    else                                                                                                               \
        NAME(loop_any)(kind, 0, add, out, f, count, rule, row, to);                                                      \
    return
#define CASE(taps, own)                                                                                                \
    case taps:                                                                                                         \
        LOOP(FD_DIFFERENCES, taps, own)

/* A run of neighbours in the output and in the input. */
static void NAME(run_dense)(C *out, const T *f, const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row,
                            const int own, const int add, NAME(writer) *to) {
    if (rule->kind == FD_QUOTIENT) {
        NAME(divide)(out, f, count, rule, to);
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
                      const ptrdiff_t count, const fd_rule *rule, const ptrdiff_t row, const int own, const int add,
                      NAME(writer) *to) {
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
    if (to)
        NAME(append)(to, out, count);
}

/* Differentiate the flat range [lo, hi), which lies in one row; `out` and `f` are what belongs to lo. */
static void NAME(walk_runs)(const fd_axis *axis, C *out, const T *f, const ptrdiff_t step, ptrdiff_t lo,
                            const ptrdiff_t hi, const int add, NAME(writer) *to) {
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
            if (to)
                NAME(append)(to, out, 1);
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
                               const ptrdiff_t hi, const int add) {
    const ptrdiff_t line = axis->extent * axis->inner;
    for (ptrdiff_t k = 0; k < line && lo + k < hi; k++) {
        ptrdiff_t row, last;
        const fd_rule *rule = fd_find_rule(axis, (lo + k) % line / axis->inner, &row, &last);
        const ptrdiff_t count = (hi - lo - k + line - 1) / line;
        NAME(run)(out + k, line, f + k * step, step * line, lo + k, count, rule, row, 0, add, NULL);
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
    if (axis->by_column) {
        NAME(walk_columns)(axis, slot, f, step, lo, hi, add);
        if (streamed)
            NAME(emit)(streamed, slot, hi - lo, 1);
    } else if (streamed) {
        NAME(writer) to;
        NAME(open)(&to, streamed, ahead);
        NAME(walk_runs)(axis, slot, f, step, lo, hi, add, &to);
        NAME(close)(&to);
    } else
        NAME(walk_runs)(axis, slot, f, step, lo, hi, add, NULL);
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
#undef FILL
#undef WRITE
#undef LINE
