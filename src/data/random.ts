/**
 * Seeded random numbers named by what they are for, not by when they are drawn. A stream is opened by its keys, such as
 * (seed, epoch, image index), so resuming in mid-epoch or using another number of threads draws the same numbers.
 */

const TWO_32 = 4294967296;

/**
 * A stream of random numbers that its keys decide completely (xoshiro128**, Blackman and Vigna 2018, seeded by a murmur3-style hash
 * of the keys). Streams of different keys, or of different numbers of keys, are independent for all practical purposes. Not for secrets.
 */
export class Random {
  private a: number;
  private b: number;
  private c: number;
  private d: number;

  /** `keys`: safe integers, negative ones too. */
  constructor(...keys: readonly number[]) {
    let hash = mix(keys.length, 0x9e3779b9);
    for (const key of keys) {
      if (!Number.isSafeInteger(key)) throw new Error(`a random key must be a safe integer, not ${key}`);
      hash = mix(hash, key >>> 0);
      hash = mix(hash, Math.floor(key / TWO_32) >>> 0);
    }
    // A second hash of the same keys widens the seed to 64 bits, so that millions of streams do not collide.
    let second = mix(~hash, 0x85ebca6b);
    for (const key of keys) second = mix(second, Math.imul(key >>> 0, 0xcc9e2d51));
    this.a = mix(hash, second);
    this.b = mix(second, hash);
    this.c = mix(this.a, second ^ 0x7f4a7c15);
    this.d = mix(this.b, hash ^ 0x3c6ef372) | 1; // the generator must not start from four zeros
  }

  private next(): number {
    const product = Math.imul(this.b, 5);
    const result = Math.imul((product << 7) | (product >>> 25), 9) >>> 0;
    const shifted = this.b << 9;
    this.c ^= this.a;
    this.d ^= this.b;
    this.b ^= this.c;
    this.a ^= this.d;
    this.c ^= shifted;
    this.d = (this.d << 11) | (this.d >>> 21);
    return result;
  }

  /** Uniform in [0, 1), 53 random bits. */
  uniform(): number {
    const high = this.next() >>> 5;
    const low = this.next() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** Uniform among 0 ... n - 1. */
  integer(n: number): number {
    return Math.floor(this.uniform() * n);
  }

  /** Normal with mean 0 and standard deviation 1 (Box-Muller; two uniforms for each, so that draws never depend on earlier calls). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }

  /** Shuffles in place, every order equally likely (Fisher-Yates). */
  shuffle(array: Uint32Array): void {
    for (let last = array.length - 1; last > 0; last--) {
      const other = this.integer(last + 1);
      const kept = array[last];
      array[last] = array[other];
      array[other] = kept;
    }
  }
}

/** One round of murmur3 and its finalizer. */
function mix(hash: number, key: number): number {
  let word = Math.imul(key, 0xcc9e2d51);
  word = Math.imul((word << 15) | (word >>> 17), 0x1b873593);
  let mixed = hash ^ word;
  mixed = (Math.imul((mixed << 13) | (mixed >>> 19), 5) + 0xe6546b64) | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
