/**
 * The pictures of a request to `POST /classify`: its body as it is, the files of a form, or base64 in JSON. What comes is data from a
 * stranger: whatever cannot be read is refused in one sentence.
 */
import type { Context } from "hono";
import { z } from "zod";
import { UserError } from "../errors.js";

/** Of one request. */
export const BATCH_LIMIT = 256;
/** Labels that are named for a picture unless the request says how many. */
const TOP = 5;

/** A picture and what it is called: a file's name, else its place in the request, from 1. */
export interface NamedPicture {
  readonly name: string;
  readonly bytes: Uint8Array;
}

/** One picture is answered by its predictions, several by a list of results. */
export type Pictures =
  | { readonly kind: "one"; readonly picture: Uint8Array }
  | { readonly kind: "several"; readonly pictures: readonly NamedPicture[] };

const jsonSchema = z.union([z.strictObject({ image: z.string() }), z.strictObject({ images: z.array(z.string()).min(1) })]);

/** Labels to name. @throws UserError where it is no whole number from 1 */
export function readTop(text: string | undefined): number {
  const top = text === undefined ? TOP : Number(text);
  if (text === "" || !Number.isSafeInteger(top) || top < 1)
    throw new UserError(`top is ${text}, but has to be a whole number from 1`);
  return top;
}

/** @throws UserError where the request holds no picture that could be read */
export async function picturesOf({ req }: Context): Promise<Pictures> {
  const type = (req.header("Content-Type") ?? "").toLowerCase();
  if (type.startsWith("multipart/form-data")) return picturesOfForm(await req.formData().catch(refuseForm));
  const body = new Uint8Array(await req.arrayBuffer().catch(refuseBody));
  if (body.length === 0) throw new UserError("the request has no body; send the bytes of an image");
  return type.startsWith("application/json") ? picturesOfJson(body) : { kind: "one", picture: body };
}

function refuseForm(): never {
  throw new UserError("the form cannot be read; send the image as the body, or as a file of a multipart form");
}

/** A client that goes away in the middle of its request reads no answer; whoever reads the log sees what happened. */
function refuseBody(): never {
  throw new UserError("the request ended before all of its body had come; send it again");
}

async function picturesOfForm(form: FormData): Promise<Pictures> {
  const files = [...form.values()].filter((value) => value instanceof File);
  const [first, ...others] = await Promise.all(
    files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
  );
  if (first === undefined) throw new UserError("the form holds no file; send the image as the body, or as a file of the form");
  return others.length === 0 ? { kind: "one", picture: first.bytes } : several([first, ...others]);
}

function picturesOfJson(body: Uint8Array): Pictures {
  const parsed = jsonSchema.safeParse(parse(body));
  if (!parsed.success)
    throw new UserError(
      `the JSON is expected to be {"image": "<base64>"} or {"images": ["<base64>", ...]}; send one of these, or the ` +
        "bytes of an image as the body",
    );
  const { data } = parsed;
  if ("image" in data) return { kind: "one", picture: decodeBase64(data.image, "image") };
  return several(data.images.map((text, i) => ({ name: `${i + 1}`, bytes: decodeBase64(text, `images[${i}]`) })));
}

function several(pictures: readonly NamedPicture[]): Pictures {
  if (pictures.length > BATCH_LIMIT)
    throw new UserError(`the request holds ${pictures.length} images, and ${BATCH_LIMIT} are the most; send fewer at once`);
  return { kind: "several", pictures };
}

function parse(body: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(body));
  } catch {
    throw new UserError(
      "the body is said to be JSON, but cannot be read as such; send JSON, or an image with its own Content-Type",
    );
  }
}

/** With or without the `data:image/png;base64,` that a page's canvas puts before it. */
function decodeBase64(text: string, place: string): Uint8Array {
  const digits = text.replace(/^data:[^,]{0,100},/, "");
  if (digits === "" || !/^[A-Za-z0-9+/_-]+={0,2}$/.test(digits))
    throw new UserError(`${place} is not base64; send the bytes of an image file in base64, without spaces`);
  return new Uint8Array(Buffer.from(digits, "base64"));
}
