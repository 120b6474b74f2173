/*
 * The kernels that a network exported by `rbnet export --format c` runs on: the same file for every model. C99, no library, no
 * allocation, no recursion, no state. What they compute is docs/model-file.md of rbnet, to the bit: float32, sums in the order of the page,
 * every operation rounded on its own. Signs are bits in words of 32, so the order of bytes does not matter.
 */
#ifndef RBNET_H
#define RBNET_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* How the numbers of a map are stored. Whatever it is, all arithmetic is in float32. */
typedef enum {
  RBNET_BYTES,   /* of an image: table[channel * 256 + byte] is the number */
  RBNET_FLOAT32,
  RBNET_FLOAT16  /* IEEE 754 binary16, as its bits */
} rbnet_type;

/* A value of the network: height x width pixels, the channels of a pixel side by side. One of the pointers is set, by type. */
typedef struct {
  rbnet_type type;
  int32_t height, width, channels;
  const uint8_t *bytes;
  const float *table;
  float *floats;
  uint16_t *halves;
} rbnet_map;

/* Window (i, j) reads the pixels (row_origins[i] + a * step, column_origins[j] + b * step) for a, b from 0 to kernel - 1. */
typedef struct {
  int32_t kernel, step, rows, columns;
  const int16_t *row_origins, *column_origins;
} rbnet_windows;

/*
 * What follows a product y of `filters` numbers:
 *
 *   u = scale * (y * factors) + bias + shortcut;  result = (u > 0 ? right : left) * u + to
 *
 * Null: factors of 1, no shortcut; no activation where `activation` is 0, else left 0 (ReLU), right 1, to 0. An activation's `from` is
 * in the bias already. With a layout, filters are laid over its windows on the result (depth to space).
 */
typedef struct {
  const float *scale, *bias;
  const rbnet_map *factors, *shortcut;
  int activation;
  const float *left, *right, *to;
  const rbnet_windows *layout;
} rbnet_epilogue;

/* Memory that all layers use in turn; the sizes are those of the largest layer. */
typedef struct {
  uint32_t *bits;    /* signs of a map: for each pixel (channels + 31) / 32 words */
  uint32_t *row;     /* signs under a window: (kernel * kernel * channels + 31) / 32 words */
  float *window;     /* numbers under a window of a real convolution: kernel * kernel * channels */
  float *sums;       /* one a filter */
  float *pixels[2];  /* the channels of a pixel, twice */
} rbnet_work;

/* weights: for each filter (kernel * kernel * channels + 31) / 32 words. A value is +1 where it is at least its channel's threshold. */
void rbnet_binary_convolution(const rbnet_map *input, const float *threshold, const rbnet_windows *windows, const uint32_t *weights,
                              int32_t filters, const rbnet_epilogue *epilogue, const rbnet_map *out, const rbnet_work *work);

/* weights: [kernel * kernel * channels][filters]. */
void rbnet_real_convolution(const rbnet_map *input, const rbnet_windows *windows, const float *weights, int32_t filters,
                            const rbnet_epilogue *epilogue, const rbnet_map *out, const rbnet_work *work);

void rbnet_average_pool(const rbnet_map *input, int32_t size, const rbnet_map *out, const rbnet_work *work);
void rbnet_max_pool(const rbnet_map *input, const rbnet_windows *windows, const rbnet_map *out, const rbnet_work *work);
void rbnet_repeat_channels(const rbnet_map *input, int32_t times, const rbnet_map *out, const rbnet_work *work);

typedef enum { RBNET_LINEAR, RBNET_RELU, RBNET_SIGMOID } rbnet_dense_activation;

/* weights: [inputs][filters]; input and out are one pixel. */
void rbnet_dense(const rbnet_map *input, const float *weights, const float *bias, rbnet_dense_activation activation, const rbnet_map *out,
                 const rbnet_work *work);

/* The numbers of a pixel: where they are, or converted into `scratch`. */
const float *rbnet_read(const rbnet_map *map, int32_t pixel, float *scratch);

/* Softmax of `count` logits; the index of the largest. */
int32_t rbnet_softmax(const float *logits, int32_t count, float *scores);

#ifdef __cplusplus
}
#endif

#endif
