"""One evaluation of a method during training: the columns of a row, and the images that accompany it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from bench.data.images import batch_size, to_uint8, to_unit
from bench.data.prepared import Prepared
from bench.evaluation.code_measures import CURVE_CODES, FINAL_CODES, Codes, measure_codes
from bench.evaluation.image_grids import grid_columns, interpolations
from bench.evaluation.protocol import ScoringProtocol
from bench.evaluation.reference import References
from bench.evaluation.scorer import Scorer
from bench.experiment.settings import Evaluation
from bench.metrics import latent
from bench.metrics.columns import ADDED, Columns, parse, refuse_bad_names
from bench.runtime.rng import forked
from methods import Method

FEWEST_LARGE = 256  # held-out images for reconstruction and diagnostics, however large they are
SHOWN_CODES = 500  # codes that a report shows


def held_out_images(most: int, height: int, width: int) -> int:
    """Return how many of at most `most` images are for reconstruction and diagnostics, which get them in one batch."""
    return min(most, max(FEWEST_LARGE, most * 64 * 64 // (height * width)))


def held_out_of(data: Prepared, evaluation: Evaluation) -> Tensor:
    """Return the held-out images for reconstruction and diagnostics, uint8 [n, c, h, w]."""
    return torch.from_numpy(data.images(evaluation.split)[: held_out_images(evaluation.held_out, *data.shape[1:])])


@contextmanager
def evaluating(method: Method, seed: int) -> Iterator[None]:
    """Put the method into evaluation mode inside the context, and restore its mode afterwards.

    Everything is seeded, so that not even a method whose codes are random sees the training's random numbers, or has
    an effect on them.
    """
    training = method.training
    method.eval()
    try:
        with forked(seed):
            yield
    finally:
        method.train(training)


class Evaluator:
    """Measures methods: generated images against real images, reconstructions, and codes against the prior.

    Args:
        references: the statistics of the real images, and the extractor.
        evaluation: the protocol.
        train_images: the number of training images that methods are trained on. Default: all of them.
    """

    def __init__(self, references: References, evaluation: Evaluation, train_images: int | None = None) -> None:
        self.curve = Scorer(references, ScoringProtocol.curve(evaluation), train_images)
        last = ScoringProtocol.final(evaluation, references.extractor.name)
        self.last = Scorer(references, last, train_images) if evaluation.final_samples else None
        if self.last:
            latent.import_classifier()  # now, so that the import is not timed as part of a worker's first evaluation
        self.evaluation, self.data, self.train_images = evaluation, references.data, train_images
        self.held_out = held_out_of(references.data, evaluation).to(references.device)

    @torch.no_grad()
    def __call__(self, method: Method) -> tuple[Columns, dict[str, Tensor]]:
        """Return a row's columns, and uint8 images: "samples", and "reconstructions" (each below its original)."""
        with evaluating(method, self.evaluation.seed):
            columns, samples = self.curve(method)
            columns |= {
                "reconstruction_test": self._reconstruction_error(method),
                **measure_codes(self._codes(method), CURVE_CODES),
                "n_held_out": len(self.held_out),
            }
            columns |= self._own_diagnostics(method, columns)
            return columns, {"samples": samples, "reconstructions": self._reconstructions(method)}

    @torch.no_grad()
    def final(self, method: Method) -> Columns:
        """Return the columns of the last checkpoint's own row, with all metrics; empty if there is no such row."""
        if self.last is None:
            return {}
        with evaluating(method, self.evaluation.seed):
            columns, _ = self.last(method)
            codes = measure_codes(self._codes(method), (*FINAL_CODES, *self.evaluation.metrics))
            return columns | codes | {"n_held_out": len(self.held_out)}

    @torch.no_grad()
    def final_pictures(self, method: Method) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the report shows of the last checkpoint.

        Returns:
            uint8 interpolations between held-out images, and a few "codes" and samples of the "prior". Codes are draws
            from q(z|x), as in the latent diagnostics. Both are float32 [n, d], on the CPU.
        """
        columns = grid_columns(self.held_out.shape[3])
        with evaluating(method, self.evaluation.seed):
            lines = interpolations(method, self.held_out[: 2 * columns])
            codes = self._codes(method).draws[:SHOWN_CODES]
            with forked(self.evaluation.seed):
                samples = method.prior.sample(len(codes), codes.device)
            return lines, {"codes": codes.float().cpu(), "prior": samples.float().cpu()}

    def _codes(self, method: Method) -> Codes:
        seed, split = self.evaluation.seed, self.evaluation.split
        return Codes(method, self.data, split, self.held_out, seed, self.train_images)

    def _own_diagnostics(self, method: Method, columns: Columns) -> dict[str, float]:
        """The method's own diagnostics; ValueError if one has the name of a column that all methods share."""
        with forked(self.evaluation.seed):
            diagnostics = method.diagnostics(to_unit(self.held_out))
        refuse_bad_names(diagnostics, "diagnostics")
        taken = {*columns, *ADDED}
        reserved = [
            name for name in diagnostics if name in taken or parse(name) or name.startswith(("latent_", "train_"))
        ]
        if reserved:
            raise ValueError(f"diagnostics of {type(method).__name__} must not be called {', '.join(reserved)}")
        return {name: float(value) for name, value in diagnostics.items()}

    def _reconstruction_error(self, method: Method) -> float:
        """Squared error in [-1, 1] units, summed over pixels and channels, averaged over held-out images."""
        total = 0.0
        for batch in self.held_out.split(batch_size(*self.held_out.shape[2:])):
            x = to_unit(batch)
            total += (method.decode(method.encode(x)) - x).square().sum(dtype=torch.float64).item()
        return total / len(self.held_out)

    def _reconstructions(self, method: Method) -> Tensor:
        """Rows of originals, each followed by the row of reconstructions."""
        columns = grid_columns(self.held_out.shape[3])
        originals = self.held_out[: columns * columns // 2]
        decoded = to_uint8(method.decode(method.encode(to_unit(originals))))
        pairs = zip(originals.split(columns), decoded.split(columns), strict=True)
        return torch.cat([row for pair in pairs for row in pair])
