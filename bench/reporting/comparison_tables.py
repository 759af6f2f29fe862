"""Tables that compare variants: pairwise differences, time to the target and cost, stability, and every trial."""

import math

import pandas as pd

from bench.analysis import across_seeds, convergence, frames, sensitivity, significance
from bench.analysis.frames import Record
from bench.errors import one_line
from bench.reporting import phrases
from bench.reporting.group import Group
from bench.reporting.phrases import measurement
from bench.reporting.table import Cell, Table, between, count, number, span, word

MOST_PAIRS = 60  # in a table
MOST_OPEN = 24  # rows of a table that the page shows without being asked
COST_HEADINGS = ["variant", "reached", "images to target", "seconds to target", "area", "images/s", "training s"]
COST_HEADINGS += ["evaluation s", "parameters", "peak MB", "at once", "CPU share"]
COST_GROUPS = [("", 1), ("to target", 3), ("time", 3), ("resources", 4)]  # fold on the page
STABILITY_HEADINGS = ["method", "settings", "trials", "lost", "lowest", "median", "highest", "within 10%"]
STABILITY_HEADINGS += ["seeds ±%", "settings ±%", "roughness"]
SETTINGS_ABOUT = (
    "Values with which each variant was trained. With training.weight_units=relative, weights are in units of the "
    "training images' total variance, dataset.weight_unit in spec.json."
)
TIMES_LEFT_OUT = "Seconds are left out, as they are not comparable: {}. seeds.csv has them."


def differences(group: Group) -> list[Table]:
    """Return the table of pairs of variants, by the headline distance; none if there is only one variant."""
    pairs = group.pairs
    if pairs.empty:
        return []
    few = int(pairs[["n", "n_other"]].min().min()) < significance.SEEDS_FOR_SIGNIFICANCE
    many = len(pairs) > MOST_PAIRS
    best = pairs["variant"] == pairs["variant"].iloc[0]
    within = int(pairs["paired_n"].min()) >= significance.SEEDS_FOR_PAIRS
    rows = [_pair(record, within) for record in frames.records(pairs[best] if many else pairs)]
    headings = ["variant", "other", "seeds", "difference", "95% interval", "p", "p (Holm)", "P(better)", "its interval"]
    headings += ["interval within seeds", "p within (Holm)"] if within else []
    about = (
        f"Difference of mean {group.headline} (negative: the first variant is better), with Welch's 95% interval. "
        "Exact two-sided permutation p-values, adjusted by Holm's method over all pairs (the bold mark is another "
        "claim, with its own test). P(better): the probability that a seed of the first variant is better than one of "
        "the other (Agarwal et al., arXiv 2108.13264), with a bootstrap interval, which is too narrow for few seeds."
    )
    if many:
        about += f" Only pairs with the best variant are shown; comparison.csv has all {len(pairs)}."
    if within:
        about += (
            " Within seeds: the same difference, with variants of the same seed paired (t interval, exact sign-flip "
            "test), because they share first weights and the order of images. The unpaired tests are the headline; "
            "this was fixed beforehand."
        )
    if few:
        about += (
            f" With fewer than {significance.SEEDS_FOR_SIGNIFICANCE} seeds no difference is called significant: for 3 "
            "against 3 seeds no p-value can be below 0.1."
        )
    return [Table("comparison", "Pairs of variants", headings, rows, about, words=3)]


def _pair(record: Record, within: bool) -> list[Cell]:
    cells = [span(record["paired_low"], record["paired_high"]), number(record["paired_p_holm"])] if within else []
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
        *cells,
    ]


def cost(group: Group) -> list[Table]:
    """Return the table of each variant's time to the target and training cost."""
    target = group.target
    if target is None or group.curve is None:
        return []
    reached = {r["variant"]: r for r in frames.records(convergence.time_to_target(group.times))}
    area = _by_variant(group, convergence.area(group.fresh, group.trials, group.curve))
    rows = [_cost(group, r, reached.get(r["variant"]), area) for r in frames.records(group.summary)]
    about = _cost_about(group, target)
    return [Table("convergence", "Time to target, and cost", COST_HEADINGS, rows, about, words=1, groups=COST_GROUPS)]


def _cost(group: Group, summary: Record, reached: Record | None, area: dict[str, Record]) -> list[Cell]:
    variant = summary["variant"]
    cells = [word(variant)]
    if reached is None:
        cells += [Cell("-")] * 3
    else:
        cells.append(Cell(f"{reached['reached']:.0%} of {reached['seeds']}", reached["reached"]))
        images, seconds = ([reached[f"{x}{end}"] for end in ("", "_least", "_greatest")] for x in ("images", "seconds"))
        cells += [between(*images), between(*seconds) if group.comparable_times else Cell("-")]
    cells.append(measurement(summary | area.get(variant, {}), "area"))
    names = ("images_per_second", "train_seconds", "evaluation_seconds")
    cells += [measurement(summary, name) if group.comparable_times else Cell("-") for name in names]
    cells += [count(summary.get("parameters_mean")), measurement(summary, "peak_memory_mb")]
    at_once = group.trials.loc[group.trials["variant"] == variant, "at_once"].dropna().astype(int).unique()
    return [*cells, word(", ".join(map(str, sorted(at_once))) or "-"), measurement(summary, "cpu_share")]


def _cost_about(group: Group, target: convergence.Target) -> str:
    source = "fixed in the protocol before training" if target.beforehand else f"not fixed beforehand: {target.source}"
    along = "training seconds" if convergence.has_equal_times(group.fresh, group.trials) else "images seen"
    about = (
        f"The target is a distance that training should get down to: {group.curve} at most "
        f"{number(target.value).text} ({source}). Reached: the share of seeds that got there. Images and seconds to "
        "target: how much training it took until the first evaluation at or below the target, as the median [least, "
        "greatest] over seeds. *never*: a seed that did not reach the target; it counts as infinite, so the median is "
        "*never* too if half of the seeds or more missed it. Area: the geometric mean of the distance along training, "
        f"over the logarithm of {along}. Other values are means ± the half width of a 95% t interval; of two seeds, "
        "both values. Seconds count optimisation only. Peak memory is that of a trial's process (on a GPU: what torch "
        "allocated). At once: how many trials may have shared the machine. CPU share: for how much of its training "
        "seconds a trial had a CPU."
    )
    return about if group.comparable_times else f"{about} {TIMES_LEFT_OUT.format(group.incomparable_times)}"


def _by_variant(group: Group, values: pd.Series) -> dict[str, Record]:
    """The statistics over the seeds of each variant, as columns of a summary; `values` are indexed by trial."""
    values = values.dropna()
    variants = values.index.map(group.trials.set_index("trial")["variant"].to_dict())
    return {
        str(variant): {f"{values.name}_{name}": x for name, x in across_seeds.statistics(each).items()}
        for variant, each in values.groupby(variants)
    }


def stability(group: Group) -> list[Table]:
    """Return the table of lost trials, spread over seeds and settings, and roughness."""
    results = group.results
    if results.empty or group.curve is None:
        return []
    done = group.fresh[group.fresh["trial"].isin(across_seeds.finished(group.trials)["trial"])]
    roughness = convergence.roughness(done, group.curve)
    roughness = roughness.groupby(roughness.index.map(results.set_index("trial")["variant"].to_dict())).mean()
    settings = results.drop(columns=["trial", "seed", "state", "score"]).drop_duplicates().groupby("variant").size()
    spread = frames.records(sensitivity.spread(results))
    rows = [_stability(record, int(settings[record["variant"]]), roughness) for record in spread]
    about = (
        f"Final {group.headline} of all trials, over all settings of a method: the lowest, the median and the "
        "highest trial. Lost: diverged or failed. Within 10%: trials within 10% of the lowest mean of a setting. Seeds "
        "±%, settings ±%: standard deviation of the logarithm, over seeds within a setting, and between settings. "
        "Roughness: how much the distance rises from one evaluation to the next, averaged over the evaluations of a "
        f"curve (falls count as zero). {phrases.ranges(group)}".rstrip()
    )
    return [Table("stability", "Stability", STABILITY_HEADINGS, rows, about)]


def _stability(record: Record, settings: int, roughness: pd.Series) -> list[Cell]:
    return [
        word(record["variant"]),
        count(settings),
        count(record["trials"]),
        Cell(f"{record['diverged_share']:.0%}", record["diverged_share"]),
        *(number(record[name]) for name in ("least", "median", "worst")),
        Cell(f"{record['near_best_share']:.0%}", record["near_best_share"]),
        *(number(100 * record[name]) for name in ("seed_sd_log", "setting_sd_log")),
        number(roughness.get(record["variant"], math.nan)),
    ]


def settings(group: Group) -> Table:
    """Return the table of the resolved settings of each variant."""
    first = {record["variant"]: record for record in reversed(frames.records(group.trials))}
    rows = []
    for variant in group.summary["variant"]:
        spec = group.trial(first[variant]).trial().spec
        values = ", ".join(f"{name}={value}" for name, value in spec.hyperparameters.items())
        rows.append([word(variant), word(spec.prior), word(values or "-"), number(spec.optimisation.learning_rate)])
    headings = ["variant", "prior", "hyperparameters", "learning rate"]
    return Table(
        "settings", "Settings", headings, rows, SETTINGS_ABOUT, words=3, folded=len(rows) > MOST_OPEN, stacked=True
    )


def trials(group: Group) -> Table:
    """Return the table of all trials, with the state of each."""
    rows = [
        [
            *(word(record[name]) for name in ("variant", "seed", "state")),
            word("stale" if isinstance(record["changed"], str) else ""),
            count(record["resumed"]),
            word(_date(record["began"])),
            word(record["folder"]),
            word(one_line(record["reason"]) if isinstance(record["reason"], str) else ""),
        ]
        for record in frames.records(group.trials)
    ]
    headings = ["variant", "seed", "state", "stale", "resumed", "began (UTC)", "folder", "reason"]
    return Table("trials", "Trials", headings, rows, words=8, folded=len(rows) > MOST_OPEN, stacked=True)


def _date(iso: object) -> str:
    """Return '2026-11-27 03:05:34' for '2026-11-27T05:05:34+0200'; empty for a missing date."""
    return f"{pd.Timestamp(iso).tz_convert('UTC'):%Y-%m-%d %H:%M:%S}" if isinstance(iso, str) else ""
