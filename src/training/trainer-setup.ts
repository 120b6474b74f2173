/** What a run needs besides network, data and settings: none of it decides what is learned. */
import type { Backend } from "../backend/device.js";
import type { BackendName, MachineSetup } from "../backend/machine.js";
import type { Communicator } from "../cluster/communicator.js";
import type { ControlSetup } from "./run-control.js";

export interface TrainerSetup extends Omit<MachineSetup, "backend">, ControlSetup {
  /**
   * One that is open, which is not disposed of, or the name of one to open, with the setup's threads and precision; default `auto`, the
   * fastest that is there.
   */
  readonly backend?: Backend | BackendName;
  /** Folder of the run: checkpoint.safetensors and model.safetensors. Without one nothing is written. */
  readonly out?: string;
  /** Go on from the folder's checkpoint. */
  readonly resume?: boolean;
  /** The processes that train together, which have the parts of each batch between them; default this one alone. See `joinJob`. */
  readonly communicator?: Communicator;
  /** Workers that prepare batches; default by the data and the cores. */
  readonly loaders?: number;
}
