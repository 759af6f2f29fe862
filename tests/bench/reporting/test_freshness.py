"""The same command again leaves a report that is still what would be written, and writes every other one again."""

import os
from dataclasses import replace

import pytest
from synthetic_experiments import add, described

from bench.reporting import build, freshness
from bench.reporting.contents import Contents, limited_to
from bench.store.folders import ExperimentFolder


@pytest.fixture
def folder(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    for seed in range(2):
        add(folder, "mmd", seed, 10.0 + seed)
    return folder


@pytest.fixture
def written(monkeypatch):
    """The reports that are written."""
    folders, write = [], build.write
    monkeypatch.setattr(build, "write", lambda groups, report: folders.append(report) or write(groups, report))
    return folders


@pytest.fixture(autouse=True)
def code(tmp_path, monkeypatch):
    """The project's code, which a test may change."""
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "module.py").write_text("")
    monkeypatch.setattr(freshness, "CODE", (tmp_path / "code",))


def nothing(folder):
    """The second run still describes the experiment, trains nothing, and reads its checkpoints."""
    folder.write("experiment.yaml", folder.read("experiment.yaml"))
    (folder.trials()[0].path / "checkpoint.pt").touch()
    (folder.path / ".lock").touch()


def another_seed(folder):
    add(folder, "mmd", 2, 12.0)


def other_rows(folder):
    trial = folder.trials()[0]
    trial.save_evaluations(trial.rows().tail(1))


def a_lost_file(folder):
    (folder.report / "summary.csv").unlink()


def an_edited_page(folder):
    with (folder.report / "index.html").open("a") as page:
        page.write("<!-- mine -->")


def no_report(folder):
    folder.report.rename(folder.report.with_name("kept"))


def a_linked_folder(folder):
    """Behind a link (one that leads out of the experiment is refused), files may change unseen."""
    trials = folder.path / "trials"
    trials.symlink_to(trials.rename(folder.path / "elsewhere"))


def other_code(folder):
    (folder.path.parent / "code" / "module.py").write_text("new")


def same_size_later(folder):
    os.utime(folder.path.parent / "code" / "module.py", ns=(0, 0))


def another_command(folder):
    description = folder.require_description()
    description.commands.append("python -m bench.run --seeds 3")
    folder.describe(description)


CHANGES = [
    another_seed,
    other_rows,
    a_lost_file,
    an_edited_page,
    no_report,
    a_linked_folder,
    other_code,
    same_size_later,
]


@pytest.mark.parametrize(("change", "times"), [(nothing, 1), *((each, 2) for each in (*CHANGES, another_command))])
def test_a_report_is_written_again_if_anything_that_it_shows_has_changed(folder, written, change, times):
    build.refresh(folder)
    change(folder)
    build.refresh(folder)
    assert len(written) == times


def test_a_trial_that_has_become_stale_is_shown_as_such(folder):
    group = build.refresh(folder)
    assert freshness.is_fresh(folder, group)
    stale = replace(group, trials=group.trials.assign(changed="methods/mmd.py"))
    assert not freshness.is_fresh(folder, stale)


def test_a_report_of_other_contents_is_another_one(folder, written):
    with limited_to(Contents.tables):
        build.refresh(folder)
    with limited_to(Contents.figures):
        build.refresh(folder)
    assert len(written) == 2
