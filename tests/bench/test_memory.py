"""The peak of memory is that of the training, not of what the process did before."""

import os

import pytest
import torch

from bench import memory

CPU = torch.device("cpu")
MB = 1_000_000


@pytest.mark.skipif(not os.access(memory.CLEAR, os.W_OK), reason="this system does not let its peak of memory be reset")
def test_the_peak_is_seen_and_forgotten_when_reset():
    memory.reset(CPU)
    before = memory.peak(CPU)
    held = torch.ones(50 * MB)  # 200 MB, written to
    assert memory.peak(CPU) - before > 150
    del held
    assert memory.peak(CPU) - before > 150
    memory.reset(CPU)
    assert memory.peak(CPU) - before < 100


def test_a_system_that_does_not_say_gives_nan(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "STATUS", tmp_path / "gone")
    assert memory.peak(CPU) != memory.peak(CPU)
