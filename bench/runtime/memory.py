"""Memory: peak usage of a training, out-of-memory errors, and returning memory to the system."""

import ctypes
import gc
import re
from pathlib import Path

import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # of malloc.h
# Environment variables for processes whose trials run in other threads than the main one. Without them, such threads
# have arenas of their own, whose memory is returned to the system despite `hoard`.
ONE_ARENA = {"MALLOC_ARENA_MAX": "1"}
STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def reset(device: torch.device) -> None:
    """Reset the peak, so that a worker does not count the memory of the previous trial."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    elif CLEAR.exists():
        _trim()
        try:
            CLEAR.write_bytes(b"5")  # "resets the peak resident set size" (proc(5))
        except OSError:  # forbidden in some containers; the peak then includes everything since the process started
            return


def peak(device: torch.device) -> float:
    """Return the peak since `reset` in MB (10^6 bytes): allocated by torch on a GPU, else resident in the process.

    NaN if the system does not report it.
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 1e6
    status = STATUS.read_text(encoding="utf-8", errors="replace") if STATUS.exists() else ""
    match = re.search(r"VmHWM:\s*(\d+) kB", status)
    return int(match[1]) * 1024 / 1e6 if match else float("nan")


def exhausted(error: BaseException) -> str | None:
    """Return "GPU" or "CPU" if `error` says that its memory is exhausted, else None."""
    message = str(error)
    # cuBLAS, CUDA itself, and torch on a CPU raise no type of their own.
    if isinstance(error, torch.OutOfMemoryError) or "CUDA error: out of memory" in message or "ALLOC_FAILED" in message:
        return "GPU"
    return "CPU" if isinstance(error, MemoryError) or "can't allocate memory" in message else None


def hoard() -> None:
    """Keep freed memory in the process for the next step, which needs as much.

    By default glibc returns large blocks to the system, which clears every page again in each step
    (`python benchmarks/costs.py --as-it-is` measures the cost). Other threads than the main one also need ONE_ARENA.
    """
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):  # glibc only
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, -1)  # never trim


def _trim() -> None:
    """Return free memory to the system."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


def release() -> None:
    """Free the memory that a trial has left behind, for the next trial in this process."""
    gc.collect()
    _trim()
    if torch.cuda.is_initialized():
        torch.cuda.empty_cache()
