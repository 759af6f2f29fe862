"""bench.clean: what it lists, removes and leaves alone."""

import shutil

import pandas as pd
import pytest
from filelock import FileLock
from runs import rows_of
from specimens import change_document, make_request
from typer.testing import CliRunner

from bench.clean import app
from bench.data import preparation, prepared
from bench.io import disk
from bench.store import disk_usage
from bench.store.folders import ExperimentFolder


@pytest.fixture
def clean(tmp_path):
    """bench.clean on the experiments and data of this test; `answer` is typed where it asks."""

    def call(*arguments: str, answer: str = "", results: str = "") -> str:
        places = ["--results", str(tmp_path / results), "--data-root", str(tmp_path / "data")]
        result = CliRunner().invoke(app, [*arguments, *places], input=answer)
        assert result.exit_code in (0, 130 if not answer else 0), result.output
        return result.output

    return call


def test_it_lists_kinds_with_their_size_and_removes_nothing(bench_run, clean, tmp_path):
    assert bench_run("--methods", "mmd,vae", "--seeds", "1").exit_code == 0
    before = disk.size(tmp_path)
    output = clean()
    for kind, count in (("previous", 2), ("checkpoints", 4), ("stale", 0), ("prepared", 1)):
        line = next(line for line in output.splitlines() if line.startswith(kind))
        assert f" in   {count} " in line
    assert disk.size(tmp_path) == before


def test_the_trials_of_a_search_are_found_too(bench_run, clean, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1", "--tune", "2").exit_code == 0
    line = next(line for line in clean().splitlines() if line.startswith("checkpoints"))
    assert " in  12 " in line  # two points on two seeds, three more for each; two of the best again
    clean("checkpoints", "--yes")
    assert not [path for path in tmp_path.glob("out/**/checkpoint*.pt") if path.parent.name != ".sha256"]


def test_it_asks_first(bench_run, clean, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    trial = ExperimentFolder(tmp_path / "out").trials()[0]
    assert "nothing was removed" in clean("checkpoints", answer="n\n")
    assert trial.exists("checkpoint.pt")
    output = clean("checkpoints", answer="y\n")
    assert "remove these 2 items" in output
    assert not trial.exists("checkpoint.pt")
    assert not trial.exists("checkpoint.previous.pt")


def test_tables_survive_and_the_same_command_trains_nothing(bench_run, clean, tmp_path):
    command = ["--methods", "mmd", "--seeds", "1"]
    assert bench_run(*command).exit_code == 0
    before = rows_of(tmp_path / "out")
    clean("previous", "checkpoints", "prepared", "--yes")
    assert not list((tmp_path / "data" / "prepared" / "digits").glob("[0-9a-f]*"))
    assert "1 trial, 0 to train" in bench_run(*command).output
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), before, check_exact=True)


def test_rows_that_are_lost_together_with_the_checkpoint_are_trained_again(bench_run, clean, tmp_path):
    command = ["--methods", "mmd", "--seeds", "1"]
    assert bench_run(*command).exit_code == 0
    before = rows_of(tmp_path / "out")
    clean("checkpoints", "--yes")
    next((tmp_path / "out" / "trials").glob("*/history.parquet")).write_bytes(b"PAR1")
    assert "1 trial, 1 to train" in bench_run(*command).output
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), before, check_exact=True)


def test_unfinished_trials_keep_their_checkpoints(bench_run, clean, tmp_path):

    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    trial = ExperimentFolder(tmp_path / "out").trials()[0]
    change_document(trial, "status.json", state="running")
    assert "there is nothing to remove" in clean("checkpoints", "previous", "--yes")
    assert trial.exists("checkpoint.pt")


def test_stale_trials_go_whole(bench_run, clean, tmp_path):
    assert bench_run("--methods", "mmd,vae", "--seeds", "1").exit_code == 0
    mmd = next(t for t in ExperimentFolder(tmp_path / "out").trials() if t.path.name.startswith("mmd"))
    change_document(mmd, "spec.json", source={"file": mmd.trial().source.file, "sha256": "0" * 64})
    clean("stale", "--yes")
    assert [t.path.name[:3] for t in ExperimentFolder(tmp_path / "out").trials()] == ["vae"]


def test_what_a_run_is_using_is_left_alone(bench_run, clean, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    shutil.copytree(tmp_path / "out", tmp_path / "idle")
    found = preparation.prepare(make_request("digits", tmp_path / "data"))
    with FileLock(tmp_path / "out" / ".lock"), prepared.in_use(found):
        output = clean("previous", "prepared", "--yes")
    assert f"a run is in progress in {tmp_path / 'out'}" in output
    busy, idle = (ExperimentFolder(tmp_path / name).trials()[0] for name in ("out", "idle"))
    assert busy.exists("checkpoint.previous.pt")
    assert not idle.exists("checkpoint.previous.pt")
    assert found.check()  # wherever the run that reads it writes its results
    clean("prepared", "--yes")
    assert not found.folder.exists()


@pytest.mark.reports
def test_disk_use_adds_up_and_is_in_the_report(bench_run, tmp_path):
    assert bench_run("--methods", "mmd", "--seeds", "1").exit_code == 0
    found = disk_usage.usage(tmp_path / "out")
    assert sum(found.values()) == disk.size(tmp_path / "out")
    assert {"checkpoints", "grids", "rows", "extractor", "report"} <= set(found)
    page = (tmp_path / "out" / "report" / "index.html").read_text()
    assert " on disk (" in page
    assert "checkpoints " in page


def test_links_are_not_followed(bench_run, clean, tmp_path):
    """Experiments and data sets that somebody else linked into a folder."""
    assert bench_run("--methods", "mmd", "--seeds", "1", out="elsewhere/out").exit_code == 0
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "x").symlink_to(tmp_path / "elsewhere" / "out")
    (tmp_path / "data" / "prepared").rename(tmp_path / "sets")
    (tmp_path / "data" / "prepared").mkdir()
    (tmp_path / "data" / "prepared" / "digits").symlink_to(tmp_path / "sets" / "digits")
    before = disk.size(tmp_path)
    output = clean("checkpoints", "previous", "prepared", "--yes", results="results")
    assert "results/x is a link; it is skipped" in output
    assert "there is nothing to remove" in output
    assert disk.size(tmp_path) == before
