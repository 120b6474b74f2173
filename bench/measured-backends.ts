/** The backends that whole steps and whole networks are measured on. */
export const MEASURED_BACKENDS = ["wasm", "native", "webgpu"] as const;

export type MeasuredBackend = (typeof MEASURED_BACKENDS)[number];

/** Of a child's command line, which a checked case has written. */
export function measuredBackend(name: string | undefined): MeasuredBackend {
  return MEASURED_BACKENDS.find((one) => one === name) ?? "wasm";
}
