"""The control: reconstruction only, no latent matching."""

from torch import Tensor

from methods.base import Method


class Autoencoder(Method):
    """No penalty. On the sphere it is the normalise-only autoencoder (arXiv 1912.10233)."""

    paper = "control, no penalty; with prior=sphere: normalise only, Zhao et al., arXiv 1912.10233"

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        reconstruction = self.reconstruction_error(self.decode(self.encode(x)), x)
        return {"loss": reconstruction, "reconstruction": reconstruction}
