"""One command, from the resolved experiment to the report. Imports torch; bench.run imports this when it is needed."""

import importlib
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from bench import data, report
from bench.config import Experiment
from bench.environment import git_state
from bench.errors import RunError, UserError, reason
from bench.estimate import trial_seconds
from bench.evaluation import reference
from bench.executors import Context, Resources
from bench.experiment import Action, action, describe, refuse_other_protocol
from bench.files import make_folder
from bench.plugins import Plugin
from bench.progress import Progress
from bench.store import ExperimentFolder
from bench.trials import Trial, plan
from bench.variants import Variant


@dataclass(frozen=True)
class Options:
    """How to run, none of which changes a result."""

    out: Path
    data_root: Path
    executor: str
    extractor: Path | None
    checkpoint_seconds: float
    force: bool
    retrain_stale: bool


@dataclass(frozen=True)
class Run:
    """One command, from the resolved experiment to the report."""

    experiment: Experiment
    variants: list[Variant]
    options: Options
    resources: Resources
    plugins: tuple[Plugin, ...]

    @property
    def folder(self) -> ExperimentFolder:
        return ExperimentFolder(self.options.out)

    def dry(self) -> None:
        """Print trials and estimates; prepare, train and write nothing."""
        fingerprint = data.locate(self.experiment.dataset, self.options.data_root)
        if fingerprint is None:
            print(f"{self.experiment.dataset} is not under {self.options.data_root}; a run would download it")
        trials = self._planned(fingerprint or "unknown")
        if fingerprint:
            refuse_other_protocol(self.folder, trials[0])
        actions = self._actions(trials)
        for trial in trials:
            print(f"{trial.id}  {trial.label} seed {trial.spec['seed']}: {actions[trial.id]}")
        todo = [trial for trial in trials if actions[trial.id].runs]
        seconds = {label: trial_seconds(trial) for label, trial in {t.label: t for t in todo}.items()}
        total = sum(seconds[trial.label] for trial in todo)
        at_once = self._at_once(len(todo))
        print(f"{len(trials)} trials, {len(todo)} to train, {at_once} at a time on this machine's CPUs")
        minutes = total / max(at_once, 1) / 60
        print(f"about {minutes:.1f} minutes, from timed steps and evaluations; preparing data and Ray come on top")

    def wet(self) -> None:
        """Prepare, train what is missing, report. Exit status 1 where a trial diverged or failed, 130 on Ctrl-C."""
        make_folder(self.folder.path)
        try:
            with FileLock(self.folder.lock, timeout=0):
                self._run()
        except Timeout:
            message = f"another run is writing to {_shown(self.options.out)}; wait for it, or choose another --out"
            raise RunError(message) from None
        except KeyboardInterrupt:
            age = f"its last checkpoint (at most about {self.options.checkpoint_seconds:g} s old)"
            print(f"\ninterrupted; each trial goes on from {age}. To go on: {_command()}", file=sys.stderr)
            raise SystemExit(130) from None

    def _run(self) -> None:
        prepared = data.prepare(self.experiment.dataset, self.options.data_root)
        trials = self._planned(prepared.fingerprint)
        refuse_other_protocol(self.folder, trials[0])
        extractor_sha256 = self._ensure_extractor(prepared)
        describe(self.folder, trials, self.experiment.seeds, _command(), extractor_sha256)
        actions = self._actions(trials)
        for trial in trials:
            if actions[trial.id] is Action.retrain:
                self.folder.trial(trial.name).reset()
        stale = sum(each is Action.stale for each in actions.values())
        if stale:
            print(f"{stale} trials are stale: their method's source has changed; --retrain-stale trains them again")
        todo = [trial for trial in trials if actions[trial.id].runs]
        print(f"{len(trials)} trials, {len(todo)} to train", flush=True)
        if todo:
            self._execute(todo, prepared.folder)
        report.print_table(*report.build(self.folder))
        print(f"report: {_shown(self.folder.report / 'index.html')}")
        _exit_for([(trial, self.folder.trial(trial.name).status()) for trial in trials])

    def _planned(self, fingerprint: str) -> list[Trial]:
        return plan(self.experiment, self.variants, fingerprint, self.resources.cpus)

    def _actions(self, trials: list[Trial]) -> dict[str, Action]:
        options = self.options
        return {t.id: action(t, self.folder, options.force, options.retrain_stale) for t in trials}

    def _ensure_extractor(self, prepared: data.Prepared) -> str:
        stored = None
        if self.options.extractor:
            try:
                stored = self.options.extractor.read_bytes()
            except OSError as error:
                raise UserError(f"cannot read the extractor {self.options.extractor}: {reason(error)}") from None
        noted = self.folder.description().get("protocol", {}).get("extractor_sha256")
        return reference.ensure(self.folder.extractor, prepared, self.experiment.evaluation, stored, noted).sha256

    def _execute(self, todo: list[Trial], prepared: Path) -> None:
        executor = importlib.import_module(f"bench.executors.{self.options.executor}")  # ray only where it is used
        context = Context(self.options.out, prepared, self.plugins, self.options.checkpoint_seconds, git_state())
        if self.options.executor == "ray":
            print("starting Ray and its workers: 10 to 30 seconds", flush=True)
        with Progress(todo) as progress:
            executor.run(todo, context, self.resources, progress)

    def _at_once(self, todo: int) -> int:
        if self.options.executor == "serial":
            return 1
        return max(1, min((os.cpu_count() or 1) // self.resources.cpus, self.resources.max_concurrent or todo))


def _exit_for(statuses: list[tuple[Trial, dict[str, Any]]]) -> None:
    bad = [(trial, status) for trial, status in statuses if status["state"] in ("diverged", "failed")]
    for trial, status in bad:
        print(f"{trial.label} seed {trial.spec['seed']} {status['state']}: {status['reason']}", file=sys.stderr)
    if any(status["state"] == "failed" for _, status in bad):
        print("the tracebacks of failed trials are in their folders, as error.txt", file=sys.stderr)
    if bad:
        raise SystemExit(1)


def _command() -> str:
    return shlex.join(["python", "-m", "bench.run", *sys.argv[1:]])


def _shown(path: Path) -> str:
    """Relative to the working directory, where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)
