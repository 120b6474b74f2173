// Real matrix products, the columns of real convolutions, pooling, and the optimizer.
#include "kernel.h"

/** Rows of a chunk of a product. */
#define ROWS_OF_PRODUCT 4

/** c[i, j..j + parts * WIDTH) of up to four rows; missing rows repeat the last one, and are not stored. `parts` is a constant where this is inlined. */
inlined void productTile(const float *const a[ROWS_OF_PRODUCT], int innerStep, const float *b, float *c, int count, int inner, int columns, int accumulate, int parts) {
  Floats sums[ROWS_OF_PRODUCT][2] = {{{0}}};
  for (int p = 0; p < inner; p++) {
    const float *line = b + (size_t)p * columns;
    for (int r = 0; r < ROWS_OF_PRODUCT; r++) {
      const Floats v = splat(a[r][(size_t)p * innerStep]);
      for (int part = 0; part < parts; part++) sums[r][part] += v * loadFloats(line + part * WIDTH);
    }
  }
  for (int r = 0; r < count; r++) {
    for (int part = 0; part < parts; part++) {
      float *out = c + (size_t)r * columns + part * WIDTH;
      if (accumulate) sums[r][part] += loadFloats(out);
      storeFloats(out, sums[r][part]);
    }
  }
}

/** c (+)= a * b, with a(i, p) = a[i * rowStep + p * innerStep]. A chunk is four rows i. */
KERNEL(product) {
  const float *a = POINTER(float, 0), *b = POINTER(float, 3);
  float *c = POINTER(float, 4);
  const int rowStep = WHOLE(1), innerStep = WHOLE(2), rows = WHOLE(5), inner = WHOLE(6), columns = WHOLE(7), accumulate = WHOLE(8);
  (void)scratch;
  for (int chunk = begin; chunk < end; chunk++) {
    const int i = chunk * ROWS_OF_PRODUCT, count = smaller(ROWS_OF_PRODUCT, rows - i);
    const float *from[ROWS_OF_PRODUCT];
    for (int r = 0; r < ROWS_OF_PRODUCT; r++) from[r] = a + (size_t)(i + smaller(r, count - 1)) * rowStep;
    float *out = c + (size_t)i * columns;
    int j = 0;
    for (; j + 2 * WIDTH <= columns; j += 2 * WIDTH) productTile(from, innerStep, b + j, out + j, count, inner, columns, accumulate, 2);
    for (; j + WIDTH <= columns; j += WIDTH) productTile(from, innerStep, b + j, out + j, count, inner, columns, accumulate, 1);
    for (; j < columns; j++) {
      for (int r = 0; r < count; r++) {
        float sum = 0;
        for (int p = 0; p < inner; p++) sum += from[r][(size_t)p * innerStep] * b[(size_t)p * columns + j];
        float *at = out + (size_t)r * columns + j;
        *at = accumulate ? *at + sum : sum;
      }
    }
  }
}

/** A chunk is one grid row of one image. columns: float32 [M, K]. */
KERNEL(gatherColumns) {
  const float *x = POINTER(float, 0);
  const Window *w = POINTER(Window, 1);
  const int channels = w->channels, kernel = w->kernel, step = w->step, run = kernel * channels;
  float *out = POINTER(float, 2) + (size_t)begin * w->gridColumns * kernel * run;
  (void)scratch;
  for (int chunk = begin; chunk < end; chunk++) {
    const int image = chunk / w->gridRows, row = rowOrigin(w, chunk % w->gridRows);
    for (int j = 0; j < w->gridColumns; j++) {
      const int column = columnOrigin(w, j);
      for (int a = 0; a < kernel; a++) {
        const int first = pixelIndex(w, image, row + a * step, column);
        // Neighbouring taps of one row of pixels lie side by side.
        if (step == 1 && first >= 0 && column + kernel <= w->width) {
          const float *from = x + (size_t)first * channels;
          for (int c = 0; c < run; c++) out[c] = from[c];
          out += run;
          continue;
        }
        for (int b = 0; b < kernel; b++, out += channels) {
          const int pixel = pixelIndex(w, image, row + a * step, column + b * step);
          if (pixel < 0) memset(out, 0, (size_t)channels * 4);
          else memcpy(out, x + (size_t)pixel * channels, (size_t)channels * 4);
        }
      }
    }
  }
}

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
