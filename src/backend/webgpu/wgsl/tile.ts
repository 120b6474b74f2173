/**
 * Products of matrices by tiles: a group of 16 x 16 threads makes 64 rows by 64 columns of the result, each thread 4 by 4 in registers.
 * Where threads work together, the group goes through the inner side in pieces of sixteen that lie in workgroup memory, so that every
 * value that is loaded serves 64 times. A processor that plays a GPU has no memory that is nearer than its cache, and starts a thread of
 * its own for every few that wait for one another: there, each thread loads for itself. The sums are the same, in the same order.
 */

/** Rows and columns of a result's tile. */
export const TILE = 64;
export const TILE_THREADS = [16, 16] as const;

/** Tiles along a side. */
export function tilesOf(length: number): number {
  return Math.ceil(length / TILE);
}

/** The choice of a tile's code: threads work together, */
export const TOGETHER = 1;

/**
 * Which side of an operand is contiguous in memory: threads beside each other load what lies beside each other. A line of the tile in
 * workgroup memory has a vector more than it needs, or threads that store along it would all meet in a few of its banks.
 */
export type Contiguous = "inner" | "outer";

export interface TileProduct {
  readonly type: "f32" | "u32";
  /** The product of row a with column vector b, added to a sum. */
  readonly gain: (a: string, sum: string) => string;
  readonly left: Contiguous;
  readonly right: Contiguous;
}

/** Of float32. */
export const REAL_GAIN = { type: "f32", gain: (a: string, sum: string) => `${sum} + ${a} * b` } as const;
/** Of words of signs: where they differ. */
export const SIGN_GAIN = { type: "u32", gain: (a: string, sum: string) => `${sum} + countOneBits(vec4u(${a}) ^ b)` } as const;

const EACH = [0, 1, 2, 3] as const;
const PARTS = ["x", "y", "z", "w"] as const;

/** Variables of the whole tile, before `run`. */
export function tileMemory({ type }: TileProduct, choice: number): string {
  if (choice !== TOGETHER) return "";
  const memory = `array<vec4<${type}>, ${16 * 17}>`;
  return `var<workgroup> left: ${memory};\nvar<workgroup> right: ${memory};\n`;
}

/** The sums of a thread, `s0` to `s3`: rows of four columns. */
export function tileSums({ type }: TileProduct): string {
  return EACH.map((i) => `var s${i} = vec4<${type}>();`).join(" ");
}

/**
 * Adds to the sums the products over the inner side from `begin` to before `end` (expressions). The kernel has functions for what is
 * known of a row, a column and an inner place (`left_row(row)`, `right_column(column)`, `inner_at(k)`; `more` are further arguments
 * of left_row), and of the values there: `left_value(row, inner)`, `right_value(inner, column)`.
 */
export function tileLoop(
  product: TileProduct,
  choice: number,
  [row, column]: readonly [string, string],
  [begin, end]: readonly [string, string],
  more = "",
): string {
  const { type, gain, left, right } = product;
  const rows = (quad: string) => EACH.map((i) => `let r${i} = left_row(${row} + 4u * ${quad} + ${i}u${more});`).join("\n    ");
  const columns = (quad: string) => EACH.map((i) => `let c${i} = right_column(${column} + 4u * ${quad} + ${i}u);`).join("\n    ");
  const leftValues = `vec4<${type}>(${EACH.map((i) => `left_value(r${i}, at)`).join(", ")})`;
  const rightValues = `vec4<${type}>(${EACH.map((i) => `right_value(at, c${i})`).join(", ")})`;
  const gains = EACH.map((i) => `s${i} = ${gain(`a.${PARTS[i]}`, `s${i}`)};`).join("\n        ");
  if (choice !== TOGETHER)
    return `{
    ${rows("ty")}
    ${columns("tx")}
    for (var k = ${begin}; k < ${end}; k++) {
        let at = inner_at(k);
        let a = ${leftValues};
        let b = ${rightValues};
        ${gains}
    }
  }`;
  const place = (side: Contiguous) => (side === "inner" ? ["thread / 16u", "thread % 16u"] : ["thread % 16u", "thread / 16u"]);
  const [leftQuad, leftInner] = place(left);
  const [rightQuad, rightInner] = place(right);
  return `{
    let left_quad = ${leftQuad};
    let left_inner = ${leftInner};
    let right_quad = ${rightQuad};
    let right_inner = ${rightInner};
    ${rows("left_quad")}
    ${columns("right_quad")}
    for (var k = ${begin}; k < ${end}; k += 16u) {
      if (k + left_inner < ${end}) {
        let at = inner_at(k + left_inner);
        left[left_inner * 17u + left_quad] = ${leftValues};
      }
      if (k + right_inner < ${end}) {
        let at = inner_at(k + right_inner);
        right[right_inner * 17u + right_quad] = ${rightValues};
      }
      workgroupBarrier();
      let steps = min(16u, ${end} - k);
      for (var step = 0u; step < steps; step++) {
        let a = left[step * 17u + ty];
        let b = right[step * 17u + tx];
        ${gains}
      }
      workgroupBarrier();
    }
  }`;
}

/** `body` for each of a thread's four rows and their sums, by number and name. */
export function eachRow(body: (i: number, sums: string) => string): string {
  return EACH.map((i) => body(i, `s${i}`)).join("\n  ");
}

/** `body` for each of a row's four columns: its number, and its sum. */
export function eachColumn(sums: string, body: (j: number, sum: string) => string): string {
  return EACH.map((j) => body(j, `${sums}.${PARTS[j]}`)).join("\n    ");
}
