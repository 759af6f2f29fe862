"""The environment of a trial. Recorded for every trial, because nodes differ."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UserError, one_line
from bench.paths import ROOT

if TYPE_CHECKING:
    import torch

CPUINFO = Path("/proc/cpuinfo")
PACKAGES = ("wae-bench", "torch", "torchvision", "numpy", "scipy", "scikit-learn", "ray")

GitState = dict[str, str | bool | None]


def git_state() -> GitState:
    """Return the project's commit, and whether files differ from it ("dirty"); both None outside a repository.

    Reports in results/ are ignored, because they affect no number. Call this in the driver: a Ray worker sees a copy
    of the project.
    """
    try:
        commit = _git("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--", ".", ":(exclude)results"))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def describe(device: "torch.device", threads: int, concurrent: int, git: GitState) -> dict[str, object]:
    """Describe the environment: versions, processor, device, threads, and the number of trials that share the machine.

    Args:
        device: where the trial is trained.
        threads: the number of threads of this trial.
        concurrent: the number of trials that may run at once on the machine.
        git: the result of `git_state`.
    """
    import torch

    on_gpu = device.type == "cuda"
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "git": git,
        "host": one_line(platform.node()),
        "processor": one_line(_processor()),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "threads": threads,
        "concurrent_trials": concurrent,
    }


def _git(*arguments: str) -> str:
    process = subprocess.run(
        ["git", *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", errors="replace", check=True
    )
    return process.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor()


def _cpuinfo(key: str) -> str:
    """A field of the first processor in /proc/cpuinfo; empty if it is missing, or on other systems than Linux."""
    try:
        with CPUINFO.open(encoding="utf-8", errors="replace") as lines:
            return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")
    except OSError:
        return ""


def has_bf16(on_gpu: bool) -> bool:
    """Whether the GPU, or else the processor, multiplies bfloat16 in hardware, and so faster than float32."""
    import torch

    if on_gpu:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    flags = _cpuinfo("flags") or _cpuinfo("Features")  # x86 or ARM
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags.split())


def torch_device(name: "str | torch.device | None") -> "torch.device":
    """Return the named device; by default a GPU if there is one, else the CPU.

    Raises:
        UserError: this machine has no such device.
    """
    import torch

    try:
        device = torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):  # torch raises different types
        raise UserError(f"this machine has no device {str(name)!r}") from None
    return device
