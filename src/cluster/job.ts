/** This process as one of a job: the communicator of the thread that trains, over the thread that talks to MPI. */
import { hostname } from "node:os";
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import { UserError } from "../errors.js";
import { ALONE } from "./alone.js";
import type { Communicator, Member } from "./communicator.js";
import { type LaunchedJob, launchedJob } from "./launched.js";
import type { OrderedSum, PartShare, SumForm } from "./ordered-sum.js";
import type { Answer, Command, Failure, ThreadPlan } from "./thread-messages.js";

/** A process that MPI has been asked to end is given so long, then it ends itself. */
const END_MS = 10_000;

/**
 * Settings of the libraries below MPI, where the person has not set them. They are made on the main thread, before MPI's is started: a
 * worker's environment is a copy, which C does not see.
 *
 * UCX, below Debian's MPICH, rewrites the process's mmap, munmap and madvise to learn what memory has gone. V8 maps, gives back and unmaps
 * memory from many threads, and processes crashed in its garbage collection (docs/cluster.md, "Memory that is watched"). Nothing here is
 * registered memory that MPI would have to be told of: messages go through buffers that are held until a call has ended.
 */
const LIBRARY_SETTINGS = { UCX_MEM_EVENTS: "no" } as const;

/** A communicator that is left at the end. */
export interface Job extends Communicator {
  /** For people: what carries the messages; undefined for a process that is alone. */
  readonly library?: string;
  /** In order, when all processes have come to their ends. */
  leave(): Promise<void>;
  /**
   * Says that this process cannot go on. Returns where all others say so too, as where what was asked for cannot be done by any of them;
   * else the whole job is ended, and this process with it.
   */
  fail(message: string, exitCode: number): Promise<void>;
}

const NO_JOB: Job = Object.assign(Object.create(ALONE) as Communicator, {
  async leave() {},
  async fail() {},
});

/**
 * Joins the job that a launcher has started this process in; without one, or in one of a single process, nothing is loaded.
 *
 * @throws UserError where there is a job, but no MPI library that fits it
 */
export async function joinJob(environment: Readonly<Record<string, string | undefined>> = process.env): Promise<Job> {
  const launched = launchedJob(environment);
  return launched === undefined || launched.size === 1 ? NO_JOB : MpiJob.join(launched);
}

class MpiJob implements Job {
  private readonly waiting = new Map<number, (result: readonly Uint8Array[]) => void>();
  private nextId = 0;
  private sums = 0;
  private onLeft: (() => void) | undefined;

  private constructor(
    private readonly port: MessagePort,
    private readonly bell: Int32Array,
    readonly rank: number,
    readonly size: number,
    readonly library: string,
    readonly members: readonly Member[],
  ) {
    port.on("message", (answer: Answer) => this.answered(answer));
    port.unref();
  }

  static async join(job: LaunchedJob): Promise<MpiJob> {
    for (const [name, value] of Object.entries(LIBRARY_SETTINGS)) process.env[name] ??= value;
    const { port1, port2 } = new MessageChannel();
    const bell = new Int32Array(new SharedArrayBuffer(4));
    const plan: ThreadPlan = { job, host: hostname(), bell };
    const worker = new Worker(new URL("./mpi-thread.js", import.meta.url), {
      workerData: { plan, port: port2 },
      transferList: [port2],
    });
    const answer = await new Promise<Answer>((resolve, reject) => {
      worker.once("error", reject);
      port1.once("message", resolve);
    });
    worker.unref();
    if (answer.kind === "refused") throw answer.isUsers ? new UserError(answer.message) : new Error(answer.message);
    if (answer.kind !== "joined") throw new Error(`the thread of MPI began with ${answer.kind}`);
    const { rank, size, version, hosts } = answer;
    const members = hosts.map((host, index) => ({ rank: index, host }));
    const joined = new MpiJob(port1, bell, rank, size, version, members);
    worker.on("error", (error) => {
      throw error;
    });
    return joined;
  }

  gather(own: Uint8Array): Promise<readonly Uint8Array[]> {
    return this.ask((id) => ({ kind: "gather", id, own }));
  }

  async gatherNumbers(own: Float64Array): Promise<readonly Float64Array[]> {
    const bytes = new Uint8Array(own.buffer, own.byteOffset, own.byteLength);
    const all = await this.ask((id) => ({ kind: "gather equal", id, own: bytes.slice() }));
    return all.map((part) => new Float64Array(part.slice().buffer));
  }

  async broadcast(from: number, own: Uint8Array | undefined): Promise<Uint8Array> {
    const [bytes] = await this.ask((id) => ({ kind: "broadcast", id, from, own }));
    return bytes.slice();
  }

  openSum(form: SumForm, share: PartShare): OrderedSum {
    const shared = (count: number): Float32Array => new Float32Array(new SharedArrayBuffer(4 * count));
    const own = Array.from({ length: share.end - share.first }, () => shared(form.elements));
    const total = shared(form.elements);
    const sum = this.sums++;
    this.tell({ kind: "open sum", sum, share, form, own, total });
    return {
      own,
      total,
      add: (from, end) => this.tell({ kind: "add", sum, from, end }),
      finish: async () => {
        await this.ask((id) => ({ kind: "finish", id, sum }));
      },
    };
  }

  async leave(): Promise<void> {
    await this.ask((id) => ({ kind: "leave", id }));
  }

  fail(message: string, exitCode: number): Promise<void> {
    const left = new Promise<void>((resolve) => {
      this.onLeft = resolve;
    });
    this.tell({ kind: "fail", message, exitCode });
    this.port.ref();
    return left;
  }

  private ask(command: (id: number) => Command): Promise<readonly Uint8Array[]> {
    const id = this.nextId++;
    return new Promise((resolve) => {
      this.waiting.set(id, resolve);
      this.port.ref();
      this.tell(command(id));
    });
  }

  private tell(command: Command | Failure): void {
    this.port.postMessage(command);
    Atomics.add(this.bell, 0, 1);
    Atomics.notify(this.bell, 0);
  }

  private answered(answer: Answer): void {
    if (answer.kind === "left") this.onLeft?.();
    if (answer.kind === "aborting") setTimeout(() => process.kill(process.pid, "SIGKILL"), END_MS);
    if (answer.kind !== "result") return;
    this.waiting.get(answer.id)?.(answer.bytes);
    this.waiting.delete(answer.id);
    if (this.waiting.size === 0) this.port.unref();
  }
}
