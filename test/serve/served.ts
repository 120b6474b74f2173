/** A model of the built-in shapes' classes and a picture for it, as `rbnet serve` has them. */
import sharp from "sharp";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { Random } from "#rbnet/data/random";
import { OUTLINES } from "#rbnet/data/shapes/shape-outlines";
import { loadModel } from "#rbnet/deploy/load-model";
import { Network } from "#rbnet/networks/network";
import { rbnet8 } from "#rbnet/networks/rbnet";
import { encodeModel, type Model } from "#rbnet/runtime/model";
import type { ServedModel } from "#rbnet/serve/app";

export const SIDE = 32;

export async function shapesModel(): Promise<Model> {
  using backend = await createWasmBackend({ threads: 1 });
  const random = new Random(5);
  const classes = OUTLINES.map(({ name }) => name);
  const network = new Network(backend, rbnet8({ classes: classes.length }), {
    normal: (count, standardDeviation) => Float32Array.from({ length: count }, () => standardDeviation * random.normal()),
  });
  const operations = await network.fold();
  const mean = [0.5, 0.5, 0.5] as const;
  return { network: { name: "rbnet8", width: 1 }, classes, size: SIDE, mean, standardDeviation: [0.25, 0.25, 0.25], operations };
}

export async function served(): Promise<ServedModel> {
  const bytes = encodeModel(await shapesModel());
  const classify = await loadModel(bytes, { backend: "wasm" });
  const { classes } = classify.facts;
  return {
    bytes,
    classify,
    facts: { name: "rbnet8", classes, size: SIDE, fileSize: "26 KB", ops: "206 K", drawable: true },
    version: "1.2.3",
  };
}

export function picture(seed: number): Promise<Buffer> {
  const random = new Random(seed);
  const data = Uint8Array.from({ length: SIDE * SIDE * 3 }, () => random.integer(256));
  return sharp(data, { raw: { width: SIDE, height: SIDE, channels: 3 } })
    .png()
    .toBuffer();
}
