/**
 * Crops scaled from the pixels they need, by what each says of itself (pixels/crops.ts): whole numbers throughout, so that every GPU makes
 * the bytes that the decoder makes. Two passes, a thread a pixel of what each makes.
 */
import { CROP, PLACE_SHIFT } from "../../pixels/crops.js";
import { WEIGHT_BITS } from "../../pixels/resampling.js";
import type { ImageKernels } from "../image-kernels.js";
import { elementwise, flatGroups } from "./elementwise.js";
import type { Runner } from "./recorder.js";

const FUNCTIONS = `
${Object.entries(CROP)
  .map(([name, place]) => `const ${name.toUpperCase()} = ${place}u;`)
  .join("\n")}
const ROUND = vec3i(${2 ** (WEIGHT_BITS - 1)});
struct Taps { count: u32, weights: u32, lead: i32 }
fn taps_of(base: u32, list: u32, pixel: u32) -> Taps {
  let count = crops(base + list);
  let place = crops(base + crops(base + list + 1u) + pixel);
  let weights = base + crops(base + list + 2u) + (place & 0xffffu) * count;
  return Taps(count, weights, i32(place >> 16u) - ${PLACE_SHIFT});
}
fn weight_of(taps: Taps, tap: u32) -> i32 { return bitcast<i32>(crops(taps.weights + tap)); }
fn place_of(taps: Taps, tap: u32, length: u32) -> u32 { return u32(clamp(taps.lead + i32(tap), 0, i32(length) - 1)); }
fn rounded(sum: vec3i) -> vec3i { return (sum + ROUND) >> vec3u(${WEIGHT_BITS}u); }
fn packed(colour: vec3i) -> u32 {
  let bytes = vec3u(clamp(colour, vec3i(), vec3i(255)));
  return bytes.x | (bytes.y << 8u) | (bytes.z << 16u);
}
fn unpacked(word: u32) -> vec3i { return vec3i(vec3u(word, word >> 8u, word >> 16u) & vec3u(0xffu)); }
`;

const FIRST_PASS = elementwise(
  "scaleCropsOnce",
  { crops: "read bits", between: "write bits" },
  `let base = crops(i / u.longest);
  let place = i % u.longest;
  let width = crops(base + WIDTH);
  let height = crops(base + HEIGHT);
  let made = crops(base + MADE);
  let horizontal = crops(base + HORIZONTAL) == 1u;
  let across = select(width, made, horizontal);
  let x = place % across;
  let y = place / across;
  if (y >= select(made, height, horizontal)) { return; }
  let pixels = 4u * (base + crops(base + PIXELS));
  let taps = taps_of(base, FIRST, select(y, x, horizontal));
  let start = pixels + 3u * select(x, y * width, horizontal);
  let step = select(3u * width, 3u, horizontal);
  let length = select(height, width, horizontal);
  var sum = vec3i();
  for (var tap = 0u; tap < taps.count; tap++) {
    sum += weight_of(taps, tap) * colour_at(start + step * place_of(taps, tap, length));
  }
  set_between(i, packed(rounded(sum)));`,
  { longest: "u32" },
  `${FUNCTIONS}
fn colour_at(at: u32) -> vec3i {
  let shift = 8u * (at & 3u);
  let low = crops(at >> 2u) >> shift;
  if (shift <= 8u) { return unpacked(low); }
  return unpacked(low | (crops((at >> 2u) + 1u) << (32u - shift)));
}
`,
);

const SECOND_PASS = elementwise(
  "scaleCrops",
  { crops: "read bits", between: "read bits", out: "write bits" },
  `let image = i / (u.size * u.size);
  let place = i % (u.size * u.size);
  let base = crops(image);
  let made = crops(base + MADE);
  let horizontal = crops(base + HORIZONTAL) == 1u;
  let width = select(crops(base + WIDTH), made, horizontal);
  let height = select(made, crops(base + HEIGHT), horizontal);
  let columns = taps_of(base, COLUMNS, place % u.size);
  let rows = taps_of(base, ROWS, place / u.size);
  var sum = vec3i();
  for (var row = 0u; row < rows.count; row++) {
    let start = image * u.longest + place_of(rows, row, height) * width;
    var across = vec3i();
    for (var column = 0u; column < columns.count; column++) {
      across += weight_of(columns, column) * unpacked(between(start + place_of(columns, column, width)));
    }
    sum += weight_of(rows, row) * rounded(across);
  }
  set_out(i, packed(rounded(sum)));`,
  { longest: "u32", size: "u32" },
  FUNCTIONS,
);

export function cropKernels({ run, work }: Runner): Pick<ImageKernels, "scaleCrops"> {
  return {
    scaleCrops(crops, { between: most, betweenNow: longest }, out) {
      const [images = 0, size = 0] = out.shape;
      // As much as any call needs, so that memory is not made anew from call to call.
      const between = work("uint32", [images, most]);
      const count = images * longest;
      run(FIRST_PASS, flatGroups(count), { crops, between }, { count, longest });
      run(SECOND_PASS, flatGroups(images * size * size), { crops, between, out }, { count: images * size * size, longest, size });
    },
  };
}
