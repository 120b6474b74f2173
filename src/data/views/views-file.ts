/** views.json: what the views of a folder are, of which images, and who has answered. Written last, when all answers are there. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { codeOf, UserError } from "../../errors.js";
import { type Augmentation, augmentationSchema } from "../augmentation/augmentation.js";

const channels = z.tuple([z.number(), z.number(), z.number()]).readonly();

const planSchema = z.strictObject({
  format: z.literal("rbnet-views"),
  version: z.literal(1),
  data: z.strictObject({
    name: z.string(),
    classes: z.array(z.string()).min(2),
    size: z.int().min(1),
    /** Training images. */
    images: z.int().min(1),
    /** SHA-256 of their keys, in their order. */
    list: z.string(),
    /** Whether they are decoded once and cropped then: other pixels than where a region of a file is decoded. */
    decoded: z.boolean(),
    mean: channels,
    standardDeviation: channels,
  }),
  /** Crop and mirroring. */
  augmentation: augmentationSchema,
  /** Views of an image. */
  count: z.int().min(1),
  /** Where views are drawn crops, and not every place of the crop. */
  seed: z.int().min(0).max(0xffffffff).exactOptional(),
  teachers: z
    .array(z.strictObject({ file: z.string(), sha256: z.string(), pixels: z.enum(["data", "unit", "imagenet"]).exactOptional() }))
    .min(1),
});

const viewsSchema = planSchema.extend({
  /** Share of the answers whose likeliest class is the image's. */
  right: z.number().min(0).max(1),
  /** SHA-256. */
  files: z.strictObject({ answers: z.string(), images: z.string() }),
});

/** What decides the answers. */
export type ViewsPlan = z.output<typeof planSchema>;
export type ViewsFacts = z.output<typeof viewsSchema>;

/** `plan`: of views that are being made. */
export type ViewsPart = "views" | "answers" | "images" | "plan";

const FILES: Readonly<Record<ViewsPart, string>> = {
  views: "views.json",
  answers: "answers.bin",
  images: "images.bin",
  plan: "unfinished.json",
};

export function viewsFile(folder: string, part: ViewsPart): string {
  return join(folder, FILES[part]);
}

/** Where `part` of the answers is kept while others are asked for. */
export function answersPart(folder: string, part: number): string {
  return join(folder, `answers-${String(part).padStart(6, "0")}.bin`);
}

/**
 * What a folder says of its views, with a digest that stands for all that is in it.
 *
 * @throws UserError where there are no views, or they are not finished
 */
export function readViews(folder: string): { readonly facts: ViewsFacts; readonly digest: string } {
  const path = viewsFile(folder, "views");
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (error) {
    if (existsSync(viewsFile(folder, "plan")))
      throw new UserError(`the views in ${folder} are not finished; give the command that makes them again, which goes on`, {
        cause: error,
      });
    throw new UserError(`cannot read the views ${path} (${codeOf(error)}); give a folder that \`rbnet views\` has written`, {
      cause: error,
    });
  }
  const facts = viewsSchema.safeParse(parsed(bytes));
  if (!facts.success) throw damaged(path, "it does not say what it should");
  return { facts: facts.data, digest: createHash("sha256").update(bytes).digest("hex") };
}

/** What was begun in a folder; undefined where nothing was. */
export function readPlan(folder: string): unknown {
  const path = viewsFile(folder, "plan");
  return existsSync(path) ? parsed(readFileSync(path)) : undefined;
}

/** Crop and mirroring of training images that are to be learned from views, where such are named and there. */
export function viewedAugmentation(folder: string | undefined): { readonly augmentation?: Augmentation } {
  if (folder === undefined || !existsSync(viewsFile(folder, "views"))) return {};
  return { augmentation: readViews(folder).facts.augmentation };
}

export function damaged(path: string, found: string): UserError {
  return new UserError(
    `the views ${path} are damaged: ${found}; make them again in another folder, or restore a copy of the file`,
  );
}

function parsed(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
