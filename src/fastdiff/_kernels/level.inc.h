/* All kernels of one level of vectors; included once for each, with LEVEL(x) to spell the symbols. */

#define LINE ((ptrdiff_t)(64 / sizeof(T)))

#define C              float
#define ABS(x)         fabsf(x)
#define SQRT(x)        sqrtf(x)
#define DIVISOR_LEAST  0x1p-40f
#define DIVIDEND_LEAST 0x1p-50f
#define SQUARE_LEAST   0x1p-100f
#define SQUARE_MOST    0x1p127f
#ifdef FD_FMA
#define FMA(a, b, c) __builtin_fmaf(a, b, c)
#endif
#define NAME(x) LEVEL(x##_f32)
#include "registers.inc.h"
#undef NAME
#define T        float
#define NAME(x)  LEVEL(x##_f32_f32)
#define CNAME(x) LEVEL(x##_f32)
#include "runs.inc.h"
#include "sums.inc.h"
#undef CNAME
#undef NAME
#undef C
#undef ABS
#undef SQRT
#undef DIVISOR_LEAST
#undef DIVIDEND_LEAST
#undef SQUARE_LEAST
#undef SQUARE_MOST
#undef FMA

#define C              double
#define ABS(x)         fabs(x)
#define SQRT(x)        sqrt(x)
#define DIVISOR_LEAST  0x1p-400
#define DIVIDEND_LEAST 0x1p-500
#define SQUARE_LEAST   0x1p-960
#define SQUARE_MOST    0x1p1023
#ifdef FD_FMA
#define FMA(a, b, c) __builtin_fma(a, b, c)
#endif
#define NAME(x) LEVEL(x##_f64)
#include "registers.inc.h"
#undef NAME
#define NAME(x) LEVEL(x##_f32_f64)
#define MIXED
#include "runs.inc.h"
#undef MIXED
#undef T
#undef NAME
#define T        double
#define NAME(x)  LEVEL(x##_f64_f64)
#define CNAME(x) LEVEL(x##_f64)
#include "runs.inc.h"
#include "sums.inc.h"
#undef CNAME
#undef NAME
#undef T
#undef C
#undef ABS
#undef SQRT
#undef DIVISOR_LEAST
#undef DIVIDEND_LEAST
#undef SQUARE_LEAST
#undef SQUARE_MOST
#undef FMA

static const fd_kernels LEVEL(kernels)[] = {
    {LEVEL(walk_f32_f32), LEVEL(walk_bands_f32_f32), LEVEL(emit_f32_f32), LEVEL(gap_f32_f32), LEVEL(combine_f32),
     LEVEL(walk_sum_f32_f32)},
    {LEVEL(walk_f32_f64), LEVEL(walk_bands_f32_f64), LEVEL(emit_f32_f64), LEVEL(gap_f32_f64), LEVEL(combine_f64), NULL},
    {LEVEL(walk_f64_f64), LEVEL(walk_bands_f64_f64), LEVEL(emit_f64_f64), LEVEL(gap_f64_f64), LEVEL(combine_f64),
     LEVEL(walk_sum_f64_f64)},
};
#undef LINE
#undef LEVEL
#undef STREAM_LINE
