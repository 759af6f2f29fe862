"""`moco[temperature=0.05|0.1,prior=sphere]` -> variants: a method, its prior and all its hyperparameters."""

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from bench.errors import UserError, unknown
from bench.strict_yaml import parse_yaml
from methods import METHODS
from methods.hyperparameters import schema
from methods.priors import PRIORS

EXAMPLE = "moco[temperature=0.1|0.2,queue_size=4096]"


@dataclass(frozen=True)
class Variant:
    """One method with everything that can be chosen about it resolved."""

    method: str
    prior: str
    hyperparameters: dict[str, Any] = field(hash=False)

    @property
    def label(self) -> str:
        """The method's name and, in brackets, what differs from its defaults: the same for the same content."""
        method = METHODS[self.method]
        parts = [] if self.prior == method.priors[0] else [f"prior={self.prior}"]
        defaults = schema(method)
        parts += [f"{k}={v}" for k, v in self.hyperparameters.items() if v != defaults[k].default]
        return f"{self.method}[{','.join(parts)}]" if parts else self.method


def split_methods(text: str) -> list[str]:
    """Split at the commas outside brackets: 'x[a=1,b=2],y' -> ['x[a=1,b=2]', 'y']."""
    parts = re.split(r",(?![^\[]*\])", text)
    return [part.strip() for part in parts]


def parse_variants(texts: list[str]) -> list[Variant]:
    """All variants that the texts name, in order; the same one twice counts once."""
    found: dict[str, Variant] = {}
    for text in texts:
        for variant in _parse(text):
            found.setdefault(variant.label, variant)
    return list(found.values())


def _parse(text: str) -> list[Variant]:
    match = re.fullmatch(r"([^\[\]]+)(?:\[([^\[\]]+)\])?", text.strip())
    if not match:
        raise UserError(f"cannot read the method {text!r}; write it like {EXAMPLE}")
    name, inside = match.groups()
    if name not in METHODS:
        raise unknown("method", name, METHODS)
    choices: dict[str, list[Any]] = {}
    for part in inside.split(",") if inside else []:
        key, _, values = part.partition("=")
        key = key.strip()
        if not key or not values or key in choices:
            problem = f"{key!r} stands twice" if key in choices else f"{part!r} is not key=value"
            raise UserError(f"cannot read the method {text!r}: {problem}; write it like {EXAMPLE}")
        choices[key] = [_value(name, key, value) for value in values.split("|")]
    combinations = itertools.product(*choices.values())
    return [_variant(name, dict(zip(choices, combination, strict=True))) for combination in combinations]


def _value(name: str, key: str, text: str) -> Any:
    """One value of `key`, checked against the method's signature, or against its priors for the key 'prior'."""
    method = METHODS[name]
    known = schema(method)
    if key == "prior":
        if text not in PRIORS:
            raise unknown("prior", text, PRIORS)
        if text not in method.priors:
            raise UserError(f"{name} does not support prior={text}; it supports {', '.join(method.priors)}")
        return text
    if key not in known:
        raise unknown(f"hyperparameter of {name}", key, [*known, "prior"])
    try:
        return known[key].parse(parse_yaml(text, f"{name}[{key}={text}]"))
    except ValueError as error:
        raise UserError(f"{name}: {error}") from None


def _variant(name: str, chosen: dict[str, Any]) -> Variant:
    prior = chosen.pop("prior", METHODS[name].priors[0])
    defaults = {key: parameter.default for key, parameter in schema(METHODS[name]).items()}
    return Variant(name, prior, defaults | chosen)
