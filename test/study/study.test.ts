/** A study on a few pictures: what its file may say, in which order it runs, that nothing is trained twice, and what it writes. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Dataset } from "#rbnet/data/dataset";
import { networkByName } from "#rbnet/networks/catalogue";
import { estimateStudy } from "#rbnet/study/estimate";
import { openStudyData, planStudy } from "#rbnet/study/plan";
import { formatSpread, spreadOf } from "#rbnet/study/spread";
import { runStudy, type StudyEvent, type StudySetup, statesOf } from "#rbnet/study/study";
import { parseStudy, readStudy, type Study, type StudyInput, settingsOf } from "#rbnet/study/study-file";
import { summarizeNetwork } from "#rbnet/training/costs/memory";
import { temporaryFolder } from "../temporary-folder.js";
import { bitsOf, differences, refusal } from "../training/tiny-runs.js";

const INPUT = {
  name: "tiny",
  data: { path: "shapes", size: 16, trainImages: 40, validationFraction: 0.02 },
  seeds: [7, 8],
  settings: { epochs: 2, batch: 8, augmentation: { flip: false } },
  rows: [
    { name: "narrow <1>", group: "widths", network: "rbnet8", width: 0.25 },
    { name: "wide", group: "widths", network: "rbnet8", width: 0.5, recipe: "single-stage", seeds: [7] },
  ],
} satisfies StudyInput;
const study = parseStudy(INPUT);
const opened = openStudyData(study);
const setup: StudySetup = { threads: 1, latencySeconds: 0.01 };

async function events(described: Study, given: StudySetup): Promise<readonly StudyEvent[]> {
  const found: StudyEvent[] = [];
  for await (const event of runStudy(described, await opened, { ...setup, ...given })) found.push(event);
  return found;
}

function withRow(part: object): unknown {
  return { ...INPUT, rows: [{ name: "only", network: "rbnet8", ...part }] };
}

describe("a study file", () => {
  it.each([
    [{ ...INPUT, sedes: [1] }, 'the study has no field "sedes"; remove or correct it (docs/studies.md describes a study file)'],
    [{ ...INPUT, rows: undefined }, /^the study: rows is missing: expected array; add it$/],
    [{ ...INPUT, seeds: [1, 1] }, "the study: seeds is [1,1]: expected no seed twice; change it"],
    [{ ...INPUT, settings: { seed: 1 } }, /settings is .*: expected no seed here/],
    [{ ...INPUT, settings: { epochs: 0 } }, /^the study: settings\.epochs is 0: /],
    [
      { ...INPUT, data: { path: "shapes", trainImages: 9, trainFraction: 0.5 } },
      /expected `trainFraction` or `trainImages`, not both/,
    ],
    [withRow({ settings: { epoch: 3 } }), /^the study: rows\[0\]\.settings has no field "epoch"/],
    [withRow({ network: "rbnet9" }), /^the study: rows\[0\] \("only"\): there is no network "rbnet9"/],
    [withRow({ networkOptions: { convolution: "5x5" } }), /^the study: rows\[0\]\.networkOptions\.convolution is "5x5": /],
    [withRow({ recipe: "three-stage" }), /^the study: rows\[0\]\.recipe is "three-stage": /],
    [
      withRow({ recipe: "distill" }),
      'the study: rows[0] ("only"): the recipe distill needs a teacher, and there is none; name one: --teacher, or ' +
        "settings.distill.teacher in a study",
    ],
    [withRow({ settings: { distill: { weight: 0.5 } } }), /^the study: rows\[0\]\.settings\.distill\.teacher is missing/],
    [
      { ...INPUT, rows: [INPUT.rows[0], { ...INPUT.rows[0], name: "Narrow 1" }] },
      /^the study: rows\[1\]\.name is "Narrow 1", too much like rows\[0\]/,
    ],
  ])("is refused in one sentence: %j", async (value, sentence) => {
    const found = await refusal(Promise.resolve().then(() => parseStudy(value)));
    if (typeof sentence === "string") expect(found).toBe(sentence);
    else expect(found).toMatch(sentence);
  });

  it("gives a row the shared settings with its own on top, part by part", () => {
    const [row] = parseStudy(withRow({ settings: { epochs: 5, augmentation: { mixup: 0.2 } } })).rows;
    if (row === undefined) throw new Error("a row");
    expect(settingsOf(study, row)).toEqual({ epochs: 5, batch: 8, augmentation: { flip: false, mixup: 0.2 } });
  });

  it("starts a row from its recipe, or else from the study's, and lets the study's settings and the row's win over it", () => {
    const rows = [
      { name: "own", network: "rbnet8", recipe: "two-stage", settings: { learningRate: 0.02 } },
      { name: "shared", network: "rbnet8", settings: { distill: { teacher: "teacher.onnx", weight: 0.7 } } },
    ];
    const whole = parseStudy({ ...INPUT, recipe: "distill", rows });
    const [own, shared] = whole.rows.map((row) => settingsOf(whole, row));
    expect(own).toMatchObject({ stages: 2, epochs: INPUT.settings.epochs, learningRate: 0.02, warmup: 1 });
    expect(own).not.toHaveProperty("distill");
    expect(shared).toMatchObject({ warmup: 1, distill: { teacher: "teacher.onnx", weight: 0.7, temperature: 4 } });
    expect(shared).not.toHaveProperty("stages");
  });

  it.each([
    ["imagenette-variants", 224, 52.0e6, ""],
    ["imagenette-networks", 224, 52.0e6, ""],
    // One row stands beside a baseline's operations, not within the budget.
    ["cifar10-variants", 32, 1.02e6, "RB-Net at width 1.19"],
  ] as const)(
    "studies/%s.json has RB-Nets that count, at %i pixels, at most %i operations",
    { timeout: 120_000 },
    async (name, size, most, beside) => {
      const { rows: all } = await readStudy(join("studies", `${name}.json`));
      const rows = all.filter(({ network, name: row }) => network.startsWith("rbnet") && row !== beside);
      expect(rows.length).toBeGreaterThan(2);
      for (const { name: row, network, width, networkOptions } of rows) {
        const description = networkByName(network, { classes: size === 224 ? 1000 : 10, width, size, ...networkOptions });
        expect((await summarizeNetwork(description, 1)).totals.ops, row).toBeLessThanOrEqual(most);
      }
    },
  );

  it.each([
    "shapes",
    "cifar10-ablation",
    "cifar10-activation",
    "cifar10-depth",
    "cifar10-forty",
    "cifar10-longer",
    "cifar10-networks",
    "cifar10-variants",
    "cifar10-family",
    "imagenette-networks",
    "imagenette-family",
    "imagenette-variants",
  ])("studies/%s.json is a good one", async (name) => {
    expect((await readStudy(join("studies", `${name}.json`))).name).toBe(name);
  });
});

describe("the plan", () => {
  const order = (data: Dataset, names?: readonly string[]): readonly string[] =>
    planStudy(study, data, "out", names).map(({ folder }) => folder);

  it("has every row's first seed before any second one, each in a folder of its own", async () => {
    expect(order(await opened)).toEqual(["out/narrow-1/seed-7", "out/wide/seed-7", "out/narrow-1/seed-8"]);
    expect(order(await opened, ["wide"])).toEqual(["out/wide/seed-7"]);
    expect(() => planStudy(study, {} as unknown as Dataset, "out", ["none"])).toThrow(
      'the study tiny has no row "none"; its rows are narrow <1>, wide',
    );
  });

  it("gives a row the rate of its width, unless the study or the row has one", async () => {
    const rows = [
      { name: "narrow", network: "rbnet8", width: 0.25 },
      { name: "wide", network: "rbnet8", width: 4 },
      { name: "own", network: "rbnet8", width: 4, settings: { learningRate: 0.02 } },
    ];
    const rates = async (settings: object) => {
      const planned = planStudy(parseStudy({ ...INPUT, settings, seeds: [7], rows }), await opened, "out");
      return planned.map(({ options }) => options.learningRate);
    };
    expect(await rates(INPUT.settings)).toEqual([0.01, 0.005, 0.02]);
    expect(await rates({ ...INPUT.settings, learningRate: 0.03 })).toEqual([0.03, 0.03, 0.02]);
  });
});

describe("a row that does not fit", () => {
  it.each([
    [{ settings: { batch: 41 } }, /^row "only" has a batch of 41, larger than the 40 training images; /],
    [
      { settings: { distill: { teacher: "nowhere.onnx" } } },
      'row "only" has the teacher nowhere.onnx, which is not there; correct its path',
    ],
    [{ settings: { from: "nowhere" } }, 'row "only" starts from nowhere, which is not there; correct its path'],
  ])("is refused before anything is written: %j", async (part, sentence) => {
    const out = join(temporaryFolder(), "out");
    const found = await refusal(events(parseStudy(withRow(part)), { out }));
    if (typeof sentence === "string") expect(found).toBe(sentence);
    else expect(found).toMatch(sentence);
    expect(existsSync(out)).toBe(false);
  });

  it("does not matter where the machine lacks what is asked for: that is said first", async () => {
    const out = join(temporaryFolder(), "out");
    expect(await refusal(events(study, { out, backend: "wasm", precision: "bfloat16" }))).toMatch(
      /^products in bfloat16 were asked for, but WebAssembly has none/,
    );
    expect(await refusal(events(study, { out, keepEvery: 0 }))).toMatch(/^keepEvery is 0/);
    expect(existsSync(out)).toBe(false);
  });

  it("does not keep others from being run", async () => {
    const input = {
      ...INPUT,
      rows: [...INPUT.rows, { name: "taught", network: "rbnet8", settings: { distill: { teacher: "nowhere.onnx" } } }],
    };

    const seen = await events(parseStudy(input), { out: join(temporaryFolder(), "out"), rows: [INPUT.rows[0].name] });
    expect(seen.at(-1)?.kind).toBe("study");
  });
});

describe("a spread", () => {
  it("is the mean and the sample deviation, and has no deviation for one value", () => {
    expect(spreadOf([0.7, 0.8, 0.9])).toEqual({ mean: expect.closeTo(0.8, 12), deviation: expect.closeTo(0.1, 12), n: 3 });
    expect(spreadOf([0.5])).toEqual({ mean: 0.5, n: 1 });
    expect(spreadOf([])).toBeUndefined();
    expect(formatSpread({ mean: 0.8123, deviation: 0.0041, n: 3 })).toBe("81.2 ± 0.4 %");
  });
});

describe("the estimate of a study", () => {
  it("counts the memory of runs that keep some maps only", async () => {
    const deep = parseStudy({ ...INPUT, rows: [{ name: "deep", network: "rbnet20", width: 0.25 }], seeds: [1] });
    const states = await statesOf(planStudy(deep, await opened, join(temporaryFolder(), "out")));
    const bytes: number[] = [];
    for (const keepEvery of [1, 3])
      for await (const { trainingBytes } of estimateStudy(states, await opened, { threads: 1, keepEvery }))
        bytes.push(trainingBytes);
    expect(bytes[1]).toBeLessThan(0.9 * (bytes[0] ?? 0));
  });
});

describe("running a study", () => {
  it("keeps some maps only where that is asked for, and ends with the same bits", async () => {
    const [all, some] = [join(temporaryFolder(), "all"), join(temporaryFolder(), "some")];
    for (const [out, keepEvery] of [
      [all, 1],
      [some, 2],
    ] as const)
      await events(study, { out, rows: ["wide"], keepEvery });
    expect(differences(bitsOf(join(all, "wide", "seed-7")), bitsOf(join(some, "wide", "seed-7")))).toEqual([]);
  }, 60_000);

  it("goes on where it was stopped, ends with the same bits, repeats nothing, and refuses a changed row", async () => {
    const [stopped, whole] = [join(temporaryFolder(), "stopped"), join(temporaryFolder(), "whole")];
    const controller = new AbortController();
    let steps = 0;
    const onStep = (): void => {
      // In the first epoch of the second run.
      if (++steps === 12) controller.abort();
    };
    const first = await events(study, { out: stopped, signal: controller.signal, onStep });
    expect(first.at(-1)).toEqual({ kind: "stopped", row: "wide", seed: 7 });
    expect(JSON.parse(readFileSync(join(stopped, "results.json"), "utf8")).runs).toEqual({ planned: 3, finished: 1 });
    const finished = join(stopped, "narrow-1", "seed-7", "model.safetensors");
    const written = statSync(finished).mtimeMs;

    const second = await events(study, { out: stopped });
    expect(second.flatMap((event) => (event.kind === "run" ? [[event.row, event.seed, event.resumed]] : []))).toEqual([
      ["wide", 7, true],
      ["narrow <1>", 8, false],
    ]);
    expect(statSync(finished).mtimeMs).toBe(written);
    await events(study, { out: whole });
    expect(differences(bitsOf(join(stopped, "wide", "seed-7")), bitsOf(join(whole, "wide", "seed-7")))).toEqual([]);
    const top1 = (folder: string): unknown =>
      JSON.parse(readFileSync(join(folder, "results.json"), "utf8")).rows.map((row: Record<string, unknown>) => row.testTop1);
    expect(top1(stopped)).toEqual(top1(whole));

    const third = await events(study, { out: stopped });
    expect(third.map(({ kind }) => kind)).toEqual(["study"]);

    const changed = parseStudy({ ...INPUT, rows: [INPUT.rows[0], { ...INPUT.rows[1], settings: { epochs: 1 } }] });
    expect(await refusal(events(changed, { out: stopped }))).toMatch(
      /^row "wide" is not what was run in .*wide\/seed-7 \(options\.epochs is 2 there and 1 now\); give --rerun/,
    );
    const anew = await events(changed, { out: stopped, rerun: true });
    expect(anew.map(({ kind }) => kind)).toEqual(["run", "epoch", "result", "study"]);
  }, 60_000);

  it("writes figures, a table and a chart that loads nothing", async () => {
    const out = join(temporaryFolder(), "out");
    await events(study, { out, command: "rbnet study tiny.json" });
    const text = (name: string): string => readFileSync(join(out, name), "utf8");
    const { rows } = JSON.parse(text("results.json"));
    expect(rows.map((row: { runs: readonly unknown[] }) => row.runs.length)).toEqual([2, 1]);
    const [one, two] = rows[0].runs.map((run: { testTop1: number }) => run.testTop1);
    expect(rows[0].testTop1).toEqual({
      mean: (one + two) / 2,
      deviation: expect.closeTo(Math.abs(one - two) / Math.SQRT2, 9),
      n: 2,
    });
    expect(rows[1].testTop1).toEqual({ mean: rows[1].runs[0].testTop1, n: 1 });
    expect(rows[0].ops).toBeCloseTo(rows[0].binaryMacs / 64 + rows[0].realMacs, 6);

    expect(rows.map(({ recipe }: { recipe?: string }) => recipe)).toEqual([undefined, "single-stage"]);
    expect(JSON.parse(text("wide/seed-7/metrics.jsonl").split("\n")[0] ?? "")).toMatchObject({ recipe: "single-stage" });

    const lines = text("results.md").split("\n");
    expect(lines.find((line) => line.startsWith("| narrow"))).toContain(`| narrow \\<1\\> | rbnet8 (width 0.25) |`);
    expect(lines).toContain("rbnet study tiny.json");

    const svg = text("chart.svg");
    expect(svg).toContain("narrow &lt;1&gt;</text>");
    expect(svg).not.toContain("narrow <1>");
    expect([svg.match(/class="label"/g)?.length, svg.match(/class="bar"/g)?.length, svg.match(/<polyline/g)?.length]).toEqual([
      2, 1, 1,
    ]);
    expect(svg.lastIndexOf('class="bar"')).toBeLessThan(svg.indexOf("<title>"));
    expect(svg).toContain("prefers-color-scheme: dark");
    expect(text("results.html")).toContain(svg.trimEnd());
    expect(text("results.html")).not.toMatch(/<script|src=|href=/);
    expect(existsSync(join(out, "narrow-1", "seed-8", "report.html"))).toBe(true);
  }, 60_000);
});
