/** Opens a GPU: which adapter, which of its features and limits are asked for and why, and what has gone wrong with it since. */
import { messageOf, UserError } from "../../errors.js";
import type { Preferences } from "../device.js";

/** A device, and what is said of it. */
export interface OpenedGpu {
  readonly device: GPUDevice;
  /** For people. */
  readonly description: string;
  readonly choices: { readonly adapter: string };
  /** Of its adapter: what WebGPU calls optional. */
  readonly features: readonly string[];
  readonly preferences: Preferences;
  /** Its adapter computes on the processor. */
  readonly isSoftware: boolean;
  /** Threads of a group work together, through memory of their own. */
  readonly isTogether: boolean;
  /** Threads of a subgroup exchange values. */
  readonly hasSubgroups: boolean;
  /** What went wrong since it was opened, if anything did. */
  readonly failure: UserError | undefined;
  /** The same where a result did not come, which may be a moment before the reason is known. */
  reason(): Promise<UserError | undefined>;
  /** Waits for what the GPU does, as suits the program around it. */
  waitFor<T>(result: Promise<T>): Promise<T>;
  /** Gives the device back. */
  close(): void;
}

/**
 * Beyond what every GPU gives, only the size of one piece of memory is asked for, whole: a map of a large batch is one buffer, and is
 * bound as one. All else is written for what WebGPU promises anywhere: eight buffers a kernel, 256 threads a group, 16 KB of workgroup
 * memory, of which a tile takes 8.5.
 */
const WANTED_LIMITS = ["maxBufferSize", "maxStorageBufferBindingSize"] as const;

/**
 * What is asked for where it is there: float16, for gradients (wgsl/float16.ts), and operations of subgroups, for packing signs
 * (inference.ts) and for the largest gradient.
 */
const WANTED_FEATURES = ["shader-f16", "subgroups"] as const;

/** A GPU that could be opened. */
export interface FoundGpu {
  readonly name: string;
  readonly isSoftware: boolean;
}

function requestAdapter(gpu: GPU): Promise<GPUAdapter | null> {
  return gpu.requestAdapter({ powerPreference: "high-performance" });
}

/** The GPU that would be opened; undefined where there is none. */
export async function lookForGpu(gpu: GPU): Promise<FoundGpu | undefined> {
  const adapter = await requestAdapter(gpu);
  return adapter === null ? undefined : { name: nameOf(adapter.info), isSoftware: isSoftwareAdapter(adapter.info) };
}

/** @throws UserError where there is no adapter, or it gives no device */
export async function openGpu(gpu: GPU, none: string): Promise<OpenedGpu> {
  const adapter = await requestAdapter(gpu);
  if (adapter === null) throw new UserError(none);
  const { info, limits } = adapter;
  let device: GPUDevice;
  try {
    const requiredLimits = Object.fromEntries(WANTED_LIMITS.map((name) => [name, limits[name]]));
    const requiredFeatures = WANTED_FEATURES.filter((name) => adapter.features.has(name));
    device = await adapter.requestDevice({ requiredLimits, requiredFeatures });
  } catch (error) {
    throw new UserError(`the GPU ${nameOf(info)} could not be opened (${messageOf(error)}); go on without it`, {
      cause: error,
    });
  }
  return Object.assign(new Watch(device, nameOf(info)), {
    features: [...adapter.features].sort(),
    ...describe(info, isSoftwareAdapter(info)),
    hasSubgroups: device.features.has("subgroups"),
  });
}

function describe(info: GPUAdapterInfo, isSoftware: boolean) {
  return {
    description: `webgpu, ${nameOf(info)}${isSoftware ? " (software)" : ""}`,
    choices: { adapter: nameOf(info) },
    isSoftware,
    isTogether: !isSoftware,
    preferences: {
      // A GPU is busy with millions of pixels at a time; a processor that plays one, with what its cache holds.
      batchPixels: isSoftware ? 1 << 14 : 1 << 21,
      recomputedElements: 1 << 14,
    },
  };
}

/** As short as it names the GPU: drivers fill in different fields. */
export function nameOf({ description, device, vendor, architecture }: GPUAdapterInfo): string {
  return description || device || `${vendor} ${architecture}`.trim() || "GPU";
}

/** SwiftShader and lavapipe say so in names, if in no other way. */
function isSoftwareAdapter(info: GPUAdapterInfo): boolean {
  return (
    info.isFallbackAdapter ||
    /swiftshader|llvmpipe|lavapipe|basic render/i.test(`${info.description} ${info.device} ${info.architecture}`)
  );
}

/** Longest wait for the reason of a failure. */
const REASON_MILLISECONDS = 100;

/** Notes errors of the device as they come, which is some time after the call that caused them. */
class Watch {
  private failed: UserError | undefined;
  private isClosed = false;
  private readonly lost: Promise<void>;

  constructor(
    readonly device: GPUDevice,
    private readonly name: string,
  ) {
    device.addEventListener("uncapturederror", (event) => this.note((event as GPUUncapturedErrorEvent).error));
    this.lost = device.lost.then(({ reason, message }) => {
      if (this.isClosed) return;
      this.failed ??= new UserError(
        `the GPU ${name} was lost (${message || reason}): its driver was reset, or it was taken away; ` +
          "start anew, a training with --resume from its last checkpoint, on the GPU or without it",
      );
    });
  }

  get failure(): UserError | undefined {
    return this.failed;
  }

  async reason(): Promise<UserError | undefined> {
    await Promise.race([this.lost, new Promise((resolve) => setTimeout(resolve, REASON_MILLISECONDS))]);
    return this.failed;
  }

  waitFor<T>(result: Promise<T>): Promise<T> {
    return result;
  }

  close(): void {
    this.isClosed = true;
    this.device.destroy();
  }

  private note(error: GPUError): void {
    this.failed ??=
      error.constructor.name === "GPUOutOfMemoryError"
        ? new UserError(`the GPU ${this.name} is out of memory; use a smaller batch, or --keep-every to keep less of it`)
        : new UserError(`the GPU ${this.name} refused a command: ${error.message}`);
  }
}
