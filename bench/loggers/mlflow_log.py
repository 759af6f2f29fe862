"""MLflow: the configured tracking server (MLFLOW_TRACKING_URI), else a database in <out>/mlflow/.

To view the database: `mlflow ui --backend-store-uri sqlite:///<out>/mlflow/mlflow.db`.
"""

import logging
import os
import tempfile
import time
from pathlib import Path

# Give up on an unreachable server within seconds, not minutes. Logging is retried at the trial's next row.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")  # seconds

import mlflow  # pyright: ignore[reportMissingImports]  # an optional extra
from mlflow import MlflowClient  # pyright: ignore[reportMissingImports]
from mlflow.entities import Metric, Param  # pyright: ignore[reportMissingImports]

from bench.io.files import make_folder
from bench.loggers.base import LoggedTrial
from bench.store.states import State

STATUS = {State.done: "FINISHED", State.stopped: "FINISHED", State.running: "KILLED"}  # others: FAILED
BATCH = 1000  # metrics per request, the maximum that servers accept


def check() -> None:
    """Do nothing: the library needs no further setup."""


class Logger:
    """A tracking server or a local database, with one MLflow experiment for the experiment's folder."""

    def __init__(self, folder: Path) -> None:
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # hides the messages about creating the database
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.where = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else ""
        artifacts = None
        if not self.where:
            make_folder(folder / "mlflow")
            artifacts = (folder / "mlflow" / "artifacts").as_uri()
        self.client = MlflowClient(self.where or f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}")
        existing = self.client.get_experiment_by_name(folder.name)
        self.experiment = existing.experiment_id if existing else self.client.create_experiment(folder.name, artifacts)

    def open(self, trial: LoggedTrial) -> "Run":
        """Continue the run of this training if it exists, else create it."""
        tag = "wae_bench.training"
        runs = self.client.search_runs([self.experiment], f"tags.`{tag}` = '{trial.id}'", max_results=1)
        if runs:
            run = runs[0].info.run_id
            self.client.update_run(run, status="RUNNING")
        else:
            tags = {tag: trial.id, "wae_bench.trial": trial.folder}
            run = self.client.create_run(self.experiment, tags=tags, run_name=trial.name).info.run_id
            parameters = [Param(name, str(value)) for name, value in trial.parameters.items()]
            self.client.log_batch(run, params=parameters)
        return Run(self.client, run)

    def report(self, folder: Path) -> None:
        """Keep the report as artifacts of a run named report."""
        tag = "wae_bench.report"
        runs = self.client.search_runs([self.experiment], f"tags.`{tag}` = 'yes'", max_results=1)
        run = runs[0] if runs else self.client.create_run(self.experiment, tags={tag: "yes"}, run_name="report")
        self.client.log_artifacts(run.info.run_id, str(folder), "report")
        self.client.set_terminated(run.info.run_id, "FINISHED")


class Run:
    """One trial's run, found by its tag."""

    def __init__(self, client: MlflowClient, run: str) -> None:
        self.client, self.run = client, run
        # train_seconds is in every row and is sent last, so a row that has it is complete.
        self.last = max((metric.step for metric in client.get_metric_history(run, "train_seconds")), default=-1)

    def log(self, step: int, row: dict[str, float], grids: dict[str, bytes]) -> None:
        """Send the grids and the numbers of a row."""
        with tempfile.TemporaryDirectory() as folder:
            for kind, png in grids.items():
                path = Path(folder) / f"{kind}-{step:08d}.png"
                path.write_bytes(png)
                self.client.log_artifact(self.run, str(path), kind)
        now = int(time.time() * 1000)
        names = sorted(row, key=lambda name: name == "train_seconds")
        metrics = [Metric(name, row[name], now, step) for name in names]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(self.run, metrics=metrics[start : start + BATCH])

    def end(self, state: State) -> None:
        """Set the run's status."""
        self.client.set_terminated(self.run, STATUS.get(state, "FAILED"))
