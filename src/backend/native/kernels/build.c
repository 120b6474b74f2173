// All kernels of one instruction set as one object: `scripts/build-native.mjs` compiles this file once for each, with TABLE_NAME set.
#include "binary/signs.c"
#include "binary/product.c"
#include "binary/table-product.c"
#include "binary/unit.c"
#include "binary/transposed-signs.c"
#if defined(PIECES)
#include "binary/tile-gradient.c"
#else
#include "binary/table-gradient.c"
#endif
#include "real.c"
#include "normalization.c"
#include "update.c"
#include "partials.c"
#include "peak.c"
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
    ENTRY(columnMoments),
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
