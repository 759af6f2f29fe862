"""One command, from the resolved experiment to the report. It imports torch, so bench.run imports it late."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from types import ModuleType

from bench.data import preparation
from bench.data.datasets import Request
from bench.data.preparation import DatasetInfo
from bench.data.prepared import Prepared
from bench.data.splits import counts_text
from bench.driver import kept_defaults, preflight, proportion
from bench.driver.endings import Endings
from bench.driver.identity import identify
from bench.driver.judge import Judge
from bench.driver.live_page import LivePage
from bench.driver.options import Options
from bench.driver.progress import Progress
from bench.driver.protocol import ExtractorChoice, ProtocolResolver
from bench.driver.resume import Retraining, describe, refuse_other_points, refuse_other_protocol, select
from bench.driver.session import command, held
from bench.errors import RunError, plural, say, warn
from bench.evaluation import extractor_quality, extractors
from bench.executors.base import Context, Inputs, Resources, check_machine
from bench.executors.ray_needs import check_local_ray
from bench.experiment.origins import parts
from bench.experiment.settings import Experiment
from bench.experiment.specification import DatasetIdentity, Trial
from bench.experiment.trials import plan
from bench.experiment.variants import Variant, defaults_key, parse_variants
from bench.io.files import display_path, require_writable
from bench.io.schema import refuse_unstorable_path
from bench.loggers.follower import following, keep_report
from bench.plugins.found import Plugin
from bench.plugins.installation import refuse_broken
from bench.runtime.environment import git_state
from bench.store.documents import Git
from bench.store.folders import SEARCH, ExperimentFolder
from bench.training.events import Event, OnEvent


@dataclass(frozen=True)
class Trained:
    """The trials of a run, those included that were done before, and how they ended."""

    trials: list[Trial]
    endings: Endings


@dataclass(frozen=True)
class Pipeline:
    """One command.

    Attributes:
        first_seed: variants are trained with seeds first_seed, first_seed + 1, ...
        caution: a line for the report, if the whole experiment is no result.
        asked: evaluation settings that the user gave; the others follow from the budget.
        before: the experiment that these trials come before, if they are a search; its live page shows them.
    """

    experiment: Experiment
    variants: list[Variant]
    request: Request
    options: Options
    resources: Resources
    plugins: tuple[Plugin, ...]
    first_seed: int = 0
    caution: str | None = None
    asked: frozenset[str] = frozenset()
    before: ExperimentFolder | None = None

    @property
    def size(self) -> int:
        """The number of trials."""
        return len(self.variants) * self.experiment.seeds

    @cached_property
    def folder(self) -> ExperimentFolder:
        """The experiment's folder."""
        return ExperimentFolder(self.options.out, self.options.storage)

    def foresee(self, download: bool = False) -> "Pipeline":
        """Refuse now what this run would refuse later; returns the run with its extractor chosen, if possible.

        With `download` the images are prepared, and the extractor is trained if that decides the choice. A dry run
        assumes that missing weights of Inception can be downloaded.
        """
        choice = self.resolver.choose_extractor(download=download)
        if download:
            with preparation.held(self.request) as prepared:
                return self._foreseen(prepared, self.judge.resolve(choice, prepared))
        images = preparation.locate(self.request)
        return self if images is None else self._foreseen(images, self.expected(choice, images))

    def _foreseen(self, images: DatasetInfo | Prepared, experiment: Experiment) -> "Pipeline":
        preflight.check_image_counts(experiment, images.counts)
        refuse_other_protocol(self.folder, self.plan(experiment, identify(experiment, images))[0])
        return replace(self, experiment=experiment)

    def expected(self, choice: ExtractorChoice, images: DatasetInfo | None) -> Experiment:
        """Return the experiment that `train` will resolve, as far as that is known without training an extractor."""
        prepared = preparation.find_prepared(self.request, images) if images else None
        if prepared is None:
            labelled, counts = images is None or images.labelled, preparation.expected_counts(self.request.name, images)
            return self.resolver.resolve(self.resolver.affordable(choice, labelled, counts), labelled, counts)
        return self.judge.resolve(choice, prepared, train=False)

    def run(self) -> None:
        """Prepare, train what is missing, and report. Exit status 1 if a trial diverged or failed, 130 on Ctrl-C."""
        with self.session(self.size):
            continued = self.continued()
            continued.conclude(continued.train())

    def continued(self) -> "Pipeline":
        """Return the run with the defaults that the folder's trials were made with. Says where others are shipped."""
        searched = ExperimentFolder(self.folder.path / SEARCH)
        kept = kept_defaults.kept((self.folder, searched), self.variants)
        shipped = {defaults_key(variant.method, variant.prior): variant.defaults for variant in self.variants}
        both = {key: {**values, **kept.get(key, {})} for key, values in shipped.items()}
        variants = parse_variants(self.experiment.methods, both)
        for line in kept_defaults.changed(self.variants, variants):
            say(line)
        return replace(self, variants=variants)

    @contextmanager
    def session(self, trials: int) -> Iterator[None]:
        """Confirm a very large number of `trials`, then lock the folder. If interrupted, print how to continue."""
        preflight.check_libraries()
        self.check_machine()
        self.check_storable()
        preflight.confirm(trials, self.options.yes)
        with held(self.folder, self.options.checkpoint_seconds):
            yield

    def train(self) -> Trained:
        """Prepare the data and train what is missing."""
        self.resolver.training()  # may be refused: do it before images are prepared for hours
        choice = self.resolver.choose_extractor(download=True)
        with preparation.held(self.request) as prepared:
            return self._train(choice, prepared)

    def _train(self, choice: ExtractorChoice, prepared: Prepared) -> Trained:
        experiment = self.judge.resolve(choice, prepared)
        self.report_precision(experiment)
        self.report_evaluation(experiment)
        trials = self.plan(experiment, identify(experiment, prepared))
        refuse_other_protocol(self.folder, trials[0])
        refuse_other_points(self.folder, trials)
        context = self._context(experiment, prepared, choice)
        self._describe(experiment, trials, context, prepared)
        self.folder.push()
        todo, endings = select(trials, self.folder, self.retraining), Endings(self.folder)
        counts = counts_text(prepared.counts)
        say(f"{plural(len(trials), 'trial')}, {len(todo)} to train; {experiment.dataset} has {counts}")
        with following(self.options.log, self.folder, trials, todo) as log:
            if todo:
                self._execute(todo, context, endings, log)
        self.folder.pull("trials")
        endings.record_rest(trials)
        return Trained(trials, endings)

    def conclude(self, trained: Trained) -> None:
        """Report. Exit status 1 if a trial diverged or failed."""
        from bench.reporting import build  # imported late: it imports pandas, which a dry run does not need

        try:
            if self.folder.trials():  # on a full disk, none may have begun
                build.print_tables(build.refresh(self.folder), self.folder.report)
                say(f"report: {display_path(self.folder.report / 'index.html')}")
                keep_report(self.options.log, self.folder.report)
            self.folder.push(report=True)
        except RunError:
            trained.endings.report_lost(trained.trials)
            raise
        if trained.endings.report_lost(trained.trials):
            raise SystemExit(1)

    def plan(self, experiment: Experiment, dataset: DatasetIdentity) -> list[Trial]:
        """Return all trials of a resolved experiment on a data set."""
        return plan(experiment, self.variants, dataset, self.resources.cpus, self.first_seed)

    @property
    def retraining(self) -> Retraining:
        """Which trials the user wants trained again."""
        options = self.options
        return Retraining(
            force=options.force, stale=options.retrain_stale, accept=options.accept_stale, failed=options.retry_failed
        )

    @cached_property
    def resolver(self) -> ProtocolResolver:
        """Resolve "auto" in the protocol, given the trials that the folder holds already."""
        description = self.folder.description()
        before = description.protocol if description else None
        return ProtocolResolver(self.experiment, self.options, self.resources, before, self.asked)

    @property
    def judge(self) -> Judge:
        """Resolve what only images decide."""
        return Judge(self.resolver, self.folder.extractor, is_trial=self.caution is not None)

    def report_evaluation(self, experiment: Experiment) -> None:
        """Print how much is evaluated, if that follows from the budget."""
        now, most = experiment.evaluation, self.experiment.evaluation
        if any(getattr(now, key) != getattr(most, key) for key in proportion.FITTED - {"extractor_steps"}):
            last = f", {now.final_samples:,} at the end" if now.final_samples else ""
            counts = f"{plural(now.evaluations, 'evaluation')} of {now.samples:,} generated images{last}"
            say(f"{counts}, as the training is short; --set evaluation.samples=N for others")

    def report_precision(self, experiment: Experiment) -> None:
        """See `preflight.report_precision`."""
        preflight.report_precision(self.experiment.training, experiment.training, self.resources)

    def _describe(self, experiment: Experiment, trials: list[Trial], context: Context, prepared: Prepared) -> None:
        """Write experiment.yaml, with a caution if the extractor is no better than chance. Says so."""
        digest, problem = context.extractor_sha256, None
        if experiment.evaluation.extractor != "inception":  # which is not judged, and takes seconds to load
            extractor = extractors.load(self.folder.extractor, prepared.shape, experiment.evaluation, None, digest)
            problem = extractor_quality.doubt(extractor, prepared)
        doubt = f"{problem}; distances between images mean little" if problem else None
        if doubt:
            warn(f"{doubt}; train it longer with --set evaluation.extractor_steps=N, or use --extractor inception")
        caution = "; ".join(filter(None, (self.caution, doubt))) or None
        skipped = prepared.sidecar.left_out
        report, defaults = experiment.report, experiment.defaults
        renewed = self.options.force or self.options.retrain_stale or self.options.accept_stale
        describe(
            *(self.folder, trials, experiment.seeds, command(), digest, skipped, defaults, caution, report),
            renewed=renewed,
        )

    def _context(self, experiment: Experiment, prepared: Prepared, choice: ExtractorChoice) -> Context:
        """Get the extractor ready, and collect what all trials share."""
        own, features = self.folder.extractor, prepared.features(fallback=self.folder.extractor)
        before = self.resolver.before.extractor_sha256 if self.resolver.before else None
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
            say("starting Ray and its workers: 10 to 30 seconds")
        trials = {trial.id: trial for trial in todo}
        with Progress(todo) as progress:
            live_page = LivePage(self.folder, progress, self.before) if self._is_live() else None

            def on_event(trial: str, event: Event) -> None:
                endings.observe(trials[trial], event)
                progress(trial, event)
                log(trial, event)
                if live_page:
                    live_page(event)

            self._executor().run(todo, context, self.resources, on_event)

    def _is_live(self) -> bool:
        """Whether the page is rebuilt. That of a finished report stays while a search that came before it goes on."""
        return self.options.live and not (self.before and (self.before.report / "summary.md").is_file())

    def _executor(self) -> ModuleType:
        return importlib.import_module(f"bench.executors.{self.options.executor}")  # Ray only if it is used

    def check_machine(self) -> None:
        """Refuse, before any waiting, what no trial could be given."""
        if self.options.executor == "ray" and not self.resources.address:
            check_machine(self.resources)  # without Ray, which takes seconds to import and to start
            check_local_ray()
        else:
            self._executor().check(self.resources)

    def check_storable(self) -> None:
        """Refuse, before images are prepared and anything is trained, what the experiment's files cannot hold.

        Raises:
            UserError: a path, a hyperparameter or a label does not fit its type, or a plug-in breaks its contract.
            RunError: there are too many variants for experiment.yaml, or its folder cannot be written.
        """
        require_writable(self.folder.path, "--out")
        for path in (self.folder.path, self.request.prepared):
            refuse_unstorable_path(path)
        one_seed = self.experiment.model_copy(update={"seeds": 1})
        trials = self.plan(one_seed, identify(one_seed, None))
        for trial in {tuple(parts(each.spec)): each for each in trials}.values():
            refuse_broken(trial.spec)
        seeds, defaults, report = self.experiment.seeds, self.experiment.defaults, self.experiment.report
        describe(self.folder, trials, seeds, command(), "unknown", 0, defaults, report=report, dry=True)
