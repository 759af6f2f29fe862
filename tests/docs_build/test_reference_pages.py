"""Reference pages that are made from the code."""

import importlib

import typer
from project import ROOT

from bench.cli.commands import COMMANDS
from bench.experiment.configuration import dataset_names, default_settings
from bench.metrics.columns import METRICS
from docs_build import catalogue, columns, commands, settings
from docs_build.generated import filled
from docs_build.tables import section


def test_every_option_of_every_command_is_there():
    text = commands.all_commands()
    for name in COMMANDS:
        described = section(text, name)
        command = typer.main.get_command(importlib.import_module(f"bench.{name}").app)
        for parameter in command.params:
            options = [option for option in parameter.opts if option.startswith("--")]
            assert all(option in described for option in options), (name, options)


def test_every_setting_is_there_with_an_explanation():
    rows = {line.split(" | ")[0].strip("| `"): line for line in settings.all_settings().splitlines()}
    for key in set(default_settings()) - {"preprocessing.shape"}:
        assert rows[key].rstrip(" |").split(" | ")[3].strip(), f"the docstring does not explain {key}"
    assert "`constant`, `cosine`" in rows["training.schedule"]
    assert "whole number > 0" in rows["training.epochs"]


def test_every_data_set_network_and_measure_is_there():
    assert all(f"| `{name}` |" in settings.by_dataset() for name in dataset_names())
    assert all(f"| `{name}` |" in catalogue.datasets() for name in catalogue.registered().datasets)
    assert all(f"| `{name}` |" in catalogue.networks() for name in catalogue.registered().networks)
    assert all(f"`{metric.stem}_<n>`" in columns.measures() for metric in METRICS.values())


def test_pages_can_be_filled():
    for page in (ROOT / "docs" / "reference").glob("*.md"):
        assert "generated:" not in filled(page.read_text())
