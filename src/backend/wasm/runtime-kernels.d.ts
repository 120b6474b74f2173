/**
 * The runtime's builds of the kernels, base64; written beside the compiled code by scripts/build.mjs. `shared`: for a memory that threads
 * share.
 */
export declare const RUNTIME_KERNELS: Readonly<Record<"plain" | "relaxed" | "plainShared" | "relaxedShared", string>>;
