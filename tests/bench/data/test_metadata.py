"""Odd metadata never decides over pixels; the orientation is obeyed wherever it can be read."""

import io
import struct
import warnings

import numpy as np
import pytest
from PIL import Image, ImageOps, PngImagePlugin

from bench.data import metadata
from bench.data.decode import Files, open_image
from bench.data.metadata import pixels_only
from bench.data.unusable import UnusableImage
from bench.experiment.settings import Preprocessing

ORIENTATION = 0x112
TURNED = struct.pack("<HHIHH", ORIENTATION, 3, 1, 6, 0)
PIXELS = np.random.RandomState(0).randint(0, 256, (24, 32, 3)).astype(np.uint8)


def decoded(path):
    """The pixels as they are prepared; every warning is an error."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return Files([path]).decode(0, Preprocessing(image_size=24))


def with_exif(path, entries, data=b""):
    """A JPEG file whose EXIF has these entries, of 12 bytes each, after the orientation 6."""
    body = io.BytesIO()
    Image.fromarray(PIXELS).save(body, "JPEG")
    tiff = b"II*\0" + struct.pack("<IH", 8, 1 + len(entries) // 12) + TURNED + entries + bytes(4) + data
    exif = b"Exif\0\0" + tiff
    segment = b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif
    path.write_bytes(body.getvalue()[:2] + segment + body.getvalue()[2:])
    plain = np.asarray(Image.open(body).transpose(Image.Transpose.ROTATE_270))
    return plain[4:28].transpose(2, 0, 1)


@pytest.mark.parametrize(
    ("entries", "data"),
    [
        (struct.pack("<HHII", 0x11A, 10, 1, 38), struct.pack("<ii", -1, 0)),  # the resolution -1/0
        (struct.pack("<HHII", 0x11A, 1, 1, 72), b""),  # the resolution as a byte
        (struct.pack("<HHII", 0x131, 2, 200, 5000), b""),  # text beyond the end
        (struct.pack("<HHII", 0x8769, 4, 1, 2**31), b""),  # a directory beyond the end
        (struct.pack("<HHII", 0x131, 99, 2**32 - 1, 0), b""),  # an unknown type
    ],
)
def test_odd_exif_is_no_damage_and_the_orientation_beside_it_is_obeyed(tmp_path, entries, data):
    expected = with_exif(tmp_path / "a.jpg", entries, data)
    np.testing.assert_array_equal(decoded(tmp_path / "a.jpg"), expected)


def test_long_texts_and_profiles_of_png_files_are_no_damage(tmp_path):
    info = PngImagePlugin.PngInfo()
    info.add_text("workflow", "x" * 3_000_000, zip=True)
    info.add_itxt("prompt", "y" * 3_000_000, zip=True)
    info.add(b"iCCP", b"odd\0\7")
    info.add(b"sRGB", b"")
    Image.fromarray(PIXELS).save(tmp_path / "a.png", pnginfo=info, icc_profile=bytes(3_000_000))
    np.testing.assert_array_equal(decoded(tmp_path / "a.png"), PIXELS[:, 4:28].transpose(2, 0, 1))


def test_tags_of_tiff_files_that_are_not_about_pixels_are_no_damage(tmp_path):
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    tags = ImageFileDirectory_v2()
    tags[296], tags[ORIENTATION] = 3, 6
    tags.tagtype[282] = 1
    tags[282] = b"\x48"  # the resolution as a byte, in centimetres
    Image.fromarray(PIXELS).save(tmp_path / "a.tiff", tiffinfo=tags)
    expected = np.rot90(PIXELS, 3)[4:28].transpose(2, 0, 1)
    np.testing.assert_array_equal(decoded(tmp_path / "a.tiff"), expected)


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("kind", ["png", "jpg", "tiff", "webp", "xmp.png", "xmp.jpg"])
def test_the_orientation_is_obeyed_as_pillow_does(tmp_path, kind, orientation):
    path, exif = tmp_path / f"a.{kind}", Image.Exif()
    exif[ORIENTATION] = orientation
    xmp = f'<x tiff:Orientation="{orientation}"/>'.encode()
    options = {"exif": exif.tobytes()}
    if kind == "xmp.jpg":
        options = {"xmp": xmp}
    elif kind == "xmp.png":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", xmp.decode(), zip=True)
        options = {"pnginfo": info}
    elif kind == "webp":
        options["lossless"] = True
    Image.fromarray(PIXELS).save(path, **options)
    expected = ImageOps.exif_transpose(Image.open(path))
    left, top = (expected.width - 24) // 2, (expected.height - 24) // 2
    expected = np.asarray(expected.crop((left, top, left + 24, top + 24))).transpose(2, 0, 1)
    np.testing.assert_array_equal(decoded(path), expected)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("kind", ["png", "jpeg", "tiff", "tiff_lzw", "tiff_jpeg", "gif", "bmp", "webp"])
def test_pixels_are_those_that_pillow_decodes(tmp_path, mode, kind):
    path, options = tmp_path / "a", {"compression": kind} if "_" in kind else {}
    image = Image.fromarray(PIXELS).convert("L").convert(mode) if mode == "I;16" else Image.fromarray(PIXELS)
    try:
        (image if mode == "I;16" else image.convert(mode)).save(path, kind.partition("_")[0], **options)
    except (OSError, ValueError):
        pytest.skip("Pillow writes no such file")
    with path.open("rb") as file, open_image(file) as (found, _), Image.open(path) as expected:
        assert found.mode == expected.mode
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))


def test_a_file_that_is_far_too_large_is_refused_before_it_is_read_whole(monkeypatch):
    monkeypatch.setattr(metadata, "MAX_BYTES", 1000)
    with pytest.raises(UnusableImage, match="it has more than"):
        pixels_only(io.BytesIO(metadata.PNG + bytes(2000)))
