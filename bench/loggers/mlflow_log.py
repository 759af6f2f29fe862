"""MLflow: its configured tracking server (MLFLOW_TRACKING_URI), else a database in <out>/mlflow/.

`mlflow ui --backend-store-uri sqlite:///<out>/mlflow/mlflow.db` shows the database.
"""

import logging
import os
import time
from pathlib import Path

# Give up on a dead server within seconds, not minutes; it is tried again at the trial's next row.
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")  # seconds

import mlflow  # pyright: ignore[reportMissingImports]  # an optional extra
from mlflow import MlflowClient  # pyright: ignore[reportMissingImports]
from mlflow.entities import Metric, Param  # pyright: ignore[reportMissingImports]

from bench.io.files import make_folder
from bench.loggers.base import LoggedTrial
from bench.store.states import State

STATUS = {State.done: "FINISHED", State.stopped: "FINISHED", State.running: "KILLED"}  # others: FAILED
BATCH = 1000  # what a server takes in one request


def check() -> None:
    """Accept: nothing but the library is needed."""


class Logger:
    """A tracking server or a local database, with one MLflow experiment for the experiment's folder."""

    def __init__(self, folder: Path) -> None:
        logging.getLogger("mlflow").setLevel(logging.WARNING)  # it logs how it creates its database
        logging.getLogger("alembic").setLevel(logging.WARNING)
        self.where = mlflow.get_tracking_uri() if mlflow.is_tracking_uri_set() else ""
        artifacts = None
        if not self.where:
            make_folder(folder / "mlflow")
            artifacts = (folder / "mlflow" / "artifacts").as_uri()
        self.client = MlflowClient(self.where or f"sqlite:///{folder / 'mlflow' / 'mlflow.db'}")
        found = self.client.get_experiment_by_name(folder.name)
        self.experiment = found.experiment_id if found else self.client.create_experiment(folder.name, artifacts)

    def open(self, trial: LoggedTrial) -> "Run":
        """Continue the run of this training if there is one, else create it."""
        tag = "wae_bench.training"
        found = self.client.search_runs([self.experiment], f"tags.`{tag}` = '{trial.id}'", max_results=1)
        if found:
            run = found[0].info.run_id
            self.client.update_run(run, status="RUNNING")
        else:
            tags = {tag: trial.id, "wae_bench.trial": trial.folder}
            run = self.client.create_run(self.experiment, tags=tags, run_name=trial.name).info.run_id
            parameters = [Param(name, str(value)) for name, value in trial.parameters.items()]
            self.client.log_batch(run, params=parameters)
        return Run(self.client, run)


class Run:
    """One trial's run, found by its tag."""

    def __init__(self, client: MlflowClient, run: str) -> None:
        self.client, self.run = client, run
        # train_seconds is in every row, and is sent with its last request.
        self.last = max((metric.step for metric in client.get_metric_history(run, "train_seconds")), default=-1)

    def log(self, step: int, row: dict[str, float]) -> None:
        """Send the numbers of a row."""
        now = int(time.time() * 1000)
        names = sorted(row, key=lambda name: name == "train_seconds")
        metrics = [Metric(name, row[name], now, step) for name in names]
        for start in range(0, len(metrics), BATCH):
            self.client.log_batch(self.run, metrics=metrics[start : start + BATCH])

    def end(self, state: State) -> None:
        """Set the run's status."""
        self.client.set_terminated(self.run, STATUS.get(state, "FAILED"))
