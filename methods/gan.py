"""WAE-GAN: Tolstikhin, Bousquet, Gelly, Schoelkopf, Wasserstein Auto-Encoders, arXiv 1711.01558, algorithm 1."""

from typing import Annotated, Any

from torch import Tensor
from torch.nn.functional import softplus

from methods.base import Method
from methods.functional import frozen
from methods.hyperparameters import AtLeastOne, LogUniform, Positive
from methods.networks import Networks, mlp
from methods.priors import Prior


class GAN(Method):
    """A critic separates prior samples from codes; the encoder is trained to fool it (non-saturating loss).

    The losses of both players are added and share one backward pass. The encoder's term uses the critic with detached
    parameters, and the critic's term uses detached codes, so each player receives the gradient of its own loss only.

    Args:
        weight: lambda, in units of the training images' total variance (`Networks.weight_unit`).
        critic_lr_scale: the critic's learning rate, as a multiple of the autoencoder's.
        critic_width: units in a hidden layer of the critic.
        critic_depth: the number of the critic's hidden layers.
    """

    takes_any_prior = True
    paper = "Tolstikhin et al., arXiv 1711.01558, algorithm 1"
    published_names = ("WAE-GAN", "AAE", "adversarial autoencoder")
    no_floor = "a critic's loss depends on how well the critic is trained"
    search_space = {"weight": LogUniform(0.0003, 3), "critic_lr_scale": LogUniform(0.1, 10)}

    def __init__(
        self,
        networks: Networks,
        prior: Prior,
        *,
        weight: Annotated[float, Positive] = 0.0092,
        critic_lr_scale: Annotated[float, Positive] = 0.39,
        critic_width: Annotated[int, AtLeastOne] = 256,
        critic_depth: Annotated[int, AtLeastOne] = 3,
    ) -> None:
        super().__init__(networks, prior)
        self.weight = weight * networks.weight_unit
        self.critic_lr_scale = critic_lr_scale
        self.critic = mlp(prior.dim, critic_width, critic_depth)

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Add the losses of the encoder and of the critic to the reconstruction error."""
        z = self.encode(x)
        reconstruction = self.reconstruction_error(self.decode(z), x)
        codes = self.prior.network_input(z)
        samples = self.prior.network_input(self.prior.sample(len(z), z.device))
        penalty = softplus(-frozen(self.critic, codes)).mean()
        critic = softplus(-self.critic(samples)).mean() + softplus(self.critic(codes.detach())).mean()
        loss = reconstruction + self.weight * penalty + critic
        return {"loss": loss, "reconstruction": reconstruction, "penalty": penalty, "critic": critic}

    def param_groups(self) -> list[dict[str, Any]]:
        """Give the critic its own learning rate and Adam's betas of DCGAN."""
        return [
            {"params": [*self.encoder.parameters(), *self.decoder.parameters()]},
            {"params": list(self.critic.parameters()), "lr_scale": self.critic_lr_scale, "betas": (0.5, 0.999)},
        ]
