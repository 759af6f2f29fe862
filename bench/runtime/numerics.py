"""How the machine computes."""

import torch


def exact_arithmetic() -> None:
    """Make GPUs compute float32 as float32, repeatably; torch lets convolutions round to TF32 otherwise."""
    torch.backends.cuda.matmul.fp32_precision = "ieee"
    torch.backends.cudnn.conv.fp32_precision = "ieee"  # pyright: ignore[reportAttributeAccessIssue]
    torch.backends.cudnn.deterministic = True
