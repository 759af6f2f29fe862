"""bench.run --log: what TensorBoard, MLflow and Weights & Biases are given is what the trial folders say, once."""

import math
import signal
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pandas as pd
import pytest
from PIL import Image
from project import ROOT
from runs import long_training
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from bench.loggers import follower
from bench.loggers import tensorboard_log as board
from bench.loggers.base import is_constant, scalars
from bench.store.folders import ExperimentFolder, TrialFolder

BENCH = ["--methods", "mmd", "--seeds", "1"]
FAKED = ("mlflow", "wandb")


def trials(out: Path) -> list[TrialFolder]:
    found = ExperimentFolder(out).trials()
    assert found
    return found


def logged(folder: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, as TensorBoard itself reads them."""
    accumulator = EventAccumulator(str(folder))
    accumulator.Reload()
    return {tag: [(e.step, e.value) for e in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]}


def assert_rows_are_logged_once(out: Path, log: Path | None = None) -> None:
    """Every number of every row is logged once; TensorBoard keeps float32."""
    for trial in trials(out):
        found = logged((log or out) / "tensorboard" / trial.path.name)
        rows = trial.rows()
        numbers = rows.select_dtypes("number").drop(columns="step")
        numbers = numbers[[name for name in numbers if not is_constant(str(name))]]
        assert set(found) == {name for name in numbers if numbers[name].notna().any()}
        for name, values in found.items():
            expected: dict[int, float] = {}
            for step, value in zip(rows["step"], numbers[name], strict=True):
                if not math.isnan(value):
                    expected.setdefault(step, value)  # of the two rows of the last step, the first
            assert dict(values) == pytest.approx(expected, rel=1e-6)
            assert len(values) == len(expected)


def test_every_row_is_logged_and_what_is_logged_is_not_logged_again(bench_run, tmp_path):
    assert bench_run(*BENCH).exit_code == 0
    assert not (tmp_path / "out" / "tensorboard").exists()
    command = ["--methods", "mmd,moco[temperature=0.5]", "--seeds", "1", "--log", "tensorboard"]
    result = bench_run(*command)  # one is done, one is trained
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert_rows_are_logged_once(tmp_path / "out")
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "tensorboard").rglob("events*")}
    assert len(files) == 2
    assert bench_run(*command).exit_code == 0
    assert files == {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "tensorboard").rglob("events*")}


def test_hyperparameters_are_those_of_the_trial(bench_run, tmp_path):
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

    assert bench_run("--methods", "moco[temperature=0.5]", "--seeds", "1", "--log", "tensorboard").exit_code == 0
    accumulator = EventAccumulator(str(tmp_path / "out" / "tensorboard" / trials(tmp_path / "out")[0].path.name))
    accumulator.Reload()
    said = accumulator.PluginTagToContent("hparams")["_hparams_/session_start_info"]
    given = HParamsPluginData.FromString(said).session_start_info.hparams
    assert given["temperature"].number_value == 0.5
    assert given["method"].string_value == "moco"


def test_the_hparams_tab_has_the_hyperparameters_of_every_method(bench_run, tmp_path):
    from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
    from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
    from tensorboard.context import RequestContext
    from tensorboard.plugins.base_plugin import TBContext
    from tensorboard.plugins.hparams.backend_context import Context

    assert bench_run("--methods", "moco,mmd", "--seeds", "1", "--log", "tensorboard").exit_code == 0
    folder, events = str(tmp_path / "out" / "tensorboard"), EventMultiplexer()
    events.AddRunsFromDirectory(folder)
    events.Reload()
    tab = Context(TBContext(logdir=folder, data_provider=MultiplexerDataProvider(events, folder)))
    request = RequestContext()
    found = tab.experiment_from_metadata(
        request, "", True, tab.hparams_metadata(request, ""), tab.hparams_from_data_provider(request, "", 100)
    )
    assert {"temperature", "weight", "method", "learning_rate"} <= {info.name for info in found.hparam_infos}
    assert "fd_classifier_64" in {info.name.tag for info in found.metric_infos}


def test_grids_are_logged_at_every_evaluation(bench_run, tmp_path):
    assert bench_run(*BENCH, "--log", "tensorboard").exit_code == 0
    (trial,) = trials(tmp_path / "out")
    accumulator = EventAccumulator(str(tmp_path / "out" / "tensorboard" / trial.path.name))
    accumulator.Reload()
    steps = sorted(set(trial.rows()["step"]))
    for kind in ("samples", "reconstructions"):
        shown = accumulator.Images(kind)
        assert [image.step for image in shown] == steps
        stored = Image.open(trial.path / "samples" / f"{kind}-{steps[-1]:08d}.png")
        assert (shown[-1].width, shown[-1].height) == stored.size


def test_a_search_is_logged_beside_its_best_points(bench_run, tmp_path):
    result = bench_run("--methods", "mmd", "--seeds", "1", "--tune", "2", "--log", "tensorboard")
    assert result.exit_code == 0, result.output
    assert len(trials(tmp_path / "out" / "search")) == 2 * 2 + 2 * 3  # points and seeds, finalists and seeds
    assert_rows_are_logged_once(tmp_path / "out" / "search", tmp_path / "out")
    assert_rows_are_logged_once(tmp_path / "out")


def killed_and_resumed(start_run, *arguments: str) -> None:
    command = ["--methods", "moco", "--seeds", "1", "--log", "tensorboard", *arguments, *long_training()]
    run = start_run(*command)
    run.wait_for_step(100)
    run.send(signal.SIGKILL)
    run.finish()
    code, output = start_run(*command).finish()
    assert code == 0, output
    assert "resumes from step" in output


@pytest.mark.slow
def test_a_run_that_was_killed_goes_on_and_has_no_row_twice(start_run, tmp_path):
    killed_and_resumed(start_run, "--executor", "serial")
    assert_rows_are_logged_once(tmp_path / "out")


@pytest.mark.slow
def test_ray_logs_the_same(start_run, tmp_path):
    killed_and_resumed(start_run)
    assert_rows_are_logged_once(tmp_path / "out")


def test_a_failing_logger_is_said_once_and_the_same_command_logs_what_is_missing(bench_run, monkeypatch, tmp_path):
    command = ["--methods", "mmd,vae", "--seeds", "1", "--log", "tensorboard"]
    with monkeypatch.context() as patch:

        def fail(*_):
            raise ConnectionError("the server is away\nand more")

        patch.setattr(board.Run, "log", fail)
        result = bench_run(*command)
    assert result.exit_code == 0, result.output
    warning = "warning: tensorboard has not logged all rows (the server is away); "
    assert result.stderr == warning + "training continues, and rerunning the command logs the missing rows\n"
    assert [len(trial.rows()) for trial in trials(tmp_path / "out")] == [4, 4]
    assert bench_run(*command).exit_code == 0
    assert_rows_are_logged_once(tmp_path / "out")


def test_a_logger_that_fails_now_and_then_has_every_row_once(bench_run, monkeypatch, tmp_path):
    log, calls = board.Run.log, count()

    def sometimes(self, step, row, grids):
        if next(calls) % 5 == 1:
            raise ConnectionError("the server is away")
        log(self, step, row, grids)

    monkeypatch.setattr(board.Run, "log", sometimes)
    result = bench_run("--methods", "mmd,vae", "--seeds", "1", "--log", "tensorboard")
    assert result.stderr.count("warning") == 1
    assert_rows_are_logged_once(tmp_path / "out")


def test_a_logger_that_never_answers_is_left(bench_run, monkeypatch):
    monkeypatch.setattr(follower, "TIMEOUT_SECONDS", 0.2)
    monkeypatch.setattr(board.Run, "log", lambda *_: threading.Event().wait())
    result = bench_run(*BENCH, "--log", "tensorboard")
    assert result.exit_code == 0, result.output
    assert "warning: tensorboard has not logged all rows (no answer for 0.2 s)" in result.stderr


def test_of_the_two_rows_of_the_last_step_one_is_made():
    rows = pd.DataFrame(
        {"step": [1, 8, 8], "a": [1.0, 2.0, None], "b": [None, None, 3.0], "clock": [1.0, 2, 9], "c": "x"}
    )
    assert scalars(rows) == {1: {"a": 1, "clock": 1}, 8: {"a": 2, "b": 3, "clock": 2}}
    assert scalars(pd.DataFrame()) == {}


@pytest.fixture
def fake(monkeypatch):
    """Libraries with the calls that are made here, which keep what they are given: {id: {"steps": [...], ...}}."""
    kept: dict[str, dict] = {}
    for name in [*sys.modules]:
        if name.split(".")[0] in FAKED or name in [f"bench.loggers.{fake}_log" for fake in FAKED]:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "mlflow", fake_mlflow(kept))
    monkeypatch.setitem(sys.modules, "mlflow.entities", sys.modules["mlflow"].entities)
    monkeypatch.setitem(sys.modules, "wandb", fake_wandb(kept))
    yield kept
    for name in FAKED:
        sys.modules.pop(f"bench.loggers.{name}_log", None)


def fake_mlflow(kept: dict[str, dict]) -> ModuleType:
    class Client:
        def __init__(self, uri: str) -> None:
            self.uri = uri

        def get_experiment_by_name(self, _):
            return None

        def create_experiment(self, name, _):
            return name

        def search_runs(self, _, wanted, max_results):
            assert max_results == 1
            wanted = wanted.replace("'yes'", "'report'")
            return [SimpleNamespace(info=SimpleNamespace(run_id=id)) for id in kept if f"'{id}'" in wanted]

        def create_run(self, experiment, tags, run_name):
            id = tags.get("wae_bench.training", run_name)
            kept[id] = {"name": run_name, "group": experiment, "steps": [], "rows": {}, "uri": self.uri}
            return SimpleNamespace(info=SimpleNamespace(run_id=id))

        def update_run(self, run, status):
            kept[run]["state"] = status

        def log_batch(self, run, metrics=(), params=()):
            kept[run].setdefault("config", {}).update({p.key: p.value for p in params})
            if metrics:
                step = metrics[0].step
                kept[run]["steps"].append(step)
                kept[run]["rows"][step] = {metric.key: metric.value for metric in metrics}

        def log_artifact(self, run, path, kind):
            assert Path(path).read_bytes().startswith(b"\x89PNG")
            kept[run].setdefault("grids", set()).add(f"{kind}/{Path(path).name}")

        def log_artifacts(self, run, folder, name):
            kept[run]["report"] = (Path(folder) / "index.html").is_file() and name == "report"

        def get_metric_history(self, run, name):
            return [SimpleNamespace(step=step) for step, row in kept[run]["rows"].items() if name in row]

        def set_terminated(self, run, status):
            kept[run]["state"] = status

    module = ModuleType("mlflow")
    module.MlflowClient = Client
    module.get_tracking_uri, module.is_tracking_uri_set = (lambda: "nowhere"), (lambda: False)
    module.entities = ModuleType("mlflow.entities")
    module.entities.Metric = lambda key, value, _, step: SimpleNamespace(key=key, value=value, step=step)
    module.entities.Param = lambda key, value: SimpleNamespace(key=key, value=value)
    return module


def fake_wandb(kept: dict[str, dict]) -> ModuleType:
    """Like the server, it goes on with a run of the same id."""

    class Run:
        def __init__(self, id: str) -> None:
            self.kept = kept[id]
            self.step = max(self.kept["steps"], default=-1) + 1

        def log(self, row, step, commit):
            assert commit
            self.kept["steps"].append(step)
            numbers = {key: value for key, value in row.items() if isinstance(value, float)}
            self.kept["rows"][step] = numbers
            self.kept.setdefault("grids", set()).update(
                f"{kind}/{kind}-{step:08d}.png" for kind in row.keys() - numbers
            )

        def log_artifact(self, artifact):
            self.kept["report"] = artifact.complete

        def finish(self, exit_code=0):
            self.kept["state"] = exit_code

    class Artifact:
        def __init__(self, name, type):
            assert (name, type) == ("report-out", "report")

        complete = False

        def add_file(self, path, name):
            self.complete |= name == "index.html" and Path(path).is_file()

    def init(name, group, id="report", config=None, resume="allow", **_):
        assert resume == "allow"
        kept.setdefault(id, {"name": name, "group": group, "config": config, "steps": [], "rows": {}})
        return Run(id)

    module = ModuleType("wandb")
    module.init, module.Settings, module.Error = init, SimpleNamespace, type("Error", (Exception,), {})
    module.setup = lambda: SimpleNamespace(settings=SimpleNamespace(mode="online", base_url="https://wandb.test"))
    module.login = lambda **_: module.logged_in
    module.logged_in, module.Artifact, module.Image = True, Artifact, lambda image: image
    return module


@pytest.mark.parametrize(("name", "done"), [("mlflow", "FINISHED"), ("wandb", 0)])
def test_other_libraries_are_given_the_same_rows(bench_run, fake, tmp_path, name, done):
    command = ["--methods", "mmd,moco[temperature=0.5]", "--seeds", "1", "--log", name]
    assert bench_run(*command).stderr == ""
    for path in (tmp_path / "out" / name).rglob("*-s0-*"):  # as if it had been killed before it noted what it did
        path.unlink()
    assert bench_run(*command).exit_code == 0
    assert fake.pop("report")["report"] is True
    assert sorted(run["name"] for run in fake.values()) == ["mmd s0", "moco[temperature=0.5] s0"]
    by_method = {trial.trial().spec.method: trial for trial in trials(tmp_path / "out")}
    for run in fake.values():
        rows = scalars(by_method[run["config"]["method"]].rows())
        assert (run["state"], run["group"]) == (done, "out")
        assert run["steps"] == [*rows]
        assert run["rows"] == rows
        assert {f"{kind}/{kind}-{step:08d}.png" for kind in ("samples", "reconstructions") for step in rows} <= run[
            "grids"
        ]
        if "moco" in run["name"]:
            assert float(run["config"]["temperature"]) == 0.5
    assert bench_run(*command, "--force").exit_code == 0
    assert len(fake) == 2 + 2 + 1  # trained anew: other runs, and the report


@pytest.mark.usefixtures("fake")
def test_nobody_logged_in_is_refused_before_training(bench_run, tmp_path):
    sys.modules["wandb"].logged_in = False
    result = bench_run(*BENCH, "--log", "wandb")
    assert result.exit_code == 2
    expected = "error: --log wandb: you are not logged in; run wandb login, or set WANDB_MODE=offline\n"
    assert result.stderr == expected
    assert not (tmp_path / "out").exists()


def test_mlflow_itself(bench_run, tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="an optional extra: pip install -e '.[mlflow]'")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    assert bench_run(*BENCH, "--log", "mlflow").exit_code == 0
    (tmp_path / "out" / "mlflow" / ".logged" / trials(tmp_path / "out")[0].path.name).unlink()
    result = bench_run(*BENCH, "--log", "mlflow")
    assert result.stderr == ""
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path}/out/mlflow/mlflow.db")
    experiment = client.get_experiment_by_name("out")
    (run,) = client.search_runs([experiment.experiment_id], "tags.`wae_bench.training` != ''")
    (report,) = client.search_runs([experiment.experiment_id], "tags.`wae_bench.report` = 'yes'")
    assert "report/index.html" in [item.path for item in client.list_artifacts(report.info.run_id, "report")]
    assert client.list_artifacts(run.info.run_id, "samples")
    rows = scalars(trials(tmp_path / "out")[0].rows())
    for name in rows[8]:
        history = [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, name)]
        assert sorted(history) == [(step, row[name]) for step, row in rows.items() if name in row]
    assert (run.info.run_name, run.info.status) == ("mmd s0", "FINISHED")
    assert run.data.params["prior"] == "normal"


def test_wandb_itself_offline(bench_run, tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="an optional extra: pip install -e '.[wandb]'")
    monkeypatch.setenv("WANDB_MODE", "offline")
    result = bench_run(*BENCH, "--log", "wandb")
    assert result.stderr == ""
    assert len([*(tmp_path / "out" / "wandb").glob("offline-run-*/*.wandb")]) == 2  # the trial and the report
    assert [*(tmp_path / "out" / "wandb").glob("offline-run-*/files/media/images/samples*.png")]


def test_no_library_is_imported_where_none_is_asked_for():
    code = "import sys, bench.loggers; print([m for m in ('tensorboard', 'mlflow', 'wandb') if m in sys.modules])"
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_a_dry_run_logs_nothing(bench_run, tmp_path):
    assert bench_run(*BENCH, "--log", "tensorboard", "--dry-run").exit_code == 0
    assert not (tmp_path / "out").exists()
