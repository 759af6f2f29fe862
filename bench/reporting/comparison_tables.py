"""Grids that compare: differences between variants, how soon a target is reached and at what cost, how steadily."""

import math
from typing import Any

import pandas as pd

from bench.analysis import across_seeds, convergence, frames, sensitivity, significance
from bench.errors import one_line
from bench.reporting.group import Group
from bench.reporting.table import Cell, Grid, between, count, number, span, word

MOST_PAIRS = 60  # in a table


def differences(group: Group) -> list[Grid]:
    """Pairs of variants, by the headline distance; nothing where there is but one."""
    pairs = group.pairs
    if pairs.empty:
        return []
    few = int(pairs[["n", "n_other"]].min().min()) < significance.SEEDS_FOR_SIGNIFICANCE
    many = len(pairs) > MOST_PAIRS
    best = pairs["variant"] == pairs["variant"].iloc[0]
    rows = [_pair(record) for record in frames.records(pairs[best] if many else pairs)]
    headings = ["variant", "other", "seeds", "difference", "95% interval", "p", "p (Holm)", "P(better)", "its interval"]
    about = (
        f"Differences of mean {group.headline} (below zero: the first is better) with Welch's 95% interval; exact "
        "two-sided permutation p-values, adjusted after Holm over all pairs (more of them than behind a bold mark); "
        "the probability that a seed of the first is better than one of the other (Agarwal et al., arXiv 2108.13264), "
        "with a bootstrap interval, which is too narrow of few seeds."
    )
    if many:
        about += f" Only pairs with the best are shown; comparison.csv has all {len(pairs)}."
    if few:
        about += (
            f" With fewer than {significance.SEEDS_FOR_SIGNIFICANCE} seeds no difference is called significant: of 3 "
            "and 3 seeds no p-value can be below 0.1."
        )
    return [Grid("comparison", "Pairs of variants", headings, rows, about, words=3)]


def _pair(record: dict[str, Any]) -> list[Cell]:
    return [
        word(record["variant"]),
        word(record["other"]),
        word(f"{record['n']}, {record['n_other']}"),
        number(record["difference"]),
        span(record["low"], record["high"]),
        number(record["p"]),
        number(record["p_holm"]),
        number(record["improvement"]),
        span(record["improvement_low"], record["improvement_high"]),
    ]


def cost(group: Group) -> list[Grid]:
    """How soon each variant is at the target, and what its training takes."""
    goal = group.target
    if goal is None or group.curve is None:
        return []
    reached = {r["variant"]: r for r in frames.records(convergence.time_to_target(group.times))}
    area = _by_variant(group, convergence.area(group.fresh, group.trials, group.curve))
    rows = [_cost(group, r, reached.get(r["variant"]), area) for r in frames.records(group.summary)]
    headings = ["variant", "reached", "images to target", "seconds to target", "area", "images/s", "training s"]
    headings += ["evaluation s", "parameters", "peak MB", "at once"]
    return [Grid("convergence", "How soon, and at what cost", headings, rows, _cost_about(group, goal), words=1)]


def _cost(group: Group, summary: dict[str, Any], reached: dict[str, Any] | None, area: pd.Series) -> list[Cell]:
    variant = summary["variant"]
    cells = [word(variant)]
    if reached is None:
        cells += [Cell("-")] * 3
    else:
        cells.append(Cell(f"{reached['reached']:.0%} of {reached['seeds']}", reached["reached"]))
        ranges = [[reached[f"{x}{end}"] for end in ("", "_least", "_greatest")] for x in ("images", "seconds")]
        cells += [between(*ranges[0]), between(*ranges[1]) if group.alike else Cell("-")]
    cells.append(number(area.get(variant, math.nan)))
    names = ("images_per_second", "train_seconds", "evaluation_seconds")
    cells += [number(summary.get(f"{name}_mean")) if group.alike else Cell("-") for name in names]
    cells += [count(summary.get(f"{name}_mean")) for name in ("parameters", "peak_memory_mb")]
    at_once = group.trials.loc[group.trials["variant"] == variant, "at_once"].dropna().astype(int).unique()
    return [*cells, word(", ".join(map(str, sorted(at_once))) or "-")]


def _cost_about(group: Group, goal: convergence.Target) -> str:
    whence = "fixed in the protocol before the trainings" if goal.beforehand else f"not fixed beforehand: {goal.source}"
    said = (
        f"Target: {group.curve} at most {number(goal.value).text} ({whence}). Median [least, greatest] over seeds of "
        "the first evaluation at or below it; a seed that never is counts as infinite. Area: the geometric mean of the "
        "distance along training, in the logarithm of images seen. Seconds are of optimisation alone. Peak memory is "
        "of a trial's process (on a GPU: what torch allocated). At once: how many trials may have shared the machine."
    )
    return said if group.alike else said + " " + UNLIKE


UNLIKE = (
    "Trials ran on different machines, or with different numbers at once: their seconds do not compare and are not "
    "shown; seeds.csv has them."
)


def _by_variant(group: Group, values: pd.Series) -> pd.Series:
    """The mean over the seeds of each variant of a value by trial."""
    return values.groupby(values.index.map(group.trials.set_index("trial")["variant"].to_dict())).mean()


def steadiness(group: Group) -> list[Grid]:
    """Spread over seeds and settings, trials lost, and how rough the curves are."""
    results = group.results
    if results.empty or group.curve is None:
        return []
    done = group.fresh[group.fresh["trial"].isin(across_seeds.finished(group.trials)["trial"])]
    rough = convergence.roughness(done, group.curve)
    rough = rough.groupby(rough.index.map(results.set_index("trial")["variant"].to_dict())).mean()
    settings = results.drop(columns=["trial", "seed", "state", "score"]).drop_duplicates().groupby("variant").size()
    rows = [_steady(r, int(settings[r["variant"]]), rough) for r in frames.records(sensitivity.spread(results))]
    headings = [
        "method",
        "settings",
        "trials",
        "lost",
        "best",
        "median",
        "worst",
        "within 10%",
        "seeds ±%",
        "settings ±%",
    ]
    about = (
        f"Final {group.headline} of every trial, all settings of a method together. Lost: diverged or failed. Within "
        "10%: of the best setting's mean. Seeds ±%, settings ±%: the standard deviation of the logarithm within a "
        "setting over seeds, and between settings. Roughness: by how much the distance rises from one evaluation to "
        "the next, on average over the steps of a curve, falls counted as zero."
    )
    return [Grid("stability", "How steadily", [*headings, "roughness"], rows, about)]


def _steady(record: dict[str, Any], settings: int, rough: pd.Series) -> list[Cell]:
    return [
        word(record["variant"]),
        count(settings),
        count(record["trials"]),
        Cell(f"{record['diverged_share']:.0%}", record["diverged_share"]),
        *(number(record[name]) for name in ("best", "median", "worst")),
        Cell(f"{record['near_best_share']:.0%}", record["near_best_share"]),
        *(number(100 * record[name]) for name in ("seed_sd_log", "setting_sd_log")),
        number(rough.get(record["variant"], math.nan)),
    ]


def trials(group: Group) -> Grid:
    """Every trial and how it ended."""
    rows = [
        [
            *(word(record[name]) for name in ("variant", "seed", "state")),
            word("stale" if record["stale"] else ""),
            count(record["resumed"]),
            word(record["began"] or ""),
            word(record["folder"]),
            word(one_line(record["reason"]) if isinstance(record["reason"], str) else ""),
        ]
        for record in frames.records(group.trials)
    ]
    headings = ["variant", "seed", "state", "stale", "resumed", "began", "folder", "reason"]
    return Grid("trials", "Trials", headings, rows, words=8)
