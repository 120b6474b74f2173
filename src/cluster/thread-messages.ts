/** What the thread that trains and the thread that talks to MPI say to one another. */
import type { LaunchedJob } from "./launched.js";
import type { PartShare, SumForm } from "./ordered-sum.js";

/** What the thread starts with. */
export interface ThreadPlan {
  readonly job: LaunchedJob;
  readonly host: string;
  /** One counter, which grows with every command: the thread sleeps on it. */
  readonly bell: Int32Array;
}

/** A sum's memory, which both threads see. */
export interface SumPlan {
  readonly sum: number;
  readonly share: PartShare;
  readonly form: SumForm;
  readonly own: readonly Float32Array[];
  readonly total: Float32Array;
}

/** What is to be done, in the order in which it was said; what has a number is answered. */
export type Command =
  | { readonly kind: "gather"; readonly id: number; readonly own: Uint8Array }
  | { readonly kind: "gather equal"; readonly id: number; readonly own: Uint8Array }
  | { readonly kind: "broadcast"; readonly id: number; readonly from: number; readonly own: Uint8Array | undefined }
  | ({ readonly kind: "open sum" } & SumPlan)
  | { readonly kind: "add"; readonly sum: number; readonly from: number; readonly end: number }
  | { readonly kind: "finish"; readonly id: number; readonly sum: number }
  | { readonly kind: "leave"; readonly id: number };

/** Said aside from the order: this process cannot go on. */
export interface Failure {
  readonly kind: "fail";
  readonly message: string;
  readonly exitCode: number;
}

export type Answer =
  | {
      readonly kind: "joined";
      readonly rank: number;
      readonly size: number;
      readonly version: string;
      readonly hosts: readonly string[];
    }
  | { readonly kind: "refused"; readonly message: string; readonly isUsers: boolean }
  | { readonly kind: "result"; readonly id: number; readonly bytes: readonly Uint8Array[]; readonly seconds: number }
  /** All processes have failed at the same point, and MPI is left in order. */
  | { readonly kind: "left" }
  /** The job is being ended; this process with it, soon. */
  | { readonly kind: "aborting"; readonly exitCode: number };
