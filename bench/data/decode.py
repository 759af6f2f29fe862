"""Decodes, crops and resizes one image to uint8 [channels, side, side], or raises UnusableImage with the reason."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, Protocol, Self

import numpy as np
from PIL import Image, UnidentifiedImageError

from bench.data import metadata
from bench.data.unusable import UnusableImage
from bench.errors import reason
from bench.experiment.settings import Preprocessing

GREY = {"1", "L", "LA", "La"}
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")  # MPO is opened as JPEG; for EPS Pillow would run Ghostscript
MAX_PIXELS = 2**26  # of one image: 200 MB when decoded
HIGH_BIT_DEPTH = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}  # modes whose conversion to 8 bits would clip


BACKGROUND = (255, 255, 255, 255)
TURNS = {  # EXIF's orientation -> what turns the image upright
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def crop_and_resize(image: Image.Image, preprocessing: Preprocessing, orientation: int | None = None) -> np.ndarray:
    """Convert an open image to uint8 [channels, side, side], as `preprocessing` describes.

    Transparent pixels are put on white (BACKGROUND); grey becomes colour with three equal channels.

    Args:
        image: it may be a file that is not decoded yet.
        preprocessing: the size and the channels.
        orientation: EXIF's, which is applied. None: that of the image's own metadata.

    Raises:
        UnusableImage: the image is too small, or has the wrong kind of pixels.
    """
    channels, side, _ = preprocessing.shape
    if image.width * image.height > MAX_PIXELS:
        raise Image.DecompressionBombError
    if image.mode in HIGH_BIT_DEPTH:
        raise UnusableImage("it has more than 8 bits per channel; convert it to 8 bits")
    image = opaque(upright(image, orientation)).convert("L" if channels == 1 else "RGB")
    width, height = image.size
    square = preprocessing.crop or min(width, height)
    for option, minimum in (("--crop", square), ("--image-size", side)):
        if min(width, height) < minimum:
            raise UnusableImage(f"it is {width}x{height}, smaller than {option} {minimum}; choose a smaller value")
    left, top = (width - square) // 2, (height - square) // 2
    box = (left, top, left + square, top + square)
    if (width, height) != (square, square):
        image = image.crop(box)  # before resizing, or its filter would use pixels outside the box
    if square != side:
        image = image.resize((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def upright(image: Image.Image, orientation: int | None) -> Image.Image:
    """Decode the image and turn it as `orientation`, or else its metadata, says."""
    image.load()
    if orientation is None:
        orientation = metadata.orientation(image.info.get("exif"), image.info.get("xmp"))
    return image.transpose(TURNS[orientation]) if orientation in TURNS else image


def opaque(image: Image.Image) -> Image.Image:
    """Put an image on BACKGROUND, because the colours below transparent pixels are arbitrary and nobody sees them.

    An image without transparent pixels is returned as it is.
    """
    if not image.has_transparency_data:
        return image
    layered = image.convert("RGBA")
    lowest = layered.getchannel("A").getextrema()[0]
    if not isinstance(lowest, int | float) or lowest >= 255:
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, BACKGROUND), layered)


@contextmanager
def open_image(file: BinaryIO) -> Iterator[tuple[Image.Image, int | None]]:
    """Open an image file without its metadata; yields its orientation too, as `crop_and_resize` takes it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's: of metadata, with its own files and lines
        pixels, orientation = metadata.pixels_only(file)
        with Image.open(pixels, formats=FORMATS) as image:
            yield image, orientation


@contextmanager
def name_in_errors(name: str) -> Iterator[None]:
    """Turn every error into an UnusableImage that names the image."""
    try:
        yield
    except UnusableImage as error:
        raise UnusableImage(f"cannot use the image {name}: {error}") from None
    except Image.DecompressionBombError:
        message = f"cannot use the image {name}: it has too many pixels to be opened safely; shrink it"
        raise UnusableImage(message) from None
    except UnidentifiedImageError:
        raise UnusableImage(f"cannot read the image {name}: it is not an image; replace it") from None
    except Exception as error:  # Pillow raises a dozen types for damaged files
        message = f"cannot read the image {name}: it is damaged ({reason(error)[:80]}); replace it"
        raise UnusableImage(message) from None


@dataclass(frozen=True)
class Files:
    """Images in files, decoded on demand. Cheap to send to other processes.

    Attributes:
        root: links may not lead out of this folder, which may itself be a link; None: links may lead anywhere.
    """

    paths: list[Path]
    root: Path | None = None
    in_memory = False

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: np.ndarray) -> "Files":
        """Return the images at these indices."""
        return Files([self.paths[row] for row in rows], self.root)

    def name(self, row: int) -> str:
        """Return the image's name for messages."""
        return str(self.paths[row])

    def content(self, row: int) -> bytes:
        """Return bytes that identify one image."""
        return self.paths[row].read_bytes()

    def decode(self, row: int, preprocessing: Preprocessing) -> np.ndarray:
        """Decode one image to uint8 [channels, side, side].

        Raises:
            UnusableImage: it names the file.
        """
        path = self.paths[row]
        with name_in_errors(str(path)):
            if self.root and path.is_symlink() and not path.resolve().is_relative_to(self.root.resolve()):
                raise UnusableImage(f"it is a link that leads out of {self.root}; replace it by a copy of its target")
            with path.open("rb") as file, open_image(file) as (image, orientation):
                return crop_and_resize(image, preprocessing, orientation)


@dataclass(frozen=True)
class Pixels:
    """Images in memory: uint8 [n, h, w] or [n, h, w, 3]."""

    array: np.ndarray
    in_memory = True

    def __len__(self) -> int:
        return len(self.array)

    def take(self, rows: np.ndarray) -> "Pixels":
        """Return the images at these indices."""
        return Pixels(self.array[rows])

    def name(self, row: int) -> str:
        """Return the image's name for messages."""
        return f"number {row}"

    def content(self, row: int) -> bytes:
        """Return bytes that identify one image."""
        return self.array[row].tobytes()

    def decode(self, row: int, preprocessing: Preprocessing) -> np.ndarray:
        """Decode one image to uint8 [channels, side, side]."""
        pixels = self.array[row]
        channels, side, _ = preprocessing.shape
        if pixels.shape == ((side, side) if channels == 1 else (side, side, 3)) and preprocessing.crop in (None, side):
            return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)  # much faster than Pillow
        with name_in_errors(self.name(row)):
            return crop_and_resize(Image.fromarray(pixels), preprocessing)


@dataclass(frozen=True)
class Rows:
    """Images of a data set that another library reads: what the kinds of them share. `rows`: indices into the set."""

    rows: np.ndarray
    in_memory = False

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, rows: np.ndarray) -> Self:
        """Return the images at these indices."""
        return replace(self, rows=self.rows[rows])


class Images(Protocol):
    """The images of a split: a sequence that can be sent to other processes and decodes one image at a time."""

    @property
    def in_memory(self) -> bool:
        """Whether the pixels are in memory already, so that other processes would only copy them."""
        ...

    def __len__(self) -> int: ...

    def take(self, rows: np.ndarray) -> Self:
        """Return the images at these indices."""
        ...

    def name(self, row: int) -> str:
        """Return the image's name for messages."""
        ...

    def content(self, row: int) -> bytes:
        """Return bytes that identify one image."""
        ...

    def decode(self, row: int, preprocessing: Preprocessing) -> np.ndarray:
        """Decode one image to uint8 [channels, side, side].

        Raises:
            UnusableImage: it names the image.
        """
        ...
