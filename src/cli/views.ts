/** `rbnet views`: what teachers say of a fixed set of views of each training image, asked once for all trainings on these images. */
import { type Command, Option } from "commander";
import { openDataset } from "../data/open-dataset.js";
import { requireNoViews } from "../data/views/views-writer.js";
import { formatBytes, formatInteger, formatShare } from "../quantities.js";
import type { DistillOptions } from "../training/settings/options.js";
import { SMALLEST_CROP } from "../training/settings/standard-settings.js";
import { makeViews } from "../training/teachers/make-views.js";
import { commandLine } from "./command-line.js";
import { addBackendFlags, type BackendFlags, type DataFlags, readNumber, readPositive, readSeed } from "./flags.js";
import { Interrupts } from "./interrupts.js";
import { bold, print, printJson, tell, tellSkipped } from "./output.js";
import { ProgressBar } from "./progress-bar.js";
import { chosenAugmentation, type TrainingFlags } from "./training-flags.js";

interface ViewsFlags
  extends BackendFlags,
    Pick<DataFlags, "seed" | "emnistSplit">,
    Pick<TrainingFlags, "cropPadding" | "randomResizedCrop" | "flip"> {
  readonly teacher: readonly string[];
  readonly teacherPixels?: NonNullable<DistillOptions["pixels"]>;
  readonly out: string;
  readonly size?: number;
  readonly count?: number;
  readonly json?: boolean;
}

export function addViews(program: Command): void {
  const command = program
    .command("views")
    .description("ask teachers once about views of each training image, to train from their answers at no cost (train --views)")
    .argument("[data]", "folder of the data, as `train` takes it, or `shapes`", "shapes")
    .requiredOption(
      "--teacher <file>",
      "a model file, the folder of a run, or an ONNX classifier; given several times, their probabilities are averaged",
      // Not a list of words: it would take the data's folder behind it, too.
      (file: string, others: readonly string[] = []) => [...others, file],
    )
    .requiredOption("--out <folder>", "where the views go; the same command goes on with them where it was cut")
    .addOption(
      new Option(
        "--teacher-pixels <form>",
        "what ONNX teachers take: normalized as the data, 0 to 1, or as for ImageNet (default: data)",
      ).choices(["data", "unit", "imagenet"]),
    )
    .option("--size <pixels>", "side of the network's input (default: by the images)", readPositive)
    .option("--crop-padding <pixels>", "move images by up to so many pixels (default: 3 for small images)", readNumber)
    .option(
      "--random-resized-crop [smallest]",
      `crop at least this share of the area, and scale (default: ${SMALLEST_CROP} for large images)`,
      readNumber,
    )
    .option("--flip", "mirror every other image (default: yes, except for IDX data)")
    .option("--no-flip", "never mirror images")
    .option(
      "--count <n>",
      "views of an image, drawn (default: every place that a moved image can have, 100 where images are scaled)",
      readPositive,
    )
    .option("--seed <n>", "decides the views that are drawn", readSeed, 1)
    .addOption(
      new Option("--emnist-split <name>", "which of the splits in EMNIST's folder").choices([
        "byclass",
        "bymerge",
        "balanced",
        "letters",
        "digits",
        "mnist",
      ]),
    );
  addBackendFlags(command)
    .option("--json", "one JSON object on standard output")
    .addHelpText(
      "after",
      "\nExample:\n  rbnet views photos --teacher large.onnx --teacher-pixels imagenet --out views && rbnet train photos --views views",
    )
    .action(views);
}

async function views(path: string, flags: ViewsFlags): Promise<void> {
  const { out, teacher, teacherPixels, size, count, seed, emnistSplit, threads, backend, json = false } = flags;
  const { teacher: _teachers, ...crop } = flags;
  requireNoViews(out);
  const progress = new ProgressBar(json);
  const stop = new AbortController();
  using interrupts = new Interrupts(() => {
    progress.clear();
    tell("keeping the answers so far; Ctrl-C again ends at once");
    stop.abort();
  });
  try {
    // Held-out images have views, too: another training may hold out others.
    const data = await openDataset({
      path,
      seed,
      validationFraction: 0,
      progress: progress.decoding,
      ...(size === undefined ? {} : { size }),
      ...(emnistSplit === undefined ? {} : { emnistSplit }),
    });
    progress.clear();
    tellSkipped({ count: data.skipped.length, named: data.skipped });
    const made = await makeViews(data, {
      out,
      teachers: teacher,
      augmentation: chosenAugmentation(crop),
      seed,
      threads,
      backend,
      signal: stop.signal,
      progress: progress.answering,
      ...(teacherPixels === undefined ? {} : { pixels: teacherPixels }),
      ...(count === undefined ? {} : { count }),
    });
    progress.clear();
    if (made === undefined) {
      tell(`stopped, and the answers so far are kept. Go on with:\n  ${commandLine()}`);
      process.exitCode = interrupts.exitCode;
      return;
    }
    const { data: of, count: each, right, bytes } = made;
    if (json) printJson({ kind: "views", folder: out, images: of.images, views: each, classes: of.classes.length, right, bytes });
    else
      print(
        `${bold(out)}: ${formatInteger(of.images)} images in ${formatInteger(each)} views each, ${formatBytes(bytes)}; ` +
          `${teacher.length === 1 ? "the teacher is" : "the teachers are"} right in ${formatShare(right)} of them`,
      );
  } finally {
    progress.clear();
  }
}
