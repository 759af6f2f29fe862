"""Checks of a method's declarations, and of the inputs and outputs of its functions."""

import math
from typing import Any

import torch
from torch import Tensor

from bench.contract.subject import Broken, Skipped, Subject, Unfinished, images, listed
from bench.metrics.columns import refuse_bad_names
from methods import Method
from methods.hyperparameters import Choice, Hyperparameter, schema
from methods.priors import PRIORS


def check_schema(subject: Subject) -> None:
    """Docstring, paper and priors exist; search spaces fit the hyperparameters and contain their defaults."""
    method = subject.method
    if not (method.__doc__ or "").strip():
        raise Unfinished(
            'it has no docstring, whose first line bench.info lists; write """One sentence.""" below the class'
        )
    if not method.paper.strip():
        raise Unfinished(
            '`paper` is empty; cite the paper and the equation: paper = "Author et al., arXiv ..., equation 1"'
        )
    unknown = [prior for prior in method.priors if prior not in PRIORS]
    if unknown or not method.priors:
        problem = f"names {listed(unknown)}, which does not exist" if unknown else "is empty"
        raise Broken(f"`priors` {problem}; choose from {', '.join(PRIORS)}")
    hyperparameters = schema(method)
    for name, space in method.search_space.items():
        if name not in hyperparameters:
            raise Broken(f"search_space names {name}, which is not a keyword-only argument of __init__")
        _check_space(hyperparameters[name], space)


def _check_space(parameter: Hyperparameter, space: Any) -> None:
    name, default = parameter.name, parameter.default
    values = space.options if isinstance(space, Choice) else (space.low, space.high)
    if not isinstance(space, Choice) and parameter.type is int:
        if not getattr(space, "integer", False):
            raise Broken(f"the search space of {name} yields fractions, but {name} is an int; set integer=True")
        values = tuple(int(value) for value in values)
    for value in values:
        try:
            parameter.parse(value)
        except ValueError as error:
            raise Broken(f"search_space contains an invalid value: {error}") from None
    is_inside = default in values if isinstance(space, Choice) else values[0] <= default <= values[-1]
    if not is_inside:
        raise Broken(f"the default of {name}, {default}, is outside its search space ({space})")


def check_search(subject: Subject) -> None:
    """A method with numbers to choose says in which ranges a search looks for them."""
    try:
        hyperparameters = schema(subject.method)
    except Exception:
        raise Skipped("its hyperparameters cannot be read") from None
    numbers = [parameter for parameter in hyperparameters.values() if parameter.type is float]
    if not numbers:
        raise Skipped("it has no numbers to search")
    if not subject.method.search_space:
        raise Unfinished(
            f"no search space, so --tune varies the learning rate only; write search_space = {_example(numbers[0])} in "
            "the class, and import LogUniform or Uniform from methods.hyperparameters"
        )


def _example(parameter: Hyperparameter) -> str:
    default, allowed = parameter.default, parameter.range
    if default > 0:
        high = 10 * default if 10 * default in allowed else default
        return f'{{"{parameter.name}": LogUniform({default / 10:g}, {high:g})}}'
    high = default + 1 if default + 1 in allowed else default
    return f'{{"{parameter.name}": Uniform({default:g}, {high:g})}}'


def check_shapes(subject: Subject) -> None:
    """Codes lie on the prior's support, images in [-1, 1]; losses are float32 scalars; eval mode changes no state."""
    method, x, dim = subject.build(), images(6), 4
    _check_losses(method.losses(x))
    method.eval()
    before = {name: buffer.clone() for name, buffer in method.named_buffers()}
    with torch.no_grad():
        for name in ("encode", "sample_codes"):
            _check_codes(method, f"{name}(x)", getattr(method, name)(x), (6, dim))
        _check_images("decode(z)", method.decode(method.prior.sample(6)), x.shape)
        _check_images("sample(n)", method.sample(6), x.shape)
        diagnostics = method.diagnostics(x)
        _check_names(diagnostics, "diagnostics")
        for name, value in diagnostics.items():
            if value.ndim or not math.isfinite(value):
                raise Broken(f"diagnostics(x)[{name!r}] is not a finite scalar")
    changed = [name for name, buffer in method.named_buffers() if not torch.equal(buffer, before[name])]
    if changed:
        raise Broken(f"encoding, decoding or sampling in eval mode changes {listed(changed)}; only a training step may")


def _check_losses(losses: dict[str, Tensor]) -> None:
    missing = [name for name in ("loss", "reconstruction") if name not in losses]
    if missing:
        raise Broken(f"losses(x) lacks {listed(missing)}")
    _check_names(losses, "losses")
    wrong = [name for name, value in losses.items() if value.ndim or value.dtype != torch.float32]
    if wrong:
        raise Broken(f"losses(x): {listed(wrong)} must be float32 scalars")


def _check_names(values: dict[str, Tensor], what: str) -> None:
    try:
        refuse_bad_names(values, what)
    except ValueError as error:
        raise Broken(str(error)) from None


def _check_codes(method: Method, what: str, codes: Tensor, shape: tuple[int, int]) -> None:
    if codes.shape != shape or codes.dtype != torch.float32:
        raise Broken(f"{what} is {codes.dtype} {list(codes.shape)}, not float32 {list(shape)}")
    if not torch.allclose(codes, method.prior.project(codes), atol=1e-5):
        raise Broken(f"{what} is not on the support of the prior {method.prior.name}; apply self.prior.project last")


def _check_images(what: str, pixels: Tensor, shape: torch.Size) -> None:
    if pixels.shape != shape or pixels.dtype != torch.float32:
        raise Broken(f"{what} is {pixels.dtype} {list(pixels.shape)}, not float32 {list(shape)}")
    if pixels.abs().max() > 1:
        raise Broken(f"{what} has pixels outside [-1, 1]")


def check_precision(subject: Subject) -> None:
    """Low precision stays inside the networks: with bf16, codes and losses are float32 and nearly unchanged."""
    low, full, x = subject.build(precision="bf16"), subject.build(), images(8)
    for what, call in (("encode(x)", lambda: low.encode(x)), ("sample(n)", lambda: low.sample(2))):
        if call().dtype != torch.float32:
            raise Broken(f"with bf16 networks {what} is {call().dtype}; only the networks may lower the precision")
    losses = low.losses(x)
    _check_losses(losses)
    values = [each["reconstruction"].item() for each in (losses, full.losses(x))]
    if not math.isclose(*values, rel_tol=0.05):
        raise Broken(f"with bf16 networks the reconstruction is {values[0]:.4g}, but {values[1]:.4g} in float32")
