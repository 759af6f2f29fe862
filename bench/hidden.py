"""Refuse `python -m bench...` in a folder whose files hide packages: Python searches the working folder first."""

import sys
from pathlib import Path

# Packages that this project imports, and its own.
NEEDED = {
    "PIL", "click", "configs", "filelock", "gdown", "jinja2", "matplotlib", "methods", "numpy", "pandas", "plotly",
    "pyarrow", "pydantic", "pytorch_fid", "ray", "rich", "scipy", "sklearn", "torch", "torchvision", "typer", "yaml",
}  # fmt: skip


def refuse_hidden_packages() -> None:
    """End with one line if a file in the working folder hides a package; while `python -m` imports this package only.

    Raises:
        SystemExit: status 2.
    """
    folder, own = Path.cwd(), Path(__file__).resolve().parent.parent
    if sys.argv[:1] != ["-m"] or sys.flags.safe_path or folder.resolve() == own:
        return
    names = NEEDED | sys.stdlib_module_names
    modules = [path.relative_to(folder) for path in (*folder.glob("*.py"), *folder.glob("*/__init__.py"))]
    # A link to our own package is that package.
    hiding = [path for path in modules if _module(path) in names and (folder / path).resolve() != own / path]
    if hiding:
        name = min(hiding)
        remedy = "rename it, or run wae-bench, which does not search this folder"
        print(f"error: {name} in the working folder hides a package that is needed; {remedy}", file=sys.stderr)  # noqa: T201
        sys.exit(2)


def _module(path: Path) -> str:
    return path.parent.name if path.name == "__init__.py" else path.stem
