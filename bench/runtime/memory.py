"""Memory: the most that a training took, what to do where there is not enough, and giving it back."""

import ctypes
import gc
import re
from pathlib import Path

import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h
# To be in the environment when a process starts whose trials run in other threads than its first: memory that such
# threads have for themselves is given back whatever `hoard` says.
ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset(device: torch.device) -> None:
    """Begin anew: a worker that trained another trial before must not count that one's memory."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif CLEAR.exists():
        _trim()
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


def exhausted(error: BaseException) -> str | None:
    """Whose memory does not suffice, "GPU" or "CPU", where `error` says so."""
    said = str(error)
    # cuBLAS, and what comes from CUDA itself, have no type of their own for it; nor has torch on a CPU.
    if isinstance(error, torch.OutOfMemoryError) or "CUDA error: out of memory" in said or "ALLOC_FAILED" in said:
        return "GPU"
    return "CPU" if isinstance(error, MemoryError) or "can't allocate memory" in said else None


def hoard() -> None:
    """Keep what tensors leave free for the next step, which needs as much.

    glibc would give large blocks back to the system, and each page of them would have to be cleared again in every
    step (`python benchmarks/costs.py --as-it-is` shows what that costs). In other threads than a process's first one it
    needs ONE_ARENA.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # others than glibc have other ways
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)  # never


def _trim() -> None:
    """Give free memory back to the system."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def release() -> None:
    """Give back what a trial has left behind: the next one in this process needs the room."""
    gc.collect()
    _trim()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
