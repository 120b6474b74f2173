// Normalization, shortcut, activation and depth to space in one pass over memory, and its two backward passes. What each pass computes is
// written in the contract (backend/kernels.ts); each kernel exists for int16 and for float32 results of the product before it.
#include "kernel.h"

/** `some` of y as the two kinds of kernels read it; `integer` is a constant where this is inlined. */
inlined Floats loadResults(const void *y, size_t element, int some, int integer) {
  return integer ? loadSomeShorts((const int16_t *)y + element, some) : loadSome((const float *)y + element, some);
}

/** The results of a product and where they lie: element (m, n) of [M, N] at a pixel of the map, n spread over the taps of window m. */
typedef struct {
  const Window *window;
  int rows, filters, taps, channels;
} Layout;

inlined Layout layoutOf(const Window *window, int rows, int filters) {
  const int taps = tapsOf(window);
  return (Layout){window, rows, filters, taps, filters / taps};
}

/** Pixel of window j of a line at one tap, -1 outside the map. */
inlined int pixelInLine(const Layout *l, int line, int j, int tap) {
  const Window *w = l->window;
  if (!w) return line * LINE_ROWS + j;
  return pixelIndex(w, line / w->gridRows, rowOrigin(w, line % w->gridRows) + tap / w->kernel * w->step,
      columnOrigin(w, j) + tap % w->kernel * w->step);
}

/** bias - from, by filter: the activation's shift joins the normalization's. */
static void shiftedBias(const Layout *l, const float *norm, const float *activation, float *bias) {
  for (int n = 0; n < l->filters; n++) bias[n] = norm[l->filters + n] - (activation ? activation[n % l->channels] : 0);
}

/** left and right slope and shift out, by channel; those of the identity where there is no activation. */
typedef struct {
  const float *left, *right, *to;
} Slopes;

inlined Slopes slopesOf(const float *activation, int channels, float *identity) {
  if (activation) return (Slopes){activation + channels, activation + 2 * channels, activation + 3 * channels};
  for (int c = 0; c < channels; c++) {
    identity[c] = 1;
    identity[channels + c] = 0;
  }
  return (Slopes){identity, identity, identity + channels};
}

/*
 * All passes go through a line window by window and, within it, through the taps that lie side by side on the map, so that what they read
 * and write comes from memory in order. Parameters and sums by channel stay in the first-level cache meanwhile.
 */
#define FOR_TAPS_OF_LINE(l, count)                             \
  for (int tapRow = 0; tapRow < (l)->taps; tapRow += (l)->window ? (l)->window->kernel : 1) \
    for (int j = 0; j < (count); j++)                          \
      for (int tap = tapRow; tap < tapRow + ((l)->window ? (l)->window->kernel : 1); tap++)

/** What normalizeActivate reads and writes, at the filters of one tap. */
typedef struct {
  const void *y;
  const float *scale, *bias, *left, *right, *to, *shortcut;
  float *out;
} Forward;

/** `some` channels of a pixel from c on. */
inlined void activateAt(const Forward *p, size_t element, size_t place, int c, int some, int integer) {
  Floats u = loadSome(p->scale + c, some) * loadResults(p->y, element + c, some, integer) + loadSome(p->bias + c, some);
  if (p->shortcut) u += loadSome(p->shortcut + place + c, some);
  storeSome(p->out + place + c, choose(u > splat(0), loadSome(p->right + c, some), loadSome(p->left + c, some)) * u
      + loadSome(p->to + c, some), some);
}

/** A chunk is `chunkLines` lines. scratch: four bytes a filter, and eight a channel. */
inlined void normalizeActivate(normalizeActivateRealArguments call, int begin, int end, char *scratch, int integer) {
  const Layout l = layoutOf(call.window, call.rows, call.filters);
  const float *norm = call.norm, *activation = call.activation;
  const int lines = call.lines, chunkLines = call.chunkLines, filters = l.filters, channels = l.channels;
  float *biases = (float *)scratch;
  shiftedBias(&l, norm, activation, biases);
  const Slopes slopes = slopesOf(activation, channels, biases + filters);
  Forward p = {call.y, NULL, NULL, slopes.left, slopes.right, slopes.to, call.shortcut, call.out};
  const int last = smaller(lines, end * chunkLines);
  for (int line = begin * chunkLines; line < last; line++) {
    const int first = firstRow(l.window, line), count = rowCount(l.window, line, l.rows);
    FOR_TAPS_OF_LINE(&l, count) {
      const int pixel = pixelInLine(&l, line, j, tap);
      if (pixel < 0) continue;
      const size_t element = (size_t)(first + j) * filters + tap * channels, place = (size_t)pixel * channels;
      p.scale = norm + tap * channels;
      p.bias = biases + tap * channels;
      int c = 0;
      for (; c + WIDTH <= channels; c += WIDTH) activateAt(&p, element, place, c, WIDTH, integer);
      if (c < channels) activateAt(&p, element, place, c, channels - c, integer);
    }
  }
}

KERNEL(normalizeActivateInteger) { normalizeActivate(call, begin, end, scratch, 1); }
KERNEL(normalizeActivateReal) { normalizeActivate(call, begin, end, scratch, 0); }

/** What activateBackward reads and writes, at the filters of one tap; sums: float32 [5, filters], of one line. */
typedef struct {
  const void *y;
  const float *scale, *bias, *mean, *left, *right, *shortcut;
  float *gradient, *sums;
  int filters, channels;
} Backward;

/** `some` channels from c on of one pixel, or of two that share every load of parameters and sums. elements: of y; places: on the map. */
inlined void activateBackwardAt(const Backward *p, const size_t *elements, const size_t *places, int pixels, int c, int some, int integer) {
  const Floats scale = loadSome(p->scale + c, some), bias = loadSome(p->bias + c, some), mean = loadSome(p->mean + c, some);
  const Floats left = loadSome(p->left + c, some), right = loadSome(p->right + c, some);
  Floats sums[5];
  for (int s = 0; s < 5; s++) sums[s] = loadSome(p->sums + s * p->filters + c, some);
  for (int i = 0; i < pixels; i++) {
    const Floats v = loadResults(p->y, elements[i] + c, some, integer);
    Floats u = scale * v + bias;
    if (p->shortcut) u += loadSome(p->shortcut + places[i] + c, some);
    const Floats g = loadSome(p->gradient + places[i] + c, some);
    const Masks onRight = u > splat(0);
    const Floats du = g * choose(onRight, right, left), gu = g * u;
    storeSome(p->gradient + places[i] + c, du, some);
    sums[0] += du;
    sums[1] += du * (v - mean);
    sums[2] += keepWhere(~onRight, gu);
    sums[3] += keepWhere(onRight, gu);
    sums[4] += g;
  }
  for (int s = 0; s < 5; s++) storeSome(p->sums + s * p->filters + c, sums[s], some);
}

/** All channels; `pixels` is a constant where this is inlined. */
inlined void activateBackwardPixels(const Backward *p, const size_t *elements, const size_t *places, int pixels, int integer) {
  int c = 0;
  for (; c + WIDTH <= p->channels; c += WIDTH) activateBackwardAt(p, elements, places, pixels, c, WIDTH, integer);
  if (c < p->channels) activateBackwardAt(p, elements, places, pixels, c, p->channels - c, integer);
}

/** Adds the sums of a line to those of its chunk, float64 [5, filters], and clears them. Sum 1 lacks the inverse deviation until here. */
static void addLine(float *sums, const float *inverse, int filters, double *target) {
  for (int n = 0; n < filters; n++) target[filters + n] += (double)sums[filters + n] * inverse[n];
  for (int s = 0; s < 5; s++)
    for (int n = 0; n < filters && s != 1; n++) target[s * filters + n] += sums[s * filters + n];
  memset(sums, 0, (size_t)filters * 5 * 4);
}

/** A chunk is `chunkLines` lines; its sums go to partials[chunk], float64 [5, filters]. scratch: 24 bytes a filter, and eight a channel. */
inlined void activateBackward(activateBackwardRealArguments call, int begin, int end, char *scratch, int integer) {
  const Layout l = layoutOf(call.window, call.rows, call.filters);
  const float *norm = call.norm, *activation = call.activation;
  const int lines = call.lines, chunkLines = call.chunkLines, filters = l.filters, channels = l.channels;
  double *partials = call.partials;
  float *biases = (float *)scratch, *sums = biases + filters;
  const Slopes slopes = slopesOf(activation, channels, sums + 5 * filters);
  shiftedBias(&l, norm, activation, biases);
  memset(sums, 0, (size_t)filters * 5 * 4);
  Backward p = {call.y, NULL, NULL, NULL, slopes.left, slopes.right, call.shortcut, call.gradient, NULL, filters, channels};
  for (int chunk = begin; chunk < end; chunk++) {
    double *target = partials + (size_t)chunk * 5 * filters;
    memset(target, 0, (size_t)filters * 5 * 8);
    const int last = smaller(lines, (chunk + 1) * chunkLines);
    for (int line = chunk * chunkLines; line < last; line++) {
      const int first = firstRow(l.window, line), count = rowCount(l.window, line, l.rows);
      const int side = l.window ? l.window->kernel : 1;
      for (int tapRow = 0; tapRow < l.taps; tapRow += side) {
        for (int j = 0; j < count; j += 2) {
          for (int tap = tapRow; tap < tapRow + side; tap++) {
            const int offset = tap * channels;
            p.scale = norm + offset;
            p.bias = biases + offset;
            p.mean = norm + 2 * filters + offset;
            p.sums = sums + offset;
            size_t elements[2], places[2];
            int pixels = 0;
            for (int i = j; i < smaller(j + 2, count); i++) {
              const int pixel = pixelInLine(&l, line, i, tap);
              if (pixel < 0) continue;
              elements[pixels] = (size_t)(first + i) * filters + offset;
              places[pixels++] = (size_t)pixel * channels;
            }
            if (pixels == 2) activateBackwardPixels(&p, elements, places, 2, integer);
            else if (pixels == 1) activateBackwardPixels(&p, elements, places, 1, integer);
          }
        }
      }
      addLine(sums, norm + 3 * filters, filters, target);
    }
  }
}

KERNEL(activateBackwardInteger) { activateBackward(call, begin, end, scratch, 1); }
KERNEL(activateBackwardReal) { activateBackward(call, begin, end, scratch, 0); }

/** coefficients: float32 [3, filters]; du on the map, NULL outside of it. */
typedef struct {
  const void *y;
  const float *a, *b, *constant, *du;
  float *dy;
} Normalized;

/** `some` filters from c on. */
inlined void normalizedAt(const Normalized *p, size_t element, int c, int some, int integer) {
  Floats value = loadSome(p->b + c, some) * loadResults(p->y, element + c, some, integer) + loadSome(p->constant + c, some);
  if (p->du) value += loadSome(p->a + c, some) * loadSome(p->du + c, some);
  storeSome(p->dy + element + c, value, some);
}

/** A chunk is `chunkLines` lines. dy: float32 [rows, filters]. */
inlined void normalizationGradient(normalizationGradientRealArguments call, int begin, int end, int integer) {
  const float *du = call.du, *coefficients = call.coefficients;
  const Layout l = layoutOf(call.window, call.rows, call.filters);
  const int lines = call.lines, chunkLines = call.chunkLines, filters = l.filters, channels = l.channels;
  Normalized p = {call.y, NULL, NULL, NULL, NULL, call.dy};
  const int last = smaller(lines, end * chunkLines);
  for (int line = begin * chunkLines; line < last; line++) {
    const int first = firstRow(l.window, line), count = rowCount(l.window, line, l.rows);
    FOR_TAPS_OF_LINE(&l, count) {
      const int pixel = pixelInLine(&l, line, j, tap);
      const size_t element = (size_t)(first + j) * filters + tap * channels;
      p.a = coefficients + tap * channels;
      p.b = p.a + filters;
      p.constant = p.b + filters;
      p.du = pixel < 0 ? NULL : du + (size_t)pixel * channels;
      int c = 0;
      for (; c + WIDTH <= channels; c += WIDTH) normalizedAt(&p, element, c, WIDTH, integer);
      if (c < channels) normalizedAt(&p, element, c, channels - c, integer);
    }
  }
}

KERNEL(normalizationGradientInteger) { normalizationGradient(call, begin, end, 1); }
KERNEL(normalizationGradientReal) { normalizationGradient(call, begin, end, 0); }

/**
 * A chunk is `chunkRows` rows of y, float32 [rows, columns]; its sum and sum of squares by column go to partials[chunk], float64 [2,
 * columns].
 */
KERNEL(columnMoments) {
  const float *y = call.y;
  const int rows = call.rows, columns = call.columns, chunkRows = call.chunkRows;
  double *partials = call.partials;
  for (int chunk = begin; chunk < end; chunk++) {
    double *sums = partials + (size_t)chunk * 2 * columns;
    memset(sums, 0, (size_t)columns * 16);
    const int last = smaller(rows, (chunk + 1) * chunkRows);
    for (int m = chunk * chunkRows; m < last; m++) {
      const float *row = y + (size_t)m * columns;
      int n = 0;
      for (; n + WIDTH <= columns; n += WIDTH) {
        const Doubles v = __builtin_convertvector(loadFloats(row + n), Doubles);
        *(Doubles *)(sums + n) += v;
        *(Doubles *)(sums + columns + n) += v * v;
      }
      for (; n < columns; n++) {
        sums[n] += row[n];
        sums[columns + n] += (double)row[n] * row[n];
      }
    }
  }
}
