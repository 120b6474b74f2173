/** What a JPEG says of itself before its pixels. Asking the decoder for it takes as long as a fifth of decoding the image. */

export interface JpegHeader {
  readonly width: number;
  readonly height: number;
  /** 1 for grey, 3 for colours, 4 for inks. */
  readonly components: number;
  /** Whether EXIF data turn it, or may do so. */
  readonly turned: boolean;
}

const START_OF_SCAN = 0xffda;
const EXIF_SEGMENT = 0xffe1;
/** SOF0 to SOF15, among which DHT, JPG and DAC have numbers, too. */
const isFrame = (marker: number): boolean =>
  marker >= 0xffc0 && marker <= 0xffcf && marker !== 0xffc4 && marker !== 0xffc8 && marker !== 0xffcc;

/** `bytes`: the file's first, or all. Undefined where they do not reach up to the pixels, or are not as usual: ask the decoder then. */
export function jpegHeader(bytes: Uint8Array): JpegHeader | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let frame: Omit<JpegHeader, "turned"> | undefined;
  let turned = false;
  for (let at = 2; at + 10 <= bytes.length; at += 2 + view.getUint16(at + 2)) {
    const marker = view.getUint16(at);
    if (marker === START_OF_SCAN) return frame && { ...frame, turned };
    // Markers without a length, bytes that fill up, and whatever else is rare.
    if (marker < 0xffc0 || marker >= 0xffff || (marker >= 0xffd0 && marker <= 0xffd9)) return undefined;
    if (isFrame(marker)) {
      const [height, width] = [view.getUint16(at + 5), view.getUint16(at + 7)];
      if (frame !== undefined || width === 0 || height === 0) return undefined;
      frame = { width, height, components: bytes[at + 9] };
    }
    if (marker === EXIF_SEGMENT) turned ||= mayBeTurned(bytes.subarray(at + 4, at + 2 + view.getUint16(at + 2)));
  }
  return undefined;
}

const ORIENTATION = 0x0112;
/** "Exif", and two bytes of 0. */
const EXIF_MARK = "457869660000";
const SHORT = 3;

/** Whether EXIF data may say that the image is to be turned. */
function mayBeTurned(segment: Uint8Array): boolean {
  if (Buffer.from(segment.subarray(0, 6)).toString("hex") !== EXIF_MARK) return false;
  const tiff = new DataView(segment.buffer, segment.byteOffset + 6, segment.byteLength - 6);
  if (tiff.byteLength < 8) return true;
  const little = tiff.getUint16(0) === 0x4949;
  const directory = tiff.getUint32(4, little);
  if (directory + 2 > tiff.byteLength) return true;
  const entries = tiff.getUint16(directory, little);
  if (directory + 2 + 12 * entries > tiff.byteLength) return true;
  for (let entry = 0; entry < entries; entry++) {
    const at = directory + 2 + 12 * entry;
    if (tiff.getUint16(at, little) !== ORIENTATION) continue;
    return tiff.getUint16(at + 2, little) !== SHORT || tiff.getUint16(at + 8, little) !== 1;
  }
  return false;
}
