// The XNOR-popcount product by tables; see table-product.ts of the WebAssembly kernels. A byte of the weights holds four signs of a filter.
// For each four signs of a row a register holds the sixteen counts of differences that such a byte can have with them, and a shuffle looks
// 32 filters up at once (64 with AVX-512): two instructions for 128 binary multiply-accumulates, where counting the bits of bytes without
// an instruction for it takes eight for 256.
#include "../kernel.h"

#if defined(__AVX2__)
/** A byte of a row is two look-ups of at most four: 31 of them stay below 256. */
#define ROW_BYTES 31
#define TABLE_ROWS 2
#define TABLES 16

/** Bytes, a filter's count each, and the same width of sixteen-bit sums. */
#if defined(__AVX512BW__)
typedef __m512i Bytes;
#define zeroBytes _mm512_setzero_si512
#define lookUp _mm512_shuffle_epi8
#define addBytes _mm512_add_epi8
#define addShorts _mm512_add_epi16
#define subtractShorts _mm512_sub_epi16
#define splatShorts _mm512_set1_epi16
#define splatBytes _mm512_set1_epi8
inlined Bytes loadBytes(const uint8_t *from, int count) {
  return _mm512_maskz_loadu_epi8(count < 64 ? ((__mmask64)1 << count) - 1 : ~(__mmask64)0, from);
}
inlined Bytes lowShorts(Bytes bytes) { return _mm512_cvtepu8_epi16(_mm512_castsi512_si256(bytes)); }
inlined Bytes highShorts(Bytes bytes) { return _mm512_cvtepu8_epi16(_mm512_extracti64x4_epi64(bytes, 1)); }
#else
typedef __m256i Bytes;
#define zeroBytes _mm256_setzero_si256
#define lookUp _mm256_shuffle_epi8
#define addBytes _mm256_add_epi8
#define addShorts _mm256_add_epi16
#define subtractShorts _mm256_sub_epi16
#define splatShorts _mm256_set1_epi16
#define splatBytes _mm256_set1_epi8
/** Reads a whole vector, whatever count says: what follows the weights may be read. */
inlined Bytes loadBytes(const uint8_t *from, int count) { return (void)count, _mm256_loadu_si256((const __m256i *)from); }
inlined Bytes lowShorts(Bytes bytes) { return _mm256_cvtepu8_epi16(_mm256_castsi256_si128(bytes)); }
inlined Bytes highShorts(Bytes bytes) { return _mm256_cvtepu8_epi16(_mm256_extracti128_si256(bytes, 1)); }
#endif
#define FILTERS_TOGETHER ((int)sizeof(Bytes))
/** Vectors in a whole block of filters. */
#define BLOCK_VECTORS (PRODUCT_FILTERS / FILTERS_TOGETHER)

/** Every sixteen bytes of entry a: byte w is the number of bits in which a and w differ. */
static void fillTables(Bytes tables[TABLES]) {
  for (int a = 0; a < TABLES; a++) {
    uint8_t counts[sizeof(Bytes)];
    for (int w = 0; w < FILTERS_TOGETHER; w++) counts[w] = (uint8_t)__builtin_popcount((unsigned)((w & 15) ^ a));
    memcpy(&tables[a], counts, sizeof counts);
  }
}

/** A block of up to 64 filters and its place in the product. */
typedef struct {
  const Bytes *tables;
  /** uint8 [2 * bytes, width] */
  const uint8_t *weights;
  int width, bytes, inputs, some;
} TableBlock;

/** Two rows and `vectors` of filters from n of the block on, in steps of `width` bytes; both are constants where this is inlined. */
inlined void tableTile(const TableBlock *p, const uint8_t *const rows[TABLE_ROWS], int16_t *const out[TABLE_ROWS], int n, int vectors,
    int width) {
  Bytes sums[TABLE_ROWS][BLOCK_VECTORS][2];
  for (int r = 0; r < TABLE_ROWS; r++)
    for (int v = 0; v < vectors; v++) sums[r][v][0] = sums[r][v][1] = zeroBytes();
  const uint8_t *from = p->weights + n;
  const int present = width - n;
  for (int block = 0; block < p->bytes; block += ROW_BYTES) {
    const int stop = smaller(p->bytes, block + ROW_BYTES);
    Bytes counts[TABLE_ROWS][BLOCK_VECTORS];
    for (int r = 0; r < TABLE_ROWS; r++)
      for (int v = 0; v < vectors; v++) counts[r][v] = zeroBytes();
    for (int k = block; k < stop; k++, from += 2 * width) {
      for (int r = 0; r < TABLE_ROWS; r++) {
        const unsigned signs = rows[r][k];
        const Bytes low = p->tables[signs & 15], high = p->tables[signs >> 4];
        for (int v = 0; v < vectors; v++) {
          const uint8_t *filters = from + FILTERS_TOGETHER * v;
          counts[r][v] = addBytes(counts[r][v], lookUp(low, loadBytes(filters, present)));
          counts[r][v] = addBytes(counts[r][v], lookUp(high, loadBytes(filters + width, present)));
        }
      }
    }
    for (int r = 0; r < TABLE_ROWS; r++) {
      for (int v = 0; v < vectors; v++) {
        sums[r][v][0] = addShorts(sums[r][v][0], lowShorts(counts[r][v]));
        sums[r][v][1] = addShorts(sums[r][v][1], highShorts(counts[r][v]));
      }
    }
  }
  // dot = K - 2 * count of differences
  const Bytes all = splatShorts((short)p->inputs);
  for (int r = 0; r < TABLE_ROWS; r++) {
    for (int v = 0; v < vectors; v++) {
      const int first = n + FILTERS_TOGETHER * v;
      Bytes dots[2];
      for (int half = 0; half < 2; half++) dots[half] = subtractShorts(all, addShorts(sums[r][v][half], sums[r][v][half]));
      memcpy(out[r] + first, dots, (size_t)smaller(FILTERS_TOGETHER, p->some - first) * 2);
    }
  }
}

/** Of a tile of the block's filters. */
static void productTileByTable(const TableBlock *p, const char *columns, const ResultTile *t) {
  const size_t rowBytes = (size_t)((p->inputs + 31) >> 5) << 2;
  for (int m = t->first; m < t->last; m += TABLE_ROWS) {
    // The last of an odd number of rows is computed twice and written where it goes.
    const int second = smaller(m + 1, t->last - 1);
    const uint8_t *const from[TABLE_ROWS] = {(const uint8_t *)columns + (size_t)m * rowBytes,
        (const uint8_t *)columns + (size_t)second * rowBytes};
    int16_t *const out[TABLE_ROWS] = {resultsOf(t, m), resultsOf(t, second)};
    if (p->some == PRODUCT_FILTERS) tableTile(p, from, out, 0, BLOCK_VECTORS, PRODUCT_FILTERS);
    else
      for (int n = 0; n < p->some; n += FILTERS_TOGETHER) tableTile(p, from, out, n, 1, p->width);
  }
}

inlined TableBlock tableBlockOf(const Bytes *tables, const uint8_t *weights, int n, int some, int inputs) {
  const int bytes = (inputs + 7) >> 3;
  return (TableBlock){tables, weights + (size_t)n * 2 * bytes, (some + 15) & ~15, bytes, inputs, some};
}

/** Arguments as of binaryProduct, with weights by blocks of 64 filters, uint8 [2 * bytes of a row, width of the block], four signs each. */
KERNEL(binaryProductTable) {
  const char *columns = (const char *)call.columns;
  const uint8_t *weights = call.weights;
  int16_t *y = call.y;
  const int rows = call.rows, inputs = call.inputs, filters = call.filters, chunkRows = call.chunkRows;
  double *partials = call.partials;
  const int blocks = (filters + PRODUCT_FILTERS - 1) / PRODUCT_FILTERS;
  Bytes tables[TABLES];
  fillTables(tables);
  for (int chunk = begin; chunk < end; chunk++) {
    const int part = chunk / blocks, n = chunk % blocks * PRODUCT_FILTERS, some = smaller(PRODUCT_FILTERS, filters - n);
    const TableBlock p = tableBlockOf(tables, weights, n, some, inputs);
    const int last = smaller(rows, (part + 1) * chunkRows);
    double *sums = partials ? partials + (size_t)part * 2 * filters : NULL;
    if (sums) clearStatistics(sums, filters, n, some);
    for (int m = part * chunkRows; m < last; m += BLOCK) {
      const ResultTile tile = {m, smaller(last, m + BLOCK), n, some, y + (size_t)m * filters + n, (size_t)filters};
      productTileByTable(&p, columns, &tile);
      if (sums) addStatistics(y + (size_t)m * filters, tile.last - m, inputs, filters, n, some, sums);
    }
  }
}
#endif
