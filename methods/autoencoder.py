"""The control: reconstruction only. With prior=sphere: Zhao et al., arXiv 1912.10233."""

from torch import Tensor

from methods.base import Method


class Autoencoder(Method):
    """No penalty. With prior=sphere it is the normalise-only autoencoder (arXiv 1912.10233)."""

    takes_any_prior = True
    paper = "control, no penalty; with prior=sphere: normalise only, Zhao et al., arXiv 1912.10233"
    published_names = ("AE",)
    no_floor = "there is no penalty"

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Return the reconstruction error as the loss."""
        reconstruction = self.reconstruction_error(self.decode(self.encode(x)), x)
        return {"loss": reconstruction, "reconstruction": reconstruction}
