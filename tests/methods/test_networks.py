from typing import get_args

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from bench.driver.catalogue import collect, flops
from bench.experiment.configuration import resolve
from bench.experiment.settings import Network
from bench.experiment.specification import TrialSpec
from bench.training.build import build
from methods.networks import NETWORKS, Networks, fitting
from methods.networks.initialisation import INITIALISATIONS

OTHER_SIDES = {
    "small": (3, 28, 28),
    "dcgan32": (1, 16, 16),
    "dcgan64": (3, 16, 16),
    "conv32": (1, 64, 64),
    "resnet32_small": (1, 28, 28),
    "resnet32": (3, 48, 48),
    "resnet64": (1, 32, 32),
    "resnet256": (3, 64, 64),
}
CASES = [(name, architecture.shape) for name, architecture in NETWORKS.items()] + list(OTHER_SIDES.items())


def convolutions(network: nn.Module, kind: type = nn.Conv2d) -> list[tuple[int, int, int]]:
    """Of each: channels in and out, kernel."""
    found = [m for m in network.modules() if isinstance(m, kind)]
    return [(m.in_channels, m.out_channels, m.kernel_size[0]) for m in found]


def published(name: str) -> tuple[nn.Module, nn.Module]:
    """Without weights."""
    a = NETWORKS[name]
    with torch.device("meta"):
        return a.encoder(a.shape, a.latent_dim, a.width), a.decoder(a.shape, a.latent_dim, a.width)


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_encoder_and_decoder_fit_each_other_and_the_images(name, shape):
    networks = Networks(name, shape, latent_dim=6, width=4)
    x = torch.rand(3, *shape) * 2 - 1
    codes = networks.encoder()(x)
    assert codes.shape == (3, 6)
    assert networks.encoder(12)(x).shape == (3, 12)
    pictures = networks.decoder()(100 * codes)
    assert pictures.shape == x.shape
    assert pictures.abs().max() <= 1


@pytest.mark.parametrize("name", NETWORKS)
def test_what_leaves_a_convolution_and_its_gradient_have_their_channels_last(name):
    """Where two orders of memory meet, operations go number by number, many times slower."""
    shape, wrong = OTHER_SIDES[name], []
    networks = Networks(name, shape, latent_dim=6, width=4)

    def look(what: str, x: torch.Tensor) -> None:
        if not x.is_contiguous(memory_format=torch.channels_last):
            wrong.append(f"{what} {list(x.shape)}")

    def leaves(module: nn.Module, _: object, out: torch.Tensor) -> None:
        look(f"{module} gives", out)
        out.register_hook(lambda grad: look(f"{module} gets the gradient", grad))

    encoder, decoder = (n.to(memory_format=torch.channels_last) for n in (networks.encoder(), networks.decoder()))
    for module in [*encoder.modules(), *decoder.modules()]:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
            module.register_forward_hook(leaves)
    x = torch.rand(3, *shape).contiguous(memory_format=torch.channels_last)
    (decoder(encoder(x)) - x).square().sum().backward()
    assert not wrong


@pytest.mark.parametrize("name", NETWORKS)
def test_every_parameter_learns(name):
    torch.manual_seed(0)
    shape = OTHER_SIDES[name]
    networks = Networks(name, shape, latent_dim=6, width=4)
    encoder, decoder = networks.encoder(), networks.decoder()
    x = torch.rand(8, *shape) * 2 - 1
    (decoder(encoder(x)) - x).square().sum().backward()
    for network in (encoder, decoder):
        for key, parameter in network.named_parameters():
            assert parameter.grad.abs().max() > 1e-4, key


@pytest.mark.parametrize("name", ["small", "dcgan32", "dcgan64", "conv32"])
def test_channels_double_from_the_given_width(name):
    encoder = Networks(name, (1, 64, 64), latent_dim=6, width=4).encoder()
    channels = [outer for _, outer, _ in convolutions(encoder)]
    assert channels == [4 << i for i in range(len(channels))]


def test_the_network_of_the_wae_paper():
    encoder, decoder = published("dcgan64")
    assert convolutions(encoder) == [(3, 128, 5), (128, 256, 5), (256, 512, 5), (512, 1024, 5)]
    upwards = [(1024, 512, 5), (512, 256, 5), (256, 128, 5), (128, 3, 5)]
    assert convolutions(decoder, nn.ConvTranspose2d) == upwards
    assert decoder[0].out_features == 1024 * 8 * 8
    assert [m.stride[0] for m in decoder if isinstance(m, nn.ConvTranspose2d)] == [2, 2, 2, 1]


def test_the_convolutional_network_of_pythae():
    encoder, decoder = published("conv32")
    assert convolutions(encoder) == [(3, 128, 4), (128, 256, 4), (256, 512, 4), (512, 1024, 4)]
    assert encoder[-1].in_features == 1024 * 2 * 2
    assert convolutions(decoder, nn.ConvTranspose2d) == [(1024, 512, 4), (512, 256, 4), (256, 3, 4)]
    assert decoder[0].out_features == 1024 * 8 * 8
    # Weights and two numbers a normalised channel; the linear layer and the last one also have biases.
    inner = 16 * (1024 * 512 + 512 * 256) + 2 * (512 + 256)
    assert parameters(decoder) == 129 * 1024 * 64 + inner + 16 * 256 * 3 + 3


def test_the_small_residual_network_of_pythae():
    encoder, decoder = published("resnet32_small")
    bottlenecks = [(128, 32, 3), (32, 128, 1)] * 2
    assert convolutions(encoder) == [(3, 64, 4), (64, 128, 4), (128, 128, 3), *bottlenecks]
    assert convolutions(decoder) == bottlenecks
    assert convolutions(decoder, nn.ConvTranspose2d) == [(128, 64, 4), (64, 3, 4)]
    bottleneck = 9 * 128 * 32 + 32 + 32 * 128 + 128
    downwards = (16 * 3 * 64 + 64) + (16 * 64 * 128 + 128) + (9 * 128 * 128 + 128)
    assert parameters(encoder) == downwards + 2 * bottleneck + 128 * 8 * 8 * 128 + 128


def test_residual_stages_stop_at_eight_times_the_width():
    encoder, decoder = published("resnet256")
    down = [outer for _, outer, kernel in convolutions(encoder) if kernel == 3]
    assert down == [32, *(w for width in (32, 64, 128, 256, 256, 256) for w in (width, width))]
    up = [outer for _, outer, kernel in convolutions(decoder) if kernel == 3]
    assert up == [*(w for width in (256, 256, 128, 64, 32, 32) for w in (width, width)), 3]


@pytest.mark.parametrize("name", NETWORKS)
def test_operations_are_those_that_torch_counts(name):
    a = NETWORKS[name]
    for body, shape in zip(published(name), (a.shape, (a.latent_dim,)), strict=True):
        with FlopCounterMode(display=False) as counter:
            body.eval()(torch.empty(1, *shape, device="meta"))
        assert flops(body, shape) == counter.get_total_flops()


def test_operations_and_parameters_of_the_small_network_by_hand():
    small = collect().networks["small"]
    first, second, linear = 4 * 4 * 32 * (16 * 1), 2 * 2 * 64 * (16 * 32), 2 * 2 * 64 * 8  # multiply-adds
    assert small.encoder_flops == small.decoder_flops == 2 * (first + second + linear)
    assert small.encoder_parameters == (16 * 32 + 32) + (16 * 32 * 64 + 64) + (256 * 8 + 8)


@pytest.mark.parametrize(
    ("side", "name"),
    [
        (8, "small"),
        (28, "small"),
        (32, "dcgan32"),
        (48, "dcgan32"),
        (64, "dcgan64"),
        (128, "dcgan64"),
        (256, "resnet256"),
    ],
)
def test_the_network_that_auto_takes_fits_and_is_meant_for_the_size(side, name):
    assert fitting(side) == name
    Networks(name, (3, side, side), latent_dim=4, width=2)


def test_no_network_takes_an_odd_side():
    with pytest.raises(ValueError, match="no network takes images of 30x30"):
        fitting(30)


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("shape", [(1, 8, 12), (1, 10, 10), (3, 66, 66)])
def test_images_that_do_not_fit_are_refused(name, shape):
    with pytest.raises(ValueError, match=f"network {name} needs square images whose side is a multiple of"):
        Networks(name, shape, latent_dim=6, width=4)


@pytest.mark.parametrize(("kind", "std", "scale_std"), [("wae", 0.01, 0.0), ("dcgan", 0.02, 0.02)])
def test_published_initialisations(kind, std, scale_std):
    torch.manual_seed(0)
    networks = Networks("conv32", (3, 32, 32), latent_dim=64, width=16, initialisation=kind)
    for network in (networks.encoder(), networks.decoder()):
        weighty = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d | nn.Linear)]
        weights = torch.cat([m.weight.flatten() for m in weighty])
        # The variance of n squares of normal numbers is 2 / n of their mean squared; five standard errors.
        assert weights.std().item() == pytest.approx(std, rel=5 / (2 * len(weights)) ** 0.5)
        assert abs(weights.mean().item()) < 5 * std / len(weights) ** 0.5
        assert not any(m.bias.any() for m in weighty if m.bias is not None)
        scales = torch.cat([m.weight for m in network.modules() if isinstance(m, nn.BatchNorm2d)])
        assert scales.std().item() == pytest.approx(scale_std, rel=5 / (2 * len(scales)) ** 0.5)
        assert scales.mean().item() == pytest.approx(1.0, abs=5 * scale_std / len(scales) ** 0.5)


def test_the_initialisation_of_torch_is_left_alone():
    torch.manual_seed(0)
    ours = Networks("small", (1, 8, 8), latent_dim=6, width=4).encoder().state_dict()
    torch.manual_seed(0)
    torchs = NETWORKS["small"].encoder((1, 8, 8), 6, 4).state_dict()
    assert all(torch.equal(ours[f"body.{key}"], torchs[key]) for key in torchs)


@pytest.mark.parametrize("kind", INITIALISATIONS)
@pytest.mark.parametrize("name", ["dcgan32", "resnet32", "resnet32_small"])
def test_the_seed_decides_the_weights(name, kind):
    def state(seed: int) -> list[torch.Tensor]:
        torch.manual_seed(seed)
        networks = Networks(name, (3, 16, 16), latent_dim=4, width=4, initialisation=kind)
        return [*networks.encoder().parameters(), *networks.decoder().parameters()]

    assert all(torch.equal(a, b) for a, b in zip(state(0), state(0), strict=True))
    assert not all(torch.equal(a, b) for a, b in zip(state(0), state(1), strict=True))


def test_the_configured_initialisation_reaches_the_method():
    assert get_args(Network.model_fields["initialisation"].annotation) == tuple(INITIALISATIONS)
    experiment = resolve({"dataset": "digits"}, None, ["network.initialisation=wae", "training.precision=fp32"])
    sections = {name: getattr(experiment, name) for name in ("preprocessing", "network", "training")}
    spec = TrialSpec(method="mmd", prior="normal", seed=0, **sections)
    weights = build(spec).decoder.get_parameter("body.0.weight")
    assert weights.std().item() == pytest.approx(0.01, rel=0.1)
