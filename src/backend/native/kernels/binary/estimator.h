// Gradients through the signs of a map: the straight-through estimator, and where its results go.
#ifndef RBNET_ESTIMATOR_H
#define RBNET_ESTIMATOR_H
#include "../vector.h"

/** Derivative of the straight-through estimator: clip (kind 0) or polynomial (kind 1). */
inlined Floats estimate(int kind, Floats x) {
  const Floats size = magnitude(x);
  if (kind == 0) return keepWhere(size <= splat(1), splat(1));
  return larger(splat(0), splat(2) - (size + size));
}

/** The maps that an input gradient reads and adds to, and the threshold gradient of the image. */
typedef struct {
  const float *x, *threshold;
  float *dx, *dThreshold;
} Target;

/** `some` channels of a pixel, at `place` of the maps and from c on. */
inlined void addChannels(const float *gradient, size_t place, int c, int some, int kind, const Target *target) {
  const Floats passed = estimate(kind, loadSome(target->x + place + c, some) - loadSome(target->threshold + c, some))
      * loadSome(gradient + c, some);
  storeSome(target->dx + place + c, loadSome(target->dx + place + c, some) + passed, some);
  storeSome(target->dThreshold + c, loadSome(target->dThreshold + c, some) - passed, some);
}

/** One pixel: its gradient through the estimator goes to dx and, negative, to the thresholds. gradient: float32 [channels]. */
inlined void addPixel(const float *gradient, size_t place, int channels, int kind, const Target *target) {
  int c = 0;
  for (; c + WIDTH <= channels; c += WIDTH) addChannels(gradient, place, c, WIDTH, kind, target);
  if (c < channels) addChannels(gradient, place, c, channels - c, kind, target);
}

#endif
