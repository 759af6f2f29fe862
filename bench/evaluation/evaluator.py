"""One evaluation of a method while it trains: what a row says, and the grids beside it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from bench.data.images import batch_size, to_uint8, to_unit
from bench.evaluation.image_grids import grid_columns, interpolations
from bench.evaluation.reference import References
from bench.evaluation.samplers import encode
from bench.evaluation.scorer import Protocol, Scorer
from bench.experiment.settings import Evaluation
from bench.metrics import latent
from bench.metrics.columns import parse
from bench.runtime.rng import forked
from methods import Method

HELD_OUT = 1000  # images of up to 64x64, of larger ones fewer, for reconstruction and diagnostics
VIEWED = 500  # codes that a report shows


def held_out_images(height: int, width: int) -> int:
    """How many images reconstruction and diagnostics are of: a method's diagnostics get them at once."""
    return max(256, min(HELD_OUT, HELD_OUT * 64 * 64 // (height * width)))


@contextmanager
def evaluating(method: Method) -> Iterator[None]:
    """Evaluation mode inside; what was before, after."""
    training = method.training
    method.eval()
    try:
        yield
    finally:
        method.train(training)


class Evaluator:
    """Measures methods: generated images against real ones, reconstructions, and the codes against the prior."""

    def __init__(self, references: References, evaluation: Evaluation) -> None:
        self.curve = Scorer(references, Protocol.curve(evaluation))
        last = Protocol.final(evaluation, references.extractor.name)
        self.last = Scorer(references, last) if evaluation.final_samples else None
        if self.last:
            latent.import_classifier()  # or it would count as the evaluation of whichever trial is a worker's first
        self.seed = evaluation.seed
        images = references.data.images(evaluation.split)
        held_out = images[: held_out_images(*images.shape[2:])]
        self.held_out = torch.from_numpy(held_out).to(references.device)

    @torch.no_grad()
    def __call__(self, method: Method) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """A row's columns, and uint8 images: "samples", and "reconstructions" (each below its original)."""
        with evaluating(method):
            columns, shown = self.curve(method)
            columns |= {
                "reconstruction_test": self._reconstruction_error(method),
                **latent.diagnose(self._codes(method), method.prior, self.seed),
                "n_held_out": len(self.held_out),
            }
            columns |= self._own(method, columns)
            return columns, {"samples": shown, "reconstructions": self._reconstructions(method)}

    @torch.no_grad()
    def final(self, method: Method) -> dict[str, Any]:
        """The columns of the last checkpoint's own row: all metrics, of more images; none where it has no such row."""
        if self.last is None:
            return {}
        with evaluating(method):
            columns, _ = self.last(method)
            found = latent.two_sample_tests(self._codes(method), method.prior, self.seed)
            return columns | found | {"n_held_out": len(self.held_out)}

    @torch.no_grad()
    def ending(self, method: Method) -> tuple[Tensor, dict[str, Tensor]]:
        """Of the last checkpoint: uint8 interpolations between held-out images, and a few "codes" and "prior" samples.

        Codes are draws from q(z|x), as in the latent diagnostics; both [n, d], float32, on the CPU.
        """
        columns = grid_columns(self.held_out.shape[3])
        with evaluating(method):
            shown = interpolations(method, self.held_out[: 2 * columns])
            codes = self._codes(method)[:VIEWED]
            with forked(self.seed):
                samples = method.prior.sample(len(codes), codes.device)
            return shown, {"codes": codes.float().cpu(), "prior": samples.float().cpu()}

    def _codes(self, method: Method) -> Tensor:
        with forked(self.seed):
            return encode(method, self.held_out)

    def _own(self, method: Method, columns: dict[str, Any]) -> dict[str, float]:
        """What only this method can say; ValueError where it would pass for what is measured of all methods."""
        with forked(self.seed):
            found = method.diagnostics(to_unit(self.held_out))
        taken = [name for name in found if name in columns or parse(name) or name.startswith(("latent_", "train_"))]
        if taken:
            raise ValueError(f"diagnostics of {type(method).__name__} must not be called {', '.join(taken)}")
        return {name: float(value) for name, value in found.items()}

    def _reconstruction_error(self, method: Method) -> float:
        """Squared error summed over pixels and channels, mean over held-out images, in [-1, 1] units."""
        total = 0.0
        for batch in self.held_out.split(batch_size(*self.held_out.shape[2:])):
            x = to_unit(batch)
            total += (method.decode(method.encode(x)) - x).square().sum(dtype=torch.float64).item()
        return total / len(self.held_out)

    def _reconstructions(self, method: Method) -> Tensor:
        """Rows of originals, each followed by the row of their reconstructions."""
        columns = grid_columns(self.held_out.shape[3])
        originals = self.held_out[: columns * columns // 2]
        decoded = to_uint8(method.decode(method.encode(to_unit(originals))))
        pairs = zip(originals.split(columns), decoded.split(columns), strict=True)
        return torch.cat([part for pair in pairs for part in pair])
