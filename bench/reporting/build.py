"""Write reports: tables, figures and one page, from trial folders."""

import itertools
import re
import shutil
import uuid
from collections.abc import Sequence
from pathlib import Path

from bench.errors import RunError, plural, say
from bench.io.files import explain_write_errors, write_atomically
from bench.reporting import comparison_tables, merge, metric_tables, render, verdict
from bench.reporting.group import Group
from bench.reporting.notes import cautions, failures, notes, provenance
from bench.reporting.table import Table
from bench.store.folders import ExperimentFolder

PREAMBLE = "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}."
TOGETHER = "All data sets together"
MARK = '<meta name="generator" content="bench.report">'  # identifies the page of a report, which may be replaced
MARK_WITHIN = 2**16  # bytes; the mark is near the start, and a page has many MB


def build(folder: ExperimentFolder) -> Group:
    """Write the report of one experiment to its folder report/, and return the group that the report shows."""
    group = merge.load_one(folder)
    write([group], folder.report)
    return group


def write(groups: Sequence[Group], report: Path) -> None:
    """Write a report atomically: an old report is replaced once the new one is complete.

    Raises:
        RunError: a file cannot be written, for instance on a full disk; the old report remains.
    """
    new, old = (report.with_name(f".{report.name}.{uuid.uuid4().hex[:8]}.{section}") for section in ("new", "old"))
    try:
        with explain_write_errors(report):
            new.mkdir(parents=True)
            try:
                _write(groups, new)
            except RunError as error:  # names a temporary file, which is about to be removed
                raise error.__cause__ if isinstance(error.__cause__, OSError) else error from None
            if report.exists():
                report.rename(old)
            new.rename(report)
    finally:
        for leftover in (new, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _write(groups: Sequence[Group], report: Path) -> None:
    from bench.reporting import (
        across_datasets,
        across_settings,
        group_sections,
        page,
    )  # not at the top: importing matplotlib is slow
    from bench.reporting.section import Section

    title, figure_folder = _title(groups), report / "figures"
    together = [across.write(groups, report) for across in (across_datasets, across_settings)]
    tables, figures = ([*itertools.chain(*each)] for each in zip(*together, strict=True))
    sections = [Section("together", TOGETHER, tables=tables, figures=figures, folder=figure_folder)]
    markdown, latex = [f"# {title}", *_markdown(tables)], [render.latex(table) for table in tables]
    for group in groups:
        prefix = "" if len(groups) == 1 else f"{_slug(group.name)}-"
        group_tables, group_page_sections = group_sections.write(
            group, report / prefix.rstrip("-"), prefix, share=1 / len(groups)
        )
        markdown += [f"\n# {group.name}"] if prefix else []
        markdown += [line for note in cautions(group) for line in ("", render.plain(note))]
        markdown += [*_markdown(group_tables), *appendix(group)]
        latex += [render.latex(table, prefix, f"Protocol: {group.protocol}.") for table in group_tables]
        sections += group_page_sections
    write_atomically(report / "summary.md", ("\n".join(markdown) + "\n").encode())
    write_atomically(report / "summary.tex", "\n".join([PREAMBLE, *latex]).encode())
    lead = "; ".join(
        f"{group.name}: {plural(len(group.summary), 'variant')}, {plural(len(group.trials), 'trial')}"
        for group in groups
    )
    write_atomically(report / "index.html", page.html(title, lead, sections).encode())


def _title(groups: Sequence[Group]) -> str:
    """'same_prior: latent matching compared on digits': the experiments and their data sets."""
    experiments = dict.fromkeys(folder.path.name for group in groups for folder in group.folders)
    datasets = dict.fromkeys(group.dataset for group in groups)
    return f"{', '.join(experiments)}: latent matching compared on {', '.join(datasets)}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _markdown(tables: Sequence[Table]) -> list[str]:
    lines = []
    for table in tables:
        lines += ["", f"## {table.title}", "", *render.markdown(table), *(["", table.about] if table.about else [])]
    return lines


def appendix(group: Group) -> list[str]:
    """Return the lines that follow the tables of summary.md: notes, failed trials and provenance."""
    lines = [line for note in notes(group) for line in ("", note)]
    lost = [f"- `{f.variant}` seed {f.seed} {f.state}: {render.plain(f.reason)}" for f in failures(group)]
    lines += ["", *lost] if lost else []
    for heading, text in provenance(group):
        lines += ["", f"{heading}:", "", *(f"    {line}" for line in text.splitlines())]
    return [*lines, "", "Columns and units: results/README.md."]


def print_tables(group: Group) -> None:
    """Print the most important tables in the terminal, after what has to be known before."""
    for note in cautions(group):
        say(note)
    for table in (*verdict.tables(group), *metric_tables.tables(group), *comparison_tables.cost(group)):
        render.terminal(table, without=("each seed",))


def is_replaceable(path: Path) -> bool:
    """Whether a report may be written to `path`: it is missing, an empty folder or an earlier report."""
    if not path.exists():
        return True
    return path.is_dir() and (not any(path.iterdir()) or _is_marked(path / "index.html"))


def _is_marked(page: Path) -> bool:
    if not page.is_file():
        return False
    with page.open("rb") as file:
        return MARK.encode() in file.read(MARK_WITHIN)
