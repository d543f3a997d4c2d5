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

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define FD_LEVELS 1 /* gcc compiles stretches of a file for wider vectors */
#include <immintrin.h>
#elif defined(__SSE2__) || defined(_M_X64)
#include <emmintrin.h>
#endif
#if defined(__SSE2__) || defined(_M_X64)
#define FD_STREAMS 1
#else
#define FD_STREAMS 0
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

/* Differentiate [lo, hi) of the flat index, which lies in one row; `f` is the input at lo. */
typedef void (*fd_walk)(const fd_axis *axis, void *out, const void *f, ptrdiff_t step, ptrdiff_t lo, ptrdiff_t hi,
                        int streamed);

/* The same source for each level of vectors. No FMA is ever used, so all levels give the same bits. */
#define LEVEL(x) x##_base
#if FD_STREAMS
#define STREAM_LINE(out, line)                                                                                         \
    for (int k = 0; k < 4; k++)                                                                                        \
    _mm_stream_si128((__m128i *)(out) + k, _mm_loadu_si128((const __m128i *)(line) + k))
#else
#define STREAM_LINE(out, line) (void)(line)
#endif
#include "level.inc.h"

#ifdef FD_LEVELS
#pragma GCC push_options
#pragma GCC target("avx2")
#define LEVEL(x) x##_avx2
#define STREAM_LINE(out, line)                                                                                         \
    for (int k = 0; k < 2; k++)                                                                                        \
    _mm256_stream_si256((__m256i *)(out) + k, _mm256_loadu_si256((const __m256i *)(line) + k))
#include "level.inc.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512vl,prefer-vector-width=512")
#define LEVEL(x)               x##_avx512
#define STREAM_LINE(out, line) _mm512_stream_si512((__m512i *)(out), _mm512_loadu_si512(line))
#include "level.inc.h"
#pragma GCC pop_options
#endif

static const fd_walk *fd_walks = walks_base;
static const char *fd_level = "base";

const char *fd_choose(void) {
#ifdef FD_LEVELS
    const char *forced = getenv("FASTDIFF_SIMD");
    const int most = forced && strcmp(forced, "base") == 0 ? 0 : forced && strcmp(forced, "avx2") == 0 ? 1 : 2;
    if (most >= 1 && __builtin_cpu_supports("avx2")) {
        fd_walks = walks_avx2;
        fd_level = "avx2";
    }
    if (most >= 2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl")) {
        fd_walks = walks_avx512;
        fd_level = "avx512";
    }
#endif
    return fd_level;
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
        for (int k = 0; k < plan->axes; k++) {
            const fd_axis *axis = plan->axis + k;
            const ptrdiff_t itemsize = axis->types == FD_F64_F64 ? 8 : 4;
            fd_walks[axis->types](axis, outputs[k], (const char *)input + at * itemsize, step, lo, end, streamed);
        }
        lo = end;
    }
#if FD_STREAMS
    if (streamed)
        _mm_sfence();
#endif
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
