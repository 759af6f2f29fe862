"""The tables and page sections of one group."""

from dataclasses import replace
from pathlib import Path

from bench.io import disk
from bench.io.files import shown
from bench.reporting import (
    across_datasets,
    comparison_tables,
    data_files,
    figures,
    image_figures,
    metric_tables,
    search_tables,
)
from bench.reporting.contents import Contents, contents
from bench.reporting.group import Group
from bench.reporting.notes import failures, notes, provenance
from bench.reporting.page import Part
from bench.reporting.table import Grid


def write(group: Group, folder: Path, prefix: str) -> tuple[list[Grid], list[Part]]:
    """Write the files of one group to `folder`; return its tables and the sections of its page.

    Args:
        group: the trials of one protocol.
        folder: receives the data files and figures.
        prefix: makes ids unique on a page that shows several groups; empty if there is only one.
    """
    data_files.write(group, folder)
    if contents() is Contents.tables:
        return [], []
    figure_folder = folder / "figures"
    main, pairs = metric_tables.grids(group), comparison_tables.differences(group)
    cost, steady = comparison_tables.cost(group), comparison_tables.steadiness(group)
    points, search_figures = search_tables.write(group.folders, folder)
    published = across_datasets.published(group)
    parts = [
        Part("results", "Results", notes=notes(group), grids=main + published),
        Part("convergence", "Convergence", grids=cost, figures=figures.curves(group, figure_folder, _protocols(group))),
        Part("stability", "Stability", grids=steady, figures=figures.hyperparameters(group, figure_folder)),
        Part("differences", "Differences", grids=pairs),
        Part("search", "Search", grids=points, figures=search_figures),
        _pictures(group, folder),
        Part("trials", "Trials", failures=failures(group), grids=[comparison_tables.trials(group)]),
        Part("provenance", "How it was made", facts=[*provenance(group), ("Disk", _disk(group))]),
    ]
    title = f"{group.name}: " if prefix else ""
    parts = [
        replace(part, id=prefix + part.id, title=title + part.title, folder=figure_folder, protocol=group.protocol)
        for part in parts
    ]
    return [*main, *cost, *steady, *pairs, *published, *points], parts


def _protocols(group: Group) -> dict[str, str]:
    """The protocol of each distance, in words."""
    names = [name for name in group.fresh.columns if metric_tables.is_distance(name)]
    return {name: metric_tables.protocol_of(group, name) for name in names}


def _pictures(group: Group, folder: Path) -> Part:
    trials, figure_folder = image_figures.representatives(group), folder / "figures"
    shots = {kind: image_figures.copied(trials, kind, folder) for kind in image_figures.KINDS}
    return Part(
        "pictures",
        "Pictures",
        figures=[
            *image_figures.overview(group, shots["samples"], figure_folder),
            *image_figures.over_time(trials, figure_folder),
            *image_figures.codes(group, trials, figure_folder),
        ],
        pictures=[(kind.capitalize(), image_figures.KINDS[kind], files) for kind, files in shots.items() if files],
    )


def _disk(group: Group) -> str:
    return "\n".join(f"{shown(folder.path)}: {disk.summary(folder.path)}" for folder in group.folders)
