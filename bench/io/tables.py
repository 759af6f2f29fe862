"""Arrays and tables from untrusted files."""

import base64
import io
import math
import zipfile
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.errors import reason
from bench.io.untrusted import Malformed

if TYPE_CHECKING:
    import pyarrow as pa


MAX_ARRAY_BYTES = 2**31  # in one archive; features of 10,000 images with their covariance take 130 MB
MAX_CELLS = 10**7  # rows x columns
MAX_COLUMNS = 1000  # 100 of metrics and times, the others for losses of a method
MAX_TEXT_BYTES = 2**28  # of all texts in a table
# The key of Arrow's own schema in a parquet file, and what it is replaced by before Arrow reads the file.
SCHEMA_KEY, IGNORED_KEY = b"ARROW:schema", b"arrow:unread"
EXTENSION_KEY = b"ARROW:extension"  # names a registered Python type, which may unpickle its parameters


def parse_npz(
    data: bytes, shapes: dict[str, tuple[int | None, ...]], max_bytes: int | None = None
) -> dict[str, np.ndarray]:
    """Read arrays from the bytes of a NumPy archive.

    Args:
        data: the bytes.
        shapes: name of every array to read -> its expected shape, with None for any length.
        max_bytes: of each array; default: MAX_ARRAY_BYTES.

    Raises:
        ValueError: an array is missing, has another shape, holds objects, is shorter than its header says, or exceeds
            `max_bytes`.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {member.filename: member for member in archive.infolist()}
            limit = MAX_ARRAY_BYTES if max_bytes is None else max_bytes
            return {name: _array(archive, members.get(f"{name}.npy"), shape, limit) for name, shape in shapes.items()}
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen types for invalid archives
        raise ValueError(reason(error)) from None


def _array(
    archive: zipfile.ZipFile, member: zipfile.ZipInfo | None, shape: tuple[int | None, ...], max_bytes: int
) -> np.ndarray:
    if member is None:
        raise ValueError("an array is missing")
    with archive.open(member) as file:
        actual, dtype = _header(file)
    matches = len(actual) == len(shape) and all(b in (None, a) for a, b in zip(actual, shape, strict=True))
    if dtype.hasobject or not matches:
        raise ValueError(f"{member.filename} is {dtype} {list(actual)}")
    if not math.prod(actual) * dtype.itemsize < member.file_size <= max_bytes:
        raise ValueError(f"{member.filename} has another size than its header says, or is too large")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _header(file: Any) -> tuple[tuple[int, ...], np.dtype]:
    """The shape and type of an array in NumPy's format."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    return shape, dtype


def parse_parquet(data: bytes, origin: object) -> "pa.Table":
    """Read the bytes of a parquet file of numbers and short texts.

    The schema that Arrow stores in the file is not used, so no extension type is built. Libraries such as Ray register
    extension types for the whole process, and some of them unpickle bytes of the schema.

    Raises:
        Malformed: the file is invalid, names an extension type, or is larger in memory than the rows of a training can
            be. A few kB can encode a number that is repeated a billion times.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # All bytes are searched, not only the footer, so the result does not depend on where Arrow finds the footer.
        file = pq.ParquetFile(pa.BufferReader(data.replace(SCHEMA_KEY, IGNORED_KEY)))
        _refuse_extensions(file.metadata.metadata or {})
        _refuse_large(file)
        table = file.read(use_threads=False)
        table.validate(full=True)
    except Exception as error:  # pyarrow raises a dozen types for invalid files
        raise Malformed(origin, f"is not a table of training rows ({reason(error)[:120]})") from None
    return table.replace_schema_metadata(None)  # pandas would trust the metadata


def _refuse_extensions(metadata: dict[bytes, bytes]) -> None:
    """Raise ValueError if the file names an extension type, at any depth: this project never writes one."""
    schema = base64.b64decode(metadata.get(IGNORED_KEY, b""))
    if any(EXTENSION_KEY in text for text in (schema, *metadata.keys(), *metadata.values())):
        raise ValueError("it names an Arrow extension type")


def _refuse_large(file: Any) -> None:
    """Raise ValueError for column types and names that training rows never have, and for tables that are too large."""
    import pyarrow.types as types

    metadata = file.metadata
    if metadata.num_columns > MAX_COLUMNS:
        raise ValueError(f"{metadata.num_columns:,} columns")
    schema = file.schema_arrow
    simple = (types.is_boolean, types.is_integer, types.is_floating, types.is_null, types.is_string)
    texts = set()
    for column in schema:
        if not any(is_kind(column.type) for is_kind in (*simple, types.is_large_string)):
            raise ValueError(f"{column.name!r} is {column.type}")
        if not column.name.isprintable() or set(column.name) & set("`<>|"):
            raise ValueError(f"a column is named {column.name[:40]!r}")
        if types.is_string(column.type) or types.is_large_string(column.type):
            texts.add(column.name)
    if len(set(schema.names)) < len(schema.names):
        raise ValueError("two columns have the same name")
    if metadata.num_rows * metadata.num_columns > MAX_CELLS:
        raise ValueError(f"{metadata.num_rows:,} rows of {metadata.num_columns:,} columns")
    groups = [metadata.row_group(i) for i in range(metadata.num_row_groups)]
    chunks = [(group.num_rows, group.column(i)) for group in groups for i in range(group.num_columns)]
    # An upper bound, because no text is longer than all the data of its column chunk.
    if (
        sum(rows * chunk.total_uncompressed_size for rows, chunk in chunks if chunk.path_in_schema in texts)
        > MAX_TEXT_BYTES
    ):
        raise ValueError("its texts are too large")
