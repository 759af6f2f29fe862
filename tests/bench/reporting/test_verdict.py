"""The verdict at the top of a report follows from the values of the seeds."""

import re
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from specimens import make_description
from synthetic_experiments import add

from bench.analysis import frames, sensitivity
from bench.analysis.claims import Verdict
from bench.experiment.settings import Report
from bench.reporting import build as reports
from bench.reporting import merge, sentences, terminal, verdict, verdict_tables
from bench.reporting.build import build
from bench.reporting.group import Group, as_asked
from bench.reporting.table import Cell, Table
from bench.store.folders import ExperimentFolder


@pytest.fixture
def folder(tmp_path):
    folder = ExperimentFolder(tmp_path / "exp")
    folder.describe(replace(make_description(command="bench.run", samples=1000), methods=["moco", "mmd", "gan", "vae"]))
    return folder


def rows(folder: ExperimentFolder) -> dict[tuple[str, str], str]:
    """Every claim: (kind, rival) -> verdict."""
    claims = verdict.claimed(merge.load_one(folder))
    return dict(zip(zip(claims["claim"], claims["rival"], strict=True), claims["verdict"], strict=True))


def answers(group: Group) -> dict[str, str]:
    return {row[0].text: row[1].text for row in table(group, "verdict").rows}


def table(group: Group, name: str) -> Table:
    return next(table for table in verdict_tables.tables(group) if table.name == name)


def matrix(group: Group) -> dict[tuple[str, str], Cell]:
    """Every cell: (claim, rival) -> cell."""
    made = table(group, "matrix")
    return {(row[0].text, rival): cell for row in made.rows for rival, cell in zip(made.headings, row, strict=True)}


def four_methods(folder: ExperimentFolder) -> Group:
    for seed in range(6):
        add(folder, "moco", seed, 4.0 + 0.01 * seed)
        add(folder, "gan", seed, 8.0 + 0.01 * seed)
        add(folder, "mmd", seed, 4.0 + 0.01 * (5 - seed))
        add(folder, "vae", seed, 3.2 + 0.5 * seed)
    return merge.load_one(folder)


def test_a_clear_difference_an_equivalence_and_an_open_question(folder):
    group = four_methods(folder)
    found, claim = rows(folder), "reaches a lower distance"
    assert verdict.baseline(group) == "moco"
    assert (found[claim, "gan"], found[claim, "mmd"], found[claim, "vae"]) == ("better", "no difference", "undecided")
    assert found["is steadier over seeds", "vae"] == "better"


def test_every_claim_has_one_answer_and_every_rival_a_sentence(folder):
    group = four_methods(folder)
    found = answers(group)
    assert sorted(", ".join(found).split(", ")) == sorted(sentences.CLAIMS)
    distance = found["reaches a lower distance"]
    assert re.fullmatch(
        r"lower than `gan` 0\.50\d+ \(.*\); no difference larger than 5% from `mmd` 1\.00\d* \(.*\); "
        r"undecided: `vae` \d\.\d+ \(.*\) \(about \d+ more seeds\)",
        distance,
    )
    assert found["is steadier over settings"] == verdict_tables.FEW_SETTINGS
    details = {(row[0].text, row[2].text.partition(":")[0]) for row in table(group, "claims").rows}
    assert ("gan", "`moco` reaches a lower distance than `gan`") in details
    assert ("mmd", "`moco` and `mmd` differ by less than 5%") in details
    assert ("vae", "Undecided whether `moco` reaches a lower distance than `vae`") in details
    _, answered, every = verdict_tables.tables(group)
    assert (answered.folded, every.folded) == (False, True)
    assert "one claim against the 3 rivals: Holm's method" in every.about
    assert "6 seeds can make a clear difference significant in all 6 pairs" in answered.about


def test_the_matrix_says_in_two_words_and_a_sign_what_the_sentences_say(folder):
    group = four_methods(folder)
    cells, claims = matrix(group), verdict.claimed(group)
    made = [claim.short for name, claim in sentences.CLAIMS.items() if name in set(claims["claim"])]
    assert [row[0].text for row in table(group, "matrix").rows] == made
    assert f"*spread: settings* ({verdict_tables.FEW_SETTINGS})" in table(group, "matrix").about
    assert re.fullmatch(r"✓ lower 0\.50\d*×", cells["distance", "gan"].text)
    assert re.fullmatch(r"= no difference 1\.00\d*×", cells["distance", "mmd"].text)
    assert cells["distance", "vae"].text.startswith("? undecided ")
    for record in frames.records(claims):
        cell = cells[sentences.CLAIMS[record["claim"]].short, record["rival"]]
        assert cell.text == sentences.outcome(record)
        assert cell.tone == Verdict(record["verdict"]).name
    turned = matrix(as_asked(group, "gan", None, None))
    assert re.fullmatch(r"✗ higher 1\.9\d*×", turned["distance", "moco"].text)
    assert "= no difference larger than 5%" in table(group, "matrix").about


@pytest.mark.reports
def test_each_cell_of_the_matrix_links_to_its_sentence(folder):
    group = four_methods(folder)
    build(folder)
    page, summary = ((folder.report / name).read_text() for name in ("index.html", "summary.md"))
    sentence = dict(re.findall(r'<tr id="(verdict-claims-\d+)">(.*?)</tr>', page, re.DOTALL))
    links = re.findall(r'tone (\w+)"><a href="#(verdict-claims-\d+)">([^<]+)</a>', page)
    assert len(links) == len(verdict.claimed(group)) == len(sentence)
    lower = next(id for _, id, text in links if text.startswith("✓ lower"))
    assert "<code>moco</code> reaches a lower distance than <code>gan</code>" in sentence[lower]
    linked = re.findall(r"\[[✓✗=?] [^]]+\]\(#([^)]+)\)", summary)
    assert set(linked) == set(re.findall(r'<a id="(verdict-claims-\d+)"></a>', summary)) == set(sentence)


@pytest.mark.parametrize(("width", "is_shown"), [(80, True), (50, False)])
def test_the_terminal_shows_the_matrix_if_all_of_it_fits(folder, capsys, monkeypatch, width, is_shown):
    monkeypatch.setattr(terminal, "WIDTH", width)
    reports.print_tables(four_methods(folder), Path("report"))
    lines = capsys.readouterr().out.splitlines()
    assert ("Verdict on moco" in lines) == is_shown
    assert any("✓ lower 0.50" in line for line in lines) == is_shown
    assert "Verdict on moco, in words" in lines  # with intervals and p
    assert max(map(len, lines)) <= width


def test_another_baseline_turns_the_sides(folder):
    group = as_asked(four_methods(folder), "gan", None, None)
    assert verdict.baseline(group) == "gan"
    sentence = next(row[2].text for row in table(group, "claims").rows if row[0].text == "moco")
    assert sentence.startswith("`gan` reaches a higher distance than `moco`: 1.9")


def test_a_smaller_margin_leaves_open_what_a_larger_one_excludes(folder):
    group = four_methods(folder)
    assert "no difference larger than 5% from `mmd`" in answers(group)["reaches a lower distance"]
    strict = answers(as_asked(group, None, 0.001, None))["reaches a lower distance"]
    assert "undecided: `mmd`" in strict
    stored = replace(group.description, report=Report(margin=0.2, baseline="mmd"))
    folder.describe(stored)
    assert folder.description() == stored
    assert "no difference larger than 20% from `moco`" in answers(merge.load_one(folder))["reaches a lower distance"]


@pytest.mark.reports
def test_each_claim_links_to_the_table_and_the_figure_that_show_it(folder):
    four_methods(folder)
    build(folder)
    page, summary = ((folder.report / name).read_text() for name in ("index.html", "summary.md"))
    targets, ids = re.findall(r'<a href="#([^"]+)">(?:table|figure)</a>', page), set(re.findall(r' id="([^"]+)"', page))
    assert {"results-generated", "convergence-figure-fd_classifier_1k", "stability-stability"} <= set(targets) <= ids
    anchors = set(re.findall(r'<a id="([^"]+)"></a>', summary))
    linked = re.findall(r"\[table\]\(#([^)]+)\)", summary)
    assert linked
    assert set(linked) <= anchors
    for name in re.findall(r"\[figure\]\(([^)]+)\)", summary):
        assert (folder.report / name).is_file()
    assert (
        summary.index("## Verdict on moco\n")
        < summary.index("in words\n")
        < summary.index("## Every claim")
        < summary.index("## Generated images")
    )


def test_few_seeds_decide_nothing_and_one_seed_has_no_p(folder):
    for seed in range(4):
        add(folder, "moco", seed, 1.0 + seed)
        add(folder, "mmd", seed, 100.0 + seed)
    add(folder, "gan", 0, 50.0)
    claims = verdict.claimed(merge.load_one(folder))
    assert set(claims["verdict"]) == {"undecided"}
    assert claims.loc[claims["rival"] == "gan", "p_holm"].isna().all()
    answer = answers(merge.load_one(folder))["reaches a lower distance"]
    assert re.fullmatch(r"undecided: `gan`.*, `mmd`.* \(each fewer than 5 seeds\)", answer)


def test_several_settings_of_a_method_are_compared_only_in_how_steady_they_are(folder):
    for k in range(5):
        for seed in range(2):
            add(folder, f"moco[weight={k + 1}]", seed, 4.0 + 0.01 * k, weight=k + 1)
            add(folder, f"mmd[weight={k + 1}]", seed, 4.0 * 2**k, weight=k + 1)
    labels = [f"{method}[weight={k + 1}]" for method in ("moco", "mmd") for k in range(5)]
    folder.describe(replace(folder.description(), methods=labels))
    assert rows(folder) == {("is steadier over settings", "mmd"): "better"}
    found = answers(merge.load_one(folder))
    assert found["is steadier over settings"].startswith("steadier than `mmd` 0.00")
    others = ", ".join(name for name in sentences.CLAIMS if name != sentences.SETTINGS.name)
    assert found[others] == verdict_tables.OF_SETTINGS
    cells = matrix(merge.load_one(folder))
    assert {claim for claim, _ in cells} == {"spread: settings"}
    assert cells["spread: settings", "mmd"].text.startswith("✓ steadier 0.00")


def test_settings_of_one_method_alone_are_variants_like_others(folder):
    """The first one named is the baseline: it was not chosen by its values."""
    labels = [f"moco[weight={k + 1}]" for k in range(6)]
    for k, label in enumerate(labels):
        for seed in range(6):
            add(folder, label, seed, 4.0 + k + 0.01 * seed, weight=k + 1)
    for seed in range(6):
        add(folder, "mmd", seed, 2.0 + 0.01 * seed)
    folder.describe(replace(folder.description(), methods=[*labels, "mmd"]))
    found = rows(folder)
    assert verdict.baseline(merge.load_one(folder)) == labels[0]
    assert found["reaches a lower distance", "mmd"] == "worse"
    assert found["reaches a lower distance", labels[5]] == "better"
    assert {claim for claim, _ in found} == {
        "reaches a lower distance",
        "converges faster in images",
        "converges faster in seconds",
        "is steadier over seeds",
        "reconstructs better",
    }


def test_of_methods_with_many_settings_the_defaults_are_compared_over_seeds(folder):
    labels = [f"{method}[weight={k + 1}]" for method in ("moco", "mmd", "gan") for k in range(5)]
    for label in [*labels, "moco", "mmd", "vae"]:  # gan has no defaults here
        values = {"weight": int(label[-2])} if "[" in label else {}
        for seed in range(5):
            add(
                folder,
                label,
                seed,
                {"mo": 4.0, "mm": 6.0}.get(label[:2], 8.0) + 0.01 * seed + values.get("weight", 0),
                **values,
            )
    folder.describe(replace(folder.description(), methods=[*labels, "moco", "mmd", "vae"]))
    group = merge.load_one(folder)
    assert verdict.baseline(group) == "moco"
    found = rows(folder)
    assert {rival for claim, rival in found if claim == "reaches a lower distance"} == {"mmd", "vae"}
    assert {rival for claim, rival in found if claim == "is steadier over settings"} == {"mmd", "gan"}
    assert found["reaches a lower distance", "mmd"] == "better"
    assert "Of `gan`, `mmd`, `moco` only the defaults are compared over seeds" in table(group, "matrix").about
    asked = as_asked(group, labels[2], None, None)
    compared = verdict.claimed(asked)
    assert set(compared.loc[compared["claim"] == "reaches a lower distance", "baseline"]) == {labels[2]}


def test_a_method_that_lost_a_setting_is_compared_over_the_others(folder):
    """Else a method would escape the comparison by diverging."""
    labels = [f"{method}[weight={k + 1}]" for method in ("moco", "mmd") for k in range(6)]
    for label in labels:
        k = int(label[-2])
        if label == "mmd[weight=6]":
            add(folder, label, 0, state="diverged", reason="loss is nan", weight=k)
        else:
            add(folder, label, 0, 4.0 + 0.01 * k if label.startswith("moco") else 4.0 * 2**k, weight=k)
    folder.describe(replace(folder.description(), methods=labels))
    assert rows(folder) == {("is steadier over settings", "mmd"): "better"}


def test_a_baseline_without_settings_is_compared_with_defaults(folder):
    labels = [f"{method}[weight={k + 1}]" for method in ("moco", "mmd") for k in range(5)]
    for label in ["vae", "moco", *labels]:
        values = {"weight": int(label[-2])} if "[" in label else {}
        for seed in range(5):
            add(folder, label, seed, 4.0 + 0.01 * seed + values.get("weight", 0), **values)
    folder.describe(replace(folder.description(), methods=["vae", "moco", *labels]))
    found = answers(merge.load_one(folder))
    assert {rival for _, rival in rows(folder)} == {"moco"}
    assert found["is steadier over settings"] == verdict_tables.FEW_SETTINGS


def test_no_difference_is_shown_with_the_interval_that_lies_within_the_margin(folder):
    for seed in range(6):
        add(folder, "moco", seed, 4.0 + 0.03 * seed)
        add(folder, "mmd", seed, 4.0 + 0.03 * (5 - seed) + (0.07 if seed == 2 else 0))
    (record,) = frames.records(verdict.claimed(merge.load_one(folder)).query("claim == 'reaches a lower distance'"))
    assert record["verdict"] == Verdict.same
    assert 1 / 1.05 < record["low_90"] < record["high_90"] < 1.05
    assert f"{record['low_90']:.3f} to {record['high_90']:.3f}" in sentences.sentence(record)
    assert sentences.answer([record]).endswith(f"({record['low_90']:.3f} to {record['high_90']:.3f})")  # without p


def test_how_steady_settings_are_is_what_the_table_of_stability_says(folder):
    """Seeds that differ more at one setting than at another have other arithmetic than geometric means."""
    for k in range(5):
        for seed in range(2):
            add(folder, f"moco[weight={k + 1}]", seed, 4.0 + k * (1 + 3 * seed), weight=k + 1)
            add(folder, f"mmd[weight={k + 1}]", seed, 4.0 + k, weight=k + 1)
    labels = [f"{method}[weight={k + 1}]" for method in ("moco", "mmd") for k in range(5)]
    folder.describe(replace(folder.description(), methods=labels))
    group = merge.load_one(folder)
    table = sensitivity.spread(group.results).set_index("variant")["setting_sd_log"]
    claimed = verdict.claimed(group).set_index("rival")["effect"]
    assert claimed["mmd"] == pytest.approx(table["moco"] / table["mmd"])


def test_a_single_variant_has_no_verdict(folder):
    add(folder, "moco", 0, 1.0)
    assert verdict_tables.tables(merge.load_one(folder)) == []
    assert isinstance(verdict.claimed(merge.load_one(folder)), pd.DataFrame)
