"""CelebA's aligned faces: the authors' files, as torchvision downloads them, and the copy on Kaggle."""

from pathlib import Path

from bench.data.decode import Files
from bench.data.sources import Source, SourceSplit
from bench.errors import UserError
from bench.io.untrusted import read_bounded

MAX_PARTITION_BYTES = 2**25  # the published one has 3 MB
FACES = "img_align_celeba"
HEADER = "image_id,partition"  # of Kaggle's partition
SPLITS = {"0": "train", "1": "validation", "2": "test"}


def celeba(folder: Path) -> Source | None:
    """Find the faces and their published partition; None if either is missing.

    Kaggle's copy has a partition in CSV, and the faces one folder deeper.

    Raises:
        UserError: the partition is malformed, or names images that are missing.
    """
    partitions = [
        path for path in (folder / f"list_eval_partition.{kind}" for kind in ("txt", "csv")) if path.is_file()
    ]
    doubled = folder / FACES / FACES
    images = doubled if doubled.is_dir() else folder / FACES
    if not (images.is_dir() and partitions):
        return None
    partition = partitions[0]
    splits = _read(partition, images)
    files = sorted(path for paths in splits.values() for path in paths)
    present = {path.name for path in images.iterdir()}
    missing = [path for path in files if path.name not in present]
    if missing:
        raise UserError(f"{len(missing)} images listed in {partition} are missing, such as {missing[0]}")

    def load() -> dict[str, SourceSplit]:
        return {split: SourceSplit(Files(paths, images)) for split, paths in splits.items()}

    unlisted = sorted(present - {path.name for path in files})
    counted = f"{len(unlisted):,} files in {images} are not used, because {partition.name} does not list them"
    notes = (f"{counted}, such as {unlisted[0]}",) if unlisted else ()
    return Source("CelebA, aligned, published partition", folder, [*files, partition], load, [], notes=notes)


def _read(partition: Path, images: Path) -> dict[str, list[Path]]:
    """Return the images of each split, in the order of the partition."""
    separator = "," if partition.suffix == ".csv" else " "
    splits: dict[str, list[Path]] = {split: [] for split in SPLITS.values()}
    text = read_bounded(partition, MAX_PARTITION_BYTES).decode("utf-8-sig", errors="replace")
    for number, line in enumerate(text.strip().splitlines(), 1):
        if number == 1 and line.strip() == HEADER:
            continue
        name, _, split = line.strip().partition(separator)
        if split.strip() not in SPLITS or Path(name).name != name:
            raise UserError(f"{partition}, line {number}: {line[:40]!r} is not a file name followed by 0, 1 or 2")
        splits[SPLITS[split.strip()]].append(images / name)
    return splits
