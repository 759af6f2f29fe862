"""Trials in an object store: a real S3 server on this machine, with everything that goes wrong with one."""

import json
import signal
import threading
import time
from types import SimpleNamespace

import pandas as pd
import pytest
from runs import long_training, rows_of, sets
from s3 import Fault
from typer.testing import CliRunner

from bench.errors import RunError, UserError
from bench.io import object_store
from bench.io.files import Damaged, Folder
from bench.io.object_store import StorageError, is_uri, redact, remote
from bench.store import lease, mirror
from bench.store.folders import ExperimentFolder, TrialFolder

SECRETS = ("ACCESSKEY", "SECRETKEY")


@pytest.fixture
def s3(s3_server, monkeypatch):
    """The server, and little patience with it."""
    monkeypatch.setattr(object_store, "PAUSES", (0.1, 0.2))
    monkeypatch.setattr(lease, "SECOND_LOOK", 0.05)
    return s3_server


@pytest.fixture
def folder(s3, tmp_path):
    """A folder of this test's own in the store."""
    return remote(s3.uri(tmp_path.name))


def test_files_are_written_read_listed_and_removed_as_on_a_disk(folder):
    place = Folder(folder / "a")
    assert (place.exists("x"), place.read_if_intact("x")) == (False, None)
    place.write("x", b"one")
    place.write("x", b"two")
    assert (place.exists("x"), place.read("x")) == (True, b"two")
    assert set(folder.files()) == {"a/x", "a/.sha256/x"}
    assert folder.files()["a/x"][0] == 3
    (folder / "a" / "x").write_bytes(b"tw")
    with pytest.raises(Damaged, match=r"s3://bucket/.*/a/x is damaged"):
        place.read("x")
    place.remove()
    assert folder.files() == {}
    place.remove()


@pytest.mark.parametrize("fault", [Fault(status=503, times=4), Fault(status=500, times=4), Fault(seconds=4, times=1)])
def test_what_passes_is_sat_out(s3, folder, fault):
    s3.faults.append(fault)
    (folder / "x").write_bytes(b"one")
    assert fault.times == 0
    assert (folder / "x").read_bytes() == b"one"


def test_refused_connections_are_sat_out(s3, folder, monkeypatch):
    monkeypatch.setattr(object_store, "PAUSES", (1.0, 1.0, 1.0))
    s3.stop()
    back = threading.Timer(3, s3.start)
    back.start()
    (folder / "x").write_bytes(b"one")
    back.join()
    assert (folder / "x").read_bytes() == b"one"


def test_what_does_not_pass_is_an_error_without_credentials(s3, folder, monkeypatch):
    monkeypatch.setattr(object_store, "PAUSES", ())
    s3.faults.append(Fault(status=500))
    with pytest.raises(StorageError, match="the storage failed 1 times at") as error:
        (folder / "x").write_bytes(b"one")
    assert not any(secret in str(error.value) for secret in SECRETS)
    assert "\n" not in str(error.value)


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


def test_a_folder_that_belongs_to_a_store_is_not_gone_on_with_elsewhere(bench_run, s3, tmp_path):
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
    assert "goes on from step" in output
    assert start_run(*command, "--executor", "serial", out="whole").finish()[0] == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "two" / "exp"), rows_of(tmp_path / "whole"), check_exact=True)


def test_a_store_that_cannot_be_used_is_said_at_once(bench_run, s3, tmp_path):
    started = time.monotonic()
    result = bench_run("--methods", "mmd", "--storage", s3.uri("x").replace("@bucket", "@nobody"))
    assert result.exit_code == 1
    assert result.stderr.count("\n") == 1
    assert "cannot write to s3://nobody/x/out: " in result.stderr
    assert time.monotonic() - started < 30
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s4://bucket/x", "a folder or a URI, not s4://. Did you mean s3?"),
        ("s3://", "cannot read --storage s3://; write it like s3://bucket/folder"),
        ("s3://KEY:SECRET@/x", "cannot read --storage s3://***@/x"),
        ("s3://[", "cannot read --storage s3://["),
        ("s3://KEY:SECRET@bucket/x?colour=SECRET", "cannot use --storage s3://***@bucket/x?colour=***: "),
        (
            "s3://KEY:SEC/RET@bucket/x",
            "cannot read --storage s3://***@bucket/x; write it like s3://bucket/folder; in its",
        ),
    ],
)
def test_a_uri_that_is_none_is_refused_without_its_credentials(uri, message):
    with pytest.raises(UserError) as error:
        remote(uri).exists()
    assert message in str(error.value)
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("s3://KEY:SEC%2FRET@bucket/x?region=eu", "s3://***@bucket/x?region=eu"),
        ("s3://KEY:a/b'c+d@bucket/x", "s3://***@bucket/x"),
        ("--storage=gs://tok@b/y", "--storage=gs://***@b/y"),
        ("abfs://c@account.dfs.core.windows.net/x?sas_token=SECRET", "abfs://***@account.dfs.core.windows.net/x?sas_token=***"),
        ("see https://user:pw@host/path and s3://bucket/x", "see https://***@host/path and s3://bucket/x"),
        ("results/digits", "results/digits"),
    ],
)  # fmt: skip
def test_credentials_are_taken_out_of_whatever_is_printed(text, safe):
    assert redact(text) == safe


def test_what_is_no_uri_is_a_path():
    assert is_uri("s3://bucket")
    assert not is_uri("results/digits")


def test_a_second_run_is_refused_while_the_first_one_is_alive(folder, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.1)
    monkeypatch.setattr(lease, "PATIENCE", 5.0)
    with lease.held(folder):
        with pytest.raises(RunError, match="another run uses this experiment: process"), lease.held(folder):
            pytest.fail("two runs hold the lease")
        assert (folder / ".lease").exists()
    assert not (folder / ".lease").exists()


def test_a_lease_whose_holder_is_silent_is_taken_over_and_its_holder_gives_up(folder, monkeypatch, capsys):
    monkeypatch.setattr(lease, "BEAT", 0.4)
    monkeypatch.setattr(lease, "PATIENCE", 1.0)
    stopped = []
    silent = lease.Lease(folder / ".lease")
    silent.acquire()
    with lease.held(folder):
        mine = json.loads((folder / ".lease").read_bytes())["token"]
        silent.renew(lambda: stopped.append(1))  # it wakes up, sees whose the lease is, and returns
        assert "this run has lost its lease and stops" in capsys.readouterr().err
        silent.release()
        assert json.loads((folder / ".lease").read_bytes())["token"] == mine


def test_of_two_runs_that_begin_at_once_one_at_most_goes_on(folder, monkeypatch):
    """Neither sees the other at first; each has written when they look again."""
    leases, refused, both = [lease.Lease(folder / ".lease") for _ in range(2)], [], threading.Barrier(2)
    monkeypatch.setattr(lease.Lease, "_wait_for_stale", lambda _: None)
    monkeypatch.setattr(lease, "time", SimpleNamespace(sleep=lambda _: both.wait(60)))

    def acquire(each):
        try:
            each.acquire()
        except RunError:
            refused.append(each)

    threads = [threading.Thread(target=acquire, args=(each,)) for each in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1


def test_a_copy_follows_what_changes_and_leaves_what_does_not(s3, folder, tmp_path):
    home, copy = Folder(folder), tmp_path / "copy"
    home.write("a", b"one")
    home.write("b", b"one")

    def pull() -> int:
        return mirror.pull(folder, copy, lambda _: True)

    assert pull() == 4
    home.write("a", b"two")  # of the same size, within the same second
    pull()
    assert Folder(copy).read("a") == b"two"
    (copy / "b").unlink()
    pull()
    assert Folder(copy).read("b") == b"one"
    time.sleep(mirror.SETTLING / 1e9 + 1)
    home.write("c", b"late")
    pull()
    s3.requests.clear()
    assert pull() == 2  # c and its checksum, which may have changed within the second
    assert (
        sum(method == "GET" and "/bucket/" in path and not path.endswith("/bucket/") for method, path in s3.requests)
        <= 3
    )


def test_names_in_a_store_cannot_leave_the_copy(folder, tmp_path, monkeypatch):
    listed = {"../out": (1, 1), "/etc/x": (1, 1), "a/../../out": (1, 1), "in": (1, 1)}
    monkeypatch.setattr(object_store.Remote, "files", lambda _: listed)
    monkeypatch.setattr(object_store.Remote, "read_bytes", lambda _: b"x")
    assert mirror.pull(folder, tmp_path / "copy", lambda _: True) == 1
    assert not (tmp_path / "out").exists()


def test_an_index_cannot_remove_files_outside_the_copy(folder, tmp_path, monkeypatch):
    """The index may have come with an experiment that somebody else made."""
    monkeypatch.setattr(object_store.Remote, "files", lambda _: {})
    (tmp_path / "precious").write_bytes(b"x")
    (tmp_path / "copy" / "old").mkdir(parents=True)
    (tmp_path / "copy" / "old" / "file").write_bytes(b"x")
    names = ["../precious", str(tmp_path / "precious"), "old/file"]
    Folder(tmp_path / "copy").write(mirror.INDEX, json.dumps({name: [1, 1] for name in names}).encode())
    assert mirror.pull(folder, tmp_path / "copy", lambda _: True) == 0
    assert (tmp_path / "precious").exists()
    assert not (tmp_path / "copy" / "old" / "file").exists()


def test_an_index_comes_back_as_written_and_a_malformed_one_counts_as_unsettled(tmp_path):
    mirror.Index({"a": (3, 7), "b": None}).write(tmp_path)
    assert json.loads((tmp_path / mirror.INDEX).read_bytes()) == {"a": [3, 7], "b": []}
    assert mirror.Index.read(tmp_path).stamps == {"a": (3, 7), "b": None}
    Folder(tmp_path).write(mirror.INDEX, b'{"a": "x", "b": [1], "c": {}}')
    assert mirror.Index.read(tmp_path).stamps == {"a": None, "b": None, "c": None}
    Folder(tmp_path).write(mirror.INDEX, b"[]")
    assert mirror.Index.read(tmp_path).stamps == {}


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
    assert f"1 trials are in {copy}" in pulled.output
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
    assert "2 trials, 0 to train" in again.output
    assert "1 trials, 0 to train" in again.output


def test_a_copy_never_keeps_a_checkpoint_that_is_no_longer_the_one_at_home(folder, tmp_path):
    home, copy = TrialFolder(folder / "trials" / "a"), ExperimentFolder(tmp_path / "copy", folder)
    home.write("checkpoint.pt", b"half")
    copy.pull(checkpoints=True)
    assert copy.trial("a").checkpoint() == (b"half", None)
    home.write("checkpoint.pt", b"last")
    copy.pull()
    assert copy.trial("a").checkpoint() == (None, None)
    copy.pull(checkpoints=True)
    assert copy.trial("a").checkpoint() == (b"last", None)


def test_what_is_gone_at_home_goes_from_the_copy(folder, tmp_path):
    home, copy = Folder(folder), ExperimentFolder(tmp_path / "copy", folder)
    TrialFolder(folder / "trials" / "a").write("spec.json", b"{}")
    home.write("experiment.yaml", b"x")
    copy.pull()
    copy.reset("a")
    TrialFolder(folder / "trials" / "b").write("spec.json", b"{}")
    copy.pull()
    TrialFolder(folder / "trials" / "b").forget()
    copy.pull()
    assert copy.trials() == []
    assert copy.read("experiment.yaml") == b"x"


def test_a_damaged_copy_does_no_harm_at_home(bench_run, s3, tmp_path):
    command = ["--methods", "autoencoder", "--seeds", "1", "--storage", s3.uri(tmp_path.name)]
    assert bench_run(*command).exit_code == 0
    rows = rows_of(tmp_path / "out")
    (trial,) = ExperimentFolder(tmp_path / "out").trials()
    for name in ("spec.json", "history.parquet"):
        (trial.path / name).write_bytes(b"damaged")
    again = bench_run(*command)
    assert "1 trials, 0 to train" in again.output
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows, check_exact=True)


def test_pulling_leaves_a_local_experiment_of_that_name_alone(bench_run, s3, tmp_path):
    from bench.pull import app as pull

    command = ["--methods", "autoencoder", "--seeds", "1"]
    assert bench_run(*command, "--storage", s3.uri(tmp_path.name), out="there/exp").exit_code == 0
    assert bench_run(*command, out="exp").exit_code == 0
    refused = CliRunner().invoke(pull, [s3.uri(f"{tmp_path.name}/exp"), "--out", str(tmp_path / "exp")])
    assert refused.exit_code == 2
    assert "are on disk; leave out --storage, or choose another --out" in refused.stderr
