"""What a trial ran on: a trial's own, because nodes differ."""

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import UserError
from bench.paths import ROOT

if TYPE_CHECKING:
    import torch

CPUINFO = Path("/proc/cpuinfo")
PACKAGES = ("wae-bench", "torch", "torchvision", "numpy", "scipy", "scikit-learn", "ray")


def git_state() -> dict[str, Any]:
    """The project's commit and whether files differ from it, reports in results/ aside: they decide no number.

    Asked in the driver: a Ray worker sees a copy.
    """
    try:
        commit = _git("rev-parse", "HEAD")
        return {"commit": commit, "dirty": bool(_git("status", "--porcelain", "--", ".", ":(exclude)results"))}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": None, "dirty": None}


def describe(device: Any, threads: int, concurrent: int, git: dict[str, Any]) -> dict[str, Any]:
    """Versions, processor, device, threads, and how many trials may share the machine."""
    import torch

    on_gpu = device.type == "cuda"
    return {
        "python": platform.python_version(),
        "packages": {name: _version(name) for name in PACKAGES},
        "git": git,
        "host": platform.node(),
        "processor": _processor(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "device": torch.cuda.get_device_name(device) if on_gpu else "cpu",
        "threads": threads,
        "concurrent_trials": concurrent,
    }


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor()


def _cpuinfo(key: str) -> str:
    """What Linux says of the first processor; nothing where it, or another system, does not."""
    try:
        with CPUINFO.open() as lines:
            return next((line.partition(":")[2].strip() for line in lines if line.partition(":")[0].strip() == key), "")
    except OSError:
        return ""


def has_bf16(on_gpu: bool) -> bool:
    """Whether this machine's GPU, or its processor, multiplies bfloat16 numbers itself, and so faster than float32."""
    import torch

    if on_gpu:
        return torch.cuda.is_bf16_supported(including_emulation=False)
    flags = _cpuinfo("flags") or _cpuinfo("Features")  # x86 or ARM
    return not {"avx512_bf16", "amx_bf16", "bf16"}.isdisjoint(flags.split())


def torch_device(asked: "str | torch.device | None") -> "torch.device":
    """The device asked for, or a GPU if there is one; UserError where this machine has no such device."""
    import torch

    try:
        device = torch.device(asked or ("cuda" if torch.cuda.is_available() else "cpu"))
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):  # torch has many ways to say it
        raise UserError(f"no device {str(asked)!r} here") from None
    return device
