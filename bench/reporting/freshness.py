"""Whether a report is still what would be written: the same command again then leaves it, and saves seconds of drawing.

Compared are the sizes and dates of all files that a report reads (those of the experiment, and the code), of those that
it wrote, and which trials are stale. Whatever differs, the report is written again.
"""

import hashlib
import json
import uuid
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from bench.io.files import file_sha256, write_atomically
from bench.paths import CONFIGS, ROOT
from bench.reporting.contents import contents
from bench.reporting.group import Group
from bench.store.folders import ExperimentFolder

STAMP = ".report"  # in the experiment's folder
CODE = (ROOT / "bench", ROOT / "methods", CONFIGS)
LIBRARIES = ("jinja2", "matplotlib", "numpy", "pandas", "pillow", "plotly", "scipy")
NOT_READ = ("checkpoint.pt", "checkpoint.previous.pt")
REWRITTEN = ("experiment.yaml",)  # by every run, so its content counts, not its date


def is_fresh(folder: ExperimentFolder, group: Group) -> bool:
    """Whether the folder's report is that of `group`, complete and unchanged since it was written."""
    try:
        written = (folder.path / STAMP).read_text(encoding="utf-8")
    except (FileNotFoundError, UnicodeDecodeError):
        return False
    return folder.page.is_file() and written == _stamp(folder, group)


def note(folder: ExperimentFolder, group: Group) -> None:
    """Record that the report has just been written."""
    write_atomically(folder.path / STAMP, _stamp(folder, group).encode())


def _stamp(folder: ExperimentFolder, group: Group) -> str:
    parts = [
        *(f"{name} {version(name)}" for name in LIBRARIES),
        contents().name,
        group.trials.to_csv(index=False),
        *(line for root in CODE for line in _files(root, root)),
        *_files(folder.path, folder.path),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _files(root: Path, folder: Path) -> Iterator[str]:
    """Name, size and date of every file below `folder`, in order; not of hidden ones, such as locks and checksums."""
    for path in sorted(folder.iterdir()):
        name = path.relative_to(root)
        if path.name.startswith(".") or path.name in (*NOT_READ, "__pycache__"):
            continue
        if path.is_symlink():
            yield f"{name} {uuid.uuid4().hex}"  # never fresh: what it leads to may change unseen
        elif path.is_dir():
            yield from _files(root, path)
        elif path.name in REWRITTEN:
            yield f"{name} {file_sha256(path)}"
        else:
            status = path.stat()
            yield f"{name} {status.st_size} {status.st_mtime_ns}"
