import pytest
import torch

from methods.networks import NETWORKS, Networks, fitting

CASES = [("small", (1, 8, 8)), ("small", (1, 28, 28)), ("small", (3, 32, 32)), ("dcgan32", (3, 32, 32))]
CASES += [("conv64", (3, 64, 64)), ("conv64", (3, 16, 16)), ("conv256", (3, 256, 256)), ("conv256", (1, 64, 64))]


@pytest.mark.parametrize(("name", "shape"), CASES)
def test_encoder_and_decoder_fit_each_other_and_the_images(name, shape):
    networks = Networks(name, shape, latent_dim=6, width=4)
    x = torch.rand(3, *shape) * 2 - 1
    codes = networks.encoder()(x)
    assert codes.shape == (3, 6)
    assert networks.encoder(12)(x).shape == (3, 12)
    pictures = networks.decoder()(codes)
    assert pictures.shape == x.shape
    assert pictures.abs().max() <= 1


@pytest.mark.parametrize("name", NETWORKS)
def test_channels_double_from_the_given_width(name):
    encoder = Networks(name, (1, 64, 64), latent_dim=6, width=4).encoder()
    channels = [module.out_channels for module in encoder.modules() if isinstance(module, torch.nn.Conv2d)]
    assert channels == [4 << i for i in range(len(channels))]


def test_the_widths_of_the_wae_paper():
    encoder = Networks("conv64", (3, 64, 64), latent_dim=64, width=128).encoder()
    channels = [module.out_channels for module in encoder.modules() if isinstance(module, torch.nn.Conv2d)]
    assert channels == [128, 256, 512, 1024]


@pytest.mark.parametrize(
    ("side", "name"),
    [(8, "small"), (28, "small"), (32, "dcgan32"), (48, "dcgan32"), (64, "conv64"), (128, "conv64"), (256, "conv256")],
)
def test_the_network_that_auto_takes_fits_and_is_meant_for_the_size(side, name):
    assert fitting(side) == name
    Networks(name, (3, side, side), latent_dim=4, width=2)


def test_no_network_takes_an_odd_side():
    with pytest.raises(ValueError, match="no network takes images of 30x30"):
        fitting(30)


@pytest.mark.parametrize(("name", "shape"), [("dcgan32", (1, 28, 28)), ("small", (1, 8, 12)), ("small", (1, 10, 10))])
def test_images_that_do_not_fit_are_refused(name, shape):
    with pytest.raises(ValueError, match="square images whose side is a multiple of"):
        Networks(name, shape, latent_dim=6, width=4)
