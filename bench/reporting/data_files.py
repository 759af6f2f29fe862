"""A report's data files: every measured value, with all digits."""

from pathlib import Path

from bench.analysis import convergence
from bench.io.files import write_atomically
from bench.reporting import verdict
from bench.reporting.csv_text import to_csv
from bench.reporting.group import Group


def write(group: Group, folder: Path) -> None:
    """Write the CSV and Parquet files of one group to `folder`."""
    summary = group.summary
    trials = group.trials.drop(columns="experiment").assign(stale=group.trials["changed"].notna())
    frames = {"trials": trials, "seeds": group.last, "comparison": group.pairs}
    frames["claims"] = verdict.claimed(group)
    if group.target:
        frames["times"] = group.times
        reached = convergence.time_to_target(frames["times"]).drop(columns="seeds").set_index("variant")
        summary = summary.join(reached.add_suffix("_to_target"), on="variant")
    if group.headline:
        values = group.all_by_seed(group.headline)
        each_seed = [" ".join(map(repr, values.get(variant, {}).values())) for variant in summary["variant"]]
        summary = summary.assign(**{f"{group.headline}_values": each_seed})
    frames["summary"] = summary
    for name, frame in frames.items():
        write_atomically(folder / f"{name}.csv", to_csv(frame))
    write_atomically(folder / "summary.parquet", summary.to_parquet(index=False))
    write_atomically(folder / "curves.parquet", group.rows.to_parquet(index=False))
