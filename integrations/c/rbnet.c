/* See rbnet.h. */
#include "rbnet.h"

/* A product and a sum that are fused into one rounding would give other bits than the page describes. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

/* Where a compiler keeps more than float32 between operations (x87, s390x), each is rounded by hand, which comes to the same. */
#define ROUNDED(x) ((float)(x))

/* --- Maps ------------------------------------------------------------------------------------------------------------------- */

typedef union {
  uint32_t bits;
  float value;
} float_bits;

static float from_half(uint16_t half) {
  float_bits result;
  uint32_t exponent = (half >> 10) & 31u, fraction = half & 1023u;
  if (exponent == 0) { /* a multiple of 2^-24 */
    result.value = (float)fraction * (1.0f / 16777216.0f);
    result.bits |= (uint32_t)(half & 0x8000u) << 16;
    return result.value;
  }
  result.bits = ((uint32_t)(half & 0x8000u) << 16) | ((exponent + 112u) << 23) | (fraction << 13);
  return result.value;
}

/* The nearest, ties to even; beyond the largest, the largest. */
static uint16_t to_half(float value) {
  float_bits input;
  uint32_t sign, size, rounded;
  input.value = value;
  sign = (input.bits >> 16) & 0x8000u;
  size = input.bits & 0x7fffffffu;
  if (size >= 0x477ff000u) return (uint16_t)(sign | 0x7bffu); /* 65,520 and more */
  if (size < 0x38800000u) {                                   /* below 2^-14: a multiple of 2^-24 */
    input.bits = size;
    input.value += 0.5f; /* the last place of numbers from 1/2 on is 2^-24: the sum rounds to it */
    return (uint16_t)(sign | (input.bits - 0x3f000000u));
  }
  rounded = size + 0xfffu + ((size >> 13) & 1u);
  return (uint16_t)(sign | ((rounded - 0x38000000u) >> 13));
}

const float *rbnet_read(const rbnet_map *map, int32_t pixel, float *scratch) {
  int32_t channels = map->channels, first = pixel * channels, c;
  switch (map->type) {
    case RBNET_FLOAT32:
      return map->floats + first;
    case RBNET_FLOAT16:
      for (c = 0; c < channels; c++) scratch[c] = from_half(map->halves[first + c]);
      break;
    case RBNET_BYTES:
      for (c = 0; c < channels; c++) scratch[c] = map->table[c * 256 + map->bytes[first + c]];
      break;
  }
  return scratch;
}

/* Where the numbers of a pixel are to be put; `finish` then stores them as the map does. */
static float *begin(const rbnet_map *map, int32_t pixel, float *scratch) {
  return map->type == RBNET_FLOAT32 ? map->floats + pixel * map->channels : scratch;
}

static void finish(const rbnet_map *map, int32_t pixel, const float *values) {
  int32_t channels = map->channels, first = pixel * channels, c;
  if (map->type == RBNET_FLOAT16)
    for (c = 0; c < channels; c++) map->halves[first + c] = to_half(values[c]);
}

/* The pixel under tap `tap` of window (i, j), -1 outside a map of height x width. */
static int32_t pixel_under(const rbnet_windows *windows, int32_t i, int32_t j, int32_t tap, int32_t height, int32_t width) {
  int32_t row = windows->row_origins[i] + (tap / windows->kernel) * windows->step;
  int32_t column = windows->column_origins[j] + (tap % windows->kernel) * windows->step;
  if (row < 0 || row >= height || column < 0 || column >= width) return -1;
  return row * width + column;
}

/* --- Epilogue --------------------------------------------------------------------------------------------------------------- */

/* Channels of a pixel: u = scale * y + bias + shortcut. `out` may be `shortcut`: each number is read before it is written. */
static void scale_and_add(const float *y, const float *scale, const float *bias, const float *shortcut, int32_t channels, float *out) {
  int32_t c;
  if (shortcut)
    for (c = 0; c < channels; c++) out[c] = ROUNDED(ROUNDED(scale[c] * y[c]) + bias[c]) + shortcut[c];
  else
    for (c = 0; c < channels; c++) out[c] = ROUNDED(scale[c] * y[c]) + bias[c];
}

/* u > 0 is as hard to foresee as a coin: a choice between two rows, not a branch. */
static void activate(const rbnet_epilogue *epilogue, int32_t channels, float *u) {
  const float *slopes[2], *to = epilogue->to;
  int32_t c;
  slopes[0] = epilogue->left;
  slopes[1] = epilogue->right;
  if (slopes[0] && slopes[1] && to) {
    for (c = 0; c < channels; c++) u[c] = ROUNDED(slopes[u[c] > 0.0f][c] * u[c]) + to[c];
    return;
  }
  for (c = 0; c < channels; c++) {
    float below = slopes[0] ? slopes[0][c] * u[c] : 0.0f, above = slopes[1] ? slopes[1][c] * u[c] : u[c];
    u[c] = (u[c] > 0.0f ? above : below) + (to ? to[c] : 0.0f);
  }
}

/* From the product of window (i, j), in work->sums, to the result. */
static void lay_out(const rbnet_epilogue *epilogue, int32_t filters, int32_t columns, int32_t i, int32_t j, const rbnet_map *out,
                    const rbnet_work *work) {
  const rbnet_windows *layout = epilogue->layout;
  const float *y = work->sums, *scale = epilogue->scale, *bias = epilogue->bias;
  int32_t channels = out->channels, taps = layout ? layout->kernel * layout->kernel : 1, tap, c;
  if (epilogue->factors) {
    const float *factors = rbnet_read(epilogue->factors, 0, work->pixels[0]);
    for (c = 0; c < filters; c++) work->sums[c] *= factors[c];
  }
  for (tap = 0; tap < taps; tap++, y += channels, scale += channels, bias += channels) {
    int32_t pixel = layout ? pixel_under(layout, i, j, tap, out->height, out->width) : i * columns + j;
    const float *shortcut = 0;
    float *u;
    if (pixel < 0) continue;
    if (epilogue->shortcut) shortcut = rbnet_read(epilogue->shortcut, pixel, work->pixels[0]);
    u = begin(out, pixel, work->pixels[1]);
    scale_and_add(y, scale, bias, shortcut, channels, u);
    if (epilogue->activation) activate(epilogue, channels, u);
    finish(out, pixel, u);
  }
}

/* --- Products --------------------------------------------------------------------------------------------------------------- */

/* How many bits of two rows differ. */
#if defined(__POPCNT__) || defined(__riscv_zbb)
static int32_t differences(const uint32_t *a, const uint32_t *b, int32_t words) {
  int32_t count = 0, k;
  for (k = 0; k < words; k++) count += __builtin_popcount(a[k] ^ b[k]); /* one instruction */
  return count;
}
#else
/* Each group of four bits to the count of its ones. */
static uint32_t counts_of_four(uint32_t x) {
  x -= (x >> 1) & 0x55555555u;
  return (x & 0x33333333u) + ((x >> 2) & 0x33333333u);
}

/* Two words at a time, whose counts fit four bits; then bytes, which hold the counts of up to 30 words before they are added up. */
static int32_t differences(const uint32_t *a, const uint32_t *b, int32_t words) {
  int32_t count = 0, k = 0;
  do {
    int32_t end = words - k > 30 ? k + 30 : words;
    uint32_t bytes = 0, fours;
    for (; k + 2 <= end; k += 2) {
      fours = counts_of_four(a[k] ^ b[k]) + counts_of_four(a[k + 1] ^ b[k + 1]);
      bytes += (fours & 0x0f0f0f0fu) + ((fours >> 4) & 0x0f0f0f0fu);
    }
    if (k < end) {
      fours = counts_of_four(a[k] ^ b[k]);
      bytes += (fours & 0x0f0f0f0fu) + ((fours >> 4) & 0x0f0f0f0fu);
      k++;
    }
    bytes = (bytes & 0x00ff00ffu) + ((bytes >> 8) & 0x00ff00ffu);
    count += (int32_t)((bytes + (bytes >> 16)) & 0xffffu);
  } while (k < words);
  return count;
}
#endif

/* Signs of a whole map, so that the result may take its place. */
static void pack_signs(const rbnet_map *input, const float *threshold, const rbnet_work *work) {
  int32_t pixels = input->height * input->width, pixel, c;
  uint32_t *bits = work->bits;
  for (pixel = 0; pixel < pixels; pixel++) {
    const float *x = rbnet_read(input, pixel, work->pixels[0]);
    uint32_t word = 0;
    for (c = 0; c < input->channels; c++) {
      word |= (uint32_t)(x[c] >= threshold[c]) << (c & 31); /* no branch: signs are hard to foresee */
      if ((c & 31) == 31 || c + 1 == input->channels) {
        *bits++ = word;
        word = 0;
      }
    }
  }
}

/* The signs under window (i, j), one tap's after the other's; outside the map they are -1, which is a 0. */
static void gather_signs(const rbnet_map *input, const rbnet_windows *windows, int32_t i, int32_t j, const rbnet_work *work) {
  int32_t channels = input->channels, pixel_words = (channels + 31) / 32, taps = windows->kernel * windows->kernel;
  int32_t words = (taps * channels + 31) / 32, tap, k;
  for (k = 0; k < words; k++) work->row[k] = 0;
  for (tap = 0; tap < taps; tap++) {
    int32_t pixel = pixel_under(windows, i, j, tap, input->height, input->width);
    int32_t at = tap * channels, shift = at & 31;
    uint32_t *to = work->row + at / 32;
    if (pixel < 0) continue;
    for (k = 0; k < pixel_words; k++) {
      uint32_t word = work->bits[pixel * pixel_words + k];
      to[k] |= word << shift;
      /* What does not fit goes to the next word; where there is nothing, the next may not exist. */
      if (shift > 0 && (word >> (32 - shift)) != 0) to[k + 1] |= word >> (32 - shift);
    }
  }
}

void rbnet_binary_convolution(const rbnet_map *input, const float *threshold, const rbnet_windows *windows, const uint32_t *weights,
                              int32_t filters, const rbnet_epilogue *epilogue, const rbnet_map *out, const rbnet_work *work) {
  int32_t inputs = windows->kernel * windows->kernel * input->channels, words = (inputs + 31) / 32, i, j, n;
  pack_signs(input, threshold, work);
  for (i = 0; i < windows->rows; i++) {
    for (j = 0; j < windows->columns; j++) {
      gather_signs(input, windows, i, j, work);
      for (n = 0; n < filters; n++) work->sums[n] = (float)(inputs - 2 * differences(work->row, weights + n * words, words));
      lay_out(epilogue, filters, windows->columns, i, j, out, work);
    }
  }
}

/* y[n] = sum over k of x[k] * weights[k][n], k by k: the order of the page. Four sums at a time stay in registers. */
static void multiply(const float *x, int32_t inputs, const float *weights, int32_t filters, float *y) {
  int32_t n = 0, k;
  for (; n + 4 <= filters; n += 4) {
    const float *w = weights + n;
    float s0 = 0.0f, s1 = 0.0f, s2 = 0.0f, s3 = 0.0f;
    for (k = 0; k < inputs; k++, w += filters) {
      s0 += ROUNDED(x[k] * w[0]);
      s1 += ROUNDED(x[k] * w[1]);
      s2 += ROUNDED(x[k] * w[2]);
      s3 += ROUNDED(x[k] * w[3]);
    }
    y[n] = s0;
    y[n + 1] = s1;
    y[n + 2] = s2;
    y[n + 3] = s3;
  }
  for (; n < filters; n++) {
    float sum = 0.0f;
    for (k = 0; k < inputs; k++) sum += ROUNDED(x[k] * weights[k * filters + n]);
    y[n] = sum;
  }
}

/* The numbers under window (i, j), one tap's after the other's; 0 outside the map. */
static void gather_numbers(const rbnet_map *input, const rbnet_windows *windows, int32_t i, int32_t j, const rbnet_work *work) {
  int32_t channels = input->channels, taps = windows->kernel * windows->kernel, tap, c;
  float *to = work->window;
  for (tap = 0; tap < taps; tap++, to += channels) {
    int32_t pixel = pixel_under(windows, i, j, tap, input->height, input->width);
    const float *x = pixel < 0 ? 0 : rbnet_read(input, pixel, work->pixels[0]);
    for (c = 0; c < channels; c++) to[c] = x ? x[c] : 0.0f;
  }
}

void rbnet_real_convolution(const rbnet_map *input, const rbnet_windows *windows, const float *weights, int32_t filters,
                            const rbnet_epilogue *epilogue, const rbnet_map *out, const rbnet_work *work) {
  int32_t inputs = windows->kernel * windows->kernel * input->channels, i, j;
  for (i = 0; i < windows->rows; i++) {
    for (j = 0; j < windows->columns; j++) {
      gather_numbers(input, windows, i, j, work);
      multiply(work->window, inputs, weights, filters, work->sums);
      lay_out(epilogue, filters, windows->columns, i, j, out, work);
    }
  }
}

/* --- Pools, channels, classifier -------------------------------------------------------------------------------------------- */

void rbnet_average_pool(const rbnet_map *input, int32_t size, const rbnet_map *out, const rbnet_work *work) {
  float share = 1.0f / (float)(size * size);
  int32_t channels = input->channels, i, j, a, b, c;
  for (i = 0; i < out->height; i++) {
    for (j = 0; j < out->width; j++) {
      for (c = 0; c < channels; c++) work->sums[c] = 0.0f;
      for (a = 0; a < size; a++) {
        for (b = 0; b < size; b++) {
          const float *x = rbnet_read(input, (i * size + a) * input->width + j * size + b, work->pixels[0]);
          for (c = 0; c < channels; c++) work->sums[c] += x[c];
        }
      }
      {
        float *y = begin(out, i * out->width + j, work->pixels[1]);
        for (c = 0; c < channels; c++) y[c] = work->sums[c] * share;
        finish(out, i * out->width + j, y);
      }
    }
  }
}

void rbnet_max_pool(const rbnet_map *input, const rbnet_windows *windows, const rbnet_map *out, const rbnet_work *work) {
  int32_t channels = input->channels, taps = windows->kernel * windows->kernel, i, j, tap, c;
  for (i = 0; i < windows->rows; i++) {
    for (j = 0; j < windows->columns; j++) {
      float *y = begin(out, i * windows->columns + j, work->pixels[1]);
      int empty = 1;
      for (c = 0; c < channels; c++) y[c] = 0.0f;
      for (tap = 0; tap < taps; tap++) {
        int32_t pixel = pixel_under(windows, i, j, tap, input->height, input->width);
        const float *x;
        if (pixel < 0) continue;
        x = rbnet_read(input, pixel, work->pixels[0]);
        for (c = 0; c < channels; c++)
          if (empty || x[c] > y[c]) y[c] = x[c];
        empty = 0;
      }
      finish(out, i * windows->columns + j, y);
    }
  }
}

void rbnet_repeat_channels(const rbnet_map *input, int32_t times, const rbnet_map *out, const rbnet_work *work) {
  int32_t channels = input->channels, pixels = input->height * input->width, pixel, time, c;
  for (pixel = 0; pixel < pixels; pixel++) {
    const float *x = rbnet_read(input, pixel, work->pixels[0]);
    float *y = begin(out, pixel, work->pixels[1]);
    for (time = 0; time < times; time++)
      for (c = 0; c < channels; c++) y[time * channels + c] = x[c];
    finish(out, pixel, y);
  }
}

/* exp(x) within 1e-9 of itself, for |x| <= 700: 2^n times a polynomial. */
static double exponential(double x) {
  union {
    uint64_t bits;
    double value;
  } power;
  int32_t n = (int32_t)(x * 1.4426950408889634 + (x < 0.0 ? -0.5 : 0.5)), i;
  double rest = x - (double)n * 0.6931471805599453, sum = 1.0;
  for (i = 9; i > 0; i--) sum = 1.0 + sum * rest / (double)i;
  power.bits = (uint64_t)(n + 1023) << 52;
  return sum * power.value;
}

static float sigmoid(float x) {
  double exponent = -(double)x;
  if (exponent > 700.0) exponent = 700.0;
  if (exponent < -700.0) exponent = -700.0;
  return (float)(1.0 / (1.0 + exponential(exponent)));
}

void rbnet_dense(const rbnet_map *input, const float *weights, const float *bias, rbnet_dense_activation activation, const rbnet_map *out,
                 const rbnet_work *work) {
  int32_t filters = out->channels, n;
  float *y = begin(out, 0, work->pixels[1]);
  multiply(rbnet_read(input, 0, work->pixels[0]), input->channels, weights, filters, y);
  for (n = 0; n < filters; n++) {
    y[n] += bias[n];
    if (activation == RBNET_RELU && !(y[n] > 0.0f)) y[n] = 0.0f;
    if (activation == RBNET_SIGMOID) y[n] = sigmoid(y[n]);
  }
  finish(out, 0, y);
}

int32_t rbnet_softmax(const float *logits, int32_t count, float *scores) {
  int32_t best = 0, n;
  double total = 0.0, largest;
  for (n = 1; n < count; n++)
    if (logits[n] > logits[best]) best = n;
  largest = (double)logits[best]; /* scores may be where the logits are */
  for (n = 0; n < count; n++) {
    double less = (double)logits[n] - largest;
    double share = exponential(less < -700.0 ? -700.0 : less);
    scores[n] = (float)share;
    total += share;
  }
  for (n = 0; n < count; n++) scores[n] = (float)((double)scores[n] / total);
  return best;
}
