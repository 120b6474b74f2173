// Loops whose operands stay in registers: what the machine's arithmetic does at best. They are the likes of the WebAssembly kernels in
// peak.ts.
#include "kernel.h"

#define PEAK_SUMS 10

/** Ten sums of a vector of products. */
KERNEL(peakMultiplyAdd) {
  const int rounds = call.rounds, seed = call.seed;
  double *done = call.done;
  for (int chunk = begin; chunk < end; chunk++) {
    Floats sums[PEAK_SUMS], x = splat((float)seed);
    const Floats y = splat((float)seed * 0.5f);
    // Each starts elsewhere, or the compiler would see that they are all the same.
    for (int i = 0; i < PEAK_SUMS; i++) sums[i] = splat((float)(seed + i));
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < PEAK_SUMS; i++) sums[i] += x * y;
      x = (Floats)((Masks)x ^ (Masks)y);
    }
    for (int i = 0; i < PEAK_SUMS; i++) storeFloats((float *)scratch + i * WIDTH, sums[i]);
    done[chunk] = (double)rounds * PEAK_SUMS * WIDTH;
  }
}

#if defined(__AVX512BITALG__)
/** Eight times XOR, popcount of 16-bit lanes and add, of 512 bits each. */
KERNEL(peakPopcount) {
  const int rounds = call.rounds, seed = call.seed;
  double *done = call.done;
  for (int chunk = begin; chunk < end; chunk++) {
    __m512i sums[8], with[8], x = _mm512_set1_epi32(seed);
    for (int i = 0; i < 8; i++) {
      sums[i] = _mm512_setzero_si512();
      with[i] = _mm512_set1_epi32((int)((unsigned)seed * (2 * i + 5)));
    }
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < 8; i++) sums[i] = _mm512_add_epi16(sums[i], _mm512_popcnt_epi16(_mm512_xor_si512(x, with[i])));
      x = _mm512_add_epi32(x, with[0]);
    }
    for (int i = 0; i < 8; i++) _mm512_storeu_si512((__m512i *)scratch + i, sums[i]);
    done[chunk] = (double)rounds * 8 * 512;
  }
}
#elif defined(__AVX2__)
/** Four times XOR, popcount of bytes and add, of 256 bits each. */
KERNEL(peakPopcount) {
  const int rounds = call.rounds, seed = call.seed;
  double *done = call.done;
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15);
  for (int chunk = begin; chunk < end; chunk++) {
    __m256i sums[4], with[4], x = _mm256_set1_epi32(seed);
    for (int i = 0; i < 4; i++) {
      sums[i] = _mm256_setzero_si256();
      with[i] = _mm256_set1_epi32((int)((unsigned)seed * (2 * i + 5)));
    }
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < 4; i++) {
        const __m256i different = _mm256_xor_si256(x, with[i]);
        const __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(different, nibble));
        const __m256i high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(different, 4), nibble));
        sums[i] = _mm256_add_epi8(sums[i], _mm256_add_epi8(low, high));
      }
      x = _mm256_add_epi32(x, with[0]);
    }
    for (int i = 0; i < 4; i++) _mm256_storeu_si256((__m256i *)scratch + i, sums[i]);
    done[chunk] = (double)rounds * 4 * 256;
  }
}

#elif defined(WITH_NEON)
/** Eight times XOR, popcount of bytes and add, of 128 bits each. */
KERNEL(peakPopcount) {
  const int rounds = call.rounds, seed = call.seed;
  double *done = call.done;
  for (int chunk = begin; chunk < end; chunk++) {
    uint8x16_t sums[8], with[8], x = vreinterpretq_u8_s32(vdupq_n_s32(seed));
    for (int i = 0; i < 8; i++) {
      sums[i] = vdupq_n_u8(0);
      with[i] = vreinterpretq_u8_s32(vdupq_n_s32((int)((unsigned)seed * (2 * i + 5))));
    }
    for (int round = 0; round < rounds; round++) {
      for (int i = 0; i < 8; i++) sums[i] = vaddq_u8(sums[i], vcntq_u8(veorq_u8(x, with[i])));
      x = vaddq_u8(x, with[0]);
    }
    for (int i = 0; i < 8; i++) vst1q_u8((uint8_t *)scratch + 16 * i, sums[i]);
    done[chunk] = (double)rounds * 8 * 128;
  }
}
#endif

#if defined(__AVX2__)
/** Eight look-ups of a vector of filters' counts of four bits, each added. */
KERNEL(peakTable) {
  const int rounds = call.rounds, seed = call.seed;
  double *done = call.done;
  const Bytes step = splatBytes((char)seed), nibble = splatBytes(15);
  for (int chunk = begin; chunk < end; chunk++) {
    Bytes sums[8], tables[4], x = zeroBytes();
    for (int i = 0; i < 8; i++) sums[i] = splatBytes((char)i);
    for (int i = 0; i < 4; i++) tables[i] = splatBytes((char)(seed * (2 * i + 5)));
    for (int round = 0; round < rounds; round++) {
      const Bytes other = x ^ nibble;
      for (int i = 0; i < 8; i++) sums[i] = addBytes(sums[i], lookUp(tables[i & 3], i < 4 ? x : other));
      x = addBytes(x, step) & nibble;
    }
    for (int i = 0; i < 8; i++) memcpy(scratch + i * sizeof(Bytes), &sums[i], sizeof(Bytes));
    done[chunk] = (double)rounds * 8 * 4 * sizeof(Bytes);
  }
}
#endif

#if defined(PIECES)
/** Products of a block of floats with tiles of signs, which stay in the first-level cache; a float of several pieces counts once. */
KERNEL(peakTiles) {
  const int rounds = call.rounds / (BLOCK_TILES * DEPTH), seed = call.seed;
  double *done = call.done;
  char *floats = scratch, *signs = floats + FLOATS_BYTES;
  float *sums = (float *)(signs + SIGNS_BYTES);
  startTiles();
  for (int chunk = begin; chunk < end; chunk++) {
    memset(floats, 0, FLOATS_BYTES);
    for (int row = 0; row < SIGNS_BYTES / 64; row++) storeSigns(signs + row * 64, (uint32_t)seed * (uint32_t)(2 * row + 1));
    memset(sums, 0, ABREAST * TILE_BYTES);
    for (int round = 0; round < rounds; round++) addProducts(sums, TILE_SIDE, signs, floats, BLOCK_TILES, ABREAST, 1);
    done[chunk] = (double)rounds * ABREAST * TILE_SIDE * TILE_SIDE * BLOCK_TILES * DEPTH;
  }
  endTiles();
}
#endif
