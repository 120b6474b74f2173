/**
 * The runtime's builds of the kernels, written beside the compiled code by scripts/build.mjs: base64 of one for a memory that threads do
 * not share, and the place of the byte that says so.
 */
export declare const RUNTIME_KERNELS: Readonly<Record<"plain" | "relaxed", readonly [base64: string, memoryKindAt: number]>>;
