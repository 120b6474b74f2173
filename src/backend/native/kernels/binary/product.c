// The XNOR-popcount product, with the sums and sums of squares of its results by filter.
#include "../kernel.h"

#define BLOCK 64

typedef struct {
  const char *columns;
  const uint16_t *weights;
  int inputs, filters, steps, paddedFilters;
  size_t rowBytes;
} Product;

inlined Product productOf(const char *columns, const uint16_t *weights, int inputs, int filters) {
  return (Product){columns, weights, inputs, filters, (inputs + 15) >> 4, (filters + 7) & ~7, (size_t)((inputs + 31) >> 5) << 2};
}

/** Rows [first, last) and filters [n, n + some) of a product, and where its results go: from y on, `step` values from row to row. */
typedef struct {
  int first, last, n, some;
  int16_t *y;
  size_t step;
} ResultTile;

inlined int16_t *resultsOf(const ResultTile *t, int m) { return t->y + (size_t)(m - t->first) * t->step; }

inlined const uint16_t *signsOf(const Product *p, int m) { return (const uint16_t *)(p->columns + (size_t)m * p->rowBytes); }

/** The filters of a tile from n on, one by one. */
static void productOneByOne(const Product *p, const ResultTile *t, int n) {
  for (int m = t->first; m < t->last; m++) {
    const uint16_t *row = signsOf(p, m);
    for (int f = n; f < t->n + t->some; f++) {
      int different = 0;
      for (int k = 0; k < p->steps; k++) different += __builtin_popcount((uint32_t)(row[k] ^ p->weights[(size_t)k * p->paddedFilters + f]));
      resultsOf(t, m)[f - t->n] = (int16_t)(p->inputs - 2 * different);
    }
  }
}

#if defined(__AVX512BITALG__)
/** Rows that share each load of weights; with two vectors of filters, eight sums hide the time that a count takes. */
#define ROWS 4
#define FILTERS 32

inlined __m512i countDifferences(__m512i sums, __m512i weights, __m512i signs) {
  return _mm512_add_epi16(sums, _mm512_popcnt_epi16(_mm512_xor_si512(weights, signs)));
}

/**
 * Four rows and `groups` times 32 filters from n on, a constant where this is inlined; filters that `stored` lacks are read from what
 * follows, and left out.
 */
inlined void countTile(const Product *p, const uint16_t *const rows[ROWS], int16_t *const out[ROWS], int n, int groups, __mmask32 stored) {
  __m512i sums[ROWS][2];
  for (int r = 0; r < ROWS; r++)
    for (int g = 0; g < groups; g++) sums[r][g] = _mm512_setzero_si512();
  const uint16_t *from = p->weights + n;
  for (int k = 0; k < p->steps; k++, from += p->paddedFilters) {
    __m512i weights[2];
    for (int g = 0; g < groups; g++) weights[g] = _mm512_maskz_loadu_epi16(groups == 1 ? stored : (__mmask32)-1, from + FILTERS * g);
    for (int r = 0; r < ROWS; r++) {
      const __m512i signs = _mm512_set1_epi16((short)rows[r][k]);
      for (int g = 0; g < groups; g++) sums[r][g] = countDifferences(sums[r][g], weights[g], signs);
    }
  }
  // dot = K - 2 * popcount(a XOR w)
  const __m512i all = _mm512_set1_epi16((short)p->inputs);
  for (int r = 0; r < ROWS; r++)
    for (int g = 0; g < groups; g++)
      _mm512_mask_storeu_epi16(out[r] + FILTERS * g, groups == 1 ? stored : (__mmask32)-1,
          _mm512_sub_epi16(all, _mm512_slli_epi16(sums[r][g], 1)));
}

/** Lanes are filters of sixteen bits each. Returns the first filter that is left to do. */
static int productByLanes(const Product *p, const ResultTile *t) {
  const int stop = t->n + t->some;
  for (int m = t->first; m < t->last; m += ROWS) {
    // The last rows may be fewer than four: the missing ones repeat the last, and are written where it goes.
    const uint16_t *rows[ROWS];
    int16_t *out[ROWS];
    for (int r = 0; r < ROWS; r++) {
      rows[r] = signsOf(p, smaller(m + r, t->last - 1));
      out[r] = resultsOf(t, smaller(m + r, t->last - 1));
    }
    for (int n = t->n; n < stop;) {
      const int left = stop - n, groups = left >= 2 * FILTERS ? 2 : 1;
      if (groups == 2) countTile(p, rows, out, n, 2, (__mmask32)-1);
      else countTile(p, rows, out, n, 1, left >= FILTERS ? (__mmask32)-1 : ((__mmask32)1 << left) - 1);
      n += groups * FILTERS;
      for (int r = 0; r < ROWS; r++) out[r] += groups * FILTERS;
    }
  }
  return stop;
}
#elif defined(__AVX2__)
#define ROWS 4
/** Bytes of counts stay below 256 for 31 steps of at most eight. */
#define STEPS 31

/** Lanes are sixteen filters of sixteen bits each; four rows share each load of weights. Returns the first filter that is left to do. */
static int productByLanes(const Product *p, const ResultTile *t) {
  const __m256i counts = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4, 0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
  const __m256i nibble = _mm256_set1_epi8(15), ones = _mm256_set1_epi8(1), all = _mm256_set1_epi16((short)p->inputs);
  const int whole = t->n + (t->some & ~15);
  for (int m = t->first; m < t->last; m += ROWS) {
    // The last rows may be fewer than four: the missing ones repeat the last, and are written where it goes.
    const uint16_t *rows[ROWS];
    for (int r = 0; r < ROWS; r++) rows[r] = signsOf(p, smaller(m + r, t->last - 1));
    for (int n = t->n; n < whole; n += 16) {
      __m256i sums[ROWS];
      for (int r = 0; r < ROWS; r++) sums[r] = _mm256_setzero_si256();
      for (int block = 0; block < p->steps; block += STEPS) {
        const int stop = smaller(p->steps, block + STEPS);
        __m256i bytes[ROWS];
        for (int r = 0; r < ROWS; r++) bytes[r] = _mm256_setzero_si256();
        const uint16_t *from = p->weights + (size_t)block * p->paddedFilters + n;
        for (int k = block; k < stop; k++, from += p->paddedFilters) {
          const __m256i weights = _mm256_loadu_si256((const __m256i *)from);
          for (int r = 0; r < ROWS; r++) {
            const __m256i different = _mm256_xor_si256(weights, _mm256_set1_epi16((short)rows[r][k]));
            const __m256i low = _mm256_shuffle_epi8(counts, _mm256_and_si256(different, nibble));
            const __m256i high = _mm256_shuffle_epi8(counts, _mm256_and_si256(_mm256_srli_epi16(different, 4), nibble));
            bytes[r] = _mm256_add_epi8(bytes[r], _mm256_add_epi8(low, high));
          }
        }
        for (int r = 0; r < ROWS; r++) sums[r] = _mm256_add_epi16(sums[r], _mm256_maddubs_epi16(bytes[r], ones));
      }
      // dot = K - 2 * popcount(a XOR w)
      for (int r = 0; r < ROWS; r++)
        _mm256_storeu_si256((__m256i *)(resultsOf(t, smaller(m + r, t->last - 1)) + n - t->n),
            _mm256_sub_epi16(all, _mm256_slli_epi16(sums[r], 1)));
    }
  }
  return whole;
}
#elif defined(WITH_NEON)
#define ROWS 4
/** Bytes of counts stay below 256 for 31 steps of at most eight. */
#define STEPS 31

/** As with AVX2, but eight filters by sixteen bits in a register, whose bytes an instruction counts. */
static int productByLanes(const Product *p, const ResultTile *t) {
  const int16x8_t all = vdupq_n_s16((int16_t)p->inputs);
  const int whole = t->n + (t->some & ~15);
  for (int m = t->first; m < t->last; m += ROWS) {
    const uint16_t *rows[ROWS];
    for (int r = 0; r < ROWS; r++) rows[r] = signsOf(p, smaller(m + r, t->last - 1));
    for (int n = t->n; n < whole; n += 16) {
      uint16x8_t sums[ROWS][2];
      for (int r = 0; r < ROWS; r++) sums[r][0] = sums[r][1] = vdupq_n_u16(0);
      for (int block = 0; block < p->steps; block += STEPS) {
        const int stop = smaller(p->steps, block + STEPS);
        uint8x16_t bytes[ROWS][2];
        for (int r = 0; r < ROWS; r++) bytes[r][0] = bytes[r][1] = vdupq_n_u8(0);
        const uint16_t *from = p->weights + (size_t)block * p->paddedFilters + n;
        for (int k = block; k < stop; k++, from += p->paddedFilters) {
          const uint16x8_t weights[2] = {vld1q_u16(from), vld1q_u16(from + 8)};
          for (int r = 0; r < ROWS; r++) {
            const uint16x8_t signs = vdupq_n_u16(rows[r][k]);
            for (int half = 0; half < 2; half++)
              bytes[r][half] = vaddq_u8(bytes[r][half], vcntq_u8(vreinterpretq_u8_u16(veorq_u16(weights[half], signs))));
          }
        }
        for (int r = 0; r < ROWS; r++)
          for (int half = 0; half < 2; half++) sums[r][half] = vpadalq_u8(sums[r][half], bytes[r][half]);
      }
      // dot = K - 2 * popcount(a XOR w)
      for (int r = 0; r < ROWS; r++) {
        int16_t *out = resultsOf(t, smaller(m + r, t->last - 1)) + n - t->n;
        for (int half = 0; half < 2; half++)
          vst1q_s16(out + 8 * half, vsubq_s16(all, vreinterpretq_s16_u16(vshlq_n_u16(sums[r][half], 1))));
      }
    }
  }
  return whole;
}
#else
static int productByLanes(const Product *p, const ResultTile *t) {
  (void)p;
  return t->n;
}
#endif

static void productTileByBits(const Product *p, const ResultTile *t) { productOneByOne(p, t, productByLanes(p, t)); }

static void clearStatistics(double *sums, int filters, int n, int some) {
  memset(sums + n, 0, (size_t)some * 8);
  memset(sums + filters + n, 0, (size_t)some * 8);
}

/** sums[n] += y, sums[filters + n] += y * y over `rows` rows and filters [from, from + some). Exact: integers below 2^53. */
static void addFewStatistics(const int16_t *y, int rows, int filters, int from, int some, double *sums) {
  const int stop = from + some;
  int n = from;
#if defined(__AVX2__)
  const __m256i ones = _mm256_set1_epi16(1);
  for (; n + 16 <= stop; n += 16) {
    // Two rows interleaved, so that a multiply-add of neighbours sums over rows; filters 0-3 and 8-11 in the low halves, 4-7 and 12-15 in
    // the high.
    __m256i sum[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()}, square[2] = {sum[0], sum[0]};
    for (int m = 0; m < rows; m += 2) {
      const int16_t *row = y + (size_t)m * filters + n;
      const __m256i a = _mm256_loadu_si256((const __m256i *)row);
      const __m256i b = m + 1 < rows ? _mm256_loadu_si256((const __m256i *)(row + filters)) : _mm256_setzero_si256();
      const __m256i pairs[2] = {_mm256_unpacklo_epi16(a, b), _mm256_unpackhi_epi16(a, b)};
      for (int half = 0; half < 2; half++) {
        sum[half] = _mm256_add_epi32(sum[half], _mm256_madd_epi16(pairs[half], ones));
        square[half] = _mm256_add_epi32(square[half], _mm256_madd_epi16(pairs[half], pairs[half]));
      }
    }
    for (int half = 0; half < 2; half++) {
      for (int eight = 0; eight < 2; eight++) {
        double *target = sums + n + 4 * half + 8 * eight;
        const __m128i s = eight ? _mm256_extracti128_si256(sum[half], 1) : _mm256_castsi256_si128(sum[half]);
        const __m128i q = eight ? _mm256_extracti128_si256(square[half], 1) : _mm256_castsi256_si128(square[half]);
        _mm256_storeu_pd(target, _mm256_add_pd(_mm256_loadu_pd(target), _mm256_cvtepi32_pd(s)));
        _mm256_storeu_pd(target + filters, _mm256_add_pd(_mm256_loadu_pd(target + filters), _mm256_cvtepi32_pd(q)));
      }
    }
  }
#elif defined(WITH_NEON)
  for (; n + 8 <= stop; n += 8) {
    int32x4_t sum[2] = {vdupq_n_s32(0), vdupq_n_s32(0)}, square[2] = {sum[0], sum[0]};
    for (int m = 0; m < rows; m++) {
      const int16x8_t v = vld1q_s16(y + (size_t)m * filters + n);
      sum[0] = vaddw_s16(sum[0], vget_low_s16(v));
      sum[1] = vaddw_high_s16(sum[1], v);
      square[0] = vmlal_s16(square[0], vget_low_s16(v), vget_low_s16(v));
      square[1] = vmlal_high_s16(square[1], v, v);
    }
    for (int i = 0; i < 8; i++) {
      sums[n + i] += sum[i >> 2][i & 3];
      sums[filters + n + i] += square[i >> 2][i & 3];
    }
  }
#endif
  for (; n < stop; n++) {
    int64_t sum = 0, square = 0;
    for (int m = 0; m < rows; m++) {
      const int64_t v = y[(size_t)m * filters + n];
      sum += v;
      square += v * v;
    }
    sums[n] += (double)sum;
    sums[filters + n] += (double)square;
  }
}

/** Squares are summed in an int32 before they go to float64: 64 of up to 5,792 stay below 2^31, and sixteen of up to 11,584. */
static void addStatistics(const int16_t *y, int rows, int inputs, int filters, int from, int some, double *sums) {
  const int step = inputs <= 5792 ? 64 : 16;
  for (int m = 0; m < rows; m += step) addFewStatistics(y + (size_t)m * filters, smaller(step, rows - m), filters, from, some, sums);
}

/**
 * A chunk is up to 64 filters of `chunkRows` rows; its sums go to partials[chunk of rows] (float64 [2, filters]), unless there are none.
 */
KERNEL(binaryProduct) {
  int16_t *y = call.y;
  const int rows = call.rows, inputs = call.inputs, filters = call.filters, chunkRows = call.chunkRows;
  const Product p = productOf((const char *)call.columns, call.weights, inputs, filters);
  double *partials = call.partials;
  const int blocks = (filters + PRODUCT_FILTERS - 1) / PRODUCT_FILTERS;
  for (int chunk = begin; chunk < end; chunk++) {
    const int part = chunk / blocks, n = chunk % blocks * PRODUCT_FILTERS, some = smaller(PRODUCT_FILTERS, filters - n);
    const int last = smaller(rows, (part + 1) * chunkRows);
    double *sums = partials ? partials + (size_t)part * 2 * filters : NULL;
    if (sums) clearStatistics(sums, filters, n, some);
    for (int m = part * chunkRows; m < last; m += BLOCK) {
      const ResultTile tile = {m, smaller(last, m + BLOCK), n, some, y + (size_t)m * filters + n, (size_t)filters};
      productTileByBits(&p, &tile);
      if (sums) addStatistics(y + (size_t)m * filters, tile.last - m, inputs, filters, n, some, sums);
    }
  }
}
