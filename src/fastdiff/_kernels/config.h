/* What differs between compilers. */
#ifndef FASTDIFF_CONFIG_H
#define FASTDIFF_CONFIG_H

#if defined(_MSC_VER)
#define FD_RESTRICT __restrict
#define FD_INLINE   static __forceinline
#else
#define FD_RESTRICT restrict
#define FD_INLINE   static inline __attribute__((always_inline))
#endif

#endif
