"""Values for shell completion. Slow imports are avoided: torch alone takes a second."""

import ast

from bench.driver.choices import REMOVABLE
from bench.paths import CONFIGS, ROOT


def datasets(incomplete: str) -> list[str]:
    """Complete the name of a data set."""
    names = sorted(path.stem for path in (CONFIGS / "datasets").glob("*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def methods(incomplete: str) -> list[str]:
    """Complete the last name of a list of methods, such as "gan" in "moco,ga"."""
    before, comma, last = incomplete.rpartition(",")
    return [f"{before}{comma}{name}" for name in _method_names() if name.startswith(last)]


def removable(incomplete: str) -> list[str]:
    """Complete a kind of files that bench.clean removes."""
    return [kind for kind in REMOVABLE if kind.startswith(incomplete)]


def _method_names() -> list[str]:
    """The keys of METHODS in methods/__init__.py, read from its source."""
    tree = ast.parse((ROOT / "methods" / "__init__.py").read_text(encoding="utf-8"))
    assignments = (node for node in tree.body if isinstance(node, ast.AnnAssign))
    dictionaries = (node.value for node in assignments if ast.unparse(node.target) == "METHODS")
    return [
        str(ast.literal_eval(key)) for node in dictionaries if isinstance(node, ast.Dict) for key in node.keys if key
    ]
