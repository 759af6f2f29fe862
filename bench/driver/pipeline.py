"""One command, from the resolved experiment to the report. Imports torch; bench.run imports this when it is needed."""

import importlib
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.data import datasets, preparation
from bench.data.datasets import Request
from bench.data.prepared import in_use
from bench.driver import preflight
from bench.driver.options import Options
from bench.driver.progress import Progress
from bench.driver.resume import Action, action, describe, mend, refuse_other_protocol
from bench.errors import RunError
from bench.evaluation import extractors
from bench.evaluation.feature_network import load_extractor
from bench.executors.base import Context, Inputs, Resources, check_machine
from bench.experiment.plugins import Packaged, Plugin
from bench.experiment.settings import Evaluation, Experiment, Training
from bench.experiment.trials import Trial, plan
from bench.experiment.variants import Variant
from bench.io.files import shown
from bench.io.object_store import redacted
from bench.loggers import following
from bench.runtime.environment import git_state
from bench.store.folders import FINAL, LOST, ExperimentFolder, TrialFolder
from bench.store.lock import alone, refuse_other_storage
from bench.training.events import Event, OnEvent


@dataclass(frozen=True)
class Run:
    """One command, from the resolved experiment to the report."""

    experiment: Experiment
    variants: list[Variant]
    request: Request
    options: Options
    resources: Resources
    plugins: tuple[Plugin | Packaged, ...]
    first_seed: int = 0
    # Why trials failed, by their ids: where a full disk keeps it from being noted, only this says so.
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many trials there are."""
        return len(self.variants) * self.experiment.seeds

    @property
    def folder(self) -> ExperimentFolder:
        return ExperimentFolder(self.options.out, self.options.storage)

    def dry(self) -> None:
        """Print trials and estimates; prepare, train and write nothing."""
        from bench.driver import estimate

        self._check_machine()
        for folder in (self.options.out, self.request.prepared):
            preflight.can_be_a_folder(folder)
        evaluation, _, _ = self._extractor(download=False)
        found = preparation.locate(self.request)
        if found is None:
            datasets.refuse_missing(self.request.name, self.request.root)
            print(f"{self.request.name} is not under {self.request.root}; a run would download it, if it can")
        experiment = self._resolved(evaluation, found is None or found.labelled)
        if found:
            preflight.enough_images(experiment, found.counts)
        self._say_precision(experiment)
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

    def foresee(self) -> "Run":
        """Refuse what this run would be refused for later; the run with its extractor chosen, if it can be now."""
        evaluation, _, _ = self._extractor(download=False)
        found = preparation.locate(self.request)
        if found is None:
            return self
        experiment = self._resolved(evaluation, found.labelled)
        preflight.enough_images(experiment, found.counts)
        refuse_other_protocol(self.folder, self._planned(experiment, found.fingerprint)[0])
        return replace(self, experiment=experiment)

    def wet(self) -> None:
        """Prepare, train what is missing, report. Exit status 1 where a trial diverged or failed, 130 on Ctrl-C."""
        with self.session(self.size):
            self.conclude(self.train())

    @contextmanager
    def session(self, trials: int) -> Iterator[None]:
        """Ask before very many `trials`, then hold the folder alone; Ctrl-C ends it with what to do next."""
        importlib.import_module("bench.reporting.build")  # what it lacks is found now, not after days of training
        self._check_machine()
        preflight.confirm(trials, self.options.yes)
        try:
            with alone(self.folder):
                refuse_other_storage(self.folder)
                self.folder.pull()
                yield
        except KeyboardInterrupt:
            age = f"its last checkpoint (at most about {self.options.checkpoint_seconds:g} s old)"
            print(f"\ninterrupted; each trial goes on from {age}. To go on: {_command()}", file=sys.stderr)
            raise SystemExit(130) from None

    def _check_machine(self) -> None:
        """Refuse what no trial could be given, before anything is waited for."""
        if self.options.executor == "ray" and not self.resources.address:
            check_machine(self.resources)  # without Ray, which takes seconds to import and to start
        else:
            self._executor().check(self.resources)

    def train(self) -> list[Trial]:
        """Prepare the data and train what is missing; all trials, also those that were done already."""
        self._training()  # may be refused: before images are prepared for hours
        evaluation, stored, weights = self._extractor(download=True)
        prepared = preparation.prepare(self.request)
        experiment = self._resolved(evaluation, bool(prepared.classes))
        preflight.enough_images(experiment, prepared.counts)
        self._say_precision(experiment)
        trials = self._planned(experiment, prepared.fingerprint)
        refuse_other_protocol(self.folder, trials[0])
        features = prepared.features(otherwise=self.folder.extractor)
        noted = self.folder.description().get("protocol", {}).get("extractor_sha256")
        extractor_sha256 = extractors.ensure(
            self.folder.extractor, features, prepared, experiment.evaluation, stored, weights, noted
        )
        describe(self.folder, trials, experiment.seeds, _command(), extractor_sha256, len(prepared.skipped))
        self.folder.push()
        todo = self._todo(trials)
        print(f"{len(trials)} trials, {len(todo)} to train", flush=True)
        with following(self.options.log, self.folder, trials, todo) as log:
            if todo:
                inputs = Inputs(prepared.folder, features.path, self.folder.extractor.path, weights)
                context = self._context(inputs, extractor_sha256)
                with in_use(prepared):
                    self._execute(todo, context, log)
        self.folder.pull("trials")
        self._note_failed(trials)
        return trials

    def _todo(self, trials: list[Trial]) -> list[Trial]:
        """Those to train, after mending or forgetting what must be; says what is damaged, and what is left out."""
        for warning in (line for trial in trials for line in mend(trial, self.folder)):
            print(f"warning: {warning}", file=sys.stderr)
        actions = self._actions(trials)
        for trial in trials:
            if actions[trial.id] is Action.retrain:
                self.folder.reset(trial.name)
        stale = sum(each is Action.stale for each in actions.values())
        if stale:
            changed = "their method's source has changed, or the project itself since they were begun"
            print(f"{stale} trials are stale: {changed}; --retrain-stale trains them again")
        lost = sum(each is Action.lost for each in actions.values())
        if lost:
            print(f"{lost} trials failed or diverged before; --retry-failed runs them again")
        todo = [trial for trial in trials if actions[trial.id].runs]
        for trial in todo:
            folder = self.folder.trial(trial.name)
            # A run that was killed may have left a checkpoint, but no rows yet; that is no damage.
            damaged = folder.exists("history.parquet") and folder.rows_damaged()
            if actions[trial.id] is Action.resume and damaged:
                rows = f"{trial.name}/history.parquet is damaged"
                print(f"warning: {rows}; it is written again from the checkpoint", file=sys.stderr)
        return todo

    def conclude(self, trials: list[Trial]) -> None:
        """Report; exit status 1 where one of `trials` diverged or failed."""
        from bench.reporting import build  # not at the top: with it comes pandas, which a dry run does without

        try:
            if self.folder.trials():  # on a full disk none may have begun
                build.print_tables(build.build(self.folder))
                print(f"report: {shown(self.folder.report / 'index.html')}")
            self.folder.push(report=True)
        except RunError:
            self._tell_lost(trials)
            raise
        if self._tell_lost(trials):
            raise SystemExit(1)

    def _tell_lost(self, trials: list[Trial]) -> bool:
        """Whether one of `trials` diverged or failed, after saying why."""
        lost = [(trial, status) for trial in trials if (status := self._status(trial))["state"] in LOST]
        if lost:
            print("the same command with --retry-failed runs again what failed or diverged", file=sys.stderr)
        if any(self.folder.trial(trial.name).whole("error.txt") for trial, _ in lost):
            print("the tracebacks of failed trials are in their folders, as error.txt", file=sys.stderr)
        for trial, status in lost:
            said = f"{trial.label} seed {trial.spec['seed']} {status['state']}: {status['reason']}"
            print(f"error: {said}", file=sys.stderr)
        return bool(lost)

    def _note_failed(self, trials: list[Trial]) -> None:
        """Note here why trials failed whose own worker could not: it was lost, or its storage failed."""
        for trial in trials:
            if self._unnoted(trial):
                for place in dict.fromkeys((self.folder.trained, self.folder.path / "trials")):
                    with suppress(RunError):  # a disk that is still full; `_status` knows it all the same
                        TrialFolder(place / trial.name).fail(trial.document, self.failed[trial.id])

    def _unnoted(self, trial: Trial) -> bool:
        state = self.folder.trial(trial.name).status()["state"]
        return trial.id in self.failed and state not in (*FINAL, *LOST)

    def _status(self, trial: Trial) -> dict[str, Any]:
        if self._unnoted(trial):
            return {"state": "failed", "reason": self.failed[trial.id]}
        return self.folder.trial(trial.name).status()

    def _planned(self, experiment: Experiment, fingerprint: str) -> list[Trial]:
        return plan(experiment, self.variants, fingerprint, self.resources.cpus, self.first_seed)

    def _actions(self, trials: list[Trial]) -> dict[str, Action]:
        options = self.options
        asked = (options.force, options.retrain_stale, options.retry_failed)
        return {trial.id: action(trial, self.folder, *asked) for trial in trials}

    def _extractor(self, download: bool) -> tuple[Evaluation, bytes | None, Path | None]:
        """How images are compared, as far as it can be said without them; a stored extractor; Inception's weights.

        What the experiment has already goes before what "auto" would find now.
        """
        evaluation = self.experiment.evaluation
        stored = extractors.stored_extractor(self.options.extractor)
        before = self._before("evaluation").get("extractor")
        chosen = load_extractor(stored).name if stored else before
        if evaluation.extractor == "auto" and chosen:
            evaluation = evaluation.model_copy(update={"extractor": chosen})
        channels, given = self.experiment.preprocessing.channels, self.options.inception_weights
        evaluation, weights = extractors.inception_weights(evaluation, channels, given, download)
        return evaluation, stored, weights

    def _resolved(self, evaluation: Evaluation, labelled: bool) -> Experiment:
        evaluation = extractors.with_extractor(evaluation, self.experiment.dataset, labelled)
        return self.experiment.model_copy(update={"evaluation": evaluation, "training": self._training()})

    def _training(self) -> Training:
        return preflight.with_precision(self.experiment, self._before("training").get("precision"), self.resources)

    def _say_precision(self, experiment: Experiment) -> None:
        if experiment.training.precision == "bf16" and self.experiment.training.precision == "auto":
            print("networks compute in bf16, as the processor can; --set training.precision=fp32 for float32")

    def _before(self, section: str) -> dict[str, Any]:
        """What the experiment's protocol says in this section; nothing where there is none yet."""
        return self.folder.description().get("protocol", {}).get(section, {})

    def _context(self, inputs: Inputs, extractor_sha256: str) -> Context:
        seconds, eager = self.options.checkpoint_seconds, self.options.eager
        return Context(self.folder.trained, inputs, extractor_sha256, self.plugins, seconds, eager, git_state())

    def _execute(self, todo: list[Trial], context: Context, log: OnEvent) -> None:
        if self.options.executor == "ray":
            print("starting Ray and its workers: 10 to 30 seconds", flush=True)
        with Progress(todo) as progress:

            def tell(trial: str, event: Event) -> None:
                if event["kind"] == "end" and event["state"] == "failed":
                    self.failed[trial] = event["reason"]
                progress(trial, event)
                log(trial, event)

            self._executor().run(todo, context, self.resources, tell)

    def _executor(self) -> Any:
        return importlib.import_module(f"bench.executors.{self.options.executor}")  # ray only where it is used

    def _at_once(self, todo: int) -> int:
        if self.options.executor == "serial":
            return 1
        return max(1, min((os.cpu_count() or 1) // self.resources.cpus, self.resources.max_concurrent or todo))


def _command() -> str:
    return shlex.join(["python", "-m", "bench.run", *map(redacted, sys.argv[1:])])
