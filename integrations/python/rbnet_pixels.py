"""An image file as the pixels that an rbnet model reads, with NumPy and Pillow: "From an image to the input" of docs/model-file.md."""

import numpy as np
from PIL import Image, ImageOps


def read_pixels(path, side, size):
    """[size, size, 3] bytes: the shorter side scaled to `side`, and the centre cut out."""
    image = Image.open(path)
    factor = decoder_reduction(min(image.size) / side) if image.format == "JPEG" else 1
    if factor > 1:
        width, height = image.width // factor, image.height // factor
        image.draft("RGB", (width, height))
        image = image.crop((0, 0, width, height))
    image = ImageOps.exif_transpose(image)
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image.convert("RGBA"))
    pixels = np.asarray(image.convert("RGB"), np.uint8)
    f = min(pixels.shape[:2]) / side
    if f < 1:
        pixels = enlarge_rows(enlarge_rows(pixels.swapaxes(0, 1), f).swapaxes(0, 1), f)
        pixels = np.clip(pixels, 0, 255).astype(np.uint8)
    if f > 1:
        pixels = reduce_rows(reduce_rows(pixels, f).swapaxes(0, 1), f).swapaxes(0, 1)
    top, left = ((length - side + 1) // 2 + (side - size) // 2 for length in pixels.shape[:2])
    return pixels[top : top + size, left : left + size]


def decoder_reduction(reduction):
    for power in (8, 4, 2):
        if reduction >= power:
            return power // 2 if int(reduction) == power else power
    return 1


def reduce_rows(pixels, f):
    length = len(pixels)
    count = int(np.floor(length / f + 0.5))
    extra = count * f - length
    tile = max(1, int(length / count / 2))
    if tile > 1:
        padded = np.concatenate([pixels, np.repeat(pixels[-1:], -length % tile, 0)]).astype(np.int64)
        pixels = (padded.reshape(-1, tile, *pixels.shape[1:]).sum(1) + tile // 2) // tile
    return np.clip(lanczos_rows(pixels, f / tile, count, extra / tile), 0, 255).astype(np.uint8)


def weighed(pixels, first, weights):
    """The sum of rows from `first` on, the outermost repeated, each with its weight; weights are cut to 1/4096."""
    at = np.clip(first + np.arange(len(weights)), 0, len(pixels) - 1)
    total = np.tensordot(np.trunc(weights * 4096).astype(np.int64), pixels[at].astype(np.int64), axes=(0, 0))
    return (total + 2048) >> 12


def split(x):
    """A place as a whole number, and the rest to the nearest 64th."""
    whole = int(np.floor(x))
    return whole, ((int(np.floor(x * 128)) % 128 + 1) >> 1) / 64


def lanczos_rows(pixels, f, count, extra):
    reach = int(np.rint(3 * f))
    rows = []
    for i in range(count):
        whole, rest = split((i + 0.5) * f - extra / 2)
        distance = (np.arange(2 * reach + 1) - rest - reach + 0.5) / f
        weights = np.where(np.abs(distance) < 3, np.sinc(distance) * np.sinc(distance / 3), 0)
        rows.append(weighed(pixels, whole - reach, weights / weights.sum()))
    return np.array(rows)


def enlarge_rows(pixels, f):
    rows = []
    for i in range(int(np.floor(len(pixels) / f + 0.5))):
        whole, t = split(i * f - 0.5)
        weights = [-0.5 * t * (1 - t) ** 2, 1 - 2.5 * t**2 + 1.5 * t**3, 0.5 * t * (1 + 4 * t - 3 * t**2), -0.5 * t**2 * (1 - t)]
        rows.append(weighed(pixels, whole - 1, np.array(weights)))
    return np.array(rows)
