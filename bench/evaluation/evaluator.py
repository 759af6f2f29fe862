"""One evaluation of a method during training: the columns of a row, and the images that accompany it."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from bench.data.images import batch_size, to_uint8, to_unit
from bench.evaluation.image_grids import grid_columns, interpolations
from bench.evaluation.protocol import ScoringProtocol
from bench.evaluation.reference import References
from bench.evaluation.samplers import encode
from bench.evaluation.scorer import Scorer
from bench.experiment.settings import Evaluation
from bench.metrics import latent
from bench.metrics.columns import Columns, parse
from bench.runtime.rng import forked
from methods import Method

HELD_OUT = 1000  # images for reconstruction and diagnostics; fewer if they are larger than 64x64
SHOWN_CODES = 500  # codes that a report shows


def held_out_images(height: int, width: int) -> int:
    """Return the number of images for reconstruction and diagnostics; diagnostics receive all of them in one batch."""
    return max(256, min(HELD_OUT, HELD_OUT * 64 * 64 // (height * width)))


@contextmanager
def evaluating(method: Method) -> Iterator[None]:
    """Put the method into evaluation mode inside the context, and restore its mode afterwards."""
    training = method.training
    method.eval()
    try:
        yield
    finally:
        method.train(training)


class Evaluator:
    """Measures methods: generated images against real images, reconstructions, and codes against the prior."""

    def __init__(self, references: References, evaluation: Evaluation) -> None:
        self.curve = Scorer(references, ScoringProtocol.curve(evaluation))
        last = ScoringProtocol.final(evaluation, references.extractor.name)
        self.last = Scorer(references, last) if evaluation.final_samples else None
        if self.last:
            latent.import_classifier()  # now, so that the import is not timed as part of a worker's first evaluation
        self.seed = evaluation.seed
        images = references.data.images(evaluation.split)
        held_out = images[: held_out_images(*images.shape[2:])]
        self.held_out = torch.from_numpy(held_out).to(references.device)

    @torch.no_grad()
    def __call__(self, method: Method) -> tuple[Columns, dict[str, Tensor]]:
        """Return a row's columns, and uint8 images: "samples", and "reconstructions" (each below its original)."""
        with evaluating(method):
            columns, samples = self.curve(method)
            columns |= {
                "reconstruction_test": self._reconstruction_error(method),
                **latent.diagnose(self._codes(method), method.prior, self.seed),
                "n_held_out": len(self.held_out),
            }
            columns |= self._own_diagnostics(method, columns)
            return columns, {"samples": samples, "reconstructions": self._reconstructions(method)}

    @torch.no_grad()
    def final(self, method: Method) -> Columns:
        """Return the columns of the last checkpoint's own row, with all metrics; empty if there is no such row."""
        if self.last is None:
            return {}
        with evaluating(method):
            columns, _ = self.last(method)
            tests = latent.two_sample_tests(self._codes(method), method.prior, self.seed)
            return columns | tests | {"n_held_out": len(self.held_out)}

    @torch.no_grad()
    def final_pictures(self, method: Method) -> tuple[Tensor, dict[str, Tensor]]:
        """Return what the report shows of the last checkpoint.

        Returns:
            uint8 interpolations between held-out images, and a few "codes" and samples of the "prior". Codes are draws
            from q(z|x), as in the latent diagnostics. Both are float32 [n, d], on the CPU.
        """
        columns = grid_columns(self.held_out.shape[3])
        with evaluating(method):
            lines = interpolations(method, self.held_out[: 2 * columns])
            codes = self._codes(method)[:SHOWN_CODES]
            with forked(self.seed):
                samples = method.prior.sample(len(codes), codes.device)
            return lines, {"codes": codes.float().cpu(), "prior": samples.float().cpu()}

    def _codes(self, method: Method) -> Tensor:
        with forked(self.seed):
            return encode(method, self.held_out)

    def _own_diagnostics(self, method: Method, columns: Columns) -> dict[str, float]:
        """The method's own diagnostics; ValueError if one has the name of a column that all methods share."""
        with forked(self.seed):
            diagnostics = method.diagnostics(to_unit(self.held_out))
        reserved = [
            name for name in diagnostics if name in columns or parse(name) or name.startswith(("latent_", "train_"))
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
