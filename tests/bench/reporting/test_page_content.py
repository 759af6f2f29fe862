"""How pictures share the room of a page."""

from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_experiments import add, described

from bench.experiment.settings import Report
from bench.reporting import build
from bench.reporting.contents import Contents, limited_to
from bench.reporting.page_content import GRID_BYTES, LEAST_GRIDS, LIGHT_BYTES, Content, Form
from bench.reporting.section import ImageGrids, Section
from bench.reporting.style import Figure
from bench.reporting.table import Cell, Table
from bench.store.folders import ExperimentFolder


def test_a_figure_of_many_grids_has_the_room_of_as_many():
    figure = Figure("over_time", "t", "c", data=False, grids=7)
    grids = ImageGrids("Samples", "a", {name: Path(name) for name in "abc"})
    section = Section("s", "S", figures=[figure], pictures=[grids])
    assert Content(Form.full, [section]).most == GRID_BYTES // 10
    alone = Section("s", "S", pictures=[ImageGrids("Samples", "a", {"a": Path("a")})])
    assert Content(Form.light, [section]).most == Content(Form.light, [alone]).most // 10


def test_figures_and_tables_of_a_light_page_leave_less_room_for_grids(tmp_path):
    (tmp_path / "curve.png").write_bytes(bytes(400_000))
    pictures = [ImageGrids("Samples", "a", {name: Path(name) for name in "ab"})]
    bare = Section("s", "S", pictures=pictures)
    drawn = replace(bare, figures=[Figure("curve", "t", "c")], folder=tmp_path)
    tabled = replace(bare, tables=[of_rows(1000)])
    most = Content(Form.light, [bare]).most
    assert LIGHT_BYTES / 4 < most * 2 < LIGHT_BYTES * 3 / 4  # before base64
    assert Content(Form.light, [drawn]).most == most - 200_000
    assert Content(Form.light, [tabled]).most < most - 20_000
    assert Content(Form.light, [replace(bare, tables=[of_rows(100_000)])]).most == LEAST_GRIDS // 2
    assert Content(Form.full, [drawn]).most == Content(Form.full, [tabled]).most == GRID_BYTES // 2


def test_a_light_page_shows_grids_once(tmp_path):
    """A figure has all of them side by side; a full page has them large too."""
    kept = [ImageGrids("Reconstructions", "a", {}, figure="reconstructions"), ImageGrids("Samples", "a", {}, "samples")]
    section = Section("s", "S", figures=[Figure("samples", "t", "c", data=False)], pictures=kept, folder=tmp_path)
    with limited_to(Contents.figures):
        assert titles(Content(Form.light, [section]), section) == ["Reconstructions"]
        assert titles(Content(Form.full, [section]), section) == ["Reconstructions", "Samples"]
    with limited_to(Contents.sections):  # without figures
        assert titles(Content(Form.light, [section]), section) == ["Reconstructions", "Samples"]


def titles(content: Content, section: Section) -> list[str]:
    return [kind["title"] for kind in content.of(section)["pictures"]]


def of_rows(number: int) -> Table:
    return Table("numbers", "Numbers", ["variant", "value"], [[Cell("moco"), Cell("1.5")]] * number)


@pytest.mark.reports
@pytest.mark.slow  # pictures of 100 trials
@pytest.mark.parametrize(("light", "most"), [(False, 8e6), (True, 2e6)])
def test_a_page_of_100_trials_stays_small(tmp_path, light, most):
    """Noise in colour compresses worse than any samples."""
    folder = described(ExperimentFolder(tmp_path / "exp"))
    labels = [f"moco[temperature={k}]" for k in range(10)]
    folder.describe(replace(folder.description(), methods=labels, report=Report(light=light)))
    for k, label in enumerate(labels):
        for seed in range(10):
            add(folder, label, seed, 4.0 + k + 0.1 * seed, image=(3, 32, 32), temperature=k)
    build.build(folder)
    assert folder.page.stat().st_size < most
