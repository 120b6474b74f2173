// Real matrix products and the columns of real convolutions.
#include "kernel.h"

/** Rows of a tile: with two vectors of columns, twelve sums hide the time that a multiply-add takes. */
#define TILE_ROWS 6
/**
 * Columns of a panel, and rows of b that are copied side by side before the tiles read them: they stay in the first-level cache whatever
 * b's row length.
 */
#define PANEL (2 * WIDTH)
#define INNER 256

typedef struct {
  const float *a, *b;
  float *c;
  int rowStep, innerStep, inner, columns, accumulate;
} RealProduct;

/**
 * out[r, 0..parts * WIDTH) over `depth` rows of b; missing rows repeat the last one, and are not stored. `some`: columns of each part,
 * WIDTH unless there is one part. `parts` is a constant where this is inlined.
 */
inlined void productTile(const float *const a[TILE_ROWS], int innerStep, const float *b, size_t step, float *out, int count, int depth,
    size_t columns, int more, int parts, int some) {
  Floats sums[TILE_ROWS][2];
  for (int r = 0; r < TILE_ROWS; r++)
    for (int part = 0; part < parts; part++)
      sums[r][part] = more ? loadSome(out + (size_t)smaller(r, count - 1) * columns + part * WIDTH, some) : splat(0);
  for (int p = 0; p < depth; p++, b += step) {
    for (int r = 0; r < TILE_ROWS; r++) {
      const Floats v = splat(a[r][(size_t)p * innerStep]);
      for (int part = 0; part < parts; part++) sums[r][part] += v * loadFloats(b + part * WIDTH);
    }
  }
  for (int r = 0; r < count; r++)
    for (int part = 0; part < parts; part++) storeSome(out + (size_t)r * columns + part * WIDTH, sums[r][part], some);
}

/** Rows [first, last) of `parts` vectors of `some` columns each from j on. */
inlined void productPanel(const RealProduct *x, float *scratch, int first, int last, int j, int parts, int some) {
  const size_t columns = (size_t)x->columns;
  for (int p = 0; p < x->inner; p += INNER) {
    const int depth = smaller(INNER, x->inner - p), more = x->accumulate || p > 0;
    const float *b = x->b + (size_t)p * columns + j;
    size_t step = columns;
    // A single tile reads b only once, but whole vectors of it.
    if (last - first > TILE_ROWS || some < WIDTH) {
      step = (size_t)parts * WIDTH;
      for (int q = 0; q < depth; q++)
        for (int part = 0; part < parts; part++)
          storeFloats(scratch + q * step + part * WIDTH, loadSome(b + q * columns + part * WIDTH, some));
      b = scratch;
    }
    for (int i = first; i < last; i += TILE_ROWS) {
      const int count = smaller(TILE_ROWS, last - i);
      const float *from[TILE_ROWS];
      for (int r = 0; r < TILE_ROWS; r++) from[r] = x->a + (size_t)(i + smaller(r, count - 1)) * x->rowStep + (size_t)p * x->innerStep;
      productTile(from, x->innerStep, b, step, x->c + (size_t)i * columns + j, count, depth, columns, more, parts, some);
    }
  }
}

/** One row and REAL_COLUMNS columns from j on: b is read once, from front to back. */
static void productRow(const RealProduct *x, int i, int j) {
  const float *a = x->a + (size_t)i * x->rowStep, *b = x->b + j;
  float *out = x->c + (size_t)i * x->columns + j;
  Floats sums[REAL_COLUMNS / WIDTH];
  for (int v = 0; v < REAL_COLUMNS / WIDTH; v++) sums[v] = x->accumulate ? loadFloats(out + v * WIDTH) : splat(0);
  for (int p = 0; p < x->inner; p++)
    for (int v = 0; v < REAL_COLUMNS / WIDTH; v++)
      sums[v] += splat(a[(size_t)p * x->innerStep]) * loadFloats(b + (size_t)p * x->columns + v * WIDTH);
  for (int v = 0; v < REAL_COLUMNS / WIDTH; v++) storeFloats(out + v * WIDTH, sums[v]);
}

/** c (+)= a * b, with a(i, p) = a[i * rowStep + p * innerStep]. Sums run over p in order. */
KERNEL(product) {
  const int rows = call.rows, columns = call.columns, columnChunks = (columns + REAL_COLUMNS - 1) / REAL_COLUMNS;
  const RealProduct x = {call.a, call.b, call.c, call.rowStep, call.innerStep, call.inner, columns, call.accumulate};
  for (int chunk = begin; chunk < end; chunk++) {
    const int i = chunk / columnChunks * REAL_ROWS, lastRow = smaller(rows, i + REAL_ROWS);
    int j = chunk % columnChunks * REAL_COLUMNS;
    const int lastColumn = smaller(columns, j + REAL_COLUMNS);
    if (lastRow - i == 1 && lastColumn - j == REAL_COLUMNS) {
      productRow(&x, i, j);
      continue;
    }
    for (; j + PANEL <= lastColumn; j += PANEL) productPanel(&x, (float *)scratch, i, lastRow, j, 2, WIDTH);
    for (; j + WIDTH <= lastColumn; j += WIDTH) productPanel(&x, (float *)scratch, i, lastRow, j, 1, WIDTH);
    if (j < lastColumn) productPanel(&x, (float *)scratch, i, lastRow, j, 1, lastColumn - j);
  }
}

#define FOUR (4 * sizeof(float))

/** Short runs, for which a call of memcpy costs more than the copy; the last four floats may overlap those before. */
inlined void copyFloats(float *to, const float *from, int count) {
  if (count < 4) {
    for (int c = 0; c < count; c++) to[c] = from[c];
    return;
  }
  for (int c = 0; c < count - 4; c += 4) memcpy(to + c, from + c, FOUR);
  memcpy(to + count - 4, from + count - 4, FOUR);
}

/**
 * A chunk is one grid row of one image. columns: float32 [M, K]. Tap row by tap row: what lies outside above or below is known for a whole
 * row of windows.
 */
KERNEL(gatherColumns) {
  const float *x = call.x;
  const Window *w = call.window;
  const int channels = w->channels, kernel = w->kernel, step = w->step, run = kernel * channels;
  const size_t lineLength = (size_t)w->width * channels;
  for (int chunk = begin; chunk < end; chunk++) {
    const int image = chunk / w->gridRows, row = rowOrigin(w, chunk % w->gridRows);
    for (int a = 0; a < kernel; a++) {
      const int pixelRow = row + a * step;
      const float *line = (uint32_t)pixelRow < (uint32_t)w->height ? x + ((size_t)image * w->height + pixelRow) * lineLength : NULL;
      float *out = call.columns + ((size_t)chunk * w->gridColumns * kernel + a) * run;
      for (int j = 0; j < w->gridColumns; j++, out += (size_t)kernel * run) {
        const int column = columnOrigin(w, j);
        if (!line) memset(out, 0, (size_t)run * 4);
        // Neighbouring taps of one row of pixels lie side by side.
        else if (step == 1 && column >= 0 && column + kernel <= w->width) copyFloats(out, line + (size_t)column * channels, run);
        else {
          for (int b = 0; b < kernel; b++) {
            const int pixel = column + b * step;
            if ((uint32_t)pixel < (uint32_t)w->width) copyFloats(out + b * channels, line + (size_t)pixel * channels, channels);
            else memset(out + b * channels, 0, (size_t)channels * 4);
          }
        }
      }
    }
  }
}
