// Every exported kernel works on a range of chunks [begin, end) of its job, so that a pool of workers can share it. What a chunk is
// depends only on the shapes, never on the number of threads. `scratch` is memory of the calling thread; all pointers are into the shared memory.
export { binarizeColumns, binarizeWeights, binarizeWeightsTable, expandSigns, countPositive } from "./signs";
export { binaryProduct } from "./binary-product";
export { binaryProductTable } from "./table-product";
export { binaryUnit, binaryUnitTable } from "./binary-unit";
export { transposeSigns, binaryWeightGradient, binaryInputGradient } from "./binary-gradient";
export { signGradient } from "./sign-gradient";
export { gatherColumns, scatterColumns } from "./columns";
export { product, transpose, addBias } from "./product";
export { columnStatistics, sumRows, reducePartials, normalizationForward, normalizationBackward } from "./statistics";
export { normalizeActivateInteger, normalizeActivateReal } from "./normalize-forward";
export { activateBackwardInteger, activateBackwardReal, normalizationGradientInteger, normalizationGradientReal } from "./normalize-backward";
export { averagePool, averagePoolGradient, maxPool, maxPoolGradient, softmaxCrossEntropy } from "./pool";
export { attentionMap, attentionMatch } from "./attention";
export { multiplyChannelsInteger, multiplyChannelsReal, multiplyChannelsGradientInteger, multiplyChannelsGradientReal } from "./channels";
export { repeatChannels, repeatChannelsGradient, sigmoid, sigmoidGradient } from "./channels";
export { adam, sgd, movingAverage, fillWords, copyWords, add } from "./update";
export { peakMultiplyAdd, peakPopcount, peakTable } from "./peak";
