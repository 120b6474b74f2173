/**
 * Body of the thread that talks to MPI, so that the thread that trains never waits in it: it computes while gradients travel, and hears
 * Ctrl-C while a process that is gone is waited for. Runs one operation after the other, and keeps up the pulse beside them.
 */
import { writeSync } from "node:fs";
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { messageOf, UserError } from "../errors.js";
import { memberText } from "./communicator.js";
import { MpiSession } from "./mpi-session.js";
import { broadcast, gather, gatherEqual, type Operation, sumRange } from "./operations.js";
import { Pulse } from "./pulse.js";
import type { Answer, Command, Failure, SumPlan, ThreadPlan } from "./thread-messages.js";

/** Answers come within microseconds on a host, and a thread that sleeps gets its core back late. */
const SPIN_MS = 1;
/** While something travels: what arrives meanwhile fits into the system's buffers. */
const NAP_MS = 0.1;
/** While nothing is to be done. */
const REST_MS = 20;
/** Where several processes fail, they fail within moments of one another: then one sentence is enough. */
const GRACE_MS = 2_000;
/** A process that has said why it cannot go on is ended by rank 0; if that does not hear it, it ends the job itself. */
const PATIENCE_MS = 10_000;

const NOTHING: readonly Uint8Array[] = [];

class MpiThread {
  private readonly sums = new Map<number, SumPlan>();
  private readonly commands: Command[] = [];
  private readonly pulse: Pulse;
  private failure: Failure | undefined;
  private failedAt = 0;
  private isOver = false;
  /** Under way, and what is answered at its end. */
  private running: { readonly operation: Operation; readonly id: number | undefined; readonly since: number } | undefined;
  private busyAt = 0;

  constructor(
    private readonly session: MpiSession,
    private readonly hosts: readonly string[],
    private readonly port: MessagePort,
    private readonly bell: Int32Array,
  ) {
    this.pulse = new Pulse(session);
  }

  run(): void {
    try {
      this.work();
    } catch (error) {
      // MPI's own words: a connection that broke, most often because the process at its other end is gone.
      const advice = "where another process or host is gone, go on from the last checkpoint with --resume";
      this.tellAndAbort(this.session.rank, `${messageOf(error).replaceAll(/\s*\n\s*/g, " ")}; ${advice}`, 1);
    }
  }

  private work(): void {
    while (!this.isOver) {
      const seen = Atomics.load(this.bell, 0);
      this.takeCommands();
      const now = performance.now();
      const moved = this.step(now);
      this.pulse.look(now);
      this.judge(now);
      if (moved) this.busyAt = now;
      else if (now - this.busyAt > SPIN_MS) Atomics.wait(this.bell, 0, seen, this.running === undefined ? REST_MS : NAP_MS);
    }
  }

  private takeCommands(): void {
    for (;;) {
      const message = receiveMessageOnPort(this.port)?.message as Command | Failure | undefined;
      if (message === undefined) return;
      if (message.kind !== "fail") this.commands.push(message);
      else if (this.failure === undefined) {
        this.failure = message;
        this.failedAt = performance.now();
        if (this.session.rank > 0) this.pulse.say({ kind: "failed", message: message.message });
      }
    }
  }

  /** Returns whether something has come to its end, after which more may be there to do at once. */
  private step(now: number): boolean {
    if (this.running === undefined) {
      const command = this.commands.shift();
      if (command === undefined) return false;
      this.begin(command, now);
      return true;
    }
    const { operation, id, since } = this.running;
    const { done, value } = operation.next();
    if (done !== true) return false;
    this.running = undefined;
    if (id !== undefined) this.answer({ kind: "result", id, bytes: value ?? NOTHING, seconds: (now - since) / 1000 });
    return true;
  }

  private begin(command: Command, since: number): void {
    const { session } = this;
    const start = (operation: Operation, id?: number): void => {
      this.running = { operation, id, since };
    };
    switch (command.kind) {
      case "gather":
        start(gather(session, command.own), command.id);
        break;
      case "gather equal":
        start(gatherEqual(session, command.own), command.id);
        break;
      case "broadcast":
        start(broadcast(session, command.from, command.own), command.id);
        break;
      case "open sum":
        this.sums.set(command.sum, command);
        break;
      case "add":
        start(summing(session, this.sums.get(command.sum) as SumPlan, command.from, command.end));
        break;
      case "finish":
        this.answer({ kind: "result", id: command.id, bytes: NOTHING, seconds: 0 });
        break;
      case "leave":
        start(this.leave(), command.id);
        break;
    }
  }

  private *leave(): Operation {
    // Nobody ends MPI while another may still need its answers.
    yield* gatherEqual(this.session, new Uint8Array(1));
    this.pulse.say({ kind: "leaving" });
    while (!this.pulse.isOver) yield;
    this.session.end();
    this.isOver = true;
    return NOTHING;
  }

  /** What follows from failures and silence. */
  private judge(now: number): void {
    const { failure, pulse, session } = this;
    if (this.isOver) return;
    const waited = now - this.failedAt;
    if (failure !== undefined && session.rank === 0) {
      // All have come to the same end at the same point: nobody has to be killed.
      if (pulse.allFailed && this.running === undefined) this.leaveTogether();
      else if (waited > GRACE_MS) this.abort(failure.exitCode);
      return;
    }
    if (failure !== undefined) {
      if (pulse.failures.length > 0 && this.running === undefined) this.leaveTogether();
      else if (waited > PATIENCE_MS) this.tellAndAbort(session.rank, failure.message, failure.exitCode);
      return;
    }
    const [other] = session.rank === 0 ? pulse.failures : [];
    if (other !== undefined) {
      if (this.failedAt === 0) this.failedAt = now;
      else if (waited > GRACE_MS) this.tellAndAbort(other.rank, other.message, 2);
      return;
    }
    const silent = pulse.silentAt(now);
    if (silent !== undefined)
      this.tellAndAbort(
        silent.rank,
        `nothing was heard of it for ${silent.seconds} s: its process or host is gone, or cut off; go on from the last checkpoint ` +
          "with --resume, on the hosts that are left",
        1,
      );
  }

  private leaveTogether(): void {
    if (this.session.rank === 0) this.pulse.say({ kind: "failed", message: "" });
    this.running = { operation: this.leave(), id: undefined, since: 0 };
    this.failedAt = Number.POSITIVE_INFINITY;
    const drain = (): boolean => this.running?.operation.next().done === true;
    const until = performance.now() + PATIENCE_MS;
    while (!drain() && performance.now() < until) {
      this.pulse.look(performance.now());
      Atomics.wait(this.bell, 0, Atomics.load(this.bell, 0), NAP_MS);
    }
    if (!this.isOver) this.abort(this.failure?.exitCode ?? 1);
    this.answer({ kind: "left" });
  }

  private tellAndAbort(rank: number, message: string, exitCode: number): void {
    const sentence = `rbnet: ${memberText({ rank, host: this.hosts[rank] })}: ${message}\n`;
    writeSync(2, sentence);
    this.abort(exitCode);
  }

  private abort(exitCode: number): void {
    this.isOver = true;
    this.answer({ kind: "aborting", exitCode });
    this.session.abort(exitCode);
  }

  private answer(answer: Answer): void {
    this.port.postMessage(answer);
  }
}

function* summing(session: MpiSession, plan: SumPlan, from: number, end: number): Operation {
  yield* sumRange(session, plan, from, end);
  return NOTHING;
}

async function start({ job, host, bell }: ThreadPlan, port: MessagePort): Promise<void> {
  let thread: MpiThread;
  try {
    const session = await MpiSession.start(job);
    const { rank, size, version } = session;
    const hosts = finished(gather(session, new TextEncoder().encode(host))).map((bytes) => new TextDecoder().decode(bytes));
    port.postMessage({ kind: "joined", rank, size, version, hosts } satisfies Answer);
    thread = new MpiThread(session, hosts, port, bell);
  } catch (error) {
    const answer: Answer = { kind: "refused", message: messageOf(error), isUsers: error instanceof UserError };
    port.postMessage(answer);
    return;
  }
  thread.run();
  port.close();
}

/** The result of an operation, which is waited for. */
function finished(operation: Operation): readonly Uint8Array[] {
  for (;;) {
    const { done, value } = operation.next();
    if (done === true) return value;
  }
}

if (parentPort === null) throw new Error("mpi-thread runs as a worker only");
const { plan, port } = workerData as { readonly plan: ThreadPlan; readonly port: MessagePort };
await start(plan, port);
