"""Largest sizes of stored files.

Each follows from what this project writes. Writers keep to it, and readers check it before they read.
"""

from pathlib import PurePath

MAX_DOCUMENT_BYTES = 2**20  # of a document that describes a trial, and of a traceback
MAX_DESCRIPTION_BYTES = 2**21  # of experiment.yaml: the commands, and the labels of all variants
MAX_LIST_BYTES = 2**28  # of the journal of an unfinished preparation, which lists all images that were left out
MAX_SIDECAR_BYTES = (
    2**26
)  # of sidecar.json: names of classes, some images that were left out, and a hash of every chunk
MAX_LEASE_BYTES = 2**12
MAX_TABLE_BYTES = 2**27  # of the rows of a trial: at most MAX_CELLS numbers of 8 bytes
MAX_CHECKPOINT_BYTES = 2**32  # weights and Adam's state of 350 million parameters
MAX_FILE_BYTES = 2**31  # of any other file, except prepared images (.npy), which are never read as a whole
CHECKSUMS = ".sha256"  # the folder of checksums beside files
MAX_CHECKSUM_BYTES = 2**10  # two checksums

CHECKPOINTS = ("checkpoint.pt", "checkpoint.previous.pt")  # the newest first
MAX_BYTES: dict[str, int] = {
    **dict.fromkeys(("spec.json", "status.json", "environment.json"), MAX_DOCUMENT_BYTES),
    "error.txt": 2**24,  # older versions did not cut tracebacks
    "experiment.yaml": MAX_DESCRIPTION_BYTES,
    "sidecar.json": MAX_SIDECAR_BYTES,
    ".lease": MAX_LEASE_BYTES,
    **dict.fromkeys(("history.parquet", "evaluations.parquet"), MAX_TABLE_BYTES),
    **dict.fromkeys(CHECKPOINTS, MAX_CHECKPOINT_BYTES),
}


def max_bytes(path: PurePath) -> int:
    """Return the largest size of a file of this name."""
    return MAX_CHECKSUM_BYTES if CHECKSUMS in path.parts else MAX_BYTES.get(path.name, MAX_FILE_BYTES)


def too_large(size: int, limit: int) -> str:
    """Return the end of an error's line about a file of `size` bytes."""
    return f"has {size:,} bytes, more than the limit of {limit:,}"
