"""--sweep: one experiment for every combination of values of some settings, each with its own protocol."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from bench.errors import UserError
from bench.experiment.configuration import default_settings, unknown_key
from bench.io.strict_yaml import load_yaml

KEY = "sweep"  # of a settings file
MOST_PARTS = 200


@dataclass(frozen=True)
class Part:
    """One combination. `name` is that of its folder: "network.latent_dim=8,training.batch_size=64"."""

    name: str
    assignments: list[str]


def parts(texts: Sequence[str], file: Path | None) -> list[Part]:
    """Return every combination of the values; nothing if neither names a sweep.

    Args:
        texts: arguments of --sweep, such as "network.latent_dim=8,32,128".
        file: a settings file, whose section `sweep` maps keys to lists of values. --sweep overrides its keys.

    Raises:
        UserError: a sweep is malformed, a key is unknown or given twice, or a value is repeated.
    """
    stored = load_yaml(file).get(KEY, {}) if file else {}
    if not isinstance(stored, Mapping) or not all(isinstance(values, list) for values in stored.values()):
        raise UserError(f"{file}: {KEY} maps settings to lists of values, such as {{network.latent_dim: [8, 32]}}")
    values = {str(key): [_text(value) for value in each] for key, each in stored.items()}
    typed: dict[str, list[str]] = {}
    for text in texts:
        key, equals, listed = text.partition("=")
        if not equals or not key or not listed:
            raise UserError(f"--sweep takes KEY=VALUE,VALUE, such as network.latent_dim=8,32,128, not {text!r}")
        if key in typed:
            raise UserError(f"--sweep {key} is given twice; give all its values at once")
        typed[key] = listed.split(",")
    values |= typed
    for key, each in values.items():
        _check(key, each)
    combinations = [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())] if values else []
    if len(combinations) > MOST_PARTS:
        raise UserError(f"the sweep has {len(combinations)} combinations, more than {MOST_PARTS}; leave out some")
    return [_part(combination) for combination in combinations]


def _check(key: str, values: list[str]) -> None:
    if key not in default_settings():
        raise UserError(f"--sweep: {unknown_key(key)}")
    if "." not in key:
        raise UserError(f"--sweep {key}: only settings in sections are swept; run an experiment for each value")
    if len(set(values)) < len(values) or "" in values:
        raise UserError(f"--sweep {key}={','.join(values)}: values must differ and not be empty")


def _text(value: object) -> str:
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _part(combination: Mapping[str, str]) -> Part:
    assignments = [f"{key}={value}" for key, value in combination.items()]
    return Part(re.sub(r"[^A-Za-z0-9_.=,+-]", "_", ",".join(assignments)), assignments)
