/**
 * Reads the shape of an image folder: which sub-folders are classes, which files are images, and whether the folder brings its own
 * train, validation and test parts. Touches names and sizes only; no image is opened here.
 */
import { type Dirent, readdirSync, realpathSync, statSync } from "node:fs";
import { join } from "node:path";
import { codeOf, messageOf, UserError } from "../../errors.js";
import type { Part } from "../dataset.js";
import { IMAGE_FILE_NAME } from "../decoding/image-file.js";

export interface ImageFile {
  readonly path: string;
  readonly label: number;
  readonly part: Part;
  /** Size and time of change, by which the cache knows that a file is still the same. */
  readonly bytes: number;
  readonly modifiedMs: number;
}

export interface FolderLayout {
  /** Sorted by code unit. */
  readonly classes: readonly string[];
  /** Sorted by part, class and path. */
  readonly files: readonly ImageFile[];
  readonly hasValidation: boolean;
  readonly hasTest: boolean;
}

const VALIDATION_NAMES = ["val", "validation", "valid"];

/**
 * Lists the images of `root`: one folder per class, or train/ with such folders beside val/ (or validation/, valid/) or test/.
 * Images may lie deeper inside a class folder. Hidden files and files that are no images are ignored, symbolic links are followed once.
 *
 * @throws UserError where the folder cannot be read or is not laid out so
 */
export function readFolderLayout(root: string): FolderLayout {
  const folders = subfolders(root);
  const hasTrain = folders.includes("train") && subfolders(join(root, "train")).length > 0;
  if (!hasTrain) {
    const alone = folders.find((name) => name === "test" || VALIDATION_NAMES.includes(name));
    if (alone !== undefined && subfolders(join(root, alone)).length > 0) {
      throw new UserError(
        `${root} has ${alone}/ but no train/ folder with one folder per class: add train/, or give the folder that holds the classes`,
      );
    }
    const classes = classesOf(root, folders);
    return { classes, files: listPart(root, classes, "train"), hasValidation: false, hasTest: false };
  }
  const trainFolder = join(root, "train");
  const classes = classesOf(trainFolder, subfolders(trainFolder));
  const files = listPart(trainFolder, classes, "train");
  const validationName = VALIDATION_NAMES.find((name) => folders.includes(name));
  if (validationName !== undefined) files.push(...listHeldOut(join(root, validationName), classes, "validation"));
  const hasTest = folders.includes("test");
  if (hasTest) files.push(...listHeldOut(join(root, "test"), classes, "test"));
  return { classes, files, hasValidation: validationName !== undefined, hasTest };
}

/** Class names of the folder, after checking that there is something to tell apart. */
function classesOf(root: string, folders: readonly string[]): readonly string[] {
  if (folders.length === 0) {
    const loose = entries(root).some((entry) => IMAGE_FILE_NAME.test(entry.name));
    throw new UserError(
      loose
        ? `${root} holds images but no class folders: put the images of each class in a folder named after the class`
        : `${root} is empty: expected one folder of images per class`,
    );
  }
  if (folders.length === 1) {
    throw new UserError(`${root} holds a single class, "${folders[0]}": a classifier needs at least 2 class folders`);
  }
  if (folders.length > 65536)
    throw new UserError(`${root} holds ${folders.length} class folders, but at most 65,536 are supported`);
  return folders;
}

function listHeldOut(folder: string, classes: readonly string[], part: Part): ImageFile[] {
  const unknown = subfolders(folder).find((name) => !classes.includes(name));
  if (unknown !== undefined) {
    throw new UserError(`${folder} has a class "${unknown}" that train/ does not have: use the same class names in both`);
  }
  const present = new Set(subfolders(folder));
  const files = classes.flatMap((name, label) => (present.has(name) ? listImages(join(folder, name), label, part) : []));
  if (files.length === 0) throw new UserError(`${folder} holds no images: fill it with one folder per class, or remove it`);
  return files;
}

function listPart(folder: string, classes: readonly string[], part: Part): ImageFile[] {
  return classes.flatMap((name, label) => {
    const files = listImages(join(folder, name), label, part);
    if (files.length === 0)
      throw new UserError(`the class folder ${join(folder, name)} holds no images: add images or remove the folder`);
    return files;
  });
}

function listImages(folder: string, label: number, part: Part): ImageFile[] {
  const files: ImageFile[] = [];
  const visited = new Set<string>();
  const visit = (current: string): void => {
    const real = realpathSync(current);
    if (visited.has(real)) return; // a link back to a folder above would never end
    visited.add(real);
    for (const entry of entries(current)) {
      const path = join(current, entry.name);
      const plain = entry.isFile();
      if (plain && !IMAGE_FILE_NAME.test(entry.name)) continue;
      if (!plain && !entry.isDirectory() && !entry.isSymbolicLink()) continue;
      const status = statSync(path, { throwIfNoEntry: false });
      if (status?.isDirectory()) visit(path);
      else if (status?.isFile() && IMAGE_FILE_NAME.test(entry.name)) {
        files.push({ path, label, part, bytes: status.size, modifiedMs: status.mtimeMs });
      }
    }
  };
  visit(folder);
  return files;
}

/** Visible folders in `folder`, linked ones too, sorted by code unit. */
function subfolders(folder: string): string[] {
  return entries(folder)
    .filter(
      (entry) =>
        entry.isDirectory() ||
        (entry.isSymbolicLink() && statSync(join(folder, entry.name), { throwIfNoEntry: false })?.isDirectory()),
    )
    .map((entry) => entry.name);
}

/** Visible entries of a folder, sorted by code unit. */
function entries(folder: string): Dirent[] {
  let found: Dirent[];
  try {
    found = readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw unreadable(folder, error);
  }
  return found.filter((entry) => !entry.name.startsWith(".")).sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

function unreadable(folder: string, error: unknown): UserError {
  const code = codeOf(error);
  if (code === "ENOENT")
    return new UserError(`there is no folder ${folder}: give a folder with one sub-folder of images per class`);
  if (code === "ENOTDIR") return new UserError(`${folder} is a file: give a folder with one sub-folder of images per class`);
  if (code === "EACCES" || code === "EPERM") return new UserError(`the folder ${folder} may not be read: change its permissions`);
  return new UserError(`the folder ${folder} cannot be read (${messageOf(error)})`);
}
