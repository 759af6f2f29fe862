"""One evaluation of a method: what a row says, and the grids beside it."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.data import Prepared
from bench.evaluation.extractor import FEATURES, Extractor
from bench.evaluation.frechet import Moments, frechet_distance
from bench.evaluation.reference import Reference
from bench.images import to_uint8, to_unit
from bench.rng import forked
from methods import Method

BATCH = 500
HELD_OUT = 1000  # images for reconstruction and diagnostics
GRID = 64


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
        held_out = torch.from_numpy(data.images(reference.split)[:HELD_OUT]).to(device)
        return cls(extractor.to(device), reference, held_out, samples, seed)

    def __call__(self, method: Method) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """A row's columns, and uint8 images: "samples", and "reconstructions" (each below its original)."""
        training = method.training
        method.eval()
        try:
            with torch.no_grad(), forked(self.seed):
                distance, confidence, shown = self._generated(method)
                columns = {
                    "fd_classifier": distance,
                    "fd_classifier_floor": self.reference.floor,
                    "confidence": confidence,
                    "confidence_real": self.reference.confidence,
                    "reconstruction_test": self._reconstruction_error(method),
                    **{name: float(value) for name, value in method.diagnostics(to_unit(self.held_out)).items()},
                }
                return columns | self._stamp(), {"samples": shown, "reconstructions": self._reconstructions(method)}
        finally:
            method.train(training)

    def _generated(self, method: Method) -> tuple[float, float, Tensor]:
        """Frechet distance and mean highest class probability of generated images; the first of them."""
        moments, confidence, shown = Moments.empty(FEATURES, self.held_out.device), 0.0, []
        for start in range(0, self.samples, BATCH):
            images = to_uint8(method.sample(min(BATCH, self.samples - start)))
            features, probabilities = self.extractor(images)
            moments.add(features)
            confidence += probabilities.amax(1).sum().item()
            if start < GRID:
                shown.append(images[: GRID - start])
        moments = Moments(moments.n, moments.total.cpu(), moments.outer.cpu())
        return frechet_distance(moments, self.reference.moments), confidence / self.samples, torch.cat(shown)

    def _reconstruction_error(self, method: Method) -> float:
        """Squared error summed over pixels and channels, mean over held-out images, in [-1, 1] units."""
        total = 0.0
        for batch in self.held_out.split(BATCH):
            x = to_unit(batch)
            total += (method.decode(method.encode(x)) - x).square().sum(dtype=torch.float64).item()
        return total / len(self.held_out)

    def _reconstructions(self, method: Method) -> Tensor:
        """Rows of eight originals, each followed by the row of their reconstructions."""
        originals = self.held_out[: GRID // 2]
        decoded = to_uint8(method.decode(method.encode(to_unit(originals))))
        pairs = zip(originals.split(8), decoded.split(8), strict=True)
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
