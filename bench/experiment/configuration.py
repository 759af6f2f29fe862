"""Resolve an experiment from the defaults, the data set's file, a user's file and --set."""

import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from bench.errors import UserError, cut, short, unknown
from bench.experiment.settings import BUDGETS, Experiment, Section
from bench.io.strict_yaml import load_yaml, parse_yaml
from bench.metrics.columns import EXTRACTORS, OPTIONAL
from bench.paths import CONFIGS

FAMILY = "torchvision"  # data sets torchvision.NAME have one file of settings
AnySection = TypeVar("AnySection", bound=Section)
Settings = dict[str, Any]  # nested, from YAML or the command line, and not validated yet
DATASET_SETTINGS: dict[str, Settings] = {}  # name of a data set that a plug-in has added -> its settings


def merge(base: Settings, overrides: Settings) -> Settings:
    """Return `base` updated with `overrides`, section by section."""
    merged = dict(base)
    for key, value in overrides.items():
        current = merged.get(key)
        merged[key] = merge(current, value) if isinstance(current, dict) and isinstance(value, dict) else value
    return merged


def assignment(text: str) -> Settings:
    """Parse the argument of --set: 'training.batch_size=128' -> {'training': {'batch_size': 128}}.

    Raises:
        UserError: the text is not key=value, or the value is not YAML.
    """
    path, equals, value = text.partition("=")
    if not equals or not path or not value:
        raise UserError(f"--set takes key=value, such as training.batch_size=128, not {text!r}")
    nested = parse_yaml(value, f"--set {text}")
    for key in reversed(path.strip().split(".")):
        nested = {key: nested}
    return nested


def assignments(texts: list[str]) -> Settings:
    """Combine the arguments of --set.

    Raises:
        UserError: one cannot be parsed, or two set the same key.
    """
    combined: Settings = {}
    for text in texts:
        combined = _disjoint(combined, assignment(text), "--set {} is given twice; give it once".format)
    return combined


def _nested(settings: Settings, origin: Path) -> Settings:
    """Read `training.epochs: 3` in a file as `training: {epochs: 3}`, because --set and messages write keys so."""
    nested: Settings = {}
    for key, value in settings.items():
        for part in reversed(str(key).split(".")):
            value = {part: value}
        nested = _disjoint(nested, value, lambda key: f"{origin}: the key {key} appears twice; write it once")
    return nested


def _disjoint(base: Settings, more: Settings, problem: Callable[[str], str], prefix: str = "") -> Settings:
    """Return `base` with the keys of `more`, section by section; UserError `problem(key)` for a key that both have."""
    merged = dict(base)
    for key, value in more.items():
        if key in base and not (isinstance(value, dict) and isinstance(base[key], dict)):
            raise UserError(problem(cut(f"{prefix}{key}")))
        merged[key] = _disjoint(base[key], value, problem, f"{prefix}{key}.") if key in base else value
    return merged


def dataset_names() -> list[str]:
    """Return the names of all data sets, sorted."""
    return sorted([*DATASET_SETTINGS, *(path.stem for path in (CONFIGS / "datasets").glob("*.yaml"))])


def dataset_defaults(name: str) -> Settings:
    """Return the settings of a data set, with its name: configs/datasets/<name>.yaml, without what follows a dot."""
    if name in DATASET_SETTINGS:
        return {"dataset": name, **DATASET_SETTINGS[name]}
    return {"dataset": name} | load_yaml(CONFIGS / "datasets" / f"{name.partition('.')[0]}.yaml")


def read(file: Path) -> Settings:
    """Return the settings of a user's file, nested. `bench.driver.sweep` reads what it says of a sweep."""
    return _nested({key: value for key, value in load_yaml(file).items() if key != "sweep"}, file)


def resolve(overrides: Settings, file: Path | None = None, sets: list[str] | None = None) -> Experiment:
    """Resolve the settings of an experiment.

    Later sources take precedence: the defaults, configs/datasets/<dataset>.yaml, `file`, the command line (`overrides`
    and `sets`, which may not set the same key).

    Args:
        overrides: settings from command-line options.
        file: the user's YAML file.
        sets: arguments of --set.

    Raises:
        UserError: a key is unknown, a value is invalid, or settings contradict each other.
    """
    typed = _disjoint(
        overrides, assignments(sets or []), "{} is given twice, by its option and by --set; give one".format
    )
    user = _merge_budget(read(file) if file else {}, typed)
    dataset = user.get("dataset", Experiment.model_fields["dataset"].default)
    family, _, member = str(dataset).partition(".")
    if family not in dataset_names() or bool(member) != (family == FAMILY):
        names = [f"{name}.NAME" if name == FAMILY else name for name in dataset_names()]
        raise unknown("data set", str(dataset), names)
    try:
        experiment = Experiment.model_validate(_merge_budget(dataset_defaults(dataset), user))
    except ValidationError as error:
        raise UserError(_explain(error)) from None
    _refuse_contradictions(experiment)
    return experiment


def _merge_budget(base: Settings, overrides: Settings) -> Settings:
    """Return `merge`, where a budget of training replaces any other one of `base`.

    Raises:
        UserError: `overrides` has two budgets.
    """
    training, before = overrides.get("training"), base.get("training")
    given = [name for name in BUDGETS if isinstance(training, dict) and training.get(name) is not None]
    if len(given) > 1:
        raise UserError(
            f"training.{given[0]} and training.{given[1]} are both budgets of the training; give one of them"
        )
    if given and isinstance(before, dict):
        base = base | {"training": {name: value for name, value in before.items() if name not in BUDGETS}}
    return merge(base, overrides)


def _refuse_contradictions(experiment: Experiment) -> None:
    training, preprocessing = experiment.training, experiment.preprocessing
    if training.reconstruction == "cross_entropy" and training.precision == "bf16":
        raise UserError(
            "training.reconstruction=cross_entropy needs training.precision=fp32: in bf16, tanh is rounded to exactly 1"
        )
    extractor = experiment.evaluation.extractor
    if extractor not in ("auto", *EXTRACTORS):
        raise unknown("extractor", extractor, ["auto", *EXTRACTORS])
    for name in experiment.evaluation.metrics:
        if name not in OPTIONAL:
            raise unknown("metric", name, OPTIONAL)
        if experiment.evaluation.final_samples is None:
            raise UserError(f"evaluation.metrics={name} is part of the final row, so set evaluation.final_samples")
    size, crop = preprocessing.image_size, preprocessing.crop
    if size is None:
        raise UserError(f"{experiment.dataset} needs --image-size, the side of its images in pixels, such as 64")
    if crop and crop < size:
        raise UserError(f"--crop {crop} is smaller than --image-size {size}; images are never enlarged")


def _explain(error: ValidationError) -> str:
    """Return the first of pydantic's errors as one line; for an unknown key, with the most similar known key."""
    first = error.errors()[0]
    key = cut(".".join(str(part) for part in first["loc"]))
    if first["type"] == "model_type":
        empty = " and has no keys" if first["input"] is None else ""
        return f"{key} is a section{empty}; write {key}.KEY (python -m bench.info lists the keys)"
    if first["type"] != "extra_forbidden":
        return f"{key} = {short(first['input'])}: {first['msg'][0].lower()}{first['msg'][1:]}"
    return unknown_key(key)


def unknown_key(key: str) -> str:
    """Return the line for a key that does not exist."""
    # Users often omit the section of a key, so only the last parts of keys are compared.
    paths = {path.rpartition(".")[2]: path for path in reversed([*Experiment.model_fields, *default_settings()])}
    similar = difflib.get_close_matches(key.rpartition(".")[2], paths, n=1)
    return f"unknown key {key!r}. " + (
        f"Did you mean {paths[similar[0]]}?" if similar else "python -m bench.info lists all keys."
    )


def section(kind: type[AnySection], values: Settings) -> AnySection:
    """Return a section of settings.

    Raises:
        UserError: a value is invalid.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UserError(_explain(error)) from None


def default_settings() -> Settings:
    """Return every key that a file or --set may contain, and its default: {"training.epochs": 40, ...}."""
    defaults: Settings = {}
    for key, value in Experiment().model_dump().items():
        defaults |= {f"{key}.{name}": item for name, item in value.items()} if isinstance(value, dict) else {key: value}
    return defaults
