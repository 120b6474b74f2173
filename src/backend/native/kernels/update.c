// Optimizer steps.
#include "kernel.h"

/** Flips are counted together for each block. */
KERNEL(adam) {
  const int count = call.count;
  int32_t *counts = call.counts;
  float *restrict value = call.value, *restrict first = call.first, *restrict second = call.second;
  const float *restrict gradient = call.gradient;
  const double rate = call.rate, beta1 = call.beta1, beta2 = call.beta2, decay = call.decay;
  const float epsilon = (float)call.epsilon, limit = (float)call.limit;
  const float stepSize = (float)(rate * call.correction1), correction2 = (float)call.correction2;
  const float b1 = (float)beta1, b2 = (float)beta2, r1 = (float)(1 - beta1), r2 = (float)(1 - beta2), keep = (float)(1 - rate * decay);
  const int last = smaller(count, end * CHUNK_ELEMENTS);
  for (int block = begin * CHUNK_ELEMENTS; block < last; block += UPDATE_BLOCK) {
    int flips = 0;
    for (int i = block; i < block + UPDATE_BLOCK; i++) {
      const float g = gradient[i], before = value[i];
      const float m = b1 * first[i] + r1 * g, v = b2 * second[i] + r2 * (g * g);
      first[i] = m;
      second[i] = v;
      float after = before * keep - stepSize * m / (__builtin_sqrtf(v * correction2) + epsilon);
      if (limit > 0) after = after > limit ? limit : after < -limit ? -limit : after;
      value[i] = after;
      flips += (before >= 0) != (after >= 0);
    }
    if (counts) counts[block / UPDATE_BLOCK] = flips;
  }
}
