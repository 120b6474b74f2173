// Where the windows of a batch lie on its map.
#ifndef RBNET_PLACES_H
#define RBNET_PLACES_H
#include "estimator.h"
#include "../window.h"

/** Where a window lies: its image, and its first row and column there. */
typedef struct {
  int image, row, column;
} Place;

/** The places of `count` windows from `first` on, of all windows of the batch. */
static void findPlaces(const Window *w, int first, int count, Place *places) {
  const int perImage = w->gridRows * w->gridColumns;
  int image = first / perImage, i = first % perImage / w->gridColumns, j = first % w->gridColumns;
  for (int m = 0; m < count; m++) {
    places[m] = (Place){image, rowOrigin(w, i), columnOrigin(w, j)};
    if (++j < w->gridColumns) continue;
    j = 0;
    if (++i < w->gridRows) continue;
    i = 0;
    image++;
  }
}

inlined int pixelUnder(const Window *w, const Place *place, int tapRow, int tapColumn) {
  return pixelIndex(w, place->image, place->row + tapRow * w->step, place->column + tapColumn * w->step);
}

/** Asks for the pixels under windows: they are wanted only after their sums are computed. */
static void prefetchWindows(const Window *w, const Place *places, int count, const Target *target) {
  for (int a = 0; a < w->kernel; a++) {
    for (int m = 0; m < count; m++) {
      for (int b = 0; b < w->kernel; b++) {
        const int pixel = pixelUnder(w, &places[m], a, b);
        if (pixel < 0) continue;
        for (int c = 0; c < w->channels; c += 16) {
          __builtin_prefetch(target->x + (size_t)pixel * w->channels + c, 0, 2);
          __builtin_prefetch(target->dx + (size_t)pixel * w->channels + c, 1, 2);
        }
      }
    }
  }
}

#endif
