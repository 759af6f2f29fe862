"""Links from a page to files of the repository outside docs/: the site gets a copy of each, under repository/.

So one link works on the site and where the repository is read as text. A copied Markdown file becomes a page, whose own
links are followed too.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
COPIES = "repository"
LINK = re.compile(r"(?<=\]\()(?![a-z]+:|#|/)([^)#\s]+)")  # the relative path in [text](path#heading)


def source(address: str) -> Path:
    """Return the file of the repository behind an address in the site, such as repository/README.md or start.md."""
    inside = address.removeprefix(f"{COPIES}/")
    return ROOT / inside if inside != address else DOCS / address


def copied(text: str, address: str) -> Iterator[str]:
    """Yield the addresses of the copies that a page needs, for each link that leaves docs/ and leads to a file."""
    for link in LINK.findall(text):
        target = _address(link, address)
        if target.startswith(f"{COPIES}/"):
            yield target


def rewritten(text: str, address: str) -> str:
    """Return a page in which each link leads to an address in the site. A link to nothing stays, and fails."""
    here = PurePosixPath(address).parent

    def replace(match: re.Match[str]) -> str:
        target = _address(match[1], address)
        return os.path.relpath(target, here) if target else match[1]

    return LINK.sub(replace, text)


def _address(link: str, address: str) -> str:
    """Return the address in the site of the file that a page links to; empty if there is no such file."""
    target = Path(os.path.normpath(source(address).parent / link))
    if not target.is_file() or not target.is_relative_to(ROOT):
        return ""
    if target.is_relative_to(DOCS):
        return target.relative_to(DOCS).as_posix()
    return f"{COPIES}/{target.relative_to(ROOT).as_posix()}"
