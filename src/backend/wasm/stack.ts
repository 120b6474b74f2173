/**
 * A stack of allocations, as addresses alone: how the arena places tensors, and what a backend that only counts adds up.
 *
 * What kernels need while they run is taken from it when they are planned, and shared, because one runs at a time: a plan uses what the one
 * before it has taken where that is large enough, has it grow where nothing lies above it, and takes memory of its own elsewhere.
 */

/** Every allocation starts at a multiple of this many bytes, */
const ALIGNMENT = 64;
/** and is as long as a multiple of this many. */
const GRANULE = 16;

interface Shared {
  readonly start: number;
  readonly bytes: number;
}

export class Stack {
  protected top: number;
  private peak: number;
  /** Each larger than the one before. */
  private shared: Shared[] = [];

  constructor(private readonly base: number) {
    this.top = base;
    this.peak = base;
  }

  get bytes(): number {
    return this.top - this.base;
  }

  get peakBytes(): number {
    return this.peak - this.base;
  }

  /** Returns the address of `bytes` bytes. */
  reserve(bytes: number): number {
    const size = roundedUp(bytes);
    const start = this.place(size);
    this.top = start + size;
    return start;
  }

  /**
   * Returns the address of at least `bytes` bytes, for all who share to use in turn. They are valid until the release of a mark taken
   * before.
   */
  share(bytes: number): number {
    const last = this.shared.at(-1);
    if (last !== undefined && last.bytes >= bytes) return last.start;
    if (last !== undefined && last.start + last.bytes === this.top) {
      this.shared.pop();
      this.top = last.start;
    }
    const size = roundedUp(bytes);
    const start = this.reserve(size);
    this.shared.push({ start, bytes: size });
    return start;
  }

  mark(): number {
    return this.top;
  }

  release(mark: number): void {
    if (mark < this.base || mark > this.top) throw new Error(`release(${mark}) is not a mark of this memory`);
    this.top = mark;
    const left = this.shared.filter(({ start }) => start < mark);
    // What has grown since then is as large as it was.
    this.shared = left.map(({ start, bytes }) => ({ start, bytes: Math.min(bytes, mark - start) }));
  }

  /** Where `bytes` more find place at `from` or above; by default on top of all others. */
  protected place(bytes: number, from = this.top): number {
    const start = aligned(from);
    this.peak = Math.max(this.peak, start + bytes);
    return start;
  }
}

/** The first address from `address` on where something may start. */
export function aligned(address: number): number {
  return Math.ceil(address / ALIGNMENT) * ALIGNMENT;
}

/** What an allocation of `bytes` bytes takes. */
export function roundedUp(bytes: number): number {
  return Math.ceil(bytes / GRANULE) * GRANULE;
}
