/** A geometry in this backend's memory. */
import type { WindowGeometry } from "../../tensor.js";
import type { Window } from "../terms.js";

export class WasmWindow implements Window {
  constructor(
    readonly geometry: WindowGeometry,
    /** Address of the table described in the kernels' window.ts. */
    readonly offset: number,
  ) {}
}
