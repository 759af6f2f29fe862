"""What preparing converts: transparent pixels are put on white, and grey images become colour images.

Older versions trained on what lies below transparent pixels, and left grey images out. Sets with either have another
fingerprint now; all other sets keep theirs.
"""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from bench.data.decode import GREY, MAX_PIXELS, Pixels, opaque, open_image
from bench.data.progress_bar import track
from bench.data.sidecar import Conversions, Sidecar
from bench.data.sources import Source, SourceSplit
from bench.data.tree_files import SUFFIXES
from bench.experiment.settings import Preprocessing

WITHOUT_ALPHA = {".jpg", ".jpeg", ".jpe", ".jfif"}


def find_conversions(source: Source, preprocessing: Preprocessing) -> Conversions:
    """Count the files that are converted. Reads the headers of all, and decodes those that may be transparent."""
    found = []
    with track(f"looking through {source.root}", len(source.files)) as advance:
        for path in source.files:
            found.append(_kinds(path))
            advance(1)
    grey = sum(grey for grey, _ in found) if preprocessing.channels == 3 else 0
    return Conversions(grey=grey, transparent=sum(transparent for _, transparent in found))


def _kinds(path: Path) -> tuple[bool, bool]:
    """Whether a file is a grey image, and whether it has transparent pixels. Damage is reported when it is decoded."""
    with suppress(Exception), path.open("rb") as file, open_image(file) as (image, _):
        grey, may_be_transparent = image.mode in GREY, image.has_transparency_data
        if not may_be_transparent or image.width * image.height > MAX_PIXELS:
            return grey, False
        image.load()
        return grey, opaque(image) is not image
    return False, False


def with_arrays(conversions: Conversions, splits: dict[str, SourceSplit], preprocessing: Preprocessing) -> Conversions:
    """Add the grey images of arrays in memory. They need no place in the fingerprint: older versions refused them."""
    arrays = [split.images.array for split in splits.values() if isinstance(split.images, Pixels)]
    grey = sum(len(array) for array in arrays if array.ndim == 3) if preprocessing.channels == 3 else 0
    return conversions.model_copy(update={"grey": conversions.grey + grey})


def choices(conversions: Conversions) -> Iterator[str]:
    """What the fingerprint has to tell apart from sets that older versions prepared."""
    if conversions.transparent:
        yield "transparent pixels on white"
    if conversions.grey:
        yield "grey as colour"


def notes(conversions: Conversions | None) -> Iterator[str]:
    """Lines for the user. None: an older version prepared the set, which has neither kind of image."""
    if conversions and conversions.transparent:
        yield f"images with transparent pixels, which are put on white: {conversions.transparent:,}"
    if conversions and conversions.grey:
        yield f"grey images, which are taken as colour images: {conversions.grey:,}; --grey makes all images grey"


def may_differ(sidecar: Sidecar, source: Source) -> bool:
    """Whether an older version may have prepared this set otherwise than it would be prepared now."""
    if sidecar.conversions is not None:
        return False
    left_out = any("greyscale" in problem for problem in sidecar.skipped.values())
    return left_out or any(path.suffix.lower() in SUFFIXES - WITHOUT_ALPHA for path in source.files)
