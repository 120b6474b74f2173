/** Shapes of the values of a flat network, from its operations alone: what runs it, stores it or counts it has to know them. */
import type { Operation } from "./operations.js";
import { type MapShape, spreadOf, tapCount, type Windows, windowMap } from "./windows.js";

/** What decides the shape of an operation's result. */
export type OperationShape =
  | { readonly kind: "averagePool"; readonly size: number }
  | { readonly kind: "maxPool"; readonly windows: Windows }
  | { readonly kind: "repeatChannels"; readonly times: number }
  | { readonly kind: "dense"; readonly filters: number }
  | {
      readonly kind: "binaryConvolution" | "realConvolution";
      readonly windows: Windows;
      readonly filters: number;
      readonly epilogue: { readonly depthToSpace: boolean };
    };

/** Shape of each value: the input's, then one an operation. */
export function valueShapes(operations: readonly Operation[], input: MapShape): readonly MapShape[] {
  const shapes: MapShape[] = [input];
  for (const operation of operations) {
    const from = shapes[operation.input];
    if (from === undefined) throw new Error(`an operation reads value ${operation.input} before it exists`);
    shapes.push(outputShape(operation, from));
  }
  return shapes;
}

/** Shape of the value that an operation produces; of what it holds only what decides the shape is asked for. */
export function outputShape(operation: OperationShape, from: MapShape): MapShape {
  switch (operation.kind) {
    case "averagePool":
      return {
        height: Math.floor(from.height / operation.size),
        width: Math.floor(from.width / operation.size),
        channels: from.channels,
      };
    case "maxPool":
      return windowMap(operation.windows, from, from.channels);
    case "repeatChannels":
      return { ...from, channels: operation.times * from.channels };
    case "dense":
      return { height: 1, width: 1, channels: operation.filters };
    default: {
      const { windows, filters, epilogue } = operation;
      const spread = epilogue.depthToSpace ? spreadOf(windows, from) : undefined;
      if (spread === undefined) return windowMap(windows, from, filters);
      return { height: spread.height, width: spread.width, channels: filters / tapCount(spread.windows) };
    }
  }
}
