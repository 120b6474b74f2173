"""Real pictures for schemathesis, which cannot invent bytes that are an image: PNG files of any small size, as a body,
as a file and in base64."""

import base64
import struct
import zlib

import schemathesis
from hypothesis import strategies


def png(size: int, shade: int) -> bytes:
    """A grey square, the smallest way to write one."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    rows = (b"\0" + bytes([shade]) * size) * size
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


PICTURES = strategies.builds(png, strategies.integers(1, 64), strategies.integers(0, 255))

for media_type in ("image/jpeg", "image/png", "image/webp", "image/avif", "image/gif", "image/tiff"):
    schemathesis.openapi.media_type(media_type, PICTURES)
schemathesis.openapi.format("base64-image", PICTURES.map(lambda data: base64.b64encode(data).decode()))
