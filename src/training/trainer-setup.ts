/** What a run needs besides network, data and settings: none of it decides what is learned. */
import type { Backend, GradientPrecision } from "../backend/device.js";
import type { BackendName } from "../backend/open.js";
import type { ControlSetup } from "./run-control.js";

export interface TrainerSetup extends ControlSetup {
  /** One that is open, which is not disposed of, or the name of one to open on `threads` threads; default `auto`, the fastest that is there. */
  readonly backend?: Backend | BackendName;
  /** Of a backend that is opened by name; default `float32`. */
  readonly precision?: GradientPrecision;
  /** Default: one a core. The result does not depend on it. */
  readonly threads?: number;
  /** Keep the map of every so many-th unit for the backward pass, and compute the others and large results again (NetworkMemory): less memory, more time. Default 1, all. The result does not depend on it. */
  readonly keepEvery?: number;
  /** Folder of the run: checkpoint.safetensors and model.safetensors. Without one nothing is written. */
  readonly out?: string;
  /** Go on from the folder's checkpoint. */
  readonly resume?: boolean;
}
