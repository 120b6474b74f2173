/**
 * What a network costs, by layer and in all. Operations are counted as the literature of binary networks counts them (Bi-Real Net,
 * section 5.3; ReActNet): 64 binary multiply-accumulates as one real one.
 */
import type { LayerSummary } from "../layers/layer.js";
import { learnedValues } from "../runtime/activation.js";
import { valueShapes } from "../runtime/operation-shapes.js";
import type { Epilogue, Operation } from "../runtime/operations.js";
import { elementsOf, type MapShape, shapeName, tapCount, windowMap } from "../runtime/windows.js";

/** Per image, in multiply-accumulates; sizes in bytes. */
export interface NetworkTotals {
  /** binaryMacs / 64 + realMacs */
  readonly ops: number;
  readonly binaryMacs: number;
  readonly realMacs: number;
  readonly binaryParameters: number;
  readonly realParameters: number;
  /** A bit for a binary parameter, four bytes for a real one. */
  readonly packedBytes: number;
  /** The same network with all parameters as float32. */
  readonly floatBytes: number;
}

export function totalsOf(rows: readonly LayerSummary[]): NetworkTotals {
  const sum = (pick: (row: LayerSummary) => number): number => rows.reduce((total, row) => total + pick(row), 0);
  const binaryMacs = sum((row) => row.binaryMacs);
  const realMacs = sum((row) => row.realMacs);
  const binaryParameters = sum((row) => row.binaryParameters);
  const realParameters = sum((row) => row.realParameters);
  return {
    ops: binaryMacs / 64 + realMacs,
    binaryMacs,
    realMacs,
    binaryParameters,
    realParameters,
    packedBytes: Math.ceil(binaryParameters / 8) + 4 * realParameters,
    floatBytes: 4 * (binaryParameters + realParameters),
  };
}

/** The rows of a folded network. */
export function summarizeOperations(operations: readonly Operation[], input: MapShape): readonly LayerSummary[] {
  const shapes = valueShapes(operations, input);
  return operations.flatMap((operation, index) => {
    const from = shapes[operation.input];
    const output = shapes[index + 1];
    if (from === undefined || output === undefined) throw new Error(`operation ${index} has no shape`);
    return summarizeOperation(operation, from, output);
  });
}

function summarizeOperation(operation: Operation, from: MapShape, output: MapShape): readonly LayerSummary[] {
  const { name } = operation;
  switch (operation.kind) {
    // Means cost additions, maxima comparisons, repeated channels nothing but memory; the literature does not count them.
    case "averagePool":
    case "maxPool":
    case "repeatChannels":
      return [];
    case "dense": {
      const realMacs = elementsOf(from) * operation.filters;
      const realParameters = realMacs + operation.filters;
      return [{ name, kind: "dense", output, binaryParameters: 0, realParameters, binaryMacs: 0, realMacs }];
    }
    default: {
      const { windows, filters, epilogue } = operation;
      const shape = shapeName(windows);
      const weights = tapCount(windows) * from.channels * filters;
      const map = windowMap(windows, from, filters);
      const macs = map.height * map.width * weights;
      const rest = epilogueParameters(epilogue);
      if (operation.kind === "realConvolution")
        return [
          {
            name,
            kind: `real ${shape}`,
            output,
            binaryParameters: 0,
            realParameters: weights + rest,
            binaryMacs: 0,
            realMacs: macs,
          },
        ];
      const realParameters = operation.threshold.length + rest;
      const realMacs = epilogue.factors === undefined ? 0 : elementsOf(map);
      return [{ name, kind: `binary ${shape}`, output, binaryParameters: weights, realParameters, binaryMacs: macs, realMacs }];
    }
  }
}

function epilogueParameters({ scale, bias, activation }: Epilogue): number {
  return scale.length + bias.length + (activation === undefined ? 0 : learnedValues(activation).length);
}
