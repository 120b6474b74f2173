/**
 * One training step of a network on seeded random weights and images, written down: every parameter, what passes between the
 * layers, every gradient. What another implementation needs to compute the same, and to compare (peers/check_layers.py).
 */
import { writeFile } from "node:fs/promises";
import type { Backend } from "#rbnet/backend/device";
import type { Batch } from "#rbnet/data/loading/batch-source";
import { Random } from "#rbnet/data/random";
import type { Layer, WeightForm } from "#rbnet/layers/layer";
import type { Parameter } from "#rbnet/layers/parameters";
import type { NetworkDescription } from "#rbnet/networks/description";
import { type ActivationKind, LEARNED_ROWS } from "#rbnet/runtime/activation";
import type { Operation } from "#rbnet/runtime/operations";
import { encodeSafetensors, type StoredTensor } from "#rbnet/runtime/safetensors";
import { elementCount, type Shape, type Tensor, type TypedArray } from "#rbnet/tensor";
import { trainingSchema } from "#rbnet/training/settings/options";
import { Optimizer } from "#rbnet/training/stage/optimizer";
import { TrainingStep } from "#rbnet/training/stage/training-step";
import { TracedNetwork } from "./traced-network.js";

/**
 * Everything of the loss at once: smoothed and mixed labels, and a teacher. Targets are then multiples of 1/64, hence no rounding
 * of theirs to float32 is in the way of a comparison in float64.
 */
const CLASSES = 8;
const LOSS = { labelSmoothing: 0.25, mixWeight: 0.75, teacherWeight: 0.5, temperature: 2 } as const;
const TEACHER_DRAWS = 64;
/** Of the update that follows the step. */
const UPDATE = { learningRate: 0.01, weightDecay: 0.25 } as const;

/**
 * Deviation of what is added to the initial values, so that no parameter is 0 or 1 where a formula would not need it; some latent
 * weights leave [-1, 1].
 */
const SPREAD = { latent: 0.7, weight: 0, other: 0.2 } as const satisfies Record<Parameter["kind"], number>;

export interface TracedCase {
  readonly description: (classes: number) => NetworkDescription;
  /** Images. */
  readonly batch: number;
  readonly seed: number;
  /** Of binary layers; default binary. */
  readonly weights?: WeightForm;
}

/** An operation of `runtime/operations.ts` without its numbers, its epilogue laid beside the rest. */
interface TracedOperation {
  readonly kind: Operation["kind"];
  readonly name: string;
  readonly activation?: ActivationKind | undefined;
}

/**
 * A layer as its operations, of which the first reads value 0, the layer's input. Their weights are parameters that begin with
 * their names.
 */
interface TracedLayer {
  readonly name: string;
  readonly operations: readonly TracedOperation[];
  readonly parameters: readonly string[];
  readonly states: readonly string[];
}

/**
 * Runs the step on `backend` and writes a safetensors file: `parameter/<name>`, `gradient/<name>`, `before/<name>` and
 * `after/<name>` of running statistics, `updated/<name>` of parameters after Adam's first update, `images`, `labels`, `mixLabels`,
 * `teacher`, and the maps of TracedNetwork; the metadata's `trace` says, in JSON, how they belong together.
 */
export async function writeTrace(
  path: string,
  backend: Backend,
  { description, batch, seed, weights = "binary" }: TracedCase,
): Promise<void> {
  const random = new Random(seed);
  const normal = (count: number, standardDeviation: number): Float32Array =>
    Float32Array.from({ length: count }, () => standardDeviation * random.normal());
  const network = new TracedNetwork(backend, description(CLASSES), { normal });
  const layers = network.layers.map(tracedLayer);
  network.bind(batch, { weights });

  const tensors = new Map<string, StoredTensor>();
  const keep = (name: string, shape: Shape, data: TypedArray): void => {
    const type = data instanceof Float64Array ? "float64" : data instanceof Int32Array ? "int32" : "float32";
    tensors.set(name, { type, shape, data });
  };
  await spread(backend, network, layers, normal);
  for (const { name, value } of network.parameters) keep(`parameter/${name}`, value.shape, await backend.read(value));
  for (const { name, value } of network.states) keep(`before/${name}`, value.shape, await backend.read(value));

  const data = randomBatch(network.description, batch, random, normal);
  const teacher = teacherOf(batch, random);
  const options = trainingSchema.parse({
    batch,
    labelSmoothing: LOSS.labelSmoothing,
    ...UPDATE,
    distill: { teacher: "random", weight: LOSS.teacherWeight, temperature: LOSS.temperature },
  });
  const step = new TrainingStep(backend, network, options, {
    teach: async (_images, scores) =>
      backend.write(
        scores,
        // Not in float32, whose rounding the softmax would keep.
        Float64Array.from(teacher, (value) => LOSS.temperature * Math.log(value)),
      ),
    close: () => Promise.resolve(),
  });
  await step.run(data);
  const { lossSum: loss } = await step.totals();

  const { height, width, channels } = network.description.input;
  keep("images", [batch, height, width, channels], data.images);
  keep("labels", [batch], data.labels);
  keep("mixLabels", [batch], data.mixLabels);
  keep("teacher", [batch, CLASSES], teacher);
  for (const [name, map] of await network.maps()) keep(name, map.shape, map.data);
  for (const { name, gradient } of network.parameters) keep(`gradient/${name}`, gradient.shape, await backend.read(gradient));
  for (const { name, value } of network.states) keep(`after/${name}`, value.shape, await backend.read(value));
  new Optimizer(backend, network.store, options).step(UPDATE.learningRate, 1);
  for (const { name, value } of network.parameters) keep(`updated/${name}`, value.shape, await backend.read(value));
  const trace = { description: network.description, layers, weights, loss: { ...LOSS, value: loss }, update: UPDATE };
  await writeFile(path, encodeSafetensors({ metadata: { trace: JSON.stringify(trace) }, tensors }));
}

/** Its structure alone. */
function tracedLayer(layer: Layer): TracedLayer {
  const operations: Operation[] = [];
  const valuesOf = ({ value }: { readonly value: Tensor }): Float32Array => new Float32Array(elementCount(value.shape));
  layer.fold({ add: (operation) => operations.push(operation), valuesOf, signsOf: () => new Uint32Array() }, 0);
  return {
    name: operations.at(-1)?.name ?? "",
    operations: operations.map(structureOf),
    parameters: layer.parameters.map(({ name }) => name),
    states: layer.states.map(({ name }) => name),
  };
}

function structureOf(operation: Operation): TracedOperation {
  const { kind, name } = operation;
  const entries = Object.entries(operation).filter(([key, value]) => key !== "epilogue" && !ArrayBuffer.isView(value));
  if (!("epilogue" in operation)) return { ...Object.fromEntries(entries), kind, name };
  const { factors, shortcut, activation, depthToSpace } = operation.epilogue;
  return { ...Object.fromEntries(entries), kind, name, ...{ factors, shortcut, activation: activation?.kind, depthToSpace } };
}

/** Moves all values away from where they start, but for the rows of an activation that its kind does not learn. */
async function spread(
  backend: Backend,
  network: TracedNetwork,
  layers: readonly TracedLayer[],
  normal: (count: number, standardDeviation: number) => Float32Array,
): Promise<void> {
  const kinds = new Map(
    layers.flatMap(({ operations }) => operations.map(({ name, activation }) => [`${name}.activation`, activation])),
  );
  for (const { name, kind, value } of network.parameters) {
    const moved = Float32Array.from(await backend.read(value));
    const steps = normal(moved.length, SPREAD[kind]);
    const activation = kinds.get(name);
    const channels = value.shape.at(-1) ?? 1;
    for (let i = 0; i < moved.length; i++) {
      const isFixed = activation !== undefined && !LEARNED_ROWS[activation].includes(Math.floor(i / channels));
      if (!isFixed) moved[i] += steps[i];
    }
    backend.write(value, moved);
  }
  for (const { value } of network.states) {
    const start = await backend.read(value);
    backend.write(
      value,
      normal(start.length, SPREAD.other).map((step, i) => start[i] + step),
    );
  }
}

function randomBatch(
  { input, classes }: NetworkDescription,
  count: number,
  random: Random,
  normal: (count: number, standardDeviation: number) => Float32Array,
): Batch {
  const draw = (): Int32Array => Int32Array.from({ length: count }, () => random.integer(classes));
  return {
    images: normal(count * elementCount([input.height, input.width, input.channels]), 1),
    labels: draw(),
    mixLabels: draw(),
    mixWeight: new Float32Array(count).fill(LOSS.mixWeight),
    indices: Uint32Array.from({ length: count }, (_, i) => i),
    count,
    release: () => undefined,
  };
}

/** How often each class was drawn: probabilities that sum to 1 without rounding. */
function teacherOf(count: number, random: Random): Float32Array {
  const probabilities = new Float32Array(count * CLASSES);
  for (let image = 0; image < count; image++)
    for (let draw = 0; draw < TEACHER_DRAWS; draw++)
      probabilities[image * CLASSES + Math.floor(random.uniform() ** 2 * CLASSES)] += 1 / TEACHER_DRAWS;
  return probabilities;
}
