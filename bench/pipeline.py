"""One command, from the resolved experiment to the report. Imports torch; bench.run imports this when it is needed."""

import importlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench import checks, data, datasets, estimate, report
from bench.config import Experiment
from bench.environment import git_state
from bench.errors import RunError
from bench.evaluation import reference
from bench.executors import Context, Resources
from bench.experiment import Action, action, describe, refuse_other_protocol
from bench.files import make_folder, writing
from bench.plugins import Plugin
from bench.preparation import Request
from bench.progress import Progress
from bench.store import ExperimentFolder
from bench.trials import Trial, plan
from bench.variants import Variant


@dataclass(frozen=True)
class Options:
    """How to run, none of which changes a result."""

    out: Path
    executor: str
    extractor: Path | None
    checkpoint_seconds: float
    force: bool
    retrain_stale: bool
    yes: bool


@dataclass(frozen=True)
class Run:
    """One command, from the resolved experiment to the report."""

    experiment: Experiment
    variants: list[Variant]
    request: Request
    options: Options
    resources: Resources
    plugins: tuple[Plugin, ...]

    @property
    def folder(self) -> ExperimentFolder:
        return ExperimentFolder(self.options.out)

    def dry(self) -> None:
        """Print trials and estimates; prepare, train and write nothing."""
        self._check_machine()
        checks.stored_extractor(self.options.extractor)
        for folder in (self.options.out, self.request.prepared):
            checks.can_be_a_folder(folder)
        found = data.locate(self.request)
        if found is None:
            datasets.refuse_missing(self.request.name, self.request.root)
            print(f"{self.request.name} is not under {self.request.root}; a run would download it, if it can")
        else:
            checks.enough_images(self.experiment, found.counts)
        experiment = checks.with_extractor(self.experiment, found is None or found.labelled)
        trials = self._planned(experiment, found.fingerprint if found else "unknown")
        if found:
            refuse_other_protocol(self.folder, trials[0])
        actions = self._actions(trials)
        for trial in trials:
            print(f"{trial.id}  {trial.label} seed {trial.spec['seed']}: {actions[trial.id]}")
        todo = [trial for trial in trials if actions[trial.id].runs]
        at_once = self._at_once(len(todo))
        print(f"{len(trials)} trials, {len(todo)} to train, {at_once} at a time on this machine's CPUs")
        for line in estimate.lines(experiment, todo, found, self.folder, at_once, self.options.executor):
            print(line)

    def wet(self) -> None:
        """Prepare, train what is missing, report. Exit status 1 where a trial diverged or failed, 130 on Ctrl-C."""
        self._check_machine()
        checks.confirm(len(self.variants) * self.experiment.seeds, self.options.yes)
        try:
            with self._alone():
                self._run()
        except KeyboardInterrupt:
            age = f"its last checkpoint (at most about {self.options.checkpoint_seconds:g} s old)"
            print(f"\ninterrupted; each trial goes on from {age}. To go on: {_command()}", file=sys.stderr)
            raise SystemExit(130) from None

    def _check_machine(self) -> None:
        """Refuse what no trial could be given, before anything is waited for."""
        self._executor().check(self.resources)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the experiment's lock; where nothing has come of it, leave no folder behind."""
        existed = self.folder.path.exists()
        make_folder(self.folder.path)
        lock = FileLock(self.folder.lock)
        try:
            with writing(self.folder.lock):
                lock.acquire(timeout=0)
        except Timeout:
            message = f"another run is writing to {_shown(self.options.out)}; wait for it, or choose another --out"
            raise RunError(message) from None
        try:
            yield
        finally:
            lock.release()
            if not existed and {path.name for path in self.folder.path.iterdir()} <= {".lock"}:
                shutil.rmtree(self.folder.path)

    def _run(self) -> None:
        stored = checks.stored_extractor(self.options.extractor)
        prepared = data.prepare(self.request)
        checks.enough_images(self.experiment, prepared.counts)
        experiment = checks.with_extractor(self.experiment, bool(prepared.classes))
        trials = self._planned(experiment, prepared.fingerprint)
        refuse_other_protocol(self.folder, trials[0])
        extractor_sha256 = self._ensure_extractor(prepared, experiment, stored)
        describe(self.folder, trials, experiment.seeds, _command(), extractor_sha256, len(prepared.skipped))
        actions = self._actions(trials)
        for trial in trials:
            if actions[trial.id] is Action.retrain:
                self.folder.trial(trial.name).reset()
        stale = sum(each is Action.stale for each in actions.values())
        if stale:
            print(f"{stale} trials are stale: their method's source has changed; --retrain-stale trains them again")
        todo = [trial for trial in trials if actions[trial.id].runs]
        for trial in todo:
            if actions[trial.id] is Action.resume and self.folder.trial(trial.name).rows_damaged():
                lost = f"{trial.name}/history.parquet is damaged"
                print(f"warning: {lost}; it is written again from the checkpoint", file=sys.stderr)
        print(f"{len(trials)} trials, {len(todo)} to train", flush=True)
        if todo:
            with data.in_use(prepared):
                self._execute(todo, prepared.folder)
        report.print_table(*report.build(self.folder))
        print(f"report: {_shown(self.folder.report / 'index.html')}")
        _exit_for(self.folder, [(trial, self.folder.trial(trial.name).status()) for trial in trials])

    def _planned(self, experiment: Experiment, fingerprint: str) -> list[Trial]:
        return plan(experiment, self.variants, fingerprint, self.resources.cpus)

    def _actions(self, trials: list[Trial]) -> dict[str, Action]:
        options = self.options
        return {t.id: action(t, self.folder, options.force, options.retrain_stale) for t in trials}

    def _ensure_extractor(self, prepared: data.Prepared, experiment: Experiment, stored: bytes | None) -> str:
        noted = self.folder.description().get("protocol", {}).get("extractor_sha256")
        return reference.ensure(self.folder.extractor, prepared, experiment.evaluation, stored, noted).sha256

    def _execute(self, todo: list[Trial], prepared: Path) -> None:
        context = Context(self.options.out, prepared, self.plugins, self.options.checkpoint_seconds, git_state())
        if self.options.executor == "ray":
            print("starting Ray and its workers: 10 to 30 seconds", flush=True)
        with Progress(todo) as progress:
            self._executor().run(todo, context, self.resources, progress)

    def _executor(self) -> Any:
        return importlib.import_module(f"bench.executors.{self.options.executor}")  # ray only where it is used

    def _at_once(self, todo: int) -> int:
        if self.options.executor == "serial":
            return 1
        return max(1, min((os.cpu_count() or 1) // self.resources.cpus, self.resources.max_concurrent or todo))


def _exit_for(folder: ExperimentFolder, statuses: list[tuple[Trial, dict[str, Any]]]) -> None:
    bad = [(trial, status) for trial, status in statuses if status["state"] in ("diverged", "failed")]
    if any(folder.trial(trial.name).exists("error.txt") for trial, _ in bad):
        print("the tracebacks of failed trials are in their folders, as error.txt", file=sys.stderr)
    for trial, status in bad:
        print(f"error: {trial.label} seed {trial.spec['seed']} {status['state']}: {status['reason']}", file=sys.stderr)
    if bad:
        raise SystemExit(1)


def _command() -> str:
    return shlex.join(["python", "-m", "bench.run", *sys.argv[1:]])


def _shown(path: Path) -> str:
    """Relative to the working directory, where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
