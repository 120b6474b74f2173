/**
 * Reads the shape of an image folder: which sub-folders are classes, which files are images, and whether the folder brings its own
 * train, validation and test parts. What is left out is counted. Touches names, sizes and first bytes only; no image is decoded here.
 */
import { join, relative, sep } from "node:path";
import { UserError } from "../../errors.js";
import type { LeftOut, Part } from "../dataset.js";
import { noClasses } from "./folder-advice.js";
import { type FolderEntries, type ImagePath, imagesBelow, readEntries } from "./folder-entries.js";
import { LeftOutCounter, leftOutText } from "./left-out.js";
import { partNamed, plainest } from "./part-names.js";

export interface ImageFile extends ImagePath {
  readonly label: number;
  readonly part: Part;
}

export interface FolderLayout {
  /** In Unicode's composed form (NFC), sorted by code unit. */
  readonly classes: readonly string[];
  /** Sorted by part, class and path. */
  readonly files: readonly ImageFile[];
  /** Where each part lies, as a path from the root that ends in a slash; undefined where there is none, "" for the root itself. */
  readonly places: Readonly<Record<Part, string | undefined>>;
  readonly leftOut: readonly LeftOut[];
  /** Names of folders that all classes hold alike, which may be the classes themselves. */
  readonly sharedFolders: readonly string[];
}

const CLASS_LIMIT = 65_536;
export const OUTSIDE = { one: "an image outside of the class folders", many: "images outside of the class folders" };
const BESIDE = { one: "a folder beside the parts", many: "folders beside the parts" };
const EMPTY_FOLDER = { one: "a folder without images", many: "folders without images" };

/**
 * Lists the images of `root`: one folder per class, or a folder for training with such folders, beside others for validation or test
 * (`partNamed` knows them). Images may lie deeper inside a class folder. Symbolic links are followed once.
 *
 * @throws UserError where the folder cannot be read or is not laid out so
 */
export function readFolderLayout(root: string): FolderLayout {
  const leftOut = new LeftOutCounter(root);
  const entries = readEntries(root, leftOut);
  for (const { path } of entries.images) leftOut.add(OUTSIDE, path);
  const parts = findParts(root, entries);
  const trainFolder = parts.train ?? root;
  const inTrain = parts.train === undefined ? entries : outsideCounted(parts.train, leftOut);
  const classes = classesOf(trainFolder, inTrain, leftOut);
  const files = listTraining(trainFolder, classes, leftOut);
  const sharedFolders = foldersInAll(trainFolder, classes, files);
  const places: Record<Part, string | undefined> = { train: placeOf(root, trainFolder), validation: undefined, test: undefined };
  if (parts.train !== undefined) {
    for (const part of ["validation", "test"] as const) {
      const folder = parts[part];
      const held = folder === undefined ? undefined : listHeldOut(folder, classes, part, leftOut);
      if (folder === undefined || held === undefined) continue;
      places[part] = placeOf(root, folder);
      for (const file of held) files.push(file);
    }
    const used = Object.values(parts).map((folder) => relative(root, folder).split(sep)[0]);
    for (const name of entries.folders) if (!used.includes(name)) leftOut.add(BESIDE, join(root, name));
  }
  return { classes: classes.map(({ name }) => name), files, places, leftOut: leftOut.list, sharedFolders };
}

/** A class and its folders: two where a name is there in both of Unicode's forms, which look alike. */
interface ClassFolders {
  readonly name: string;
  readonly folders: readonly string[];
}

/** Folders of the parts; none where the root holds the classes themselves. */
function findParts(root: string, { folders, images }: FolderEntries): Partial<Readonly<Record<Part, string>>> {
  const named = new Map<Part, string[]>();
  for (const name of folders) {
    const part = partNamed(name);
    if (part !== undefined) named.set(part, [...(named.get(part) ?? []), name]);
  }
  const peek = (folder: string): FolderEntries => readEntries(folder, new LeftOutCounter(folder));
  const withClasses = (named.get("train") ?? []).filter((name) => peek(join(root, name)).folders.length > 0);
  const train = plainest(withClasses);
  if (train !== undefined) {
    const found: Partial<Record<Part, string>> = { train: unwrapped(join(root, train), "train") };
    for (const part of ["validation", "test"] as const) {
      const name = plainest(named.get(part) ?? []);
      if (name !== undefined) found[part] = unwrapped(join(root, name), part);
    }
    return found;
  }
  const held = [...(named.get("validation") ?? []), ...(named.get("test") ?? [])];
  const alone = held.find((name) => peek(join(root, name)).folders.length > 0);
  if (alone !== undefined)
    throw new UserError(
      `${root} has ${alone}/ but no train/ folder with one folder per class: add train/, or give the folder that holds the classes`,
    );
  const [first] = named.get("train") ?? [];
  if (first !== undefined && held.length > 0 && images.length === 0 && folders.every((name) => partNamed(name) !== undefined))
    throw new UserError(
      `${root} holds ${folders.map((name) => `${name}/`).join(" and ")}, but ${join(root, first)} has no class folders: ` +
        "put the images of each class in a folder named after the class",
    );
  return {};
}

/** Archives unpack to seg_train/seg_train/: a folder in a folder of the same kind. */
function unwrapped(folder: string, part: Part): string {
  const { folders, images } = readEntries(folder, new LeftOutCounter(folder));
  const [only] = folders;
  if (only === undefined || folders.length > 1 || images.length > 0 || partNamed(only) !== part) return folder;
  const inner = join(folder, only);
  const inside = readEntries(inner, new LeftOutCounter(inner));
  return inside.folders.length > 0 || part !== "train" ? unwrapped(inner, part) : folder;
}

function outsideCounted(folder: string, leftOut: LeftOutCounter): FolderEntries {
  const entries = readEntries(folder, leftOut);
  for (const { path } of entries.images) leftOut.add(OUTSIDE, path);
  return entries;
}

/** Classes of the folder, after checking that there is something to tell apart. */
function classesOf(root: string, entries: FolderEntries, leftOut: LeftOutCounter): readonly ClassFolders[] {
  const byName = new Map<string, string[]>();
  for (const folder of entries.folders) {
    const name = folder.normalize();
    byName.set(name, [...(byName.get(name) ?? []), folder]);
  }
  const classes = [...byName].map(([name, folders]) => ({ name, folders })).sort((a, b) => (a.name < b.name ? -1 : 1));
  if (classes.length < 2) throw noClasses(root, entries, leftOut.list);
  if (classes.length > CLASS_LIMIT)
    throw new UserError(`${root} holds ${classes.length} class folders, but at most 65,536 are supported`);
  return classes;
}

function listTraining(root: string, classes: readonly ClassFolders[], leftOut: LeftOutCounter): ImageFile[] {
  return classes.flatMap(({ folders }, label) => {
    const inside = new LeftOutCounter(root);
    const images = folders.flatMap((folder) => imagesBelow(join(root, folder), inside));
    if (images.length === 0)
      throw noImages(`the class folder ${join(root, folders[0])}`, inside, "add images or remove the folder");
    leftOut.addAll(inside, root);
    return labelled(images, label, "train");
  });
}

/** Undefined where the folder's images have no class folders. */
function listHeldOut(
  folder: string,
  classes: readonly ClassFolders[],
  part: Part,
  leftOut: LeftOutCounter,
): ImageFile[] | undefined {
  const { folders, images } = readEntries(folder, leftOut);
  if (folders.length === 0 && images.length > 0) {
    const advice = "they have no class folders; ask `rbnet predict` what they show";
    const many = part === "test" ? "unlabelled test pictures" : "unlabelled validation pictures";
    leftOut.add({ one: many.replace("unlabelled", "an unlabelled").slice(0, -1), many, advice }, images[0].path, images.length);
    return undefined;
  }
  for (const { path } of images) leftOut.add(OUTSIDE, path);
  const labels = new Map(classes.map(({ name }, label) => [name, label]));
  const inside = new LeftOutCounter(folder);
  const files = folders.flatMap((name) => {
    const label = labels.get(name.normalize());
    const found = imagesBelow(join(folder, name), inside);
    if (found.length === 0) leftOut.add(EMPTY_FOLDER, join(folder, name));
    else if (label === undefined) throw unknownClass(folder, name, classes);
    return label === undefined ? [] : labelled(found, label, part);
  });
  if (files.length === 0) throw noImages(folder, inside, "fill it with one folder per class, or remove it");
  leftOut.addAll(inside, folder);
  return files.sort((one, other) => one.label - other.label);
}

function labelled(images: readonly ImagePath[], label: number, part: Part): ImageFile[] {
  return images.map((image) => ({ ...image, label, part })).sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Says what is there instead. */
function noImages(folder: string, { list }: LeftOutCounter, expected: string): UserError {
  const others = list.filter(({ litter }) => litter !== true);
  if (others.length === 0) return new UserError(`${folder} holds no images: ${expected}`);
  return new UserError(
    `${folder} holds no images that can be read, but ${others.slice(0, 3).map(leftOutText).join(", ")}: ${expected}`,
  );
}

function unknownClass(folder: string, name: string, classes: readonly ClassFolders[]): UserError {
  const fold = (text: string): string => text.normalize("NFKC").toLowerCase().trim();
  const alike = classes.find((one) => fold(one.name) === fold(name));
  if (alike !== undefined)
    return new UserError(
      `${folder} has a class ${JSON.stringify(name)}, which is ${JSON.stringify(alike.name)} in the training part: give both the same name`,
    );
  return new UserError(`${folder} has a class "${name}" that the training part does not have: use the same class names in both`);
}

/** Folders that every class holds, where no image lies outside of them: classes below parts of unknown names look so. */
function foldersInAll(root: string, classes: readonly ClassFolders[], files: readonly ImageFile[]): readonly string[] {
  const inner = classes.map(() => new Set<string>());
  for (const { path, label } of files) {
    const [, first, ...deeper] = relative(root, path).split(sep);
    if (first === undefined || deeper.length === 0) return [];
    inner[label].add(first);
  }
  const [some, ...rest] = inner;
  const alike = rest.every((names) => names.size === some.size && [...names].every((name) => some.has(name)));
  return alike && some.size > 1 ? [...some] : [];
}

function placeOf(root: string, folder: string): string {
  const path = relative(root, folder).split(sep).join("/");
  return path === "" ? "" : `${path}/`;
}
