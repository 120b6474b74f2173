/** Images of a batch from their bytes and what was drawn for them (pixels/draws.ts): a thread a pixel, which does all of it at once. */
import { DRAWN, DRAWN_NUMBERS, LUMA } from "../../pixels/draws.js";
import type { ImageKernels } from "../image-kernels.js";
import { elementwise, flatGroups } from "./elementwise.js";
import type { KernelSource } from "./kernel-source.js";
import type { Runner } from "./recorder.js";
import { TOGETHER } from "./wgsl/tile.js";

const LANES = 64;

const lanesOf = (choice: number): number => (choice === TOGETHER ? LANES : 1);

/** The number of that name of an image's row. */
const CONSTANTS = `
${Object.entries(DRAWN)
  .map(([name, place]) => `const ${name.toUpperCase()} = ${place}u;`)
  .join("\n")}
const LUMA = vec3f(${LUMA.join(", ")});
fn drawn(image: u32, number: u32) -> f32 { return draws(image * ${DRAWN_NUMBERS}u + number); }
fn colour_at(image: u32, y: u32, x: u32) -> vec3u {
  let at = u.pixel * ((image * u.side + y) * u.side + x);
  return vec3u(byte_at(at), byte_at(at + 1u), byte_at(at + 2u));
}
fn byte_at(at: u32) -> u32 { return (bytes(at >> 2u) >> (8u * (at & 3u))) & 0xffu; }
`;

const MEAN = "vec3f(u.meanRed, u.meanGreen, u.meanBlue)";

/** Sums of bytes are whole numbers, whoever adds them: 32 bits hold those of 4096 x 4096 pixels. */
const sumOfLanes = (choice: number): string =>
  choice === TOGETHER
    ? `
var<workgroup> lanes: array<vec3u, ${LANES}>;
fn total(thread: u32, value: vec3u) -> vec3u {
  lanes[thread] = value;
  workgroupBarrier();
  for (var half = ${LANES / 2}u; half > 0u; half /= 2u) {
    if (thread < half) { lanes[thread] += lanes[thread + half]; }
    workgroupBarrier();
  }
  return lanes[0];
}`
    : "fn total(thread: u32, value: vec3u) -> vec3u { return value; }";

/** The mean brightness of each image's window, a group an image. */
const BRIGHTNESS = {
  name: "windowBrightness",
  tensors: { bytes: "read bits", draws: "read float32", brightness: "write float32" },
  numbers: { images: "u32", side: "u32", pixel: "u32", size: "u32", meanRed: "f32", meanGreen: "f32", meanBlue: "f32" },
  threads: (choice: number) => [lanesOf(choice), 1] as const,
  code: (choice: number) => `${CONSTANTS}${sumOfLanes(choice)}
fn run(group: u32, thread: u32, tx: u32, ty: u32) {
  if (group >= u.images) { return; }
  let corner = vec2i(i32(drawn(group, LEFT)), i32(drawn(group, TOP)));
  let start = max(corner, vec2i());
  let end = min(corner + vec2i(i32(u.size)), vec2i(i32(u.side)));
  let inside = vec2u(max(end - start, vec2i()));
  var sum = vec3u();
  for (var p = thread; p < inside.x * inside.y; p += ${lanesOf(choice)}u) {
    sum += colour_at(group, u32(start.y) + p / inside.x, u32(start.x) + p % inside.x);
  }
  let all = total(thread, sum);
  if (thread > 0u) { return; }
  let outside = f32(u.size * u.size - inside.x * inside.y);
  set_brightness(group, dot(LUMA, vec3f(all) / 255.0 + outside * ${MEAN}) / f32(u.size * u.size));
}
`,
} as const satisfies KernelSource;

const AUGMENT = elementwise(
  "augmentImages",
  {
    bytes: "read bits",
    draws: "read float32",
    table: "read float32",
    brightness: "read float32?",
    out: "write float32",
  },
  `let image = i / (u.size * u.size);
  let place = i % (u.size * u.size);
  let at = vec2i(i32(place % u.size), i32(place / u.size));
  var colour = changed(image, at);
  let weight = drawn(image, WEIGHT);
  if (weight < 1.0) { colour = weight * colour + (1.0 - weight) * changed(u32(drawn(image, PARTNER)), at); }
  set_out(3u * i, colour.x);
  set_out(3u * i + 1u, colour.y);
  set_out(3u * i + 2u, colour.z);`,
  {
    side: "u32",
    pixel: "u32",
    size: "u32",
    meanRed: "f32",
    meanGreen: "f32",
    meanBlue: "f32",
    deviationRed: "f32",
    deviationGreen: "f32",
    deviationBlue: "f32",
  },
  `${CONSTANTS}
fn changed(image: u32, at: vec2i) -> vec3f {
  let rows = vec2i(i32(drawn(image, CUTTOP)), i32(drawn(image, CUTBOTTOM)));
  let columns = vec2i(i32(drawn(image, CUTLEFT)), i32(drawn(image, CUTRIGHT)));
  if (at.y >= rows.x && at.y < rows.y && at.x >= columns.x && at.x < columns.y) { return vec3f(); }
  let x = select(at.x, i32(u.size) - 1 - at.x, drawn(image, MIRRORED) > 0.0) + i32(drawn(image, LEFT));
  let y = at.y + i32(drawn(image, TOP));
  let side = i32(u.side);
  var colour = vec3f();
  if (x >= 0 && y >= 0 && x < side && y < side) {
    let value = colour_at(image, u32(y), u32(x));
    colour = vec3f(table(value.x), table(256u + value.y), table(512u + value.z));
  }
  if (has_brightness) {
    let mean = ${MEAN};
    let deviation = vec3f(u.deviationRed, u.deviationGreen, u.deviationBlue);
    let lit = (colour * deviation + mean) * drawn(image, GAIN) + drawn(image, LIFT) * brightness(image);
    let saturation = drawn(image, SATURATION);
    let mixed = lit * saturation + (1.0 - saturation) * dot(LUMA, lit);
    colour = (clamp(mixed, vec3f(), vec3f(1.0)) - mean) / deviation;
  }
  return colour + vec3f(drawn(image, RED), drawn(image, GREEN), drawn(image, BLUE));
}
`,
);

export function imageKernels({ run, work, together }: Runner): Pick<ImageKernels, "augmentImages"> {
  return {
    augmentImages(bytes, draws, { side, pixelBytes: pixel, table, mean, standardDeviation, recolours }, out) {
      const [images = 0, size = 0] = out.shape;
      const [meanRed, meanGreen, meanBlue] = mean;
      const [deviationRed, deviationGreen, deviationBlue] = standardDeviation;
      const form = { side, pixel, size, meanRed, meanGreen, meanBlue };
      const brightness = recolours ? work("float32", [images]) : undefined;
      if (brightness !== undefined) run(BRIGHTNESS, images, { bytes, draws, brightness }, { images, ...form }, together);
      const count = images * size * size;
      const numbers = { count, ...form, deviationRed, deviationGreen, deviationBlue };
      run(AUGMENT, flatGroups(count), { bytes, draws, table, brightness, out }, numbers);
    },
  };
}
