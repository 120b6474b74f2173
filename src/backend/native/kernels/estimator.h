// Gradients through the signs of a map: the straight-through estimator, and where its results go.
#ifndef RBNET_ESTIMATOR_H
#define RBNET_ESTIMATOR_H
#include "vector.h"

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

/** One pixel: its gradient through the estimator goes to dx and, negative, to the thresholds. gradient: float32 [channels]. */
inlined void addPixel(const float *gradient, size_t place, int channels, int kind, const Target *target) {
  int c = 0;
  for (; c + WIDTH <= channels; c += WIDTH) {
    const Floats passed = estimate(kind, loadFloats(target->x + place + c) - loadFloats(target->threshold + c)) * loadFloats(gradient + c);
    storeFloats(target->dx + place + c, loadFloats(target->dx + place + c) + passed);
    storeFloats(target->dThreshold + c, loadFloats(target->dThreshold + c) - passed);
  }
  for (; c < channels; c++) {
    const float passed = estimate(kind, splat(target->x[place + c] - target->threshold[c]))[0] * gradient[c];
    target->dx[place + c] += passed;
    target->dThreshold[c] -= passed;
  }
}

#endif
