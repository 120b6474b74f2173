/** Memory that workers see without a copy, where there is such memory. */

/** A page that is not isolated from other origins has no shared memory; it has no workers on its images either, so its own memory does. */
export function sharedBuffer(bytes: number): ArrayBufferLike {
  return typeof SharedArrayBuffer === "undefined" ? new ArrayBuffer(bytes) : new SharedArrayBuffer(bytes);
}
