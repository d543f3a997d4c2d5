#include "calls.h"
#include "config.h"

#include <math.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#else
#include <time.h>
#endif

/* A thread takes as many rows at a time as it does in about this many seconds, and looks at the clock between. A piece
   that is too long keeps Ctrl-C waiting and leaves threads idle at the end; to take one costs some 50 ns. */
static const double PIECE_SECONDS = 20e-6;
static const ptrdiff_t PIECE_ROWS = 64;

static const ptrdiff_t CACHE_LINE = 8; /* doubles; two of them, as processors fetch lines in pairs */

/* A thread's copy of x, and the base point it holds. */
typedef struct {
    double *x;
    ptrdiff_t origin;
} copy_of_x;

/* What the threads of a call share; read and written in the critical section of `take` alone. */
typedef struct {
    ptrdiff_t next;
    ptrdiff_t failed;
    int written;
} shared;

static double now(void) {
#ifdef _OPENMP
    return omp_get_wtime();
#else
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
#endif
}

ptrdiff_t fd_scratch(ptrdiff_t n) {
    return n + 2 * CACHE_LINE;
}

/* Call f at x; return whether it succeeded. What it leaves unset in y is NaN, not what was there before. */
FD_INLINE int call(const fd_function *f, double *x, double *y) {
    switch (f->signature) {
    case FD_NUMBER:
        *y = ((double (*)(double))f->pointer)(x[0]);
        return 1;
    case FD_NUMBER_DATA:
        *y = ((double (*)(double, void *))f->pointer)(x[0], f->data);
        return 1;
    case FD_ARRAY:
        *y = ((double (*)(int, double *))f->pointer)((int)f->n, x);
        return 1;
    case FD_ARRAY_DATA:
        *y = ((double (*)(int, double *, void *))f->pointer)((int)f->n, x, f->data);
        return 1;
    default:
        for (ptrdiff_t k = 0; k < f->m; k++)
            y[k] = NAN;
        return ((int (*)(double *, intptr_t, double *, intptr_t, void *))f->pointer)(x, f->n, y, f->m, f->data) != 0;
    }
}

static const double *base_of(const fd_points *p, ptrdiff_t n, ptrdiff_t origin) {
    return p->base + origin * n;
}

/* Whether f wrote to the thread's copy since it was loaded. */
static int spoilt(const fd_points *p, ptrdiff_t n, const copy_of_x *copy) {
    return copy->origin >= 0 && memcmp(copy->x, base_of(p, n, copy->origin), (size_t)n * sizeof(double)) != 0;
}

/* Evaluate one row: set what it changes, call, restore. Return whether f succeeded. That f leaves x alone is part of
   the contract of a compiled function, and checked: wherever a coordinate is set or restored, and as a whole in the
   end. */
FD_INLINE int evaluate(const fd_function *f, const fd_points *p, ptrdiff_t row, copy_of_x *copy, double *y,
                       int *written) {
    const ptrdiff_t n = f->n;
    const ptrdiff_t origin = p->start ? p->start[row] : p->indptr ? 0 : row;
    const double *base = base_of(p, n, origin);
    const ptrdiff_t first = p->indptr ? p->indptr[row] : 0;
    const ptrdiff_t last = p->indptr ? p->indptr[row + 1] : 0;
    double *x = copy->x;
    if (copy->origin != origin) {
        *written |= spoilt(p, n, copy);
        memcpy(x, base, (size_t)n * sizeof(double));
        copy->origin = origin;
    }
    for (ptrdiff_t t = first; t < last; t++) {
        const ptrdiff_t i = p->indices[t];
        *written |= x[i] != base[i];
        x[i] = p->values[t];
    }
    const int succeeded = call(f, x, y);
    for (ptrdiff_t t = first; t < last; t++) {
        const ptrdiff_t i = p->indices[t];
        *written |= x[i] != p->values[t];
        x[i] = base[i];
    }
    return succeeded;
}

/* Report what a piece found, and take the next one; return its first row, or the number of rows where there is none. As
   pieces are taken in order, and each that is taken is finished, what is done in the end is a prefix. */
static ptrdiff_t take(shared *s, ptrdiff_t rows, ptrdiff_t piece, ptrdiff_t failed, int written, int stop) {
    ptrdiff_t first = rows;
#pragma omp critical(fastdiff_take)
    {
        if (failed >= 0 && (s->failed < 0 || failed < s->failed))
            s->failed = failed;
        s->written |= written;
        if (!stop && s->failed < 0 && !s->written && s->next < rows) {
            first = s->next;
            s->next += piece;
        }
    }
    return first;
}

/* What one thread does: take pieces until there are none, or the time is up. */
static void work(const fd_function *f, const fd_points *p, double deadline, ptrdiff_t strict, double *x, double *values,
                 shared *s) {
    copy_of_x copy = {x, -1};
    ptrdiff_t piece = 1, failed = -1, first;
    int written = 0;
    double before = now();
    while ((first = take(s, p->count, piece, failed, written, before > deadline)) < p->count) {
        const ptrdiff_t last = first + piece < p->count ? first + piece : p->count;
        for (ptrdiff_t row = first; row < last && failed < 0; row++) {
            double *y = values + row * f->m;
            if (evaluate(f, p, row, &copy, y, &written))
                continue;
            if (row < strict)
                failed = row;
            for (ptrdiff_t k = 0; k < f->m; k++)
                y[k] = NAN;
        }
        const double after = now(), took = after - before;
        if (2 * took < PIECE_SECONDS && piece < PIECE_ROWS)
            piece *= 2;
        else if (took > 2 * PIECE_SECONDS)
            piece = 1;
        before = after;
    }
    written |= spoilt(p, f->n, &copy);
    take(s, p->count, 0, failed, written, 1);
}

void fd_call(const fd_function *f, const fd_points *points, int threads, double seconds, ptrdiff_t strict,
             double *scratch, double *values, fd_progress *progress) {
    const double start = now();
    shared s = {progress->done, -1, 0};
    if (threads == 1) { /* an idle team is woken by any region, one of a single thread included */
        work(f, points, start + seconds, strict, scratch, values, &s);
    } else {
#pragma omp parallel num_threads(threads)
        {
#ifdef _OPENMP
            double *x = scratch + omp_get_thread_num() * fd_scratch(f->n);
#else
            double *x = scratch;
#endif
            work(f, points, start + seconds, strict, x, values, &s);
        }
    }
    progress->done = s.next < points->count ? s.next : points->count;
    progress->failed = s.failed;
    progress->written = s.written;
    progress->seconds = now() - start;
}
