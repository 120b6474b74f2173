/** The code of web-thread.ts and of all that it imports as one classic script; written beside the compiled code by scripts/build.mjs. */
export declare const THREAD_CODE: string;
