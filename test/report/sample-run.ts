/** A made-up run for the tests of its report: any number of classes and epochs, with names that try to break out of the page. */
import { networkByName } from "#rbnet/networks/catalogue";
import type { Report } from "#rbnet/report/report";
import { summarizeNetwork } from "#rbnet/training/costs/memory";
import type { EpochRecord } from "#rbnet/training/records/run-records";

export const HOSTILE = `<script>alert("1")</script>'&\u0007`;
const PIXEL =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

export interface Sample {
  readonly classes: number;
  readonly epochs: number;
  readonly finished: boolean;
  readonly validated?: boolean;
}

export async function sampleReport({ classes, epochs, finished, validated = true }: Sample): Promise<Report> {
  const names = Array.from({ length: classes }, (_, index) => `class ${index} ${HOSTILE}`);
  const summary = await summarizeNetwork(networkByName("rbnet8", { classes }), 8);
  const layers = summary.rows.filter(({ binaryMacs }) => binaryMacs > 0).map(({ name }) => name);
  const byLayer = (value: (index: number) => number): Record<string, number> =>
    Object.fromEntries(layers.map((name, index) => [name, value(index)]));
  const records = Array.from({ length: epochs }, (_, index): EpochRecord => {
    const progress = (index + 1) / 20;
    return {
      kind: "epoch",
      index: index + 1,
      steps: 10,
      learningRate: 2e-3 * Math.max(0, 1 - progress),
      trainLoss: 2 - progress,
      trainTop1: 0.3 + progress / 3,
      ...(validated ? { validation: { images: 100, loss: 2.1 - progress, top1: 0.25 + progress / 3, top5: 0.9 } } : {}),
      imagesPerSecond: 1000,
      seconds: 12,
      flipRatio: byLayer((layer) => (layer === 0 ? 0 : 0.01 / (index + 1))),
      positiveShare: byLayer((layer) => 0.3 + layer / 20),
    };
  });
  const confusion = names.map((_, label) =>
    names.map((_name, predicted) => (label === predicted ? 9 : (label + 1) % classes === predicted ? 1 : 0)),
  );
  const evaluation = {
    images: 10 * classes,
    loss: 0.4,
    top1: 0.9,
    calibrationError: 0.04,
    top5: 1,
    confusion,
    mistakes: [
      { index: 3, name: `folder/${HOSTILE}.png`, label: 0, predicted: 1, score: 0.987 },
      { index: 4, name: "gone.png", label: 1, predicted: 0, score: 0.5 },
    ],
    skipped: [],
  };
  const { images, loss, top1, top5 } = evaluation;
  return {
    run: {
      kind: "run",
      version: "0.0.0",
      startedAt: "2026-01-01T00:00:00.000Z",
      network: "rbnet8",
      classes: names,
      data: { name: `data ${HOSTILE}`, train: 1000, validation: validated ? 100 : 0, test: 100 },
      options: { epochs: 20, seed: 7, augmentation: { flip: true } },
      backend: "test backend",
    },
    summary,
    epochs: records,
    plannedEpochs: 20,
    command: `rbnet train '${HOSTILE}'`,
    ...(finished
      ? {
          assessment: { set: "test" as const, evaluation, pictures: [PIXEL, undefined] },
          result: {
            kind: "result" as const,
            set: "test" as const,
            evaluation: { images, loss, top1, top5 },
            bestEpoch: epochs,
            seconds: 77,
            modelBytes: 1,
          },
        }
      : {}),
  };
}
