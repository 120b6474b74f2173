// Every exported kernel works on a range of chunks [begin, end) of its job, so that a pool of workers can share it. What a chunk is
// depends only on the shapes, never on the number of threads. `scratch` is memory of the calling thread; all pointers are into the shared memory.
export { binarizeColumns, binarizeWeights, binarizeWeightsTable, expandSigns, countPositive } from "./binary/signs";
export { binaryProduct } from "./binary/product";
export { binaryProductTable } from "./binary/table-product";
export { binaryUnit, binaryUnitTable } from "./binary/unit";
export { transposeSigns, binaryWeightGradient, binaryInputGradient } from "./binary/gradient";
export { signGradient } from "./binary/sign-gradient";
export { gatherColumns, scatterColumns } from "./real/columns";
export { product, transpose, addBias } from "./real/product";
export { sumColumns } from "./real/sums";
export { columnMoments, normalizationForward, normalizationBackward } from "./normalization/statistics";
export { normalizeActivateInteger, normalizeActivateReal } from "./normalization/forward";
export { activateBackwardInteger, activateBackwardReal } from "./normalization/backward";
export { normalizationGradientInteger, normalizationGradientReal } from "./normalization/backward";
export { averagePool, averagePoolGradient, maxPool, maxPoolGradient } from "./pooling";
export { softmax, softmaxCrossEntropy, attentionMap, attentionMatch, sumLosses, countCorrect } from "./loss";
export { multiplyChannelsInteger, multiplyChannelsReal, multiplyChannelsGradientInteger, multiplyChannelsGradientReal } from "./channels";
export { repeatChannels, repeatChannelsGradient, sigmoid, sigmoidGradient } from "./channels";
export { adam, sgd, sumFlips, movingAverage, fillWords, copyWords, add } from "./update";
export { reducePartials } from "./partials";
export { peakMultiplyAdd, peakPopcount, peakTable } from "./peak";
