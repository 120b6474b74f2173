/** Attention matching: which maps are compared, that the gradient is the loss's, and which teachers cannot do it. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "#rbnet/backend/reference/backend";
import { createWasmBackend } from "#rbnet/backend/wasm/backend";
import { shapes } from "#rbnet/data/shapes/shapes";
import { writeModelFile } from "#rbnet/deploy/model-file";
import type { NetworkDescription } from "#rbnet/networks/description";
import { Network } from "#rbnet/networks/network";
import { rbnet8, rbnet20 } from "#rbnet/networks/rbnet";
import { resnet20 } from "#rbnet/networks/resnet";
import { stageEnds } from "#rbnet/networks/stages";
import type { Model } from "#rbnet/runtime/model";
import { RuntimeNetwork } from "#rbnet/runtime/network";
import type { Tensor } from "#rbnet/tensor";
import { recipeSettings } from "#rbnet/training/settings/recipes";
import { ModelTeacher } from "#rbnet/training/teachers/model-teacher";
import { openTeacher } from "#rbnet/training/teachers/open-teacher";
import { Draw } from "../../backend/shapes.js";
import { TINY, training } from "../../networks/tiny.js";
import { temporaryFolder } from "../../temporary-folder.js";
import { data, network, refusal, trainTiny } from "../tiny-runs.js";

it("stages end with the last of their parts", () => {
  const names = [
    "stem1",
    "stem1.pool",
    "stage1.unit1",
    "stage1.unit2",
    "stage2.unit1",
    "stage2.unit2.projection",
    "pool",
    "classifier",
  ];
  expect(stageEnds(names)).toEqual([3, 5]);
  expect(stageEnds(["stem1", "stages", "classifier"])).toEqual([]);
});

describe.each(TINY)("the stages of a $form", ({ description }) => {
  it("are pulled from the last to the first, and what is added there reaches the weights like any gradient", async () => {
    const backend = createReferenceBackend();
    const run = async (logits: number, pulled: boolean) => {
      const mark = backend.mark();
      const { network: own, x } = training(backend, description, 2, 3);
      own.forward(x);
      const gradient = backend.allocate("float32", [2, 1, 1, description.classes]);
      backend.write(
        gradient,
        Float32Array.from({ length: 2 * description.classes }, (_, i) => (i % description.classes ? 0 : logits)),
      );
      const seen: string[] = [];
      own.backward(gradient, (layer, map, current) => {
        const stage = own.stageEnds.indexOf(layer);
        if (stage < 0) return;
        const { height, width, channels } = own.stageMaps[stage]!;
        expect([map.shape, current.shape]).toEqual([
          [2, height, width, channels],
          [2, height, width, channels],
        ]);
        seen.push(`stage ${stage}`);
        if (pulled) backend.add(map, current);
      });
      expect(seen).toEqual(description.stages.map((_, stage) => `stage ${stage}`).toReversed());
      const found: number[] = [];
      for (const { gradient: of } of own.parameters) found.push(...(await backend.read(of)));
      backend.release(mark);
      return found;
    };
    const [both, logits, maps] = [await run(1, true), await run(1, false), await run(0, true)];
    expect(maps.some((value) => Math.abs(value) > 1e-3)).toBe(true);
    // Gradients behind normalizations of a few pixels are large: it is their digits that agree.
    for (const [i, value] of both.entries()) {
      const sum = logits[i]! + maps[i]!;
      expect(Math.abs(value - sum)).toBeLessThan(5e-6 * Math.max(1, Math.abs(sum)));
    }
  });
});

it("the weights of a full-precision network get the gradient of finite differences", async () => {
  const backend = createReferenceBackend();
  const { network: own, x } = training(backend, resnet20({ classes: 4, width: 0.25, size: 8 }), 2, 5);
  const draw = new Draw(8);
  const wanted = own.stageMaps.map(({ height, width }) => {
    const [map, out] = [backend.allocate("float32", [2, height, width, 3]), backend.allocate("float32", [2, height * width])];
    backend.write(map, draw.reals(2 * height * width * 3, 1));
    backend.attentionMap(map, out);
    return out;
  });
  const losses = backend.allocate("float32", [2]);
  const term = { weight: 0.5, scale: 1 };
  /** The loss; adds to the gradients of the parameters. */
  const run = async (): Promise<number> => {
    own.forward(x);
    backend.fill(losses, 0);
    const gradient = backend.allocate("float32", [2, 1, 1, 4]);
    own.backward(gradient, (layer, map, current) => {
      const here = wanted[own.stageEnds.indexOf(layer)];
      if (here !== undefined) backend.attentionMatch(map, here, term, losses, current);
    });
    return Array.from(await backend.read(losses)).reduce((sum, value) => sum + value, 0);
  };
  await run();
  const gradients = await Promise.all(
    own.parameters.map(({ gradient }) => backend.read(gradient).then((values) => Array.from(values))),
  );
  const STEP = 1e-5;
  const at = async (value: Tensor, values: ArrayLike<number>, element: number, moved: number): Promise<number> => {
    backend.write(
      value,
      Float64Array.from(values, (old, i) => (i === element ? old + moved : old)),
    );
    return run();
  };
  for (const [index, { value, name }] of own.parameters.entries()) {
    const values = Array.from(await backend.read(value));
    const element = values.length >> 1;
    const slope = ((await at(value, values, element, STEP)) - (await at(value, values, element, -STEP))) / (2 * STEP);
    await at(value, values, element, 0);
    expect([name, slope]).toEqual([name, expect.closeTo(gradients[index]![element]!, 4)]);
  }
});

/** A model with random weights. */
async function modelOf(description: NetworkDescription, classes: readonly string[]): Promise<Model> {
  using backend = await createWasmBackend({ threads: 1 });
  const draw = new Draw(2);
  const own = new Network(backend, description, {
    normal: (count, standardDeviation) => draw.reals(count, standardDeviation * 1.7),
  });
  const { mean, standardDeviation } = data;
  const operations = await own.fold();
  return {
    network: { name: description.name, width: 1 },
    classes,
    size: description.input.width,
    mean,
    standardDeviation,
    operations,
  };
}

describe("a model as a teacher", () => {
  const SIDE = 64;
  const large = shapes({ train: 10, validation: 0, test: 0, size: SIDE });

  it("shows what its stages attend to, for every image of a batch that it takes in parts", async () => {
    const model = await modelOf(rbnet8({ classes: 10, width: 0.25, size: SIDE }), large.classes);
    using backend = await createWasmBackend({ threads: 1 });
    const images = new Draw(4).reals(6 * SIDE * SIDE * 3, 1);
    const same = { scale: [1, 1, 1], shift: [0, 0, 0] } as const;
    const teacher = new ModelTeacher(backend, model, "it", large, { batch: 6, attention: true }, same);
    const tensor = backend.allocate("float32", [6, SIDE, SIDE, 3]);
    backend.write(tensor, images);
    await teacher.teach({ pixels: images, tensor, count: 6 }, backend.allocate("float32", [6, 10]));
    const found = await Promise.all(teacher.attention!.map(async (tensor) => Array.from(await backend.read(tensor))));
    expect(found.map((maps) => maps.length / 6)).toEqual([32 ** 2, 16 ** 2, 8 ** 2]);
    // One image at a time, operation by operation.
    const alone = new RuntimeNetwork(backend, model.operations, { height: SIDE, width: SIDE, channels: 3 }, 1);
    const ends = stageEnds(model.operations.map(({ name }) => name));
    for (let image = 0; image < 6; image++) {
      backend.write(alone.input, images.subarray(image * SIDE * SIDE * 3, (image + 1) * SIDE * SIDE * 3));
      for (const index of model.operations.keys()) {
        const result = alone.runOperation(index);
        const stage = ends.indexOf(index);
        if (stage < 0) continue;
        const values = Array.from(await backend.read(result));
        const channels = result.shape.at(-1)!;
        const q = Array.from({ length: values.length / channels }, (_, p) =>
          values.slice(p * channels, (p + 1) * channels).reduce((sum, value) => sum + value * value, 0),
        );
        const size = Math.hypot(...q);
        const maps = found[stage]!.slice(image * q.length, (image + 1) * q.length);
        for (const [p, value] of q.entries()) expect(maps[p]).toBeCloseTo(value / size, 5);
      }
    }
  });

  it("shows nothing that was not asked for", async () => {
    const file = join(temporaryFolder(), "model.safetensors");
    await writeModelFile(file, await modelOf(network, data.classes));
    const setup = { backend: createReferenceBackend(), batch: 8, threads: 1 };
    const { teacher } = await openTeacher({ teacher: file, weight: 1, temperature: 1, attention: 0 }, data, setup);
    expect(teacher.attention).toBeUndefined();
  });
});

describe("a run with a teacher's attention", () => {
  const folder = temporaryFolder();
  const teacher = join(folder, "teacher.safetensors");
  const settings = (attention: number) => ({ epochs: 2, batch: 8, distill: { teacher, weight: 0.5, attention } });

  it("has its distance in the loss, and other weights in the end", async () => {
    await writeModelFile(teacher, await modelOf(network, data.classes));
    const losses: number[] = [];
    for (const attention of [0, 2]) {
      const { records } = await trainTiny({ settings: settings(attention) });
      losses.push(records[0]!.trainLoss);
    }
    // Three stages, each at most the square root of 2 away.
    expect(losses[1]! - losses[0]!).toBeGreaterThan(0.1);
    expect(losses[1]! - losses[0]!).toBeLessThan(2 * 3 * Math.SQRT2);
  });

  it("goes on through both stages of the recipe that is made for it", async () => {
    const own = recipeSettings("progressive", { epochs: 4, batch: 8, distill: { teacher } });
    const { records } = await trainTiny({ settings: own });
    expect(records.map(({ stage }) => stage)).toEqual([1, 1, 2, 2]);
    const alone = await trainTiny({ settings: recipeSettings("progressive", { ...own, distill: { teacher, attention: 0 } }) });
    for (const [i, { trainLoss }] of records.entries()) expect(trainLoss - alone.records[i]!.trainLoss).toBeGreaterThan(0.05);
  });

  it("is refused with a teacher whose stages are others, or are not shown", async () => {
    await writeModelFile(teacher, await modelOf(rbnet20({ classes: 10, width: 0.25, size: 16 }), data.classes));
    expect(await refusal(trainTiny({ settings: settings(1) }))).toMatch(
      /the teacher's stages end on maps of 256, 64, 16 pixels, those of rbnet8 of 64, 16, 4; take a teacher/,
    );
    const onnx = { ...settings(1), distill: { teacher: join(folder, "it.onnx"), weight: 0.5, attention: 1 } };
    writeFileSync(onnx.distill.teacher, "");
    expect(await refusal(trainTiny({ settings: onnx }))).toMatch(/is an ONNX file, which does not show its stages/);
  });
});
