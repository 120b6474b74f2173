/** What a GPU does at best: arithmetic on registers alone, and copies; rates that the kernels can be measured against. */
import type { OpenedGpu } from "./adapter.js";
import { USAGE } from "./buffers.js";

export interface GpuRates {
  /** Multiply-accumulates of signs a second, by counting the bits of words. */
  readonly binaryMacsPerSecond: number;
  readonly float32MacsPerSecond: number;
  /** Undefined where the GPU's shaders have no float16. */
  readonly float16MacsPerSecond: number | undefined;
  /** Bytes read and bytes written a second, added up, by a copy. */
  readonly bytesPerSecond: number;
}

type Timed = Pick<OpenedGpu, "device" | "waitFor">;

const THREADS = 256;
/** Vectors of four that a thread keeps: enough that none waits for itself. */
const CHAINS = 8;
/** Turns of a thread's loop in one command, which is over before a system resets the GPU. */
const TURNS = 256;
/** Of the last measurement; a smaller one says little. */
const ENOUGH_SECONDS = 0.05;
const MOST_GROUPS = 1 << 15;
/** Past what caches hold, where a GPU gives as much in one piece. */
const COPY_BYTES = 128 * 2 ** 20;
const REPETITIONS = 3;

/** `gain` is what a turn does to the vector `s` with the vectors `a` and `b`, of which nothing is known. */
interface Loop {
  readonly type: string;
  readonly gain: (s: string) => string;
  /** Multiply-accumulates of one element. */
  readonly macs: number;
  readonly enable?: string;
}

const BINARY: Loop = { type: "u32", gain: (s) => `${s} += countOneBits(${s} ^ a)`, macs: 32 };
const FLOAT32: Loop = { type: "f32", gain: (s) => `${s} = fma(${s}, a, b)`, macs: 1 };
const FLOAT16: Loop = { ...FLOAT32, type: "f16", enable: "enable f16;" };

export async function measureGpuRates(gpu: Timed): Promise<GpuRates> {
  const { device } = gpu;
  return {
    binaryMacsPerSecond: await loopRate(gpu, BINARY),
    float32MacsPerSecond: await loopRate(gpu, FLOAT32),
    float16MacsPerSecond: device.features.has("shader-f16") ? await loopRate(gpu, FLOAT16) : undefined,
    bytesPerSecond: await copyRate(gpu),
  };
}

/** The operands are read from memory, so that no compiler knows them; they shrink what is kept, so that no number overflows. */
function loopCode({ type, gain, enable = "" }: Loop): string {
  const chains = Array.from({ length: CHAINS }, (_, i) => i);
  return `${enable}
@group(0) @binding(0) var<storage, read_write> data: array<f32>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let a = vec4<${type}>(${type}(data[0]));
  let b = vec4<${type}>(${type}(data[1]));
  ${chains.map((i) => `var s${i} = vec4<${type}>(${type}(id.x % 16u) + ${type}(${i}));`).join("\n  ")}
  for (var turn = 0; turn < ${TURNS}; turn++) {
    ${chains.map((i) => `${gain(`s${i}`)};`).join("\n    ")}
  }
  let all = ${chains.map((i) => `s${i}`).join(" + ")};
  // Never true, which no compiler can know: all that is computed is needed.
  if (f32(all.x + all.y + all.z + all.w) == data[2]) { data[3] = 1.0; }
}
`;
}

/** Multiply-accumulates a second. */
async function loopRate(gpu: Timed, loop: Loop): Promise<number> {
  const { device } = gpu;
  const buffer = device.createBuffer({ size: 16, usage: USAGE.storage | USAGE.copyTarget });
  device.queue.writeBuffer(buffer, 0, new Float32Array([0.5, 0.25, -1, 0]));
  const module = device.createShaderModule({ code: loopCode(loop) });
  const pipeline = device.createComputePipeline({ layout: "auto", compute: { module, entryPoint: "main" } });
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer } }],
  });
  const secondsOf = (groups: number): Promise<number> =>
    shortestSeconds(gpu, (encoder) => {
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(groups);
      pass.end();
    });
  let groups = 8;
  // Compiles it, which is no part of a rate.
  let seconds = await secondsOf(groups);
  seconds = await secondsOf(groups);
  while (seconds < ENOUGH_SECONDS && groups < MOST_GROUPS) {
    groups *= 4;
    seconds = await secondsOf(groups);
  }
  buffer.destroy();
  return (groups * THREADS * TURNS * CHAINS * 4 * loop.macs) / seconds;
}

async function copyRate(gpu: Timed): Promise<number> {
  const { device } = gpu;
  const size = Math.min(COPY_BYTES, device.limits.maxBufferSize);
  const usage = USAGE.copySource | USAGE.copyTarget;
  const [from, to] = [device.createBuffer({ size, usage }), device.createBuffer({ size, usage })];
  const seconds = await shortestSeconds(gpu, (encoder) => encoder.copyBufferToBuffer(from, 0, to, 0, size));
  from.destroy();
  to.destroy();
  return (2 * size) / seconds;
}

/** Of a few times, of which the first may wait for memory. */
async function shortestSeconds({ device, waitFor }: Timed, record: (encoder: GPUCommandEncoder) => void): Promise<number> {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < REPETITIONS; i++) {
    const encoder = device.createCommandEncoder();
    record(encoder);
    const commands = encoder.finish();
    const start = performance.now();
    device.queue.submit([commands]);
    await waitFor(device.queue.onSubmittedWorkDone());
    shortest = Math.min(shortest, (performance.now() - start) / 1000);
  }
  return shortest;
}
