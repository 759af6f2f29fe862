"""Methods that are broken in exactly one way each, with the check that must reject them and its reason."""

import itertools
from copy import deepcopy
from typing import Annotated

import pytest
import torch
from torch import Tensor, nn

from methods import Method
from methods.functional import ema_
from methods.gan import GAN
from methods.hyperparameters import Choice, LogUniform, Positive
from methods.mmd import MMD
from methods.moco import MoCo

CASES = []


def broken(check: str, reason: str, prior: str = "normal"):
    """Lists a method that `check` must reject with `reason`."""

    def listed(method: type[Method]) -> type[Method]:
        CASES.append(pytest.param(check, prior, reason, method, id=f"{check}-{method.__name__}"))
        return method

    return listed


class Spoilt(MMD):
    """MMD whose losses pass through `spoil`."""

    def losses(self, x: Tensor) -> dict[str, Tensor]:
        return self.spoil(x, super().losses(x))

    def spoil(self, x: Tensor, losses: dict[str, Tensor]) -> dict[str, Tensor]:
        del x
        return losses

    def penalised(self, losses: dict[str, Tensor], penalty: Tensor) -> dict[str, Tensor]:
        return losses | {"loss": losses["reconstruction"] + penalty, "penalty": penalty}


@broken("schema", "it has no docstring")
class Undocumented(MMD):
    __doc__ = None


@broken("schema", "`paper` is empty")
class Uncited(MMD):
    """A method."""

    paper = ""


@broken("schema", "`priors` names cauchy")
class UnknownPrior(MMD):
    """A method."""

    priors = ("normal", "cauchy")


@broken("schema", "search_space names wieght")
class Misspelt(MMD):
    """A method."""

    search_space = {"wieght": LogUniform(0.1, 1)}


@broken("schema", "weight must be > 0, not -1.0")
class TooWide(MMD):
    """A method."""

    search_space = {"weight": Choice((-1.0, 10.0))}


@broken("schema", "is outside its search space (20 to 1000, logarithmic)")
class OutsideSearch(MMD):
    """A method."""

    search_space = {"weight": LogUniform(20, 1000)}


@broken("schema", "set integer=True", prior="sphere")
class Fractions(MoCo):
    """A method."""

    search_space = {"queue_size": LogUniform(256, 65536)}


@broken("search", 'write search_space = {"weight": LogUniform(0.065, 6.5)}')
class Unsearched(MMD):
    """A method."""

    search_space = {}


@broken("schema", "the hyperparameter weight needs a type and a default")
class WithoutDefault(MMD):
    """A method."""

    search_space = {}

    def __init__(self, networks, prior, *, weight: Annotated[float, Positive]):
        super().__init__(networks, prior, weight=weight)


@broken("shapes", "encode(x) is not on the support of the prior sphere", prior="sphere")
class OffTheSphere(MMD):
    def encode(self, x):
        return self.encoder(x)


@broken("shapes", "sample_codes(x) is torch.float32 [6, 1, 4]")
class OddCodes(MMD):
    def sample_codes(self, x):
        return self.encode(x)[:, None]


@broken("shapes", "decode(z) has pixels outside [-1, 1]")
class Overexposed(MMD):
    def decode(self, z):
        return 100 * self.decoder(z)


@broken("shapes", "losses(x) lacks reconstruction")
class Unnamed(Spoilt):
    def spoil(self, _x, losses):
        return {"loss": losses["loss"], "error": losses["reconstruction"]}


@broken("shapes", "losses(x): penalty must be float32 scalars")
class Unreduced(Spoilt):
    def spoil(self, _x, losses):
        return losses | {"penalty": losses["penalty"].expand(3)}


@broken("shapes", "in eval mode changes seen")
class Counts(MMD):
    def __init__(self, networks, prior):
        super().__init__(networks, prior)
        self.register_buffer("seen", torch.zeros(()))

    def encode(self, x):
        self.seen += len(x)
        return super().encode(x)


@broken("precision", "encode(x) is torch.bfloat16")
class Coarse(MMD):
    def encode(self, x):
        return self.encoder(x).to(self.encoder.dtype)


@broken("precision", "with bf16 networks the reconstruction is")
class Coarser(Spoilt):
    def spoil(self, _x, losses):
        scale = 2 if self.encoder.dtype == torch.bfloat16 else 1
        return losses | {"reconstruction": scale * losses["reconstruction"]}


@broken("finite", "loss, penalty is not finite for a batch of 2 and 2 latent dimensions")
class Threes(Spoilt):
    def spoil(self, x, losses):
        return self.penalised(losses, losses["penalty"] * torch.ones(len(x) - 2).mean())


@broken("finite", "the gradient of encoder.body.0.weight, encoder.body.0.bias")
class Rooted(Spoilt):
    def spoil(self, x, losses):
        z = self.encode(x)
        return self.penalised(losses, (z[:, None] - z).square().sum(2).sqrt().mean())


@broken("finite", "when all images are equal")
class Standardised(Spoilt):
    def spoil(self, x, losses):
        z = self.encode(x)
        return self.penalised(losses, ((z - z.mean(0)) / z.std(0)).pow(4).mean())


@broken("step", "a step does not change extra.weight, extra.bias")
class Unused(MMD):
    def __init__(self, networks, prior):
        super().__init__(networks, prior)
        self.extra = nn.Linear(2, 2)


@broken("step", "param_groups lacks critic.0.weight, critic.0.bias, critic.2.weight and 5 more")
class Ungrouped(GAN):
    def param_groups(self):
        return super().param_groups()[:1]


@broken("step", "more than once")
class Twice(MMD):
    def param_groups(self):
        return [*super().param_groups(), {"params": list(self.decoder.parameters())}]


@broken("step", "which is not trained; list its module in `averages`", prior="sphere")
class Undeclared(MoCo):
    averages = ()


@broken("step", "`averages` lists key_encoders, which is not a submodule", prior="sphere")
class MisspeltAverage(MoCo):
    averages = ("key_encoders",)


@broken("step", "but a step does not change it", prior="sphere")
class NeverMoved(MoCo):
    def after_step(self):
        pass


@broken("step", "`averages` lists copied, but gradients reach it")
class TrainedAverage(MMD):
    averages = ("copied",)

    def __init__(self, networks, prior):
        super().__init__(networks, prior)
        self.copied = deepcopy(self.encoder)

    def after_step(self):
        ema_(self.copied, self.encoder, 0.5)


@broken("state", "loss, penalty differs")
class CountsInPython(Spoilt):
    steps = 0

    def spoil(self, _x, losses):
        return self.penalised(losses, losses["penalty"] + self.steps)

    def after_step(self):
        self.steps += 1


@broken("state", "after restoring a checkpoint, steps change total differently")
class Unsaved(MMD):
    def __init__(self, networks, prior):
        super().__init__(networks, prior)
        self.register_buffer("total", torch.zeros(()), persistent=False)

    def after_step(self):
        self.total += 1


@broken("seeds", "two different seeds start with the same codes")
class SeedsItself(MMD):
    def __init__(self, networks, prior):
        torch.manual_seed(0)
        super().__init__(networks, prior)


@broken("seeds", "the same seed starts with a different shift")
class StartsAnyhow(MMD):
    def __init__(self, networks, prior):
        super().__init__(networks, prior)
        generator = torch.Generator()
        generator.seed()
        self.register_buffer("shift", torch.randn(3, generator=generator))


@broken("seeds", "with the same seed, steps change")
class DrawsAnyhow(Spoilt):
    def spoil(self, _x, losses):
        generator = torch.Generator()
        generator.seed()
        return self.penalised(losses, losses["penalty"] * torch.rand((), generator=generator))


@broken("traces", "torch.compile cannot follow it at broken_methods.py:")
class Branches(Spoilt):
    def spoil(self, _x, losses):
        return losses if losses["penalty"] > 0 else self.penalised(losses, -losses["penalty"])


@broken("traces", "with torch.compile, penalty is")
class OtherwiseCompiled(Spoilt):
    def spoil(self, _x, losses):
        return losses | {"penalty": losses["penalty"] + (1 if torch.compiler.is_compiling() else 0)}


@broken("waiting", "losses waits for the device at broken_methods.py:")
class Reads(Spoilt):
    def spoil(self, _x, losses):
        self.seen = losses["loss"].detach().tolist()
        return losses


@broken("waiting", "_local_scalar_dense")
class Branching(Spoilt):
    def spoil(self, _x, losses):
        return losses | {"penalty": losses["penalty"] * torch.is_nonzero(losses["penalty"])}


@broken("waiting", "indexing with a mask")
class Masks(Spoilt):
    def spoil(self, x, losses):
        return self.penalised(losses, x[x > 0].mean())


@broken("waiting", "aten.masked_select")
class Selects(Spoilt):
    def spoil(self, x, losses):
        return self.penalised(losses, torch.masked_select(x, x > 0).mean())


@broken("waiting", "torch.linalg")
class Inverts(Spoilt):
    def spoil(self, x, losses):
        z = self.encode(x)
        return self.penalised(losses, torch.linalg.inv(z.T @ z + torch.eye(4)).trace())


@broken("waiting", "write c = z - z.mean(0); c.T @ c / (len(z) - 1)")
class Covariance(Spoilt):
    def spoil(self, x, losses):
        return self.penalised(losses, torch.cov(self.encode(x).T).trace())


@broken("waiting", "the backward pass waits")
class Hooked(Spoilt):
    def spoil(self, _x, losses):
        losses["loss"].register_hook(lambda gradient: gradient * gradient.item())
        return losses


@broken("waiting", "after_step waits for the device at broken_methods.py:", prior="sphere")
class ComparesAfterwards(MoCo):
    def after_step(self):
        if not torch.equal(self.queue, self.keys):
            super().after_step()


@broken("floor", "no floor, so reports cannot say")
class WithoutFloor(MMD):
    """A method."""

    def floor(self, n: int) -> None:
        del n


@broken("floor", "floor(500) returns 0")
class Lifted(Spoilt):
    def spoil(self, _x, losses):
        return losses | {"penalty": losses["penalty"] + 0.5}


@broken("floor", "floor(n) is defined, but losses(x) has no")
class Nameless(Spoilt):
    def spoil(self, _x, losses):
        return {"loss": losses["loss"], "reconstruction": losses["reconstruction"], "mmd": losses["penalty"]}


@broken("units", "the weight does not depend on networks.weight_unit")
class AbsoluteWeight(MMD):
    def __init__(self, networks, prior, *, weight: Annotated[float, Positive] = 1.0):
        super().__init__(networks, prior, weight=weight)
        self.weight = weight


@broken("grows", "does not grow when codes are shrunk")
class MeanOnly(Spoilt):
    def spoil(self, x, losses):
        return self.penalised(losses, self.encode(x).mean(0).square().sum() - self.prior.dim / len(x))


@broken("grows", "does not grow when codes are shifted")
class SpreadOnly(Spoilt):
    def spoil(self, x, losses):
        return self.penalised(losses, (self.encode(x).var(0) - 1).square().sum())


@broken("replays", "steps change weight, but not when replayed as a CUDA graph")
class Anneals(MMD):
    """The weight of the penalty is a number that grows with every step."""

    def losses(self, x):
        self.weight *= 1.1
        return super().losses(x)


@broken("replays", "steps change steps, but not when replayed as a CUDA graph")
class Switches(Spoilt):
    """After more steps than any check takes."""

    steps = 0

    def spoil(self, x, losses):
        del x
        self.steps += 1
        return self.penalised(losses, losses["penalty"]) if self.steps > 1000 else losses


@broken("replays", "replayed as a CUDA graph, steps give a different loss")
class TakesTurns(Spoilt):
    """Keeps its count in an iterator, where no number changes."""

    def spoil(self, x, losses):
        del x
        if not hasattr(self, "turns"):
            self.turns = itertools.cycle([True, False])
        return self.penalised(losses, losses["penalty"]) if next(self.turns) else losses


@broken("grows", "does not grow when codes are shifted", prior="sphere")
class FrozenQueue(MoCo):
    def after_step(self):
        ema_(self.key_encoder, self.encoder, self.momentum)


@broken("rotation", "after codes and normal draws are rotated together", prior="sphere")
class AlongAxes(Spoilt):
    def spoil(self, x, losses):
        z, samples = self.encode(x), self.prior.sample(len(x), x.device)
        return self.penalised(losses, (z.sort(0).values - samples.sort(0).values).square().mean())
