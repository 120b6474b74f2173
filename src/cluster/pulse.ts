/**
 * Signs of life between rank 0 and all others, beside what the job computes: who is silent is gone, and who cannot go on says why. MPI
 * itself would wait for a host that was cut off until its connections time out, which takes a quarter of an hour.
 */
import { fixedBytes, type MpiSession, type Request } from "./mpi-session.js";

const TAG = 7;
/** Room for a message: an error is a sentence. */
const MESSAGE_BYTES = 4096;
const BEAT_MS = 2_000;
/** Between two looks at what has come. */
const LOOK_MS = 50;
/** Without a sign for so long, a process is taken to be gone. */
const SILENCE_MS = 20_000;
/** A process that was stopped itself for so long (a suspended job) cannot say who was silent meanwhile. */
const GAP_MS = 5_000;

type Sign = { readonly kind: "alive" } | { readonly kind: "failed"; readonly message: string } | { readonly kind: "leaving" };

/** What is known of another process. */
interface Peer {
  readonly rank: number;
  readonly inbox: Uint8Array;
  readonly outbox: Uint8Array;
  receiving: Request | undefined;
  sending: Request | undefined;
  readonly waiting: Sign[];
  heardAt: number;
  /** What it said last, other than that it is alive. */
  failed: string | undefined;
  isLeaving: boolean;
}

export class Pulse {
  private readonly peers: readonly Peer[];
  private lookedAt = performance.now();
  private beatAt = 0;

  constructor(private readonly session: MpiSession) {
    const { rank, size } = session;
    const ranks = rank === 0 ? Array.from({ length: size - 1 }, (_, index) => index + 1) : [0];
    this.peers = ranks.map((peer) => ({
      rank: peer,
      inbox: fixedBytes(MESSAGE_BYTES),
      outbox: fixedBytes(MESSAGE_BYTES),
      receiving: undefined,
      sending: undefined,
      waiting: [],
      heardAt: performance.now(),
      failed: undefined,
      isLeaving: false,
    }));
    for (const peer of this.peers) peer.receiving = session.receive(peer.inbox, peer.rank, TAG);
  }

  /** Sends and takes in what is due. */
  look(now: number): void {
    if (now - this.lookedAt < LOOK_MS) return;
    const gap = now - this.lookedAt;
    if (gap > GAP_MS) for (const peer of this.peers) peer.heardAt += gap;
    this.lookedAt = now;
    const beats = now - this.beatAt > BEAT_MS;
    if (beats) this.beatAt = now;
    for (const peer of this.peers) {
      this.takeIn(peer, now);
      if (peer.sending?.done() === true) peer.sending = undefined;
      if (peer.sending !== undefined) continue;
      const sign = peer.waiting.shift() ?? (beats && !this.isLeaving ? ({ kind: "alive" } as const) : undefined);
      if (sign !== undefined) this.send(peer, sign);
    }
  }

  /** To all that this process exchanges signs with: all others from rank 0, rank 0 from the others. */
  say(sign: Sign): void {
    for (const peer of this.peers) peer.waiting.push(sign);
    if (sign.kind === "leaving") this.isLeaving = true;
    this.lookedAt = 0;
  }

  private isLeaving = false;

  /** Who has said that it cannot go on, with what it said. */
  get failures(): readonly { readonly rank: number; readonly message: string }[] {
    return this.peers.flatMap(({ rank, failed }) => (failed === undefined ? [] : [{ rank, message: failed }]));
  }

  get allFailed(): boolean {
    return this.failures.length === this.peers.length;
  }

  /** Who was not heard of for too long. */
  silentAt(now: number): { readonly rank: number; readonly seconds: number } | undefined {
    const silent = this.peers.find(({ heardAt, isLeaving }) => !isLeaving && now - heardAt > SILENCE_MS);
    return silent && { rank: silent.rank, seconds: Math.round((now - silent.heardAt) / 1000) };
  }

  /** Whether all that was sent has arrived, and nobody will send any more: nothing is left open when MPI ends. */
  get isOver(): boolean {
    return (
      this.isLeaving && this.peers.every((peer) => peer.isLeaving && peer.sending === undefined && peer.waiting.length === 0)
    );
  }

  private takeIn(peer: Peer, now: number): void {
    while (peer.receiving?.done() === true) {
      peer.heardAt = now;
      const end = peer.inbox.indexOf(0);
      const sign = JSON.parse(new TextDecoder().decode(peer.inbox.slice(0, end))) as Sign;
      if (sign.kind === "failed") peer.failed = sign.message;
      peer.isLeaving = sign.kind === "leaving";
      peer.receiving = peer.isLeaving ? undefined : this.session.receive(peer.inbox, peer.rank, TAG);
    }
  }

  private send(peer: Peer, sign: Sign): void {
    const text = sign.kind === "failed" ? { ...sign, message: sign.message.slice(0, MESSAGE_BYTES / 8) } : sign;
    peer.outbox.fill(0);
    peer.outbox.set(new TextEncoder().encode(JSON.stringify(text)).subarray(0, MESSAGE_BYTES - 1));
    peer.sending = this.session.send(peer.outbox, peer.rank, TAG);
  }
}
