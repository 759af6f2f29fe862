"""YAML as people mean it: a key twice is an error, 1e-3 is a number, and every mistake names its file and line.

Whoever wrote it, reading it runs no code, ends soon, and gives no more than it shows.
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError

from bench.errors import UserError, cut, did_you_mean, reason, short

BYTES = 2**20  # of a file
REPEATED = 10_000  # nodes that aliases may add to those that are written
DEPTH = 50


class _Loader(yaml.SafeLoader):
    """Safe YAML in which 1e-3 is a number (YAML 1.2) and a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):  # as of !!set 3
            return super().construct_mapping(node, deep)
        keys: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # which is refused below
            if key in keys:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {short(key)} stands twice", key_node.start_mark
                )
            keys.add(key)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # PyYAML's, of dates and numbers
            kind = node.tag.rpartition(":")[2]
            said = f"cannot read {short(node.value)} as {kind}"
            raise yaml.constructor.ConstructorError(None, None, said, node.start_mark) from None


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def parse_yaml(text: str | bytes, origin: str, most: int = BYTES) -> Any:
    """What the text says; UserError, naming `origin` and the line, where it is none, or of more than `most` bytes."""
    origin = cut(origin)
    if len(text) > most:
        raise UserError(f"{origin} has more than {most:,} bytes; is it the right file?")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_expansion(node)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{origin}{where}: {cut(getattr(error, 'problem', None) or 'not YAML')}") from None
    except RecursionError:
        raise UserError(f"{origin} is nested too deeply") from None


def _refuse_expansion(root: yaml.Node) -> None:
    """ComposerError for aliases that repeat each other ('a billion laughs') or themselves, and for great depth."""
    sizes: dict[int, int] = {}  # of what is below each node, with what aliases repeat

    def size(node: yaml.Node, depth: int) -> int:
        if depth > DEPTH:
            raise ComposerError(None, None, "it is nested too deeply", node.start_mark)
        if id(node) not in sizes:
            sizes[id(node)] = -1  # while it is being counted
            below = node.value if isinstance(node, yaml.CollectionNode) else []
            parts = [part for pair in below for part in (pair if isinstance(pair, tuple) else (pair,))]
            sizes[id(node)] = 1 + sum(size(part, depth + 1) for part in parts)
        if sizes[id(node)] < 0:
            raise ComposerError(None, None, "an alias stands inside what it repeats", node.start_mark)
        return sizes[id(node)]

    total = size(root, 0)
    if total > len(sizes) + REPEATED:
        said = f"its aliases repeat more than {REPEATED:,} values"
        raise ComposerError(None, None, said, root.start_mark)


def load_yaml(path: Path) -> dict[str, Any]:
    """The keys of a file, which may be a pipe. UserError says what is wrong with it."""
    try:
        with path.open("rb") as file:
            loaded = parse_yaml(file.read(BYTES + 1).decode(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {reason(error)}{_near(path)}") from None
    if loaded is None:
        raise UserError(f"{path} is empty; write keys such as 'dataset: digits' into it")
    if not isinstance(loaded, dict):
        raise UserError(f"{path} must hold keys such as 'dataset: digits', not {type(loaded).__name__}")
    return loaded


def _near(path: Path) -> str:
    """'. Did you mean X?' for a file that is not there."""
    there = [p.name for p in path.parent.glob("*.yaml")] if path.parent.is_dir() and not path.exists() else []
    return "." + did_you_mean(path.name, there) if there else ""
