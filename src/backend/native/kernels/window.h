// The table that describes a window geometry in memory, as the WebAssembly kernels' window.ts has it, and the lines that the normalization
// works on.
#ifndef RBNET_WINDOW_H
#define RBNET_WINDOW_H
#include "arguments.h"

struct Window {
  int32_t images, height, width, channels, kernel, step, gridRows, gridColumns;
  /** Origin row of each grid row, then origin column of each grid column. */
  int32_t origins[];
};

inlined int rowOrigin(const Window *w, int i) { return w->origins[i]; }
inlined int columnOrigin(const Window *w, int j) { return w->origins[w->gridRows + j]; }

/** Index of pixel (row, column) of an image among all pixels of the batch, or -1 outside the map. */
inlined int pixelIndex(const Window *w, int image, int row, int column) {
  if ((uint32_t)row >= (uint32_t)w->height || (uint32_t)column >= (uint32_t)w->width) return -1;
  return (image * w->height + row) * w->width + column;
}

inlined int tapsOf(const Window *w) { return w ? w->kernel * w->kernel : 1; }
/** First row m of a line. */
inlined int firstRow(const Window *w, int line) { return line * (w ? w->gridColumns : LINE_ROWS); }
inlined int rowCount(const Window *w, int line, int rows) { return w ? w->gridColumns : smaller(LINE_ROWS, rows - line * LINE_ROWS); }

#endif
