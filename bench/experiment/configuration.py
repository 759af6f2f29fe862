"""Resolves an experiment from defaults, the data set's file, a user's file and --set."""

import difflib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from bench.errors import UserError, cut, short, unknown
from bench.experiment.settings import Experiment
from bench.io.strict_yaml import load_yaml, parse_yaml
from bench.paths import CONFIGS


def merge(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """`base` with what `over` says, section by section."""
    merged = dict(base)
    for key, value in over.items():
        old = merged.get(key)
        merged[key] = merge(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return merged


def assignment(text: str) -> dict[str, Any]:
    """'training.batch_size=128' -> {'training': {'batch_size': 128}}."""
    path, equals, value = text.partition("=")
    if not equals or not path or not value:
        raise UserError(f"--set takes key=value, such as training.batch_size=128, not {text!r}")
    nested: Any = parse_yaml(value, f"--set {text}")
    for key in reversed(path.strip().split(".")):
        nested = {key: nested}
    return nested


def dataset_names() -> list[str]:
    return sorted(path.stem for path in (CONFIGS / "datasets").glob("*.yaml"))


def dataset_defaults(name: str) -> dict[str, Any]:
    """What configs/datasets/<name>.yaml says, and the data set's name."""
    return {"dataset": name} | load_yaml(CONFIGS / "datasets" / f"{name}.yaml")


def resolve(overrides: dict[str, Any], file: Path | None = None, sets: list[str] | None = None) -> Experiment:
    """Defaults, then configs/datasets/<dataset>.yaml, then `file`, then `overrides` and `sets`; later ones win."""
    given = merge(load_yaml(file) if file else {}, overrides)
    for text in sets or []:
        given = merge(given, assignment(text))
    dataset = given.get("dataset", Experiment.model_fields["dataset"].default)
    if dataset not in dataset_names():
        raise unknown("data set", str(dataset), dataset_names())
    try:
        experiment = Experiment.model_validate(merge(dataset_defaults(dataset), given))
    except ValidationError as error:
        raise UserError(_explain(error)) from None
    if experiment.training.reconstruction == "cross_entropy" and experiment.training.precision == "bf16":
        raise UserError(
            "training.reconstruction=cross_entropy needs training.precision=fp32: a rounded tanh is exactly 1"
        )
    side, crop = experiment.preprocessing.image_size, experiment.preprocessing.crop
    if side is None:
        raise UserError(f"{dataset} needs --image-size, the side of its images in pixels, such as 64")
    if crop and crop < side:
        raise UserError(f"--crop {crop} is smaller than --image-size {side}; images are never enlarged")
    return experiment


def _explain(error: ValidationError) -> str:
    """The first of pydantic's errors as one line, with the nearest key where one is unknown."""
    first = error.errors()[0]
    where = cut(".".join(str(part) for part in first["loc"]))
    if first["type"] == "model_type":
        return f"{where} is a section; write {where}.KEY, python -m bench.info lists the keys"
    if first["type"] != "extra_forbidden":
        return f"{where} = {short(first['input'])}: {first['msg'][0].lower()}{first['msg'][1:]}"
    # A key is often typed without its section, so every section and every key is a candidate, by its last name.
    paths = {key.rpartition(".")[2]: key for key in reversed([*Experiment.model_fields, *settings()])}
    near = difflib.get_close_matches(where.rpartition(".")[2], paths, n=1)
    return f"unknown key {where!r}. " + (
        f"Did you mean {paths[near[0]]}?" if near else "python -m bench.info lists them."
    )


def settings() -> dict[str, Any]:
    """Every key that a file or --set may hold, with its default: {"dataset": "digits", "training.epochs": 40, ...}."""
    found: dict[str, Any] = {}
    for key, value in Experiment().model_dump().items():
        found |= {f"{key}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {key: value}
    return found
