// The two gradient products of a binary convolution by tiles of bfloat16, where one operand is signs; see tiles.h.
#include "estimator.h"
#include "../kernel.h"
#include "places.h"
#include "tiles.h"

/** Tiles of filters in a chunk, at most. */
#define CHUNK_TILES 4

/**
 * A chunk is `chunkFilters` filters (a multiple of 16, at most 64) times `chunkInputs` inputs. scratch: the floats' tiles [CHUNK_TILES] and
 * the signs', then for every 16 filters 64 bytes an input.
 */
KERNEL(binaryWeightGradient) {
  const float *dy = call.dy;
  const uint32_t *index = call.index;
  const int rows = call.rows, inputs = call.inputs, filters = call.filters, chunkInputs = call.chunkInputs,
      chunkFilters = call.chunkFilters;
  const float *latent = call.latent;
  float *gradient = call.gradient;
  const int padded = (inputs + 15) & ~15, inputBlocks = (inputs + chunkInputs - 1) / chunkInputs;
  const size_t sumsStep = (size_t)tilesOf(chunkInputs, TILE_SIDE) * TILE_SIDE * TILE_SIDE;
  char *floats = scratch, *signs = floats + CHUNK_TILES * FLOATS_BYTES;
  float *sums = (float *)(signs + SIGNS_BYTES);
  startTiles();
  for (int chunk = begin; chunk < end; chunk++) {
    const int n = chunk / inputBlocks * chunkFilters, firstInput = chunk % inputBlocks * chunkInputs,
        count = smaller(chunkInputs, inputs - firstInput);
    const int some = smaller(chunkFilters, filters - n), filterTiles = tilesOf(some, TILE_SIDE);
    memset(sums, 0, filterTiles * sumsStep * 4);
    for (int m = 0; m < rows; m += BLOCK_DEPTH) {
      const int depth = tilesOf(smaller(BLOCK_DEPTH, rows - m), DEPTH);
      for (int p = 0; p < depth * TILE_SIDE; p++) {
        const int row = m + 2 * p;
        const float *even = dy + (size_t)row * filters + n, *odd = even + filters;
        for (int f = 0; f < filterTiles; f++, even += TILE_SIDE, odd += TILE_SIDE) {
          const int lanes = some - f * TILE_SIDE;
          storePairs(floats + f * FLOATS_BYTES + p / TILE_SIDE * PIECES * TILE_BYTES + p % TILE_SIDE * 64,
              someFloats(even, row < rows ? lanes : 0),
                     someFloats(odd, row + 1 < rows ? lanes : 0));
          __builtin_prefetch(even + (size_t)BLOCK_DEPTH * filters);
          __builtin_prefetch(odd + (size_t)BLOCK_DEPTH * filters);
        }
      }
      for (int k = 0; k < count; k += ABREAST * TILE_SIDE) {
        const int tiles = smaller(ABREAST, tilesOf(count - k, TILE_SIDE));
        for (int q = 0; q < tilesOf(depth, 2); q++) {
          // Halves of the words of 64 rows.
          const uint32_t *halves = index + 2 * ((size_t)((m >> 6) + q) * padded + firstInput + k);
          for (int i = 0; i < tiles * TILE_SIDE; i++) {
            char *to = signs + (i / TILE_SIDE * BLOCK_TILES + 2 * q) * TILE_BYTES + i % TILE_SIDE * 64;
            storeSigns(to, halves[2 * i]);
            storeSigns(to + TILE_BYTES, halves[2 * i + 1]);
          }
        }
        for (int f = 0; f < filterTiles; f++)
          addProducts(sums + f * sumsStep + k * TILE_SIDE, TILE_SIDE, signs, floats + f * FLOATS_BYTES, depth, tiles, 1);
      }
    }
    for (int k = 0; k < count; k++) {
      for (int f = 0; f < filterTiles; f++) {
        const size_t at = (size_t)(firstInput + k) * filters + n + f * TILE_SIDE;
        const int lanes = smaller(TILE_SIDE, some - f * TILE_SIDE);
        const __mmask16 within = _mm512_cmp_ps_mask(_mm512_abs_ps(someFloats(latent + at, lanes)), _mm512_set1_ps(1), _CMP_LE_OQ)
            & lanesMask(lanes);
        const __m512 sum = _mm512_loadu_ps(sums + f * sumsStep + k * TILE_SIDE);
        _mm512_mask_storeu_ps(gradient + at, within, _mm512_add_ps(someFloats(gradient + at, lanes), sum));
      }
    }
  }
  endTiles();
}

/** Windows whose gradients are computed together: as many as share the signs' tiles. */
#define TOGETHER 128
/** Bytes for the sums of those, or of fewer where a window has many inputs: with the tiles they fill the scratch memory of a thread. */
#define SUMS_BYTES (SCRATCH_BYTES - TOGETHER / TILE_SIDE * FLOATS_BYTES - SIGNS_BYTES)

/**
 * Lays the gradients of windows, rows of [inputs] `step` floats apart, back on the map. One window after the other: what is added to a
 * threshold, and in which order, must not depend on the windows that are together here.
 */
inlined void scatterWindows(const Window *w, const Place *places, int count, const float *sums, size_t step, int kind, Target *target,
    float *partials) {
  const int channels = w->channels;
  for (int m = 0; m < count; m++) {
    target->dThreshold = partials + (size_t)places[m].image * channels;
    for (int a = 0; a < w->kernel; a++) {
      for (int b = 0; b < w->kernel; b++) {
        const int pixel = pixelUnder(w, &places[m], a, b);
        if (pixel >= 0)
          addPixel(sums + m * step + (size_t)(a * w->kernel + b) * channels, (size_t)pixel * channels, channels, kind, target);
      }
    }
  }
}

/** The signs of 32 filters at an input, of which the index has every four as uint16, 64 times the four bits. */
inlined uint32_t signsOfFilters(const uint16_t *index) {
  uint64_t low, high;
  memcpy(&low, index, 8);
  memcpy(&high, index + 4, 8);
  const uint64_t bits = 0x03c003c003c003c0;
  return (uint32_t)(_pext_u64(low, bits) | _pext_u64(high, bits) << 16);
}

/** A chunk is one image. scratch: tiles of the floats of windows and of signs, then the gradients of the columns. */
KERNEL(binaryInputGradient) {
  const float *dy = call.dy;
  const uint16_t *index = call.index;
  const Window *w = call.window;
  const int inputs = call.inputs, filters = call.filters, kind = call.kind;
  Target target = {call.x, call.threshold, call.dx, NULL};
  float *partials = call.partials;
  const int perImage = w->gridRows * w->gridColumns, last = end * perImage, groups = (filters + 3) >> 2;
  const size_t step = (size_t)tilesOf(inputs, TILE_SIDE) * TILE_SIDE;
  const int together = smaller(TOGETHER, (int)(SUMS_BYTES / (step * 4 * TILE_SIDE)) * TILE_SIDE);
  char *floats = scratch, *signs = floats + TOGETHER / TILE_SIDE * FLOATS_BYTES;
  float *sums = (float *)(signs + SIGNS_BYTES);
  Place places[TOGETHER];
  memset(partials + (size_t)begin * w->channels, 0, (size_t)(end - begin) * w->channels * 4);
  startTiles();
  for (int first = begin * perImage; first < last; first += together) {
    const int count = smaller(together, last - first), rowTiles = tilesOf(count, TILE_SIDE);
    findPlaces(w, first, count, places);
    prefetchWindows(w, places, count, &target);
    memset(sums, 0, rowTiles * TILE_SIDE * step * 4);
    for (int n = 0; n < filters; n += BLOCK_DEPTH) {
      const int depth = tilesOf(smaller(BLOCK_DEPTH, filters - n), DEPTH);
      for (int m = 0; m < rowTiles * TILE_SIDE; m++) {
        for (int d = 0; d < depth; d++) {
          // Rows beyond the last, and filters, count as 0.
          const float *from = dy + (size_t)(first + m) * filters + n + d * DEPTH;
          const int some = m < count ? filters - n - d * DEPTH : 0;
          __builtin_prefetch(from + (size_t)together * filters);
          __builtin_prefetch(from + (size_t)together * filters + 16);
          storeRow(floats + (m / TILE_SIDE * BLOCK_TILES + d) * PIECES * TILE_BYTES + m % TILE_SIDE * 64, someFloats(from, some),
              someFloats(from + 16, some - 16));
        }
      }
      for (int k = 0; k < inputs; k += ABREAST * TILE_SIDE) {
        const int tiles = smaller(ABREAST, tilesOf(inputs - k, TILE_SIDE));
        for (int i = 0; i < tiles; i++) {
          for (int d = 0; d < depth; d++) {
            uint32_t bits[TILE_SIDE] = {0};
            for (int j = 0; j < smaller(TILE_SIDE, inputs - k - i * TILE_SIDE); j++)
              bits[j] = signsOfFilters(index + (size_t)(k + i * TILE_SIDE + j) * groups + (n >> 2) + d * 8);
            storeSignColumns(signs + (i * BLOCK_TILES + d) * TILE_BYTES, bits);
          }
        }
        for (int t = 0; t < rowTiles; t++)
          addProducts(sums + (size_t)t * TILE_SIDE * step + k, step, signs, floats + t * FLOATS_BYTES, depth, tiles, 0);
      }
    }
    if (kind == 0) scatterWindows(w, places, count, sums, step, 0, &target, partials);
    else scatterWindows(w, places, count, sums, step, 1, &target, partials);
  }
  endTiles();
}
