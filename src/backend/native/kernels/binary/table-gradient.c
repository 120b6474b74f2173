// The two gradient products of a binary convolution by tables of signed sums; the method is described in the WebAssembly kernels'
// tables.ts.
#include "estimator.h"
#include "../kernel.h"
#include "places.h"

#define LANES 16
/** Floats in a table: 16 entries of 16 lanes. */
#define TABLE (16 * LANES)
#define PARTS (LANES / WIDTH)
/** Outputs summed side by side, so that additions need not wait for each other. */
#define TOGETHER (PARTS == 1 ? 4 : 2)

/** WIDTH lanes of a table: entry e = sum over i of (bit i of e ? +r_i : -r_i). */
inlined void fillLanes(float *table, Floats r0, Floats r1, Floats r2, Floats r3) {
  const Floats sum01 = r0 + r1, difference01 = r0 - r1, sum23 = r2 + r3, difference23 = r2 - r3;
  const Floats upper[8] = {-(sum01 + difference23), difference01 - difference23, -(difference01 + difference23), sum01 - difference23,
                           sum23 - sum01,           sum23 + difference01,        sum23 - difference01,           sum23 + sum01};
  for (int e = 0; e < 8; e++) {
    storeFloats(table + (8 + e) * LANES, upper[e]);
    storeFloats(table + (7 - e) * LANES, -upper[e]);
  }
}

/** The four sign bits of group g come times the bytes of an entry. */
inlined void addEntry(Floats *sums, const char *tables, int g, uint64_t offset) {
  const float *entry = (const float *)(tables + (size_t)g * TABLE * 4 + offset);
  for (int part = 0; part < PARTS; part++) sums[part] += loadFloats(entry + part * WIDTH);
}

/** `together` outputs: out[k] += sum over g of table[g][index[k][g]]. `together` is a constant where this is inlined. */
inlined void addOutputs(float *out, const char *tables, const uint16_t *index, size_t indexStep, int groups, int together) {
  Floats sums[4][PARTS];
  for (int k = 0; k < together; k++)
    for (int part = 0; part < PARTS; part++) sums[k][part] = loadFloats(out + k * LANES + part * WIDTH);
  int g = 0;
  for (; g + 4 <= groups; g += 4) {
    // Offsets are loaded four at a time: loads are what this loop is bound by.
    uint64_t four[4];
    for (int k = 0; k < together; k++) memcpy(&four[k], index + k * indexStep + g, 8);
#pragma GCC unroll 4
    for (int q = 0; q < 4; q++)
      for (int k = 0; k < together; k++) addEntry(sums[k], tables, g + q, four[k] >> (16 * q) & 0xffff);
  }
  for (; g < groups; g++)
    for (int k = 0; k < together; k++) addEntry(sums[k], tables, g, index[k * indexStep + g]);
  for (int k = 0; k < together; k++)
    for (int part = 0; part < PARTS; part++) storeFloats(out + k * LANES + part * WIDTH, sums[k][part]);
}

static void addFromTables(float *out, const float *tables, const uint16_t *index, size_t indexStep, int count, int groups) {
  int k = 0;
  for (; k + TOGETHER <= count; k += TOGETHER)
    addOutputs(out + k * LANES, (const char *)tables, index + k * indexStep, indexStep, groups, TOGETHER);
  for (; k < count; k++) addOutputs(out + k * LANES, (const char *)tables, index + k * indexStep, indexStep, groups, 1);
}

/** A chunk is `chunkFilters` filters (a multiple of 16) times `chunkInputs` inputs. scratch: the tables, then 64 bytes an input. */
KERNEL(binaryWeightGradient) {
  const float *dy = call.dy;
  const uint16_t *index = call.index;
  const int rows = call.rows, inputs = call.inputs, filters = call.filters, chunkInputs = call.chunkInputs,
      chunkFilters = call.chunkFilters;
  const float *latent = call.latent;
  float *gradient = call.gradient;
  const int padded = (inputs + 15) & ~15, inputBlocks = (inputs + chunkInputs - 1) / chunkInputs;
  float *tables = (float *)scratch, *sums = tables + GROUPS * TABLE;
  const Floats zero = splat(0);
  for (int chunk = begin; chunk < end; chunk++) {
    const int firstFilter = chunk / inputBlocks * chunkFilters, firstInput = chunk % inputBlocks * chunkInputs;
    const int count = smaller(chunkInputs, inputs - firstInput), lastFilter = smaller(filters, firstFilter + chunkFilters);
    for (int n = firstFilter; n < lastFilter; n += LANES) {
      memset(sums, 0, (size_t)count * LANES * 4);
      for (int m = 0; m < rows; m += 64) {
        const int groups = smaller(GROUPS, (rows - m + 3) >> 2);
        for (int g = 0; g < groups; g++) {
          const int left = rows - m - 4 * g;
          // Lanes beyond the last filter read the next row (or the slack behind the matrix): they are computed and never stored.
          const float *from = dy + (size_t)(m + 4 * g) * filters + n;
          for (int lane = 0; lane < LANES; lane += WIDTH)
            fillLanes(tables + g * TABLE + lane, loadFloats(from + lane), left > 1 ? loadFloats(from + lane + filters) : zero,
                      left > 2 ? loadFloats(from + lane + 2 * (size_t)filters) : zero,
                      left > 3 ? loadFloats(from + lane + 3 * (size_t)filters) : zero);
          if (m + 64 + 4 * g + 4 <= rows)
            for (int r = 0; r < 4; r++) __builtin_prefetch(from + (size_t)(64 + r) * filters);
        }
        addFromTables(sums, tables, index + ((size_t)(m >> 6) * padded + firstInput) * GROUPS, GROUPS, count, groups);
      }
      const int lanes = smaller(LANES, filters - n);
      for (int k = 0; k < count; k++) {
        const size_t at = (size_t)(firstInput + k) * filters + n;
        for (int lane = 0; lane < lanes; lane += WIDTH) {
          const int some = smaller(WIDTH, lanes - lane);
          const Floats sum = keepWhere(magnitude(loadSome(latent + at + lane, some)) <= 1, loadFloats(sums + k * LANES + lane));
          storeSome(gradient + at + lane, loadSome(gradient + at + lane, some) + sum, some);
        }
      }
    }
  }
}

/** out[n][lane] = dy[lane][n], 16 lanes; 0 for lanes from `count` and filters from `filters` on. */
static void transposeRows(const float *dy, int count, int filters, int padded, float *out) {
  if (count < LANES || filters % SIDE) {
    memset(out, 0, (size_t)padded * LANES * 4);
    for (int m = 0; m < count; m++)
      for (int n = 0; n < filters; n++) out[n * LANES + m] = dy[(size_t)m * filters + n];
    return;
  }
  for (int m = 0; m < LANES; m += SIDE)
    for (int n = 0; n < filters; n += SIDE) transposeSquare(dy + (size_t)m * filters + n, (size_t)filters, out + n * LANES + m, LANES);
}

/**
 * Lays the sums of a tile, [inputs][16 lanes], back on the map; the taps of a row side by side, so that memory is met in order. rows:
 * [kernel][16][channels].
 */
inlined void scatterTile(const Window *w, const Place *places, int count, const float *sums, float *rows, int kind, const Target *target) {
  const int channels = w->channels, whole = channels - channels % SIDE;
  for (int tapRow = 0; tapRow < w->kernel; tapRow++) {
    for (int b = 0; b < w->kernel; b++) {
      const float *from = sums + (size_t)(tapRow * w->kernel + b) * channels * LANES;
      float *to = rows + (size_t)b * LANES * channels;
      for (int c = 0; c < whole; c += SIDE)
        for (int m = 0; m < LANES; m += SIDE) transposeSquare(from + c * LANES + m, LANES, to + m * channels + c, (size_t)channels);
      for (int c = whole; c < channels; c++)
        for (int m = 0; m < LANES; m++) to[m * channels + c] = from[c * LANES + m];
    }
    for (int m = 0; m < count; m++) {
      for (int b = 0; b < w->kernel; b++) {
        const int pixel = pixelUnder(w, &places[m], tapRow, b);
        if (pixel >= 0) addPixel(rows + (size_t)(b * LANES + m) * channels, (size_t)pixel * channels, channels, kind, target);
      }
    }
  }
}

/**
 * A chunk is one image. scratch: dy transposed (64 bytes a filter, rounded up to 64 filters), the tables, the gradient of the columns (64
 * bytes an input), and of those under one row of taps by window (64 bytes a channel and tap).
 */
KERNEL(binaryInputGradient) {
  const float *dy = call.dy;
  const uint16_t *index = call.index;
  const Window *w = call.window;
  const int inputs = call.inputs, filters = call.filters, kind = call.kind;
  Target target = {call.x, call.threshold, call.dx, NULL};
  float *partials = call.partials;
  const int channels = w->channels, perImage = w->gridRows * w->gridColumns, groups = (filters + 3) >> 2,
      paddedFilters = (filters + 63) & ~63;
  float *transposed = (float *)scratch, *tables = transposed + (size_t)paddedFilters * LANES, *sums = tables + GROUPS * TABLE,
      *rows = sums + (size_t)inputs * LANES;
  for (int image = begin; image < end; image++) {
    target.dThreshold = partials + (size_t)image * channels;
    memset(target.dThreshold, 0, (size_t)channels * 4);
    for (int first = 0; first < perImage; first += LANES) {
      const int window = image * perImage + first, count = smaller(LANES, perImage - first);
      Place places[LANES];
      findPlaces(w, window, count, places);
      prefetchWindows(w, places, count, &target);
      transposeRows(dy + (size_t)window * filters, count, filters, paddedFilters, transposed);
      memset(sums, 0, (size_t)inputs * LANES * 4);
      for (int g = 0; g < groups; g += GROUPS) {
        const int some = smaller(GROUPS, groups - g);
        for (int t = 0; t < some; t++) {
          const float *from = transposed + (g + t) * 4 * LANES;
          for (int lane = 0; lane < LANES; lane += WIDTH)
            fillLanes(tables + t * TABLE + lane, loadFloats(from + lane), loadFloats(from + LANES + lane),
                loadFloats(from + 2 * LANES + lane), loadFloats(from + 3 * LANES + lane));
        }
        addFromTables(sums, tables, index + g, (size_t)groups, inputs, some);
      }
      if (kind == 0) scatterTile(w, places, count, sums, rows, 0, &target);
      else scatterTile(w, places, count, sums, rows, 1, &target);
    }
  }
}
