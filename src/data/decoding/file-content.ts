/**
 * What a file is, by its first bytes: names lie, and a person whose pictures are left out wants to hear what they are instead. Only what is
 * known to be an image goes to the decoder, which would else draw vector graphics, too, and the files that they name.
 */

/** As many bytes as are looked at: the mark of a tar is its 258th, and a drawing may start with a comment. */
export const HEAD_BYTES = 1024;

/** Endings of what the decoder reads: a scan of many files takes their word for it, and looks into all others. */
export const IMAGE_FILE_NAME = /\.(jpe?g|jpe|jfif|png|webp|avif|gif|tiff?|bmp|dib)$/i;

export type ImageFormat = "JPEG" | "PNG" | "GIF" | "WebP" | "TIFF" | "AVIF" | "HEIC" | "BMP";

/** Something that is no image here, alone and in number, and what to do about it. */
export interface OtherContent {
  readonly one: string;
  readonly many: string;
  readonly advice?: string;
}

export type Content = ImageFormat | OtherContent;

const CONVERT = "convert them to JPEG or PNG";
const UNPACK = "unpack them";

export const EMPTY_FILE: OtherContent = { one: "an empty file", many: "empty files", advice: "copy them again" };
export const UNKNOWN_FILE: OtherContent = { one: "a file of an unknown kind", many: "files of an unknown kind" };
/** What HEIC is where the decoder has no HEVC. */
export const HEIC_PICTURE: OtherContent = {
  one: "a HEIC picture",
  many: "HEIC pictures",
  advice: "convert them to JPEG, for example by `magick mogrify -format jpg *.HEIC`, or `sips -s format jpeg` on a Mac",
};
export const CAMERA_RAW: OtherContent = { one: "a camera's raw picture", many: "raw pictures of a camera", advice: CONVERT };

/** Endings of raw pictures; what they hold begins like a TIFF, which is a thumbnail. */
export const CAMERA_RAW_NAME = /\.(dng|nef|nrw|arw|srf|sr2|cr2|cr3|crw|orf|raf|rw2|pef|srw|3fr|iiq|erf|kdc)$/i;

const VIDEO: OtherContent = { one: "a video", many: "videos", advice: "take single pictures out of them" };
const SVG_DRAWING: OtherContent = { one: "an SVG drawing", many: "SVG drawings", advice: "export them as PNG" };
const HTML_PAGE: OtherContent = { one: "an HTML page", many: "HTML pages", advice: "download the pictures again" };
const LFS_POINTER: OtherContent = {
  one: "a Git LFS pointer",
  many: "Git LFS pointers",
  advice: "fetch the pictures by `git lfs pull`",
};
export const TEXT_FILE: OtherContent = { one: "a text file", many: "text files" };

const others = (bytes: string, one: string, many: string, advice?: string) =>
  [bytes, { one, many, ...(advice === undefined ? {} : { advice }) }] as const;

/** First bytes in hexadecimal, any byte as two dots. */
const STARTS: readonly (readonly [string, Content])[] = [
  ["ffd8ff", "JPEG"],
  ["89504e470d0a1a0a", "PNG"],
  ["474946383761", "GIF"],
  ["474946383961", "GIF"],
  ["52494646........57454250", "WebP"],
  ["49492a00", "TIFF"],
  ["4d4d002a", "TIFF"],
  ["49492b00", "TIFF"],
  ["4d4d002b", "TIFF"],
  // A BMP's second header begins with its own length.
  ["424d........................(?:0c|10|28|34|38|40|6c|7c)000000", "BMP"],
  others("38425053", "a Photoshop file", "Photoshop files", CONVERT),
  others("00000100", "an icon (ICO)", "icons (ICO)", CONVERT),
  others("ff0a", "a JPEG XL picture", "JPEG XL pictures", CONVERT),
  others("0000000c4a584c20", "a JPEG XL picture", "JPEG XL pictures", CONVERT),
  others("0000000c6a502020", "a JPEG 2000 picture", "JPEG 2000 pictures", CONVERT),
  others("ff4fff51", "a JPEG 2000 picture", "JPEG 2000 pictures", CONVERT),
  others("50[3][1-7][02][9ad0]", "a Netpbm picture (PPM)", "Netpbm pictures (PPM)", CONVERT),
  others("762f3101", "an OpenEXR picture", "OpenEXR pictures", CONVERT),
  others("44445320", "a DDS texture", "DDS textures", CONVERT),
  others("25504446", "a PDF document", "PDF documents", CONVERT),
  ["52494646........41564920", VIDEO],
  ["1a45dfa3", VIDEO],
  ["000001b[3a]", VIDEO],
  others("504b0304", "a ZIP archive", "ZIP archives", UNPACK),
  others("1f8b", "a gzip archive", "gzip archives", UNPACK),
  others("425a68", "a bzip2 archive", "bzip2 archives", UNPACK),
  others("fd377a585a00", "an xz archive", "xz archives", UNPACK),
  others("28b52ffd", "a Zstandard archive", "Zstandard archives", UNPACK),
  others("377abcaf271c", "a 7z archive", "7z archives", UNPACK),
  others("526172211a07", "a RAR archive", "RAR archives", UNPACK),
  others("80[0][2-5]", "a Python pickle", "Python pickles", "write the pictures to image files"),
  others("934e554d5059", "a NumPy array", "NumPy arrays", "write the pictures to image files"),
  others("894844460d0a1a0a", "an HDF5 file", "HDF5 files", "write the pictures to image files"),
  others("50415231", "a Parquet file", "Parquet files", "write the pictures to image files"),
  others("00051607", "a Mac's resource file", "resource files of a Mac"),
];
const PATTERNS = STARTS.map(([start, content]) => [new RegExp(`^(?:${start})`), content] as const);
const LONGEST_START = 24;

/** `head`: the first HEAD_BYTES of a file, or all of a shorter one. */
export function contentOf(head: Uint8Array): Content {
  if (head.length === 0) return EMPTY_FILE;
  const start = Buffer.from(head.subarray(0, LONGEST_START)).toString("hex");
  if (start.slice(8, 16) === "66747970") return containerContent(head);
  const known = PATTERNS.find(([pattern]) => pattern.test(start));
  if (known !== undefined) return known[1];
  if (Buffer.from(head.subarray(257, 262)).toString("latin1") === "ustar")
    return { one: "a tar archive", many: "tar archives", advice: UNPACK };
  return textContent(head);
}

/** ISO base media files (`ftyp`): AVIF, HEIC and videos say so by their brands. */
function containerContent(head: Uint8Array): Content {
  const bytes = Buffer.from(head);
  const end = Math.min(bytes.readUInt32BE(0), bytes.length);
  const brands: string[] = [];
  for (let at = 8; at + 4 <= end; at += 4) if (at !== 12) brands.push(bytes.toString("latin1", at, at + 4));
  if (brands.some((brand) => /^avi[fs]$/.test(brand))) return "AVIF";
  return brands.some((brand) => /^(he(ic|ix|im|is|vc|vx|vm|vs)|mif1|msf1)$/.test(brand)) ? "HEIC" : VIDEO;
}

function textContent(head: Uint8Array): Content {
  if ((head[0] === 0xff && head[1] === 0xfe) || (head[0] === 0xfe && head[1] === 0xff)) return TEXT_FILE;
  // Control characters other than tabs, line breaks and page breaks are in no text.
  if (head.some((byte) => byte < 9 || (byte > 13 && byte < 32))) return UNKNOWN_FILE;
  const text = new TextDecoder().decode(head).trimStart();
  if (/<svg[\s>]/i.test(text)) return SVG_DRAWING;
  if (/^<(!doctype html|html|head|body)/i.test(text)) return HTML_PAGE;
  return text.startsWith("version https://git-lfs") ? LFS_POINTER : TEXT_FILE;
}
