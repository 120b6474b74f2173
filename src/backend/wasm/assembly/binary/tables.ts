// The two gradient products of a binary convolution. One operand is +-1, so nothing is multiplied: for every four rows of the float operand
// the sixteen signed sums are computed once, into a table, and each output then adds the entry that its four sign bits select. That is one
// addition where a product takes four multiply-adds (the "four Russians" method, carried over to floats).
//
// A group is four reduced values; a table is 16 entries of 16 lanes (1 KB); sixteen tables (16 KB) stay in the first-level cache.

export const LANES: i32 = 16;
export const GROUPS: i32 = 16;
export const ENTRY: i32 = 64; // bytes: 16 lanes of float32
export const TABLE: i32 = 1024;

/** One column of four lanes of a table: entry e = sum over i of (bit i of e ? +r_i : -r_i). */
@inline
export function fillTable(table: usize, r0: v128, r1: v128, r2: v128, r3: v128): void {
  const sum01 = f32x4.add(r0, r1), difference01 = f32x4.sub(r0, r1);
  const sum23 = f32x4.add(r2, r3), difference23 = f32x4.sub(r2, r3);
  const e15 = f32x4.add(sum23, sum01), e12 = f32x4.sub(sum23, sum01), e13 = f32x4.add(sum23, difference01),
      e14 = f32x4.sub(sum23, difference01);
  const e11 = f32x4.sub(sum01, difference23), e8 = f32x4.neg(f32x4.add(sum01, difference23)), e9 = f32x4.sub(difference01, difference23),
      e10 = f32x4.neg(f32x4.add(difference01, difference23));
  v128.store(table, f32x4.neg(e15), 0);
  v128.store(table, f32x4.neg(e14), 64);
  v128.store(table, f32x4.neg(e13), 128);
  v128.store(table, f32x4.neg(e12), 192);
  v128.store(table, f32x4.neg(e11), 256);
  v128.store(table, f32x4.neg(e10), 320);
  v128.store(table, f32x4.neg(e9), 384);
  v128.store(table, f32x4.neg(e8), 448);
  v128.store(table, e8, 512);
  v128.store(table, e9, 576);
  v128.store(table, e10, 640);
  v128.store(table, e11, 704);
  v128.store(table, e12, 768);
  v128.store(table, e13, 832);
  v128.store(table, e14, 896);
  v128.store(table, e15, 960);
}

/**
 * out[k] += sum over g of table[g][index[k][g]], sixteen lanes each, for `count` outputs k and `groups` groups.
 * index: uint16, 64 * (sign bits), `indexBytes` from one k to the next.
 */
export function addFromTables(out: usize, tables: usize, index: usize, indexBytes: usize, count: i32, groups: i32): void {
  const tableEnd = tables + <usize>(groups & ~1) * TABLE;
  for (let k = 0; k < count; k++) {
    let a0 = v128.load(out), a1 = v128.load(out, 16), a2 = v128.load(out, 32), a3 = v128.load(out, 48);
    let at = index;
    let table = tables;
    for (; table < tableEnd; table += 2 * TABLE, at += 4) {
      let p = table + <usize>load<u16>(at);
      a0 = f32x4.add(a0, v128.load(p));
      a1 = f32x4.add(a1, v128.load(p, 16));
      a2 = f32x4.add(a2, v128.load(p, 32));
      a3 = f32x4.add(a3, v128.load(p, 48));
      p = table + <usize>load<u16>(at, 2);
      a0 = f32x4.add(a0, v128.load(p, 1024));
      a1 = f32x4.add(a1, v128.load(p, 1040));
      a2 = f32x4.add(a2, v128.load(p, 1056));
      a3 = f32x4.add(a3, v128.load(p, 1072));
    }
    if (groups & 1) {
      const p = table + <usize>load<u16>(at);
      a0 = f32x4.add(a0, v128.load(p));
      a1 = f32x4.add(a1, v128.load(p, 16));
      a2 = f32x4.add(a2, v128.load(p, 32));
      a3 = f32x4.add(a3, v128.load(p, 48));
    }
    v128.store(out, a0);
    v128.store(out, a1, 16);
    v128.store(out, a2, 32);
    v128.store(out, a3, 48);
    out += ENTRY;
    index += indexBytes;
  }
}
