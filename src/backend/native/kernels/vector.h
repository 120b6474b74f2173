// Vectors of floats as wide as the instruction set that a build is for, in the compilers' own notation, so that one source serves all of them.
#ifndef RBNET_VECTOR_H
#define RBNET_VECTOR_H
#include <stdint.h>
#include <string.h>
#if defined(__AVX__)
#include <immintrin.h>
#endif

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

#define inlined static inline __attribute__((always_inline))

inlined Floats loadFloats(const float *from) { return *(const Floats *)from; }
inlined void storeFloats(float *to, Floats v) { *(Floats *)to = v; }
// A difference from 0 is the value itself, to the bit, and costs nothing; a sum with 0 would have to turn -0 into 0.
inlined Floats splat(float value) { return value - (Floats){0}; }

/** right where the mask is set, left elsewhere. */
inlined Floats choose(Masks mask, Floats right, Floats left) { return (Floats)((mask & (Masks)right) | (~mask & (Masks)left)); }
inlined Floats keepWhere(Masks mask, Floats v) { return (Floats)(mask & (Masks)v); }
inlined Floats larger(Floats a, Floats b) { return choose(a > b, a, b); }
inlined Floats magnitude(Floats v) { return (Floats)((Masks)v & 0x7fffffff); }

/** Turns a square of SIDE x SIDE floats: to[j * toStep + i] = from[i * fromStep + j]. */
#if defined(__AVX__)
#define SIDE 8
inlined __m256 halves(const float *low, const float *high) { return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1); }

inlined void transposeSquare(const float *from, size_t fromStep, float *to, size_t toStep) {
  for (int j = 0; j < SIDE; j += 4, from += 4) {
    const __m256 a = halves(from, from + 4 * fromStep), b = halves(from + fromStep, from + 5 * fromStep);
    const __m256 c = halves(from + 2 * fromStep, from + 6 * fromStep), d = halves(from + 3 * fromStep, from + 7 * fromStep);
    const __m256 ab0 = _mm256_unpacklo_ps(a, b), ab1 = _mm256_unpackhi_ps(a, b), cd0 = _mm256_unpacklo_ps(c, d), cd1 = _mm256_unpackhi_ps(c, d);
    _mm256_storeu_ps(to + j * toStep, _mm256_shuffle_ps(ab0, cd0, 0x44));
    _mm256_storeu_ps(to + (j + 1) * toStep, _mm256_shuffle_ps(ab0, cd0, 0xee));
    _mm256_storeu_ps(to + (j + 2) * toStep, _mm256_shuffle_ps(ab1, cd1, 0x44));
    _mm256_storeu_ps(to + (j + 3) * toStep, _mm256_shuffle_ps(ab1, cd1, 0xee));
  }
}
#else
#define SIDE 4
inlined void transposeSquare(const float *from, size_t fromStep, float *to, size_t toStep) {
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) to[j * toStep + i] = from[i * fromStep + j];
}
#endif

inlined int smaller(int a, int b) { return a < b ? a : b; }

#endif
