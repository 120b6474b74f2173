// Vectors of floats as wide as the instruction set that a build is for, in the compilers' own notation, so that one source serves all of
// them.
#ifndef RBNET_VECTOR_H
#define RBNET_VECTOR_H
#include <stdint.h>
#include <string.h>
#if defined(__AVX__)
#include <immintrin.h>
#elif defined(WITH_NEON)
#include <arm_neon.h>
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

#if defined(__AVX512F__)
#define FIRST_LANES(count) ((__mmask16)((1u << (count)) - 1))
#elif defined(__AVX__)
/** Read from `WIDTH - count` on: the first `count` lanes, and no more. */
static const int32_t LANES_THEN_NONE[2 * WIDTH] = {-1, -1, -1, -1, -1, -1, -1, -1};
#define FIRST_LANES(count) _mm256_loadu_si256((const __m256i *)(LANES_THEN_NONE + WIDTH - (count)))
#endif

/** The first `count` lanes, 1 to WIDTH; the rest is 0, and not read. Where `count` is the constant WIDTH, an ordinary load. */
inlined Floats loadSome(const float *from, int count) {
  if (count == WIDTH) return loadFloats(from);
#if defined(__AVX512F__)
  return (Floats)_mm512_maskz_loadu_ps(FIRST_LANES(count), from);
#elif defined(__AVX__)
  return (Floats)_mm256_maskload_ps(from, FIRST_LANES(count));
#else
  float lanes[WIDTH] = {0};
  for (int i = 0; i < count; i++) lanes[i] = from[i];
  return loadFloats(lanes);
#endif
}

inlined void storeSome(float *to, Floats v, int count) {
  if (count == WIDTH) {
    storeFloats(to, v);
    return;
  }
#if defined(__AVX512F__)
  _mm512_mask_storeu_ps(to, FIRST_LANES(count), (__m512)v);
#elif defined(__AVX__)
  _mm256_maskstore_ps(to, FIRST_LANES(count), (__m256)v);
#else
  for (int i = 0; i < count; i++) to[i] = v[i];
#endif
}

/** int16 as floats, as `loadSome`. */
inlined Floats loadSomeShorts(const int16_t *from, int count) {
  if (count == WIDTH) return __builtin_convertvector(*(const Shorts *)from, Floats);
#if defined(__AVX512BW__) && defined(__AVX512VL__)
  return __builtin_convertvector((Shorts)_mm256_maskz_loadu_epi16(FIRST_LANES(count), from), Floats);
#else
  Shorts lanes = {0};
  for (int i = 0; i < count; i++) lanes[i] = from[i];
  return __builtin_convertvector(lanes, Floats);
#endif
}

/** right where the mask is set, left elsewhere. */
inlined Floats choose(Masks mask, Floats right, Floats left) { return (Floats)((mask & (Masks)right) | (~mask & (Masks)left)); }
inlined Floats keepWhere(Masks mask, Floats v) { return (Floats)(mask & (Masks)v); }
inlined Floats larger(Floats a, Floats b) { return choose(a > b, a, b); }
inlined Floats magnitude(Floats v) { return (Floats)((Masks)v & 0x7fffffff); }

/** Turns a square of SIDE x SIDE floats: to[j * toStep + i] = from[i * fromStep + j]. */
#if defined(__AVX__)
#define SIDE 8
inlined __m256 halves(const float *low, const float *high) {
  return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(low)), _mm_loadu_ps(high), 1);
}

inlined void transposeSquare(const float *from, size_t fromStep, float *to, size_t toStep) {
  for (int j = 0; j < SIDE; j += 4, from += 4) {
    const __m256 a = halves(from, from + 4 * fromStep), b = halves(from + fromStep, from + 5 * fromStep);
    const __m256 c = halves(from + 2 * fromStep, from + 6 * fromStep), d = halves(from + 3 * fromStep, from + 7 * fromStep);
    const __m256 ab0 = _mm256_unpacklo_ps(a, b), ab1 = _mm256_unpackhi_ps(a, b), cd0 = _mm256_unpacklo_ps(c, d),
        cd1 = _mm256_unpackhi_ps(c, d);
    _mm256_storeu_ps(to + j * toStep, _mm256_shuffle_ps(ab0, cd0, 0x44));
    _mm256_storeu_ps(to + (j + 1) * toStep, _mm256_shuffle_ps(ab0, cd0, 0xee));
    _mm256_storeu_ps(to + (j + 2) * toStep, _mm256_shuffle_ps(ab1, cd1, 0x44));
    _mm256_storeu_ps(to + (j + 3) * toStep, _mm256_shuffle_ps(ab1, cd1, 0xee));
  }
}
#elif defined(WITH_NEON)
#define SIDE 4
inlined void transposeSquare(const float *from, size_t fromStep, float *to, size_t toStep) {
  const float32x4x2_t upper = vtrnq_f32(vld1q_f32(from), vld1q_f32(from + fromStep));
  const float32x4x2_t lower = vtrnq_f32(vld1q_f32(from + 2 * fromStep), vld1q_f32(from + 3 * fromStep));
  for (int j = 0; j < 2; j++) {
    vst1q_f32(to + j * toStep, vcombine_f32(vget_low_f32(upper.val[j]), vget_low_f32(lower.val[j])));
    vst1q_f32(to + (2 + j) * toStep, vcombine_f32(vget_high_f32(upper.val[j]), vget_high_f32(lower.val[j])));
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
