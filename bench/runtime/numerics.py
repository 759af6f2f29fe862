"""Numerical precision, determinism and threads of torch."""

import torch

from bench.runtime.allowance import allowance


def limit_threads() -> None:
    """Lower torch's number of threads to the CPUs that this process may use. By itself it ignores quotas of cgroups."""
    torch.set_num_threads(min(torch.get_num_threads(), allowance().cpus))


def exact_arithmetic() -> None:
    """Make GPUs compute float32 exactly and deterministically. By default torch rounds convolutions to TF32."""
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # pyright: ignore[reportAttributeAccessIssue]
    torch.backends.cudnn.deterministic = True
