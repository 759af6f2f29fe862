"""Tensors as files: loaded without trust in their origin, and stored as NumPy archives."""

import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import nn


def load(data: bytes, device: "torch.device | str" = "cpu", legacy: bool = False) -> Any:
    """Load tensors and plain values that `torch.save` stored, without running code.

    Args:
        data: the bytes of the file.
        device: where the tensors go.
        legacy: also accept torch's format before 1.6, which is not an archive.

    Raises:
        ValueError: the tensors would be larger in memory than in the file.
        Exception: torch raises many types for invalid files.
    """
    import torch

    if not (legacy and not zipfile.is_zipfile(io.BytesIO(data))):
        _refuse_expansion(data)
    stored = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    _refuse_repeated(stored, len(data))
    return stored


def to_npz(arrays: "dict[str, torch.Tensor]") -> bytes:
    """Serialise tensors on the CPU as a compressed NumPy archive."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=False, **{name: values.numpy() for name, values in arrays.items()})
    return buffer.getvalue()


def _refuse_expansion(data: bytes) -> None:
    """Raise ValueError for compressed or overlapping members, which torch.save never writes but zip bombs have."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("it is compressed, which torch.save does not do")
    if sum(member.file_size for member in members) > len(data):
        raise ValueError("its members are larger than the file")


def _refuse_repeated(stored: Any, max_bytes: int) -> None:
    """Raise ValueError for tensors that repeat their values by strides of zero, and so expand without limit."""
    import torch

    seen, todo = set(), [stored]
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, torch.Tensor):
            if value.layout is not torch.strided or value.numel() * value.element_size() > max_bytes:
                raise ValueError(f"a tensor of {list(value.shape)} does not fit into {max_bytes:,} bytes")
        elif isinstance(value, dict):
            todo += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            todo += value


def state_matches(state: Any, network: "nn.Module") -> bool:
    """Whether a state dict has the names, shapes and types of a network, which may be on the meta device."""
    expected = network.state_dict()
    if not isinstance(state, dict) or state.keys() != expected.keys():
        return False
    return all(getattr(state[k], "shape", None) == v.shape and state[k].dtype == v.dtype for k, v in expected.items())


@contextmanager
def on_meta_device(max_bytes: int) -> Iterator[None]:
    """Build networks inside the context without allocating memory.

    Raises:
        ValueError: their parameters and buffers have more than `max_bytes`.
    """
    import torch
    from torch.nn.modules import module

    total, this_thread = 0, threading.get_ident()

    def count(_: "nn.Module", name: str, tensor: Any) -> None:
        nonlocal total
        if threading.get_ident() != this_thread:  # torch calls this for networks of all threads
            return
        total += 0 if tensor is None else tensor.numel() * tensor.element_size()
        if total > max_bytes:
            raise ValueError(f"its networks are larger than its weights ({name})")

    hooks = [
        module.register_module_parameter_registration_hook(count),
        module.register_module_buffer_registration_hook(count),
    ]
    try:
        with torch.device("meta"):
            yield
    finally:
        for hook in hooks:
            hook.remove()
