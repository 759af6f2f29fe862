"""Object stores (s3://, gs://, ...) as a home of trial folders: whole files under names, through pyarrow.fs.

A store has neither locks nor renames. What it has is enough: a file appears whole or not at all, and every file is
checked when it is read (`bench.io.files`). Whatever fails is tried again with growing pauses, about a minute in all.

Credentials come from where each store's own tools look (environment, files, the machine's role), or stand in the URI;
nothing here prints, records or raises them.
"""

import random
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from bench.errors import RunError, UserError, did_you_mean, reason

SCHEMES = ("s3", "gs", "gcs", "abfs", "abfss", "hdfs")
PLAIN = ("region", "scheme", "endpoint_override", "allow_bucket_creation")  # of a query; all else may be a secret
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # seconds before each further try

T = TypeVar("T")


class StorageError(RunError):
    """The object store does not do what it is asked, however often."""


def is_uri(text: str) -> bool:
    return "://" in text


def redact(text: str) -> str:
    """`text` with the credentials of every URI in it replaced by ***."""
    return re.sub(r"[A-Za-z][A-Za-z0-9+.-]*://\S+", lambda match: _redact_uri(match[0]), text)


def _redact_uri(uri: str) -> str:
    scheme, _, rest = uri.partition("://")
    place, mark, query = rest.partition("?")
    before, at, place = place.rpartition("@")  # the last one: a secret may hold others, and slashes
    options = urlencode([(k, v if k in PLAIN else "***") for k, v in parse_qsl(query, True)], safe="*:/'\"")
    return f"{scheme}://{'***@' if at and before else ''}{place}{mark}{options}"


@dataclass(frozen=True)
class Remote:
    """A file or folder in an object store. Stands where a pathlib.Path does, for whole files.

    uri: of the store's folder under which everything lies, with its credentials. key: the name below it.
    """

    uri: str = field(repr=False)
    key: str = ""

    def __str__(self) -> str:
        """Without credentials and options."""
        return self.identity.partition("?")[0]

    @property
    def identity(self) -> str:
        """What tells this place from all others: without credentials, but with the server, if one is named."""
        parts = urlsplit(self.uri)
        user, at, host = parts.netloc.rpartition("@")
        # abfs://container@account: before the @ stands no secret, unless there is a colon.
        container = f"{user}@" if at and ":" not in user and parts.scheme.startswith("abfs") else ""
        path = "".join(f"/{part}" for part in (parts.path.strip("/"), self.key) if part)
        server = dict(parse_qsl(parts.query)).get("endpoint_override")
        return f"{parts.scheme}://{container}{host}{path}" + (f"?endpoint_override={server}" if server else "")

    def __truediv__(self, name: str) -> "Remote":
        return Remote(self.uri, f"{self.key}/{name}" if self.key else name)

    @property
    def name(self) -> str:
        return str(self).rpartition("/")[2]

    @property
    def _place(self) -> tuple[Any, str]:
        """The file system, and this name in it."""
        filesystem, base = _opened(self.uri)
        return filesystem, f"{base}/{self.key}" if self.key else base

    def exists(self) -> bool:
        """Whether there is such a file, or a folder with files."""
        return self._persist(lambda fs, path: fs.get_file_info(path).type.name != "NotFound")

    def read_bytes(self) -> bytes:
        """Raises FileNotFoundError, or StorageError where it cannot be said."""

        def read(fs: Any, path: str) -> bytes:
            with fs.open_input_stream(path) as stream:
                return stream.read()

        return self._persist(read)

    def write_bytes(self, data: bytes) -> None:
        """Put the file there, whole or not at all, in place of what there was."""
        self._persist(lambda fs, path: _put(fs, path, data))

    def remove(self) -> None:
        """Remove the file, or all files below the folder; nothing where there is none."""

        def remove(fs: Any, path: str) -> None:
            kind = fs.get_file_info(path).type.name
            if kind == "Directory":
                fs.delete_dir(path)
            elif kind == "File":
                fs.delete_file(path)

        self._persist(remove)

    def files(self) -> dict[str, tuple[int, int]]:
        """Names below this folder -> size in bytes and time of the last change in ns."""
        from pyarrow.fs import FileSelector

        def listed(fs: Any, path: str) -> dict[str, tuple[int, int]]:
            found = fs.get_file_info(FileSelector(path, allow_not_found=True, recursive=True))
            skip = len(path) + 1
            return {each.path[skip:]: (each.size, each.mtime_ns) for each in found if each.type.name == "File"}

        return self._persist(listed)

    def probe(self) -> None:
        """Write and remove a small file, at once or not at all.

        Raises:
            RunError: the store cannot be reached, or does not take it.
        """
        probe = self / ".probe"
        try:
            fs, path = probe._place
            _put(fs, path, b"?")
            fs.delete_file(path)
        except OSError as error:
            mend = "mend --storage, its credentials or the network"
            raise RunError(f"cannot write to {self}: {_said(error, self.uri)}; {mend}") from None

    def _persist(self, do: Callable[[Any, str], T]) -> T:
        for pause in (*PAUSES, None):
            try:
                return do(*self._place)
            except FileNotFoundError:
                raise
            except OSError as error:
                if pause is None:
                    failed = f"the storage failed {len(PAUSES) + 1} times at {self}"
                    raise StorageError(f"{failed}: {_said(error, self.uri)}") from None
                time.sleep(pause * random.SystemRandom().uniform(0.5, 1.5))  # not all trials again at one time
        raise AssertionError("the last try returns or raises")


def _put(fs: Any, path: str, data: bytes) -> None:
    stream = fs.open_output_stream(path)  # not `with`, which commits what it has where writing fails
    stream.write(data)
    stream.close()


def remote(uri: str) -> Remote:
    """The folder of an object store that --storage names.

    Raises:
        UserError: it is no such URI.
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
def _opened(uri: str) -> tuple[Any, str]:
    """The file system of a URI and the path in it."""
    from pyarrow import ArrowInvalid
    from pyarrow.fs import FileSystem

    options = ""
    if uri.startswith("s3:") and "allow_delayed_open=" not in uri:
        options = ("&" if "?" in uri else "?") + "allow_delayed_open=true"  # a file is one request, not three
    try:
        filesystem, path = FileSystem.from_uri(uri + options)
    except (ArrowInvalid, ValueError, NotImplementedError) as error:
        raise UserError(f"cannot use --storage {redact(uri)}: {_said(error, uri)}") from None
    return filesystem, path.rstrip("/")


def _said(error: Exception, uri: str) -> str:
    """What pyarrow says, in a line, without credentials."""
    parts = urlsplit(uri)
    secrets = [*(parts.username, parts.password), *(v for k, v in parse_qsl(parts.query) if k not in PLAIN)]
    text = redact(reason(error))
    for secret in filter(None, secrets):
        text = text.replace(unquote(secret), "***").replace(secret, "***")
    return text[:300]
