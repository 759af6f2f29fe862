"""Tensors that somebody else may have written."""

import io
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def load(data: bytes, device: Any = "cpu", legacy: bool = False) -> Any:
    """What `torch.save` stored: tensors and plain values, no larger in memory than in the file.

    Args:
        legacy: take torch's format before 1.6 as well, which is no archive.
    Raises:
        ValueError: it expands. And whatever torch raises for what it has not written.
    """
    import torch

    if not (legacy and not zipfile.is_zipfile(io.BytesIO(data))):
        _refuse_expansion(data)
    stored = torch.load(io.BytesIO(data), map_location=device, weights_only=True)
    _refuse_wide(stored, len(data))
    return stored


def _refuse_expansion(data: bytes) -> None:
    """torch.save compresses nothing, so an archive that does, or whose members overlap, is somebody's bomb."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
    if any(member.compress_type != zipfile.ZIP_STORED for member in members):
        raise ValueError("it is compressed, which torch.save does not do")
    if sum(member.file_size for member in members) > len(data):
        raise ValueError("it says that it holds more than it does")


def _refuse_wide(stored: Any, most: int) -> None:
    """ValueError for a tensor that repeats its values, without limit, by strides of zero; each object is seen once."""
    import torch

    seen, todo = set(), [stored]
    while todo:
        value = todo.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, torch.Tensor):
            if value.layout is not torch.strided or value.numel() * value.element_size() > most:
                raise ValueError(f"a tensor of {list(value.shape)} does not fit into {most:,} bytes")
        elif isinstance(value, dict):
            todo += [*value.keys(), *value.values()]
        elif isinstance(value, list | tuple | set):
            todo += value


def state_matches(state: Any, network: "nn.Module") -> bool:
    """Whether tensors by name have the names, shapes and types of a network, which may be one without memory (meta)."""
    mine = network.state_dict()
    if not isinstance(state, dict) or state.keys() != mine.keys():
        return False
    return all(getattr(state[k], "shape", None) == v.shape and state[k].dtype == v.dtype for k, v in mine.items())


@contextmanager
def on_meta_device(most: int) -> Iterator[None]:
    """What is built inside takes no memory, and may have so many bytes of parameters: ValueError where it has more."""
    import torch
    from torch.nn.modules import module

    total, mine = 0, threading.get_ident()

    def count(_: "nn.Module", name: str, tensor: Any) -> None:
        nonlocal total
        if threading.get_ident() != mine:  # torch calls this for what any thread builds
            return
        total += 0 if tensor is None else tensor.numel() * tensor.element_size()
        if total > most:
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
