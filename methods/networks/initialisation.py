"""Initial weights of encoders and decoders, by name. The functions change a network in place."""

from collections.abc import Callable

from torch import nn


def keep(body: nn.Module) -> None:
    """PyTorch's default: uniform in +-1 / sqrt(inputs of a unit)."""
    del body


def wae(body: nn.Module) -> None:
    """Weights N(0, 0.01^2), biases 0, as in the code of the WAE paper (tolstikhin/wae, init_std in configs.py)."""
    _normal(body, std=0.01, scale_std=0.0)  # that code truncates the encoder's convolutions at two standard deviations


def dcgan(body: nn.Module) -> None:
    """Weights N(0, 0.02^2), biases 0, scales of batch norm N(1, 0.02^2), as in DCGAN (Radford et al., 1511.06434)."""
    _normal(body, std=0.02, scale_std=0.02)


def _normal(body: nn.Module, std: float, scale_std: float) -> None:
    for module in body.modules():
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.normal_(module.weight, 0.0, std)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.weight, 1.0, scale_std)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)


INITIALISATIONS: dict[str, Callable[[nn.Module], None]] = {"torch": keep, "wae": wae, "dcgan": dcgan}
