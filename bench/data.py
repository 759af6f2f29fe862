"""Data sets, prepared once into memory-mapped uint8 arrays.

A prepared set is a folder `<data root>/prepared/<name>/<fingerprint>/` with `<split>-images.npy` (uint8, [n, c, h, w]),
`<split>-labels.npy` (int64, [n]) for train, validation and test, and `sidecar.json`. Each split is in a fixed random
order, so that its first N images are a fair sample of it.
"""

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from bench import sources
from bench.errors import UserError, reason
from bench.files import make_folder, sha256, write_atomically

SPLITS = ("train", "validation", "test")
PREPROCESSING = "uint8, as decoded, no resizing, v1"


@dataclass(frozen=True)
class Prepared:
    """A prepared data set on disk."""

    folder: Path

    @property
    def sidecar(self) -> dict[str, Any]:
        return json.loads((self.folder / "sidecar.json").read_text())

    @property
    def fingerprint(self) -> str:
        return self.sidecar["fingerprint"]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        c, h, w = self.sidecar["splits"]["train"]["shape"][1:]
        return c, h, w

    def images(self, split: str) -> np.ndarray:
        """uint8 [n, c, h, w], memory-mapped: processes on one machine share the pages."""
        return np.load(self.folder / f"{split}-images.npy", mmap_mode="c")

    def labels(self, split: str) -> np.ndarray:
        """int64 [n], from 0."""
        return np.load(self.folder / f"{split}-labels.npy")

    def check(self) -> bool:
        """Whether the arrays are what was written."""
        noted = self.sidecar["splits"]
        return all(
            sha256((self.folder / f"{split}-{kind}.npy").read_bytes()) == noted[split][f"{kind}_sha256"]
            for split in SPLITS
            for kind in ("images", "labels")
        )


def locate(name: str, root: Path) -> str | None:
    """The fingerprint of a data set whose source is at hand, without preparing or downloading anything."""
    source = sources.find(name, root)
    return None if source is None else (_known(name, root, source) or _fingerprint(source))


def prepare(name: str, root: Path) -> Prepared:
    """The prepared data set; prepares it, downloading the source if need be, where that has not been done.

    Raises:
        UserError: the source is neither there nor to be downloaded; it says how to provide it.
    """
    source = sources.find(name, root)
    folder = root / "prepared" / name
    make_folder(folder)
    with FileLock(folder / ".lock"):
        source = source or sources.download(name, root)
        fingerprint = _known(name, root, source) or _fingerprint(source)
        target = folder / fingerprint[:16]
        prepared = Prepared(target)
        if (target / "sidecar.json").exists():
            if prepared.check():
                return prepared
            print(f"warning: {target} is damaged; preparing it again", file=sys.stderr)
        shutil.rmtree(target, ignore_errors=True)
        _write(name, source, fingerprint, target)
    return prepared


def _write(name: str, source: sources.Source, fingerprint: str, target: Path) -> None:
    partial = target.with_name(f".{target.name}.part")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    splits = {}
    for split, (images, labels) in _split(name, _load(source)).items():
        np.save(partial / f"{split}-images.npy", images)
        np.save(partial / f"{split}-labels.npy", labels)
        splits[split] = {"shape": list(images.shape)} | {
            f"{kind}_sha256": sha256((partial / f"{split}-{kind}.npy").read_bytes()) for kind in ("images", "labels")
        }
    sidecar = {
        "dataset": name,
        "source": source.about,
        "preprocessing": PREPROCESSING,
        "fingerprint": fingerprint,
        "signature": source.signature(),
        "classes": source.classes,
        "splits": splits,
    }
    write_atomically(partial / "sidecar.json", json.dumps(sidecar, indent=2).encode())
    partial.rename(target)


def _load(source: sources.Source) -> sources.Arrays:
    try:
        return source.load()
    except UserError:
        raise
    except Exception as error:  # whatever torchvision and pickle make of a truncated file
        message = f"cannot read {source.about} in {source.root}: {reason(error)}; remove what is damaged there"
        raise UserError(message) from error


def _split(name: str, loaded: sources.Arrays) -> sources.Arrays:
    """Shuffle each part by a fixed permutation, and cut validation (and, for digits, test) off the end of train.

    RandomState, because numpy guarantees its stream for ever.
    """
    random = np.random.RandomState(0)
    shuffled = {}
    for part in sorted(loaded, reverse=True):  # train, then test
        images, labels = loaded[part]
        order = random.permutation(len(images))
        shuffled[part] = (np.ascontiguousarray(images[order]), labels[order].astype(np.int64))
    images, labels = shuffled["train"]
    if "test" in shuffled:
        held_out = min(5000, len(images) // 10)
        bounds = {"train": (0, len(images) - held_out), "validation": (len(images) - held_out, len(images))}
    else:  # one published part: cut it as its facts say
        a, b, c = sources.DATASETS[name].images
        bounds = {"train": (0, a), "validation": (a, a + b), "test": (a + b, a + b + c)}
    cut = {split: (images[a:b], labels[a:b]) for split, (a, b) in bounds.items()}
    result = {split: cut.get(split) or shuffled[split] for split in SPLITS}
    if not all(len(images) for images, _ in result.values()):
        raise UserError(f"{name} has too few images to split into train, validation and test")
    return result


def _fingerprint(source: sources.Source) -> str:
    """sha256 of the source files' names and contents and of the preprocessing; not of paths, dates or decoders."""
    return sha256(json.dumps([PREPROCESSING, source.contents()]).encode())


def _known(name: str, root: Path, source: sources.Source) -> str | None:
    """The fingerprint noted when these very files (by name, size and date) were prepared; saves hashing them."""
    signature = source.signature()
    for path in (root / "prepared" / name).glob("*/sidecar.json"):
        sidecar = json.loads(path.read_text())
        if sidecar["signature"] == signature and sidecar["preprocessing"] == PREPROCESSING:
            return sidecar["fingerprint"]
    return None
