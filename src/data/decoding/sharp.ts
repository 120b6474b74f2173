/**
 * `sharp`, loaded as CommonJS: Node looks into every module of its that is imported before it runs it, which takes twice the time
 * of all else.
 */
import { createRequire } from "node:module";
import type Sharp from "sharp";

export const sharp = createRequire(import.meta.url)("sharp") as typeof Sharp;
