/**
 * Products of matrices by tiles: a group of 16 x 16 threads makes 64 rows by 64 columns of the result, each thread 4 by 4 in registers.
 * Where threads work together, the group goes through the inner side in pieces of sixteen that lie in workgroup memory, so that every
 * value that is loaded serves 64 times. A processor that plays a GPU has no memory that is nearer than its cache, and starts a thread of
 * its own for every few that wait for one another: there, each thread loads for itself. The sums are the same, in the same order.
 * Rows and columns come in fours that begin at a multiple of four.
 */

/** Rows and columns of a result's tile. */
export const TILE = 64;
export const TILE_THREADS = [16, 16] as const;

/** Tiles along a side. */
export function tilesOf(length: number): number {
  return Math.ceil(length / TILE);
}

/** The choice of a tile's code, in bits: threads work together. */
export const TOGETHER = 1;

/**
 * Which side of an operand is contiguous in memory: threads beside each other load what lies beside each other. A line of the tile in
 * workgroup memory has a vector more than it needs, or threads that store along it would all meet in a few of its banks.
 */
export type Contiguous = "inner" | "outer";

export interface TileProduct {
  /** Of the values: f16 are summed by sixteens, and those sums in f32. */
  readonly type: "f32" | "u32" | "f16";
  /** The product of row a with column vector b, added to a sum. */
  readonly gain: (a: string, sum: string) => string;
  readonly left: Contiguous;
  readonly right: Contiguous;
}

const MULTIPLIED = (a: string, sum: string): string => `${sum} + ${a} * b`;

/** Of float32. */
export const REAL_GAIN = { type: "f32", gain: MULTIPLIED } as const;
/** Of float16. */
export const HALF_GAIN = { type: "f16", gain: MULTIPLIED } as const;
/** Of words of signs: where they differ. */
export const SIGN_GAIN = { type: "u32", gain: (a: string, sum: string) => `${sum} + countOneBits(vec4u(${a}) ^ b)` } as const;

/** Four signs from the words and at the bits where they are. */
export function signsOf(type: "f32" | "f16"): string {
  const four = `vec4<${type}>`;
  return `
fn signs(words: vec4u, bits: vec4u) -> ${four} { return select(${four}(-1.0), ${four}(1.0), (words & bits) != vec4u()); }
`;
}

const EACH = [0, 1, 2, 3] as const;
export const PARTS = ["x", "y", "z", "w"] as const;

/** Variables of the whole tile, before `run`. */
export function tileMemory({ type }: TileProduct, choice: number): string {
  if ((choice & TOGETHER) === 0) return "";
  const memory = `array<vec4<${type}>, ${16 * 17}>`;
  return `var<workgroup> left: ${memory};\nvar<workgroup> right: ${memory};\n`;
}

/** The sums of a thread, `s0` to `s3`: rows of four columns. */
export function tileSums(product: TileProduct): string {
  return EACH.map((i) => `var s${i} = vec4<${sumType(product)}>();`).join(" ");
}

function sumType({ type }: TileProduct): "f32" | "u32" {
  return type === "f16" ? "f32" : type;
}

/** Where a thread's part of a product lies, as expressions: the first row and column of the tile, and the inner side. */
export interface TileExtent {
  readonly row: string;
  readonly column: string;
  readonly begin: string;
  readonly end: string;
  /** Further arguments of left_rows. */
  readonly more?: string;
}

/**
 * Adds to the sums the products over the inner side. The kernel has functions for what is known of four rows and of four columns that
 * follow each other, and of an inner place and the next (`left_rows(row)`, `right_columns(column)`, `inner_at(k)`, `inner_next(at)`), and
 * of the values there: `left_values(rows, at)` and `right_values(at, columns)`, vectors of four. Where threads work alone, `inside` says
 * whether this one has any result that is kept.
 */
export function tileLoop(product: TileProduct, choice: number, { row, column, begin, end, more = "" }: TileExtent): string {
  const { type, gain, left, right } = product;
  const isHalf = type === "f16";
  const summed = isHalf ? "h" : "s";
  const gains = EACH.map((i) => `${summed}${i} = ${gain(`a.${PARTS[i]}`, `${summed}${i}`)};`).join("\n        ");
  // Sixteen of float16, each at most 2^11, do not overflow it.
  const halves = isHalf ? EACH.map((i) => `var h${i} = vec4<f16>();`).join(" ") : "";
  const gathered = isHalf ? EACH.map((i) => `s${i} += vec4f(h${i});`).join(" ") : "";
  if ((choice & TOGETHER) === 0) {
    const loop = (from: string, to: string): string => `for (var step = ${from}; step < ${to}; step++) {
        let a = left_values(row_quad, at);
        let b = right_values(at, column_quad);
        ${gains}
        at = inner_next(at);
    }`;
    const loops = isHalf
      ? `for (var k = ${begin}; k < ${end}; k += 16u) {
      ${halves}
      ${loop("k", `min(k + 16u, ${end})`)}
      ${gathered}
    }`
      : loop(begin, end);
    return `if (inside) {
    let row_quad = left_rows(${row} + 4u * ty${more});
    let column_quad = right_columns(${column} + 4u * tx);
    var at = inner_at(${begin});
    ${loops}
  }`;
  }
  const place = (side: Contiguous) => (side === "inner" ? ["thread / 16u", "thread % 16u"] : ["thread % 16u", "thread / 16u"]);
  const [leftQuad, leftInner] = place(left);
  const [rightQuad, rightInner] = place(right);
  return `{
    let left_quad = ${leftQuad};
    let left_inner = ${leftInner};
    let right_quad = ${rightQuad};
    let right_inner = ${rightInner};
    let row_quad = left_rows(${row} + 4u * left_quad${more});
    let column_quad = right_columns(${column} + 4u * right_quad);
    for (var k = ${begin}; k < ${end}; k += 16u) {
      if (k + left_inner < ${end}) { left[left_inner * 17u + left_quad] = left_values(row_quad, inner_at(k + left_inner)); }
      if (k + right_inner < ${end}) { right[right_inner * 17u + right_quad] = right_values(inner_at(k + right_inner), column_quad); }
      workgroupBarrier();
      let steps = min(16u, ${end} - k);
      ${halves}
      for (var step = 0u; step < steps; step++) {
        let a = left[step * 17u + ty];
        let b = right[step * 17u + tx];
        ${gains}
      }
      ${gathered}
      workgroupBarrier();
    }
  }`;
}

/**
 * `body` for each of a thread's four rows: number `i`, its results in `sums`. In a loop, because what is done with them is long, and
 * takes as many times longer to compile as it is written down.
 */
export function eachRow(product: TileProduct, body: string): string {
  return `var all_sums = array<vec4<${sumType(product)}>, 4>(s0, s1, s2, s3);
  for (var i = 0u; i < 4u; i++) {
    let sums = all_sums[i];
    ${body}
  }`;
}

/** `body` for each of a row's four columns: its number, and its sum. */
export function eachColumn(sums: string, body: (j: number, sum: string) => string): string {
  return EACH.map((j) => body(j, `${sums}.${PARTS[j]}`)).join("\n    ");
}
