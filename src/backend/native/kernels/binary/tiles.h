// Products of signs with floats by tiles of bfloat16 that sum in float32: on the processor's tile registers or, without them, with its dot
// products of pairs.
//
// A left tile has 16 rows of 32 values along the depth; a right tile has 16 columns, the values of a column in pairs: its row p has those
// of depths 2 p and 2 p + 1 of every column. A sign is exact in bfloat16. A float32 of 24 significant bits is the exact sum of three values
// of 8 (PIECES of 3: the first 8 bits, and twice those of what is left; only what lies below the least normal float32 is lost); with PIECES
// of 1 it is rounded to the nearest bfloat16.
#ifndef RBNET_TILES_H
#define RBNET_TILES_H
#include "../vector.h"

/** Rows of a left tile, columns of a right one. */
#define TILE_SIDE 16
#define DEPTH 32
#define TILE_BYTES 1024
/** Tiles along the depth of a block. */
#define BLOCK_TILES 8
#define BLOCK_DEPTH (BLOCK_TILES * DEPTH)
/** Sign tiles side by side: products of as many are under way at once, which hides how long each takes. */
#define ABREAST 3
/** Floats: tiles [BLOCK_TILES][PIECES]; signs: tiles [ABREAST][BLOCK_TILES]. */
#define FLOATS_BYTES (BLOCK_TILES * PIECES * TILE_BYTES)
#define SIGNS_BYTES (ABREAST * BLOCK_TILES * TILE_BYTES)

/** The first `count` of sixteen lanes; none where it is negative. */
inlined __mmask16 lanesMask(int count) { return (__mmask16)(count >= 16 ? 0xffff : count > 0 ? (1u << count) - 1 : 0); }

/** Up to sixteen floats from an address, and 0 for the rest. */
inlined __m512 someFloats(const float *from, int count) { return _mm512_maskz_loadu_ps(lanesMask(count), from); }

inlined __m512i upperHalves(__m512 v) { return _mm512_and_si512(_mm512_castps_si512(v), _mm512_set1_epi32((int)0xffff0000)); }
/** What the first piece leaves. */
inlined __m512 rest(__m512 v) { return _mm512_sub_ps(v, _mm512_castsi512_ps(upperHalves(v))); }

/** Sixteen columns at depths 2 p and 2 p + 1, to row p of a right tile and of those of the other pieces behind it. */
inlined void storePairs(char *row, __m512 even, __m512 odd) {
#if PIECES == 1
  const __m512i rounded = (__m512i)_mm512_cvtne2ps_pbh(odd, even);
  const __m512i low = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(rounded)),
      high = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(rounded, 1));
  _mm512_storeu_si512(row, _mm512_or_si512(low, _mm512_slli_epi32(high, 16)));
#else
  for (int piece = 0; piece < PIECES; piece++, even = rest(even), odd = rest(odd))
    _mm512_storeu_si512(row + piece * TILE_BYTES, _mm512_or_si512(_mm512_srli_epi32(_mm512_castps_si512(even), 16), upperHalves(odd)));
#endif
}

/** 32 depths of one row, to that row of a left tile and of those of the other pieces behind it. */
inlined void storeRow(char *row, __m512 first, __m512 second) {
#if PIECES == 1
  _mm512_storeu_si512(row, (__m512i)_mm512_cvtne2ps_pbh(second, first));
#else
  const __m512i upper = _mm512_set_epi16(63, 61, 59, 57, 55, 53, 51, 49, 47, 45, 43, 41, 39, 37, 35, 33, 31, 29, 27, 25, 23, 21, 19, 17, 15,
      13, 11, 9, 7, 5, 3, 1);
  for (int piece = 0; piece < PIECES; piece++, first = rest(first), second = rest(second))
    _mm512_storeu_si512(row + piece * TILE_BYTES,
        _mm512_permutex2var_epi16(_mm512_castps_si512(first), upper, _mm512_castps_si512(second)));
#endif
}

/** 32 signs of one row to that row of a left tile. */
inlined void storeSigns(char *row, uint32_t bits) {
  _mm512_storeu_si512(row, _mm512_mask_blend_epi16(bits, _mm512_set1_epi16((short)0xbf80), _mm512_set1_epi16(0x3f80)));
}

/** 32 signs of each of sixteen columns to a right tile. */
inlined void storeSignColumns(char *tile, const uint32_t *bits) {
  const __m512i ones = _mm512_set1_epi32(0x3f803f80), signs = _mm512_set1_epi32((int)0x80008000),
      upper = _mm512_set1_epi32((int)0xffff0000);
  const __m512i negative = _mm512_xor_si512(_mm512_loadu_si512(bits), _mm512_set1_epi32(-1));
  // Bits 2 p and 2 p + 1, where a pair of bfloat16 has its signs.
  __m512i even = _mm512_rol_epi32(negative, 15), odd = _mm512_rol_epi32(negative, 30);
  for (int p = 0; p < TILE_SIDE; p++) {
    const __m512i both = _mm512_or_si512(_mm512_andnot_si512(upper, even), _mm512_and_si512(upper, odd));
    _mm512_storeu_si512(tile + p * 64, _mm512_or_si512(_mm512_and_si512(both, signs), ones));
    even = _mm512_ror_epi32(even, 2);
    odd = _mm512_ror_epi32(odd, 2);
  }
}

#if defined(__AMX_BF16__)
/** Eight tile registers of 16 rows of 64 bytes; to be called before the first product of a kernel. */
inlined void startTiles(void) {
  struct {
    uint8_t palette, firstRow, reserved[14];
    uint16_t rowBytes[16];
    uint8_t rows[16];
  } layout = {.palette = 1};
  for (int i = 0; i < 8; i++) {
    layout.rowBytes[i] = 64;
    layout.rows[i] = TILE_SIDE;
  }
  _tile_loadconfig(&layout);
}

/** Gives the tile registers back: the system then need not save them. */
inlined void endTiles(void) { _tile_release(); }

// The compiler does not know that tiles are loaded from memory and stored to it.
#define MEMORY_CHANGES() __asm__ volatile("" ::: "memory")
#define SUMS(i) (sums + (i) * (signsLeft ? TILE_SIDE * step : TILE_SIDE))
// Registers are named in the instructions, so they are literals here: 0 to 2 sums, 3 to 5 signs, 6 and 7 floats.
#define ADD_PRODUCT(i, signsRegister, floatsRegister)               \
  if (count > i) {                                                   \
    if (signsLeft) _tile_dpbf16ps(i, signsRegister, floatsRegister); \
    else _tile_dpbf16ps(i, floatsRegister, signsRegister);           \
  }
#define ADD_PIECE(piece, floatsRegister)                                         \
  if (PIECES > piece) {                                                           \
    _tile_loadd(floatsRegister, floats + (d * PIECES + piece) * TILE_BYTES, 64);  \
    ADD_PRODUCT(0, 3, floatsRegister)                                             \
    ADD_PRODUCT(1, 4, floatsRegister)                                             \
    ADD_PRODUCT(2, 5, floatsRegister)                                             \
  }

inlined void multiply(float *sums, size_t step, const char *signs, const char *floats, int depth, int count, int signsLeft) {
  MEMORY_CHANGES();
  _tile_loadd(0, SUMS(0), step * 4);
  if (count > 1) _tile_loadd(1, SUMS(1), step * 4);
  if (count > 2) _tile_loadd(2, SUMS(2), step * 4);
  for (int d = 0; d < depth; d++) {
    _tile_loadd(3, signs + d * TILE_BYTES, 64);
    if (count > 1) _tile_loadd(4, signs + (BLOCK_TILES + d) * TILE_BYTES, 64);
    if (count > 2) _tile_loadd(5, signs + (2 * BLOCK_TILES + d) * TILE_BYTES, 64);
    ADD_PIECE(0, 6)
    ADD_PIECE(1, 7)
    ADD_PIECE(2, 6)
  }
  _tile_stored(0, SUMS(0), step * 4);
  if (count > 1) _tile_stored(1, SUMS(1), step * 4);
  if (count > 2) _tile_stored(2, SUMS(2), step * 4);
  MEMORY_CHANGES();
}
#else
inlined void startTiles(void) {}
inlined void endTiles(void) {}

inlined void multiply(float *sums, size_t step, const char *signs, const char *floats, int depth, int count, int signsLeft) {
  for (int i = 0; i < count; i++, signs += BLOCK_TILES * TILE_BYTES, sums += signsLeft ? TILE_SIDE * step : TILE_SIDE) {
    const char *left = signsLeft ? signs : floats, *right = signsLeft ? floats : signs;
    __m512 rows[TILE_SIDE];
    for (int r = 0; r < TILE_SIDE; r++) rows[r] = _mm512_loadu_ps(sums + r * step);
    for (int d = 0; d < depth; d++, left += TILE_BYTES, right += TILE_BYTES) {
      for (int p = 0; p < TILE_SIDE; p++) {
        const __m512bh columns = (__m512bh)_mm512_loadu_si512(right + p * 64);
#pragma GCC unroll 16
        for (int r = 0; r < TILE_SIDE; r++) {
          int32_t pair;
          memcpy(&pair, left + r * 64 + p * 4, 4);
          rows[r] = _mm512_dpbf16_ps(rows[r], (__m512bh)_mm512_set1_epi32(pair), columns);
        }
      }
    }
    for (int r = 0; r < TILE_SIDE; r++) _mm512_storeu_ps(sums + r * step, rows[r]);
  }
}
#endif

/**
 * Adds the products of `count` sign tiles (at most ABREAST) with floats, along `depth` tiles, to as many tiles of 16 x 16 sums: below each
 * other where the signs are the left operand, else side by side. step: from a row of sums to the next.
 */
inlined void addProducts(float *sums, size_t step, const char *signs, const char *floats, int depth, int count, int signsLeft) {
  if (count == 3) multiply(sums, step, signs, floats, depth, 3, signsLeft);
  else if (count == 2) multiply(sums, step, signs, floats, depth, 2, signsLeft);
  else multiply(sums, step, signs, floats, depth, 1, signsLeft);
}

inlined int tilesOf(int values, int size) { return (values + size - 1) / size; }

#endif
