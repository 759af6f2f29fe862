"""Values for shell completion. Slow imports are avoided: torch alone takes a second."""

import ast

from bench.driver.choices import REMOVABLE
from bench.paths import CONFIGS, ROOT


def datasets(incomplete: str) -> list[str]:
    """Complete the name of a data set."""
    names = sorted(path.stem for path in (CONFIGS / "datasets").glob("*.yaml"))
    return [name for name in names if name.startswith(incomplete)]


def methods(incomplete: str) -> list[str]:
    """Complete the last name of a list of methods, or inside brackets a searched hyperparameter and its range.

    "moco,ga" -> "moco,gan"; "moco[we" -> "moco[weight="; "moco[weight=" -> "moco[weight=0.001..10".
    """
    before, comma, last = incomplete.rpartition(",")
    if incomplete.count("[") == incomplete.count("]"):
        return [f"{before}{comma}{name}" for name in _methods() if name.startswith(last)]
    start, bracket, inside = incomplete.rpartition("[")
    done, comma, last = inside.rpartition(",")
    ranges = _ranges(start.rpartition(",")[2])
    if "=" in last:
        options = [f"{name}={low}..{high}" for name, (low, high) in ranges.items()]
    else:
        given = [part.partition("=")[0] for part in done.split(",")]
        options = [f"{name}=" for name in ranges if name not in given]
    return [f"{start}{bracket}{done}{comma}{option}" for option in options if option.startswith(last)]


def removable(incomplete: str) -> list[str]:
    """Complete a kind of files that bench.clean removes."""
    return [kind for kind in REMOVABLE if kind.startswith(incomplete)]


def _methods() -> dict[str, str]:
    """METHODS in methods/__init__.py, read from its source: name -> name of the class."""
    for node in _source("__init__").body:
        if (
            isinstance(node, ast.AnnAssign)
            and ast.unparse(node.target) == "METHODS"
            and isinstance(node.value, ast.Dict)
        ):
            pairs = zip(node.value.keys, node.value.values, strict=True)
            return {str(ast.literal_eval(key)): ast.unparse(value) for key, value in pairs if key}
    return {}


def _ranges(method: str) -> dict[str, tuple[str, str]]:
    """The ranges in a method's `search_space`, read from its source: hyperparameter -> its ends."""
    wanted = _methods().get(method)
    imports = (node for node in _source("__init__").body if isinstance(node, ast.ImportFrom))
    modules = [node.module for node in imports if any(alias.name == wanted for alias in node.names)]
    nodes = ast.walk(_source((modules[0] or "").rpartition(".")[2])) if modules else ()
    ranges = {}
    for node in nodes:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "search_space":
            assert isinstance(node.value, ast.Dict)
            for key, space in zip(node.value.keys, node.value.values, strict=True):
                if key and isinstance(space, ast.Call) and len(space.args) == 2:
                    ranges[str(ast.literal_eval(key))] = tuple(map(ast.unparse, space.args))
    return ranges


def _source(module: str) -> ast.Module:
    return ast.parse((ROOT / "methods" / f"{module}.py").read_text(encoding="utf-8"))
