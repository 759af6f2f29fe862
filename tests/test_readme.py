"""The README's example and commands work as they stand."""

import re
import shlex

import pytest
import torch
from images import picture
from project import ROOT
from typer.testing import CliRunner

from bench.metrics.columns import parse
from methods import METHODS

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


def test_the_example_is_the_file_of_which_it_is_said_to_be():
    assert next(block for block in BLOCKS if "METHODS = " in block) == (ROOT / "examples" / "energy.py").read_text()


@pytest.mark.parametrize("command", re.findall(r"^    python -m bench\.run (.*)$", README, re.MULTILINE))
def test_every_run_command_is_accepted(command, tmp_path):
    from bench.run import app

    for i in range(1000 if "my/photos" in command else 0):
        picture(tmp_path / "photos" / f"{i}.png", (64, 64))
    arguments = shlex.split(command.replace("my/photos", str(tmp_path / "photos")))
    smaller = ["--set", "network.width=4", "--dry-run", "--prepared", str(tmp_path / "prepared")]
    if "--data-root" not in command:
        smaller += ["--data-root", str(tmp_path)]
    result = CliRunner().invoke(app, [*arguments, *smaller])
    assert result.exit_code == 0, result.output
    assert "to train" in result.output


def test_the_python_example_runs_as_it_stands(bench_run, tmp_path, monkeypatch, capsys):
    options = {"out": "results/digits", "evaluation__final_samples": "10000"}
    assert bench_run("--methods", "moco", "--seeds", "1", **options).exit_code == 0
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    exec(next(block for block in BLOCKS if "bench.load" in block), names)
    assert "moco" in capsys.readouterr().out
    images, codes, again = (names[name] for name in ("images", "codes", "again"))
    assert (images.shape, codes.shape, again.shape) == ((16, 1, 8, 8), (16, 8), (16, 1, 8, 8))
    assert torch.allclose(codes.norm(dim=1), torch.ones(16))


def test_every_linked_file_exists():
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    assert len(links) >= 5
    for link in links:
        file, _, heading = link.partition("#")
        assert (ROOT / file).exists(), link
        headings = [line.lstrip("# ").lower().replace(" ", "-") for line in README.splitlines() if line.startswith("#")]
        assert not heading or file or heading in headings, link


@pytest.mark.slow
def test_every_column_is_explained(bench_run, tmp_path):
    from bench.analysis import frames
    from bench.store.folders import ExperimentFolder

    assert bench_run("--methods", ",".join(METHODS), "--seeds", "1").exit_code == 0
    text = (ROOT / "results" / "README.md").read_text()
    columns = frames.rows(ExperimentFolder(tmp_path / "out")).columns
    assert not [column for column in columns if f"`{_explained_as(column)}`" not in text]


def _explained_as(column: str) -> str:
    """How results/README.md writes the columns that come in families."""
    for suffix in ("_se", "_floor", "_real"):
        if column.endswith(suffix) and parse(column.removesuffix(suffix)):
            return f"...{suffix}"
    if column.startswith("latent_") and column.endswith("_prior"):
        return "latent_..._prior"
    found = parse(column)
    if found is None:
        return column
    stem = column.rpartition("_")[0]
    plain = found.metric in ("precision", "recall", "density", "coverage")
    return f"{found.metric if plain else stem}_<n>"
