"""The steps of a training: their evaluations and the order of images."""

import numpy as np
import pytest
import torch

from bench.training.batches import epoch_order
from bench.training.build import evaluation_steps


@pytest.mark.parametrize(("total", "evaluations"), [(1, 12), (5, 12), (600, 12), (7, 1)])
def test_evaluations_are_dense_early_and_end_at_the_end(total, evaluations):
    steps = evaluation_steps(total, evaluations)
    assert steps[-1] == total
    assert steps == sorted(set(steps))
    assert all(1 <= step <= total for step in steps)
    assert len(steps) <= evaluations
    if total >= 100 * evaluations**2 / 100:
        gaps = np.diff(steps)
        assert (np.diff(gaps) >= -1).all()


def test_each_epoch_sees_every_image_once_in_an_order_of_its_own():
    orders = [epoch_order(epoch, 50, seed) for epoch in range(3) for seed in range(2)]
    assert all(sorted(order.tolist()) == list(range(50)) for order in orders)
    assert len({tuple(order.tolist()) for order in orders}) == 6
    assert torch.equal(epoch_order(2, 50, 1), epoch_order(2, 50, 1))
