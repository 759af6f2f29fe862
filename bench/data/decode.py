"""One image -> uint8 [channels, side, side]: decoded, cropped, resized, or refused with the reason."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from bench.errors import one_line, reason
from bench.experiment.settings import Preprocessing

GREY = {"1", "L", "LA", "La"}
FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "TIFF", "GIF")  # and MPO, which is JPEG; of EPS Pillow would run Ghostscript
MOST_PIXELS = 2**26  # of one image, which then takes 200 MB
DEEP = {"I", "F", "I;16", "I;16L", "I;16B", "I;16N"}  # converting these to 8 bits would clip them


class Unusable(Exception):
    """An image that cannot become part of the data set; the message, one line, says why and what to do."""

    def __init__(self, said: str) -> None:
        super().__init__(one_line(said))


def fit(image: Image.Image, preprocessing: Preprocessing) -> np.ndarray:
    """An open image -> uint8 [channels, side, side]; `Preprocessing` says how.

    The orientation that a camera noted is obeyed; transparency is dropped.
    """
    channels, side, _ = preprocessing.shape
    if image.width * image.height > MOST_PIXELS:
        raise Image.DecompressionBombError
    if image.mode in DEEP:
        raise Unusable("it has more than 8 bits a channel; convert it to 8 bits")
    if channels == 3 and image.mode in GREY:
        raise Unusable("it is grey where colour is expected; --grey makes all images grey")
    image = ImageOps.exif_transpose(image).convert("L" if channels == 1 else "RGB")
    width, height = image.size
    square = preprocessing.crop or min(width, height)
    for name, least in (("--crop", square), ("--image-size", side)):
        if min(width, height) < least:
            raise Unusable(f"it is {width}x{height}, smaller than {name} {least}; choose a smaller one")
    left, top = (width - square) // 2, (height - square) // 2
    box = (left, top, left + square, top + square)
    if (width, height) != (square, square):
        image = image.crop(box)  # before resizing, whose filter would look beyond the box
    if square != side:
        image = image.resize((side, side), Image.Resampling.LANCZOS)
    pixels = np.asarray(image)
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


@contextmanager
def _unusable(what: str) -> Iterator[None]:
    """Name the image in whatever goes wrong with it."""
    try:
        yield
    except Unusable as error:
        raise Unusable(f"cannot use the image {what}: {error}") from None
    except Image.DecompressionBombError:
        raise Unusable(f"cannot use the image {what}: it has too many pixels to be opened safely; shrink it") from None
    except UnidentifiedImageError:
        raise Unusable(f"cannot read the image {what}: it is no image, whatever its name; replace it") from None
    except Exception as error:  # Pillow raises a dozen types for damaged files
        raise Unusable(f"cannot read the image {what}: it is damaged ({reason(error)[:80]}); replace it") from None


@dataclass(frozen=True)
class Files:
    """Images in files, decoded when asked for; this travels to other processes.

    root: the folder, perhaps a link itself, that no link may lead out of; None: links may lead anywhere.
    """

    paths: list[Path]
    root: Path | None = None
    in_memory = False

    def __len__(self) -> int:
        return len(self.paths)

    def take(self, rows: np.ndarray) -> "Files":
        return Files([self.paths[row] for row in rows], self.root)

    def name(self, row: int) -> str:
        return str(self.paths[row])

    def decode(self, row: int, preprocessing: Preprocessing) -> np.ndarray:
        """uint8 [channels, side, side]; `Unusable` names the file."""
        path = self.paths[row]
        with _unusable(str(path)):
            if self.root and path.is_symlink() and not path.resolve().is_relative_to(self.root.resolve()):
                raise Unusable(f"it is a link out of {self.root}; put a copy of what it names in its place")
            with Image.open(path, formats=FORMATS) as image:
                return fit(image, preprocessing)


@dataclass(frozen=True)
class Pixels:
    """Images in memory: uint8 [n, h, w] or [n, h, w, 3]."""

    array: Any
    in_memory = True

    def __len__(self) -> int:
        return len(self.array)

    def take(self, rows: np.ndarray) -> "Pixels":
        return Pixels(self.array[rows])

    def name(self, row: int) -> str:
        return f"number {row}"

    def decode(self, row: int, preprocessing: Preprocessing) -> np.ndarray:
        """uint8 [channels, side, side]."""
        pixels = self.array[row]
        channels, side, _ = preprocessing.shape
        if pixels.shape == ((side, side) if channels == 1 else (side, side, 3)) and preprocessing.crop in (None, side):
            return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)  # as `fit` would, and much faster
        with _unusable(self.name(row)):
            return fit(Image.fromarray(pixels), preprocessing)


Images = Files | Pixels
