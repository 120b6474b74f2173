// Written by scripts/kernel-interfaces.mjs from src/backend/kernel-table: change that, and build.
#ifndef RBNET_ARGUMENTS_H
#define RBNET_ARGUMENTS_H
#include "vector.h"

#define BIASED_ROWS 16
#define CHUNK_ELEMENTS 4096
#define COUNTED_WORDS 1024
#define EXPANDED_ROWS 16
#define LINE_ROWS 64
#define PRODUCT_FILTERS 64
#define REAL_COLUMNS 32
#define REAL_ROWS 24
#define REPEATED_ROWS 64
#define SCRATCH_BYTES 1048576
#define SUMMED_COLUMNS 64
#define TRANSPOSED_COLUMNS 16
#define TRANSPOSED_ROWS 64
#define UPDATE_BLOCK 64
#define WEIGHT_INPUTS 16

typedef struct Window Window;

/** Where an address of the shared memory is; NULL for 0. */
#define AT(address) ((address) == 0 ? NULL : (void *)(memory + (size_t)(address)))

typedef struct {
  const float *x;
  const float *threshold;
  const Window *window;
  uint32_t *columns;
} binarizeColumnsArguments;
inlined binarizeColumnsArguments binarizeColumnsArgumentsOf(char *memory, const double *parameters) {
  return (binarizeColumnsArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      AT(parameters[2]),
      AT(parameters[3]),
  };
}

typedef struct {
  const uint32_t *columns;
  const void *weights;
  int16_t *y;
  int rows;
  int inputs;
  int filters;
  int chunkRows;
  double *partials;
} binaryProductArguments;
inlined binaryProductArguments binaryProductArgumentsOf(char *memory, const double *parameters) {
  return (binaryProductArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      AT(parameters[2]),
      (int)parameters[3],
      (int)parameters[4],
      (int)parameters[5],
      (int)parameters[6],
      AT(parameters[7]),
  };
}

typedef binaryProductArguments binaryProductTableArguments;
#define binaryProductTableArgumentsOf binaryProductArgumentsOf

typedef struct {
  const uint32_t *columns;
  const void *weights;
  int rows;
  int inputs;
  int filters;
  int chunkRows;
  const float *norm;
  const Window *window;
  const float *shortcut;
  const float *activation;
  float *out;
} binaryUnitArguments;
inlined binaryUnitArguments binaryUnitArgumentsOf(char *memory, const double *parameters) {
  return (binaryUnitArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
      (int)parameters[3],
      (int)parameters[4],
      (int)parameters[5],
      AT(parameters[6]),
      AT(parameters[7]),
      AT(parameters[8]),
      AT(parameters[9]),
      AT(parameters[10]),
  };
}

typedef binaryUnitArguments binaryUnitTableArguments;
#define binaryUnitTableArgumentsOf binaryUnitArgumentsOf

typedef struct {
  const float *x;
  const Window *window;
  float *columns;
} gatherColumnsArguments;
inlined gatherColumnsArguments gatherColumnsArgumentsOf(char *memory, const double *parameters) {
  return (gatherColumnsArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      AT(parameters[2]),
  };
}

typedef struct {
  const float *a;
  int rowStep;
  int innerStep;
  const float *b;
  float *c;
  int rows;
  int inner;
  int columns;
  int accumulate;
} productArguments;
inlined productArguments productArgumentsOf(char *memory, const double *parameters) {
  return (productArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
      AT(parameters[4]),
      (int)parameters[5],
      (int)parameters[6],
      (int)parameters[7],
      (int)parameters[8],
  };
}

typedef struct {
  float *matrix;
  int rows;
  int columns;
  const float *bias;
} addBiasArguments;
inlined addBiasArguments addBiasArgumentsOf(char *memory, const double *parameters) {
  return (addBiasArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
  };
}

typedef struct {
  const void *y;
  int rows;
  int filters;
  const float *norm;
  const Window *window;
  int lines;
  int chunkLines;
  const float *shortcut;
  const float *activation;
  float *out;
} normalizeActivateRealArguments;
inlined normalizeActivateRealArguments normalizeActivateRealArgumentsOf(char *memory, const double *parameters) {
  return (normalizeActivateRealArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
      AT(parameters[4]),
      (int)parameters[5],
      (int)parameters[6],
      AT(parameters[7]),
      AT(parameters[8]),
      AT(parameters[9]),
  };
}

typedef struct {
  const float *x;
  int height;
  int width;
  int channels;
  int size;
  float *out;
} averagePoolArguments;
inlined averagePoolArguments averagePoolArgumentsOf(char *memory, const double *parameters) {
  return (averagePoolArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      (int)parameters[3],
      (int)parameters[4],
      AT(parameters[5]),
  };
}

typedef struct {
  const float *x;
  const Window *window;
  float *out;
} maxPoolArguments;
inlined maxPoolArguments maxPoolArgumentsOf(char *memory, const double *parameters) {
  return (maxPoolArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      AT(parameters[2]),
  };
}

typedef struct {
  const void *x;
  const float *factors;
  int rows;
  int channels;
  float *out;
} multiplyChannelsRealArguments;
inlined multiplyChannelsRealArguments multiplyChannelsRealArgumentsOf(char *memory, const double *parameters) {
  return (multiplyChannelsRealArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
      (int)parameters[3],
      AT(parameters[4]),
  };
}

typedef struct {
  const float *x;
  int rows;
  int channels;
  int times;
  float *out;
} repeatChannelsArguments;
inlined repeatChannelsArguments repeatChannelsArgumentsOf(char *memory, const double *parameters) {
  return (repeatChannelsArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      (int)parameters[3],
      AT(parameters[4]),
  };
}

typedef struct {
  const float *x;
  int count;
  float *out;
} sigmoidArguments;
inlined sigmoidArguments sigmoidArgumentsOf(char *memory, const double *parameters) {
  return (sigmoidArguments){
      AT(parameters[0]),
      (int)parameters[1],
      AT(parameters[2]),
  };
}

typedef struct {
  const float *latent;
  int inputs;
  int filters;
  void *forward;
  void *gradient;
} binarizeWeightsArguments;
inlined binarizeWeightsArguments binarizeWeightsArgumentsOf(char *memory, const double *parameters) {
  return (binarizeWeightsArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
      AT(parameters[4]),
  };
}

typedef binarizeWeightsArguments binarizeWeightsTableArguments;
#define binarizeWeightsTableArgumentsOf binarizeWeightsArgumentsOf

typedef struct {
  const uint32_t *columns;
  int words;
  double *partials;
} countPositiveArguments;
inlined countPositiveArguments countPositiveArgumentsOf(char *memory, const double *parameters) {
  return (countPositiveArguments){
      AT(parameters[0]),
      (int)parameters[1],
      AT(parameters[2]),
  };
}

typedef struct {
  const uint32_t *columns;
  int rows;
  int inputs;
  void *index;
} transposeSignsArguments;
inlined transposeSignsArguments transposeSignsArgumentsOf(char *memory, const double *parameters) {
  return (transposeSignsArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
  };
}

typedef struct {
  const float *dy;
  const void *index;
  int rows;
  int inputs;
  int filters;
  int chunkInputs;
  int chunkFilters;
  const float *latent;
  float *gradient;
} binaryWeightGradientArguments;
inlined binaryWeightGradientArguments binaryWeightGradientArgumentsOf(char *memory, const double *parameters) {
  return (binaryWeightGradientArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
      (int)parameters[3],
      (int)parameters[4],
      (int)parameters[5],
      (int)parameters[6],
      AT(parameters[7]),
      AT(parameters[8]),
  };
}

typedef struct {
  const float *dy;
  const void *index;
  const Window *window;
  int inputs;
  int filters;
  const float *x;
  const float *threshold;
  int kind;
  float *dx;
  float *partials;
} binaryInputGradientArguments;
inlined binaryInputGradientArguments binaryInputGradientArgumentsOf(char *memory, const double *parameters) {
  return (binaryInputGradientArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      AT(parameters[2]),
      (int)parameters[3],
      (int)parameters[4],
      AT(parameters[5]),
      AT(parameters[6]),
      (int)parameters[7],
      AT(parameters[8]),
      AT(parameters[9]),
  };
}

typedef struct {
  const uint32_t *columns;
  int rows;
  int inputs;
  float *signs;
} expandSignsArguments;
inlined expandSignsArguments expandSignsArgumentsOf(char *memory, const double *parameters) {
  return (expandSignsArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
  };
}

typedef struct {
  const float *dSigns;
  const Window *window;
  const float *x;
  const float *threshold;
  int kind;
  float *dx;
  float *partials;
} signGradientArguments;
inlined signGradientArguments signGradientArgumentsOf(char *memory, const double *parameters) {
  return (signGradientArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      AT(parameters[2]),
      AT(parameters[3]),
      (int)parameters[4],
      AT(parameters[5]),
      AT(parameters[6]),
  };
}

typedef struct {
  const float *columns;
  const Window *window;
  float *dx;
} scatterColumnsArguments;
inlined scatterColumnsArguments scatterColumnsArgumentsOf(char *memory, const double *parameters) {
  return (scatterColumnsArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      AT(parameters[2]),
  };
}

typedef struct {
  const float *matrix;
  int rows;
  int columns;
  float *out;
} transposeArguments;
inlined transposeArguments transposeArgumentsOf(char *memory, const double *parameters) {
  return (transposeArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
  };
}

typedef struct {
  const float *matrix;
  int rows;
  int columns;
  int chunkRows;
  double *partials;
} sumColumnsArguments;
inlined sumColumnsArguments sumColumnsArgumentsOf(char *memory, const double *parameters) {
  return (sumColumnsArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      (int)parameters[3],
      AT(parameters[4]),
  };
}

typedef struct {
  const float *y;
  int rows;
  int columns;
  int chunkRows;
  double *partials;
} columnMomentsArguments;
inlined columnMomentsArguments columnMomentsArgumentsOf(char *memory, const double *parameters) {
  return (columnMomentsArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      (int)parameters[3],
      AT(parameters[4]),
  };
}

typedef struct {
  const double *sums;
  double count;
  int filters;
  const float *gamma;
  const float *beta;
  double epsilon;
  double momentum;
  float *runningMean;
  float *runningVariance;
  float *norm;
} normalizationForwardArguments;
inlined normalizationForwardArguments normalizationForwardArgumentsOf(char *memory, const double *parameters) {
  return (normalizationForwardArguments){
      AT(parameters[0]),
      parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
      AT(parameters[4]),
      parameters[5],
      parameters[6],
      AT(parameters[7]),
      AT(parameters[8]),
      AT(parameters[9]),
  };
}

typedef struct {
  const double *sums;
  double count;
  int filters;
  const float *norm;
  const float *gamma;
  float *dGamma;
  float *dBeta;
  float *dActivation;
  int channels;
  float *coefficients;
} normalizationBackwardArguments;
inlined normalizationBackwardArguments normalizationBackwardArgumentsOf(char *memory, const double *parameters) {
  return (normalizationBackwardArguments){
      AT(parameters[0]),
      parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
      AT(parameters[4]),
      AT(parameters[5]),
      AT(parameters[6]),
      AT(parameters[7]),
      (int)parameters[8],
      AT(parameters[9]),
  };
}

typedef normalizeActivateRealArguments normalizeActivateIntegerArguments;
#define normalizeActivateIntegerArgumentsOf normalizeActivateRealArgumentsOf

typedef struct {
  float *gradient;
  const void *y;
  int rows;
  int filters;
  const float *norm;
  const Window *window;
  int lines;
  int chunkLines;
  const float *shortcut;
  const float *activation;
  double *partials;
} activateBackwardIntegerArguments;
inlined activateBackwardIntegerArguments activateBackwardIntegerArgumentsOf(char *memory, const double *parameters) {
  return (activateBackwardIntegerArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
      (int)parameters[3],
      AT(parameters[4]),
      AT(parameters[5]),
      (int)parameters[6],
      (int)parameters[7],
      AT(parameters[8]),
      AT(parameters[9]),
      AT(parameters[10]),
  };
}

typedef activateBackwardIntegerArguments activateBackwardRealArguments;
#define activateBackwardRealArgumentsOf activateBackwardIntegerArgumentsOf

typedef struct {
  const float *du;
  const void *y;
  int rows;
  int filters;
  const float *coefficients;
  const Window *window;
  int lines;
  int chunkLines;
  float *dy;
} normalizationGradientIntegerArguments;
inlined normalizationGradientIntegerArguments normalizationGradientIntegerArgumentsOf(char *memory, const double *parameters) {
  return (normalizationGradientIntegerArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
      (int)parameters[3],
      AT(parameters[4]),
      AT(parameters[5]),
      (int)parameters[6],
      (int)parameters[7],
      AT(parameters[8]),
  };
}

typedef normalizationGradientIntegerArguments normalizationGradientRealArguments;
#define normalizationGradientRealArgumentsOf normalizationGradientIntegerArgumentsOf

typedef struct {
  const float *dOut;
  int height;
  int width;
  int channels;
  int size;
  float *dx;
  int accumulate;
} averagePoolGradientArguments;
inlined averagePoolGradientArguments averagePoolGradientArgumentsOf(char *memory, const double *parameters) {
  return (averagePoolGradientArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      (int)parameters[3],
      (int)parameters[4],
      AT(parameters[5]),
      (int)parameters[6],
  };
}

typedef struct {
  const float *dOut;
  const float *x;
  const Window *window;
  float *dx;
} maxPoolGradientArguments;
inlined maxPoolGradientArguments maxPoolGradientArgumentsOf(char *memory, const double *parameters) {
  return (maxPoolGradientArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      AT(parameters[2]),
      AT(parameters[3]),
  };
}

typedef struct {
  const float *scores;
  int classes;
  double inverse;
  float *out;
} softmaxArguments;
inlined softmaxArguments softmaxArgumentsOf(char *memory, const double *parameters) {
  return (softmaxArguments){
      AT(parameters[0]),
      (int)parameters[1],
      parameters[2],
      AT(parameters[3]),
  };
}

typedef struct {
  const float *logits;
  const float *targets;
  int classes;
  double inverse;
  double lossFactor;
  double gradientFactor;
  int accumulate;
  int divergence;
  float *losses;
  float *gradient;
} softmaxCrossEntropyArguments;
inlined softmaxCrossEntropyArguments softmaxCrossEntropyArgumentsOf(char *memory, const double *parameters) {
  return (softmaxCrossEntropyArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
      parameters[3],
      parameters[4],
      parameters[5],
      (int)parameters[6],
      (int)parameters[7],
      AT(parameters[8]),
      AT(parameters[9]),
  };
}

typedef struct {
  const float *x;
  int pixels;
  int channels;
  float *out;
} attentionMapArguments;
inlined attentionMapArguments attentionMapArgumentsOf(char *memory, const double *parameters) {
  return (attentionMapArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
  };
}

typedef struct {
  const float *x;
  const float *wanted;
  int pixels;
  int channels;
  double weight;
  double gradientFactor;
  float *losses;
  float *gradient;
  float *work;
} attentionMatchArguments;
inlined attentionMatchArguments attentionMatchArgumentsOf(char *memory, const double *parameters) {
  return (attentionMatchArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
      (int)parameters[3],
      parameters[4],
      parameters[5],
      AT(parameters[6]),
      AT(parameters[7]),
      AT(parameters[8]),
  };
}

typedef struct {
  const float *losses;
  int count;
  double factor;
  double *total;
} sumLossesArguments;
inlined sumLossesArguments sumLossesArgumentsOf(char *memory, const double *parameters) {
  return (sumLossesArguments){
      AT(parameters[0]),
      (int)parameters[1],
      parameters[2],
      AT(parameters[3]),
  };
}

typedef struct {
  const float *scores;
  const int32_t *labels;
  int classes;
  double *hits;
} countCorrectArguments;
inlined countCorrectArguments countCorrectArgumentsOf(char *memory, const double *parameters) {
  return (countCorrectArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
      AT(parameters[3]),
  };
}

typedef multiplyChannelsRealArguments multiplyChannelsIntegerArguments;
#define multiplyChannelsIntegerArgumentsOf multiplyChannelsRealArgumentsOf

typedef struct {
  const float *dOut;
  const void *x;
  const float *factors;
  int rows;
  int channels;
  float *dx;
  float *dFactors;
} multiplyChannelsGradientIntegerArguments;
inlined multiplyChannelsGradientIntegerArguments multiplyChannelsGradientIntegerArgumentsOf(char *memory, const double *parameters) {
  return (multiplyChannelsGradientIntegerArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      AT(parameters[2]),
      (int)parameters[3],
      (int)parameters[4],
      AT(parameters[5]),
      AT(parameters[6]),
  };
}

typedef multiplyChannelsGradientIntegerArguments multiplyChannelsGradientRealArguments;
#define multiplyChannelsGradientRealArgumentsOf multiplyChannelsGradientIntegerArgumentsOf

typedef struct {
  const float *dOut;
  int rows;
  int channels;
  int times;
  float *dx;
} repeatChannelsGradientArguments;
inlined repeatChannelsGradientArguments repeatChannelsGradientArgumentsOf(char *memory, const double *parameters) {
  return (repeatChannelsGradientArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      (int)parameters[3],
      AT(parameters[4]),
  };
}

typedef struct {
  const float *dOut;
  const float *out;
  int count;
  float *dx;
} sigmoidGradientArguments;
inlined sigmoidGradientArguments sigmoidGradientArgumentsOf(char *memory, const double *parameters) {
  return (sigmoidGradientArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
      AT(parameters[3]),
  };
}

typedef struct {
  int count;
  int32_t *counts;
  float *value;
  const float *gradient;
  float *first;
  float *second;
  double rate;
  double beta1;
  double beta2;
  double epsilon;
  double decay;
  double limit;
  double correction1;
  double correction2;
} adamArguments;
inlined adamArguments adamArgumentsOf(char *memory, const double *parameters) {
  return (adamArguments){
      (int)parameters[0],
      AT(parameters[1]),
      AT(parameters[2]),
      AT(parameters[3]),
      AT(parameters[4]),
      AT(parameters[5]),
      parameters[6],
      parameters[7],
      parameters[8],
      parameters[9],
      parameters[10],
      parameters[11],
      parameters[12],
      parameters[13],
  };
}

typedef struct {
  int count;
  int32_t *counts;
  float *value;
  const float *gradient;
  float *velocity;
  double rate;
  double momentum;
  double decay;
  double limit;
} sgdArguments;
inlined sgdArguments sgdArgumentsOf(char *memory, const double *parameters) {
  return (sgdArguments){
      (int)parameters[0],
      AT(parameters[1]),
      AT(parameters[2]),
      AT(parameters[3]),
      AT(parameters[4]),
      parameters[5],
      parameters[6],
      parameters[7],
      parameters[8],
  };
}

typedef struct {
  const int32_t *counts;
  const int32_t *starts;
  double *totals;
} sumFlipsArguments;
inlined sumFlipsArguments sumFlipsArgumentsOf(char *memory, const double *parameters) {
  return (sumFlipsArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      AT(parameters[2]),
  };
}

typedef struct {
  float *average;
  const float *value;
  int count;
  double decay;
} movingAverageArguments;
inlined movingAverageArguments movingAverageArgumentsOf(char *memory, const double *parameters) {
  return (movingAverageArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
      parameters[3],
  };
}

typedef struct {
  uint32_t *target;
  int words;
  int pattern;
} fillWordsArguments;
inlined fillWordsArguments fillWordsArgumentsOf(char *memory, const double *parameters) {
  return (fillWordsArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
  };
}

typedef struct {
  const uint32_t *from;
  uint32_t *to;
  int words;
} copyWordsArguments;
inlined copyWordsArguments copyWordsArgumentsOf(char *memory, const double *parameters) {
  return (copyWordsArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
  };
}

typedef struct {
  const float *from;
  float *to;
  int count;
} addArguments;
inlined addArguments addArgumentsOf(char *memory, const double *parameters) {
  return (addArguments){
      AT(parameters[0]),
      AT(parameters[1]),
      (int)parameters[2],
  };
}

typedef struct {
  const double *partials;
  int count;
  int columns;
  double *replaced;
  double *total;
  float *target;
} reducePartialsArguments;
inlined reducePartialsArguments reducePartialsArgumentsOf(char *memory, const double *parameters) {
  return (reducePartialsArguments){
      AT(parameters[0]),
      (int)parameters[1],
      (int)parameters[2],
      AT(parameters[3]),
      AT(parameters[4]),
      AT(parameters[5]),
  };
}

typedef struct {
  int rounds;
  int seed;
  double *done;
} peakMultiplyAddArguments;
inlined peakMultiplyAddArguments peakMultiplyAddArgumentsOf(char *memory, const double *parameters) {
  return (peakMultiplyAddArguments){
      (int)parameters[0],
      (int)parameters[1],
      AT(parameters[2]),
  };
}

typedef peakMultiplyAddArguments peakPopcountArguments;
#define peakPopcountArgumentsOf peakMultiplyAddArgumentsOf

typedef peakMultiplyAddArguments peakTableArguments;
#define peakTableArgumentsOf peakMultiplyAddArgumentsOf

typedef peakMultiplyAddArguments peakTilesArguments;
#define peakTilesArgumentsOf peakMultiplyAddArgumentsOf

#endif
