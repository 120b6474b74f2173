// Takes a picture with a camera on an ESP32, and says on the serial port what it shows.
#include <esp_camera.h>
#include <model.h>

#include "frame.h"

static uint8_t square[RBNET_SIZE * RBNET_SIZE * 3];
static float scores[RBNET_CLASSES];

// The pins of AI Thinker's ESP32-CAM; those of your board are in its documentation.
static camera_config_t configuration() {
  camera_config_t config = {};
  config.pin_pwdn = 32;
  config.pin_reset = -1;
  config.pin_xclk = 0;
  config.pin_sccb_sda = 26;
  config.pin_sccb_scl = 27;
  config.pin_d7 = 35;
  config.pin_d6 = 34;
  config.pin_d5 = 39;
  config.pin_d4 = 36;
  config.pin_d3 = 21;
  config.pin_d2 = 19;
  config.pin_d1 = 18;
  config.pin_d0 = 5;
  config.pin_vsync = 25;
  config.pin_href = 23;
  config.pin_pclk = 22;
  config.xclk_freq_hz = 20000000;
  config.ledc_timer = LEDC_TIMER_0;
  config.ledc_channel = LEDC_CHANNEL_0;
  config.pixel_format = PIXFORMAT_RGB565;
  config.frame_size = FRAMESIZE_QQVGA;  // 160 x 120
  config.fb_count = 1;
  return config;
}

void setup() {
  Serial.begin(115200);
  const camera_config_t config = configuration();
  if (esp_camera_init(&config) != ESP_OK) Serial.println("the camera does not answer: check its pins");
}

void loop() {
  camera_fb_t *frame = esp_camera_fb_get();
  if (frame == nullptr) {
    delay(1000);
    return;
  }
  frame_to_square(frame->buf, frame->width, frame->height, RBNET_SIZE, square);
  esp_camera_fb_return(frame);
  const unsigned long start = millis();
  const int best = rbnet_classify(square, scores);
  Serial.printf("%s %.2f (%lu ms)\n", rbnet_class_names[best], scores[best], millis() - start);
}
