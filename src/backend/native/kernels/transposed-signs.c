// Signs of 64 rows by input, as the gradient products read them.
#include "kernel.h"

/** Groups of four rows in 64. */
#define GROUPS 16

/** The signs of 64 rows: as they are for tiles; for tables, every four of them as the offset of an entry. */
inlined void storeBits(uint64_t word, uint16_t *to) {
#if defined(PIECES)
  memcpy(to, &word, 8);
#elif defined(__AVX2__)
  const __m256i spread = _mm256_setr_epi8(0, -1, 0, -1, 1, -1, 1, -1, 2, -1, 2, -1, 3, -1, 3, -1, 4, -1, 4, -1, 5, -1, 5, -1, 6, -1, 6, -1, 7, -1, 7, -1);
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi64x((long long)word), spread);
  const __m256i shifted = _mm256_mullo_epi16(bytes, _mm256_set1_epi32(64 | 4 << 16));
  _mm256_storeu_si256((__m256i *)to, _mm256_and_si256(shifted, _mm256_set1_epi16(0x3c0)));
#else
  for (int g = 0; g < GROUPS; g++) to[g] = (uint16_t)((word >> (4 * g) & 15) << 6);
#endif
}

/** Uint16 that an input has in the index. */
#if defined(PIECES)
#define INDEX_STEP 4
#else
#define INDEX_STEP GROUPS
#endif

/** A chunk is a tile of 64 rows of packed signs; index: [tiles, inputs rounded up to 16] of a word or, for tables, of uint16 [16 groups of four rows]. */
KERNEL(transposeSigns) {
  const char *columns = POINTER(char, 0);
  const int rows = WHOLE(1), inputs = WHOLE(2), padded = (inputs + 15) & ~15;
  uint16_t *index = POINTER(uint16_t, 3);
  const size_t rowBytes = (size_t)((inputs + 31) >> 5) << 2;
  (void)scratch;
  for (int tile = begin; tile < end; tile++) {
    uint16_t *out = index + (size_t)tile * padded * INDEX_STEP;
    const int count = smaller(64, rows - tile * 64);
    const char *source = columns + (size_t)tile * 64 * rowBytes;
    for (int byte = 0; byte < padded / 8; byte++, out += 8 * INDEX_STEP) {
      // Rows beyond the last stay 0, which is -1; their gradients are taken as 0.
      uint8_t column[64] = {0};
      for (int r = 0; r < count; r++) column[r] = (uint8_t)source[(size_t)r * rowBytes + byte];
#if defined(__AVX2__)
      __m256i low = _mm256_loadu_si256((const __m256i *)column), high = _mm256_loadu_si256((const __m256i *)(column + 32));
      for (int bit = 7; bit >= 0; bit--) {
        storeBits((uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32, out + bit * INDEX_STEP);
        low = _mm256_add_epi8(low, low);
        high = _mm256_add_epi8(high, high);
      }
#else
      for (int bit = 0; bit < 8; bit++) {
        uint64_t word = 0;
        for (int r = 0; r < 64; r++) word |= (uint64_t)(column[r] >> bit & 1) << r;
        storeBits(word, out + bit * INDEX_STEP);
      }
#endif
    }
  }
}
