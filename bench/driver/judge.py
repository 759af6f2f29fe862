"""Resolves what only images decide: whether a network can be trained that is worth comparing images by."""

from dataclasses import dataclass

from bench.data.prepared import Prepared
from bench.driver import preflight
from bench.driver.protocol import ExtractorChoice, ProtocolResolver
from bench.errors import UserError, warn
from bench.evaluation import extractor_quality, extractors
from bench.experiment.settings import Experiment
from bench.io.files import Folder


@dataclass(frozen=True)
class Judge:
    """Judges trained feature networks by what they have learnt.

    Attributes:
        resolver: resolves the rest of the protocol.
        fallback: where features are cached if the data set's own folder cannot be written.
        is_trial: whether the experiment is no result and says so; then any network is good enough.
    """

    resolver: ProtocolResolver
    fallback: Folder
    is_trial: bool

    def resolve(self, choice: ExtractorChoice, prepared: Prepared, train: bool = True) -> Experiment:
        """Return the experiment without "auto". A network that is no better than chance is never chosen by "auto".

        Args:
            choice: the extractor, as far as it is chosen.
            prepared: the images.
            train: whether to train networks to judge them; otherwise only those are judged that are there.

        Raises:
            UserError: there are too few images, or neither classes nor turns can be learnt.
        """
        labelled = bool(prepared.classes)
        choice = self.resolver.affordable(choice, labelled, prepared.counts)
        experiment = self.resolver.resolve(choice, labelled, prepared.counts)
        preflight.check_image_counts(experiment, prepared.counts)  # before a network is trained to judge it
        if choice.evaluation.extractor != "auto":
            return experiment
        problem = self._doubt(experiment, prepared, train)
        if problem and labelled:
            warn(f"{problem}; images are compared by a network that tells how they are turned")
            experiment = self.resolver.resolve(choice, labelled=False, counts=prepared.counts)
            problem = self._doubt(experiment, prepared, train)
        if problem and not self.is_trial:
            extractor = experiment.evaluation.extractor
            raise UserError(
                f"{problem}; distances between images would mean nothing. Train it longer with --set "
                "evaluation.extractor_steps=N, use --extractor inception, or insist on it with --extractor "
                f"{extractor}"
            )
        return experiment

    def _doubt(self, experiment: Experiment, prepared: Prepared, train: bool) -> str | None:
        """`extractor_quality.doubt` of the network that the experiment would use."""
        cache, evaluation = prepared.features(fallback=self.fallback), experiment.evaluation
        if not (train or extractors.is_cached(cache, evaluation)):
            return None
        return extractor_quality.doubt(extractors.obtain(cache, prepared, evaluation, None, None), prepared)
