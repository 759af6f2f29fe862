"""Separates the pixels of an image file from its metadata, of which only the orientation is read.

Pillow parses text, colour profiles and EXIF with the pixels, and gives up a whole picture if any of them is odd. What
decodes pixels therefore gets a file without them.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from typing import BinaryIO

from bench.data.unusable import UnusableImage
from bench.io.disk import format_bytes

MAX_BYTES = 2**30  # of a file; the largest image that is decoded has 2**26 pixels
MAX_TEXT = 2**20  # bytes of decompressed text that are searched for the orientation
ORIENTATION = 0x112
PNG, JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
EXIF, XMP = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0"
PNG_PIXELS = {b"tRNS"}  # ancillary chunks that decide about pixels
TIFF_PIXELS = {  # tags that decide about pixels
    *(254, 256, 257, 258, 259, 262, 266, 273, 277, 278, 279, 284, 292, 293, 317, 320, 322, 323, 324, 325, 332, 338),
    *(339, 340, 341, 347, *range(512, 522), *range(529, 533)),
}


def pixels_only(file: BinaryIO) -> tuple[BinaryIO, int | None]:
    """Return a PNG, JPEG or TIFF file without metadata, and its orientation; other files as they are, and None.

    Args:
        file: open at its start.

    Raises:
        UnusableImage: the file is too large.
    """
    data = file.read(8)
    kind = next((kind for kind in (PNG, JPEG, b"II*\0", b"MM\0*") if data.startswith(kind)), None)
    if kind is None:
        file.seek(0)
        return file, None
    data += file.read(MAX_BYTES)
    if len(data) > MAX_BYTES:
        raise UnusableImage(f"it has more than {format_bytes(MAX_BYTES)}; shrink it")
    if kind not in (PNG, JPEG):
        return _tiff(data)
    exif, xmp, kept = b"", b"", [kind]
    for part, name, body in _png(data) if kind == PNG else _jpeg(data):
        if name == "exif":
            exif = exif or body
        elif name == "xmp":
            xmp = body
        elif name == "pixels":
            kept.append(part)
    return io.BytesIO(b"".join(kept)), orientation(exif, xmp)


def orientation(exif: bytes | None, xmp: bytes | str | None) -> int:
    """Return the orientation, 1 to 8, that EXIF or else XMP states; 1 if neither does."""
    tag = _exif_tag(exif or b"")
    if tag is None:
        text = xmp.encode(errors="replace") if isinstance(xmp, str) else xmp or b""
        match = re.search(rb'tiff:Orientation(="|>)([0-9])', text)
        tag = int(match[2]) if match else 1
    return tag if 1 <= tag <= 8 else 1


def _exif_tag(data: bytes) -> int | None:
    while data.startswith(EXIF):
        data = data[len(EXIF) :]
    found = None
    for order, offset in _directory(data):
        tag, kind, count = struct.unpack_from(order + "HHI", data, offset)
        if tag == ORIENTATION and count == 1 and kind in (3, 4, 8, 9):  # short, long, signed short, signed long
            found = struct.unpack_from(order + {3: "H", 4: "I", 8: "h", 9: "i"}[kind], data, offset + 8)[0]
    return found


def _directory(data: bytes) -> Iterator[tuple[str, int]]:
    """The byte order and the position of every entry of the first directory of a TIFF structure."""
    order = {b"II": "<", b"MM": ">"}.get(data[:2])
    if order is None or len(data) < 8:
        return
    start = struct.unpack_from(order + "I", data, 4)[0]
    count = struct.unpack_from(order + "H", data, start)[0] if start + 2 <= len(data) else 0
    for offset in range(start + 2, start + 2 + 12 * count, 12):
        if offset + 12 <= len(data):
            yield order, offset


def _tiff(data: bytes) -> tuple[BinaryIO, int | None]:
    """A TIFF file whose first directory has only the entries that decide about pixels; later pages are dropped."""
    entries = list(_directory(data))
    if not entries:
        return io.BytesIO(data), None
    order = entries[0][0]
    kept = [data[o : o + 12] for _, o in entries if struct.unpack_from(order + "H", data, o)[0] in TIFF_PIXELS]
    start = entries[0][1] - 2
    directory = struct.pack(order + "H", len(kept)) + b"".join(kept) + bytes(4)
    return io.BytesIO(data[:start] + directory + data[start + len(directory) :]), orientation(data, None)


def _png(data: bytes) -> Iterator[tuple[bytes, str, bytes]]:
    """Every chunk of a PNG file: its bytes, whether it holds pixels, EXIF, XMP or something else, and its content."""
    position = len(PNG)
    while position + 8 <= len(data):
        length, name = struct.unpack_from(">I4s", data, position)
        end = position + 12 + length
        part, body = data[position:end], data[position + 8 : end - 4]
        position = end
        if name in PNG_PIXELS or not name[0] & 32:  # critical chunks begin with a capital letter
            yield part, "pixels", b""
        elif name == b"eXIf":
            yield part, "exif", body
        elif name in (b"tEXt", b"zTXt", b"iTXt"):
            yield part, *_png_text(name, body)
    yield data[position:], "pixels", b""


def _png_text(name: bytes, body: bytes) -> tuple[str, bytes]:
    key, _, text = body.partition(b"\0")
    if key not in (b"exif", b"Raw profile type exif", b"XML:com.adobe.xmp"):
        return "other", b""
    compressed = name == b"zTXt" or (name == b"iTXt" and text[:1] == b"\1")
    text = text[1:] if name == b"zTXt" else text[2:].split(b"\0", 2)[-1] if name == b"iTXt" else text
    if compressed:
        try:
            text = zlib.decompressobj().decompress(text, MAX_TEXT)
        except zlib.error:  # as a picture is whole whose text is not
            return "other", b""
    if key == b"XML:com.adobe.xmp":
        return "xmp", text
    if key == b"exif":
        return "exif", text
    digits = b"".join(text.split(b"\n")[3:])
    return "exif", bytes.fromhex(digits.decode()) if re.fullmatch(rb"([0-9a-fA-F]{2})+", digits) else b""


def _jpeg(data: bytes) -> Iterator[tuple[bytes, str, bytes]]:
    """Every segment of a JPEG file before its first scan, as `_png`; then all the rest."""
    position = len(JPEG)
    while position + 4 <= len(data) and data[position] == 0xFF and data[position + 1] != 0xDA:
        marker = data[position + 1]
        if marker == 0xFF or marker == 0x01 or 0xD0 <= marker <= 0xD9:  # a fill byte, or a marker without content
            yield data[position : position + 1 + (marker != 0xFF)], "pixels", b""
            position += 1 + (marker != 0xFF)
            continue
        end = position + 2 + struct.unpack_from(">H", data, position + 2)[0]
        part, body = data[position:end], data[position + 4 : end]
        position = end
        if marker == 0xE1 and body.startswith(EXIF):
            yield part, "exif", body
        elif marker == 0xE1 and body.startswith(XMP):
            yield part, "xmp", body
        elif marker not in (*range(0xE1, 0xEE), 0xEF, 0xFE):  # JFIF (E0) and Adobe (EE) decide about colours
            yield part, "pixels", b""
    yield data[position:], "pixels", b""
