// The Node addon: finds the fastest instruction set of this processor that was built, and hands out its kernels as functions on a
// WebAssembly memory. Node-API keeps one binary good for every Node version.
#define _GNU_SOURCE
#include <node_api.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif
#include "kernels/table.h"

extern const KernelEntry plainKernels[];
#if defined(__x86_64__)
#if defined(WITH_BFLOAT16)
extern const KernelEntry avx512AmxKernels[];
extern const KernelEntry avx512AmxBfloat16Kernels[];
extern const KernelEntry avx512Bfloat16Kernels[];
#endif
extern const KernelEntry avx512PopcountKernels[];
extern const KernelEntry avx512Kernels[];
extern const KernelEntry avx2Kernels[];
#elif defined(__aarch64__)
extern const KernelEntry neonKernels[];
#endif

/** How a set of kernels reads the floats of gradient products: as they are, or rounded to bfloat16. */
typedef enum { FLOAT32, BFLOAT16 } Precision;

/** A set of kernels and whether this processor can run it; the fastest first, and one without a name at the end. */
typedef struct {
  const char *name;
  const KernelEntry *kernels;
  Precision precision;
  int usable;
} InstructionSet;

#define MAXIMUM_SETS 8
#define MAXIMUM_ARGUMENTS 32

#if defined(WITH_BFLOAT16)
/** Bit of a register of CPUID. */
static int hasFeature(unsigned leaf, unsigned subleaf, int inEdx, int bit) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(leaf, subleaf, &a, &b, &c, &d) && ((inEdx ? d : a) >> bit & 1);
}

/** Whether this process may use tile registers: the system keeps room for them only where it is asked. */
static int mayUseTiles(void) {
#if defined(__linux__)
  enum { REQUEST_PERMISSION = 0x1023, TILE_DATA = 18 };
  return syscall(SYS_arch_prctl, REQUEST_PERMISSION, TILE_DATA) == 0;
#else
  return 0;
#endif
}
#endif

static void findInstructionSets(InstructionSet *found) {
  int count = 0;
#if defined(__x86_64__)
  __builtin_cpu_init();
  const int avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq")
      && __builtin_cpu_supports("avx512vl");
  const int popcount = __builtin_cpu_supports("avx512vpopcntdq") && __builtin_cpu_supports("avx512bitalg");
#if defined(WITH_BFLOAT16)
  const int bfloat16 = avx512 && popcount && __builtin_cpu_supports("bmi2") && hasFeature(7, 1, 0, 5);
  const int tiles = bfloat16 && hasFeature(7, 0, 1, 22) && hasFeature(7, 0, 1, 24) && mayUseTiles();
  found[count++] = (InstructionSet){"avx512-amx", avx512AmxKernels, FLOAT32, tiles};
  found[count++] = (InstructionSet){"avx512-amx-bfloat16", avx512AmxBfloat16Kernels, BFLOAT16, tiles};
  found[count++] = (InstructionSet){"avx512-bfloat16", avx512Bfloat16Kernels, BFLOAT16, bfloat16};
#endif
  found[count++] = (InstructionSet){"avx512-popcount", avx512PopcountKernels, FLOAT32, avx512 && popcount};
  found[count++] = (InstructionSet){"avx512", avx512Kernels, FLOAT32, avx512};
  found[count++] = (InstructionSet){"avx2", avx2Kernels, FLOAT32, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")};
#elif defined(__aarch64__)
  // A part of every processor of this kind.
  found[count++] = (InstructionSet){"neon", neonKernels, FLOAT32, 1};
#endif
  found[count++] = (InstructionSet){"plain", plainKernels, FLOAT32, 1};
  found[count] = (InstructionSet){0};
}

/** All that 32-bit addresses reach: the engine sets so much aside for a memory that can grow to it. */
#define ADDRESS_SPACE ((size_t)1 << 32)

/**
 * Maps of a batch are larger than what a processor's address cache covers in small pages: asks for large ones. It is only a wish; where
 * part of the range is not the memory's, or the system has no large pages, nothing happens.
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

/**
 * bind(memory: Uint8Array, instructionSet: string) => { [kernel]: function }. The memory must neither move nor end before the functions do.
 */
static napi_value bind(napi_env env, napi_callback_info info) {
  napi_value arguments[2], result;
  size_t count = 2, bytes, length;
  char name[32];
  void *memory;
  napi_typedarray_type type;
  if (napi_get_cb_info(env, info, &count, arguments, NULL, NULL) != napi_ok || count < 2 ||
      napi_get_typedarray_info(env, arguments[0], &type, &bytes, &memory, NULL, NULL) != napi_ok ||
      napi_get_value_string_utf8(env, arguments[1], name, sizeof name, &length) != napi_ok) {
    napi_throw_type_error(env, NULL, "bind takes the bytes of a memory and the name of an instruction set");
    return NULL;
  }
  InstructionSet sets[MAXIMUM_SETS];
  findInstructionSets(sets);
  for (const InstructionSet *set = sets; set->name; set++) {
    if (!set->usable || strcmp(set->name, name) != 0) continue;
    askForLargePages(memory);
    if (napi_create_object(env, &result) == napi_ok && bindKernels(env, set->kernels, memory, result)) return result;
    napi_throw_error(env, NULL, "the kernels could not be bound to the memory");
    return NULL;
  }
  napi_throw_error(env, NULL, "this processor cannot run that instruction set");
  return NULL;
}

/** The names of the sets of a precision that this processor can run, on `exports`. */
static int exportNames(napi_env env, napi_value exports, const char *property, Precision precision) {
  InstructionSet sets[MAXIMUM_SETS];
  napi_value names;
  uint32_t found = 0;
  findInstructionSets(sets);
  if (napi_create_array(env, &names) != napi_ok) return 0;
  for (const InstructionSet *set = sets; set->name; set++) {
    napi_value name;
    if (!set->usable || set->precision != precision) continue;
    if (napi_create_string_utf8(env, set->name, NAPI_AUTO_LENGTH, &name) != napi_ok
        || napi_set_element(env, names, found++, name) != napi_ok) return 0;
  }
  return napi_set_named_property(env, exports, property, names) == napi_ok;
}

/**
 * exports: { contract: what the callers of the kernels have to be, instructionSets and bfloat16Sets: names that this processor can run, the
 * fastest first; bind }
 */
NAPI_MODULE_INIT() {
  napi_value function, contract;
  if (napi_create_string_utf8(env, CONTRACT, NAPI_AUTO_LENGTH, &contract) != napi_ok
      || napi_set_named_property(env, exports, "contract", contract) != napi_ok) return NULL;
  if (!exportNames(env, exports, "instructionSets", FLOAT32) || !exportNames(env, exports, "bfloat16Sets", BFLOAT16)) return NULL;
  if (napi_create_function(env, "bind", NAPI_AUTO_LENGTH, bind, NULL, &function) != napi_ok
      || napi_set_named_property(env, exports, "bind", function) != napi_ok)
    return NULL;
  return exports;
}
