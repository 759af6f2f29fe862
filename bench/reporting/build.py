"""Builds a report: tables, figures and one page out of trial folders."""

import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from bench.analysis import convergence
from bench.errors import RunError
from bench.io import disk
from bench.io.files import display_path, explain_write_errors, write_atomically
from bench.reporting import comparison_tables, merge, metric_tables, render
from bench.reporting.group import Group
from bench.reporting.notes import failures, notes, provenance
from bench.reporting.table import Grid
from bench.store.folders import ExperimentFolder

PREAMBLE = "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}."
MARK = '<meta name="generator" content="bench.report">'  # in the page of a report, which may be replaced


def build(folder: ExperimentFolder) -> Group:
    """Write the report of one experiment to its report/, and return what it compares."""
    group = merge.of(folder)
    write([group], folder.report)
    return group


def write(found: Sequence[Group], report: Path) -> None:
    """Write a report; it takes the old one's place when it is complete: on a full disk the old one stays."""
    new, old = (report.with_name(f".{report.name}.{uuid.uuid4().hex[:8]}.{part}") for part in ("new", "old"))
    try:
        with explain_write_errors(report):
            new.mkdir(parents=True)
            try:
                _write(found, new)
            except RunError as error:  # which names a file that is about to go
                raise error.__cause__ if isinstance(error.__cause__, OSError) else error from None
            if report.exists():
                report.rename(old)
            new.rename(report)
    finally:
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _write(found: Sequence[Group], report: Path) -> None:
    from bench.reporting import (
        across_datasets,  # matplotlib takes a while
        page,
    )

    grids, figures = across_datasets.together(list(found), report)
    parts = [page.Part("together", "All data sets together", grids=grids, figures=figures, folder=report / "figures")]
    text, latex = [f"# {_title(found)}", *_markdown(grids)], [render.latex(grid) for grid in grids]
    for group in found:
        prefix = "" if len(found) == 1 else f"{_slug(group.name)}-"
        mine, chapters = _group(group, report / prefix.rstrip("-"), prefix)
        text += [*([f"\n# {group.name}"] if prefix else []), *_markdown(mine), *_appendix(group)]
        latex += [render.latex(grid, prefix, f"Protocol: {group.protocol}.") for grid in mine]
        parts += chapters
    write_atomically(report / "summary.md", ("\n".join(text) + "\n").encode())
    write_atomically(report / "summary.tex", "\n".join([PREAMBLE, *latex]).encode())
    lead = "; ".join(f"{group.name}: {len(group.summary)} variants, {len(group.trials)} trials" for group in found)
    write_atomically(report / "index.html", page.html(_title(found), lead, parts).encode())


def _title(found: Sequence[Group]) -> str:
    return ", ".join(group.name for group in found) + ": latent matching compared"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _group(group: Group, folder: Path, prefix: str) -> tuple[list[Grid], list]:
    """Write one group's files into `folder`; its grids, and the page's chapters of it."""
    from bench.reporting import across_datasets, figures, image_figures, search_tables
    from bench.reporting.page import Part

    _tables(group, folder)
    main, pairs = metric_tables.grids(group), comparison_tables.differences(group)
    cost, steady = comparison_tables.cost(group), comparison_tables.steadiness(group)
    points, swept = search_tables.write(group.folders, folder)
    published, drawn = across_datasets.published(group), folder / "figures"
    names = [name for name in group.fresh.columns if metric_tables.is_distance(name)]
    protocols = {name: metric_tables.protocol_of(group, name) for name in names}
    curves = figures.curves(group, drawn, protocols)
    trials = image_figures.representatives(group)
    shots = {kind: image_figures.copied(trials, kind, folder) for kind in image_figures.KINDS}
    views = [*image_figures.overview(group, shots["samples"], drawn), *image_figures.over_time(trials, drawn)]
    name = f"{group.name}: " if prefix else ""

    def part(id: str, title: str, **content: object) -> Part:
        found = Part(prefix + id, name + title, folder=drawn, **content)  # pyright: ignore[reportArgumentType]
        found.protocol = group.protocol
        return found

    grids = [*main, *cost, *steady, *pairs, *published, *points]
    chapters = [
        part("results", "Results", notes=notes(group), grids=main + published),
        part("convergence", "Convergence", grids=cost, figures=curves),
        part("stability", "Stability", grids=steady, figures=figures.hyperparameters(group, drawn)),
        part("differences", "Differences", grids=pairs),
        part("search", "Search", grids=points, figures=swept),
        part(
            "pictures",
            "Pictures",
            figures=[*views, *image_figures.codes(group, trials, drawn)],
            pictures=[(kind.capitalize(), image_figures.KINDS[kind], files) for kind, files in shots.items() if files],
        ),
        part("trials", "Trials", failures=failures(group), grids=[comparison_tables.trials(group)]),
        part("provenance", "How it was made", facts=[*provenance(group), ("Disk", _disk(group))]),
    ]
    return grids, chapters


def _disk(group: Group) -> str:
    return "\n".join(f"{display_path(folder.path)}: {disk.summary(folder.path)}" for folder in group.folders)


def _tables(group: Group, folder: Path) -> None:
    """All that was measured, with all digits."""
    summary = group.summary
    frames = {"trials": group.trials.drop(columns="experiment"), "seeds": group.last, "comparison": group.pairs}
    if group.target:
        frames["times"] = group.times
        reached = convergence.time_to_target(frames["times"]).drop(columns="seeds").set_index("variant")
        summary = summary.join(reached.add_suffix("_to_target"), on="variant")
    if group.headline:
        values = group.values(group.headline)
        each = [" ".join(map(repr, values.get(variant, []))) for variant in summary["variant"]]
        summary = summary.assign(**{f"{group.headline}_values": each})
    frames["summary"] = summary
    for name, frame in frames.items():
        write_atomically(folder / f"{name}.csv", frame.to_csv(index=False).encode())
    write_atomically(folder / "summary.parquet", summary.to_parquet(index=False))
    write_atomically(folder / "curves.parquet", group.rows.to_parquet(index=False))


def _markdown(grids: Sequence[Grid]) -> list[str]:
    lines = []
    for grid in grids:
        lines += ["", f"## {grid.title}", "", *render.markdown(grid), *(["", grid.about] if grid.about else [])]
    return lines


def _appendix(group: Group) -> list[str]:
    """What stands below the tables: how to read them, what failed, and how everything was made."""
    lines = [part for line in notes(group) for part in ("", line)]
    said = [(r, render.plain(str(r["reason"]))) for r in failures(group)]
    lost = [f"- `{r['variant']}` seed {r['seed']} {r['state']}: {reason}" for r, reason in said]
    lines += ["", *lost] if lost else []
    for title, text in provenance(group):
        lines += ["", f"{title}:", "", *(f"    {line}" for line in text.splitlines())]
    return [*lines, "", "Columns and units: results/README.md."]


def print_tables(group: Group) -> None:
    """The most important ones in the terminal."""
    for grid in (*metric_tables.grids(group), *comparison_tables.cost(group)):
        render.terminal(grid, without=("each seed",))


def _replaceable(out: Path) -> bool:
    """Whether a report may be written there: nothing is there, or nothing but a report."""
    if not out.exists():
        return True
    page = out / "index.html"
    return out.is_dir() and (not any(out.iterdir()) or (page.is_file() and MARK in page.read_text(errors="replace")))
