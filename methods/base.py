"""The contract between a method and the benchmark harness. Read this file before you write a method.

A method owns its networks, prior, buffers and losses. The harness owns everything else: optimiser, learning-rate
schedule, data, seeds, recording, checkpoints and evaluation. One training step of the harness is

    losses = method.losses(x)
    losses["loss"].backward()
    optimizer.step()
    method.after_step()

There is one optimiser. A method with an adversary therefore adds the losses of both players, and keeps their gradients
apart with `detach` and `functional.frozen` (see gan.py).

A GPU records a step once and replays it as a CUDA graph. State that changes from step to step must therefore be a
buffer that is updated in place (see moco.py): a replayed graph does not update Python numbers. `python -m bench.check`
tests this and the rest of the contract. The steps of a method that fails this test are not replayed, which is slower.

A complete method, without its imports:

    class Mine(Method):
        "One sentence, which bench.info lists."

        paper = "Author et al., arXiv 0000.00000, equation 1"
        search_space = {"weight": LogUniform(0.01, 100)}
        no_floor = "it looks at the mean only: shrunk codes have less than samples of the prior"

        def __init__(self, networks: Networks, prior: Prior, *, weight: Annotated[float, Positive] = 1.0) -> None:
            super().__init__(networks, prior)
            self.weight = weight * networks.weight_unit

        def losses(self, x: Tensor) -> dict[str, Tensor]:
            z = self.encode(x)
            reconstruction = self.reconstruction_error(self.decode(z), x)
            penalty = z.mean(0).square().sum()
            loss = reconstruction + self.weight * penalty
            return {"loss": loss, "reconstruction": reconstruction, "penalty": penalty}

    METHODS = {"mine": Mine}
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from methods.networks import Networks
from methods.priors import Prior


class Method(nn.Module):
    """A way to match the distribution of codes to a prior.

    Its hyperparameters are the keyword-only arguments of `__init__`, each with a type and a default (see
    `methods.hyperparameters`). Names for shapes: n images in a batch, c channels, h x w pixels, d latent dimensions.

    Args:
        networks: makes the encoder and the decoder (`methods.networks`).
        prior: the distribution that codes should follow (`methods.priors`).

    Attributes:
        priors: names of the supported priors; the first is the default.
        takes_any_prior: whether it also supports the priors of plug-ins, because it uses nothing but their samples.
        search_space: the hyperparameters that a search varies: name -> LogUniform, Uniform or Choice.
        learning_rate: the default initial learning rate of Adam, or one for each prior: prior -> learning rate.
        paper: the citation, with the number of the equation or algorithm.
        published_names: other names that commands accept, as papers write them, such as "WAE-MMD"; upper case, hyphens
            and underscores do not matter.
        no_floor: why `floor` is None; empty if it is not.
        averages: names of submodules that `after_step` updates instead of the optimiser, such as a moving average.
    """

    priors: ClassVar[tuple[str, ...]] = ("normal", "sphere")
    takes_any_prior: ClassVar[bool] = False
    search_space: ClassVar[dict[str, Any]] = {}
    learning_rate: ClassVar[float | Mapping[str, float]] = 2e-3
    paper: ClassVar[str] = ""
    published_names: ClassVar[tuple[str, ...]] = ()
    no_floor: ClassVar[str] = ""
    averages: ClassVar[tuple[str, ...]] = ()

    def __init__(self, networks: Networks, prior: Prior) -> None:
        super().__init__()
        self.prior = prior
        self.encoder = networks.encoder(self.encoder_outputs(prior.dim))
        self.decoder = networks.decoder()
        self.reconstruction_error = networks.reconstruction_error

    @classmethod
    def encoder_outputs(cls, dim: int) -> int:
        """Return the number of encoder outputs for codes of `dim` numbers.

        Default: `dim`. Override it if q(z|x) is a distribution that needs more parameters.
        """
        return dim

    def encode(self, x: Tensor) -> Tensor:
        """Map images [n, c, h, w] in [-1, 1] to deterministic codes [n, d] on the prior's support."""
        return self.prior.project(self.encoder(x))

    def sample_codes(self, x: Tensor) -> Tensor:
        """Draw one code per image from q(z|x), shape [n, d]. These are the codes that should follow the prior.

        Default: `encode`, for methods whose q(z|x) is a point.
        """
        return self.encode(x)

    def decode(self, z: Tensor) -> Tensor:
        """Map codes [n, d] to images [n, c, h, w] in [-1, 1]."""
        return self.decoder(self.prior.network_input(z))

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        """Compute the losses of a training batch. Every method defines this function.

        Args:
            x: images [n, c, h, w] in [-1, 1], n >= 2.

        Returns:
            float32 scalars by name. Required are "loss", which is minimised, and "reconstruction", which is
            `self.reconstruction_error(self.decode(z), x)`. The penalty, if there is one, is returned unweighted as
            "penalty". Further entries are recorded under their own names.
        """
        raise NotImplementedError(f"{type(self).__name__} must define losses(x)")

    def floor(self, n: int) -> float | None:
        """Return the expected "penalty" of `n` codes drawn from the prior: exact, or the limit for large n.

        Default: None, for penalties that do not measure the aggregate code distribution (adversarial losses, posterior
        KL); `no_floor` then says why.
        """
        del n
        return None

    def param_groups(self) -> list[dict[str, Any]]:
        """Return the optimiser's parameter groups. Default: one group with all trainable parameters.

        A group may set `lr_scale`, a factor on the learning rate, and `betas`.
        """
        return [{"params": [p for p in self.parameters() if p.requires_grad]}]

    def after_step(self) -> None:
        """Update state after the optimiser's step, such as a moving average. Default: nothing."""

    def diagnostics(self, x: Tensor) -> dict[str, Tensor]:
        """Return scalars that are specific to this method, measured on held-out images [n, c, h, w]. Default: none.

        It is called without gradients. The scalars become columns of their own.
        """
        del x
        return {}

    @property
    def device(self) -> torch.device:
        """The device of the parameters."""
        return next(self.parameters()).device

    def sample(self, n: int) -> Tensor:
        """Generate `n` images [n, c, h, w] in [-1, 1] by decoding draws from the prior."""
        return self.decode(self.prior.sample(n, self.device))
