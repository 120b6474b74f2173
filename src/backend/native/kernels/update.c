// Optimizer steps.
#include "kernel.h"

/** Elements in a chunk of an update. */
#define UPDATED 4096

KERNEL(adam) {
  float *value = POINTER(float, 0), *first = POINTER(float, 2), *second = POINTER(float, 3);
  const float *gradient = POINTER(float, 1);
  const int count = WHOLE(4);
  const double rate = parameters[5], beta1 = parameters[6], beta2 = parameters[7], decay = parameters[9];
  const float epsilon = (float)parameters[8], limit = (float)parameters[10], stepSize = (float)(rate * parameters[11]), correction2 = (float)parameters[12];
  const float b1 = (float)beta1, b2 = (float)beta2, r1 = (float)(1 - beta1), r2 = (float)(1 - beta2), keep = (float)(1 - rate * decay);
  double *partials = POINTER(double, 13);
  (void)scratch;
  for (int chunk = begin; chunk < end; chunk++) {
    const int last = smaller(count, (chunk + 1) * UPDATED);
    int flips = 0;
    for (int i = chunk * UPDATED; i < last; i++) {
      const float g = gradient[i], before = value[i];
      const float m = b1 * first[i] + r1 * g, v = b2 * second[i] + r2 * (g * g);
      first[i] = m;
      second[i] = v;
      float after = before * keep - stepSize * m / (__builtin_sqrtf(v * correction2) + epsilon);
      if (limit > 0) after = after > limit ? limit : after < -limit ? -limit : after;
      value[i] = after;
      flips += (before >= 0) != (after >= 0);
    }
    partials[chunk] = flips;
  }
}
