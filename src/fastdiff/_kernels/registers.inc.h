/* What combines whole registers of type C; included once for each type and each level of vectors, with NAME(x) to
   spell the symbols. The result replaces the first register. */

/* The square root of a sum of squares. Where a square may have lost digits or overflowed, all is divided by the largest
   component first. */
static void NAME(norm)(C *registers, const ptrdiff_t chunk, const int count, const ptrdiff_t size) {
    for (ptrdiff_t start = 0; start < size; start += FD_GROUP) {
        const ptrdiff_t length = size - start < FD_GROUP ? size - start : FD_GROUP;
        C *FD_RESTRICT first = registers + start;
        C squares[FD_GROUP];
        int odd = 0;
        for (ptrdiff_t i = 0; i < length; i++)
            squares[i] = first[i] * first[i];
        for (int k = 1; k < count; k++)
            for (ptrdiff_t i = 0; i < length; i++)
                squares[i] += first[k * chunk + i] * first[k * chunk + i];
        for (ptrdiff_t i = 0; i < length; i++)
            odd |= !(squares[i] >= SQUARE_LEAST) | !(squares[i] - squares[i] == 0);
        for (ptrdiff_t i = 0; odd && i < length; i++) {
            C most = 0, sum = 0;
            for (int k = 0; k < count; k++)
                most = ABS(first[k * chunk + i]) > most ? ABS(first[k * chunk + i]) : most;
            if (squares[i] != squares[i] || most == 0 || !(most - most == 0))
                continue; /* NaN, zero and infinity are right */
            for (int k = 0; k < count; k++)
                sum += first[k * chunk + i] / most * (first[k * chunk + i] / most);
            first[i] = most * SQRT(sum);
            squares[i] = -1;
        }
        for (ptrdiff_t i = 0; i < length; i++)
            first[i] = squares[i] == -1 ? first[i] : SQRT(squares[i]);
    }
}

/* How far two values lie apart, plus a bound of what rounding does to them. */
static void NAME(deviation)(C *registers, const ptrdiff_t chunk, const C scale, const ptrdiff_t size) {
    C *FD_RESTRICT first = registers;
    for (ptrdiff_t i = 0; i < size; i++)
        first[i] = ABS(first[i] - first[chunk + i]) + scale * first[2 * chunk + i];
}

static void NAME(combine)(const fd_step *step, void *registers, const ptrdiff_t chunk, const ptrdiff_t size) {
    if (step->operation == FD_NORM)
        NAME(norm)(registers, chunk, step->count, size);
    else
        NAME(deviation)(registers, chunk, (C)step->scale, size);
}
