"""The page of a run that still trains: what it says, that it is replaced whole, and that it reloads in place."""

import time
from dataclasses import replace

import pytest
from synthetic_experiments import add, described, experiment

from bench.experiment.settings import Report
from bench.reporting import build, live
from bench.reporting.contents import Contents, limited_to
from bench.reporting.live import Status
from bench.reporting.table import Table, word
from bench.store.folders import ExperimentFolder

FAR = 600.0  # seconds until the next page


def status(text: str = "3 of 9 trials, about 1:40 left", next: float = FAR, written: float | None = None) -> Status:
    running = Table("running", "1 trial running, 5 waiting", ["trial", "state"], [[word("mmd s1"), word("running")]])
    return Status(text, running, time.time() if written is None else written, next)


@pytest.fixture
def folder(tmp_path):
    return experiment(tmp_path / "exp")


def test_a_page_before_anything_was_measured(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    add(folder, "mmd", 0, None, "running", pictures=False)
    page = live.write(folder, status()).read_text()
    assert "the run is still training" in page
    assert "Partial report: of 1 planned trial, 1 not finished." in page


def test_only_the_page_is_written_and_a_failure_leaves_the_last_one(folder, monkeypatch):
    page = live.write(folder, status("first"))
    assert [path.name for path in folder.report.iterdir() if not path.name.startswith(".")] == ["index.html"]
    assert build.is_replaceable(folder.report)
    monkeypatch.setattr(build, "page_of", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        live.write(folder, status("second"))
    assert "first" in page.read_text()


def test_warnings_are_not_repeated_with_every_page(folder, capsys):
    (folder.trials()[0].path / "spec.json").write_text("{")
    live.write(folder, status())
    assert capsys.readouterr().err == ""


def test_a_light_page_has_static_figures(folder):
    folder.describe(replace(folder.description(), report=Report(light=True)))
    page = live.write(folder, status()).read_text()
    assert 'id="plotly"' not in page
    assert 'alt="Samples over training time"' in page


def test_trials_that_were_planned_and_have_not_begun_are_missed(tmp_path):
    """As after a kill between two trials."""
    folder = described(ExperimentFolder(tmp_path / "exp"))
    folder.describe(replace(folder.description(), methods=["mmd", "gan"], planned={"mmd": [0, 1], "gan": [0, 1]}))
    for seed in range(2):
        add(folder, "mmd", seed, 10.0)
    add(folder, "gan", 0, None, "running", pictures=False)
    build.build(folder)
    assert (
        "Partial report: of 4 planned trials, 1 not finished and 1 not begun."
        in (folder.report / "summary.md").read_text()
    )
    add(folder, "gan", 0, 10.0)
    add(folder, "gan", 1, 10.0)
    build.build(folder)
    assert "Partial report" not in (folder.report / "summary.md").read_text()


def test_a_complete_report_is_not_called_partial(folder):
    with limited_to(Contents.sections):
        build.build(folder)
    assert "artial" not in (folder.report / "index.html").read_text().partition("<script")[0]


def test_an_open_page_reloads_and_stays_where_the_reader_was(folder, open_page):
    path = live.write(folder, status("first", next=0))
    page = open_page(path)
    assert page.locator(".plot").count() > 2  # charts, though nothing was rendered
    page.locator(".banner summary").click()
    page.get_by_role("button", name="moco").first.click()
    page.locator("#stability").evaluate("heading => window.scrollTo(0, heading.offsetTop - 50)")
    live.write(folder, status("second"))
    page.locator(".banner", has_text="second").wait_for(timeout=60_000)
    page.wait_for_function("Math.abs(document.getElementById('stability').getBoundingClientRect().top - 50) < 30")
    assert page.locator(".banner details").get_attribute("open") is not None
    assert page.get_by_role("button", name="moco").first.get_attribute("aria-pressed") == "false"
    assert page.messages == []


def test_an_old_page_says_that_the_run_may_have_ended(folder, open_page):
    page = open_page(live.write(folder, status(written=time.time() - 7200)))
    assert "120 minutes old" in page.locator(".banner").inner_text()
