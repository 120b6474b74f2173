/** Runs exported graphs by onnxruntime-node, where it is installed, and the network itself beside them. */
import { createRequire } from "node:module";
import type { Backend } from "#rbnet/backend/device";
import type { Model } from "#rbnet/runtime/model";
import { RuntimeNetwork } from "#rbnet/runtime/network";

interface RuntimeTensor {
  readonly data: Float32Array;
  readonly dims: readonly number[];
}

interface Session {
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  run(feeds: Record<string, unknown>): Promise<Record<string, RuntimeTensor>>;
  release(): Promise<void>;
}

interface Runtime {
  readonly InferenceSession: { create(bytes: Uint8Array, options?: unknown): Promise<Session> };
  readonly Tensor: new (type: string, data: Float32Array | Uint8Array, dims: readonly number[]) => unknown;
}

export const hasOnnxRuntime = ((): boolean => {
  try {
    createRequire(import.meta.url).resolve("onnxruntime-node");
    return true;
  } catch {
    console.warn("onnxruntime-node is not installed: tests that run exported graphs are skipped");
    return false;
  }
})();

const PACKAGE = "onnxruntime-node";

/** Answers of a graph, one after the other. `run` takes images as rbnet has them, channels last: normalized floats, or bytes. */
export class GraphRun {
  private constructor(
    private readonly runtime: Runtime,
    readonly session: Session,
    private readonly size: number,
  ) {}

  static async open(bytes: Uint8Array, size: number): Promise<GraphRun> {
    const loaded = (await import(PACKAGE)) as { readonly default?: Runtime } & Runtime;
    const runtime = loaded.default ?? loaded;
    const options = { executionProviders: ["cpu"], intraOpNumThreads: 1, logSeverityLevel: 3 };
    return new GraphRun(runtime, await runtime.InferenceSession.create(bytes, options), size);
  }

  async run(images: Float32Array | Uint8Array): Promise<RuntimeTensor> {
    const { session, runtime, size } = this;
    const count = images.length / (size * size * 3);
    const input =
      images instanceof Uint8Array
        ? new runtime.Tensor("uint8", images, [count, size, size, 3])
        : new runtime.Tensor("float32", planesOf(images, size), [count, 3, size, size]);
    const outputs = await session.run({ [session.inputNames[0]!]: input });
    return outputs[session.outputNames[0]!]!;
  }

  async close(): Promise<void> {
    await this.session.release();
  }
}

/** From channels last to channels first. */
function planesOf(images: Float32Array, size: number): Float32Array {
  const pixels = size * size;
  return Float32Array.from(images, (_, at) => {
    const image = Math.floor(at / (3 * pixels));
    const [channel, pixel] = [Math.floor(at / pixels) % 3, at % pixels];
    return images[(image * pixels + pixel) * 3 + channel]!;
  });
}

/** What the model itself gives. */
export async function ownAnswer(
  backend: Backend,
  { operations, size }: Pick<Model, "operations" | "size">,
  images: Float32Array,
): Promise<Float32Array> {
  const mark = backend.mark();
  const network = new RuntimeNetwork(
    backend,
    operations,
    { height: size, width: size, channels: 3 },
    images.length / (size * size * 3),
  );
  backend.write(network.input, images);
  network.run();
  const answer = Float32Array.from(await backend.read(network.output));
  backend.release(mark);
  return answer;
}
