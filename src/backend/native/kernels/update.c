// Optimizer steps.
#include "kernel.h"

/** Elements in a chunk of an update, and in a block, whose flips are counted together. */
#define UPDATED 4096
#define BLOCK 64

KERNEL(adam) {
  const int count = WHOLE(0);
  int *counts = POINTER(int, 1);
  float *restrict value = POINTER(float, 2), *restrict first = POINTER(float, 4), *restrict second = POINTER(float, 5);
  const float *restrict gradient = POINTER(float, 3);
  const double rate = parameters[6], beta1 = parameters[7], beta2 = parameters[8], decay = parameters[10];
  const float epsilon = (float)parameters[9], limit = (float)parameters[11];
  const float stepSize = (float)(rate * parameters[12]), correction2 = (float)parameters[13];
  const float b1 = (float)beta1, b2 = (float)beta2, r1 = (float)(1 - beta1), r2 = (float)(1 - beta2), keep = (float)(1 - rate * decay);
  (void)scratch;
  const int last = smaller(count, end * UPDATED);
  for (int block = begin * UPDATED; block < last; block += BLOCK) {
    int flips = 0;
    for (int i = block; i < block + BLOCK; i++) {
      const float g = gradient[i], before = value[i];
      const float m = b1 * first[i] + r1 * g, v = b2 * second[i] + r2 * (g * g);
      first[i] = m;
      second[i] = v;
      float after = before * keep - stepSize * m / (__builtin_sqrtf(v * correction2) + epsilon);
      if (limit > 0) after = after > limit ? limit : after < -limit ? -limit : after;
      value[i] = after;
      flips += (before >= 0) != (after >= 0);
    }
    if (counts) counts[block / BLOCK] = flips;
  }
}
