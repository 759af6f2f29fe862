"""The scoring protocol: the choices that make two scores comparable, besides the extractor and the data set."""

from dataclasses import dataclass

from bench.data.splits import UNIONS
from bench.evaluation.measures import CURVE, FINAL, MEASURES
from bench.experiment.settings import Evaluation


@dataclass(frozen=True)
class ScoringProtocol:
    """How generated images are scored.

    Attributes:
        samples: the number of generated images.
        split: the split of real images with which they are compared, or a union of splits (`splits.UNIONS`).
        held_out: a split that no training has seen.
        seed: seeds the generated images.
        sampler: a key of SAMPLERS.
        full: compute all standard metrics; else only the distances.
        metrics: optional metrics to compute as well (`columns.OPTIONAL`).
        reconstructions: held-out images whose reconstructions are scored like generated images, if `full`.
    """

    samples: int
    split: str
    held_out: str
    seed: int
    sampler: str = "prior"
    full: bool = True
    metrics: tuple[str, ...] = ()
    reconstructions: int = 10_000

    @property
    def measured(self) -> tuple[str, ...]:
        """Names of the measures of generated images; those of codes are left out."""
        return (*(FINAL if self.full else CURVE), *(name for name in self.metrics if name in MEASURES))

    @classmethod
    def curve(cls, evaluation: Evaluation) -> "ScoringProtocol":
        """Return the protocol of every row of the curve: against held-out images."""
        return cls(evaluation.samples, evaluation.split, evaluation.split, evaluation.seed, full=False)

    @classmethod
    def final(cls, evaluation: Evaluation, extractor: str) -> "ScoringProtocol":
        """Return the protocol of the last checkpoint: more images, against the training images as for published FID.

        An extractor that was trained on this data set compares with held-out images instead, because its features of
        the training images differ from those of all other images.
        """
        split = "train" if extractor == "inception" else evaluation.split
        samples = evaluation.final_samples or evaluation.samples
        metrics, reconstructions = tuple(evaluation.metrics), evaluation.reconstructions
        return cls(samples, split, evaluation.split, evaluation.seed, metrics=metrics, reconstructions=reconstructions)

    def floor_split(self, extractor: str) -> str:
        """Return the split of real images whose score is the floor; no extractor was trained on that split."""
        first = ("train", self.held_out) if extractor == "inception" else ("validation",)
        return next(split for split in (*first, "test") if split not in UNIONS.get(self.split, (self.split,)))
