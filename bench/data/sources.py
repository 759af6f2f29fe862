"""Sources of images: scikit-learn's digits, torchvision's files, CelebA's folder. See also `bench.data.image_tree`."""

import importlib.util
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from bench.data.decode import Images, Pixels
from bench.data.progress_bar import track
from bench.errors import UserError, reason
from bench.io.files import file_sha256, sha256
from bench.runtime.allowance import allowance

SMALL_FILE = 500_000  # bytes; hashing smaller files is no faster with two threads than with one


@dataclass(frozen=True)
class SourceSplit:
    """The images of one split, in the order of the source, and int labels [n] if the source has classes."""

    images: Images
    labels: np.ndarray | None = None

    def take(self, rows: np.ndarray) -> "SourceSplit":
        """Return the images at these indices."""
        return SourceSplit(self.images.take(rows), None if self.labels is None else self.labels[rows])


@dataclass(frozen=True)
class Source:
    """Files on disk, and how to read them.

    Attributes:
        about: what the source is, for messages and the sidecar.
        root: the folder that all files are below.
        files: the files whose content determines the images.
        reader: reads train and test, optionally validation; or all images as "all".
        classes: names of the classes; empty if the images have no labels.
        choices: how the files are understood, where older versions understood them otherwise. Part of the fingerprint.
        notes: lines that say what is left out, for the user.
    """

    about: str
    root: Path
    files: list[Path] = field(repr=False)
    reader: Callable[[], dict[str, SourceSplit]] = field(repr=False)
    classes: list[str]
    choices: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def load(self) -> dict[str, SourceSplit]:
        """Read the splits.

        Raises:
            UserError: a file is damaged, or does not hold what it should.
        """
        try:
            return self.reader()
        except UserError:
            raise
        except Exception as error:  # torchvision and pickle raise many types for a truncated file
            message = f"cannot read {self.about} in {self.root}: {reason(error)}; remove the damaged files there"
            raise UserError(message) from error

    def signature(self) -> str:
        """Return a hash of the files' names, sizes and dates and of the choices, which is cheap to compute."""
        stats = ((self._name(path), path.stat()) for path in self.files)
        facts = repr([(name, stat.st_size, stat.st_mtime_ns) for name, stat in stats])
        return sha256((facts + (repr(self.choices) if self.choices else "")).encode())

    def content_hashes(self) -> list[list[str]]:
        """Return the relative name and the sha256 of every file, sorted by name."""
        hashes = []
        pool = ThreadPoolExecutor(allowance().cpus)
        with track(f"hashing {self.root}", len(self.files)) as advance, pool:
            digests = (map if _are_small(self.files) else pool.map)(file_sha256, self.files)
            for path, digest in zip(self.files, digests, strict=True):
                hashes.append([self._name(path), digest])
                advance(1)
        return hashes

    def _name(self, path: Path) -> str:
        """The path relative to the root. Faster than Path.relative_to, which takes as long as hashing a small file."""
        return path.as_posix()[len(self.root.as_posix()) + 1 :]


def _are_small(files: list[Path]) -> bool:
    """Whether opening the files takes longer than hashing them, so that threads do not help. Judged by a sample."""
    sample = files[:: max(1, len(files) // 100)]
    return sum(path.stat().st_size for path in sample) < SMALL_FILE * len(sample)


def digits() -> Source:
    """The digits that ship with scikit-learn, without published splits."""
    spec = importlib.util.find_spec("sklearn")  # does not import it, which takes seconds
    assert spec is not None
    assert spec.origin is not None
    path = Path(spec.origin).parent / "datasets" / "data" / "digits.csv.gz"

    def load() -> dict[str, SourceSplit]:
        table = np.loadtxt(path, delimiter=",")  # as scikit-learn does, whose import takes over a second
        images = np.rint(table[:, :-1].reshape(-1, 8, 8) * (255 / 16)).astype(np.uint8)  # from 17 grey levels
        return {"all": SourceSplit(Pixels(images), table[:, -1].astype(np.int64))}

    return Source("scikit-learn load_digits", path.parent, [path], load, [str(i) for i in range(10)])


def torchvision(name: str, root: Path, folder: str, files: tuple[str, ...], classes: list[str]) -> Source | None:
    """The files that torchvision has put under `root`; None if one is missing."""
    if not all((root / folder / file).exists() for file in files):
        return None

    def load() -> dict[str, SourceSplit]:
        from torchvision import datasets

        splits = {}
        for split in ("train", "test"):
            data = getattr(datasets, name)(str(root), train=split == "train")
            splits[split] = SourceSplit(Pixels(np.asarray(data.data)), np.asarray(data.targets))
        return splits

    paths = [root / folder / file for file in sorted(files)]
    return Source(f"torchvision.datasets.{name}", root / folder, paths, load, classes)
