"""Samples over training, on the page: which are there, and how a reader moves through them."""

import pytest
from synthetic_experiments import add, described, experiment
from test_charts import CURVE, drawn

from bench.reporting import merge, sample_charts
from bench.store.folders import ExperimentFolder

VIEWER = "#pictures-figure-over_time"


def pictures(folder, share: float = 1.0) -> dict[tuple[str, int], list[int]]:
    chart = sample_charts.chart(merge.load_one(folder), share)
    return (
        {(each["variant"], each["seed"]): list(each["pictures"]) for each in chart.data["trainings"]} if chart else {}
    )


def test_every_moment_of_every_trial_is_there_if_there_is_room(tmp_path):
    found = pictures(experiment(tmp_path / "exp"))
    assert found["moco", 4] == [1, 10, 100]
    assert ("vae", 0) not in found  # which stored none


def test_first_seeds_come_first_then_the_last_picture_of_each_trial(tmp_path):
    folder = experiment(tmp_path / "exp")
    found = pictures(folder, share=10.5 / sample_charts.MOST_PICTURES)
    assert found["moco", 0] == found["mmd", 0] == [1, 10, 100]
    assert sum(map(len, found.values())) == 11
    assert all(steps == [100] for (_, seed), steps in found.items() if seed > 0)


def test_damaged_and_missing_pictures_are_left_out(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    add(folder, "mmd", 0, 1.0)
    path = folder.trials()[0].path / "samples" / "samples-00000010.png"
    path.write_bytes(path.read_bytes()[:-5])
    assert pictures(folder) == {("mmd", 0): [1, 100]}
    add(folder, "vae", 0, 1.0, pictures=False)
    assert ("vae", 0) not in pictures(folder)


@pytest.mark.draws
def test_two_trials_are_compared_at_any_moment_with_the_keyboard(page):
    viewer = page.locator(VIEWER)
    slider = viewer.get_by_role("slider")
    slider.focus()
    page.keyboard.press("Home")
    assert "step 1" in viewer.locator(".side").first.inner_text()
    page.keyboard.press("ArrowRight")
    viewer.get_by_label("Trial on the right").select_option(label="mmd seed 3")
    assert "mmd seed 3, step 10" in viewer.locator(".side").last.inner_text()
    assert slider.get_attribute("aria-valuetext") == "step 10"
    assert page.messages == []


@pytest.mark.draws
def test_a_click_on_a_curve_shows_that_trials_samples(open_page, page_file):
    page = open_page(page_file)
    chart = drawn(page)
    pick = "(plot, point) => plot.emit('plotly_click', {points: [{customdata: point}]})"
    trial, step = chart.locator(".plot").evaluate("plot => plot.data.find((t) => t.customdata).customdata[1]")
    chart.locator(".plot").evaluate(pick, [trial, step])
    image = page.locator(f"{CURVE} .picked img")
    assert image.get_attribute("alt").endswith(f"at step {step}")
    assert page.locator(VIEWER).get_by_label("Trial on the left").input_value() == trial
