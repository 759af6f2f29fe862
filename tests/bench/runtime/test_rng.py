"""States of random number generators."""

import numpy as np
import torch

from bench.runtime import rng


def test_random_states_round_trip_through_a_safe_file(tmp_path):
    import random

    rng.seed_everything(5)
    torch.save(rng.get_state(), tmp_path / "state.pt")
    expected = (random.random(), np.random.rand(), torch.rand(1).item())
    rng.seed_everything(6)
    rng.set_state(torch.load(tmp_path / "state.pt", weights_only=True))
    assert (random.random(), np.random.rand(), torch.rand(1).item()) == expected
