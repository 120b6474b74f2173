/**
 * What processes do together, each as a series of requests: an operation yields while it waits for MPI, so that the thread that runs it can
 * look after other things meanwhile.
 */
import { packBfloat16, unpackBfloat16 } from "./bfloat16.js";
import { fixedBytes, integers, type MpiSession, type Portions, type Request } from "./mpi-session.js";
import { addInOrder, shareOf } from "./ordered-sum.js";
import type { SumPlan } from "./thread-messages.js";

export type Operation<Result = readonly Uint8Array[]> = Generator<undefined, Result, undefined>;

/** A message of MPI counts in 32 bits. */
const MESSAGE_BYTES = 2 ** 30;
/** Of a sum, what travels at once: so little that its buffers are small beside the parts, and so much that its start counts for nothing. */
const PIECE_BYTES = 2 ** 26;

function* ended(request: Request): Operation<void> {
  while (!request.done()) yield;
}

export function* gatherEqual(session: MpiSession, own: Uint8Array): Operation {
  const { size } = session;
  const all = fixedBytes(own.length * size);
  yield* ended(session.gatherEqual(fixed(own), all));
  return Array.from({ length: size }, (_, rank) => all.slice(rank * own.length, (rank + 1) * own.length));
}

export function* gather(session: MpiSession, own: Uint8Array): Operation {
  const lengths = yield* gatherEqual(session, new Uint8Array(Int32Array.of(own.length).buffer));
  const portions = sideBySide(lengths.map((bytes) => new Int32Array(bytes.slice().buffer)[0]));
  const { counts, offsets } = portions;
  const all = fixedBytes(counts.reduce((sum, count) => sum + count, 0));
  yield* ended(session.gather(fixed(own), all, portions));
  return Array.from(counts, (count, rank) => all.slice(offsets[rank], offsets[rank] + count));
}

export function* broadcast(session: MpiSession, from: number, own: Uint8Array | undefined): Operation {
  const length = new Float64Array(new SharedArrayBuffer(8));
  length[0] = own?.length ?? 0;
  yield* ended(session.broadcast(new Uint8Array(length.buffer), from));
  const bytes = session.rank === from && own !== undefined ? fixed(own) : fixedBytes(length[0]);
  for (let start = 0; start < bytes.length; start += MESSAGE_BYTES)
    yield* ended(session.broadcast(bytes.subarray(start, start + MESSAGE_BYTES), from));
  return [bytes];
}

/**
 * The elements from `from` to `end` - 1 of a sum: each process gets all parts of its share of them (a reduce-scatter whose sums are taken
 * here, in order), and then all sums from all.
 */
export function* sumRange(session: MpiSession, plan: SumPlan, from: number, end: number): Operation<void> {
  const elements = Math.max(1, Math.floor(PIECE_BYTES / 4 / plan.share.count));
  const { meansFrom } = plan.form;
  for (let start = from; start < end; ) {
    // What is averaged travels by itself: it is never rounded.
    const border = start < meansFrom ? Math.min(end, meansFrom) : end;
    const last = Math.min(border, start + elements);
    yield* sumPiece(session, plan, start, last);
    start = last;
  }
}

function* sumPiece(session: MpiSession, { share, own, total, form }: SumPlan, from: number, end: number): Operation<void> {
  const { rank, size } = session;
  const { meansFrom } = form;
  const wire = form.precision === "bfloat16" && from < meansFrom ? HALF : WHOLE;
  const ranks = Array.from({ length: size }, (_, other) => other);
  // Elements whose sums are a process's, as parts of a batch are.
  const segments = ranks.map((other) => shareOf(end - from, other, size));
  const lengths = segments.map((segment) => segment.end - segment.first);
  const sent = scratch.bytes("sent", wire.bytes * own.length * (end - from));
  let at = 0;
  for (const { first, end: last } of segments)
    for (const part of own) {
      wire.pack(part.subarray(from + first, from + last), sent, at);
      at += last - first;
    }
  const mine = lengths[rank];
  const parts = ranks.map((other) => shareOf(share.count, other, size)).map(({ first, end: last }) => last - first);
  const received = scratch.bytes("received", wire.bytes * share.count * mine);
  yield* ended(
    session.exchange(
      sent,
      sideBySide(lengths.map((length) => wire.bytes * own.length * length)),
      received,
      sideBySide(parts.map((count) => wire.bytes * count * mine)),
    ),
  );
  const start = from + segments[rank].first;
  const values = wire.unpack(received, share.count * mine);
  addInOrder(values, { parts: share.count, stride: mine }, total, { from: start, end: start + mine, meansFrom });
  const sums = fixedBytes(wire.bytes * mine);
  wire.pack(total.subarray(start, start + mine), sums, 0);
  const all = scratch.bytes("all", wire.bytes * (end - from));
  yield* ended(
    session.gather(sums, all.subarray(0, wire.bytes * (end - from)), sideBySide(lengths.map((length) => wire.bytes * length))),
  );
  total.set(wire.unpack(all, end - from), from);
}

/** What elements travel as. */
interface Wire {
  readonly bytes: number;
  /** `at`: where in `packed`, in elements. */
  pack(values: Float32Array, packed: Uint8Array, at: number): void;
  /** The first `count` elements of `packed`, for as long as nothing else is unpacked. */
  unpack(packed: Uint8Array, count: number): Float32Array;
}

const WHOLE: Wire = {
  bytes: 4,
  pack: (values, packed, at) => new Float32Array(packed.buffer).set(values, at),
  unpack: (packed, count) => new Float32Array(packed.buffer, 0, count),
};

const HALF: Wire = {
  bytes: 2,
  pack: (values, packed, at) => packBfloat16(values, new Uint16Array(packed.buffer, 2 * at, values.length)),
  unpack(packed, count) {
    const values = new Float32Array(scratch.bytes("unpacked", 4 * count).buffer, 0, count);
    unpackBfloat16(new Uint16Array(packed.buffer, 0, count), values);
    return values;
  },
};

/** Memory of pieces, of which one travels at a time, by what it is for. */
class Scratch {
  private readonly held = new Map<string, Uint8Array>();

  /** At least so many. */
  bytes(use: "sent" | "received" | "unpacked" | "all", count: number): Uint8Array {
    const known = this.held.get(use);
    if (known !== undefined && known.length >= count) return known;
    const made = fixedBytes(count);
    this.held.set(use, made);
    return made;
  }
}

const scratch = new Scratch();

function sideBySide(counts: readonly number[]): Portions {
  const portions = { counts: integers(counts.length), offsets: integers(counts.length) };
  let offset = 0;
  for (const [index, count] of counts.entries()) {
    portions.counts[index] = count;
    portions.offsets[index] = offset;
    offset += count;
  }
  return portions;
}

/** A copy that stays where it is. */
function fixed(bytes: Uint8Array): Uint8Array {
  const copy = fixedBytes(bytes.length);
  copy.set(bytes);
  return copy;
}
