"""Files that are computed once and shared. A stamp inside each file prevents the use of an outdated one."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from bench.errors import warn
from bench.io.files import Folder, make_folder
from bench.io.locks import file_lock
from bench.io.untrusted import Malformed

Content = TypeVar("Content", bound=Mapping[str, object])


@dataclass(frozen=True)
class StampedFiles:
    """Files in a folder that carry the same stamp.

    Attributes:
        folder: the folder of the files.
        prefix: the start of every file name.
        stamp: keys and values that the content of every file must include.
    """

    folder: Folder
    prefix: str
    stamp: dict[str, str]

    def get(self, name: str, make: Callable[[], bytes], parse: Callable[[bytes], Content]) -> Content:
        """Return the content of a file, and make the file first if it is missing, damaged or has another stamp.

        One process makes the file while other processes that need it wait.

        Args:
            name: the file name without the prefix.
            make: computes the bytes of the file.
            parse: reads the bytes; raises ValueError or Malformed if they are not what `make` produces.
        """
        name = f"{self.prefix}-{name}"
        content = self._usable(name, parse)
        if content is not None:
            return content
        make_folder(self.folder.path)
        with file_lock(self.folder.path / f".{name}.lock"):
            content = self._usable(name, parse, warns=True)  # another process may have made it meanwhile
            if content is None:
                data = make()
                self.folder.write(name, data)
                content = parse(data)
        return content

    def _usable(self, name: str, parse: Callable[[bytes], Content], warns: bool = False) -> Content | None:
        """The content of a file; None if it cannot be used, with a warning unless it is only missing."""
        if not self.folder.exists(name):
            return None
        data = self.folder.read_if_intact(name)
        if data is not None:
            try:
                content = parse(data)
                if {key: str(content[key]) for key in self.stamp if key in content} == self.stamp:
                    return content
            except (ValueError, Malformed):
                pass
        if warns:
            defect = "is damaged" if data is None else "belongs to another extractor, other images or an older version"
            warn(f"{self.folder.path / name} {defect}; computing it again")
        return None
