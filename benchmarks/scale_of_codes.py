"""What scaling codes to unit variance changes: two experiments, with and without `network.scaled_codes`, compared.

    python -m bench.run --config configs/studies/scale_digits.yaml
    python -m bench.run --config configs/studies/scale_digits.yaml --set network.scaled_codes=false \\
        --out results/scale_digits_off
    python benchmarks/scale_of_codes.py results/scale_digits results/scale_digits_off

Prints one row per variant, as Markdown: the distance at every evaluation with and without the scale, its geometric mean
along the training (area), and the ratio of the areas with Welch's 95% interval; below 1, the scale helps.
"""

import argparse
import math
from pathlib import Path

import numpy as np
from common import markdown

from bench.analysis import claims, convergence, frames
from bench.reporting import merge
from bench.reporting.group import Group
from bench.store.folders import ExperimentFolder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("scaled", type=Path)
    parser.add_argument("plain", type=Path)
    asked = parser.parse_args()
    scaled, plain = (merge.load_one(ExperimentFolder.open(path)) for path in (asked.scaled, asked.plain))
    assert scaled.curve == plain.curve
    print(f"{scaled.name}: {scaled.curve} at {steps(scaled)} images, scaled and (not scaled)\n")
    headings = ["variant", "seeds", "along the training", "last", "ratio of areas", "95% interval", "p"]
    rows = [row(variant, scaled, plain) for variant in scaled.summary["variant"]]
    print(markdown(headings, rows))


def steps(group: Group) -> str:
    return ", ".join(f"{int(images):,}" for images in sorted(group.fresh["images_seen"].unique()))


def row(variant: str, scaled: Group, plain: Group) -> list[str]:
    first, second = curve(scaled, variant), curve(plain, variant)
    along = ", ".join(f"{a:.3g} ({b:.3g})" for a, b in zip(first, second, strict=True))
    effect = claims.ratio(areas(scaled, variant), areas(plain, variant))
    last = claims.ratio(*(group.values(str(group.headline))[variant] for group in (scaled, plain)))
    seeds = f"{len(areas(scaled, variant))}, {len(areas(plain, variant))}"
    interval = f"{effect.low:.3g} to {effect.high:.3g}"
    return [variant, seeds, along, f"{last.value:.3g}", f"{effect.value:.3g}", interval, f"{effect.p:.2g}"]


def curve(group: Group, variant: str) -> list[float]:
    """The geometric mean over seeds at every evaluation."""
    mine = group.fresh[group.fresh["variant"] == variant]
    logs = np.log(mine.dropna(subset=[str(group.curve)]).groupby(["images_seen", "trial"])[str(group.curve)].last())
    return np.exp(logs.groupby(level=0).mean()).tolist()


def areas(group: Group, variant: str) -> list[float]:
    found = convergence.area(group.fresh, group.trials, str(group.curve))
    mine = {record["trial"] for record in frames.records(group.trials) if record["variant"] == variant}
    return [value for trial, value in found.items() if trial in mine and math.isfinite(value)]


if __name__ == "__main__":
    main()
