// Vectors of floats as wide as the instruction set that a build is for, in the compilers' own notation, so that one source serves all of them.
#ifndef RBNET_VECTOR_H
#define RBNET_VECTOR_H
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__)
#define WIDTH 16
#elif defined(__AVX__)
#define WIDTH 8
#else
#define WIDTH 4
#endif

// Any address may be read as a vector: alignment is that of an element.
typedef float Floats __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
typedef int32_t Masks __attribute__((vector_size(WIDTH * 4), aligned(4), may_alias));
typedef int16_t Shorts __attribute__((vector_size(WIDTH * 2), aligned(2), may_alias));
typedef double Doubles __attribute__((vector_size(WIDTH * 8), aligned(8), may_alias));
typedef float Four __attribute__((vector_size(16), aligned(4), may_alias));

#define inlined static inline __attribute__((always_inline))

inlined Floats loadFloats(const float *from) { return *(const Floats *)from; }
inlined void storeFloats(float *to, Floats v) { *(Floats *)to = v; }
inlined Floats splat(float value) { return (Floats){0} + value; }

/** right where the mask is set, left elsewhere. */
inlined Floats choose(Masks mask, Floats right, Floats left) { return (Floats)((mask & (Masks)right) | (~mask & (Masks)left)); }
inlined Floats keepWhere(Masks mask, Floats v) { return (Floats)(mask & (Masks)v); }
inlined Floats larger(Floats a, Floats b) { return choose(a > b, a, b); }
inlined Floats magnitude(Floats v) { return (Floats)((Masks)v & 0x7fffffff); }

/** target[0..WIDTH) += v, in float64. */
inlined void addToDoubles(double *target, Floats v) { *(Doubles *)target += __builtin_convertvector(v, Doubles); }

/** Four rows of four floats, turned into four columns. */
inlined void transposeFour(const float *from, size_t fromStep, float *to, size_t toStep) {
  const Four a = *(const Four *)from, b = *(const Four *)(from + fromStep), c = *(const Four *)(from + 2 * fromStep), d = *(const Four *)(from + 3 * fromStep);
  const Four ab0 = __builtin_shufflevector(a, b, 0, 4, 1, 5), ab1 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Four cd0 = __builtin_shufflevector(c, d, 0, 4, 1, 5), cd1 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(Four *)to = __builtin_shufflevector(ab0, cd0, 0, 1, 4, 5);
  *(Four *)(to + toStep) = __builtin_shufflevector(ab0, cd0, 2, 3, 6, 7);
  *(Four *)(to + 2 * toStep) = __builtin_shufflevector(ab1, cd1, 0, 1, 4, 5);
  *(Four *)(to + 3 * toStep) = __builtin_shufflevector(ab1, cd1, 2, 3, 6, 7);
}

inlined int smaller(int a, int b) { return a < b ? a : b; }

#endif
