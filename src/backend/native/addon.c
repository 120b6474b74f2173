// The Node addon: finds the widest instruction set of this processor that was built, and hands out its kernels as functions on a WebAssembly memory.
// Node-API keeps one binary good for every Node version.
#define _GNU_SOURCE
#include <node_api.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif
#include "kernels/table.h"

extern const KernelEntry plainKernels[];
#if defined(__x86_64__)
extern const KernelEntry avx512PopcountKernels[];
extern const KernelEntry avx512Kernels[];
extern const KernelEntry avx2Kernels[];
#endif

/** A set of kernels and whether this processor can run it; the widest first. */
typedef struct {
  const char *name;
  const KernelEntry *kernels;
  int usable;
} InstructionSet;

#define MAXIMUM_SETS 4
#define MAXIMUM_ARGUMENTS 32

static int instructionSets(InstructionSet *found) {
  int count = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const int popcount = __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512bitalg");
  found[count++] = (InstructionSet){"avx512-popcount", avx512PopcountKernels, avx512 && popcount};
  found[count++] = (InstructionSet){"avx512", avx512Kernels, avx512};
  found[count++] = (InstructionSet){"avx2", avx2Kernels, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")};
#endif
  found[count++] = (InstructionSet){"plain", plainKernels, 1};
  return count;
}

/** All that 32-bit addresses reach: the engine sets so much aside for a memory that can grow to it. */
#define ADDRESS_SPACE ((size_t)1 << 32)

/**
 * Maps of a batch are larger than what a processor's address cache covers in small pages: asks for large ones. It is only a wish; where part of the range
 * is not the memory's, or the system has no large pages, nothing happens.
 */
static void askForLargePages(void *memory) {
#if defined(MADV_HUGEPAGE)
  madvise(memory, ADDRESS_SPACE, MADV_HUGEPAGE);
#else
  (void)memory;
#endif
}

/** What a function of a kernel remembers. */
typedef struct {
  char *memory;
  Kernel *run;
} Bound;

/** (begin, end, scratch, ...parameters) => void, all numbers. */
static napi_value callKernel(napi_env env, napi_callback_info info) {
  napi_value arguments[MAXIMUM_ARGUMENTS];
  double numbers[MAXIMUM_ARGUMENTS];
  size_t count = MAXIMUM_ARGUMENTS;
  void *data;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, &data) != napi_ok || count < 3 || count > MAXIMUM_ARGUMENTS) {
    napi_throw_error(env, NULL, "a kernel takes begin, end, scratch and its parameters");
    return NULL;
  }
  for (size_t i = 0; i < count; i++) {
    if (napi_get_value_double(env, arguments[i], &numbers[i]) != napi_ok) {
      napi_throw_type_error(env, NULL, "a kernel takes numbers only");
      return NULL;
    }
  }
  const Bound *bound = data;
  bound->run(bound->memory, (int)numbers[0], (int)numbers[1], bound->memory + (size_t)numbers[2], numbers + 3);
  return NULL;
}

static void freeBound(napi_env env, void *data, void *hint) {
  (void)env, (void)hint;
  free(data);
}

/** Puts a function for each kernel of the set on `target`, under the kernel's name; false after an error, with an exception pending. */
static int bindKernels(napi_env env, const KernelEntry *kernels, char *memory, napi_value target) {
  for (; kernels->name; kernels++) {
    Bound *bound = malloc(sizeof *bound);
    if (!bound) return 0;
    *bound = (Bound){memory, kernels->run};
    napi_value function;
    if (napi_create_function(env, kernels->name, NAPI_AUTO_LENGTH, callKernel, bound, &function) != napi_ok ||
        napi_add_finalizer(env, function, bound, freeBound, NULL, NULL) != napi_ok ||
        napi_set_named_property(env, target, kernels->name, function) != napi_ok)
      return 0;
  }
  return 1;
}

/** bind(memory: Uint8Array, instructionSet: string) => { [kernel]: function }. The memory must neither move nor end before the functions do. */
static napi_value bind(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result;
  size_t count = 2, bytes, length;
  char name[16];
  void *memory;
  napi_typedarray_type type;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 2 ||
      napi_get_typedarray_info(env, arguments[0], &type, &bytes, &memory, NULL, NULL) != napi_ok ||
      napi_get_value_string_utf8(env, arguments[1], name, sizeof name, &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "bind takes the bytes of a memory and the name of an instruction set");
    return NULL;
  }
  InstructionSet sets[MAXIMUM_SETS];
  const int setCount = instructionSets(sets);
  for (int i = 0; i < setCount; i++) {
    if (!sets[i].usable || strcmp(sets[i].name, name) != 0) continue;
    askForLargePages(memory);
    if (napi_create_object(env, &result) == napi_ok && bindKernels(env, sets[i].kernels, memory, result)) return result;
    napi_throw_error(env, NULL, "the kernels could not be bound to the memory");
    return NULL;
  }
  napi_throw_error(env, NULL, "this processor cannot run that instruction set");
  return NULL;
}

/** exports: { contract: what the callers of the kernels have to be, instructionSets: names that this processor can run, the widest first; bind } */
NAPI_MODULE_INIT() {
  InstructionSet sets[MAXIMUM_SETS];
  napi_value names, function, contract;
  uint32_t usable = 0;
  if (napi_create_string_utf8(env, CONTRACT, NAPI_AUTO_LENGTH, &contract) != napi_ok || napi_set_named_property(env, exports, "contract", contract) != napi_ok) return NULL;
  if (napi_create_array(env, &names) != napi_ok) return NULL;
  const int count = instructionSets(sets);
  for (int i = 0; i < count; i++) {
    napi_value name;
    if (!sets[i].usable) continue;
    if (napi_create_string_utf8(env, sets[i].name, NAPI_AUTO_LENGTH, &name) != napi_ok || napi_set_element(env, names, usable++, name) != napi_ok) return NULL;
  }
  if (napi_create_function(env, "bind", NAPI_AUTO_LENGTH, bind, NULL, &function) != napi_ok || napi_set_named_property(env, exports, "bind", function) != napi_ok ||
      napi_set_named_property(env, exports, "instructionSets", names) != napi_ok)
    return NULL;
  return exports;
}
