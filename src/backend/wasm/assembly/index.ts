// Written by scripts/kernel-interfaces.mjs from src/backend/kernel-table: change that, and build.
// Every kernel works on a range of chunks [begin, end) of its job, so that a pool of workers can share it. What a chunk is depends
// only on the shapes, never on the number of threads. `scratch` is memory of the calling thread; all pointers are into the shared memory.
export {
  binaryInputGradient,
} from "./binary/input-gradient";
export {
  binaryProduct,
} from "./binary/product";
export {
  signGradient,
} from "./binary/sign-gradient";
export {
  binarizeColumns,
  binarizeWeights,
  binarizeWeightsTable,
  expandSigns,
  countPositive,
} from "./binary/signs";
export {
  binaryProductTable,
} from "./binary/table-product";
export {
  binaryUnit,
  binaryUnitTable,
} from "./binary/unit";
export {
  transposeSigns,
  binaryWeightGradient,
} from "./binary/weight-gradient";
export {
  multiplyChannelsInteger,
  multiplyChannelsReal,
  multiplyChannelsGradientInteger,
  multiplyChannelsGradientReal,
  repeatChannels,
  repeatChannelsGradient,
  sigmoid,
  sigmoidGradient,
} from "./channels";
export {
  softmax,
  softmaxCrossEntropy,
  attentionMap,
  attentionMatch,
  sumLosses,
  countCorrect,
} from "./loss";
export {
  activateBackwardInteger,
  activateBackwardReal,
  normalizationGradientInteger,
  normalizationGradientReal,
} from "./normalization/backward";
export {
  normalizeActivateInteger,
  normalizeActivateReal,
} from "./normalization/forward";
export {
  columnMoments,
  normalizationForward,
  normalizationBackward,
} from "./normalization/statistics";
export {
  reducePartials,
} from "./partials";
export {
  peakMultiplyAdd,
  peakPopcount,
  peakTable,
} from "./peak";
export {
  averagePool,
  averagePoolGradient,
  maxPool,
  maxPoolGradient,
} from "./pooling";
export {
  gatherColumns,
  scatterColumns,
} from "./real/columns";
export {
  product,
  transpose,
  addBias,
} from "./real/product";
export {
  sumColumns,
} from "./real/sums";
export {
  adam,
  sgd,
  sumFlips,
  movingAverage,
  fillWords,
  copyWords,
  add,
} from "./update";
