"""Numerical precision and determinism of the machine."""

import torch


def exact_arithmetic() -> None:
    """Make GPUs compute float32 exactly and deterministically. By default torch rounds convolutions to TF32."""
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # pyright: ignore[reportAttributeAccessIssue]
    torch.backends.cudnn.deterministic = True
