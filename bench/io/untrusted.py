"""Files that somebody else may have written: read without running code, following links, or filling the memory.

Checksums say that a file is what was written, not who wrote it. What is expanded (archives, tables, pictures) is
measured before it is read, and everything that is wrong ends in one line.
"""

import io
import json
import math
import os
import stat
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import RunError, UserError, one_line, reason
from bench.io.files import CHECKSUMS, Damaged

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import nn

DOCUMENT = 2**20  # bytes of a document that says what a trial is
LIST = 2**28  # ... of one that lists things: methods, images left out, of which there may be a million
ARRAYS = 2**31  # bytes of arrays in one archive: features of 10,000 images, and their covariance, take 130 MB
CELLS = 10**7  # of a table
TEXT = 2**28  # bytes that the texts of a table may take
PIXELS = 2**26  # of a grid of pictures
FILE = 2**31  # bytes of any other file; prepared images (.npy) are never read as a whole
LARGEST: dict[str, int] = dict.fromkeys(("spec.json", "status.json", "environment.json"), DOCUMENT)
LARGEST |= dict.fromkeys(("experiment.yaml", "sidecar.json", "error.txt"), LIST)
LOGS = ("mlflow", "tensorboard", "wandb")
ENTRIES = 10_000_000  # files of an experiment
# The newest first. They are as large as a network is, and looked at closely when they are loaded.
CHECKPOINTS = ("checkpoint.pt", "checkpoint.previous.pt")


class Malformed(Damaged):
    """A file is what was written, but nothing that this project writes."""

    def __init__(self, path: object, why: str) -> None:
        RunError.__init__(self, one_line(f"{path} {why}"))
        self.noted = False  # nothing here can mend it


def look_over(folder: Path) -> None:
    """Refuse a folder in which a link leads out of it, or which holds what is no file, or what no run makes.

    The folder itself may be a link.

    Raises:
        Malformed: it names the first such file and says what to do.
    """
    root = Path(os.path.realpath(folder))
    entries = 0
    for place, folders, files in os.walk(root):
        entries += len(folders) + len(files)
        if entries > ENTRIES:
            raise Malformed(folder, f"holds more than {ENTRIES:,} files, which is no experiment; name the right folder")
        for name in (*folders, *files):
            _look_at(Path(place, name), root)
        if Path(place) == root:  # nothing is read of what loggers keep, which link to their own places
            folders[:] = [name for name in folders if name not in LOGS]


def _look_at(path: Path, root: Path) -> None:
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
    most = DOCUMENT if CHECKSUMS in path.parts else LARGEST.get(path.name, FILE)
    if found.st_size > most and path.suffix != ".npy" and path.name not in CHECKPOINTS:
        raise Malformed(path, f"has {found.st_size:,} bytes, and {most:,} at most are read; remove it")


def read(path: Path, most: int = DOCUMENT) -> bytes:
    """The bytes of a file that a user named: UserError where there are more than `most`, be it a device without end."""
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise UserError(f"{path} has more than {most:,} bytes; is it the right file?")
    return data


def document(data: bytes, origin: object, most: int = DOCUMENT) -> Any:
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


def weights(data: bytes, device: Any = "cpu", legacy: bool = False) -> Any:
    """What `torch.save` stored: tensors and plain values, no larger in memory than in the file.

    Args:
        legacy: take torch's format before 1.6 as well, which is no archive.
    Raises:
        ValueError: it expands. And whatever torch raises for what it has not written.
    """
    import torch

    if not (legacy and not zipfile.is_zipfile(io.BytesIO(data))):
        _refuse_expansion(data)
    stored = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    _refuse_wide(stored, len(data))
    return stored


def _refuse_expansion(data: bytes) -> None:
    """torch.save compresses nothing, so an archive that does, or whose members overlap, is somebody's bomb."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("it is compressed, which torch.save does not do")
    if sum(member.file_size for member in members) > len(data):
        raise ValueError("it says that it holds more than it does")


def _refuse_wide(stored: Any, most: int) -> None:
    """ValueError for a tensor that repeats its values, without limit, by strides of zero; each object is seen once."""
    import torch

    seen, todo = set(), [stored]
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, torch.Tensor):
            if value.layout is not torch.strided or value.numel() * value.element_size() > most:
                raise ValueError(f"a tensor of {list(value.shape)} does not fit into {most:,} bytes")
        elif isinstance(value, dict):
            todo += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            todo += value


def arrays(data: bytes, shapes: dict[str, tuple[int | None, ...]]) -> dict[str, np.ndarray]:
    """The arrays of a NumPy archive that `shapes` names, with None for a length that may be any.

    Raises:
        ValueError: one is missing, of another shape, of objects, or says that it is larger than it is.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {member.filename: member for member in archive.infolist()}
            return {name: _array(archive, members.get(f"{name}.npy"), shape) for name, shape in shapes.items()}
    except Exception as error:  # zipfile, zlib and NumPy have a dozen types for what is no archive of arrays
        raise ValueError(reason(error)) from None


def _array(archive: zipfile.ZipFile, member: zipfile.ZipInfo | None, shape: tuple[int | None, ...]) -> np.ndarray:
    if member is None:
        raise ValueError("an array is missing")
    with archive.open(member) as file:
        there, kind = _header(file)
    like = len(there) == len(shape) and all(b in (None, a) for a, b in zip(there, shape, strict=True))
    if kind.hasobject or not like:
        raise ValueError(f"{member.filename} is {kind} {list(there)}")
    if not math.prod(there) * kind.itemsize < member.file_size <= ARRAYS:
        raise ValueError(f"{member.filename} is not as large as it says")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of an array in NumPy's format."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)
    return shape, kind


def table(data: bytes, origin: object) -> "pa.Table":
    """A parquet file of numbers and short texts.

    Raises:
        Malformed: it is none, or takes more room than rows of a training do: a few kB can say a number a billion times.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(pa.BufferReader(data))
        _refuse_large(file)
        found = file.read(use_threads=False)
        found.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, MemoryError) as error:
        raise Malformed(origin, f"is no table of a training ({reason(error)[:120]})") from None
    return found.replace_schema_metadata(None)  # or pandas would do what it says


def _refuse_large(file: Any) -> None:
    """ValueError for columns of other types than rows have, and for more of them than rows can have."""
    import pyarrow.types as kinds

    schema, metadata = file.schema_arrow, file.metadata
    simple = (kinds.is_boolean, kinds.is_integer, kinds.is_floating, kinds.is_null, kinds.is_string)
    texts = set()
    for column in schema:
        if not any(is_kind(column.type) for is_kind in (*simple, kinds.is_large_string)):
            raise ValueError(f"{column.name!r} is {column.type}")
        if not column.name.isprintable() or set(column.name) & set("`<>|"):
            raise ValueError(f"a column is called {column.name[:40]!r}")
        if kinds.is_string(column.type) or kinds.is_large_string(column.type):
            texts.add(column.name)
    if len(set(schema.names)) < len(schema.names):
        raise ValueError("two columns have one name")
    if metadata.num_rows * metadata.num_columns > CELLS:
        raise ValueError(f"{metadata.num_rows:,} rows of {metadata.num_columns:,} columns")
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    chunks = [(group.num_rows, group.column(i)) for group in groups for i in range(group.num_columns)]
    # No text is longer than all that its column stores.
    if sum(rows * chunk.total_uncompressed_size for rows, chunk in chunks if chunk.path_in_schema in texts) > TEXT:
        raise ValueError("its texts take too much room")


def state_fits(state: Any, network: "nn.Module") -> bool:
    """Whether tensors by name have the names, shapes and types of a network, which may be one without memory (meta)."""
    mine = network.state_dict()
    if not isinstance(state, dict) or state.keys() != mine.keys():
        return False
    return all(getattr(state[k], "shape", None) == v.shape and state[k].dtype == v.dtype for k, v in mine.items())


@contextmanager
def measured(most: int) -> Iterator[None]:
    """What is built inside takes no memory, and may have so many bytes of parameters: ValueError where it has more."""
    import torch
    from torch.nn.modules import module

    total, mine = 0, threading.get_ident()

    def count(_: "nn.Module", name: str, tensor: Any) -> None:
        nonlocal total
        if threading.get_ident() != mine:  # torch calls this for what any thread builds
            return
        total += 0 if tensor is None else tensor.numel() * tensor.element_size()
        if total > most:
            raise ValueError(f"its networks are larger than its weights ({name})")

    hooks = [
        module.register_module_parameter_registration_hook(count),
        module.register_module_buffer_registration_hook(count),
    ]
    try:
        with torch.device("meta"):
            yield
    finally:
        for hook in hooks:
            hook.remove()


def is_picture(data: bytes) -> bool:
    """Whether it is a whole PNG, and small enough to be opened."""
    from PIL import Image

    try:
        with Image.open(io.BytesIO(data), formats=("PNG",)) as image:
            if image.width * image.height > PIXELS:
                return False
            image.load()
    except Exception:  # Pillow raises a dozen types for damaged files
        return False
    return True
