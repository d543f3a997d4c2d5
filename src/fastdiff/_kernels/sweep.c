/* The driver: splits the flat range over threads, each part into chunks, and differentiates a chunk along
   every axis before going on, so that the input is read once. */
#include <math.h>
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

/* What a thread has for registers, and what of it is used if steps hand values on in them: these are to stay in the
   first level of cache beside the samples of a chunk. */
#define FD_REGISTER_BYTES ((ptrdiff_t)32 << 10)
#define FD_HELD_BYTES     ((ptrdiff_t)16 << 10)
/* Taps of the longest unrolled loop, and elements of a group that the others take at a time. */
#define FD_UNROLLED 8
#define FD_GROUP    ((ptrdiff_t)64)
/* Axes and taps of the largest sum without registers. */
#define FD_SUMMED      3
#define FD_SUMMED_TAPS 4
/* Neighbours along an outer axis that are differentiated together, and most taps of their rule. */
#define FD_BANDS  4
#define FD_BANDED 4
/* Elements that are looked at before they are divided; a quotient without dividing, beside the kinds of a rule. */
#define FD_DIVIDED    ((ptrdiff_t)512)
#define FD_RECIPROCAL (-1)

#if defined(__GNUC__)
#define FD_PREFETCH(address) __builtin_prefetch(address, 0, 2)
#elif FD_STREAMS
#define FD_PREFETCH(address) _mm_prefetch(address, _MM_HINT_T1)
#else
#define FD_PREFETCH(address) (void)(address)
#endif

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

typedef struct {
    void (*walk)(const fd_axis *axis, void *out, const void *f, ptrdiff_t step, ptrdiff_t lo, ptrdiff_t hi, int add,
                 void *streamed, const void *ahead);
    int (*walk_bands)(const fd_axis *axis, void *out, const void *f, ptrdiff_t lo, ptrdiff_t size, ptrdiff_t pitch);
    void (*emit)(void *out, const void *from, ptrdiff_t count, int streamed);
    int (*gap)(const void *f, ptrdiff_t step, ptrdiff_t count);
    void (*combine)(const fd_step *step, void *out, const void *from, ptrdiff_t chunk, ptrdiff_t size);
    void (*walk_sum)(const fd_step *steps, int count, int norm, const void *const *sources, ptrdiff_t lo, ptrdiff_t hi,
                     void *out, const void *ahead);
} fd_kernels;

/* The same source for each level of vectors. FMA is only used where the result is rounded as without it, so all levels
   give the same bits. */
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
#define FD_FMA 1
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define LEVEL(x) x##_avx2
#define STREAM_LINE(out, line)                                                                                         \
    for (int k = 0; k < 2; k++)                                                                                        \
    _mm256_stream_si256((__m256i *)(out) + k, _mm256_loadu_si256((const __m256i *)(line) + k))
#include "level.inc.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx2,fma,avx512f,avx512dq,avx512vl,prefer-vector-width=512")
#define LEVEL(x)               x##_avx512
#define STREAM_LINE(out, line) _mm512_stream_si512((__m512i *)(out), _mm512_loadu_si512(line))
#include "level.inc.h"
#pragma GCC pop_options
#endif

static const fd_kernels *fd_level_kernels = kernels_base;
static const char *fd_level = "base";

const char *fd_choose(void) {
#ifdef FD_LEVELS
    const char *forced = getenv("FASTDIFF_SIMD");
    const int most = forced && strcmp(forced, "base") == 0 ? 0 : forced && strcmp(forced, "avx2") == 0 ? 1 : 2;
    if (most >= 1 && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        fd_level_kernels = kernels_avx2;
        fd_level = "avx2";
    }
    if (most >= 2 && fd_level_kernels == kernels_avx2 && __builtin_cpu_supports("avx512f") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
        fd_level_kernels = kernels_avx512;
        fd_level = "avx512";
    }
#endif
    return fd_level;
}

/* Where an input holds element `flat`. */
static ptrdiff_t locate(const fd_plan *plan, const ptrdiff_t *stride, ptrdiff_t flat) {
    ptrdiff_t at = 0;
    for (int d = plan->dims - 1; d >= 0; d--) {
        at += flat % plan->count[d] * stride[d];
        flat /= plan->count[d];
    }
    return at;
}

FD_INLINE ptrdiff_t least(ptrdiff_t a, ptrdiff_t b) {
    return a < b ? a : b;
}

/* Run the steps that make one output past the cache of sums or of a norm; return how many come after the first. */
static int sweep_sum(const fd_plan *plan, const fd_data *data, const fd_kernels *kernels, int k, ptrdiff_t lo,
                     ptrdiff_t hi, ptrdiff_t next) {
    const fd_step *steps = plan->step + k;
    const int count = steps->summed, norm = !steps[count - 1].last;
    const ptrdiff_t itemsize = steps->axis.types == FD_F64_F64 ? 8 : 4;
    const void *sources[FD_SUMMED];
    const char *ahead = NULL;
    for (int a = 0; a < count; a++) {
        const int input = steps[a].input;
        const char *source = (const char *)data->inputs[input] + (lo - data->origin[input]) * itemsize;
        if (data->gaps && kernels->gap(source, 1, hi - lo))
            data->gaps[lo / FD_CHUNK] = 1;
        if (steps[a].ahead)
            ahead = source + (next - lo + steps[a].ahead) * itemsize;
        sources[a] = source;
    }
    char *out = (char *)data->outputs[steps[norm ? count : count - 1].output] + (lo - data->base) * itemsize;
    kernels->walk_sum(steps, count, norm, sources, lo, hi, out, ahead);
    return count - 1 + norm;
}

/* Run the program on [lo, hi), which lies in one row and fits the registers, and on as many more `bands` at a distance
   of a period; the next chunk starts at `next`. */
static void sweep_chunk(const fd_plan *plan, const fd_data *data, char *registers, ptrdiff_t chunk, ptrdiff_t lo,
                        ptrdiff_t hi, ptrdiff_t next, int bands) {
    const ptrdiff_t size = hi - lo, row = plan->dims - 1;
    const char *source = NULL;
    ptrdiff_t stride = 1;
    int input = -1;
    for (int k = 0; k < plan->steps; k++) {
        const fd_step *step = plan->step + k;
        const int types = step->axis.types;
        const fd_kernels *kernels = fd_level_kernels + types;
        const ptrdiff_t itemsize = types == FD_F64_F64 ? 8 : 4, width = types == FD_F32_F32 ? 4 : 8;
        char *slot = registers + step->target * chunk * width;
        char *out = step->output < 0 ? NULL : (char *)data->outputs[step->output] + (lo - data->base) * itemsize;
        if (FD_STREAMS && step->summed && data->streamed) {
            k += sweep_sum(plan, data, kernels, k, lo, hi, next);
        } else if (step->operation != FD_DERIVATIVE) {
            kernels->combine(step, slot, registers + step->from * chunk * width, chunk, size);
        } else {
            if (step->input != input) {
                input = step->input;
                const ptrdiff_t *strides = plan->stride + input * plan->dims;
                const ptrdiff_t at = locate(plan, strides, lo) - data->origin[input];
                source = (const char *)data->inputs[input] + at * itemsize;
                stride = strides[row];
                if (data->gaps && kernels->gap(source, stride, size))
                    data->gaps[lo / FD_CHUNK] = 1;
            }
            if (step->direct && !data->streamed)
                slot = out;
            if (bands > 1 && kernels->walk_bands(&step->axis, out, source, lo, size, plan->period))
                continue;
            const int dense = plan->dims == 1 && stride == 1;
            const char *ahead = dense && step->ahead ? source + (next - lo + step->ahead) * itemsize : NULL;
            const int streamed = FD_STREAMS && step->last && data->streamed;
            for (ptrdiff_t b = 0; b < bands; b++) {
                const ptrdiff_t on = b * plan->period, bytes = on * itemsize;
                kernels->walk(&step->axis, slot, source + bytes, stride, lo + on, hi + on, step->add,
                              streamed ? out + bytes : NULL, ahead ? ahead + bytes : NULL);
            }
            if (streamed)
                continue;
        }
        if (step->last && slot != out)
            kernels->emit(out, slot, size, data->streamed);
    }
}

/* The chunks of [lo, hi), whose ends fall on ends of the lines that the outputs are streamed in: `skip` elements of the
   first line come before the output. */
static void sweep_range(const fd_plan *plan, const fd_data *data, char *registers, ptrdiff_t chunk, ptrdiff_t lo,
                        ptrdiff_t hi, ptrdiff_t next, int bands, ptrdiff_t skip) {
    const ptrdiff_t row = plan->count[plan->dims - 1];
    while (lo < hi) {
        const ptrdiff_t end = least(hi, least(((lo + skip) / chunk + 1) * chunk - skip, (lo / row + 1) * row));
        sweep_chunk(plan, data, registers, chunk, lo, end, end < hi ? end : next, bands);
        lo = end;
    }
}

/* Whether steps hand values on in registers. */
static int is_held(const fd_plan *plan) {
    int held = 0;
    for (int k = 0; k < plan->steps; k++)
        held |= !plan->step[k].last;
    return held;
}

/* Whether many bands can go through one step before the next: each writes straight to its output. */
static int can_band(const fd_plan *plan, const fd_data *data) {
    const uintptr_t first = (uintptr_t)data->outputs[0];
    int can = FD_STREAMS && plan->banded && data->streamed && !data->gaps && plan->dims == 1;
    for (int k = 0; k < plan->steps; k++)
        can &= plan->step[k].output >= 0 && ((uintptr_t)data->outputs[plan->step[k].output] - first) % 64 == 0;
    for (int k = 0; k < plan->inputs; k++)
        can &= plan->stride[k] == 1;
    return can;
}

static void sweep_part(const fd_plan *plan, const fd_data *data, ptrdiff_t lo, ptrdiff_t hi) {
    _Alignas(64) char registers[FD_REGISTER_BYTES];
    const ptrdiff_t most = (is_held(plan) ? FD_HELD_BYTES : FD_REGISTER_BYTES) / 8 / plan->registers;
    const ptrdiff_t period = plan->period;
    const ptrdiff_t itemsize = plan->step->axis.types == FD_F64_F64 ? 8 : 4;
    const ptrdiff_t skip = data->streamed && !data->gaps ? (ptrdiff_t)((uintptr_t)data->outputs[0] % 64) / itemsize : 0;
    const int bands = can_band(plan, data) ? FD_BANDS : 1;
    ptrdiff_t chunk = bands > 1 ? plan->banded : FD_CHUNK;
    while (chunk > most || chunk > plan->block)
        chunk /= 2;
    for (ptrdiff_t start = -skip; lo < hi && start < period - skip; start += plan->block) {
        const ptrdiff_t width = least(plan->block, period - skip - start);
        for (ptrdiff_t base = (lo + skip) / period * period + start; base < hi; base += bands * period) {
            const ptrdiff_t next = base + bands * period;
            if (base >= lo && next - period + width <= hi)
                sweep_range(plan, data, registers, chunk, base, base + width, next, bands, skip);
            else
                for (ptrdiff_t from = base; from < next; from += period)
                    sweep_range(plan, data, registers, chunk, from > lo ? from : lo, least(from + width, hi),
                                from + period, 1, skip);
        }
    }
#if FD_STREAMS
    if (data->streamed)
        _mm_sfence();
#endif
}

void fd_sweep(const fd_plan *plan, const fd_data *data, ptrdiff_t begin, ptrdiff_t end) {
#ifdef _OPENMP
    if (data->threads > 1) {
        const ptrdiff_t first = begin / FD_CHUNK, chunks = (end + FD_CHUNK - 1) / FD_CHUNK - first;
#pragma omp parallel num_threads(data->threads)
        {
            const ptrdiff_t team = omp_get_num_threads(), me = omp_get_thread_num();
            const ptrdiff_t share = (chunks + team - 1) / team;
            const ptrdiff_t lo = (first + me * share) * FD_CHUNK, hi = least(lo + share * FD_CHUNK, end);
            sweep_part(plan, data, lo > begin ? lo : begin, hi);
        }
        return;
    }
#endif
    sweep_part(plan, data, begin, end);
}

int fd_openmp(void) {
#ifdef _OPENMP
    return _OPENMP;
#else
    return 0;
#endif
}
