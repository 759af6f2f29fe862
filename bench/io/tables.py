"""Arrays and tables that somebody else may have written."""

import io
import math
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import reason
from bench.io.untrusted import Malformed

if TYPE_CHECKING:
    import pyarrow as pa


MAX_ARRAY_BYTES = 2**31  # bytes of arrays in one archive: features of 10,000 images, and their covariance, take 130 MB
MAX_CELLS = 10**7  # of a table
MAX_TEXT_BYTES = 2**28  # bytes that the texts of a table may take


def parse_npz(data: bytes, shapes: dict[str, tuple[int | None, ...]]) -> dict[str, np.ndarray]:
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
    if not math.prod(there) * kind.itemsize < member.file_size <= MAX_ARRAY_BYTES:
        raise ValueError(f"{member.filename} is not as large as it says")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of an array in NumPy's format."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, kind = read(file)
    return shape, kind


def parse_parquet(data: bytes, origin: object) -> "pa.Table":
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
    if metadata.num_rows * metadata.num_columns > MAX_CELLS:
        raise ValueError(f"{metadata.num_rows:,} rows of {metadata.num_columns:,} columns")
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    chunks = [(group.num_rows, group.column(i)) for group in groups for i in range(group.num_columns)]
    # No text is longer than all that its column stores.
    if (
        sum(rows * chunk.total_uncompressed_size for rows, chunk in chunks if chunk.path_in_schema in texts)
        > MAX_TEXT_BYTES
    ):
        raise ValueError("its texts take too much room")
