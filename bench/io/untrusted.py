"""Files that somebody else may have written: read without running code, following links, or filling the memory.

Checksums say that a file is what was written, not who wrote it. What is expanded (archives, tables, pictures) is
measured before it is read, and everything that is wrong ends in one line.
"""

import io
import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import RunError, UserError, one_line, reason
from bench.io.files import CHECKSUMS, Damaged

if TYPE_CHECKING:
    pass

MAX_DOCUMENT_BYTES = 2**20  # bytes of a document that says what a trial is
MAX_LIST_BYTES = 2**28  # ... of one that lists things: methods, images left out, of which there may be a million
MAX_PIXELS = 2**26  # of a grid of pictures
MAX_FILE_BYTES = 2**31  # bytes of any other file; prepared images (.npy) are never read as a whole
MAX_BYTES: dict[str, int] = dict.fromkeys(("spec.json", "status.json", "environment.json"), MAX_DOCUMENT_BYTES)
MAX_BYTES |= dict.fromkeys(("experiment.yaml", "sidecar.json", "error.txt"), MAX_LIST_BYTES)
LOGS = ("mlflow", "tensorboard", "wandb")
MAX_ENTRIES = 10_000_000  # files of an experiment
# The newest first. They are as large as a network is, and looked at closely when they are loaded.
CHECKPOINTS = ("checkpoint.pt", "checkpoint.previous.pt")


class Malformed(Damaged):
    """A file is what was written, but nothing that this project writes."""

    def __init__(self, path: object, why: str) -> None:
        RunError.__init__(self, one_line(f"{path} {why}"))
        self.repairable = False  # nothing here can mend it


def refuse_unsafe_tree(folder: Path) -> None:
    """Refuse a folder in which a link leads out of it, or which holds what is no file, or what no run makes.

    The folder itself may be a link.

    Raises:
        Malformed: it names the first such file and says what to do.
    """
    root = Path(os.path.realpath(folder))
    entries = 0
    for place, folders, files in os.walk(root):
        entries += len(folders) + len(files)
        if entries > MAX_ENTRIES:
            raise Malformed(
                folder, f"holds more than {MAX_ENTRIES:,} files, which is no experiment; name the right folder"
            )
        for name in (*folders, *files):
            _refuse_unsafe_entry(Path(place, name), root)
        if Path(place) == root:  # nothing is read of what loggers keep, which link to their own places
            folders[:] = [name for name in folders if name not in LOGS]


def _refuse_unsafe_entry(path: Path, root: Path) -> None:
    try:
        found = path.lstat()
    except FileNotFoundError:  # moved into its place meanwhile
        return
    if stat.S_ISLNK(found.st_mode):
        target = Path(os.path.realpath(path))
        if not target.is_relative_to(root):
            raise Malformed(path, f"is a link out of {root.name}/; put a copy of what it names in its place")
        return  # what it names is looked at where it stands
    if not path.name.isprintable():
        raise Malformed(path, "has a name with control characters; remove it")
    if stat.S_ISDIR(found.st_mode):
        return
    if not stat.S_ISREG(found.st_mode):
        raise Malformed(path, "is neither a file nor a folder; remove it")
    most = MAX_DOCUMENT_BYTES if CHECKSUMS in path.parts else MAX_BYTES.get(path.name, MAX_FILE_BYTES)
    if found.st_size > most and path.suffix != ".npy" and path.name not in CHECKPOINTS:
        raise Malformed(path, f"has {found.st_size:,} bytes, and {most:,} at most are read; remove it")


def read_bounded(path: Path, most: int = MAX_DOCUMENT_BYTES) -> bytes:
    """The bytes of a file that a user named: UserError where there are more than `most`, be it a device without end."""
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise UserError(f"{path} has more than {most:,} bytes; is it the right file?")
    return data


def parse_json(data: bytes, origin: object, most: int = MAX_DOCUMENT_BYTES) -> Any:
    """What a JSON file of at most so many bytes says.

    Raises:
        Malformed: it is too large, nested too deeply, or no JSON.
    """
    if len(data) > most:
        raise Malformed(origin, f"has {len(data):,} bytes, and {most:,} at most are read; remove it")
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:  # ValueError: also bytes that are no text, and numbers without end
        raise Malformed(origin, f"is no JSON that can be read ({reason(error)[:80]}); remove it") from None


def is_valid_png(data: bytes) -> bool:
    """Whether it is a whole PNG, and small enough to be opened."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                return False
            image.load()
    except Exception:  # Pillow raises a dozen types for damaged files
        return False
    return True
