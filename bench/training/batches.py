"""The batches of a training, in an order that its seed decides."""

import torch
from torch import Tensor


def epoch_order(epoch: int, images: int, seed: int) -> Tensor:
    """The order of the images in an epoch (from 0). It depends on the arguments alone, so resuming needs no state."""
    return torch.randperm(images, generator=torch.Generator().manual_seed(seed * 1_000_003 + epoch))


class Batches:
    """Batch number 0, 1, ... of uint8 images [n, c, h, w]. An epoch's last partial batch is dropped.

    A batch is a function of its number, so a resumed training needs no other state.
    """

    def __init__(self, images: Tensor, size: int, seed: int) -> None:
        self.images, self.size, self.seed = images, size, seed
        self.per_epoch = len(images) // size
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))  # an epoch, and the order of its images

    def __getitem__(self, number: int) -> Tensor:
        epoch, batch = divmod(number, self.per_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, epoch_order(epoch, len(self.images), self.seed).to(self.images.device))
        return self.images[self._order[1][batch * self.size : (batch + 1) * self.size]]
