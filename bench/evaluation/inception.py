"""FID's own feature space: the Inception network of pytorch-fid (Seitzer; ported from Heusel et al., arXiv 1706.08500).

Its weights are pytorch-fid's file: given, in torch's hub cache, or downloaded there.
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

from bench.errors import UserError, reason
from bench.io import tensors, untrusted
from bench.io.files import file_sha256

WEIGHTS = "WAE_BENCH_INCEPTION_WEIGHTS"  # the environment variable that names the file
DOWNLOAD_SECONDS = 20.0  # without an answer
FEATURES = 2048
LARGEST = 2**28  # bytes of the file of weights, which has 95 MB
BATCH = 50  # images at a time: each becomes 299 x 299, and takes some 16 MB
DIMS = {64: 0, 192: 1, 768: 2, 2048: 3}  # features, and the block of the network that gives them


@dataclass(frozen=True)
class Inception:
    """The network, and the sha256 of its weights' file.

    precision: "fp32", or "bf16" inside the convolutions, about twice as fast.
    """

    network: nn.Module
    sha256: str
    dim: int = FEATURES
    precision: str = "fp32"
    name: str = "inception"
    accuracy: float | None = None  # nobody's training here

    @classmethod
    def load(cls, path: Path, dim: int | None = None, precision: str = "fp32") -> "Inception":
        """From pytorch-fid's file of weights; UserError where it is none. dim: a key of DIMS; FID's is FEATURES."""
        dim = dim or FEATURES
        return cls(_network(_weights(path), dim), file_sha256(path), dim, precision)

    def to(self, device: torch.device) -> "Inception":
        return Inception(self.network.to(device), self.sha256, self.dim, self.precision)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """uint8 images [n, 3 or 1, h, w] -> float32 features [n, dim]; grey images count as colour images."""
        return torch.cat([self._features(batch) for batch in images.split(BATCH)])

    def _features(self, images: Tensor) -> Tensor:
        x = (images.float() / 255).expand(-1, 3, -1, -1).contiguous(memory_format=torch.channels_last)
        with torch.autocast(x.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            maps = self.network(x)[0].float()
        return maps.mean((2, 3))  # of the last block they are 1 x 1; of earlier ones averaged, as pytorch-fid does


def find(given: Path | None, download: bool) -> Path:
    """The weights' file: `given`, else the one that the environment names, else in the hub cache or downloaded there.

    Raises:
        UserError: there is none, or it is not what it should be; it says why.
    """
    path = given or (Path(os.environ[WEIGHTS]) if os.environ.get(WEIGHTS) else None)
    if path is None:
        path = cached()
        if not path.exists() and not download:
            raise UserError(f"they are not in torch's cache ({path})")
        if not path.exists():
            _download(path)
    Inception.load(path)  # now, rather than in every trial
    return path.resolve()


def cached() -> Path:
    """Where pytorch-fid's own download lies, or would."""
    from pytorch_fid.inception import FID_WEIGHTS_URL

    return Path(torch.hub.get_dir()) / "checkpoints" / FID_WEIGHTS_URL.rpartition("/")[2]


def _download(path: Path) -> None:
    from pytorch_fid.inception import FID_WEIGHTS_URL

    print("downloading the weights of FID's Inception network (95 MB) into torch's cache", flush=True)
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(DOWNLOAD_SECONDS)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # torch checks the digest that stands in the file's name, and moves the file into place when it is whole.
        digest = path.stem.rpartition("-")[2]
        torch.hub.download_url_to_file(FID_WEIGHTS_URL, str(path), hash_prefix=digest, progress=False)
    except (OSError, RuntimeError) as error:
        raise UserError(f"they cannot be downloaded ({reason(error)})") from None
    finally:
        socket.setdefaulttimeout(before)


def _weights(path: Path) -> dict[str, Tensor]:
    try:
        weights = tensors.load(untrusted.read_bounded(path, LARGEST), legacy=True)
    except UserError:
        raise
    except OSError as error:
        raise UserError(f"cannot read {path}: {reason(error)}") from None
    except Exception as error:  # torch has no type of its own for a file that is truncated or none of its own
        raise UserError(f"{path} is no file of weights ({type(error).__name__}), or is truncated") from None
    expected = "Mixed_7c.branch_pool.bn.running_var"
    if not isinstance(weights, dict) or expected not in weights:
        raise UserError(f"{path} holds no weights of pytorch-fid's Inception network ({expected} is missing)")
    return weights


def _network(weights: dict[str, Tensor], dim: int) -> nn.Module:
    """pytorch-fid's network with these weights, each batch normalisation folded into its convolution."""
    from pytorch_fid.inception import InceptionV3
    from torchvision.models.inception import BasicConv2d

    with _loading(weights):
        try:
            network = InceptionV3([DIMS[dim]])
        except RuntimeError as error:
            said = reason(error).partition(":")[2] or str(error).splitlines()[-1]
            raise UserError(f"these weights do not fit pytorch-fid's Inception network: {said.strip()}") from None
    for module in network.modules():
        if isinstance(module, BasicConv2d):
            module.conv = fuse_conv_bn_eval(module.conv.eval(), module.bn.eval())
            module.bn = nn.Identity()  # pyright: ignore[reportAttributeAccessIssue]
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last)


@contextmanager
def _loading(weights: dict[str, Tensor]) -> Iterator[None]:
    """pytorch-fid always loads by URL; meanwhile it gets these."""
    from pytorch_fid import inception

    def given(*_: Any, **__: Any) -> dict[str, Tensor]:
        return weights

    before = inception.load_state_dict_from_url
    inception.load_state_dict_from_url = given
    try:
        yield
    finally:
        inception.load_state_dict_from_url = before
