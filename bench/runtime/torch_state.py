"""Global settings of torch that change results. Every trial starts from the same, whatever ran before it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch

PRECISE = ("none", "ieee", "highest")  # names of exact float32 arithmetic


@dataclass(frozen=True)
class Setting:
    """One global setting.

    Attributes:
        name: for messages.
        read: returns the current value.
        reset: sets the value that trials start from.
        allowed: the values that need no reset.
    """

    name: str
    read: Callable[[], Any]
    reset: Callable[[], object]
    allowed: tuple[Any, ...]


def _enable_onednn() -> None:
    torch.backends.mkldnn.enabled = True


def _mkldnn(part: str) -> Setting:
    backend = getattr(torch.backends.mkldnn, part)

    def reset() -> None:
        backend.fp32_precision = "none"

    return Setting(f"float32 precision of CPU {part}", lambda: backend.fp32_precision, reset, PRECISE)


SETTINGS = (
    Setting("default dtype", torch.get_default_dtype, lambda: torch.set_default_dtype(torch.float32), (torch.float32,)),
    Setting(
        "default device",
        torch.get_default_device,
        lambda: torch.set_default_device(None),
        (torch.device("cpu"),),
    ),
    Setting("gradients enabled", torch.is_grad_enabled, lambda: torch.set_grad_enabled(True), (True,)),
    Setting(
        "deterministic algorithms",
        torch.are_deterministic_algorithms_enabled,
        lambda: torch.use_deterministic_algorithms(False),
        (False,),
    ),
    Setting("oneDNN enabled", lambda: torch.backends.mkldnn.enabled, _enable_onednn, (True,)),
    _mkldnn("matmul"),
    _mkldnn("conv"),
    Setting(
        "autocast on the CPU",
        lambda: torch.is_autocast_enabled("cpu"),
        lambda: torch.set_autocast_enabled("cpu", False),
        (False,),
    ),
)


def changed() -> list[str]:
    """Return the settings that have another value than trials start from, such as 'default dtype: torch.float64'.

    Whether denormal numbers are flushed to zero cannot be read.
    """
    return [f"{setting.name}: {value}" for setting in SETTINGS if (value := setting.read()) not in setting.allowed]


def restore() -> list[str]:
    """Reset all settings, and return what `changed` returned before."""
    found = changed()
    for setting in SETTINGS:
        if setting.read() not in setting.allowed:
            setting.reset()
    torch.set_flush_denormal(False)
    return found
