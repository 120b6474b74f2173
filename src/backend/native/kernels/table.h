// The kernels of one instruction set, by the names that the WebAssembly module exports; the last entry is empty.
#ifndef RBNET_TABLE_H
#define RBNET_TABLE_H
#include "kernel.h"

typedef struct {
  const char *name;
  Kernel *run;
} KernelEntry;

#endif
