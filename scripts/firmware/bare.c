/*
 * Runs an exported network on images that are linked in, on an emulated processor without an operating system: Cortex-M on the boards
 * MPS2, RV32 on the board virt. Writes by semihosting the number of instructions of an image, and a line an image: the class, and the bits
 * of the logits.
 */
#include <stddef.h>
#include <stdint.h>

#include "model.h"

#define BYTES (RBNET_SIZE * RBNET_SIZE * 3)
extern const uint8_t images[];
extern const uint32_t image_count;

static float logits[RBNET_CLASSES], scores[RBNET_CLASSES];
extern uint32_t bss_begin[], bss_end[], stack_top[];
int main(void);
void reset(void);

/* What compilers call. */
void *memset(void *to, int value, size_t count) {
  volatile uint8_t *bytes = to;
  while (count-- > 0) *bytes++ = (uint8_t)value;
  return to;
}
void *memcpy(void *to, const void *from, size_t count) {
  volatile uint8_t *bytes = to;
  const uint8_t *source = from;
  while (count-- > 0) *bytes++ = *source++;
  return to;
}

enum { WRITE0 = 4, EXIT = 0x18 };

#if defined(__arm__)

__attribute__((section(".vectors"), used)) static void *const vectors[2] = {stack_top, (void *)reset};

static void host(uint32_t operation, const void *argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register const void *r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

#define SYSTICK ((volatile uint32_t *)0xe000e010u)
/* A tick of the boards' 25 MHz is 40 instructions where the emulator takes a nanosecond for each. */
static uint64_t counted(void) { return (uint64_t)(0xffffffu - SYSTICK[2]) * 40u; }
static void count_from_here(void) {
  SYSTICK[1] = 0xffffffu;
  SYSTICK[2] = 0;
  SYSTICK[0] = 5;
}

void reset(void) {
  uint32_t *word;
#if defined(__ARM_FP)
  *(volatile uint32_t *)0xe000ed88u |= 0xfu << 20; /* the floating-point unit */
  __asm__ volatile("dsb\n isb");
#endif
  for (word = bss_begin; word < bss_end; word++) *word = 0;
  main();
  host(EXIT, (void *)0x20026);
  for (;;) {
  }
}

#else

static void host(uint32_t operation, const void *argument) {
  register uint32_t a0 __asm__("a0") = operation;
  register const void *a1 __asm__("a1") = argument;
  __asm__ volatile(".option push\n.option norvc\n.balign 16\nslli x0, x0, 0x1f\nebreak\nsrai x0, x0, 7\n.option pop"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
}

static uint32_t start;
static uint32_t instructions(void) {
  uint32_t value;
  __asm__ volatile(".option push\n.option arch, +zicsr\ncsrr %0, minstret\n.option pop" : "=r"(value));
  return value;
}
static uint64_t counted(void) { return instructions() - start; }
static void count_from_here(void) { start = instructions(); }

__attribute__((section(".vectors"), naked, used)) void entry(void) { __asm__ volatile("la sp, stack_top\nj reset"); }

void reset(void) {
  uint32_t *word;
  static const uint32_t leave[2] = {0x20026, 0};
  for (word = bss_begin; word < bss_end; word++) *word = 0;
  main();
  host(EXIT, (const void *)(uintptr_t)leave[0]);
  for (;;) {
  }
}

#endif

static void write_hex(uint64_t value) {
  char text[18];
  int i;
  text[0] = ' ';
  for (i = 0; i < 16; i++) text[1 + i] = "0123456789abcdef"[(value >> (60 - 4 * i)) & 15u];
  text[17] = 0;
  host(WRITE0, text);
}

int main(void) {
  uint32_t image;
  int n;
  count_from_here();
  rbnet_logits(images, logits);
  write_hex(counted());
  host(WRITE0, "\n");
  for (image = 0; image < image_count; image++) {
    rbnet_logits(images + image * BYTES, logits);
    write_hex((uint64_t)rbnet_classify(images + image * BYTES, scores));
    for (n = 0; n < RBNET_CLASSES; n++) {
      union {
        float value;
        uint32_t bits;
      } logit;
      logit.value = logits[n];
      write_hex(logit.bits);
    }
    host(WRITE0, "\n");
  }
  return 0;
}
