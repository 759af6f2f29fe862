"""Checks of what a method says of itself, and of what its functions take and give."""

import math
from typing import Any

import torch
from torch import Tensor

from bench.contract.subject import Broken, Subject, images, names
from methods import Method
from methods.hyperparameters import Choice, Hyperparameter, schema
from methods.priors import PRIORS


def check_schema(subject: Subject) -> None:
    """Docstring, paper and priors are there; search spaces fit the hyperparameters, and hold their defaults."""
    method = subject.method
    if not (method.__doc__ or "").strip():
        raise Broken("it has no docstring; its first line is what bench.info lists")
    if not method.paper.strip():
        raise Broken("`paper` is empty; cite where the method is from, with the equation")
    strange = [prior for prior in method.priors if prior not in PRIORS]
    if strange or not method.priors:
        raise Broken(f"`priors` names {names(strange) or 'none'}; there is: {', '.join(PRIORS)}")
    known = schema(method)
    for name, space in method.search_space.items():
        if name not in known:
            raise Broken(f"search_space names {name}, which is no keyword-only argument of __init__")
        _check_space(known[name], space)


def _check_space(parameter: Hyperparameter, space: Any) -> None:
    name, default = parameter.name, parameter.default
    values = space.options if isinstance(space, Choice) else (space.low, space.high)
    if not isinstance(space, Choice) and parameter.type is int:
        if not getattr(space, "integer", False):
            raise Broken(f"the search space of {name} gives fractions, but it is an int; say integer=True")
        values = tuple(int(value) for value in values)
    for value in values:
        try:
            parameter.parse(value)
        except ValueError as error:
            raise Broken(f"search_space has a value that is not allowed: {error}") from None
    inside = default in values if isinstance(space, Choice) else values[0] <= default <= values[-1]
    if not inside:
        raise Broken(f"the default of {name}, {default}, is outside its search space ({space})")


def check_shapes(subject: Subject) -> None:
    """Codes [n, d] on the prior's support, images in [-1, 1], float32 scalars as losses; looking changes nothing."""
    method, x, dim = subject.build(), images(6), 4
    _check_losses(method.losses(x))
    method.eval()
    before = {name: buffer.clone() for name, buffer in method.named_buffers()}
    with torch.no_grad():
        for name in ("encode", "sample_codes"):
            _check_codes(method, f"{name}(x)", getattr(method, name)(x), (6, dim))
        _check_images("decode(z)", method.decode(method.prior.sample(6)), x.shape)
        _check_images("sample(n)", method.sample(6), x.shape)
        for name, value in method.diagnostics(x).items():
            if value.ndim or not math.isfinite(value):
                raise Broken(f"diagnostics(x)[{name!r}] is no finite scalar")
    changed = [name for name, buffer in method.named_buffers() if not torch.equal(buffer, before[name])]
    if changed:
        raise Broken(f"encoding, decoding or sampling in eval mode changes {names(changed)}; only a step may")


def _check_losses(losses: dict[str, Tensor]) -> None:
    missing = [name for name in ("loss", "reconstruction") if name not in losses]
    if missing:
        raise Broken(f"losses(x) lacks {names(missing)}")
    odd = [name for name, value in losses.items() if value.ndim or value.dtype != torch.float32]
    if odd:
        raise Broken(f"losses(x): {names(odd)} must be float32 scalars")


def _check_codes(method: Method, what: str, codes: Tensor, shape: tuple[int, int]) -> None:
    if codes.shape != shape or codes.dtype != torch.float32:
        raise Broken(f"{what} is {codes.dtype} {list(codes.shape)}, not float32 {list(shape)}")
    if not torch.allclose(codes, method.prior.project(codes), atol=1e-5):
        raise Broken(f"{what} leaves the support of the prior {method.prior.name}; end with self.prior.project")


def _check_images(what: str, found: Tensor, shape: torch.Size) -> None:
    if found.shape != shape or found.dtype != torch.float32:
        raise Broken(f"{what} is {found.dtype} {list(found.shape)}, not float32 {list(shape)}")
    if found.abs().max() > 1:
        raise Broken(f"{what} has pixels outside [-1, 1]")


def check_precision(subject: Subject) -> None:
    """Low precision stays inside the networks: with bf16 codes and losses are float32, and nearly the same."""
    low, full, x = subject.build(precision="bf16"), subject.build(), images(8)
    for what, look in (("encode(x)", lambda: low.encode(x)), ("sample(n)", lambda: low.sample(2))):
        if look().dtype != torch.float32:
            raise Broken(f"with bf16 networks {what} is {look().dtype}; leave the precision to the networks")
    losses = low.losses(x)
    _check_losses(losses)
    values = [found["reconstruction"].item() for found in (losses, full.losses(x))]
    if not math.isclose(*values, rel_tol=0.05):
        raise Broken(f"with bf16 networks the reconstruction is {values[0]:.4g}, {values[1]:.4g} in float32")
