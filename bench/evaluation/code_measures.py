"""The metrics of codes, registered by name. All but the optional ones compare codes with samples of the prior.

A metric is added by a function from `Codes` to the values of its columns, and a line in CODE_MEASURES. A column
`<name>_prior` holds the value that is expected from as many samples of the prior.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from bench.data.images import batch_size, to_unit
from bench.data.prepared import Prepared
from bench.errors import UserError
from bench.evaluation.samplers import encode
from bench.metrics import latent
from bench.metrics.linear_probe import chance, linear_probe
from bench.runtime.rng import forked
from methods import Method
from methods.priors import Prior

MOST_LABELLED = 10_000  # images of each split behind the linear probe


@dataclass(frozen=True)
class Codes:
    """The codes of a trained method, computed when they are first asked for.

    Attributes:
        method: in evaluation mode.
        data: the prepared data set.
        split: a split that no training has seen.
        images: the images of it whose codes are compared with the prior, uint8 [n, c, h, w] on the method's device.
        seed: seeds draws from q(z|x) and from the prior.
        train_images: the number of training images that the method was trained on. Default: all of them.
    """

    method: Method
    data: Prepared
    split: str
    images: Tensor
    seed: int
    train_images: int | None = None

    @property
    def prior(self) -> Prior:
        """The distribution that the codes should follow."""
        return self.method.prior

    @cached_property
    def draws(self) -> Tensor:
        """One draw from q(z|x) for each of `images`: float32 [n, d]."""
        with forked(self.seed):
            return encode(self.method, self.images)

    def labelled(self, split: str, n: int) -> tuple[np.ndarray, np.ndarray]:
        """Return the deterministic codes, float32 [n, d], and the labels, int64 [n], of the first images of a split."""
        images, size = torch.from_numpy(self.data.images(split)[:n]), batch_size(*self.data.shape[1:])
        device = self.method.device
        codes = torch.cat([self.method.encode(to_unit(batch.to(device))) for batch in images.split(size)])
        return codes.cpu().numpy(), self.data.labels(split)[:n]


@dataclass(frozen=True)
class CodeMeasure:
    """Metrics of codes that are computed together.

    Attributes:
        compute: codes -> the values, by name of their column, which starts with "latent_".
        columns: the columns, if `evaluation.metrics` chooses this measure; else it is always computed.
        labels: whether it needs labels. A data set without labels has no such columns.
    """

    compute: Callable[[Codes], dict[str, float]]
    columns: tuple[str, ...] = ()
    labels: bool = False


def _diagnosis(codes: Codes) -> dict[str, float]:
    return latent.diagnose(codes.draws, codes.prior, codes.seed)


def _tests(codes: Codes) -> dict[str, float]:
    return latent.two_sample_tests(codes.draws, codes.prior, codes.seed)


def _probe(codes: Codes) -> dict[str, float]:
    """Samples of the prior say nothing of labels, so their accuracy is that of chance."""
    training, labels = codes.labelled("train", min(codes.train_images or MOST_LABELLED, MOST_LABELLED))
    test, test_labels = codes.labelled(codes.split, MOST_LABELLED)
    accuracy = linear_probe(training, labels, test, test_labels)
    return {"latent_probe": accuracy, "latent_probe_prior": chance(labels, test_labels)}


CODE_MEASURES: dict[str, CodeMeasure] = {
    "diagnosis": CodeMeasure(_diagnosis),
    "tests": CodeMeasure(_tests),
    "probe": CodeMeasure(_probe, ("latent_probe",), labels=True),
}
CURVE_CODES = ("diagnosis",)  # of every row
FINAL_CODES = ("tests",)  # of the last checkpoint's own row


@torch.no_grad()
def measure_codes(codes: Codes, names: Iterable[str]) -> dict[str, float]:
    """Return the columns of the measures of codes with these names; other names are ignored."""
    values: dict[str, float] = {}
    for name in names:
        measure = CODE_MEASURES.get(name)
        if measure and (codes.data.classes or not measure.labels):
            values |= measure.compute(codes)
    return values


def code_columns(data: Prepared, names: Iterable[str]) -> list[str]:
    """Return the columns that `measure_codes` fills for the optional measures among the names."""
    measures = [CODE_MEASURES[name] for name in names if name in CODE_MEASURES]
    return [column for each in measures if data.classes or not each.labels for column in each.columns]


def without_labels(names: Collection[str]) -> list[str]:
    """Return the names without those of measures of codes that need labels."""
    return [name for name in names if not (name in CODE_MEASURES and CODE_MEASURES[name].labels)]


def require_labels(names: Collection[str], dataset: str, labelled: bool) -> None:
    """Raise UserError if one of the measures with these names needs labels and the data set has none."""
    for name in set(names) - set(without_labels(names)) if not labelled else ():
        raise UserError(f"the metric {name} needs labels, and {dataset} has none; leave it out")
