// Packing the signs of a map into the rows of a binary matrix.
#include "../kernel.h"

/** Sixteen comparisons x >= threshold as sixteen bits. */
inlined uint16_t signsOfSixteen(const float *x, const float *threshold) {
#if defined(__AVX512F__)
  return (uint16_t)_mm512_cmp_ps_mask(_mm512_loadu_ps(x), _mm512_loadu_ps(threshold), _CMP_GE_OQ);
#elif defined(__AVX__)
  const int low = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x), _mm256_loadu_ps(threshold), _CMP_GE_OQ));
  const int high = _mm256_movemask_ps(_mm256_cmp_ps(_mm256_loadu_ps(x + 8), _mm256_loadu_ps(threshold + 8), _CMP_GE_OQ));
  return (uint16_t)(low | high << 8);
#elif defined(WITH_NEON)
  uint16x4_t positive[4];
  for (int i = 0; i < 4; i++) positive[i] = vmovn_u32(vcgeq_f32(vld1q_f32(x + 4 * i), vld1q_f32(threshold + 4 * i)));
  const uint8x16_t bytes = vcombine_u8(vmovn_u16(vcombine_u16(positive[0], positive[1])),
      vmovn_u16(vcombine_u16(positive[2], positive[3])));
  const uint8x16_t bits = vandq_u8(bytes, vreinterpretq_u8_u64(vdupq_n_u64(0x8040201008040201)));
  return (uint16_t)(vaddv_u8(vget_low_u8(bits)) | vaddv_u8(vget_high_u8(bits)) << 8);
#else
  uint16_t bits = 0;
  for (int c = 0; c < 16; c++) bits |= (uint16_t)((x[c] >= threshold[c]) << c);
  return bits;
#endif
}

/** Up to sixteen comparisons as bits. */
inlined uint16_t signsOfSome(const float *x, const float *threshold, int count) {
#if defined(__AVX512F__)
  const __mmask16 present = (__mmask16)((1u << count) - 1);
  return (uint16_t)_mm512_mask_cmp_ps_mask(present, _mm512_maskz_loadu_ps(present, x), _mm512_maskz_loadu_ps(present, threshold),
      _CMP_GE_OQ);
#else
  if (count == 16) return signsOfSixteen(x, threshold);
  uint16_t bits = 0;
  for (int c = 0; c < count; c++) bits |= (uint16_t)((x[c] >= threshold[c]) << c);
  return bits;
#endif
}

/** Adds sixteen bits to a row from bit `at` on. Bytes that get none are not written: they may be another thread's. */
inlined void addBits(uint8_t *row, int at, uint16_t signs) {
  const uint32_t bits = (uint32_t)signs << (at & 7);
  uint8_t *to = row + (at >> 3);
  to[0] |= (uint8_t)bits;
  if (bits >> 8) to[1] |= (uint8_t)(bits >> 8);
  if (bits >> 16) to[2] |= (uint8_t)(bits >> 16);
}

/** A chunk is one grid row of one image. */
KERNEL(binarizeColumns) {
  const float *x = call.x, *threshold = call.threshold;
  const Window *w = call.window;
  char *columns = (char *)call.columns;
  const int channels = w->channels;
  const size_t rowBytes = (size_t)((w->kernel * w->kernel * channels + 31) >> 5) << 2;
  for (int chunk = begin; chunk < end; chunk++) {
    const int image = chunk / w->gridRows, i = chunk % w->gridRows;
    for (int j = 0; j < w->gridColumns; j++) {
      char *out = columns + (size_t)(chunk * w->gridColumns + j) * rowBytes;
      memset(out, 0, rowBytes);
      int bit = 0;
      for (int a = 0; a < w->kernel; a++) {
        for (int b = 0; b < w->kernel; b++, bit += channels) {
          const int pixel = pixelIndex(w, image, rowOrigin(w, i) + a * w->step, columnOrigin(w, j) + b * w->step);
          if (pixel < 0) continue;
          const float *source = x + (size_t)pixel * channels;
          if ((channels & 15) == 0) {
            for (int c = 0; c < channels; c += 16) {
              const uint16_t signs = signsOfSixteen(source + c, threshold + c);
              memcpy(out + ((bit + c) >> 3), &signs, 2);
            }
          } else {
            for (int c = 0; c < channels; c += 16)
              addBits((uint8_t *)out, bit + c, signsOfSome(source + c, threshold + c, smaller(16, channels - c)));
          }
        }
      }
    }
  }
}
