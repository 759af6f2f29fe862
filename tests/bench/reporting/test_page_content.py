"""How pictures share the room of a page."""

from pathlib import Path

from bench.reporting.page_content import IMAGE_BYTES, Content, Form
from bench.reporting.section import ImageGrids, Section
from bench.reporting.style import Figure


def test_a_figure_of_many_grids_has_the_room_of_as_many():
    figure = Figure("over_time", "t", "c", data=False, grids=7)
    grids = ImageGrids("Samples", "a", {name: Path(name) for name in "abc"})
    content = Content(Form.light, [Section("s", "S", figures=[figure], pictures=[grids])])
    assert content.most == IMAGE_BYTES[Form.light] // 10
