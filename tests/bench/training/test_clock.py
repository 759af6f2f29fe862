"""The clock of a training: its seconds, and how much of them it had a CPU."""

import math
import time

import pytest
import torch

from bench.training.clock import Clock

CPU = torch.device("cpu")


def work(seconds: float) -> None:
    """Use the CPU for so many seconds of its time."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def test_a_thread_that_has_no_cpu_for_a_while_has_a_share_of_it():
    clock = Clock(CPU)
    with clock:
        work(0.05)
        time.sleep(0.15)  # as if another process ran
    assert clock.cpu_share() == pytest.approx(0.05 / clock.read(), rel=0.1)
    assert clock.cpu_share() < 0.3


def test_what_happens_off_the_clock_does_not_count():
    clock = Clock(CPU)
    with clock:
        work(0.02)
    share = clock.cpu_share()
    work(0.02)
    assert clock.cpu_share() == share


def test_a_resumed_training_counts_what_it_had_before():
    clock = Clock(CPU, seconds=0.3, cpu_share=0.5)
    with clock:
        work(0.05)
    assert clock.cpu_share() == pytest.approx((0.15 + 0.05) / clock.read(), rel=0.1)
    unknown = Clock(CPU, seconds=0.3, cpu_share=math.nan)
    with unknown:
        work(0.01)
    assert math.isnan(unknown.cpu_share())


def test_there_is_no_share_before_the_first_step_nor_on_gpus():
    assert math.isnan(Clock(CPU).cpu_share())
    on_gpu = Clock(torch.device("cuda"))
    with on_gpu:
        work(0.01)
    assert math.isnan(on_gpu.cpu_share())
