"""The feature space of FID: pytorch-fid's Inception network (Seitzer; ported from Heusel et al., arXiv 1706.08500).

Its weights are pytorch-fid's file: named by the user, in torch's hub cache, or downloaded to that cache.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bench.errors import UserError, reason, say
from bench.io import tensors, untrusted
from bench.io.files import file_sha256

WEIGHTS = "WAE_BENCH_INCEPTION_WEIGHTS"  # the environment variable that names the file
DOWNLOAD_SECONDS = 20.0  # timeout of a connection
FEATURES = 2048
MAX_BYTES = 2**28  # of a file of weights; pytorch-fid's has 95 MB
BATCH = 50  # images at a time: each is resized to 299 x 299 and needs about 16 MB
BLOCKS = {64: 0, 192: 1, 768: 2, 2048: 3}  # number of features -> the block of the network that outputs them


@dataclass(frozen=True)
class Inception:
    """The network as an extractor.

    Attributes:
        network: pytorch-fid's network, prepared for inference.
        sha256: digest of the file of weights.
        dim: the number of features.
        precision: "fp32", or "bf16" inside the convolutions, which is about twice as fast.
        name: the extractor's name.
        accuracy: None, because it was not trained on this data set.
    """

    network: nn.Module
    sha256: str
    dim: int = FEATURES
    precision: str = "fp32"
    name: str = "inception"
    accuracy: float | None = None

    @classmethod
    def load(cls, path: Path, dim: int | None = None, precision: str = "fp32") -> "Inception":
        """Load pytorch-fid's file of weights.

        Args:
            path: the file.
            dim: a key of BLOCKS. Default: FEATURES, as for FID.
            precision: "fp32" or "bf16".

        Raises:
            UserError: the file does not hold the weights.
        """
        dim = dim or FEATURES
        return cls(_network(_weights(path), dim), file_sha256(path), dim, precision)

    def to(self, device: torch.device) -> "Inception":
        """Copy the extractor to a device."""
        return Inception(self.network.to(device), self.sha256, self.dim, self.precision)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """uint8 images [n, 3 or 1, h, w] -> float32 features [n, dim]; grey images are repeated over three channels."""
        return torch.cat([self._features(batch) for batch in images.split(BATCH)])

    def _features(self, images: Tensor) -> Tensor:
        x = (images.float() / 255).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            maps = self.network(x)[0].float()
        return maps.mean((2, 3))  # averages the maps of earlier blocks, as pytorch-fid does; the last ones are 1 x 1


def find_weights(named: Path | None, download: bool) -> Path:
    """Return the file of weights: `named`, else the one that the environment names, else the one in the hub cache.

    Args:
        named: the file that the user named.
        download: download the file to the hub cache if it is missing there.

    Raises:
        UserError: the file is missing or invalid.
    """
    path = named or (Path(os.environ[WEIGHTS]) if os.environ.get(WEIGHTS) else None)
    if path is None:
        path = cached_weights()
        if not path.exists() and not download:
            raise UserError(f"they are not in torch's cache ({path})")
        if not path.exists():
            download_weights(path)
    Inception.load(path)  # validates the file before any trial starts
    return path.resolve()


def cached_weights() -> Path:
    """Return the path to which pytorch-fid itself downloads the weights."""
    from pytorch_fid.inception import FID_WEIGHTS_URL

    return Path(torch.hub.get_dir()) / "checkpoints" / FID_WEIGHTS_URL.rpartition("/")[2]


def download_weights(path: Path) -> None:
    """Download the weights to `path`; UserError if that fails."""
    from pytorch_fid.inception import FID_WEIGHTS_URL

    say("downloading the weights of FID's Inception network (95 MB) into torch's cache")
    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # torch verifies the digest in the file name, then moves the complete file into place.
        digest = path.stem.rpartition("-")[2]
        torch.hub.download_url_to_file(FID_WEIGHTS_URL, str(path), hash_prefix=digest, progress=False)
    except (OSError, RuntimeError) as error:
        raise UserError(f"they cannot be downloaded ({reason(error)})") from None
    finally:
        socket.setdefaulttimeout(timeout)


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        weights = tensors.load(untrusted.read_bounded(path, MAX_BYTES), legacy=True)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"cannot read {path}: {reason(error)}") from None
    except Exception as error:  # torch raises many types for a truncated or foreign file
        raise UserError(f"{path} is not a file of weights, or is truncated ({type(error).__name__})") from None
    expected = "Mixed_7c.branch_pool.bn.running_var"
    if not isinstance(weights, dict) or expected not in weights:
        raise UserError(f"{path} does not hold the weights of pytorch-fid's Inception network ({expected} is missing)")
    return weights


def _network(weights: dict[str, Tensor], dim: int) -> nn.Module:
    """Build pytorch-fid's network for inference, with each batch normalisation folded into its convolution."""
    from pytorch_fid.inception import InceptionV3
    from torchvision.models.inception import BasicConv2d

    with _loading(weights):
        try:
            network = InceptionV3([BLOCKS[dim]])
        except RuntimeError as error:
            mismatch = reason(error).partition(":")[2] or str(error).splitlines()[-1]
            raise UserError(f"these weights do not fit pytorch-fid's Inception network: {mismatch.strip()}") from None
    for module in network.modules():
        if isinstance(module, BasicConv2d):
            module.conv = fuse_conv_bn_eval(module.conv.eval(), module.bn.eval())
            module.bn = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


@contextmanager
def _loading(weights: dict[str, Tensor]) -> Iterator[None]:
    """Make pytorch-fid, which can load from a URL only, use these weights inside the context."""
    from pytorch_fid import inception

    def load(*_: Any, **__: Any) -> dict[str, Tensor]:
        return weights

    original = inception.load_state_dict_from_url
    inception.load_state_dict_from_url = load
    try:
        yield
    finally:
        inception.load_state_dict_from_url = original
