"""How pictures share the room of a page."""

from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_experiments import add, described

from bench.experiment.settings import Report
from bench.reporting import build
from bench.reporting.page_content import IMAGE_BYTES, Content, Form
from bench.reporting.section import ImageGrids, Section
from bench.reporting.style import Figure
from bench.store.folders import ExperimentFolder


def test_a_figure_of_many_grids_has_the_room_of_as_many():
    figure = Figure("over_time", "t", "c", data=False, grids=7)
    grids = ImageGrids("Samples", "a", {name: Path(name) for name in "abc"})
    content = Content(Form.light, [Section("s", "S", figures=[figure], pictures=[grids])])
    assert content.most == IMAGE_BYTES[Form.light] // 10


def test_figures_of_a_light_page_leave_less_room_for_grids(tmp_path):
    (tmp_path / "curve.png").write_bytes(bytes(400_000))
    grids = ImageGrids("Samples", "a", {name: Path(name) for name in "ab"})
    section = Section("s", "S", figures=[Figure("curve", "t", "c")], pictures=[grids], folder=tmp_path)
    assert Content(Form.light, [section]).most == (IMAGE_BYTES[Form.light] - 400_000) // 2
    assert Content(Form.full, [section]).most == IMAGE_BYTES[Form.full] // 2


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
