"""The tables of claims say of every study what its own report says, about the variant that it is about."""

import re

import pandas as pd

from docs_build import claims as module
from docs_build.claims import all_claims
from docs_build.studies import Study


def claim(baseline: str, rival: str, verdict: str, effect: float) -> dict[str, object]:
    interval = {"low": effect / 1.1, "high": effect * 1.1, "low_90": effect / 1.05, "high_90": effect * 1.05}
    names = {"claim": "reaches a lower distance", "baseline": baseline, "rival": rival, "verdict": verdict}
    return names | {"effect": effect, "note": None} | interval


def test_claims_about_different_variants_stand_in_different_tables(monkeypatch, tmp_path):
    reports = {
        "digits": pd.DataFrame([claim("moco", "mmd", "better", 0.5), claim("moco", "koleo", "no difference", 1.0)]),
        "same_prior": pd.DataFrame([claim("koleo", "mmd", "worse", 2.0)]),
    }
    for name, frame in reports.items():
        (tmp_path / name).mkdir()
        frame.to_csv(tmp_path / name / "claims.csv", index=False)
    monkeypatch.setattr(module, "REFERENCE", tmp_path)
    monkeypatch.setattr(module, "dataset", lambda _: "digits")
    monkeypatch.setattr(module, "results", lambda: [Study(name, "", []) for name in reports])
    module.claims.cache_clear()
    try:
        text = all_claims()
    finally:
        module.claims.cache_clear()
    about_moco, about_koleo = re.split(r"(?=## koleo)", text)
    assert "| `mmd` | **better**; 0.5 (0.455 to 0.55) |" in about_moco
    assert "| `koleo` | **no difference**; 1 (0.952 to 1.05) |" in about_moco  # its 90% interval
    assert "| `mmd` | **worse**; 2 (1.82 to 2.2) |" in about_koleo
    assert "same_prior" not in about_moco
