"""The most memory that a training took."""

import re
from pathlib import Path

import torch

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset(device: torch.device) -> None:
    """Begin anew: a worker that trained another trial before must not count that one's memory."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif CLEAR.exists():
        try:
            CLEAR.write_text("5")  # "resets the peak resident set size" (proc(5))
        except OSError:  # some containers forbid it: then the peak is that of the process since its start
            return


def peak(device: torch.device) -> float:
    """MB (10^6 bytes) since `reset`: on a GPU what torch allocated, else the resident size of the process.

    NaN where the system does not say.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    found = re.search(r"VmHWM:\s*(\d+) kB", STATUS.read_text()) if STATUS.exists() else None
    return int(found[1]) * 1024 / 1e6 if found else float("nan")
