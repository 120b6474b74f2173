// The sums of chunks, added up in their order: what ends every kernel that reduces, whatever its group.
#include "kernel.h"

/** Adds partials[0..count-1] in order, by column: a chunk is 64 columns. The sums replace one target, or are added to others. */
KERNEL(reducePartials) {
  const double *partials = call.partials;
  const int count = call.count, columns = call.columns;
  double *replaced = call.replaced, *total = call.total;
  float *target = call.target;
  for (int chunk = begin; chunk < end; chunk++) {
    const int first = chunk * SUMMED_COLUMNS, some = smaller(SUMMED_COLUMNS, columns - first);
    double sums[SUMMED_COLUMNS] = {0};
    for (int i = 0; i < count; i++)
      for (int n = 0; n < some; n++) sums[n] += partials[(size_t)i * columns + first + n];
    for (int n = 0; n < some; n++) {
      if (replaced) replaced[first + n] = sums[n];
      if (total) total[first + n] += sums[n];
      if (target) target[first + n] += (float)sums[n];
    }
  }
}
