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
static const ptrdiff_t PIECE_ROWS = 16;

static const ptrdiff_t CACHE_LINE = 8; /* doubles; two of them, as processors fetch lines in pairs */

/* Outputs beyond m, which an f of another idea of m may write: enough for most mistakes to do no harm. */
static const ptrdiff_t GUARD = 64;

/* What an output is before f sets it: a NaN that no arithmetic makes. */
static const uint64_t UNSET = 0x7ff8fd1ffd1ffd1f;

/* A thread's own: a copy of x, the base point that it holds, and outputs. */
typedef struct {
    double *x;
    ptrdiff_t origin;
    double *y;
} desk;

/* What the threads of a call share; read and written in the critical section of `take` alone. */
typedef struct {
    ptrdiff_t next;
    ptrdiff_t failed;
    int fault;
    int wrote;
} shared;

/* What a thread found in a piece. */
typedef struct {
    ptrdiff_t failed;
    int fault;
    int wrote;
} finding;

static double now(void) {
#ifdef _OPENMP
    return omp_get_wtime();
#else
    struct timespec t;
    timespec_get(&t, TIME_UTC);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
#endif
}

ptrdiff_t fd_scratch(const fd_function *f) {
    return f->n + f->m + GUARD + 2 * CACHE_LINE;
}

static int unset(const double *y) {
    return memcmp(y, &UNSET, sizeof UNSET) == 0;
}

/* Call an f that sets its outputs itself, at x; those are checked, as its m may be another one. */
static int call_vector(const fd_function *f, double *x, double *y) {
    for (ptrdiff_t k = 0; k <= f->m; k++)
        memcpy(y + k, &UNSET, sizeof UNSET);
    if (!((int (*)(double *, intptr_t, double *, intptr_t, void *))f->pointer)(x, f->n, y, f->m, f->data))
        return FD_FAILED;
    for (ptrdiff_t k = 0; k < f->m; k++)
        if (unset(y + k))
            return FD_UNSET;
    return unset(y + f->m) ? FD_NONE : FD_BEYOND;
}

FD_INLINE int call(const fd_function *f, double *x, double *y) {
    switch (f->signature) {
    case FD_NUMBER:
        *y = ((double (*)(double))f->pointer)(x[0]);
        return FD_NONE;
    case FD_NUMBER_DATA:
        *y = ((double (*)(double, void *))f->pointer)(x[0], f->data);
        return FD_NONE;
    case FD_ARRAY:
        *y = ((double (*)(int, double *))f->pointer)((int)f->n, x);
        return FD_NONE;
    case FD_ARRAY_DATA:
        *y = ((double (*)(int, double *, void *))f->pointer)((int)f->n, x, f->data);
        return FD_NONE;
    default:
        return call_vector(f, x, y);
    }
}

static const double *base_of(const fd_points *p, ptrdiff_t n, ptrdiff_t origin) {
    return p->base + origin * n;
}

/* Whether f wrote to the thread's copy of x since it was loaded. */
static int spoilt(const fd_points *p, ptrdiff_t n, const desk *own) {
    return own->origin >= 0 && memcmp(own->x, base_of(p, n, own->origin), (size_t)n * sizeof(double)) != 0;
}

/* Evaluate one row: set what it changes, call, restore. Return what is wrong with the call.
   That f leaves x alone is part of the contract of a compiled function, and checked: wherever a coordinate is set or
   restored, and as a whole in the end. */
FD_INLINE int evaluate(const fd_function *f, const fd_points *p, ptrdiff_t row, desk *own, double *y, int *wrote) {
    const ptrdiff_t n = f->n;
    const ptrdiff_t origin = p->start ? p->start[row] : p->indptr ? 0 : row;
    const double *base = base_of(p, n, origin);
    const ptrdiff_t first = p->indptr ? p->indptr[row] : 0;
    const ptrdiff_t last = p->indptr ? p->indptr[row + 1] : 0;
    double *x = own->x;
    if (own->origin != origin) {
        *wrote |= spoilt(p, n, own);
        memcpy(x, base, (size_t)n * sizeof(double));
        own->origin = origin;
    }
    for (ptrdiff_t t = first; t < last; t++) {
        const ptrdiff_t i = p->indices[t];
        *wrote |= x[i] != base[i];
        x[i] = p->values[t];
    }
    const int fault = call(f, x, y);
    for (ptrdiff_t t = first; t < last; t++) {
        const ptrdiff_t i = p->indices[t];
        *wrote |= x[i] != p->values[t];
        x[i] = base[i];
    }
    return fault;
}

/* Report what a piece found, and take the next one; return its first row, or the number of rows where there is none. As
   pieces are taken in order, and each that is taken is finished, what is done in the end is a prefix. */
static ptrdiff_t take(shared *s, ptrdiff_t rows, ptrdiff_t piece, const finding *found, int stop) {
    ptrdiff_t first = rows;
#pragma omp critical(fastdiff_take)
    {
        if (found->failed >= 0 && (s->failed < 0 || found->failed < s->failed)) {
            s->failed = found->failed;
            s->fault = found->fault;
        }
        s->wrote |= found->wrote;
        if (!stop && s->failed < 0 && !s->wrote && s->next < rows) {
            first = s->next;
            s->next += piece;
        }
    }
    return first;
}

/* What one thread does: take pieces until there are none, or the time is up. */
static void work(const fd_function *f, const fd_points *p, double deadline, ptrdiff_t strict, fd_pending pending,
                 double *scratch, double *values, shared *s) {
    desk own = {scratch, -1, scratch + f->n};
    finding found = {-1, FD_NONE, 0};
    const int vector = f->signature == FD_VECTOR;
    ptrdiff_t piece = 1, first;
    double before = now();
    while ((first = take(s, p->count, piece, &found, before > deadline)) < p->count) {
        const ptrdiff_t last = first + piece < p->count ? first + piece : p->count;
        for (ptrdiff_t row = first; row < last && found.failed < 0; row++) {
            double *y = values + row * f->m;
            int fault = evaluate(f, p, row, &own, vector ? own.y : y, &found.wrote);
            if (pending && pending())
                fault = FD_RAISED;
            if (fault == FD_NONE) {
                if (vector)
                    memcpy(y, own.y, (size_t)f->m * sizeof(double));
                continue;
            }
            if (fault != FD_FAILED || row < strict) {
                found.failed = row;
                found.fault = fault;
            }
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
    found.wrote |= spoilt(p, f->n, &own);
    take(s, p->count, 0, &found, 1);
}

void fd_call(const fd_function *f, const fd_points *points, int threads, double seconds, ptrdiff_t strict,
             fd_pending pending, double *scratch, double *values, fd_progress *progress) {
    const double start = now();
    shared s = {progress->done, -1, FD_NONE, 0};
    if (threads == 1) { /* an idle team is woken by any region, one of a single thread included */
        work(f, points, start + seconds, strict, pending, scratch, values, &s);
    } else {
#pragma omp parallel num_threads(threads)
        {
#ifdef _OPENMP
            double *own = scratch + omp_get_thread_num() * fd_scratch(f);
#else
            double *own = scratch;
#endif
            work(f, points, start + seconds, strict, pending, own, values, &s);
        }
    }
    progress->done = s.next < points->count ? s.next : points->count;
    progress->failed = s.failed;
    progress->fault = s.fault;
    progress->wrote = s.wrote;
    progress->seconds = now() - start;
}
