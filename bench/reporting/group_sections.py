"""The tables and page sections of one group."""

from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.io.files import display_path
from bench.reporting import (
    across_datasets,
    code_figures,
    comparison_tables,
    curve_figures,
    data_files,
    image_figures,
    links,
    metric_tables,
    pareto_figures,
    phrases,
    rank_figures,
    sample_charts,
    score_figures,
    search_tables,
    selection,
    verdict_tables,
)
from bench.reporting.contents import Contents, contents
from bench.reporting.group import Group
from bench.reporting.notes import cautions, failures, notes, provenance
from bench.reporting.section import ImageGrids, Section
from bench.reporting.style import Figure
from bench.reporting.table import Table
from bench.store import disk_usage
from bench.store.folders import TrialFolder


def write(group: Group, folder: Path, prefix: str, share: float = 1.0) -> tuple[list[Table], list[Section]]:
    """Write the files of one group to `folder`; return its tables and the sections of its page.

    Args:
        group: the trials of one protocol.
        folder: receives the data files and figures.
        prefix: makes ids unique on a page that shows several groups; empty if there is only one.
        share: of the page's room for samples.
    """
    data_files.write(group, folder)
    if contents() is Contents.tables:
        return [], []
    figure_folder = folder / "figures"
    noted, captioned = partial(selection.noted, group), partial(selection.captioned, group)
    answer = noted(verdict_tables.tables(group))
    main, pairs = noted(metric_tables.tables(group)), noted(comparison_tables.differences(group))
    cost, stability = noted(comparison_tables.cost(group)), comparison_tables.stability(group)
    search, search_figures = search_tables.write(group.folders, folder)
    published, key = across_datasets.published(group), group.names.key()
    curves = curve_figures.curves(group, figure_folder, _protocols(group))
    trade_offs = [*pareto_figures.trade_offs(group, figure_folder), *rank_figures.plot(group, figure_folder)]
    sections = [
        Section("verdict", "Verdict", notes=cautions(group), tables=answer),
        Section(
            "results", "Results", notes=list(map(group.names.text, notes(group))), tables=[*key, *main, *published]
        ),
        Section("convergence", "Convergence", tables=cost, figures=captioned(curves)),
        Section("trade_offs", "Trade-offs", figures=captioned(trade_offs)),
        Section(
            "stability", "Stability", tables=stability, figures=score_figures.hyperparameters(group, figure_folder)
        ),
        Section("differences", "Differences", tables=pairs),
        Section("search", "Search", tables=search, figures=search_figures),
        _images(group, folder, share),
        Section(
            "trials", "Trials", failures=failures(group), tables=group.names.tables([comparison_tables.trials(group)])
        ),
        Section("settings", "Settings", tables=[comparison_tables.settings(group)]),
        Section("provenance", "Provenance", facts=[*provenance(group), ("Disk", _disk(group))]),
    ]
    name = f"{group.name}: " if prefix else ""
    sections = [replace(section, id=prefix + section.id, title=name + section.title) for section in sections]
    sections = [replace(section, folder=figure_folder, protocol=group.protocol) for section in sections]
    answer = links.resolved(answer, sections, prefix)
    sections[0] = replace(sections[0], tables=answer)
    return [*answer, *key, *main, *cost, *stability, *pairs, *published, *search], sections


def tables(group: Group) -> list[Table]:
    """Return the tables of one group, but for those of its search."""
    return [
        *verdict_tables.tables(group),
        *metric_tables.tables(group),
        *comparison_tables.cost(group),
        *comparison_tables.stability(group),
        *comparison_tables.differences(group),
        comparison_tables.trials(group),
        comparison_tables.settings(group),
    ]


def _protocols(group: Group) -> dict[str, str]:
    """The protocol of each distance, in words."""
    names = [name for name in group.fresh.columns if metric_tables.is_distance(name)]
    return {name: phrases.protocol_of(group, name) for name in names}


def _images(group: Group, folder: Path, share: float) -> Section:
    trials, figure_folder = image_figures.representatives(group), folder / "figures"
    files = {kind: image_figures.copy_grids(trials, kind, folder) for kind in image_figures.KINDS}
    return Section(
        "pictures",
        "Images",
        figures=selection.captioned(
            group,
            [
                *image_figures.overview(group, files["samples"], figure_folder),
                *_over_time(group, trials, figure_folder, share),
                *code_figures.codes(group, trials, figure_folder),
            ],
        ),
        pictures=[
            ImageGrids(kind.capitalize(), f"{about} {selection.of_figures(group)}".rstrip(), files[kind], figure=kind)
            for kind, about in image_figures.KINDS.items()
            if files[kind]
        ],
    )


def _over_time(group: Group, trials: dict[str, TrialFolder], folder: Path, share: float) -> list[Figure]:
    """Samples over training: a static figure, and on the page any two trials side by side."""
    static, chart = image_figures.over_time(trials, folder), sample_charts.chart(group, share)
    if chart is None:
        return static
    figure = static[0] if static else Figure("over_time", image_figures.OVER_TIME, "", data=False, whole=True)
    return [replace(figure, chart=chart)]


def _disk(group: Group) -> str:
    return "\n".join(f"{display_path(folder.path)}: {disk_usage.summary(folder.path)}" for folder in group.folders)
