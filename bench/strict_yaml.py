"""YAML as people mean it: a key twice is an error, 1e-3 is a number, and every mistake names its file and line."""

import re
from pathlib import Path
from typing import Any

import yaml

from bench.errors import UserError, did_you_mean, reason


class _Loader(yaml.SafeLoader):
    """Safe YAML in which 1e-3 is a number (YAML 1.2) and a key given twice is an error."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: list[Any] = []
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in keys:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", key_node.start_mark
                )
            keys.append(key)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(\d+\.?\d*|\.\d+)[eE][-+]?\d+$"),
    list("-+.0123456789"),
)


def parse_yaml(text: str, origin: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise UserError(f"{origin}{where}: {getattr(error, 'problem', None) or 'not YAML'}") from None
    except RecursionError:
        raise UserError(f"{origin} is nested too deeply") from None


def load_yaml(path: Path) -> dict[str, Any]:
    try:
        loaded = parse_yaml(path.read_text(), str(path))
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
