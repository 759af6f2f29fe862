"""The pages of methods."""

import re

import pytest
from project import ROOT

from docs_build import gallery
from docs_build.generated import MARK
from methods import METHODS
from methods.hyperparameters import schema

PAGES = ROOT / "docs" / "methods"


def test_every_method_has_a_page_and_a_place_in_the_menu():
    assert {path.stem for path in PAGES.glob("*.md")} - {"index"} == set(METHODS)
    menu = (ROOT / "mkdocs.yml").read_text()
    assert [name for name in METHODS if f"methods/{name}.md" not in menu] == []


@pytest.mark.parametrize("name", METHODS)
def test_a_page_says_all_that_it_should(name):
    text = (PAGES / f"{name}.md").read_text()
    assert [mark.group(1, 2) for mark in MARK.finditer(text)] == [("about", name), ("method", name)]
    assert "```math" in text
    assert (PAGES / "figures" / f"{name}.png").is_file(), f"run: python -m docs_build.code_figures {name}"
    assert set(gallery.front(name)) == {"published", "line", "short", "url", "cite"}
    assert set(gallery.front(name)["cite"]) <= set(gallery.citations())
    generated = gallery.method(name)
    for hyperparameter in [*schema(METHODS[name]), "learning_rate"]:
        row = next(line for line in generated.splitlines() if line.startswith(f"| `{hyperparameter}` "))
        assert row.split(" | ")[-1].strip(" |"), f"the docstring does not explain {hyperparameter}"
    assert METHODS[name].paper in generated


def test_every_paper_is_cited():
    cited = {key for name in METHODS for key in gallery.front(name)["cite"]}
    assert cited == set(gallery.citations())


def test_every_paper_with_a_number_links_to_it():
    for name, method in METHODS.items():
        numbers = re.findall(r"arXiv (\d{4}\.\d{5})", method.paper)
        if numbers:
            assert gallery.front(name)["url"] in [f"https://arxiv.org/abs/{number}" for number in numbers]
