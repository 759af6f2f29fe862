"""Score finished trials again, under another protocol. Nothing is trained."""

import time
from collections.abc import Container, Hashable
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import torch

from bench.analysis import frames
from bench.data.prepared import Prepared
from bench.driver.choices import Precision, Split
from bench.driver.options import extractor_option
from bench.errors import UserError, plural, say
from bench.evaluation import extractor_choice, extractors
from bench.evaluation.code_measures import Codes, code_columns, measure_codes, require_labels, without_labels
from bench.evaluation.evaluator import held_out_of
from bench.evaluation.feature_network import load_extractor
from bench.evaluation.features import Extractor
from bench.evaluation.protocol import ScoringProtocol
from bench.evaluation.reference import References
from bench.evaluation.scorer import Scorer
from bench.experiment.settings import Evaluation
from bench.experiment.specification import TrialSpec
from bench.io.limits import CHECKPOINTS
from bench.metrics.columns import OPTIONAL, STAMPS, Columns
from bench.reporting import build
from bench.runtime.environment import torch_device
from bench.runtime.numerics import limit_threads
from bench.store import repair
from bench.store.documents import declarations
from bench.store.folders import ExperimentFolder, how_to_get_checkpoint
from bench.store.lock import locked
from bench.store.states import State
from bench.store.trial_folder import TrialFolder
from bench.training.loading import images_of, missing_plugin, trained_method
from methods import Method

ALL_METRICS = "all"  # stands for all optional metrics


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """The changes of a protocol. None keeps the value of the last evaluation in training.

    Attributes:
        extractor: Name of an extractor, or path of a stored one.
        inception_weights: File of Inception weights, to use instead of downloading them.
        precision: Precision of the Inception network.
        samples: Number of generated images.
        split: Split of the real images.
        sampler: A key of SAMPLERS.
        seed: Seed of the random draws.
        metrics: Keys of OPTIONAL, in addition to those of the training; ALL_METRICS: all that the data set allows.
    """

    extractor: str | None = None
    inception_weights: Path | None = None
    precision: Precision | None = None
    samples: int | None = None
    split: Split | None = None
    sampler: str = "prior"
    seed: int | None = None
    metrics: tuple[str, ...] = ()

    @property
    def own_extractor(self) -> bool:
        """Whether the experiment's own extractor is used."""
        return self.extractor is None and self.inception_weights is None

    def chosen_metrics(self, evaluation: Evaluation, images: Prepared) -> tuple[str, ...]:
        """Return the optional metrics to compute.

        Raises:
            UserError: one needs labels that the images do not have.
        """
        labelled, dataset = bool(images.classes), images.sidecar.dataset
        if self.metrics == (ALL_METRICS,):
            return tuple(OPTIONAL) if labelled else tuple(without_labels(OPTIONAL))
        require_labels(self.metrics, dataset, labelled)
        return tuple(sorted({*evaluation.metrics, *self.metrics}))

    def protocol(self, evaluation: Evaluation, extractor: str) -> ScoringProtocol:
        """Return the protocol of the last evaluation in training, with these changes."""
        protocol = ScoringProtocol.final(evaluation, extractor)
        return replace(
            protocol,
            samples=protocol.samples if self.samples is None else self.samples,
            split=protocol.split if self.split is None else self.split.value,
            seed=protocol.seed if self.seed is None else self.seed,
            sampler=self.sampler,
        )


@dataclass(frozen=True)
class Selection:
    """The finished trials of an experiment.

    Attributes:
        trials: Trials that can be scored.
        skipped: A line for each other trial, with the reason.
    """

    trials: list[TrialFolder]
    skipped: list[str]


def select_trials(folder: ExperimentFolder, measurement: Measurement) -> Selection:
    """Find the finished trials that can be scored in this way.

    Raises:
        UserError: No trial can be scored, or a plug-in is missing.
    """
    trials, skipped = [], []
    for trial in folder.trials():
        if trial.status().state is not State.done:
            continue
        reason = _obstacle(trial, folder, measurement)
        if reason:
            skipped.append(f"{trial.name} {reason}")
        else:
            trials.append(trial)
    if not trials:
        reason = skipped[0] if skipped else "none is finished; python -m bench.run trains them"
        raise UserError(f"{folder.path} has no trial to score: {reason}")
    return Selection(trials, skipped)


def from_plugin(what: str) -> UserError:
    """Return the error for what a plug-in has defined that is not installed, such as "metric gap"."""
    return UserError(f"the {what} comes from a plug-in; give its file with --plugin, or install its package")


def _obstacle(trial: TrialFolder, experiment: ExperimentFolder, measurement: Measurement) -> str | None:
    """Return why a finished trial cannot be scored, or None if it can."""
    if not trial.is_intact("spec.json"):
        return "has a damaged spec.json; run the same bench.run command again to repair it"
    spec = trial.trial().spec
    others = {} if measurement.own_extractor else {"extractor": "auto"}
    missing = missing_plugin(spec, spec.evaluation.model_copy(update=others))
    if missing:
        raise from_plugin(missing)
    if frames.describe(trial).stale:
        return "is stale: its code has changed; bench.run --retrain-stale retrains it"
    if not any(trial.exists(name) for name in CHECKPOINTS):
        return f"no longer has a checkpoint; {how_to_get_checkpoint(trial, experiment)}"
    if repair.rows_damaged(trial):
        return "has damaged rows; run the same bench.run command again to repair them"
    return None


def rescore(
    folder: ExperimentFolder,
    trials: list[TrialFolder],
    measurement: Measurement,
    *,
    prepared: Path | None,
    device: str | None,
    force: bool,
    command: str,
) -> None:
    """Score trials, save the new rows, and rebuild the report.

    Args:
        folder: The experiment.
        trials: Trials of the experiment, selected by `select_trials`.
        measurement: The protocol's changes.
        prepared: Folder of prepared data sets; by default, where it was during training.
        device: A PyTorch device; by default a GPU if there is one.
        force: Repeat measurements that exist already.
        command: Command line to record in the experiment.
    """
    limit_threads()
    scoring_device = torch_device(device)
    spec = trials[0].trial().spec
    with images_of(trials[0], prepared) as images, locked(folder):
        network = _extractor(spec.evaluation, measurement, folder, images)
        say(f"{plural(len(trials), 'trial')} to score with {network.name} features")
        references = References(
            images.features(fallback=folder.extractor), network.to(scoring_device), images, scoring_device
        )
        metrics = measurement.chosen_metrics(spec.evaluation, images)
        protocol = replace(measurement.protocol(spec.evaluation, network.name), metrics=metrics)
        scorer = TrialScorer(Scorer(references, protocol, spec.training.train_images), images, spec)
        for number, trial in enumerate(trials, 1):
            result = score_trial(trial, scorer, scoring_device, force)
            say(f"{number} of {len(trials)}: {trial.name}: {result}")
        description = folder.require_description()
        commands = list(dict.fromkeys([*description.commands, command]))
        described = {**description.metrics, **declarations(metrics)}
        folder.describe(replace(description, commands=commands, metrics=described))
        build.print_tables(build.build(folder), folder.report)
        say(f"report: {folder.report / 'index.html'}")


def _extractor(
    evaluation: Evaluation, measurement: Measurement, folder: ExperimentFolder, images: Prepared
) -> Extractor:
    """Load or train the extractor: the experiment's own, unless the measurement names another."""
    kind, path = extractor_option(measurement.extractor)
    stored = extractor_choice.read_stored(path)
    if stored:
        kind = load_extractor(stored).name
    elif kind is None:
        kind = "inception" if measurement.inception_weights else evaluation.extractor
    precision = measurement.precision.value if measurement.precision else evaluation.extractor_precision
    changed = evaluation.model_copy(update={"extractor": kind, "extractor_precision": precision})
    changed, weights = extractor_choice.resolve_inception(changed, images.shape[0], measurement.inception_weights)
    changed = extractor_choice.resolve_trained(changed, images.sidecar.dataset, bool(images.classes))
    if changed.extractor == evaluation.extractor and not stored:
        sha256 = folder.require_description().protocol.extractor_sha256
        return extractors.load(folder.extractor, images.shape, changed, weights, sha256)
    cache = images.features(fallback=folder.extractor)
    return extractors.obtain(cache, images, changed, stored, weights)


@dataclass(frozen=True)
class TrialScorer:
    """Scores trained methods of one experiment: their images and, where optional metrics ask for it, their codes."""

    images: Scorer
    data: Prepared
    spec: TrialSpec

    @property
    def stamp(self) -> Columns:
        """The columns that say how images are scored."""
        return {key: self.images.stamp[key] for key in STAMPS}

    @property
    def measured(self) -> list[str]:
        """The columns of all metrics."""
        return [*self.images.measured, *code_columns(self.data, self.images.protocol.metrics)]

    def __call__(self, method: Method) -> Columns:
        """Return the columns of a row."""
        columns, _ = self.images(method)
        evaluation, device = self.spec.evaluation, method.device
        held_out = held_out_of(self.data, evaluation).to(device)
        codes = Codes(method, self.data, evaluation.split, held_out, evaluation.seed, self.spec.training.train_images)
        return columns | measure_codes(codes, self.images.protocol.metrics)


def score_trial(trial: TrialFolder, scorer: TrialScorer, device: torch.device, force: bool) -> str:
    """Score one trial and save the row; return the score as text, or 'measured already'."""
    rows, evaluations = trial.rows(), trial.evaluations()
    if not force and (_measured(rows, scorer).any() or _measured(evaluations, scorer).any()):
        return "measured already"
    started = time.perf_counter()
    columns = scorer(trained_method(trial, device))
    progress = rows.iloc[-1][["step", "epoch", "images_seen", "train_seconds"]].to_dict()
    row = progress | {"evaluation_seconds": time.perf_counter() - started} | columns
    others = evaluations[~_superseded(evaluations, scorer, row)] if len(evaluations) else evaluations
    trial.save_evaluations(pd.concat([others, pd.DataFrame([row])], ignore_index=True))
    headline = scorer.images.headline
    return f"{headline} {columns[headline]:.4g} ({row['evaluation_seconds']:.0f} s)"


def _measured(rows: pd.DataFrame, scorer: TrialScorer) -> pd.Series:
    """Mark rows with the scorer's protocol and all its metrics (evaluations during training have only some)."""
    if not all(name in rows for name in scorer.measured):
        return pd.Series(False, index=rows.index)
    return _same_protocol(rows, scorer) & rows[scorer.measured].notna().all(axis=1)


def _superseded(rows: pd.DataFrame, scorer: TrialScorer, row: Container[Hashable]) -> pd.Series:
    """Mark rows with the scorer's protocol that have no column which the new row lacks."""
    lacking = [name for name in rows if name not in row]
    return _same_protocol(rows, scorer) & rows[lacking].isna().all(axis=1)


def _same_protocol(rows: pd.DataFrame, scorer: TrialScorer) -> pd.Series:
    stamp = scorer.stamp
    if not all(key in rows for key in stamp):
        return pd.Series(False, index=rows.index)
    return (rows[list(stamp)] == stamp).all(axis=1)
