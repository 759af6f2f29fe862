"""The README is short, its generated blocks are up to date, and its examples and commands work as they stand."""

import re
import shlex

import pytest
from images import picture
from project import ROOT
from typer.testing import CliRunner

from bench.metrics.columns import METRICS, PIXELS, Column, parse
from docs_build import readme
from methods import METHODS

README = (ROOT / "README.md").read_text()


def test_it_is_short():
    shown = re.sub(r"\]\([^)]*\)", "]", README)  # addresses of links are not read
    assert len(re.findall(r"[A-Za-z][\w'-]*", shown)) <= 700


def test_its_blocks_are_those_of_the_command():
    assert readme.filled(README) == README, "run: python -m docs_build.readme"


def test_the_table_of_claims_is_that_of_the_command():
    assert readme.CLAIMS.read_text() == readme.claims_page(), "run: python -m docs_build.readme"


def test_its_table_has_every_method():
    assert re.findall(r"^\| `(\w+)` \| \S.* \| (?:normal|sphere)", README, re.MULTILINE) == list(METHODS)


def test_its_method_can_be_trained_as_it_stands(bench_run, tmp_path):
    block = next(iter(re.findall(r"```python\n(.*?)```", README, re.DOTALL)))
    assert len(re.findall(r"\S.*\n", block)) <= 20
    (tmp_path / "mine.py").write_text(block)
    result = bench_run("--plugin", str(tmp_path / "mine.py"), "--methods", "mine", "--seeds", "1")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("command", re.findall(r"^    python -m bench\.run (.*)$", README, re.MULTILINE))
def test_every_run_command_is_accepted(command, tmp_path):
    from bench.run import app

    for i in range(1000 if "my/photos" in command else 0):
        picture(tmp_path / "photos" / f"{i}.png", (64, 64))
    (tmp_path / "mine.py").write_text(next(iter(re.findall(r"```python\n(.*?)```", README, re.DOTALL))))
    command = command.replace("my/photos", str(tmp_path / "photos")).replace("mine.py", str(tmp_path / "mine.py"))
    smaller = ["--set", "network.width=4", "--dry-run", "--prepared", str(tmp_path / "prepared")]
    if "--data-root" not in command:
        smaller += ["--data-root", str(tmp_path)]
    result = CliRunner().invoke(app, [*shlex.split(command), *smaller])
    assert result.exit_code == 0, result.output
    assert "to train" in result.output


def test_every_linked_file_exists():
    links = re.findall(r"\]\((?!https?:)([^)]+)\)", README)
    assert len(links) >= 5
    for link in links:
        assert (ROOT / link.partition("#")[0]).exists(), link


@pytest.mark.slow
def test_every_column_is_explained(bench_run, tmp_path):
    from bench.analysis import frames
    from bench.store.folders import ExperimentFolder

    assert bench_run("--methods", ",".join(METHODS), "--seeds", "1").exit_code == 0
    text = (ROOT / "results" / "README.md").read_text()
    columns = frames.rows(ExperimentFolder(tmp_path / "out")).columns
    assert not [column for column in columns if f"`{_explained_as(column)}`" not in text]


@pytest.mark.parametrize("metric", METRICS)
def test_every_metric_is_explained(metric):
    text = (ROOT / "results" / "README.md").read_text()
    for extractor in ("inception", "classifier") if METRICS[metric].elsewhere else (PIXELS,):
        assert f"`{_explained_as(str(Column(metric, extractor, 1000)))}`" in text


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
