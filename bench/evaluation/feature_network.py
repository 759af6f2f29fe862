"""A small network whose features compare images. It is trained on the data set itself (see feature_training.py).

If the images have labels it classifies them, and its distance is called `fd_classifier`. Otherwise it predicts by how
much an image was rotated (Gidaris et al., arXiv 1803.07728), and its distance is called `fd_rotation`. It needs no
download and is the same for every method of an experiment. Its distances are not comparable with a published FID, nor
between data sets.
"""

import json
from dataclasses import dataclass
from typing import Literal, TypedDict

import torch
from torch import Tensor, nn
from torch.nn.functional import relu
from torch.nn.utils.fusion import fuse_conv_bn_eval

from bench.data.images import to_unit
from bench.errors import UserError
from bench.io import tensors
from bench.io.files import sha256

FEATURES = 64
TRAINED = ("classifier", "rotation")


class Classifier(nn.Module):
    """Three convolutions, each with max pooling, then 64 features and one linear layer.

    Images [n, c, s, s] in [-1, 1] -> features [n, 64], >= 0. The stride of the first convolution reduces large images
    to about 32x32, so that they cost little more than small images.
    """

    def __init__(self, shape: tuple[int, int, int], classes: int, width: int = 16) -> None:
        super().__init__()
        channels, side, _ = shape
        stride = max(1, side // 32)
        side = -(-(side // stride) // 8)  # each of three poolings halves the side, rounding up
        self.body = nn.Sequential(
            *_block(channels, width, stride + 2, stride),
            *_block(width, 2 * width, 3, 1),
            *_block(2 * width, 4 * width, 3, 1),
            nn.Flatten(),
            nn.Linear(4 * width * side * side, FEATURES),
        )
        self.head = nn.Linear(FEATURES, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Images [n, c, s, s] in [-1, 1] -> features [n, 64]; `head` maps these to class scores."""
        return relu(self.body(x.contiguous(memory_format=torch.channels_last)))


def _block(inputs: int, outputs: int, kernel: int, stride: int) -> list[nn.Module]:
    convolution = nn.Conv2d(inputs, outputs, kernel, stride, 1, bias=False)
    # Pooling before the ReLU gives the same values for a quarter of the work.
    return [convolution, nn.BatchNorm2d(outputs), nn.MaxPool2d(2, ceil_mode=True), nn.ReLU()]


class Description(TypedDict):
    """How a network was trained, as stored in its file."""

    kind: Literal["classifier", "rotation"]
    dataset: str
    fingerprint: str
    shape: list[int]
    classes: int
    steps: int
    test_accuracy: float


@dataclass(frozen=True)
class TrainedExtractor:
    """A trained network, with the standardisation of its features by the real training images.

    Attributes:
        network: maps images to features.
        mean: the mean of each feature on the training images, shape [64].
        std: the standard deviation of each feature, bounded below, shape [64].
        description: how the network was trained.
        sha256: digest of the stored file.
        dim: the number of features.
        precision: the precision of the network.
    """

    network: Classifier
    mean: Tensor
    std: Tensor
    description: Description
    sha256: str
    dim: int = FEATURES
    precision: str = "fp32"

    @property
    def name(self) -> str:
        """The kind of the network: classifier or rotation."""
        return self.description["kind"]

    @property
    def accuracy(self) -> float:
        """Accuracy on the test images."""
        return self.description["test_accuracy"]

    def to(self, device: torch.device) -> "TrainedExtractor":
        """Copy the extractor to a device."""
        mean, std = self.mean.to(device), self.std.to(device)
        return TrainedExtractor(self.network.to(device), mean, std, self.description, self.sha256)

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        """uint8 images [n, c, h, w] -> standardised features [n, 64]."""
        return (self.network(to_unit(images)) - self.mean) / self.std


def load_extractor(data: bytes) -> TrainedExtractor:
    """Load an extractor from the bytes of its file.

    Raises:
        UserError: the bytes are not an extractor.
    """
    try:
        state = tensors.load(data)
        description: Description = json.loads(state["about"])
        if description["kind"] not in TRAINED or not 0 <= description["test_accuracy"] <= 1:
            raise ValueError("its description is invalid")
        channels, height, width = description["shape"]
        with tensors.on_meta_device(len(data)):
            network = Classifier((channels, height, width), description["classes"])
        mean, std = state["mean"], state["std"]
        if not tensors.state_matches(state["network"], network) or not mean.shape == std.shape == (FEATURES,):
            raise ValueError("its weights belong to another network")
        network.load_state_dict(state["network"], assign=True)
    except Exception as error:
        raise UserError(f"not an extractor stored by bench.run ({type(error).__name__})") from error
    return TrainedExtractor(folded(network), mean, std, description, sha256(data))


def folded(network: Classifier) -> Classifier:
    """Prepare a network for inference: fold each batch normalisation into its convolution.

    Features change by rounding only.
    """
    network.eval().requires_grad_(False)
    layers = list(network.body)
    for i, layer in enumerate(layers):
        if isinstance(layer, nn.Conv2d):
            norm = layers[i + 1]
            assert isinstance(norm, nn.BatchNorm2d)
            layers[i : i + 2] = [fuse_conv_bn_eval(layer, norm), nn.Identity()]
    network.body = nn.Sequential(*layers)
    return network.to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
