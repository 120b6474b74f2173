// Signs of 64 rows by input, as the gradient products read them.
#include "../kernel.h"

/** Groups of four rows in 64. */
#define GROUPS 16

/** The signs of 64 rows: as they are for tiles; for tables, every four of them as the offset of an entry. */
inlined void storeBits(uint64_t word, uint16_t *to) {
#if defined(PIECES)
  memcpy(to, &word, 8);
#elif defined(__AVX2__)
  const __m256i spread = _mm256_setr_epi8(0, -1, 0, -1, 1, -1, 1, -1, 2, -1, 2, -1, 3, -1, 3, -1, 4, -1, 4, -1, 5, -1, 5, -1, 6, -1, 6, -1,
      7, -1, 7, -1);
  const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi64x((long long)word), spread);
  const __m256i shifted = _mm256_mullo_epi16(bytes, _mm256_set1_epi32(64 | 4 << 16));
  _mm256_storeu_si256((__m256i *)to, _mm256_and_si256(shifted, _mm256_set1_epi16(0x3c0)));
#elif defined(WITH_NEON)
  const uint8x8_t bytes = vcreate_u8(word);
  const uint8x8x2_t nibbles = vzip_u8(vand_u8(bytes, vdup_n_u8(15)), vshr_n_u8(bytes, 4));
  vst1q_u16(to, vshll_n_u8(nibbles.val[0], 6));
  vst1q_u16(to + 8, vshll_n_u8(nibbles.val[1], 6));
#else
  for (int g = 0; g < GROUPS; g++) to[g] = (uint16_t)((word >> (4 * g) & 15) << 6);
#endif
}

/** Turns a square of 8 x 8 bits: bit r of byte b becomes bit b of byte r (Warren, Hacker's Delight, section 7-3). */
inlined uint64_t transposeBits(uint64_t x) {
  uint64_t t = (x ^ x >> 7) & 0x00aa00aa00aa00aa;
  x ^= t ^ t << 7;
  t = (x ^ x >> 14) & 0x0000cccc0000cccc;
  x ^= t ^ t << 14;
  t = (x ^ x >> 28) & 0x00000000f0f0f0f0;
  return x ^ t ^ t << 28;
}

/** Uint16 that an input has in the index. */
#if defined(PIECES)
#define INDEX_STEP 4
#else
#define INDEX_STEP GROUPS
#endif

/**
 * A chunk is a tile of 64 rows of packed signs; index: [tiles, inputs rounded up to 16] of a word or, for tables, of uint16 [16 groups of
 * four rows].
 */
KERNEL(transposeSigns) {
  const char *columns = (const char *)call.columns;
  const int rows = call.rows, inputs = call.inputs, padded = (inputs + 15) & ~15;
  uint16_t *index = call.index;
  const size_t rowBytes = (size_t)((inputs + 31) >> 5) << 2;
  for (int tile = begin; tile < end; tile++) {
    uint16_t *out = index + (size_t)tile * padded * INDEX_STEP;
    const int count = smaller(TRANSPOSED_ROWS, rows - tile * TRANSPOSED_ROWS);
    const char *source = columns + (size_t)tile * TRANSPOSED_ROWS * rowBytes;
    for (int byte = 0; byte < padded / 8; byte++, out += 8 * INDEX_STEP) {
      // Rows beyond the last stay 0, which is -1; their gradients are taken as 0.
      uint8_t column[TRANSPOSED_ROWS] = {0};
      for (int r = 0; r < count; r++) column[r] = (uint8_t)source[(size_t)r * rowBytes + byte];
#if defined(__AVX2__)
      __m256i low = _mm256_loadu_si256((const __m256i *)column), high = _mm256_loadu_si256((const __m256i *)(column + 32));
      for (int bit = 7; bit >= 0; bit--) {
        storeBits((uint32_t)_mm256_movemask_epi8(low) | (uint64_t)(uint32_t)_mm256_movemask_epi8(high) << 32, out + bit * INDEX_STEP);
        low = _mm256_add_epi8(low, low);
        high = _mm256_add_epi8(high, high);
      }
#else
      uint64_t words[8] = {0};
      for (int eight = 0; eight < 8; eight++) {
        uint64_t square;
        memcpy(&square, column + 8 * eight, 8);
        square = transposeBits(square);
        for (int bit = 0; bit < 8; bit++) words[bit] |= (square >> (8 * bit) & 0xff) << (8 * eight);
      }
      for (int bit = 0; bit < 8; bit++) storeBits(words[bit], out + bit * INDEX_STEP);
#endif
    }
  }
}
