// All kernels of one instruction set as one object: `scripts/build-native.mjs` compiles this file once for each, with TABLE_NAME set.
#include "binary-product.c"
#include "normalization.c"
#include "real.c"
#include "signs.c"
#include "transposed-signs.c"
#if defined(PIECES)
#include "tile-gradient.c"
#else
#include "table-gradient.c"
#endif
#include "table-product.c"
#include "peak.c"
#include "binary-unit.c"
#include "table.h"

#define ENTRY(name) {#name, name}
const KernelEntry TABLE_NAME[] = {
    ENTRY(binarizeColumns),
    ENTRY(binaryProduct),
    ENTRY(binaryUnit),
    ENTRY(transposeSigns),
    ENTRY(binaryWeightGradient),
    ENTRY(binaryInputGradient),
    ENTRY(gatherColumns),
    ENTRY(product),
    ENTRY(columnStatistics),
    ENTRY(reducePartials),
    ENTRY(normalizeActivateInteger),
    ENTRY(normalizeActivateReal),
    ENTRY(activateBackwardInteger),
    ENTRY(activateBackwardReal),
    ENTRY(normalizationGradientInteger),
    ENTRY(normalizationGradientReal),
    ENTRY(adam),
    ENTRY(peakMultiplyAdd),
#if defined(__AVX2__)
    ENTRY(binaryProductTable),
    ENTRY(binaryUnitTable),
    ENTRY(peakPopcount),
    ENTRY(peakTable),
#elif defined(WITH_NEON)
    ENTRY(peakPopcount),
#endif
#if defined(PIECES)
    ENTRY(peakTiles),
#endif
    {0, 0},
};
