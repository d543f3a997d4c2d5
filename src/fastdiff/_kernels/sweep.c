/* The driver: splits the flat range over threads, each part into chunks, and differentiates a chunk along
   every axis before going on, so that the input is read once. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif
#include "config.h"
#include "sweep.h"

#if defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#define FD_STREAMS 1
/* Write 64 aligned bytes past the cache. */
FD_INLINE void fd_stream_line(void *out, const void *line) {
    for (int k = 0; k < 4; k++)
        _mm_stream_si128((__m128i *)out + k, _mm_loadu_si128((const __m128i *)line + k));
}
FD_INLINE void fd_stream_end(void) {
    _mm_sfence();
}
#else
#define FD_STREAMS 0
FD_INLINE void fd_stream_line(void *out, const void *line) {
    (void)out;
    (void)line;
}
FD_INLINE void fd_stream_end(void) {}
#endif

/* The same kernels for wider vectors. There is no FMA in them, so the bits are those of the baseline. */
#if defined(__x86_64__) && defined(__GNUC__)
#define FD_AVX2       __attribute__((target("avx2")))
#define FD_CALL(name) (fd_wide ? NAME(name##_avx2) : NAME(name))
static int fd_wide;
void fd_choose(void) {
    const char *forced = getenv("FASTDIFF_SIMD");
    fd_wide = __builtin_cpu_supports("avx2") && !(forced && strcmp(forced, "base") == 0);
}
#else
#define FD_CALL(name) NAME(name)
void fd_choose(void) {}
#endif

/* Small enough for the samples of a chunk to stay in the first two levels of cache while every axis uses
   them, large enough to hide the start of a run. */
#define FD_CHUNK ((ptrdiff_t)4096)

/* The rule of row j; `row` is where its weights start, the rule serves the rows before `last`. */
FD_INLINE const fd_rule *fd_find_rule(const fd_axis *axis, ptrdiff_t j, ptrdiff_t *row, ptrdiff_t *last) {
    const ptrdiff_t end = axis->extent - axis->high;
    *row = 0;
    *last = j + 1;
    if (j < axis->low)
        return axis->rules + j;
    if (j >= end)
        return axis->rules + axis->low + 1 + (j - end);
    const fd_rule *interior = axis->rules + axis->low;
    if (interior->rows > 1)
        *row = j - axis->low;
    *last = end;
    return interior;
}

#define T       float
#define C       float
#define NAME(x) x##_f32_f32
#include "runs.inc.h"
#undef C
#undef NAME
#define C       double
#define NAME(x) x##_f32_f64
#include "runs.inc.h"
#undef T
#undef NAME
#define T       double
#define NAME(x) x##_f64_f64
#include "runs.inc.h"
#undef T
#undef C
#undef NAME

#define WALK(suffix, T)                                                                                                \
    if (axis->by_column)                                                                                               \
        walk_columns_##suffix(axis, (T *)out, (const T *)input + at, step, lo, hi);                                    \
    else                                                                                                               \
        walk_##suffix(axis, (T *)out, (const T *)input + at, step, lo, hi, streamed);                                  \
    break

static void walk(const fd_axis *axis, void *out, const void *input, ptrdiff_t at, ptrdiff_t step, ptrdiff_t lo,
                 ptrdiff_t hi, int streamed) {
    switch (axis->types) {
    case FD_F32_F32:
        WALK(f32_f32, float);
    case FD_F32_F64:
        WALK(f32_f64, float);
    default:
        WALK(f64_f64, double);
    }
}

/* Where the input holds element `flat`. */
static ptrdiff_t locate(const fd_plan *plan, ptrdiff_t flat) {
    ptrdiff_t at = 0;
    for (int d = plan->dims - 1; d >= 0; d--) {
        at += flat % plan->count[d] * plan->stride[d];
        flat /= plan->count[d];
    }
    return at;
}

static void sweep_part(const fd_plan *plan, const void *input, void *const *outputs, ptrdiff_t lo, ptrdiff_t hi,
                       int streamed) {
    const ptrdiff_t row = plan->count[plan->dims - 1], step = plan->stride[plan->dims - 1];
    while (lo < hi) {
        const ptrdiff_t chunk_end = (lo / FD_CHUNK + 1) * FD_CHUNK, row_end = (lo / row + 1) * row;
        ptrdiff_t end = chunk_end < row_end ? chunk_end : row_end;
        end = end < hi ? end : hi;
        const ptrdiff_t at = locate(plan, lo);
        for (int k = 0; k < plan->axes; k++)
            walk(plan->axis + k, outputs[k], input, at, step, lo, end, streamed);
        lo = end;
    }
    if (streamed)
        fd_stream_end();
}

void fd_sweep(const fd_plan *plan, const void *input, void *const *outputs, ptrdiff_t begin, ptrdiff_t end, int threads,
              int streamed) {
#ifdef _OPENMP
    if (threads > 1) {
        const ptrdiff_t chunks = (end - begin + FD_CHUNK - 1) / FD_CHUNK;
#pragma omp parallel num_threads(threads)
        {
            const ptrdiff_t team = omp_get_num_threads(), me = omp_get_thread_num();
            const ptrdiff_t share = (chunks + team - 1) / team * FD_CHUNK;
            const ptrdiff_t lo = begin + me * share, hi = lo + share < end ? lo + share : end;
            sweep_part(plan, input, outputs, lo, hi, streamed);
        }
        return;
    }
#else
    (void)threads;
#endif
    sweep_part(plan, input, outputs, begin, end, streamed);
}

int fd_openmp(void) {
#ifdef _OPENMP
    return _OPENMP;
#else
    return 0;
#endif
}
