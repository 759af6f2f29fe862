"""The peak of memory is that of the training, not of what the process did before."""

import os
import subprocess
import sys

import pytest
import torch

from bench.runtime import memory

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


HOARD = """
import resource, threading, torch
from bench.runtime import memory

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(25_000_000)  # 100 MB
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def main():
    faults()
    before = faults()
    memory.hoard()
    faults()
    after = faults()
    held = memory.peak(torch.device("cpu"))
    memory.reset(torch.device("cpu"))
    print(before, after, held - memory.peak(torch.device("cpu")))

if THREAD:
    thread = threading.Thread(target=main)
    thread.start()
    thread.join()
else:
    main()
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only glibc is told what to keep")
@pytest.mark.skipif(not os.access(memory.CLEAR, os.W_OK), reason="this system does not let its peak of memory be reset")
@pytest.mark.parametrize("thread", [False, True], ids=["serial", "as in Ray"])
def test_large_tensors_take_no_new_pages_in_every_step_but_no_trial_counts_those_of_the_one_before(thread):
    code = HOARD.replace("THREAD", str(thread))
    environment = os.environ | (memory.ONE_ARENA if thread else {})
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    pages, hoarded, given_back = (float(word) for word in done.stdout.split())
    assert pages > 100 * max(hoarded, 1)
    assert given_back > 80  # MB
