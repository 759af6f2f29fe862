"""Images as bytes and as numbers."""

import torch

from bench.data.images import to_uint8, to_unit


def test_bytes_survive_the_way_to_unit_range_and_back():
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    assert torch.equal(to_uint8(to_unit(every)), every)
    assert to_unit(every).aminmax() == (-1, 1)
    outside = torch.tensor([-3.0, 3.0, float("nan"), float("inf")])
    assert to_uint8(outside).tolist() == [0, 255, 0, 255]
