"""Settings, from the types of `bench.experiment.settings` and their docstrings."""

from typing import Any

import griffe
from pydantic import BaseModel

from bench.experiment.configuration import dataset_defaults, dataset_names
from bench.experiment.settings import Experiment, Section
from docs_build.tables import code, table

TYPES = {
    "integer": "whole number",
    "number": "number",
    "string": "name",
    "boolean": "`true`, `false`",
    "null": "`null`",
    "array": "list",
    "object": "mapping",
}
BOUNDS = {
    "minimum": ">= {}",
    "exclusiveMinimum": "> {}",
    "maximum": "<= {}",
}  # the upper bounds of whole numbers, 2^53, are left out: they only keep numbers exact


def all_settings() -> str:
    """Return the keys of each section."""
    sections = nested()
    parts = ["## Experiment\n", _section(Experiment, "", set(sections))]
    for name, kind in sections.items():
        parts += [f"## {name.capitalize()}\n", _section(kind, f"{name}.", set())]
    return "\n".join(parts)


def by_dataset() -> str:
    """Return what each data set sets otherwise."""
    rows = []
    for name in dataset_names():
        settings = dataset_defaults(name)
        given = [f"`{s}.{key}={value}`" for s in nested() for key, value in settings.get(s, {}).items()]
        rows.append([f"`{name}`", ", ".join(given)])
    return table(["data set", "settings"], rows)


def nested() -> dict[str, type[Section]]:
    """Return the sections of an experiment by name."""
    kinds = {name: field.annotation for name, field in Experiment.model_fields.items()}
    return {name: kind for name, kind in kinds.items() if isinstance(kind, type) and issubclass(kind, Section)}


def _section(kind: type[BaseModel], prefix: str, without: set[str]) -> str:
    about, explained = described(kind)
    properties = kind.model_json_schema()["properties"]
    rows = [
        [f"`{prefix}{name}`", _allowed(properties[name]), _default(field.default), explained.get(name, "")]
        for name, field in kind.model_fields.items()
        if name not in without
    ]
    return f"{about}\n\n" + table(["key", "values", "default", "what it means"], rows)


def described(documented: Any) -> tuple[str, dict[str, str]]:
    """Return what a docstring in Google's style says first, and what it says of each attribute or argument."""
    about, items = "", {}
    for part in griffe.Docstring(documented.__doc__ or "", parser="google").parse(warnings=False):
        if part.kind is griffe.DocstringSectionKind.text:
            about = about or part.value
        elif part.kind in (griffe.DocstringSectionKind.attributes, griffe.DocstringSectionKind.parameters):
            items |= {item.name: item.description for item in part.value}
    return about, items


def _allowed(schema: dict[str, Any]) -> str:
    if "anyOf" in schema:
        return " or ".join(_allowed(option) for option in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"`{option}`" for option in schema["enum"])
    name = TYPES[schema["type"]]
    bounds = [text.format(schema[key]) for key, text in BOUNDS.items() if key in schema]
    return f"{name} {', '.join(bounds)}".strip()


def _default(value: object) -> str:
    words = {True: "true", False: "false", None: "null"}
    return code(words[value] if isinstance(value, bool | None) else value)
