"""Experiments in an object store: runs, kills, searches and copies, against a real S3 server on this machine."""

import re
import signal
import time

import pandas as pd
import pytest
from runs import long_training, rows_of, sets
from s3 import SECRETS, Fault
from typer.testing import CliRunner

from bench.io import object_store
from bench.io.object_store import remote
from bench.store.folders import ExperimentFolder, TrialFolder


def test_a_run_in_a_store_equals_one_on_disk_and_another_machine_has_nothing_to_train(bench_run, s3, tmp_path, capfd):
    command = ["--methods", "mmd,vae", "--seeds", "1"]
    assert bench_run(*command, out="disk").exit_code == 0
    asked = ["--storage", s3.uri(tmp_path.name)]
    here = bench_run(*command, *asked, out="one/exp")
    assert here.exit_code == 0, here.output
    there = bench_run(*command, *asked, out="two/exp")
    assert "2 trials, 0 to train" in there.output
    for machine in ("one", "two"):
        rows = rows_of(tmp_path / machine / "exp")
        pd.testing.assert_frame_equal(rows, rows_of(tmp_path / "disk"), check_exact=True)
    home = remote(s3.uri(tmp_path.name)) / "exp"
    assert {"experiment.yaml", "extractor/extractor.pt", "report/index.html"} <= set(home.files())
    assert not (home / ".lease").exists()
    written = [path.read_bytes() for path in (tmp_path / "one").rglob("*") if path.is_file()]
    written += [(home / name).read_bytes() for name in home.files()]
    said = [text.encode() for text in (here.output, here.stderr, there.output, *capfd.readouterr())]
    assert not [text for text in written + said for secret in SECRETS if secret.encode() in text]
    assert not list((tmp_path / "one").rglob("checkpoint*.pt"))  # they are large, and stay where they are


def test_a_folder_of_a_store_is_not_resumed_without_its_store(bench_run, s3, tmp_path):
    command = ["--methods", "autoencoder", "--seeds", "1"]
    assert bench_run(*command, "--storage", s3.uri(tmp_path.name)).exit_code == 0
    without = bench_run(*command)
    assert without.exit_code == 2
    assert (
        f"are in s3://bucket/{tmp_path.name}/out?endpoint_override=127.0.0.1:{s3.port}; give its --storage"
        in without.stderr
    )
    assert bench_run(*command, out="disk").exit_code == 0
    assert "are on disk; leave out --storage" in bench_run(*command, "--storage", s3.uri("y"), out="disk").stderr


def test_storage_that_is_a_folder_holds_the_experiment_under_its_name(bench_run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    from bench.run import app

    command = ["--methods", "autoencoder", "--seeds", "1", "--executor", "serial", "--data-root", "data", *sets()]
    assert CliRunner().invoke(app, [*command, "--storage", "shared"]).exit_code == 0
    assert len(rows_of(tmp_path / "shared" / "digits")) == 4
    both = bench_run("--methods", "autoencoder", "--storage", "shared")
    assert both.exit_code == 2
    assert "are both folders; give only one of them" in both.stderr


@pytest.mark.slow
def test_a_trial_whose_files_the_store_refuses_fails_alone_and_goes_on_when_asked(bench_run, s3, tmp_path, monkeypatch):
    command = ["--methods", "mmd,vae", "--seeds", "1", "--storage", s3.uri(tmp_path.name)]
    monkeypatch.setattr(object_store, "PAUSES", ())
    s3.faults.append(Fault(status=503, method="PUT", part="trials/vae"))
    first = bench_run(*command)
    assert first.exit_code == 1
    assert "error: vae seed 0 failed: the storage failed 1 times at s3://bucket" in first.stderr
    assert "Traceback" not in first.output + first.stderr
    states = {trial.trial().spec.method: trial.status().state for trial in ExperimentFolder(tmp_path / "out").trials()}
    assert states == {"mmd": "done", "vae": "failed"}
    s3.faults.clear()
    again = bench_run(*command, "--retry-failed")
    assert again.exit_code == 0, again.output
    assert "2 trials, 1 to train" in again.output
    assert bench_run("--methods", "mmd,vae", "--seeds", "1", out="disk").exit_code == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows_of(tmp_path / "disk"), check_exact=True)


@pytest.mark.slow
def test_a_killed_run_goes_on_from_the_store_on_another_machine(start_run, s3, tmp_path):
    command = ["--methods", "moco", "--seeds", "1", *long_training(epochs=30)]
    stored = ["--storage", s3.uri(tmp_path.name), "--executor", "serial", "--checkpoint-seconds", "1"]
    first = start_run(*command, *stored, out="one/exp")
    home = TrialFolder(remote(s3.uri(tmp_path.name)) / "exp" / "trials")
    deadline = time.monotonic() + 120
    while not any(name.endswith("/checkpoint.previous.pt") for name in home.place.files()):
        assert time.monotonic() < deadline, first.finish()
        time.sleep(0.1)
    first.kill()
    (remote(s3.uri(tmp_path.name)) / "exp" / ".lease").remove()  # or the next run would wait for it
    code, output = start_run(*command, *stored, out="two/exp").finish()
    assert code == 0, output
    assert "resumes from step" in output
    assert start_run(*command, "--executor", "serial", out="whole").finish()[0] == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "two" / "exp"), rows_of(tmp_path / "whole"), check_exact=True)


def test_a_store_that_cannot_be_used_is_reported_at_once(bench_run, s3, tmp_path):
    started = time.monotonic()
    result = bench_run("--methods", "mmd", "--storage", s3.uri("x").replace("@bucket", "@nobody"))
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "cannot write to s3://nobody/x/out: " in result.stderr
    assert time.monotonic() - started < 30
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_ctrl_c_gives_the_lease_back(start_run, s3, tmp_path):
    command = ["--methods", "moco", "--seeds", "1", "--executor", "serial", *long_training(epochs=2000)]
    run = start_run(*command, "--storage", s3.uri(tmp_path.name), "--checkpoint-seconds", "0.5")
    home = remote(s3.uri(tmp_path.name)) / "out"
    deadline = time.monotonic() + 120
    while not any(name.endswith("checkpoint.pt") for name in home.files()):
        assert time.monotonic() < deadline, run.finish()
        time.sleep(0.2)
    run.send(signal.SIGINT)
    code, output = run.finish()
    assert code == 130
    assert "SECRETKEY" not in output
    assert not (home / ".lease").exists()


def test_a_copy_is_pulled_reported_and_evaluated_on_another_machine(bench_run, s3, tmp_path):
    from bench.evaluate import app as evaluate
    from bench.pull import app as pull

    assert bench_run("--methods", "autoencoder", "--seeds", "1", "--storage", s3.uri(tmp_path.name)).exit_code == 0
    home, copy = s3.uri(f"{tmp_path.name}/out"), str(tmp_path / "copy")
    pulled = CliRunner().invoke(pull, [home, "--out", copy])
    assert pulled.exit_code == 0, pulled.output
    assert f"1 trial in {copy}" in pulled.output
    pd.testing.assert_frame_equal(rows_of(tmp_path / "copy"), rows_of(tmp_path / "out"), check_exact=True)
    asked = [copy, "--seed", "1", "--samples", "64"]
    without = CliRunner().invoke(evaluate, asked)
    assert (
        f"no longer has a checkpoint; python -m bench.pull 's3://bucket/{tmp_path.name}/out?endpoint" in without.stderr
    )
    assert CliRunner().invoke(pull, [home, "--out", copy, "--checkpoints"]).exit_code == 0
    assert CliRunner().invoke(evaluate, asked).exit_code == 0
    assert len(rows_of(tmp_path / "copy")) == len(rows_of(tmp_path / "out")) + 1
    nothing = CliRunner().invoke(pull, [s3.uri("nobody"), "--out", copy])
    assert nothing.exit_code == 2
    assert "s3://bucket/nobody is not an experiment: it has no experiment.yaml" in nothing.stderr


@pytest.mark.slow
def test_a_search_keeps_its_trials_in_the_store_too(bench_run, s3, tmp_path):
    command = ["--methods", "mmd", "--seeds", "1", "--tune", "2", "--storage", s3.uri(tmp_path.name)]
    assert bench_run(*command, out="one/exp").exit_code == 0
    again = bench_run(*command, out="two/exp")
    assert again.exit_code == 0, again.output
    assert set(re.findall(r"\d+ trials, (\d+) to train", again.output)) == {"0"}


def test_a_damaged_copy_does_no_harm_to_the_store(bench_run, s3, tmp_path):
    command = ["--methods", "autoencoder", "--seeds", "1", "--storage", s3.uri(tmp_path.name)]
    assert bench_run(*command).exit_code == 0
    rows = rows_of(tmp_path / "out")
    (trial,) = ExperimentFolder(tmp_path / "out").trials()
    for name in ("spec.json", "history.parquet"):
        (trial.path / name).write_bytes(b"damaged")
    again = bench_run(*command)
    assert "1 trial, 0 to train" in again.output
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows, check_exact=True)


def test_pulling_leaves_a_local_experiment_of_that_name_alone(bench_run, s3, tmp_path):
    from bench.pull import app as pull

    command = ["--methods", "autoencoder", "--seeds", "1"]
    assert bench_run(*command, "--storage", s3.uri(tmp_path.name), out="there/exp").exit_code == 0
    assert bench_run(*command, out="exp").exit_code == 0
    refused = CliRunner().invoke(pull, [s3.uri(f"{tmp_path.name}/exp"), "--out", str(tmp_path / "exp")])
    assert refused.exit_code == 2
    assert "are on disk; leave out --storage, or choose another --out" in refused.stderr
