"""The tables of claims say of every study what its own report says, about the variant that it is about."""

import re
from pathlib import Path

import pandas as pd
import pytest

from bench.reporting.sentences import IMAGES, SECONDS, SEEDS
from docs_build import claims


def claim(baseline: str, rival: str, verdict: str, effect: float) -> dict[str, object]:
    interval = {"low": effect / 1.1, "high": effect * 1.1, "low_90": effect / 1.05, "high_90": effect * 1.05}
    names = {"claim": "reaches a lower distance", "baseline": baseline, "rival": rival, "verdict": verdict}
    return names | {"effect": effect, "note": None} | interval


def test_claims_about_different_variants_stand_in_different_tables(tmp_path):
    reports = {
        "digits": pd.DataFrame([claim("moco", "mmd", "better", 0.5), claim("moco", "koleo", "no difference", 1.0)]),
        "same_prior": pd.DataFrame([claim("koleo", "mmd", "worse", 2.0)]),
    }
    for name, frame in reports.items():
        write(tmp_path / name, frame)
    text = claims.tables([tmp_path / "digits", tmp_path / "same_prior"])
    about_moco, about_koleo = re.split(r"(?=## koleo)", text)
    assert "| than | digits |" in about_moco
    assert "| `mmd` | **better**; 0.5 (0.455 to 0.55) |" in about_moco
    assert "| `koleo` | **no difference**; 1 (0.952 to 1.05) |" in about_moco  # its 90% interval
    assert "| than | digits (same_prior) |" in about_koleo
    assert "| `mmd` | **worse**; 2 (1.82 to 2.2) |" in about_koleo
    assert "same_prior" not in about_moco


def test_the_command_names_the_experiment_of_a_report_and_refuses_another_folder(tmp_path, monkeypatch, capsys):
    report = tmp_path / "mine" / "report"
    write(report.parent, pd.DataFrame(), "cifar10")
    report.mkdir()
    pd.DataFrame([claim("moco", "mmd", "better", 0.5)]).to_csv(report / "claims.csv", index=False)
    monkeypatch.setattr("sys.argv", ["claims", str(report)])
    claims.main()
    assert "| than | CIFAR-10 (mine) |" in capsys.readouterr().out
    for given, problem in {
        (tmp_path,): "has no claims.csv",
        (report, report): "of the same name",
    }.items():
        monkeypatch.setattr("sys.argv", ["claims", *map(str, given)])
        with pytest.raises(SystemExit):
            claims.main()
        assert problem in capsys.readouterr().err
    (report.parent / "experiment.yaml").unlink()
    monkeypatch.setattr("sys.argv", ["claims", str(report)])
    with pytest.raises(SystemExit):
        claims.main()
    assert "no experiment.yaml" in capsys.readouterr().err


def test_rivals_of_which_the_same_is_said_are_named_once(monkeypatch):
    names = {"images": IMAGES.name, "seconds": SECONDS.name, "seeds": SEEDS.name}
    rows = [
        {"claim": names[claim], "rival": rival, "verdict": verdict}
        for claim, rival, verdict in [
            ("images", "mmd", "better"),
            ("images", "vae", "undecided"),
            ("seconds", "mmd", "better"),
            ("seconds", "vae", "worse"),
            ("seeds", "mmd", "undecided"),
            ("seeds", "vae", "undecided"),
        ]
    ]
    monkeypatch.setattr(claims, "claims", lambda _: pd.DataFrame(rows))
    expected = "faster in images and faster in seconds than `mmd`; slower in seconds than `vae`"
    assert claims.significant("a study") == expected
    monkeypatch.setattr(claims, "claims", lambda _: pd.DataFrame(rows[4:]))
    assert claims.significant("a study") == "nothing"


def write(folder: Path, frame: pd.DataFrame, dataset: str = "digits") -> None:
    folder.mkdir()
    (folder / "experiment.yaml").write_text(f"protocol: {{dataset: {{name: {dataset}}}}}\n")
    frame.to_csv(folder / "claims.csv", index=False)
