/* A frame of a camera to the square that a network reads: the centre, and means of the pixels that fall on each of the square's. */
#ifndef FRAME_H
#define FRAME_H

#include <stdint.h>

/* frame: width x height pixels in RGB565, the high byte first; square: side x side x 3 bytes. The frame is at least as large. */
static void frame_to_square(const uint8_t *frame, int32_t width, int32_t height, int32_t side, uint8_t *square) {
  int32_t shorter = width < height ? width : height, left = (width - shorter) / 2, top = (height - shorter) / 2, i, j, y, x;
  for (i = 0; i < side; i++) {
    int32_t first_row = top + i * shorter / side, end_row = top + (i + 1) * shorter / side;
    for (j = 0; j < side; j++) {
      int32_t first = left + j * shorter / side, end = left + (j + 1) * shorter / side;
      uint32_t red = 0, green = 0, blue = 0, count = (uint32_t)((end_row - first_row) * (end - first));
      for (y = first_row; y < end_row; y++) {
        for (x = first; x < end; x++) {
          const uint8_t *bytes = frame + 2 * (y * width + x);
          uint32_t pixel = (uint32_t)bytes[0] << 8 | bytes[1];
          red += pixel >> 11;
          green += (pixel >> 5) & 63u;
          blue += pixel & 31u;
        }
      }
      square[0] = (uint8_t)(red * 255u / (31u * count));
      square[1] = (uint8_t)(green * 255u / (63u * count));
      square[2] = (uint8_t)(blue * 255u / (31u * count));
      square += 3;
    }
  }
}

#endif
