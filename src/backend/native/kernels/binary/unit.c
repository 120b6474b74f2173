// A deployed binary layer in one pass; see binary/unit.ts of the WebAssembly kernels. The product of a tile stays in the first-level cache
// until it is laid out.
#include "../kernel.h"

/** Rows of a tile; its filters are those of a chunk. */
#define TILE BLOCK

/** By filter of the tile: scale, bias less the activation's shift, left slope, right slope, shift out. */
typedef struct {
  float scale[PRODUCT_FILTERS], bias[PRODUCT_FILTERS], left[PRODUCT_FILTERS], right[PRODUCT_FILTERS], to[PRODUCT_FILTERS];
} UnitParameters;

typedef struct {
  int rows, inputs, filters, chunkRows, channels;
  const float *norm, *shortcut, *activation;
  const Window *window;
  float *out;
} Unit;

inlined Unit unitOf(binaryUnitArguments call) {
  const Window *window = call.window;
  const int filters = call.filters;
  return (Unit){call.rows, call.inputs, filters, call.chunkRows, filters / tapsOf(window), call.norm, call.shortcut, call.activation,
      window, call.out};
}

static void gatherParameters(const Unit *u, int n, int some, UnitParameters *p) {
  for (int i = 0; i < some; i++) {
    const float *channel = u->activation ? u->activation + (n + i) % u->channels : NULL;
    p->scale[i] = u->norm[n + i];
    p->bias[i] = u->norm[u->filters + n + i] - (channel ? channel[0] : 0);
    p->left[i] = channel ? channel[u->channels] : 1;
    p->right[i] = channel ? channel[2 * u->channels] : 1;
    p->to[i] = channel ? channel[3 * u->channels] : 0;
  }
}

/** `some` filters of the tile from i on, from y to `place` of the map. */
inlined void activateSome(const Unit *u, const UnitParameters *p, const int16_t *y, int i, int some, size_t place) {
  Floats v = loadSome(p->scale + i, some) * loadSomeShorts(y, some) + loadSome(p->bias + i, some);
  if (u->shortcut) v += loadSome(u->shortcut + place, some);
  storeSome(u->out + place, choose(v > splat(0), loadSome(p->right + i, some), loadSome(p->left + i, some)) * v
      + loadSome(p->to + i, some), some);
}

/** Channels of one pixel: filters [from, from + count) of the tile, from y to `place` of the map. */
inlined void activateFilters(const Unit *u, const UnitParameters *p, const int16_t *y, int from, int count, size_t place) {
  int c = 0;
  for (; c + WIDTH <= count; c += WIDTH) activateSome(u, p, y + c, from + c, WIDTH, place + c);
  if (c < count) activateSome(u, p, y + c, from + c, count - c, place + c);
}

/** The tile's results to the map, tap by tap. The windows of one grid row lie on one row of pixels. */
static void layOut(const Unit *u, const ResultTile *t, const UnitParameters *p) {
  const Window *w = u->window;
  for (int from = 0, count; from < t->some; from += count) {
    const int tap = (t->n + from) / u->channels, channel = (t->n + from) % u->channels;
    count = smaller(t->some - from, u->channels - channel);
    for (int m = t->first, run; m < t->last; m += run) {
      const int line = w ? m / w->gridColumns : 0, start = w ? m % w->gridColumns : 0;
      run = w ? smaller(t->last - m, w->gridColumns - start) : t->last - m;
      const int row = w ? pixelIndex(w, line / w->gridRows, rowOrigin(w, line % w->gridRows) + tap / w->kernel * w->step, 0) : m;
      if (row < 0) continue;
      const int offset = w ? tap % w->kernel * w->step : 0;
      for (int j = 0; j < run; j++) {
        const int column = w ? columnOrigin(w, start + j) + offset : j;
        if (w && (uint32_t)column >= (uint32_t)w->width) continue;
        activateFilters(u, p, resultsOf(t, m + j) + from, from, count, (size_t)(row + column) * u->channels + channel);
      }
    }
  }
}

/** A chunk is up to 64 filters of `chunkRows` rows, as for the products. */
KERNEL(binaryUnit) {
  const Unit u = unitOf(call);
  const Product product = productOf((const char *)call.columns, call.weights, u.inputs, u.filters);
  const int blocks = (u.filters + PRODUCT_FILTERS - 1) / PRODUCT_FILTERS;
  UnitParameters p;
  for (int chunk = begin; chunk < end; chunk++) {
    const int part = chunk / blocks, n = chunk % blocks * PRODUCT_FILTERS, some = smaller(PRODUCT_FILTERS, u.filters - n);
    const int last = smaller(u.rows, (part + 1) * u.chunkRows);
    gatherParameters(&u, n, some, &p);
    for (int m = part * u.chunkRows; m < last; m += TILE) {
      const ResultTile tile = {m, smaller(last, m + TILE), n, some, (int16_t *)scratch, PRODUCT_FILTERS};
      productTileByBits(&product, &tile);
      layOut(&u, &tile, &p);
    }
  }
}

#if defined(__AVX2__)
KERNEL(binaryUnitTable) {
  const char *columns = (const char *)call.columns;
  const uint8_t *weights = call.weights;
  const Unit u = unitOf(call);
  const int blocks = (u.filters + PRODUCT_FILTERS - 1) / PRODUCT_FILTERS;
  UnitParameters p;
  Bytes tables[TABLES];
  fillTables(tables);
  for (int chunk = begin; chunk < end; chunk++) {
    const int part = chunk / blocks, n = chunk % blocks * PRODUCT_FILTERS, some = smaller(PRODUCT_FILTERS, u.filters - n);
    const TableBlock block = tableBlockOf(tables, weights, n, some, u.inputs);
    const int last = smaller(u.rows, (part + 1) * u.chunkRows);
    gatherParameters(&u, n, some, &p);
    for (int m = part * u.chunkRows; m < last; m += TILE) {
      const ResultTile tile = {m, smaller(last, m + TILE), n, some, (int16_t *)scratch, PRODUCT_FILTERS};
      productTileByTable(&block, columns, &tile);
      layOut(&u, &tile, &p);
    }
  }
}
#endif
