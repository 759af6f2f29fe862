"""Strict YAML: scalars are read as YAML 1.2 (core schema) defines them, and every error names its file and line.

010 is ten, 1e-3 is a number, `no` and 1:30 are texts. A duplicate key is an error.

Safe for untrusted input: no code execution, bounded time, no alias bombs.
"""

import math
import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml
from yaml.composer import ComposerError

from bench.errors import UserError, cut, did_you_mean_file, reason, short

MAX_BYTES = 2**20  # of a file
MAX_REPEATED = 10_000  # nodes that aliases may add
MAX_DEPTH = 50
MAX_NODES = 100_000  # PyYAML takes 16 microseconds for each


class _Loader(yaml.SafeLoader):
    """Safe YAML with the scalars of YAML 1.2, in which a duplicate key is an error."""

    def __init__(self, stream: str | bytes) -> None:
        super().__init__(stream)
        self.nodes = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            mark = self.peek_event().start_mark
            raise ComposerError(None, None, f"it has more than {MAX_NODES:,} values", mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):  # such as !!set 3
            return super().construct_mapping(node, deep)
        keys: set[Any] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if not isinstance(key, Hashable):
                continue  # refused by the base class
            if key in keys:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {short(key)} appears twice", key_node.start_mark
                )
            keys.add(key)
        return super().construct_mapping(node, deep)

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):  # from PyYAML's dates and numbers
            kind = node.tag.rpartition(":")[2]
            message = f"cannot read {short(node.value)} as {kind}"
            raise yaml.constructor.ConstructorError(None, None, message, node.start_mark) from None


class _Dumper(yaml.SafeDumper):
    """Quotes every text that YAML 1.1 or YAML 1.2 would read as something else."""


def _read_int(loader: _Loader, node: yaml.ScalarNode) -> int:
    text = loader.construct_scalar(node)
    return int(text, {"0o": 8, "0x": 16}.get(text[:2], 10))  # int(text) reads 010 as ten


def _read_float(loader: _Loader, node: yaml.ScalarNode) -> float:
    text = loader.construct_scalar(node).lower()
    value = float(text.replace(".inf", "inf").replace(".nan", "nan"))
    if "n" not in text and (math.isinf(value) or (value == 0 and re.search("[1-9]", text.partition("e")[0]))):
        raise ValueError("too large or too small for a float")  # which would become infinite or 0
    return value


_Loader.yaml_implicit_resolvers = {}  # instead of those of YAML 1.1
for _kind, _pattern, _first in (  # https://yaml.org/spec/1.2.2/#103-core-schema
    ("null", r"null|Null|NULL|~|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    (
        "float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+.0123456789"),
    ),
):
    for _class in (_Loader, _Dumper):
        _class.add_implicit_resolver(f"tag:yaml.org,2002:{_kind}", re.compile(rf"^(?:{_pattern})$"), _first)
_Loader.add_constructor("tag:yaml.org,2002:int", _read_int)
_Loader.add_constructor("tag:yaml.org,2002:float", _read_float)


def dump_yaml(value: Any) -> str:
    """Return YAML that `parse_yaml` reads as the same value. Keys keep their order."""
    return yaml.dump(value, Dumper=_Dumper, sort_keys=False, width=120)


def parse_yaml(text: str | bytes, origin: str, max_bytes: int = MAX_BYTES) -> Any:
    """Parse YAML.

    Raises:
        UserError: it is not valid, or has more than `max_bytes`; the message names `origin` and the line.
    """
    origin = cut(origin)
    if len(text) > max_bytes:
        raise UserError(f"{origin} has more than {max_bytes:,} bytes; is it the right file?")
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _refuse_expansion(node)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        problem = cut(getattr(error, "problem", None) or "not YAML")
        raise UserError(f"{origin}{line}: {problem}{_quotes(text, mark)}") from None
    except RecursionError:
        raise UserError(f"{origin} is nested too deeply") from None


def _quotes(text: str | bytes, mark: yaml.Mark | None) -> str:
    """'; put quotes around X' if the line of an error has a method with brackets, such as moco[temperature=0.1]."""
    lines = (text if isinstance(text, str) else text.decode(errors="replace")).splitlines()
    if mark is None or mark.line >= len(lines):
        return ""
    match = re.search(r"(?<![\w'\"-])\w[\w.-]*\[[^\[\]'\"]+\]", lines[mark.line])
    return f"; put quotes around {cut(match[0])}" if match else ""


def _refuse_expansion(root: yaml.Node) -> None:
    """Raise ComposerError if aliases expand too much ('a billion laughs') or are recursive, or nesting is too deep."""
    sizes: dict[int, int] = {}  # number of nodes below each node, with aliases expanded

    def size(node: yaml.Node, depth: int) -> int:
        if depth > MAX_DEPTH:
            raise ComposerError(None, None, "it is nested too deeply", node.start_mark)
        if id(node) not in sizes:
            sizes[id(node)] = -1  # being counted
            content = node.value if isinstance(node, yaml.CollectionNode) else []
            parts = [part for pair in content for part in (pair if isinstance(pair, tuple) else (pair,))]
            sizes[id(node)] = 1 + sum(size(part, depth + 1) for part in parts)
        if sizes[id(node)] < 0:
            raise ComposerError(None, None, "an alias refers to a value that contains it", node.start_mark)
        return sizes[id(node)]

    total = size(root, 0)
    if total > len(sizes) + MAX_REPEATED:
        raise ComposerError(None, None, f"its aliases repeat more than {MAX_REPEATED:,} values", root.start_mark)


def load_yaml(path: Path) -> dict[str, Any]:
    """Read a YAML file of keys and values. It may be a pipe.

    Raises:
        UserError: it cannot be read, or is not such a file.
    """
    try:
        with path.open("rb") as file:
            loaded = parse_yaml(file.read(MAX_BYTES + 1).decode(), str(path))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"cannot read {path}: {reason(error)}{did_you_mean_file(path)}") from None
    if loaded is None:
        raise UserError(f"{path} is empty; write keys such as 'dataset: digits' into it")
    if not isinstance(loaded, dict):
        raise UserError(f"{path} must contain keys such as 'dataset: digits', not {type(loaded).__name__}")
    return loaded
