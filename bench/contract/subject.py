"""What a check is about: a method under one prior, on tiny networks, or on codes that are given directly."""

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
NARROW = -30.0  # a log variance so small that a posterior is a point


class Broken(Exception):
    """The method does not keep the contract. One line: what is wrong, and what to do."""


class NotAsked(Exception):
    """The check says nothing of this method; why."""


class Given(nn.Module):
    """An encoder whose codes are the images themselves, [n, 1, 1, d]; further outputs are NARROW."""

    def __init__(self, outputs: int) -> None:
        super().__init__()
        self.outputs = outputs

    def forward(self, x: Tensor) -> Tensor:
        codes = x.flatten(1)
        return torch.cat([codes, codes.new_full((len(codes), self.outputs - codes.shape[1]), NARROW)], dim=1)


class Shown(nn.Module):
    """The decoder of `Given`. It has a parameter, for a method looks at its parameters for their device."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones(()))

    def forward(self, z: Tensor) -> Tensor:
        return (self.scale * z)[:, None, None, :]


class IdentityNetworks(Networks):
    """`Networks` for images [n, 1, 1, d] that are codes."""

    def __init__(self, dim: int) -> None:
        for name, value in {"name": "identity", "shape": (1, 1, dim), "latent_dim": dim, "width": 1}.items():
            object.__setattr__(self, name, value)  # a frozen dataclass whose own __init__ knows no such network

    def encoder(self, outputs: int | None = None) -> nn.Module:
        return Given(outputs or self.latent_dim)

    def decoder(self) -> nn.Module:
        return Shown()

    @property
    def reconstruction_error(self) -> Callable[[Tensor, Tensor], Tensor]:
        return squared_error


@dataclass(frozen=True)
class Subject:
    """A method under one of its priors, with its default hyperparameters or others."""

    method: type[Method]
    prior: str
    hyperparameters: tuple[tuple[str, Any], ...] = ()

    def build(self, dim: int = 4, seed: int = 0, precision: str = "fp32") -> Method:
        """On networks of a few hundred weights for images of SHAPE, seeded as in a training (`trainer.build`)."""
        networks = Networks(name="small", shape=SHAPE, latent_dim=dim, width=4, precision=precision)
        return self._seeded(networks, dim, seed).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]

    def identity(self, dim: int, seed: int = 0) -> Method:
        """On networks that pass codes [n, dim] through (see `given`)."""
        return self._seeded(IdentityNetworks(dim), dim, seed)

    def _seeded(self, networks: Networks, dim: int, seed: int) -> Method:
        rng.seed_everything(seed)
        return self.method(networks, PRIORS[self.prior](dim), **dict(self.hyperparameters))

    def stepper(self, seed: int = 0, graph: Graph | None = None) -> Stepper:
        """A training as the harness makes it, at its step 0."""
        return Stepper(self.build(seed=seed), Training(), total_steps=100, graph=graph)


def given(codes: Tensor) -> Tensor:
    """Codes [n, d] as the images that `Subject.identity` encodes to them."""
    return codes[:, None, None, :]


def pixels(n: int, seed: int = 0) -> Tensor:
    """Random images, uint8 [n, *SHAPE], apart from the global generator."""
    return torch.randint(0, 256, (n, *SHAPE), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))


def images(n: int, seed: int = 0) -> Tensor:
    """The same in [-1, 1]."""
    return pixels(n, seed) / 127.5 - 1


def names(found: list[str], most: int = 3) -> str:
    """'a, b, c and 4 more'."""
    return ", ".join(found[:most]) + (f" and {len(found) - most} more" if len(found) > most else "")
