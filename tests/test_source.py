"""What all source files keep to, beyond what ruff can see."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from project import ROOT

FOLDERS = ("bench", "methods", "benchmarks", "examples", "docs_build")
FILES = [path for name in FOLDERS for path in sorted((ROOT / name).rglob("*.py"))]


def without_encoding(path: Path) -> Iterator[str]:
    """Calls that use the encoding of the locale; ruff's PLW1514 misses paths whose type it cannot tell."""
    for call in (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)):
        given = {keyword.arg: keyword.value for keyword in call.keywords}
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        modes = [node.value for node in (*call.args, given.get("mode")) if isinstance(node, ast.Constant)]
        opens_text = name == "open" and (not call.args or modes) and not any("b" in str(mode) for mode in modes)
        process = isinstance(given.get("text"), ast.Constant)
        if "encoding" not in given and (name in ("read_text", "write_text") or opens_text or process):
            yield f"{path.name}:{call.lineno}: {ast.unparse(call)}"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("p.read_text()", True),
        ("(p / 'x').write_text('y')", True),
        ("(p / 'x').open()", True),
        ("(p / 'x').open('a')", True),
        ("run(['git'], text=True)", True),
        ("p.read_text(encoding='utf-8')", False),
        ("p.open('rb')", False),
        ("Folder.open(p)", False),
    ],
)
def test_text_without_an_encoding_is_found(source, found, tmp_path):
    (tmp_path / "x.py").write_text(source)
    assert bool([*without_encoding(tmp_path / "x.py")]) == found


def test_no_text_depends_on_the_locale():
    assert [line for path in FILES for line in without_encoding(path) if "tarfile.open" not in line] == []
