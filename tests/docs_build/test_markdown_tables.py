"""Markdown tables of the generated pages."""

import pytest
from markdown import markdown

from docs_build.tables import bars_in_code, section, table


def test_a_table_shows_its_cells_as_they_stand():
    text = table(
        ["a", "b"], [["images as <class>/*.png", "`moco[weight=1|2] <str>`"], ["two\nlines, a|b", "``x|`y` ``"]]
    )
    html = markdown(bars_in_code(text), extensions=["tables"])
    assert "<td>images as &lt;class&gt;/*.png</td>" in html
    assert "<code>moco[weight=1|2] &lt;str&gt;</code>" in html
    assert "<td>two lines, a|b</td>" in html
    assert "<code>x|`y`</code>" in html


def test_a_section_is_found_by_its_heading():
    text = "# Title\n\n## Files\n\nfirst\n\n## Columns of a row (x)\n\nsecond\n"
    assert section(text, "Files") == "first\n"
    assert section(text, "Columns of a row") == "second\n"
    with pytest.raises(KeyError):
        section(text, "Nothing")
