"""A search in a report: the chosen values name the row, and points that were stopped show how far they came."""

from dataclasses import replace

import pandas as pd
from synthetic_experiments import add, described

from bench.reporting import merge, search_tables, verdict
from bench.store.folders import SEARCH, ExperimentFolder


def test_the_values_of_the_chosen_point_stand_in_its_row(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    folder.describe(replace(folder.description(), methods=["mmd[prior=sphere,point=1]", "moco"]))
    searched = described(ExperimentFolder(folder.path / SEARCH))
    for point in range(2):
        add(searched, f"mmd[prior=sphere,point={point}]", 10_000, 5.0, weight=0.03162278 * (point + 1), scale=1.0)
    for seed in range(2):
        add(folder, "mmd[prior=sphere,point=1]", seed, 9.0 + seed, weight=0.06324556, scale=1.0)
        add(folder, "moco", seed, 3.0 + seed)
    group = merge.load_one(folder)
    assert set(group.summary["variant"]) == {"mmd[prior=sphere,weight=0.06325]", "moco"}
    assert verdict.baseline(group) == "mmd[prior=sphere,weight=0.06325]"


def test_a_stopped_point_shows_its_last_distance(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"))
    searched = described(ExperimentFolder(folder.path / SEARCH))
    add(searched, "mmd[point=0]", 10_000, 5.0, weight=1.0)
    add(searched, "mmd[point=1]", 10_000, 7.5, "stopped", weight=2.0)
    tables, _ = search_tables.write([folder], tmp_path / "report")
    assert [cell.text for cell in tables[0].rows[0][:3]] == ["mmd", "2 (1 not finished, 7.5 at best until then)", "1"]
    stored = pd.read_csv(tmp_path / "report" / "search.csv").set_index("point")
    assert stored.loc[1, "partial"] == 7.5
    assert stored["partial"].isna().tolist() == [True, False]
