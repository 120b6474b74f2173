// What every kernel gets: the shared memory, a range of chunks, scratch memory of its thread, and the numbers that the WebAssembly kernel of the same
// name takes. Addresses are offsets into that memory.
#ifndef RBNET_KERNEL_H
#define RBNET_KERNEL_H
#include "window.h"

typedef void Kernel(char *memory, int begin, int end, char *scratch, const double *parameters);

/** Parameter i as a pointer, NULL for address 0, and as a whole number. */
#define POINTER(type, i) ((type *)(parameters[i] == 0 ? NULL : memory + (size_t)parameters[i]))
#define WHOLE(i) ((int)parameters[i])
#define KERNEL(name) static void name(char *memory, int begin, int end, char *scratch, const double *parameters)

#endif
