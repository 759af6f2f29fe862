"""The subject of a check: a method under one prior, on tiny networks or on identity networks."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.experiment.settings import Training
from bench.runtime import rng
from bench.training.step import Graph, Stepper
from methods import Method
from methods.functional import squared_error
from methods.networks import Networks
from methods.priors import PRIORS

SHAPE = (1, 8, 8)
NARROW = -30.0  # a log variance so small that a posterior is effectively a point


class Broken(Exception):
    """The method breaks the contract. The message is one line: the defect, then the remedy."""


class Unfinished(Broken):
    """Results are right, but something is missing that others need. The message is as that of `Broken`."""


class Skipped(Exception):
    """The check does not apply to the method. The message is the reason."""


class IdentityEncoder(nn.Module):
    """Returns images [n, 1, 1, d] as codes [n, d]; all further outputs are NARROW."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        """Images [n, 1, 1, d] -> [n, outputs]."""
        codes = x.flatten(1)
        return torch.cat([codes, codes.new_full((len(codes), self.outputs - codes.shape[1]), NARROW)], dim=1)


class IdentityDecoder(nn.Module):
    """Inverts `IdentityEncoder`. It has a parameter because `Method.device` reads the device of a parameter."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, z: Tensor) -> Tensor:
        """Codes [n, d] -> images [n, 1, 1, d]."""
        return (self.scale * z)[:, None, None, :]


class IdentityNetworks(Networks):
    """`Networks` whose images [n, 1, 1, d] are the codes."""

    def __init__(self, dim: int) -> None:
        for name, value in {"name": "identity", "shape": (1, 1, dim), "latent_dim": dim, "width": 1}.items():
            object.__setattr__(self, name, value)  # frozen, and Networks.__init__ rejects unknown names

    def encoder(self, outputs: int | None = None) -> nn.Module:
        """Return an `IdentityEncoder`."""
        return IdentityEncoder(outputs or self.latent_dim)

    def decoder(self) -> nn.Module:
        """Return an `IdentityDecoder`."""
        return IdentityDecoder()

    @property
    def reconstruction_error(self) -> Callable[[Tensor, Tensor], Tensor]:
        """The squared error, whatever a method asks for."""
        return squared_error


@dataclass(frozen=True)
class Subject:
    """A method under one of its priors, with default hyperparameters unless others are given."""

    method: type[Method]
    prior: str
    hyperparameters: tuple[tuple[str, Any], ...] = ()

    def build(self, dim: int = 4, seed: int = 0, precision: str = "fp32", weight_unit: float = 1.0) -> Method:
        """Build the method on tiny networks for images of SHAPE, seeded as in a training (`bench.training.build`)."""
        networks = Networks("small", SHAPE, latent_dim=dim, width=4, precision=precision, weight_unit=weight_unit)
        return self._seeded(networks, dim, seed).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def identity(self, dim: int, seed: int = 0) -> Method:
        """Build the method on networks that pass codes [n, dim] through (see `as_images`)."""
        return self._seeded(IdentityNetworks(dim), dim, seed)

    def _seeded(self, networks: Networks, dim: int, seed: int) -> Method:
        rng.seed_everything(seed)
        return self.method(networks, PRIORS[self.prior](dim), **dict(self.hyperparameters))

    def stepper(self, seed: int = 0, graph: Graph | None = None) -> Stepper:
        """Return a training at step 0, with the harness's own optimiser and schedule."""
        return Stepper(self.build(seed=seed), Training(learning_rate=1e-3), length=100, graph=graph)


def as_images(codes: Tensor) -> Tensor:
    """Return the images [n, 1, 1, d] that `Subject.identity` encodes to `codes` [n, d]."""
    return codes[:, None, None, :]


def pixels(n: int, seed: int = 0) -> Tensor:
    """Return random images, uint8 [n, *SHAPE], without using the global generator."""
    return torch.randint(0, 256, (n, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def images(n: int, seed: int = 0) -> Tensor:
    """Return the same images as `pixels`, scaled to [-1, 1]."""
    return pixels(n, seed) / 127.5 - 1


def listed(names: list[str], most: int = 3) -> str:
    """Join names, such as 'a, b, c and 4 more'."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
