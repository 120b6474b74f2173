/*
 * Runs an exported network on images from standard input, RBNET_SIZE x RBNET_SIZE x 3 bytes each, and writes a line an image: logits, the
 * class, scores and features. With an argument of 0 it writes logits alone, and with a larger one it runs each image so many times and
 * writes the seconds that a run takes.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "model.h"

enum { BYTES = RBNET_SIZE * RBNET_SIZE * 3 };

static unsigned char rgb[BYTES];
static float logits[RBNET_CLASSES], scores[RBNET_CLASSES], features[RBNET_FEATURES];

static void time_runs(long runs) {
  clock_t begin = clock();
  double seconds;
  long i;
  for (i = 0; i < runs; i++) rbnet_logits(rgb, logits);
  seconds = (double)(clock() - begin) / (double)CLOCKS_PER_SEC;
  printf("%.6f\n", seconds / (double)runs);
}

int main(int count, char **words) {
  int n;
  while (fread(rgb, 1, BYTES, stdin) == BYTES) {
    long runs = count > 1 ? strtol(words[1], 0, 10) : 0;
    if (runs > 0) {
      time_runs(runs);
      continue;
    }
    rbnet_logits(rgb, logits);
    for (n = 0; n < RBNET_CLASSES; n++) printf("%.9g ", (double)logits[n]);
    if (count > 1) {
      printf("\n");
      continue;
    }
    printf("%d", rbnet_classify(rgb, scores));
    rbnet_features(rgb, features);
    for (n = 0; n < RBNET_CLASSES; n++) printf(" %.9g", (double)scores[n]);
    for (n = 0; n < RBNET_FEATURES; n++) printf(" %.9g", (double)features[n]);
    printf("\n");
  }
  return 0;
}
