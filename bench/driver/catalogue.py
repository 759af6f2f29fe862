"""The catalogue: everything registered, by kind and name, and all settings."""

import inspect
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from bench.data.datasets import DATASETS
from bench.evaluation.samplers import SAMPLERS
from bench.experiment.configuration import dataset_defaults, default_settings
from bench.experiment.ranges import format_range
from bench.metrics.columns import EXTRACTORS, OPTIONAL
from bench.training.optimisers import OPTIMISERS
from methods import METHODS, Method
from methods.hyperparameters import Choice, learning_rate, schema
from methods.networks import NETWORKS, Architecture
from methods.networks.initialisation import INITIALISATIONS
from methods.priors import PRIORS

Settings = dict[str, Any]  # as in a YAML file


@dataclass(frozen=True)
class HyperparameterFacts:
    """A hyperparameter of a method.

    Attributes:
        type: Name of its Python type.
        default: Default value.
        defaults: Prior -> default value under this prior, where it is another one.
        allowed: The choices, or the range in words.
        search: Its part of the search space, in words, or None if it is not searched.
        search_range: As it is written in brackets, such as "0.1..1000"; None if it is not searched in a range.
    """

    type: str
    default: float | int | str | bool
    defaults: dict[str, float | int | str | bool]
    allowed: list[str] | str
    search: str | None
    search_range: str | None


@dataclass(frozen=True)
class MethodFacts:
    """A method. The first of its priors is the default. learning_rate: prior -> default learning rate."""

    about: str
    paper: str
    published_names: tuple[str, ...]
    priors: list[str]
    learning_rate: dict[str, float]
    hyperparameters: dict[str, HyperparameterFacts]


@dataclass(frozen=True)
class DatasetFacts:
    """A data set.

    Attributes:
        images: Numbers of training, validation and test images, if they are fixed.
        files: What to put under the data root.
        defaults: The settings in configs/datasets/NAME.yaml.
    """

    about: str
    images: tuple[int, int, int] | None
    files: str
    defaults: Settings


@dataclass(frozen=True)
class NetworkFacts:
    """A network at its published image shape, width and latent dimension. FLOPs: forward pass of one image or code."""

    about: str
    sides_multiple_of: int
    image_shape: list[int]
    width: int
    latent_dim: int
    encoder_parameters: int
    decoder_parameters: int
    encoder_flops: int
    decoder_flops: int


@dataclass(frozen=True)
class Catalogue:
    """Everything registered, by name."""

    methods: dict[str, MethodFacts]
    priors: dict[str, str]
    datasets: dict[str, DatasetFacts]
    networks: dict[str, NetworkFacts]
    initialisations: dict[str, str]
    extractors: dict[str, str]
    samplers: dict[str, str]
    optimisers: dict[str, str]
    metrics: dict[str, str]
    settings: Settings


def collect(method: str | None = None) -> Catalogue:
    """Collect everything registered, including plug-ins. method: leave out all other methods."""
    return Catalogue(
        methods={name: _method(each) for name, each in METHODS.items() if method in (None, name)},
        priors={name: _first_line(prior) for name, prior in PRIORS.items()},
        datasets={
            name: DatasetFacts(dataset.about, dataset.images, dataset.layout, dataset_defaults(name))
            for name, dataset in DATASETS.items()
        },
        networks={name: _network(architecture) for name, architecture in NETWORKS.items()},
        initialisations={name: _first_line(function) for name, function in INITIALISATIONS.items()},
        extractors=EXTRACTORS,
        samplers={name: _first_line(sampler) for name, sampler in SAMPLERS.items()},
        optimisers={name: _about_optimiser(kind) for name, kind in OPTIMISERS.items()},
        metrics=OPTIONAL,
        settings=default_settings(),
    )


def flops(network: nn.Module, shape: tuple[int, ...]) -> int:
    """Count the floating-point operations of a forward pass, two per multiply-add.

    Only convolutions and linear layers count, as is customary. The batch is empty, so nothing is computed and weights
    may be uninitialised. FlopCounterMode gives the same numbers, but its imports take over a second.

    Args:
        network: The network, which is modified: it gets uninitialised weights and hooks.
        shape: Shape of one input, without the batch dimension.
    """
    counts: list[int] = []

    def count(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> None:
        weight = module.get_parameter("weight")  # each position uses every weight once
        positions = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
        counts.append(2 * weight.numel() * positions.shape[2:].numel())

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            module.register_forward_hook(count)
    with torch.inference_mode():
        uninitialised = {name: torch.empty(t.shape, dtype=t.dtype) for name, t in network.state_dict().items()}
        network.load_state_dict(uninitialised, assign=True)
        network.eval()(torch.empty(0, *shape))
    return sum(counts)


def _flops(network: nn.Module, shape: tuple[int, ...]) -> int:
    """As `flops`; 0 for a network of a plug-in that does not take empty batches."""
    try:
        return flops(network, shape)
    except Exception:
        return 0


def _method(method: type[Method]) -> MethodFacts:
    parameters = {}
    for name, parameter in schema(method).items():
        search = method.search_space.get(name)
        parameters[name] = HyperparameterFacts(
            type=parameter.type.__name__,
            default=parameter.default,
            defaults=dict(parameter.defaults),
            allowed=list(parameter.choices) or str(parameter.range),
            search=None if search is None else str(search),
            search_range=None if search is None or isinstance(search, Choice) else format_range(search),
        )
    rates = {prior: learning_rate(method, prior) for prior in method.priors}
    names = method.published_names
    return MethodFacts(_first_line(method), method.paper, names, list(method.priors), rates, parameters)


def _network(architecture: Architecture) -> NetworkFacts:
    shape, latent_dim, width = architecture.shape, architecture.latent_dim, architecture.width
    try:
        with torch.device("meta"):  # weights need neither memory nor time to initialise
            encoder, decoder = _pair(architecture)
    except RuntimeError:  # of a plug-in whose constructor computes with numbers
        encoder, decoder = _pair(architecture)
    return NetworkFacts(
        about=architecture.about,
        sides_multiple_of=architecture.multiple_of,
        image_shape=list(shape),
        width=width,
        latent_dim=latent_dim,
        encoder_parameters=sum(p.numel() for p in encoder.parameters()),
        decoder_parameters=sum(p.numel() for p in decoder.parameters()),
        encoder_flops=_flops(encoder, shape),
        decoder_flops=_flops(decoder, (latent_dim,)),
    )


def _pair(architecture: Architecture) -> tuple[nn.Module, nn.Module]:
    """Build the encoder and the decoder as published."""
    shape, latent_dim, width = architecture.shape, architecture.latent_dim, architecture.width
    return architecture.encoder(shape, latent_dim, width), architecture.decoder(shape, latent_dim, width)


def _about_optimiser(kind: type[Optimizer]) -> str:
    """The class for one of torch's, whose docstrings are written for its website; else the docstring's first line."""
    return f"torch.optim.{kind.__name__}" if kind.__module__.startswith("torch.") else _first_line(kind)


def _first_line(documented: object) -> str:
    return (inspect.getdoc(documented) or "").partition("\n")[0]
