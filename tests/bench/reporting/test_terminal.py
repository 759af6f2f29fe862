"""Tables in a terminal: no name is cut, no line is too long, and what does not fit is named."""

from dataclasses import replace
from pathlib import Path

import pytest
from synthetic_experiments import experiment

from bench.reporting import merge, terminal
from bench.reporting.build import print_tables
from bench.reporting.table import Cell, Table, number, prose, word

LONG = "moco[temperature=0.05,queue_size=65536,momentum=0.999,weight=0.0316,prior=sphere]"
HEADINGS = ["variant", "prior", "seeds", "fid_10k ↓", "KID ↓", "precision ↑"]


def table(name: str) -> Table:
    cells = [word(name), word("sphere"), word("6"), Cell("4.34 ± 0.19", 4.34, strong=True), number(0.01), number(0.6)]
    return Table("generated", "Generated images", HEADINGS, [cells], "A note of *some* `words`.", words=3)


def shown(capsys, made: Table, width: int) -> list[str]:
    terminal.show(made, "report/index.html", width=width)
    return capsys.readouterr().out.splitlines()


def test_all_columns_are_shown_where_they_fit(capsys):
    lines = shown(capsys, table("moco"), 80)
    assert lines[1].split("  ")[0] == "variant"
    assert lines[2].split() == ["moco", "sphere", "6", "4.34", "±", "0.19", "0.01", "0.6"]
    assert "do not fit" not in "\n".join(lines)
    assert lines[3] == "A note of some words."


def test_the_distance_is_shown_before_other_columns_and_the_others_are_named(capsys):
    lines = shown(capsys, table("autoencoder[prior=sphere]"), 42)
    assert lines[2].split() == ["autoencoder[prior=sphere]", "4.34", "±", "0.19"]
    text = " ".join(lines)
    assert "Columns that do not fit here: prior, seeds, KID ↓, precision ↑. All are in report/index.html" in text


@pytest.mark.parametrize("width", [20, 40, 80, 120])
def test_a_name_is_never_cut(capsys, width):
    lines = shown(capsys, table(LONG), width)
    [named] = [line for line in lines if "moco[" in line]
    assert LONG in named
    assert "4.34 ± 0.19" in " ".join(" ".join(lines).split())


def test_sentences_use_the_room_that_is_left(capsys):
    answer = "better than `mmd` 0.79 (0.73 to 0.86), `gan` 0.9 (0.8 to 0.95); undecided against `vae` (12 more seeds)"
    made = Table("verdict", "Verdict", ["claim", "answer"], [[prose("is better"), prose(answer)]], words=2)
    lines = shown(capsys, made, 60)
    assert max(map(len, lines)) <= 60
    assert "".join(lines).count("`") == 0
    assert len(lines) == 5


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_of_a_report_is_wider_than_the_terminal(tmp_path, capsys, monkeypatch, width):
    group = merge.load_one(experiment(tmp_path / "exp"))
    group = replace(group, description=replace(group.description, methods=["mmd", "moco", "vae"]))
    monkeypatch.setattr(terminal, "WIDTH", width)
    print_tables(group, Path("report"))
    lines = capsys.readouterr().out.splitlines()
    assert "Verdict on mmd, in words" in lines or "Verdict on mmd" in lines
    assert max(map(len, lines)) <= width


def test_a_report_prints_the_verdict_and_the_distances_and_says_where_the_rest_is(tmp_path, capsys, monkeypatch):
    group = merge.load_one(experiment(tmp_path / "exp"))
    group = replace(group, description=replace(group.description, methods=["mmd", "moco", "vae"]))
    monkeypatch.setattr(terminal, "WIDTH", 80)
    print_tables(group, Path("report"))
    text = capsys.readouterr().out
    assert [line for line in text.splitlines() if line.startswith("Verdict")] == [
        "Verdict on mmd",
        "Verdict on mmd, in words",
    ]
    assert text.count("Generated images:") == 1
    assert "Time to target, and cost" not in text
    assert "The rest is in the report: codes," in text
    assert len(text.splitlines()) < 60


def test_a_terminal_gets_the_short_form_of_notes(capsys):
    shown = replace(table("moco"), about="A long note. With caveats.", brief="A long note.")
    terminal.show(shown, "report/index.html", width=80)
    assert capsys.readouterr().out.splitlines()[-2:] == ["A long note.", ""]
