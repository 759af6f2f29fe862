"""One command, from the resolved experiment to the report. It imports torch, so bench.run imports it late."""

import importlib
import os
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from types import ModuleType

from bench.data import datasets, preparation
from bench.data.datasets import Request
from bench.data.prepared import Prepared, in_use
from bench.driver import preflight
from bench.driver.endings import Endings
from bench.driver.options import Options
from bench.driver.progress import Progress
from bench.driver.resume import Action, Retraining, action, describe, mend, refuse_other_protocol
from bench.errors import RunError, warn
from bench.evaluation import extractor_choice, extractors
from bench.evaluation.feature_network import load_extractor
from bench.executors.base import Context, Inputs, Resources, check_machine
from bench.experiment.plugins import Packaged, Plugin
from bench.experiment.settings import Evaluation, Experiment, Training
from bench.experiment.specification import Trial
from bench.experiment.trials import plan
from bench.experiment.variants import Variant
from bench.io.files import display_path
from bench.io.object_store import redact
from bench.loggers.follower import following
from bench.runtime.environment import git_state
from bench.store.documents import ExperimentProtocol, Git
from bench.store.folders import ExperimentFolder
from bench.store.lock import locked, refuse_other_storage
from bench.training.events import Event, OnEvent


@dataclass(frozen=True)
class Trained:
    """The trials of a run, those included that were done before, and how they ended."""

    trials: list[Trial]
    endings: Endings


@dataclass(frozen=True)
class ExtractorChoice:
    """How images are compared.

    Attributes:
        evaluation: the protocol; its extractor may still be "auto" if only the data can decide.
        stored: a trained extractor that the user named.
        weights: the file of Inception's weights, if the extractor is FID's.
    """

    evaluation: Evaluation
    stored: bytes | None
    weights: Path | None


@dataclass(frozen=True)
class Pipeline:
    """One command. first_seed: variants are trained with seeds first_seed, first_seed + 1, ..."""

    experiment: Experiment
    variants: list[Variant]
    request: Request
    options: Options
    resources: Resources
    plugins: tuple[Plugin | Packaged, ...]
    first_seed: int = 0

    @property
    def size(self) -> int:
        """The number of trials."""
        return len(self.variants) * self.experiment.seeds

    @cached_property
    def folder(self) -> ExperimentFolder:
        """The experiment's folder."""
        return ExperimentFolder(self.options.out, self.options.storage)

    def dry_run(self) -> None:
        """Print trials and estimates. Nothing is prepared, trained or written."""
        from bench.driver import estimate

        self._check_machine()
        for folder in (self.options.out, self.request.prepared):
            preflight.check_folder_path(folder)
        choice = self._choose_extractor(download=False)
        images = preparation.locate(self.request)
        if images is None:
            datasets.refuse_missing(self.request.name, self.request.root)
            print(f"{self.request.name} is not under {self.request.root}; a run would download it, if it can")
        experiment = self._resolve(choice.evaluation, images is None or images.labelled)
        if images:
            preflight.check_image_counts(experiment, images.counts)
        self._report_precision(experiment)
        trials = self._plan(experiment, images.fingerprint if images else "unknown")
        if images:
            refuse_other_protocol(self.folder, trials[0])
        actions = self._actions(trials)
        for trial in trials:
            print(f"{trial.id}  {trial}: {actions[trial.id]}")
        todo = [trial for trial in trials if actions[trial.id].runs]
        at_once = self._at_once(len(todo))
        print(f"{len(trials)} trials, {len(todo)} to train, {at_once} at a time on this machine's CPUs")
        for line in estimate.lines(experiment, todo, images, self.folder, at_once, self.options.executor):
            print(line)

    def foresee(self) -> "Pipeline":
        """Refuse now what this run would refuse later; returns the run with its extractor chosen, if possible."""
        choice = self._choose_extractor(download=False)
        images = preparation.locate(self.request)
        if images is None:
            return self
        experiment = self._resolve(choice.evaluation, images.labelled)
        preflight.check_image_counts(experiment, images.counts)
        refuse_other_protocol(self.folder, self._plan(experiment, images.fingerprint)[0])
        return replace(self, experiment=experiment)

    def run(self) -> None:
        """Prepare, train what is missing, and report. Exit status 1 if a trial diverged or failed, 130 on Ctrl-C."""
        with self.session(self.size):
            self.conclude(self.train())

    @contextmanager
    def session(self, trials: int) -> Iterator[None]:
        """Confirm a very large number of `trials`, then lock the folder. On Ctrl-C, print how to continue."""
        importlib.import_module("bench.reporting.build")  # a missing library is found now, not after days of training
        self._check_machine()
        preflight.confirm(trials, self.options.yes)
        try:
            with locked(self.folder):
                refuse_other_storage(self.folder)
                self.folder.pull()
                yield
        except KeyboardInterrupt:
            age = f"its last checkpoint (at most about {self.options.checkpoint_seconds:g} s old)"
            print(f"\ninterrupted; each trial goes on from {age}. To go on: {_command()}", file=sys.stderr)
            raise SystemExit(130) from None

    def train(self) -> Trained:
        """Prepare the data and train what is missing."""
        self._resolve_training()  # may be refused: do it before images are prepared for hours
        choice = self._choose_extractor(download=True)
        prepared = preparation.prepare(self.request)
        experiment = self._resolve(choice.evaluation, bool(prepared.classes))
        preflight.check_image_counts(experiment, prepared.counts)
        self._report_precision(experiment)
        trials = self._plan(experiment, prepared.fingerprint)
        refuse_other_protocol(self.folder, trials[0])
        context = self._context(experiment, prepared, choice)
        skipped = len(prepared.skipped)
        describe(self.folder, trials, experiment.seeds, _command(), context.extractor_sha256, skipped)
        self.folder.push()
        todo, endings = self._todo(trials), Endings(self.folder)
        print(f"{len(trials)} trials, {len(todo)} to train", flush=True)
        with following(self.options.log, self.folder, trials, todo) as log:
            if todo:
                with in_use(prepared):
                    self._execute(todo, context, endings, log)
        self.folder.pull("trials")
        endings.record_rest(trials)
        return Trained(trials, endings)

    def conclude(self, trained: Trained) -> None:
        """Report. Exit status 1 if a trial diverged or failed."""
        from bench.reporting import build  # imported late: it imports pandas, which a dry run does not need

        try:
            if self.folder.trials():  # on a full disk, none may have begun
                build.print_tables(build.build(self.folder))
                print(f"report: {display_path(self.folder.report / 'index.html')}")
            self.folder.push(report=True)
        except RunError:
            trained.endings.report_lost(trained.trials)
            raise
        if trained.endings.report_lost(trained.trials):
            raise SystemExit(1)

    def _todo(self, trials: list[Trial]) -> list[Trial]:
        """Return the trials to train, after mending or removing folders; prints what is damaged or left out."""
        for warning in (line for trial in trials for line in mend(trial, self.folder)):
            warn(warning)
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
            # A killed run may have left a checkpoint without rows; that is no damage.
            damaged = folder.exists("history.parquet") and folder.rows_damaged()
            if actions[trial.id] is Action.resume and damaged:
                warn(f"{trial.name}/history.parquet is damaged; it is written again from the checkpoint")
        return todo

    def _plan(self, experiment: Experiment, fingerprint: str) -> list[Trial]:
        return plan(experiment, self.variants, fingerprint, self.resources.cpus, self.first_seed)

    def _actions(self, trials: list[Trial]) -> dict[str, Action]:
        options = self.options
        retraining = Retraining(force=options.force, stale=options.retrain_stale, failed=options.retry_failed)
        return {trial.id: action(trial, self.folder, retraining) for trial in trials}

    def _choose_extractor(self, download: bool) -> ExtractorChoice:
        """Choose the extractor as far as that is possible without the data.

        The experiment's own extractor takes precedence over what "auto" would choose now.
        """
        evaluation = self.experiment.evaluation
        stored = extractor_choice.read_stored(self.options.extractor)
        before = self._protocol_before.evaluation.extractor if self._protocol_before else None
        chosen = load_extractor(stored).name if stored else before
        if evaluation.extractor == "auto" and chosen:
            evaluation = evaluation.model_copy(update={"extractor": chosen})
        channels, weights = self.experiment.preprocessing.channels, self.options.inception_weights
        evaluation, found = extractor_choice.resolve_inception(evaluation, channels, weights, download)
        return ExtractorChoice(evaluation, stored, found)

    def _resolve(self, evaluation: Evaluation, labelled: bool) -> Experiment:
        evaluation = extractor_choice.resolve_trained(evaluation, self.experiment.dataset, labelled)
        changes = {"evaluation": evaluation, "training": self._resolve_training()}
        return self.experiment.model_copy(update=changes)

    def _resolve_training(self) -> Training:
        protocol = self._protocol_before
        before = protocol.training.precision if protocol and protocol.training else None
        return preflight.resolve_precision(self.experiment, before, self.resources)

    @property
    def _protocol_before(self) -> ExperimentProtocol | None:
        """The protocol of the trials that the folder holds already."""
        description = self.folder.description()
        return description.protocol if description else None

    def _report_precision(self, experiment: Experiment) -> None:
        if experiment.training.precision == "bf16" and self.experiment.training.precision == "auto":
            print("networks compute in bf16, as the processor can; --set training.precision=fp32 for float32")

    def _context(self, experiment: Experiment, prepared: Prepared, choice: ExtractorChoice) -> Context:
        """Get the extractor ready, and collect what all trials share."""
        own, features = self.folder.extractor, prepared.features(otherwise=self.folder.extractor)
        before = self._protocol_before.extractor_sha256 if self._protocol_before else None
        sha256 = extractors.ensure(
            own, features, prepared, experiment.evaluation, choice.stored, choice.weights, before
        )
        return Context(
            trials=self.folder.trained,
            inputs=Inputs(prepared.folder, features.path, own.path, choice.weights),
            extractor_sha256=sha256,
            plugins=self.plugins,
            checkpoint_seconds=self.options.checkpoint_seconds,
            eager=self.options.eager,
            git=Git.model_validate(git_state()),
        )

    def _execute(self, todo: list[Trial], context: Context, endings: Endings, log: OnEvent) -> None:
        if self.options.executor == "ray":
            print("starting Ray and its workers: 10 to 30 seconds", flush=True)
        trials = {trial.id: trial for trial in todo}
        with Progress(todo) as progress:

            def on_event(trial: str, event: Event) -> None:
                endings.observe(trials[trial], event)
                progress(trial, event)
                log(trial, event)

            self._executor().run(todo, context, self.resources, on_event)

    def _executor(self) -> ModuleType:
        return importlib.import_module(f"bench.executors.{self.options.executor}")  # Ray only if it is used

    def _check_machine(self) -> None:
        """Refuse, before any waiting, what no trial could be given."""
        if self.options.executor == "ray" and not self.resources.address:
            check_machine(self.resources)  # without Ray, which takes seconds to import and to start
        else:
            self._executor().check(self.resources)

    def _at_once(self, todo: int) -> int:
        """Trials at a time on this machine."""
        if self.options.executor == "serial":
            return 1
        return max(1, min((os.cpu_count() or 1) // self.resources.cpus, self.resources.max_concurrent or todo))


def _command() -> str:
    """Return the user's command, without credentials."""
    return shlex.join(["python", "-m", "bench.run", *map(redact, sys.argv[1:])])
