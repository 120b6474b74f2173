/**
 * What the convolutions of a model give before their normalization, on the images that are about to be trained on. A model file has scales
 * and biases in place of the statistics that went into them; with these, normalization by batches begins where the model is.
 */
import type { Backend } from "../../backend/device.js";
import { MemoryScope } from "../../backend/scope.js";
import type { ImageSet } from "../../data/dataset.js";
import { Loader } from "../../data/loading/loader.js";
import type { ProductStatistics } from "../../networks/unfold.js";
import type { Channels } from "../../pixels/square.js";
import { RuntimeNetwork } from "../../runtime/network.js";
import type { Epilogue, Operation } from "../../runtime/operations.js";

/** More images would change a mean of thousands of windows by little. */
const MEASURED_IMAGES = 512;

interface MeasuredModel {
  readonly operations: readonly Operation[];
  readonly size: number;
  readonly mean: Channels;
  readonly standardDeviation: Channels;
}

/** Sums over the rows of a product so far, by filter. */
interface Sums {
  readonly sum: Float64Array;
  readonly squares: Float64Array;
  rows: number;
}

/**
 * By name of the convolution. Works on `backend` and gives its memory back; the images are drawn by `seed`.
 *
 * @throws UserError where more images of the set cannot be read than it allows
 */
export async function productStatistics(
  backend: Backend,
  { operations, size, mean, standardDeviation }: MeasuredModel,
  set: ImageSet,
  seed: number,
): Promise<ReadonlyMap<string, ProductStatistics>> {
  const measured = withProducts(operations);
  const images = Math.max(1, Math.min(set.count, MEASURED_IMAGES, Math.floor(backend.preferences.batchPixels / size ** 2)));
  using _scope = new MemoryScope(backend);
  await using loader = new Loader(set, {
    batch: images,
    size,
    mean,
    standardDeviation,
    seed,
    shuffle: true,
    dropLast: false,
  });
  const network = new RuntimeNetwork(backend, measured, { height: size, width: size, channels: 3 }, images);
  const input = new Float32Array(images * size * size * 3);
  const sums = new Map<string, Sums>();
  let seen = 0;
  for await (const batch of loader.epoch(0)) {
    input.set(batch.images);
    backend.write(network.input, input);
    const { count } = batch;
    batch.release();
    for (const [index, { name }] of measured.entries()) {
      const result = network.runOperation(index);
      if (!name.endsWith(PRODUCT)) continue;
      const values = (await backend.read(result)) as Float32Array;
      const filters = result.shape.at(-1) ?? 1;
      addRows(sums, name.slice(0, -PRODUCT.length), values.subarray(0, (values.length / images) * count), filters);
    }
    seen += count;
    if (seen >= MEASURED_IMAGES) break;
  }
  return new Map([...sums].map(([name, own]) => [name, statisticsOf(own)]));
}

const PRODUCT = ".product";

/** The same operations, and right before each convolution its product alone, which nothing else reads. */
function withProducts(operations: readonly Operation[]): readonly Operation[] {
  const result: Operation[] = [];
  /** By value of the model its number among the longer list. */
  const values = [0];
  const placeOf = (value: number): number => values[value] ?? 0;
  for (const operation of operations) {
    const input = placeOf(operation.input);
    if (operation.kind === "binaryConvolution" || operation.kind === "realConvolution") {
      const { factors, shortcut, ...rest } = operation.epilogue;
      const weighed = factors === undefined ? {} : { factors: placeOf(factors) };
      const carried = shortcut === undefined ? {} : { shortcut: placeOf(shortcut) };
      const bare: Epilogue = {
        ...weighed,
        scale: new Float32Array(operation.filters).fill(1),
        bias: new Float32Array(operation.filters),
        depthToSpace: false,
      };
      result.push({ ...operation, name: operation.name + PRODUCT, input, epilogue: bare });
      result.push({ ...operation, input, epilogue: { ...rest, ...weighed, ...carried } });
    } else result.push({ ...operation, input });
    values.push(result.length);
  }
  return result;
}

function addRows(sums: Map<string, Sums>, name: string, values: Float32Array, filters: number): void {
  const own = sums.get(name) ?? { sum: new Float64Array(filters), squares: new Float64Array(filters), rows: 0 };
  sums.set(name, own);
  const { sum, squares } = own;
  own.rows += values.length / filters;
  for (let at = 0; at < values.length; at += filters)
    for (let n = 0; n < filters; n++) {
      const value = values[at + n] as number;
      sum[n] = (sum[n] as number) + value;
      squares[n] = (squares[n] as number) + value * value;
    }
}

function statisticsOf({ sum, squares, rows }: Sums): ProductStatistics {
  const mean = sum.map((total) => total / rows);
  return { mean, variance: squares.map((total, n) => Math.max(0, total / rows - (mean[n] as number) ** 2)) };
}
