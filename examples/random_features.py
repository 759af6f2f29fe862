"""A plug-in with an extractor: features of a random network, which needs neither labels nor a training."""

from torch import Tensor, nn


class RandomFeatures(nn.Module):
    """32 features of a random convolutional network."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(shape[0], 32, 3, stride=2, padding=1),
            nn.LeakyReLU(),
            nn.Conv2d(32, 32, 3, stride=2, padding=1),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """uint8 images [n, c, h, w] -> features [n, 32]."""
        return self.body(images / 127.5 - 1)


EXTRACTORS = {"random": RandomFeatures}
