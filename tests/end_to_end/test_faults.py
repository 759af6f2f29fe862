"""Whatever goes wrong on the way: the trial says so in one line, the others go on, and what was computed is kept.

Every test injects the fault itself and compares what is left in the end with an undisturbed run.
"""

import gc
import io
import math
import shutil
import time
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pytest
import torch
from runs import assert_same_results, rows_of, sets, trial_of
from specimens import change_document
from typer.testing import CliRunner

from bench import report
from bench.analysis import frames
from bench.reporting import build
from bench.reporting.contents import Contents, limited_to
from bench.runtime import memory
from bench.store.folders import ExperimentFolder, TrialFolder
from methods import METHODS

PLUGIN = """
import os, weakref
from pathlib import Path
import torch
from methods.mmd import MMD

class Faulty(MMD):
    steps = 0

    def losses(self, x):
        self.steps += 1
        losses = super().losses(x)
        {body}
        return losses

METHODS = {{"faulty": Faulty}}
"""
ONE = ("--methods", "mmd", "--seeds", "1")


def slow(*values):
    """A case that is like another one, for `make test-slow`."""
    return pytest.param(*values, marks=pytest.mark.slow)


@pytest.fixture
def faulty(tmp_path):
    """Arguments of a run with a plug-in whose losses do something in between; it counts its `steps`, from 1."""

    def write(body: str, others: str = "") -> list[str]:
        path = tmp_path / "mine.py"
        path.write_text(PLUGIN.format(body=body))
        return ["--plugin", str(path), "--methods", f"faulty{others}", "--seeds", "1"]

    return write


def set_state(trial: TrialFolder, state: str) -> None:
    change_document(trial, "status.json", state=state)


# --- Diverged ---

LATER = "if self.steps > 2: "
NAN_WEIGHTS = f"{LATER}[p.data.fill_(torch.nan) for p in self.parameters()]\n        {LATER}"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (f"{LATER}losses['loss'] = losses['loss'] * torch.nan", "loss is nan at step 4"),
        ("losses['mine'] = x.new_tensor(torch.inf if self.steps > 2 else 1)", "mine is inf at step 4"),
        (f"{LATER}losses['loss'] = losses['loss'] * 1e12", "loss has exploded to "),
        ("losses['mine'] = x.new_tensor(-3e9 if self.steps > 2 else 3)", "exploded to -2e+09 (from 3) at step 4"),
        (f"{NAN_WEIGHTS}torch.linalg.cholesky(x.new_tensor([[torch.nan]]))", "not finite after step 2 (_LinAlgError: "),
        (f"{NAN_WEIGHTS}torch.distributions.Normal(self.encode(x), 1, validate_args=True)",
         "is not finite after step 2 (ValueError: "),
    ],
)  # fmt: skip
def test_numbers_out_of_hand_end_a_trial_as_diverged_within_an_interval(bench_run, faulty, tmp_path, body, reason):
    result = bench_run(*faulty(body, ",mmd"))
    assert result.exit_code == 1
    assert reason in result.stderr
    assert "faulty seed 0 diverged: " in result.stderr
    assert "Traceback" not in result.output
    folder = trial_of(tmp_path / "out", "faulty")
    assert folder.rows()["step"].tolist() == [1]  # the last good row
    states = frames.trials(ExperimentFolder(tmp_path / "out")).set_index("variant")["state"].to_dict()
    assert states == {"faulty": "diverged", "mmd": "done"}


@pytest.mark.usefixtures("unreported")
@pytest.mark.parametrize("seconds", ["20", slow("0")])
def test_an_explosion_between_evaluations_is_noticed_at_a_step_that_no_checkpoint_moves(bench_run, faulty, seconds):
    arguments = faulty("losses['mine'] = x.new_tensor(1e12 if 120 < self.steps < 130 else 1)")
    result = bench_run(*arguments, "--checkpoint-seconds", seconds, training__epochs="60")
    assert "mine has exploded to 9.68e+10 (from 1) at step 200" in result.stderr  # 9 of the 93 steps since the row


def test_large_but_steady_losses_and_a_peak_that_passes_are_no_divergence(bench_run, faulty):
    result = bench_run(*faulty("losses['mine'] = x.new_tensor(1e9 if self.steps != 3 else 3e9)"))
    assert result.exit_code == 0, result.output


def test_losses_whose_names_change_are_refused_not_dropped(bench_run, faulty):
    result = bench_run(*faulty("losses |= {'mine': losses['loss']} if self.steps > 2 else {}"))
    assert "failed: ValueError: losses gives loss, reconstruction, " in result.stderr
    assert "mine now, and gave " in result.stderr


# --- Out of memory ---

GPU = "not enough memory on the GPU: give it a larger --gpus-per-trial, or lower training.batch_size"
CPU = "not enough memory on the CPU: give it a lower --max-concurrent, or lower training.batch_size"


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB.')", GPU),
        ("raise RuntimeError('CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`')", GPU),
        ("raise MemoryError", CPU),
        ("torch.empty(2**60)", CPU),
    ],
)
def test_out_of_memory_says_what_to_do_and_leaves_nothing_in_the_worker(bench_run, faulty, monkeypatch, fault, reason):
    # A cycle, as tracebacks, hooks and caches make them, keeps the networks until they are collected.
    held = "self.__dict__['cycle'] = [self]; MMD.left = weakref.ref(self)"
    monkeypatch.setattr(METHODS["mmd"], "left", None, raising=False)
    gc.disable()
    try:
        result = bench_run(*faulty(f"{held}\n        {LATER}{fault}", ",mmd"))
        assert METHODS["mmd"].left() is None  # pyright: ignore[reportAttributeAccessIssue]
    finally:
        gc.enable()
    assert result.exit_code == 1
    assert f"faulty seed 0 failed: {reason}; --retry-failed runs it again" in result.stderr
    assert "mmd s0: done" in result.output


def test_memory_of_a_gpu_in_use_is_given_back(monkeypatch):
    calls = []
    monkeypatch.setattr(torch.cuda, "empty_cache", lambda: calls.append("emptied"))
    memory.release()
    assert calls == []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    memory.release()
    assert calls == ["emptied"]


# --- --retry-failed ---


@pytest.mark.parametrize(
    ("state", "fault"),
    [("failed", "raise RuntimeError('no luck')"), slow("diverged", "losses['loss'] = losses['loss'] * torch.nan")],
)
def test_what_failed_or_diverged_is_run_again_only_when_asked_and_goes_on(bench_run, faulty, tmp_path, state, fault):
    mended = tmp_path / "mended"
    arguments = faulty(f"if x.shape[0] and self.steps == 6 and not Path({str(mended)!r}).exists(): {fault}", ",mmd")
    assert bench_run(*arguments).exit_code == 1
    again = bench_run(*arguments)
    assert again.exit_code == 1
    assert "1 trial failed or diverged before; --retry-failed runs them again" in again.stdout
    assert "2 trials, 0 to train" in again.stdout
    assert f"faulty seed 0 {state}: " in again.stderr
    assert "faulty seed 0: failed or diverged before" in bench_run(*arguments, "--dry-run").stdout
    assert "faulty seed 0: resume" in bench_run(*arguments, "--dry-run", "--retry-failed").stdout
    mended.touch()
    retried = bench_run(*arguments, "--retry-failed")
    assert retried.exit_code == 0, retried.output
    assert "2 trials, 1 to train" in retried.stdout
    assert "faulty s0: resumes from step 4 of 8" in retried.stdout
    assert bench_run(*arguments, out="whole").exit_code == 0
    pd.testing.assert_frame_equal(rows_of(tmp_path / "out"), rows_of(tmp_path / "whole"), check_exact=True)


def test_a_trial_of_another_source_is_stale_also_where_it_failed(bench_run, faulty, tmp_path):
    assert bench_run(*faulty("raise RuntimeError('no luck')")).exit_code == 1
    mended = faulty("pass")
    again = bench_run(*mended, "--retry-failed")
    assert "1 stale trial" in again.stdout
    assert "1 trial, 0 to train" in again.stdout
    assert bench_run(*mended, "--retrain-stale").exit_code == 0
    assert not trial_of(tmp_path / "out", "faulty").is_intact("error.txt")


@pytest.mark.parametrize(
    "ending", ["raise SystemExit(0)", "raise KeyboardInterrupt", "raise GeneratorExit", "os._exit(0)"]
)
def test_a_method_that_would_end_the_process_fails_its_own_trial_only(ending, bench_run, faulty, tmp_path):
    result = bench_run(*faulty(f"if self.steps == 3: {ending}", ",mmd"))
    assert result.exit_code == 1
    assert "which would end the process" in result.output
    states = {trial.trial().spec.method: trial.status().state for trial in ExperimentFolder(tmp_path / "out").trials()}
    assert states == {"faulty": "failed", "mmd": "done"}


@pytest.mark.parametrize(
    ("change", "name"),
    [
        ("torch.set_default_dtype(torch.float64)", "default dtype: torch.float64"),
        ("torch.set_float32_matmul_precision('medium')", "float32 precision of CPU matmul: bf16"),
        ("torch.backends.mkldnn.enabled = False", "oneDNN enabled: False"),
        ("torch.use_deterministic_algorithms(True)", "deterministic algorithms: True"),
    ],
)
def test_global_settings_do_not_leak_into_other_trials(change, name, bench_run, faulty, tmp_path):
    alone = bench_run("--methods", "mmd", "--seeds", "1", out="alone")
    assert alone.exit_code == 0
    # In the last step: after it, only the evaluation is left.
    result = bench_run(*faulty(f"if self.steps == 8: {change}", ",mmd"))
    assert f"faulty leaves global settings of torch changed ({name}); they are restored" in result.output
    beside = rows_of(tmp_path / "out").query("variant == 'mmd' and seed == 0").reset_index(drop=True)
    pd.testing.assert_frame_equal(beside.dropna(axis=1), rows_of(tmp_path / "alone").dropna(axis=1), check_exact=True)


def test_global_settings_that_a_plug_in_changes_when_imported_are_restored_and_named(bench_run, tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(PLUGIN.format(body="pass") + "torch.set_default_dtype(torch.float64)\n")
    result = bench_run("--plugin", str(path), "--methods", "faulty", "--seeds", "1")
    assert result.exit_code == 0
    assert "changes global settings of torch when it is imported (default dtype: torch.float64)" in result.output


# --- Damage ---


@pytest.fixture
def unreported(monkeypatch):
    """Runs make no report, for tests that look at rows."""
    monkeypatch.setattr(build, "write", lambda *_: None)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A folder with `out`, an experiment that is done, and `data`, never to be written to."""
    from bench.run import app

    place = tmp_path_factory.mktemp("finished")
    with limited_to(Contents.sections):
        where = ["--out", str(place / "out"), "--data-root", str(place / "data"), "--executor", "serial"]
        assert CliRunner().invoke(app, [*ONE, *where, *sets()]).exit_code == 0
    return place


@pytest.fixture
def copied(finished, tmp_path):
    """A copy of it under tmp_path, where bench_run looks."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    return tmp_path / "out"


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


TRIAL, DATA = "out/trials/*/", "data/prepared/digits/*/"
DAMAGE = {
    (TRIAL + "checkpoint.pt",): "checkpoint.pt is damaged; the checkpoint before it is used",
    (TRIAL + "checkpoint.previous.pt",): "",  # not needed
    (TRIAL + "checkpoint.pt", TRIAL + "checkpoint.previous.pt"): "no checkpoint is intact; the trial is retrained from",
    (TRIAL + "history.parquet",): "history.parquet is damaged; it is rewritten from the checkpoint",
    (TRIAL + "spec.json",): "spec.json is damaged; it is rewritten",
    (TRIAL + "status.json",): "status.json is damaged; the trial resumes from its last checkpoint",
    (TRIAL + "environment.json",): "environment.json is damaged; the hardware and versions of the trial are lost",
    (DATA + "train-images.npy",): "is damaged; preparing it again",
    (DATA + "test-labels.npy",): "is damaged; preparing it again",
    (DATA + "sidecar.json",): "is damaged; preparing it again",
}


@pytest.mark.usefixtures("unreported")
@pytest.mark.parametrize("damage", [truncated, flipped])
@pytest.mark.parametrize("victims", DAMAGE, ids=lambda victims: "+".join(v.rpartition("/")[2] for v in victims))
def test_damage_is_said_and_the_rows_are_those_of_an_undamaged_run(bench_run, copied, finished, victims, damage):
    if damage is truncated or "checkpoint" in victims[0]:  # of a trial that is done no checkpoint is needed
        set_state(trial_of(copied), "running")
    for victim in victims:
        damage(next(copied.parent.glob(victim)))
    result = bench_run(*ONE)
    assert result.exit_code == 0, result.output
    assert DAMAGE[victims] in result.output
    assert result.output.count("warning: ") == bool(DAMAGE[victims])
    pd.testing.assert_frame_equal(rows_of(copied), rows_of(finished / "out"), check_exact=True)


@pytest.mark.usefixtures("unreported")
@pytest.mark.parametrize("state", ["running", "done"])
def test_a_trial_whose_source_can_no_longer_be_known_is_trained_again_from_the_start(
    bench_run, copied, finished, tmp_path, state
):
    folder = trial_of(copied)
    change_document(folder, "spec.json", source={"file": "x.py", "sha256": "0" * 64})
    set_state(folder, state)
    flipped(tmp_path / "out" / "trials" / folder.name / "spec.json")
    assert "mmd seed 0: train again" in bench_run(*ONE, "--dry-run").stdout
    result = bench_run(*ONE)
    assert "spec.json is damaged; the settings of the trial are unknown" in result.stderr
    assert "resumes from step" not in result.stdout
    pd.testing.assert_frame_equal(rows_of(copied), rows_of(finished / "out"), check_exact=True)


@pytest.mark.usefixtures("unreported")
def test_a_checkpoint_without_a_specification_is_not_used(bench_run, copied, finished, tmp_path):
    """As it is left where the removal of a trial that is to be trained again was interrupted."""
    (tmp_path / "out" / "trials" / trial_of(copied).name / "spec.json").unlink()
    result = bench_run(*ONE)
    assert "resumes from step" not in result.stdout
    pd.testing.assert_frame_equal(rows_of(copied), rows_of(finished / "out"), check_exact=True)


def test_a_report_leaves_out_a_trial_whose_specification_is_damaged_and_names_the_file(bench_run, copied, tmp_path):
    assert bench_run("--methods", "mmd,vae", "--seeds", "1").exit_code == 0
    name = trial_of(copied).name
    flipped(tmp_path / "out" / "trials" / name / "spec.json")
    flipped(tmp_path / "out" / "trials" / trial_of(copied, "vae").name / "status.json")
    result = CliRunner().invoke(report.app, [str(copied)])
    assert result.exit_code == 0, result.output
    assert (
        f"{name}/spec.json is damaged; the trial is left out; run the same bench.run again to repair" in result.output
    )
    assert "status.json is damaged; the trial counts as unfinished until bench.run resumes it" in result.output
    assert pd.read_csv(copied / "report" / "summary.csv")["variant"].tolist() == ["vae"]


# --- Other versions ---


def older(stored: dict, kind: str) -> dict:
    """A checkpoint as another version could have written it."""
    if kind == "a key less":
        del stored["state"]["summed_steps"]
    elif kind == "a key more":
        stored["state"]["epoch"] = 1
    elif kind == "another name":
        stored["optimiser"] = stored.pop("optimizer")
    elif kind == "another shape":
        stored["method"] = {name: value[..., :-1] for name, value in stored["method"].items()}
    elif kind == "another moment":
        stored["optimizer"]["state"][0]["exp_avg"] = torch.zeros(3)
    return stored


KINDS = ("a key less", "a key more", "another name", "another shape", "another moment")


@pytest.mark.usefixtures("unreported")
@pytest.mark.parametrize("kind", KINDS)
def test_a_checkpoint_of_another_version_is_refused_in_one_line_whose_way_out_works(bench_run, copied, finished, kind):
    folder = trial_of(copied)
    stored = older(torch.load(io.BytesIO(folder.read("checkpoint.pt")), weights_only=True), kind)
    torch.save(stored, buffer := io.BytesIO())
    folder.write("checkpoint.pt", buffer.getvalue())
    set_state(folder, "running")
    result = bench_run(*ONE)
    assert result.exit_code == 1
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: mmd seed 0 failed: its checkpoint is of another version of the project (")
    assert last.endswith("; --retrain-stale trains it again")
    for option in ("", "--retry-failed"):  # neither goes on with it
        again = bench_run(*ONE, *[option] * bool(option))
        assert "1 stale trial" in again.stdout
        assert "1 trial, 0 to train" in again.stdout
    assert bench_run(*ONE, "--retrain-stale").exit_code == 0
    pd.testing.assert_frame_equal(rows_of(copied), rows_of(finished / "out"), check_exact=True)


def test_an_unfinished_trial_of_another_format_is_stale_and_a_finished_one_is_not(bench_run, copied, finished):
    folder = trial_of(copied)
    assert folder.trial().format == 1
    change_document(folder, "spec.json", format=2)
    assert "1 trial, 0 to train" in bench_run(*ONE).stdout
    assert not frames.trials(ExperimentFolder(copied))["stale"].any()
    set_state(folder, "running")
    result = bench_run(*ONE)
    assert "1 stale trial: their code has changed, or the project itself since" in result.stdout
    assert "1 trial, 0 to train" in result.stdout
    assert frames.trials(ExperimentFolder(copied))["stale"].all()
    assert bench_run(*ONE, "--retrain-stale").exit_code == 0
    pd.testing.assert_frame_equal(rows_of(copied), rows_of(finished / "out"), check_exact=True)


def test_an_unfinished_trial_from_before_formats_were_numbered_goes_on(bench_run, copied, finished):
    folder = trial_of(copied)
    change_document(folder, "spec.json", format=None)
    set_state(folder, "running")
    assert "resumes from step 8 of 8" in bench_run(*ONE).stdout
    pd.testing.assert_frame_equal(rows_of(copied), rows_of(finished / "out"), check_exact=True)


# --- Killed ---


class Killed(BaseException):
    """Nothing catches this: the process is gone."""


@pytest.fixture
def kill_at(monkeypatch):
    """Ends this process' work at one of its file operations, counted from 1, and counts them.

    Every file takes four: its note under a temporary name (half of which is written), the note's move, and the same for
    itself.
    """
    done, write, move = [0, 0], Path.write_bytes, Path.replace  # operations so far, and the last there is

    def count() -> bool:
        done[0] += 1
        return done[0] == done[1]

    def half(path: Path, data: bytes) -> int:
        if not count():
            return write(path, data)
        write(path, data[: len(data) // 2])
        raise Killed

    def before(path: Path, target: Path) -> Path:
        if count():
            raise Killed
        return move(path, target)

    monkeypatch.setattr(Path, "write_bytes", half)
    monkeypatch.setattr(Path, "replace", before)

    def at(operation: int) -> list[int]:
        done[:] = [0, operation]
        return done

    return at


OPERATIONS = 196  # in the run below: about, for the last ones are the report's, which may have more or fewer files


@pytest.mark.parametrize(
    "operations",
    [range(1, OPERATIONS, 43)]
    + [slow(range(1 + i, OPERATIONS, 43)) for i in range(4, 43, 4)]
    + [pytest.param(range(1 + i, OPERATIONS, 43), marks=pytest.mark.nightly) for i in range(43) if i % 4],
    ids=lambda operations: str(operations.start),
)
def test_a_run_killed_at_any_file_operation_ends_as_if_it_had_not_been(
    bench_run, finished, kill_at, tmp_path, operations, monkeypatch
):
    monkeypatch.setattr("bench.training.trainer.SLOW_SAVE", math.inf)  # a slow disk here must not make operations fewer
    arguments = [*ONE, "--data-root", str(finished / "data"), "--checkpoint-seconds", "0"]
    for operation in operations:
        at = kill_at(operation)
        with suppress(Killed):
            bench_run(*arguments, out=f"at{operation}")
        assert at[0] == operation or operation > OPERATIONS - 30
        kill_at(0)
        again = bench_run(*arguments, out=f"at{operation}")
        assert again.exit_code == 0, again.output
        assert "warning" not in again.output  # a kill damages nothing
        assert_same_results(tmp_path / f"at{operation}", finished / "out")


# --- A full or read-only disk ---


@pytest.fixture
def full_at(monkeypatch, small_disk):
    """Fills the disk when a file of this name is written for the n-th time; after so many errors there is room."""

    def hook(name: str, n: int, leave: int, errors: int) -> None:
        write, left = Path.write_bytes, {"writes": n, "errors": errors}

        def watched(path: Path, data: bytes) -> int:
            if path.name.startswith(f".{name}.") and path.parent.name != ".sha256" and small_disk.path in path.parents:
                left["writes"] -= 1
                if left["writes"] == 0:
                    small_disk.fill(leave)
            try:
                return write(path, data)
            except OSError:
                left["errors"] -= 1
                if left["errors"] == 0:
                    small_disk.free()
                raise

        monkeypatch.setattr(Path, "write_bytes", watched)

    return hook


@pytest.mark.parametrize(
    ("name", "n", "leave", "errors", "state"),
    [
        ("checkpoint.pt", 2, 0, 0, "running"),  # not even the reason can be noted, and there is no room for others
        ("history.parquet", 2, 12_000, 0, "failed"),
        slow("checkpoint.pt", 1, 30_000, 0, "failed"),
        slow("checkpoint.pt", 2, 0, 1, "failed"),  # there is room again at once
        slow("checkpoint.previous.pt", 1, 0, 2, "failed"),  # once the first trial has ended
        slow("history.parquet", 1, 0, 0, "running"),
        slow("samples-00000004.png", 1, 0, 0, "running"),
        slow("status.json", 3, 0, 0, "running"),  # the training was done
        slow("spec.json", 1, 0, 0, "running"),
    ],
)
def test_a_full_disk_ends_a_trial_in_one_line_and_with_room_it_goes_on(
    bench_run, finished, full_at, small_disk, tmp_path, name, n, leave, errors, state
):
    arguments = ["--methods", "mmd,vae", "--seeds", "1", "--data-root", str(finished / "data")]
    full_at(name, n, leave, errors)
    result = bench_run(*arguments, out="disk/out")
    assert result.exit_code == 1
    assert isinstance(result.exception, SystemExit)
    full = "No space left on device; free some space and run the same command again"
    said = [line for line in result.stderr.splitlines() if line.startswith("error: mmd seed 0 failed: cannot write ")]
    assert len(said) == 1
    assert said[0].endswith(full)
    out = small_disk.path / "out"
    if errors:
        assert "vae s0: done" in result.stdout
    else:
        assert result.stderr.splitlines()[-1].startswith("error: ")
        assert result.stderr.splitlines()[-1].endswith(full)
        small_disk.free()
    assert not list(out.rglob("*.part"))
    found = trial_of(out) if ExperimentFolder(out).trials() else None
    assert found is None or found.status().state == state
    again = bench_run(*arguments, *["--retry-failed"] * (state == "failed"), out="disk/out")
    assert again.exit_code == 0, again.output
    assert "warning" not in again.output
    assert bench_run(*arguments, out="whole").exit_code == 0
    assert_same_results(out, tmp_path / "whole")


def test_a_disk_that_fills_up_during_the_report_costs_the_report_alone(bench_run, finished, full_at, small_disk):
    arguments = [*ONE, "--data-root", str(finished / "data")]
    full_at("summary.csv", 1, 0, 0)
    result = bench_run(*arguments, out="disk/out")
    full = "report: No space left on device; free some space and run the same command again"
    assert result.stderr.splitlines()[-1].endswith(full)
    assert not (small_disk.path / "out" / "report").exists()
    small_disk.free()
    again = bench_run(*arguments, out="disk/out")
    assert "1 trial, 0 to train" in again.stdout
    assert_same_results(small_disk.path / "out", finished / "out")


def test_results_that_may_only_be_read_are_refused_in_a_line_and_reported_elsewhere(
    bench_run, finished, small_disk, tmp_path
):
    shutil.copytree(finished / "out", small_disk.path / "out")
    small_disk.read_only()
    result = bench_run(*ONE, "--data-root", str(finished / "data"), out="disk/out")
    assert result.exit_code == 1
    out = small_disk.path / "out"
    assert result.stderr == f"error: cannot write {out}: {out} is read-only; choose another folder with --out\n"
    result = CliRunner().invoke(report.app, [str(small_disk.path / "out")])
    assert result.exit_code == 1
    said = f"cannot write {small_disk.path}/out/report: Read-only file system; choose another place with --out DIR"
    assert result.stderr == f"error: {said}\n"
    result = CliRunner().invoke(report.app, [str(small_disk.path / "out"), "--out", str(tmp_path / "report")])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "report" / "index.html").exists()


@pytest.mark.parametrize("extra", [[], ["--dry-run"]])
def test_a_read_only_data_root_names_the_option_for_prepared_images(bench_run, small_disk, tmp_path, extra):
    small_disk.read_only()
    asked = [*ONE, "--data-root", str(small_disk.path / "data"), *extra]
    result = bench_run(*asked)
    assert result.exit_code == 1
    assert result.stderr.endswith("/disk is read-only; choose another folder with --prepared\n")
    assert result.stderr.count("\n") == 1
    assert bench_run(*asked, "--prepared", str(tmp_path / "prepared")).exit_code == 0


@pytest.mark.parametrize("extra", [[], ["--dry-run"]])
def test_a_read_only_folder_for_results_names_the_option(bench_run, small_disk, extra):
    small_disk.read_only()
    result = bench_run(*ONE, *extra, out=str(small_disk.path / "results" / "digits"))
    assert result.exit_code == 1
    assert result.stderr.endswith("/disk is read-only; choose another folder with --out\n")
    assert result.stderr.count("\n") == 1


# --- The clock, company, and moving house ---


def test_a_clock_set_back_changes_no_row_and_makes_no_time_negative(bench_run, copied, finished, monkeypatch):
    """An hour back at every look, in a run, in its resumption and in the report."""
    now, strftime = [time.time()], time.strftime

    def back() -> float:
        now[0] -= 3600
        return now[0]

    monkeypatch.setattr(time, "time", back)
    monkeypatch.setattr(time, "localtime", lambda seconds=None: time.gmtime(back() if seconds is None else seconds))
    monkeypatch.setattr(time, "strftime", lambda form, moment=None: strftime(form, moment or time.gmtime(back())))
    folder = trial_of(copied)
    folder.write("checkpoint.pt", folder.read("checkpoint.previous.pt"))
    set_state(folder, "running")
    result = bench_run("--methods", "mmd,vae", "--seeds", "1", "--checkpoint-seconds", "0")
    assert result.exit_code == 0, result.output
    assert "resumes from step 4 of 8" in result.stdout
    mine = rows_of(copied)
    mine = mine[mine["method"] == "mmd"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, rows_of(finished / "out"), check_exact=True)
    written = [pd.read_csv(path) for path in (copied / "report").glob("*.csv")]
    assert len(written) >= 4
    for frame in written:
        seconds = frame[[c for c in frame.select_dtypes("number") if "seconds" in c or c.endswith("began")]]
        assert not (seconds < 0).any().any()


@pytest.mark.parametrize("images", [slow("moved along"), "gone"])
def test_results_that_were_copied_go_on_where_they_are_now(bench_run, finished, tmp_path, images):
    arguments = ["--methods", "mmd,vae", "--seeds", "1"]
    assert bench_run(*arguments, out="old/out").exit_code == 0
    vae = trial_of(tmp_path / "old" / "out", "vae")
    vae.write("checkpoint.pt", vae.read("checkpoint.previous.pt"))
    set_state(vae, "running")
    shutil.copytree(tmp_path / "old" / "out", tmp_path / "new" / "out")
    shutil.rmtree(tmp_path / "old")
    if images == "moved along":
        shutil.move(tmp_path / "data", tmp_path / "images")
    else:
        shutil.rmtree(tmp_path / "data")
    result = bench_run(*arguments, "--data-root", str(tmp_path / "images"), out="new/out")
    assert result.exit_code == 0, result.output
    assert "2 trials, 1 to train" in result.stdout
    assert "vae s0: resumes from step 4 of 8" in result.stdout
    assert bench_run(*arguments, "--data-root", str(finished / "data"), out="whole").exit_code == 0
    assert_same_results(tmp_path / "new" / "out", tmp_path / "whole")


def test_a_run_whose_trial_another_one_has_taken_over_leaves_it_alone(bench_run, faulty, tmp_path):
    theirs = (
        "if self.steps == 6:\n"
        "            from bench.store.folders import ExperimentFolder, TrialFolder\n"
        f"            for trial in ExperimentFolder(Path({str(tmp_path / 'out')!r})).trials():\n"
        "                if 'faulty' in trial.name: trial.claim(trial.trial(), trial.environment())"
    )
    result = bench_run(*faulty(theirs, ",mmd"))
    assert result.exit_code == 0, result.output
    assert "faulty s0: taken over: " in result.stdout
    status = trial_of(tmp_path / "out", "faulty").status()
    assert (status.state, len(status.attempts)) == ("running", 2)
    assert trial_of(tmp_path / "out").status().state == "done"
