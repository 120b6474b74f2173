/**
 * Windows bitmaps, which the decoder of all other images does not read: uncompressed with 1 to 32 bits a pixel, bit fields, and run
 * lengths; headers of Windows and of OS/2.
 */

/** As they are stored: RGBA where the file says which bits are alpha, else RGB; the first row on top. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  readonly channels: 3 | 4;
  readonly pixels: Uint8Array;
}

const FILE_HEADER = 14;
/** Length of OS/2's header, with sizes of 16 bits and colours of three bytes. */
const CORE_HEADER = 12;
const RGB = 0;
const RLE8 = 1;
const RLE4 = 2;
const BIT_FIELDS = 3;
const ALPHA_BIT_FIELDS = 6;

interface Header {
  readonly width: number;
  readonly height: number;
  readonly topDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Where the pixels begin. */
  readonly start: number;
  /** Four bytes a colour, or OS/2's three. */
  readonly colourBytes: number;
  readonly paletteStart: number;
  readonly colours: number;
  /** Of red, green, blue and alpha in a pixel of 16 or 32 bits; 0 for none. */
  readonly masks: readonly [number, number, number, number];
}

/**
 * Width and height in pixels.
 *
 * @throws Error with a phrase that says what is wrong
 */
export function bitmapShape(bytes: Uint8Array): Pick<Bitmap, "width" | "height"> {
  const { width, height } = readHeader(viewOf(bytes));
  return { width, height };
}

/** @throws Error with a phrase that says what is wrong */
export function decodeBitmap(bytes: Uint8Array): Bitmap {
  const view = viewOf(bytes);
  const header = readHeader(view);
  const { width, height, bits, compression } = header;
  if (bits > 8) return directPixels(view, header);
  const indices = compression === RGB ? packedIndices(view, header) : runIndices(bytes, header);
  const pixels = new Uint8Array(width * height * 3);
  for (let pixel = 0; pixel < indices.length; pixel++) {
    const index = indices[pixel];
    // An index beyond the palette is black, as everywhere.
    if (index >= header.colours) continue;
    const colour = header.paletteStart + index * header.colourBytes;
    for (let c = 0; c < 3; c++) pixels[pixel * 3 + c] = bytes[colour + 2 - c];
  }
  return { width, height, channels: 3, pixels };
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readHeader(view: DataView): Header {
  if (view.byteLength < FILE_HEADER + CORE_HEADER) throw new Error("its header is cut off");
  const length = view.getUint32(FILE_HEADER, true);
  if (view.byteLength < FILE_HEADER + length) throw new Error("its header is cut off");
  const at = (offset: number): number => view.getUint32(FILE_HEADER + offset, true);
  const core = length === CORE_HEADER;
  const width = core ? view.getUint16(FILE_HEADER + 4, true) : view.getInt32(FILE_HEADER + 4, true);
  const signedHeight = core ? view.getUint16(FILE_HEADER + 6, true) : view.getInt32(FILE_HEADER + 8, true);
  const bits = view.getUint16(FILE_HEADER + (core ? 10 : 14), true);
  const compression = core || length < 20 ? RGB : at(16);
  const hasFields = compression === BIT_FIELDS || compression === ALPHA_BIT_FIELDS;
  requireReadable(width, signedHeight, bits, compression);
  // Fields lie behind a header of 40 bytes, and inside a longer one: the same place.
  const fieldBytes = hasFields && length === 40 ? (compression === BIT_FIELDS ? 12 : 16) : 0;
  const hasAlpha = hasFields && (compression === ALPHA_BIT_FIELDS || length >= 56);
  if (hasFields && view.byteLength < FILE_HEADER + (hasAlpha ? 56 : 52)) throw new Error("its header is cut off");
  const paletteStart = FILE_HEADER + length + fieldBytes;
  const start = view.getUint32(10, true);
  const colourBytes = core ? 3 : 4;
  const said = core || length < 36 ? 0 : at(32);
  const room = Math.max(0, Math.floor((Math.min(start, view.byteLength) - paletteStart) / colourBytes));
  return {
    width,
    height: Math.abs(signedHeight),
    topDown: signedHeight < 0,
    bits,
    compression,
    start,
    colourBytes,
    paletteStart,
    colours: Math.min(said === 0 ? 2 ** Math.min(bits, 8) : said, room),
    masks: hasFields
      ? [at(40), at(44), at(48), hasAlpha ? at(52) : 0]
      : bits === 16
        ? [0x7c00, 0x3e0, 0x1f, 0]
        : [0xff0000, 0xff00, 0xff, 0],
  };
}

function requireReadable(width: number, height: number, bits: number, compression: number): void {
  if (width < 1 || height === 0) throw new Error(`its size is ${width} x ${height}`);
  const fits =
    compression === RGB
      ? [1, 2, 4, 8, 16, 24, 32].includes(bits)
      : compression === RLE8
        ? bits === 8
        : compression === RLE4
          ? bits === 4
          : (compression === BIT_FIELDS || compression === ALPHA_BIT_FIELDS) && (bits === 16 || bits === 32);
  if (!fits) throw new Error(`it is a BMP of an unusual kind (${bits} bits, compression ${compression})`);
}

/** Where a row of the picture, counted from the top, begins in the file. */
function rowStart({ start, height, topDown }: Header, y: number, stride: number): number {
  return start + (topDown ? y : height - 1 - y) * stride;
}

function requireRows(view: DataView, { start, height }: Header, stride: number): void {
  if (start + stride * height > view.byteLength) throw new Error("it is cut off");
}

/** 16, 24 and 32 bits: colours themselves. */
function directPixels(view: DataView, header: Header): Bitmap {
  const { width, height, bits, masks } = header;
  const stride = Math.ceil((width * bits) / 32) * 4;
  requireRows(view, header, stride);
  const channels = masks[3] === 0 ? 3 : 4;
  const fields = masks.slice(0, channels).map((mask) => fieldOf(mask));
  const pixels = new Uint8Array(width * height * channels);
  let to = 0;
  for (let y = 0; y < height; y++) {
    const row = rowStart(header, y, stride);
    for (let x = 0; x < width; x++) {
      const from = row + (x * bits) / 8;
      const value =
        bits === 16
          ? view.getUint16(from, true)
          : bits === 24
            ? view.getUint16(from, true) | (view.getUint8(from + 2) << 16)
            : view.getUint32(from, true);
      for (const { mask, shift, most } of fields)
        pixels[to++] = most === 0 ? 0 : Math.round((((value & mask) >>> shift) * 255) / most);
    }
  }
  return { width, height, channels, pixels: channels === 4 ? opaqueWhereUnused(pixels) : pixels };
}

function fieldOf(mask: number): { readonly mask: number; readonly shift: number; readonly most: number } {
  const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
  return { mask, shift, most: mask >>> shift };
}

/** Some programs say that there is alpha and leave it 0 everywhere. */
function opaqueWhereUnused(pixels: Uint8Array): Uint8Array {
  for (let at = 3; at < pixels.length; at += 4) if (pixels[at] !== 0) return pixels;
  for (let at = 3; at < pixels.length; at += 4) pixels[at] = 255;
  return pixels;
}

/** 1, 2, 4 and 8 bits: places in the palette, the first in the highest bits. */
function packedIndices(view: DataView, header: Header): Uint8Array {
  const { width, height, bits } = header;
  const stride = Math.ceil((width * bits) / 32) * 4;
  requireRows(view, header, stride);
  const indices = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = rowStart(header, y, stride);
    for (let x = 0; x < width; x++) {
      const bit = x * bits;
      indices[y * width + x] = (view.getUint8(row + (bit >> 3)) >> (8 - bits - (bit & 7))) & (2 ** bits - 1);
    }
  }
  return indices;
}

/** Run lengths: (count, value), or 0 and an escape: end of row, end of picture, a jump, or so many values as they are. */
function runIndices(bytes: Uint8Array, { width, height, bits, start, topDown }: Header): Uint8Array {
  const indices = new Uint8Array(width * height);
  let x = 0;
  let y = 0;
  const put = (value: number): void => {
    if (x < width && y < height) indices[(topDown ? y : height - 1 - y) * width + x] = value;
    x++;
  };
  const nibble = (byte: number, place: number): number => (bits === 8 ? byte : place % 2 === 0 ? byte >> 4 : byte & 15);
  let at = start;
  while (y < height) {
    if (at + 2 > bytes.length) throw new Error("it is cut off");
    const count = bytes[at++];
    const value = bytes[at++];
    if (count > 0) for (let place = 0; place < count; place++) put(nibble(value, place));
    else if (value === 0) {
      x = 0;
      y++;
    } else if (value === 1) break;
    else if (value === 2) {
      if (at + 2 > bytes.length) throw new Error("it is cut off");
      x += bytes[at++];
      y += bytes[at++];
    } else {
      const length = Math.ceil((value * bits) / 8);
      if (at + length > bytes.length) throw new Error("it is cut off");
      for (let place = 0; place < value; place++) put(nibble(bytes[at + ((place * bits) >> 3)], place));
      at += length + (length & 1);
    }
  }
  return indices;
}
