/* What combines whole registers of type C; included once for each type and each level of vectors, with NAME(x) to
   spell the symbols. */

/* One norm whose squares lost digits or overflowed: all is divided by the largest component first. */
static C NAME(scaled_norm)(const C *from, const ptrdiff_t chunk, const int count) {
    C most = 0, sum = 0;
    for (int k = 0; k < count; k++)
        most = ABS(from[k * chunk]) > most ? ABS(from[k * chunk]) : most;
    for (int k = 0; k < count; k++)
        sum += from[k * chunk] / most * (from[k * chunk] / most);
    return most * SQRT(sum);
}

/* The square root of the sum of the squares of `count` registers. */
static void NAME(norm)(C *out, const C *from, const ptrdiff_t chunk, const int count, const ptrdiff_t size) {
    for (ptrdiff_t start = 0; start < size; start += FD_GROUP) {
        const ptrdiff_t length = size - start < FD_GROUP ? size - start : FD_GROUP;
        const C *first = from + start;
        C squares[FD_GROUP];
        int odd = 0;
        for (ptrdiff_t i = 0; i < length; i++)
            squares[i] = first[i] * first[i];
        for (int k = 1; k < count; k++)
            for (ptrdiff_t i = 0; i < length; i++)
                squares[i] += first[k * chunk + i] * first[k * chunk + i];
        C norms[FD_GROUP];
        for (ptrdiff_t i = 0; i < length; i++) {
            norms[i] = SQRT(squares[i]);
            odd |= !(squares[i] >= SQUARE_LEAST && squares[i] <= SQUARE_MOST);
        }
        for (ptrdiff_t i = 0; odd && i < length; i++) {
            int finite = 1, zero = 1;
            for (int k = 0; k < count; k++) {
                finite &= first[k * chunk + i] - first[k * chunk + i] == 0;
                zero &= first[k * chunk + i] == 0;
            }
            if (!(squares[i] >= SQUARE_LEAST && squares[i] <= SQUARE_MOST) && finite && !zero)
                norms[i] = NAME(scaled_norm)(first + i, chunk, count);
        }
        for (ptrdiff_t i = 0; i < length; i++)
            out[start + i] = norms[i];
    }
}

/* How far two values lie apart, and a bound of what rounding does to them. */
static void NAME(deviation)(C *FD_RESTRICT out, const C *from, const ptrdiff_t chunk, const double *scale,
                            const int add, const ptrdiff_t size) {
    const C apart = (C)scale[0], rounding = (C)scale[1];
    for (ptrdiff_t i = 0; i < size; i++) {
        const C sum = apart * ABS(from[i] - from[chunk + i]) + rounding * from[2 * chunk + i];
        out[i] = add ? out[i] + sum : sum;
    }
}

static void NAME(combine)(const fd_step *step, void *out, const void *from, const ptrdiff_t chunk,
                          const ptrdiff_t size) {
    if (step->operation == FD_NORM)
        NAME(norm)(out, from, chunk, step->count, size);
    else
        NAME(deviation)(out, from, chunk, step->scale, step->add, size);
}
