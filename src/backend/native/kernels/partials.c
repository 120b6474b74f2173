// The sums of chunks, added up in their order: what ends every kernel that reduces, whatever its group.
#include "kernel.h"

/** Adds partials[0..count-1] in order, by column: a chunk is 64 columns. The sums replace one target, or are added to others. */
KERNEL(reducePartials) {
  const double *partials = POINTER(double, 0);
  const int count = WHOLE(1), columns = WHOLE(2);
  double *replaced = POINTER(double, 3), *total = POINTER(double, 4);
  float *target = POINTER(float, 5);
  (void)scratch;
  for (int chunk = begin; chunk < end; chunk++) {
    const int first = chunk * 64, some = smaller(64, columns - first);
    double sums[64] = {0};
    for (int i = 0; i < count; i++)
      for (int n = 0; n < some; n++) sums[n] += partials[(size_t)i * columns + first + n];
    for (int n = 0; n < some; n++) {
      if (replaced) replaced[first + n] = sums[n];
      if (total) total[first + n] += sums[n];
      if (target) target[first + n] += (float)sums[n];
    }
  }
}
