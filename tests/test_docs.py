"""Documentation pages: tutorials are followed as they stand, and every command that a page shows exists."""

import importlib
import re
import shlex
from pathlib import Path

import pytest
import torch
import typer
from documentation import PAGES, Reader, commands
from PIL import Image
from project import ROOT

FOLLOWED = ["start", "tutorials/your-images", "tutorials/your-method", "tutorials/fair-comparison"]
SHOWN = sorted({command for page in [*PAGES, ROOT / "README.md"] for command in commands(page.read_text())})


@pytest.fixture
def reader(tmp_path, monkeypatch) -> Reader:
    """In a folder that has what a clone of the repository has, with the images `my/photos`."""
    for name in ("examples", "configs"):
        (tmp_path / name).symlink_to(ROOT / name)
    monkeypatch.chdir(tmp_path)
    return Reader(tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("page", FOLLOWED)
def test_a_page_can_be_followed(page, reader, tmp_path):
    for i in range(600 if page.endswith("images") else 0):
        path = tmp_path / "my" / "photos" / f"{i}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        shade = Image.linear_gradient("L").point(lambda level, i=i: level * (i % 40 + 60) // 100)
        shade.resize((24, 20)).convert("RGB").save(path)  # by which turns can be told, as of photographs
    assert reader.follow(ROOT / "docs" / f"{page}.md") > 1
    assert [*tmp_path.rglob("report/index.html")]


@pytest.mark.slow
def test_the_python_page_can_be_followed(reader, capsys):
    reader.follow(ROOT / "docs" / "how-to" / "python.md")
    assert "moco" in capsys.readouterr().out
    images, codes, again, real = (reader.names[name] for name in ("images", "codes", "again", "real"))
    assert (images.shape, codes.shape, again.shape) == ((16, 1, 8, 8), (16, 8), (16, 1, 8, 8))
    assert torch.allclose(codes.norm(dim=1), torch.ones(16))
    assert real.shape == (400, 1, 8, 8)


def test_there_are_commands_to_test():
    assert len(SHOWN) > 30


@pytest.mark.parametrize("typed", SHOWN)
def test_a_command_that_is_shown_has_these_options(typed):
    name, *arguments = shlex.split(typed, comments=True)
    if any("|" in word and "[" not in word for word in arguments):
        pytest.skip("a choice, not a command")
    command = typer.main.get_command(importlib.import_module(name).app)
    context = command.make_context(name, arguments)  # raises an error for an unknown option or a value of another type
    assert context.args == []


def test_every_study_is_in_the_table():
    table = (ROOT / "docs" / "how-to" / "settings.md").read_text()
    assert [
        path.stem for path in Path(ROOT / "configs" / "studies").glob("*.yaml") if f"| `{path.stem}` |" not in table
    ] == []


def test_every_page_is_in_the_menu():
    menu = re.findall(r"([\w/-]+\.md)", (ROOT / "mkdocs.yml").read_text())
    assert sorted(menu) == sorted(path.relative_to(ROOT / "docs").as_posix() for path in PAGES)


def test_no_page_has_the_marks_of_an_unfinished_merge():
    others = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "results/README.md")]
    marked = [
        page for page in [*PAGES, *others] if re.search(r"^(<{7}|={7}|>{7})( |$)", page.read_text(), re.MULTILINE)
    ]
    assert marked == []
