/* All kernels of one level of vectors; included once for each, with LEVEL(x) to spell the symbols. */

#define T       float
#define C       float
#define NAME(x) LEVEL(x##_f32_f32)
#include "runs.inc.h"
#undef C
#undef NAME
#define C       double
#define NAME(x) LEVEL(x##_f32_f64)
#include "runs.inc.h"
#undef T
#undef NAME
#define T       double
#define NAME(x) LEVEL(x##_f64_f64)
#include "runs.inc.h"
#undef T
#undef C
#undef NAME

static const fd_walk LEVEL(walks)[] = {LEVEL(walk_f32_f32), LEVEL(walk_f32_f64), LEVEL(walk_f64_f64)};
#undef LEVEL
#undef STREAM_LINE
