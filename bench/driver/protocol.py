"""Resolves what a protocol leaves open ("auto"): the extractor of features, and the precision inside networks."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bench.driver import preflight, proportion
from bench.driver.options import Options
from bench.errors import say
from bench.evaluation import extractor_choice, inception
from bench.evaluation.code_measures import require_labels
from bench.evaluation.feature_network import load_extractor
from bench.executors.base import Resources
from bench.experiment.settings import Evaluation, Experiment, Training
from bench.store.documents import ExperimentProtocol

TOO_DEAR = (
    "FID of enough images would take too long for so short a training; images are compared in the features of a "
    "network trained on them (for FID: --extractor inception, or train longer)"
)


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
class ProtocolResolver:
    """Resolves the protocol of an experiment.

    Attributes:
        experiment: with "auto" in its settings.
        before: the protocol of the trials that the folder holds already. It takes precedence over what "auto" would
            choose now.
        asked: evaluation settings that the user gave.
    """

    experiment: Experiment
    options: Options
    resources: Resources
    before: ExperimentProtocol | None
    asked: frozenset[str] = frozenset()

    def choose_extractor(self, download: bool) -> ExtractorChoice:
        """Choose the extractor as far as that is possible without the data; `download` allows to get weights."""
        evaluation = self.experiment.evaluation
        stored = extractor_choice.read_stored(self.options.extractor)
        before = self.before.evaluation.extractor if self.before else None
        chosen = load_extractor(stored).name if stored else before
        if evaluation.extractor == "auto" and chosen:
            evaluation = evaluation.model_copy(update={"extractor": chosen})
        channels, weights = self.experiment.preprocessing.channels, self.options.inception_weights
        evaluation, weights = extractor_choice.resolve_inception(evaluation, channels, weights, download)
        return ExtractorChoice(evaluation, stored, weights)

    def training(self) -> Training:
        """Choose the precision.

        Raises:
            UserError: it depends on the machines of a cluster.
        """
        before = self.before.training.precision if self.before and self.before.training else None
        return preflight.resolve_precision(self.experiment, before, self.resources)

    def resolve(self, choice: ExtractorChoice, labelled: bool, counts: Mapping[str, int] | None) -> Experiment:
        """Return the experiment without "auto", with as much evaluation as is in proportion to its training.

        Args:
            choice: the extractor, as far as it is chosen.
            labelled: whether the images have labels.
            counts: images of each split; None if they are not known before the download.

        Raises:
            UserError: a metric needs labels, and there are none.
        """
        evaluation = self._in_proportion(choice.evaluation, labelled, counts)
        require_labels(evaluation.metrics, self.experiment.dataset, labelled)
        return self.experiment.model_copy(update={"evaluation": evaluation, "training": self._used(counts)})

    def _used(self, counts: Mapping[str, int] | None) -> Training:
        """The training, with no more images than there are; unless a folder already says more, as older ones do."""
        training = self.training()
        before = self.before.training.train_images if self.before and self.before.training else None
        if counts is None or training.train_images is None or training.train_images == before:
            return training
        return training.model_copy(update={"train_images": min(training.train_images, counts["train"])})

    def _in_proportion(self, evaluation: Evaluation, labelled: bool, counts: Mapping[str, int] | None) -> Evaluation:
        """Resolve the extractor "auto", and the numbers that the user left open."""
        evaluation = extractor_choice.resolve_trained(evaluation, self.experiment.dataset, labelled)
        if self.before:
            kept = {key: getattr(self.before.evaluation, key) for key in proportion.FITTED - self.asked}
            return evaluation.model_copy(update=kept)
        if counts is None:
            return evaluation
        experiment = self.experiment.model_copy(update={"evaluation": evaluation})
        return proportion.fit(experiment, counts, self.asked)

    def affordable(self, choice: ExtractorChoice, labelled: bool, counts: Mapping[str, int] | None) -> ExtractorChoice:
        """Take back the choice of FID's network by "auto" if the budget allows too few images for it."""
        named = self.options.inception_weights or os.environ.get(inception.WEIGHTS)
        is_automatic = self.experiment.evaluation.extractor == "auto" and not named and self.before is None
        if not is_automatic or choice.evaluation.extractor != "inception":
            return choice
        if proportion.affords_fid(self._in_proportion(choice.evaluation, labelled, counts)):
            return choice
        say(TOO_DEAR)
        return ExtractorChoice(self.experiment.evaluation, None, None)
