"""Files in object stores (s3://, gs://, ...), through pyarrow.fs.

A store has neither locks nor renames, but it replaces whole files atomically, and `bench.io.files` verifies every file
that it reads. Failed requests are retried with exponential backoff, for about a minute in all.

Credentials come from the places where each store's own tools look (environment, files, the machine's role), or from the
URI. They never appear in output, records or errors of this module.
"""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from bench.errors import RunError, UserError, did_you_mean, reason
from bench.io.limits import max_bytes, too_large

SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs")
# Options in a URI whose values may be shown. The values of all other options may be secrets.
PUBLIC_OPTIONS = (
    "region",
    "scheme",
    "endpoint_override",
    "allow_bucket_creation",
)
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # seconds before each retry

T = TypeVar("T")


class StorageError(RunError):
    """The object store failed, after all retries."""


class Oversized(RunError):
    """A file in a store is larger than anything that this project writes under its name; it is not read."""

    def __init__(self, file: "Remote", size: int, limit: int) -> None:
        super().__init__(f"{file} {too_large(size, limit)}; remove it")
        self.size = size


def is_uri(text: str) -> bool:
    """Whether `text` is a URI, not a path."""
    return "://" in text


def redact(text: str) -> str:
    """Replace the credentials of every URI in `text` with ***."""
    return re.sub(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", lambda match: _redact_uri(match[0]), text)


def _redact_uri(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    location, mark, query = rest.partition("?")
    credentials, at, location = location.rpartition("@")  # the last @: a secret may contain others, and slashes
    options = urlencode([(k, v if k in PUBLIC_OPTIONS else "***") for k, v in parse_qsl(query, True)], safe="*:/'\"")
    return f"{scheme}://{'***@' if at and credentials else ''}{location}{mark}{options}"


@dataclass(frozen=True)
class Remote:
    """A file or folder in an object store. Its methods resemble those of pathlib.Path, for whole files only.

    Attributes:
        uri: the root folder in the store, with its credentials.
        key: the path below the root; empty for the root itself.
    """

    uri: str = field(repr=False)
    key: str = ""

    def __str__(self) -> str:
        """Return the URI without credentials and options."""
        return self.identity.partition("?")[0]

    @property
    def identity(self) -> str:
        """The URI without credentials, but with the server if it names one. It identifies this location."""
        parts = urlsplit(self.uri)
        user, at, host = parts.netloc.rpartition("@")
        # In abfs://container@account, the part before the @ is no secret, unless it has a colon.
        container = f"{user}@" if at and ":" not in user and parts.scheme.startswith("abfs") else ""
        path = "".join(f"/{part}" for part in (parts.path.strip("/"), self.key) if part)
        server = dict(parse_qsl(parts.query)).get("endpoint_override")
        return f"{parts.scheme}://{container}{host}{path}" + (f"?endpoint_override={server}" if server else "")

    def __truediv__(self, name: str) -> "Remote":
        return Remote(self.uri, f"{self.key}/{name}" if self.key else name)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return str(self).rpartition("/")[2]

    @property
    def _location(self) -> tuple[Any, str]:
        """The pyarrow file system, and the path in it."""
        filesystem, base = _open_filesystem(self.uri)
        return filesystem, f"{base}/{self.key}" if self.key else base

    def exists(self) -> bool:
        """Whether there is such a file, or a folder with files."""
        return self._with_retries(lambda fs, path: fs.get_file_info(path).type.name != "NotFound")

    def read_bytes(self) -> bytes:
        """Read the file, in one request after its size is known.

        Raises:
            FileNotFoundError: there is no such file.
            Oversized: it is larger than what is written under its name (`limits.max_bytes`); nothing is read.
            StorageError: the store failed.
        """

        def read(fs: Any, path: str) -> bytes:
            limit = max_bytes(PurePosixPath(self.key))
            with fs.open_input_file(path) as file:
                size = file.size()
                if size > limit:
                    raise Oversized(self, size, limit)
                return file.read(size)

        return self._with_retries(read)

    def write_bytes(self, data: bytes) -> None:
        """Write or replace the file, atomically."""
        self._with_retries(lambda fs, path: _put(fs, path, data))

    def remove(self) -> None:
        """Remove the file, or all files below the folder, if there are any."""

        def remove(fs: Any, path: str) -> None:
            kind = fs.get_file_info(path).type.name
            if kind == "Directory":
                fs.delete_dir(path)
            elif kind == "File":
                fs.delete_file(path)

        self._with_retries(remove)

    def files(self) -> dict[str, tuple[int, int]]:
        """List the files below this folder: name -> size in bytes and time of the last change in ns."""
        from pyarrow.fs import FileSelector

        def list_files(fs: Any, path: str) -> dict[str, tuple[int, int]]:
            entries = fs.get_file_info(FileSelector(path, allow_not_found=True, recursive=True))
            skip = len(path) + 1
            return {entry.path[skip:]: (entry.size, entry.mtime_ns) for entry in entries if entry.type.name == "File"}

        return self._with_retries(list_files)

    def probe(self) -> None:
        """Check access by writing and removing a small file, without retries.

        Raises:
            RunError: the store cannot be reached, or refuses the file.
        """
        probe = self / ".probe"
        try:
            fs, path = probe._location
            _put(fs, path, b"?")
            fs.delete_file(path)
        except OSError as error:
            remedy = "check --storage, its credentials and the network"
            raise RunError(f"cannot write to {self}: {_safe_message(error, self.uri)}; {remedy}") from None

    def _with_retries(self, request: Callable[[Any, str], T]) -> T:
        for pause in (*PAUSES, None):
            try:
                return request(*self._location)
            except FileNotFoundError:
                raise
            except OSError as error:
                if pause is None:
                    failure = f"the storage failed {len(PAUSES) + 1} times at {self}"
                    raise StorageError(f"{failure}: {_safe_message(error, self.uri)}") from None
                time.sleep(pause * random.SystemRandom().uniform(0.5, 1.5))  # so that trials do not retry in unison
        raise AssertionError("the last attempt returns or raises")


def _put(fs: Any, path: str, data: bytes) -> None:
    stream = fs.open_output_stream(path)  # `with` would commit a partial file if writing fails
    stream.write(data)
    stream.close()


def remote(uri: str) -> Remote:
    """Return the folder in an object store that --storage names.

    Raises:
        UserError: the URI is malformed, or its scheme is not supported.
    """
    scheme = uri.partition("://")[0].lower()
    if scheme not in SCHEMES:
        raise UserError(f"--storage takes a folder or a URI, not {scheme}://.{did_you_mean(scheme, SCHEMES)}")
    try:
        parts = urlsplit(uri)
    except ValueError:
        parts = None
    if parts is None or not parts.netloc.rpartition("@")[2] or parts.fragment or "@" in parts.path:
        escaped = "; in its credentials write / as %2F and @ as %40" if "@" in uri else ""
        raise UserError(f"cannot read --storage {redact(uri)}; write it like {scheme}://bucket/folder{escaped}")
    return Remote(uri)


@lru_cache(maxsize=64)
def _open_filesystem(uri: str) -> tuple[Any, str]:
    """Return the pyarrow file system of a URI and the path in it."""
    from pyarrow import ArrowInvalid
    from pyarrow.fs import FileSystem

    options = ""
    if uri.startswith("s3:") and "allow_delayed_open=" not in uri:
        options = ("&" if "?" in uri else "?") + "allow_delayed_open=true"  # one request per file, not three
    try:
        filesystem, path = FileSystem.from_uri(uri + options)
    except (ArrowInvalid, ValueError, NotImplementedError) as error:
        raise UserError(f"cannot use --storage {redact(uri)}: {_safe_message(error, uri)}") from None
    return filesystem, path.rstrip("/")


def _safe_message(error: Exception, uri: str) -> str:
    """The message of a pyarrow error, as one line without credentials."""
    parts = urlsplit(uri)
    secrets = [*(parts.username, parts.password), *(v for k, v in parse_qsl(parts.query) if k not in PUBLIC_OPTIONS)]
    text = redact(reason(error))
    for secret in filter(None, secrets):
        text = text.replace(unquote(secret), "***").replace(secret, "***")
    return text[:300]
