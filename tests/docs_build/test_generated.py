"""Generated parts of pages, and what stands there for readers of the file."""

import re

import pytest
from documentation import PAGES
from project import ROOT

from docs_build.generated import MARK, filled
from docs_build.links import LINK

MARKED = [page for page in PAGES if MARK.search(page.read_text())]


def test_the_lines_below_a_mark_are_replaced_up_to_the_next_blank_line():
    text = "before\n\n<!-- generated: object bench.run -->\nFor readers\nof the file.\n\nafter\n"
    assert filled(text) == "before\n\n::: bench.run\n\nafter\n"
    assert filled("<!-- generated: object bench.run -->") == "::: bench.run\n"


def test_members_of_a_module_can_be_chosen():
    chosen = filled("<!-- generated: object methods.hyperparameters Range,Choice -->\n")
    assert chosen.startswith("::: methods.hyperparameters\n    options:\n")
    assert chosen.endswith("      members: [Range, Choice]\n")
    assert "members" not in filled("<!-- generated: object methods.functional * -->\n")


@pytest.mark.parametrize("page", MARKED, ids=lambda page: page.stem)
def test_a_page_that_is_read_as_a_file_says_where_its_generated_parts_are(page):
    for mark in MARK.finditer(page.read_text()):
        assert mark[3].strip(), f"{mark[0]} has no line below it"
        places = LINK.findall(mark[3])
        assert places or "python -m bench." in mark[3], f"{mark[0]} names no place"
        assert all((page.parent / place).exists() for place in places), mark[0]
    assert not re.search(r"^:::", page.read_text(), re.MULTILINE)


def test_every_page_with_a_generated_part_is_tested():
    assert len(MARKED) > 25
    assert ROOT / "docs" / "reference" / "python.md" in MARKED
