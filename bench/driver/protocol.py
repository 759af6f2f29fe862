"""Resolves what a protocol leaves open ("auto"): the extractor of features, and the precision inside networks."""

from dataclasses import dataclass
from pathlib import Path

from bench.driver import preflight
from bench.driver.options import Options
from bench.evaluation import extractor_choice
from bench.evaluation.code_measures import require_labels
from bench.evaluation.feature_network import load_extractor
from bench.executors.base import Resources
from bench.experiment.settings import Evaluation, Experiment, Training
from bench.store.documents import ExperimentProtocol


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
    """

    experiment: Experiment
    options: Options
    resources: Resources
    before: ExperimentProtocol | None

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

    def resolve(self, choice: ExtractorChoice, labelled: bool) -> Experiment:
        """Return the experiment without "auto". labelled: whether its images have labels.

        Raises:
            UserError: a metric needs labels, and there are none.
        """
        evaluation = extractor_choice.resolve_trained(choice.evaluation, self.experiment.dataset, labelled)
        require_labels(evaluation.metrics, self.experiment.dataset, labelled)
        return self.experiment.model_copy(update={"evaluation": evaluation, "training": self.training()})
