// What every kernel gets: the shared memory, a range of chunks, scratch memory of its thread, and the numbers that the WebAssembly kernel
// of the same name takes. Addresses are offsets into that memory.
#ifndef RBNET_KERNEL_H
#define RBNET_KERNEL_H
#include "window.h"

typedef void Kernel(char *memory, int begin, int end, char *scratch, const double *parameters);

/**
 * KERNEL(name) { ... } is on chunks [begin, end) and has its arguments in `call`, a structure of arguments.h. It stays a function of its
 * own: inlined into the one that reads the numbers, gcc 12 made the gradients a tenth slower.
 */
#define KERNEL(name)                                                                                                                   \
  static __attribute__((noinline)) void name##On(name##Arguments call, int begin, int end, __attribute__((unused)) char *scratch);      \
  static void name(char *memory, int begin, int end, char *scratch, const double *parameters) {                                        \
    name##On(name##ArgumentsOf(memory, parameters), begin, end, scratch);                                                               \
  }                                                                                                                                    \
  static __attribute__((noinline)) void name##On(name##Arguments call, int begin, int end, __attribute__((unused)) char *scratch)

#endif
