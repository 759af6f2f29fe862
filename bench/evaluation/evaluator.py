"""One evaluation of a method: what a row says, and the grids beside it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.data import Prepared
from bench.evaluation.extractor import FEATURES, Extractor
from bench.evaluation.frechet import Moments, frechet_distance
from bench.evaluation.reference import Reference
from bench.images import batch_size, grid_columns, to_uint8, to_unit
from bench.rng import forked
from methods import Method

HELD_OUT = 1000  # images of up to 64x64, of larger ones fewer, for reconstruction and diagnostics


def held_out_images(height: int, width: int) -> int:
    """How many images reconstruction and diagnostics are of: a method's diagnostics get them at once."""
    return max(256, min(HELD_OUT, HELD_OUT * 64 * 64 // (height * width)))


@dataclass(frozen=True)
class Evaluator:
    """Measures methods against a fixed reference; draws the same prior samples (by `seed`) each time."""

    extractor: Extractor
    reference: Reference
    held_out: Tensor  # uint8 [n, c, h, w], on the device
    samples: int
    seed: int

    @classmethod
    def create(
        cls, loaded: tuple[Extractor, Reference], data: Prepared, samples: int, seed: int, device: torch.device
    ) -> "Evaluator":
        extractor, reference = loaded
        images = data.images(reference.split)
        held_out = torch.from_numpy(images[: held_out_images(*images.shape[2:])]).to(device)
        return cls(extractor.to(device), reference, held_out, samples, seed)

    @property
    def headline(self) -> str:
        """The column of the distance."""
        return self.extractor.column

    def __call__(self, method: Method) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """A row's columns, and uint8 images: "samples", and "reconstructions" (each below its original)."""
        training = method.training
        method.eval()
        try:
            with torch.no_grad(), forked(self.seed):
                distance, confidence, shown = self._generated(method)
                columns = {self.headline: distance, f"{self.headline}_floor": self.reference.floor}
                if self.extractor.name == "classifier":  # how sure a network is of a rotation says nothing of an image
                    columns |= {"confidence": confidence, "confidence_real": self.reference.confidence}
                columns |= {
                    "reconstruction_test": self._reconstruction_error(method),
                    **{name: float(value) for name, value in method.diagnostics(to_unit(self.held_out)).items()},
                }
                return columns | self._stamp(), {"samples": shown, "reconstructions": self._reconstructions(method)}
        finally:
            method.train(training)

    def _generated(self, method: Method) -> tuple[float, float, Tensor]:
        """Frechet distance and mean highest class probability of generated images; the first of them."""
        moments, confidence, shown = Moments.empty(FEATURES, self.held_out.device), 0.0, []
        batch, grid = batch_size(*self.held_out.shape[2:]), grid_columns(self.held_out.shape[3]) ** 2
        for start in range(0, self.samples, batch):
            images = to_uint8(method.sample(min(batch, self.samples - start)))
            features, probabilities = self.extractor(images)
            moments.add(features)
            confidence += probabilities.amax(1).sum().item()
            if start < grid:
                shown.append(images[: grid - start])
        moments = Moments(moments.n, moments.total.cpu(), moments.outer.cpu())
        return frechet_distance(moments, self.reference.moments), confidence / self.samples, torch.cat(shown)

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

    def _stamp(self) -> dict[str, Any]:
        return {
            "n_generated": self.samples,
            "n_real": self.reference.moments.n,
            "n_held_out": len(self.held_out),
            "reference_split": self.reference.split,
            "extractor": self.extractor.name,
            "extractor_sha256": self.extractor.sha256,
            "sampling_seed": self.seed,
        }
