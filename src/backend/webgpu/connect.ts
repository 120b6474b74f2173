/** Puts a backend together on an opened GPU: memory, recorder and reading, and the kernels that the program around it wants. */
import { UserError } from "../../errors.js";
import {
  type ElementArrays,
  type ElementType,
  elementCount,
  MAXIMUM_BINARY_INPUTS,
  type Tensor,
  type TypedArray,
  wordsFor,
} from "../../tensor.js";
import type { Device, GradientPrecision } from "../device.js";
import type { OpenedGpu } from "./adapter.js";
import { Buffers, ELEMENT_BYTES, GpuTensor, own, USAGE } from "./buffers.js";
import { Pipelines } from "./pipelines.js";
import { Reader, storedAs } from "./reading.js";
import { Recorder, type Runner } from "./recorder.js";
import { copyTensor } from "./update.js";
import { GpuWeights, ownWeights } from "./weights.js";
import { GpuWindow, windowTable } from "./windows.js";

/** What has been made on the GPU since it was opened: in a steady state, nothing more. */
export interface GpuObjects {
  readonly buffers: number;
  readonly bindGroups: number;
  readonly pipelines: number;
}

export interface GpuDevice extends Device {
  readonly objects: GpuObjects;
}

/** How a GPU reads gradients where it multiplies them with signs. */
export type GpuPrecision = Exclude<GradientPrecision, "bfloat16">;

/** @throws UserError where the GPU has no float16, and gradients are to be in it */
export function assembleGpu<Kernels>(
  gpu: OpenedGpu,
  connect: (runner: Runner) => Kernels,
  precision: GpuPrecision = "float32",
): GpuDevice & Kernels {
  const { device } = gpu;
  const isHalf = precision === "float16";
  if (isHalf && !device.features.has("shader-f16")) {
    gpu.close();
    throw new UserError(
      `products in float16 were asked for, but the GPU ${gpu.choices.adapter} has no float16 in its shaders (shader-f16); ` +
        "use --precision float32",
    );
  }
  const pipelines = new Pipelines(device, gpu.isTogether);
  const recorder = new Recorder(device, pipelines);
  const buffers = new Buffers(device, (released) => {
    recorder.submit();
    pipelines.forget(released);
  });
  const reader = new Reader(device, recorder, gpu);
  const runner: Runner = {
    together: gpu.isTogether ? 1 : 0,
    subgroups: gpu.hasSubgroups ? 1 : 0,
    largest: isHalf ? buffers.allocate("uint32", [1]) : undefined,
    run: (kernel, groups, operands, numbers, choice) => recorder.run(kernel, groups, operands, numbers, choice),
    work: (type, shape) => buffers.work(type, shape),
  };

  function write(tensor: GpuTensor, data: TypedArray): void {
    const { type, shape, block, offset } = tensor;
    if (recorder.isRehearsing) return;
    if (elementCount(shape) !== data.length)
      throw new Error(`${data.length} values do not fill a tensor of ${elementCount(shape)}`);
    const stored = storedAs(type, data);
    const bytes = data.length * ELEMENT_BYTES[type];
    // A write takes effect at once in the queue: what was called before has to be there first.
    recorder.submit();
    if (offset % 4 === 0 && (bytes % 4 === 0 || offset + bytes + 2 === block.bytes)) {
      device.queue.writeBuffer(block.buffer, offset, stored.buffer, stored.byteOffset, stored.byteLength);
      return;
    }
    // A part that shares a word with what lies beside it.
    const buffer = device.createBuffer({ size: Math.max(16, stored.byteLength), usage: USAGE.storage | USAGE.copyTarget });
    device.queue.writeBuffer(buffer, 0, stored.buffer, stored.byteOffset, stored.byteLength);
    copyTensor(runner, new GpuTensor(type, shape, { id: 0, buffer, bytes: Math.max(16, stored.byteLength) }, 0), tensor);
    recorder.submit();
    pipelines.forget(new Set([0]));
    buffer.destroy();
  }

  const rest: GpuDevice = {
    description: isHalf ? `${gpu.description}, float16` : gpu.description,
    choices: gpu.choices,
    preferences: gpu.preferences,
    elementBytes: ELEMENT_BYTES,
    get memory() {
      return buffers.memory;
    },
    get objects() {
      return {
        buffers: buffers.buffersCreated + reader.buffersCreated,
        bindGroups: pipelines.groupsCreated,
        pipelines: pipelines.compiled,
      };
    },
    allocate: (type, shape) => buffers.allocate(type, shape),
    view(tensor, shape, from = 0) {
      const { type, block, offset, shape: whole } = own(tensor);
      if (from < 0 || from + elementCount(shape) > elementCount(whole))
        throw new Error(`a view of [${shape}] from ${from} exceeds [${whole}]`);
      return new GpuTensor(type, shape, block, offset + from * ELEMENT_BYTES[type]);
    },
    window(geometry) {
      const table = windowTable(geometry);
      const tensor = buffers.allocate("int32", [table.length]);
      write(tensor, table);
      return new GpuWindow(geometry, tensor);
    },
    binaryWeights(inputs, filters) {
      if (inputs > MAXIMUM_BINARY_INPUTS)
        throw new Error(`a binary product of ${inputs} inputs would overflow; ${MAXIMUM_BINARY_INPUTS} are the most`);
      return new GpuWeights(inputs, filters, buffers.allocate("uint32", [filters, wordsFor(inputs)]));
    },
    // Work space is every kernel's in turn.
    planConvolution: (window, filters) => ({ window, filters }),
    mark: () => buffers.mark(),
    release: (mark) => buffers.release(mark),
    write: (tensor, data) => write(own(tensor), data),
    writeWeights: (weights, packed) => write(own(ownWeights(weights).packed), packed),
    readWeights: async (weights) => (await reader.read([own(ownWeights(weights).packed)]))[0] as Uint32Array,
    rehearse: (calls) => recorder.rehearse(calls),
    async read<T extends ElementType>(tensor: Tensor<T>) {
      return (await reader.read([own(tensor)]))[0] as ElementArrays[T];
    },
    async readAll<T extends ElementType>(tensors: readonly Tensor<T>[]) {
      return (await reader.read(tensors.map((tensor) => own(tensor)))) as ElementArrays[T][];
    },
    [Symbol.dispose]() {
      recorder.submit();
      buffers.dispose();
      reader.dispose();
      recorder.dispose();
      gpu.close();
    },
  };
  return Object.assign(rest, connect(runner));
}
