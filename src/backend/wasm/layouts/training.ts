// Written by scripts/kernel-interfaces.mjs from src/backend/kernel-table: change that, and build.
// Of the kernels that training needs besides.
import { type Layout, numberOf } from "./layout.js";

const binarizeWeights: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.latent);
  numbers[1] = numberOf(given.inputs);
  numbers[2] = numberOf(given.filters);
  numbers[3] = numberOf(given.forward);
  numbers[4] = numberOf(given.gradient);
};

const countPositive: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.columns);
  numbers[1] = numberOf(given.words);
  numbers[2] = numberOf(given.partials);
};

const transposeSigns: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.columns);
  numbers[1] = numberOf(given.rows);
  numbers[2] = numberOf(given.inputs);
  numbers[3] = numberOf(given.index);
};

const binaryWeightGradient: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.dy);
  numbers[1] = numberOf(given.index);
  numbers[2] = numberOf(given.rows);
  numbers[3] = numberOf(given.inputs);
  numbers[4] = numberOf(given.filters);
  numbers[5] = numberOf(given.chunkInputs);
  numbers[6] = numberOf(given.chunkFilters);
  numbers[7] = numberOf(given.latent);
  numbers[8] = numberOf(given.gradient);
};

const binaryInputGradient: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.dy);
  numbers[1] = numberOf(given.index);
  numbers[2] = numberOf(given.window);
  numbers[3] = numberOf(given.inputs);
  numbers[4] = numberOf(given.filters);
  numbers[5] = numberOf(given.x);
  numbers[6] = numberOf(given.threshold);
  numbers[7] = numberOf(given.kind);
  numbers[8] = numberOf(given.dx);
  numbers[9] = numberOf(given.partials);
};

const expandSigns: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.columns);
  numbers[1] = numberOf(given.rows);
  numbers[2] = numberOf(given.inputs);
  numbers[3] = numberOf(given.signs);
};

const signGradient: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.dSigns);
  numbers[1] = numberOf(given.window);
  numbers[2] = numberOf(given.x);
  numbers[3] = numberOf(given.threshold);
  numbers[4] = numberOf(given.kind);
  numbers[5] = numberOf(given.dx);
  numbers[6] = numberOf(given.partials);
};

const scatterColumns: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.columns);
  numbers[1] = numberOf(given.window);
  numbers[2] = numberOf(given.dx);
};

const transpose: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.matrix);
  numbers[1] = numberOf(given.rows);
  numbers[2] = numberOf(given.columns);
  numbers[3] = numberOf(given.out);
};

const sumColumns: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.matrix);
  numbers[1] = numberOf(given.rows);
  numbers[2] = numberOf(given.columns);
  numbers[3] = numberOf(given.chunkRows);
  numbers[4] = numberOf(given.partials);
};

const columnMoments: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.y);
  numbers[1] = numberOf(given.rows);
  numbers[2] = numberOf(given.columns);
  numbers[3] = numberOf(given.chunkRows);
  numbers[4] = numberOf(given.partials);
};

const normalizationForward: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.sums);
  numbers[1] = numberOf(given.count);
  numbers[2] = numberOf(given.filters);
  numbers[3] = numberOf(given.gamma);
  numbers[4] = numberOf(given.beta);
  numbers[5] = numberOf(given.epsilon);
  numbers[6] = numberOf(given.momentum);
  numbers[7] = numberOf(given.runningMean);
  numbers[8] = numberOf(given.runningVariance);
  numbers[9] = numberOf(given.norm);
};

const normalizationBackward: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.sums);
  numbers[1] = numberOf(given.count);
  numbers[2] = numberOf(given.filters);
  numbers[3] = numberOf(given.norm);
  numbers[4] = numberOf(given.gamma);
  numbers[5] = numberOf(given.dGamma);
  numbers[6] = numberOf(given.dBeta);
  numbers[7] = numberOf(given.dActivation);
  numbers[8] = numberOf(given.channels);
  numbers[9] = numberOf(given.coefficients);
};

const normalizeActivateInteger: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.y);
  numbers[1] = numberOf(given.rows);
  numbers[2] = numberOf(given.filters);
  numbers[3] = numberOf(given.norm);
  numbers[4] = numberOf(given.window);
  numbers[5] = numberOf(given.lines);
  numbers[6] = numberOf(given.chunkLines);
  numbers[7] = numberOf(given.shortcut);
  numbers[8] = numberOf(given.activation);
  numbers[9] = numberOf(given.out);
};

const activateBackwardInteger: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.gradient);
  numbers[1] = numberOf(given.y);
  numbers[2] = numberOf(given.rows);
  numbers[3] = numberOf(given.filters);
  numbers[4] = numberOf(given.norm);
  numbers[5] = numberOf(given.window);
  numbers[6] = numberOf(given.lines);
  numbers[7] = numberOf(given.chunkLines);
  numbers[8] = numberOf(given.shortcut);
  numbers[9] = numberOf(given.activation);
  numbers[10] = numberOf(given.partials);
};

const normalizationGradientInteger: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.du);
  numbers[1] = numberOf(given.y);
  numbers[2] = numberOf(given.rows);
  numbers[3] = numberOf(given.filters);
  numbers[4] = numberOf(given.coefficients);
  numbers[5] = numberOf(given.window);
  numbers[6] = numberOf(given.lines);
  numbers[7] = numberOf(given.chunkLines);
  numbers[8] = numberOf(given.dy);
};

const averagePoolGradient: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.dOut);
  numbers[1] = numberOf(given.height);
  numbers[2] = numberOf(given.width);
  numbers[3] = numberOf(given.channels);
  numbers[4] = numberOf(given.size);
  numbers[5] = numberOf(given.dx);
  numbers[6] = numberOf(given.accumulate);
};

const maxPoolGradient: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.dOut);
  numbers[1] = numberOf(given.x);
  numbers[2] = numberOf(given.window);
  numbers[3] = numberOf(given.dx);
};

const softmax: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.scores);
  numbers[1] = numberOf(given.classes);
  numbers[2] = numberOf(given.inverse);
  numbers[3] = numberOf(given.out);
};

const softmaxCrossEntropy: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.logits);
  numbers[1] = numberOf(given.targets);
  numbers[2] = numberOf(given.classes);
  numbers[3] = numberOf(given.inverse);
  numbers[4] = numberOf(given.lossFactor);
  numbers[5] = numberOf(given.gradientFactor);
  numbers[6] = numberOf(given.accumulate);
  numbers[7] = numberOf(given.divergence);
  numbers[8] = numberOf(given.losses);
  numbers[9] = numberOf(given.gradient);
};

const attentionMap: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.x);
  numbers[1] = numberOf(given.pixels);
  numbers[2] = numberOf(given.channels);
  numbers[3] = numberOf(given.out);
};

const attentionMatch: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.x);
  numbers[1] = numberOf(given.wanted);
  numbers[2] = numberOf(given.pixels);
  numbers[3] = numberOf(given.channels);
  numbers[4] = numberOf(given.weight);
  numbers[5] = numberOf(given.gradientFactor);
  numbers[6] = numberOf(given.losses);
  numbers[7] = numberOf(given.gradient);
  numbers[8] = numberOf(given.work);
};

const sumLosses: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.losses);
  numbers[1] = numberOf(given.count);
  numbers[2] = numberOf(given.factor);
  numbers[3] = numberOf(given.total);
};

const countCorrect: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.scores);
  numbers[1] = numberOf(given.labels);
  numbers[2] = numberOf(given.classes);
  numbers[3] = numberOf(given.hits);
};

const multiplyChannelsInteger: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.x);
  numbers[1] = numberOf(given.factors);
  numbers[2] = numberOf(given.rows);
  numbers[3] = numberOf(given.channels);
  numbers[4] = numberOf(given.out);
};

const multiplyChannelsGradientInteger: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.dOut);
  numbers[1] = numberOf(given.x);
  numbers[2] = numberOf(given.factors);
  numbers[3] = numberOf(given.rows);
  numbers[4] = numberOf(given.channels);
  numbers[5] = numberOf(given.dx);
  numbers[6] = numberOf(given.dFactors);
};

const repeatChannelsGradient: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.dOut);
  numbers[1] = numberOf(given.rows);
  numbers[2] = numberOf(given.channels);
  numbers[3] = numberOf(given.times);
  numbers[4] = numberOf(given.dx);
};

const sigmoidGradient: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.dOut);
  numbers[1] = numberOf(given.out);
  numbers[2] = numberOf(given.count);
  numbers[3] = numberOf(given.dx);
};

const adam: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.count);
  numbers[1] = numberOf(given.counts);
  numbers[2] = numberOf(given.value);
  numbers[3] = numberOf(given.gradient);
  numbers[4] = numberOf(given.first);
  numbers[5] = numberOf(given.second);
  numbers[6] = numberOf(given.rate);
  numbers[7] = numberOf(given.beta1);
  numbers[8] = numberOf(given.beta2);
  numbers[9] = numberOf(given.epsilon);
  numbers[10] = numberOf(given.decay);
  numbers[11] = numberOf(given.limit);
  numbers[12] = numberOf(given.correction1);
  numbers[13] = numberOf(given.correction2);
};

const sgd: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.count);
  numbers[1] = numberOf(given.counts);
  numbers[2] = numberOf(given.value);
  numbers[3] = numberOf(given.gradient);
  numbers[4] = numberOf(given.velocity);
  numbers[5] = numberOf(given.rate);
  numbers[6] = numberOf(given.momentum);
  numbers[7] = numberOf(given.decay);
  numbers[8] = numberOf(given.limit);
};

const sumFlips: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.counts);
  numbers[1] = numberOf(given.starts);
  numbers[2] = numberOf(given.totals);
};

const movingAverage: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.average);
  numbers[1] = numberOf(given.value);
  numbers[2] = numberOf(given.count);
  numbers[3] = numberOf(given.decay);
};

const fillWords: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.target);
  numbers[1] = numberOf(given.words);
  numbers[2] = numberOf(given.pattern);
};

const copyWords: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.from);
  numbers[1] = numberOf(given.to);
  numbers[2] = numberOf(given.words);
};

const add: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.from);
  numbers[1] = numberOf(given.to);
  numbers[2] = numberOf(given.count);
};

const reducePartials: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.partials);
  numbers[1] = numberOf(given.count);
  numbers[2] = numberOf(given.columns);
  numbers[3] = numberOf(given.replaced);
  numbers[4] = numberOf(given.total);
  numbers[5] = numberOf(given.target);
};

const peakMultiplyAdd: Layout = (given, numbers) => {
  numbers[0] = numberOf(given.rounds);
  numbers[1] = numberOf(given.seed);
  numbers[2] = numberOf(given.done);
};

export const TRAINING_LAYOUTS: Readonly<Record<string, Layout>> = {
  binarizeWeights,
  binarizeWeightsTable: binarizeWeights,
  countPositive,
  transposeSigns,
  binaryWeightGradient,
  binaryInputGradient,
  expandSigns,
  signGradient,
  scatterColumns,
  transpose,
  sumColumns,
  columnMoments,
  normalizationForward,
  normalizationBackward,
  normalizeActivateInteger,
  activateBackwardInteger,
  activateBackwardReal: activateBackwardInteger,
  normalizationGradientInteger,
  normalizationGradientReal: normalizationGradientInteger,
  averagePoolGradient,
  maxPoolGradient,
  softmax,
  softmaxCrossEntropy,
  attentionMap,
  attentionMatch,
  sumLosses,
  countCorrect,
  multiplyChannelsInteger,
  multiplyChannelsGradientInteger,
  multiplyChannelsGradientReal: multiplyChannelsGradientInteger,
  repeatChannelsGradient,
  sigmoidGradient,
  adam,
  sgd,
  sumFlips,
  movingAverage,
  fillWords,
  copyWords,
  add,
  reducePartials,
  peakMultiplyAdd,
  peakPopcount: peakMultiplyAdd,
  peakTable: peakMultiplyAdd,
  peakTiles: peakMultiplyAdd,
};
