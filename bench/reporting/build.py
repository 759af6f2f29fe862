"""Write reports: tables, figures and one page, from trial folders."""

import itertools
import re
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import RunError, say
from bench.io.exchange import remove_abandoned, replace_folder
from bench.io.files import display_path, explain_write_errors, write_atomically
from bench.reporting import (
    freshness,
    merge,
    metric_tables,
    opening,
    paper_table,
    render,
    selection,
    terminal,
    verdict_tables,
)
from bench.reporting.group import Group
from bench.reporting.notes import cautions, doubts, failures, notes, provenance
from bench.reporting.table import Table
from bench.store.folders import ExperimentFolder

if TYPE_CHECKING:
    from bench.reporting.live import Status
    from bench.reporting.page_content import Form
    from bench.reporting.section import Section

PREAMBLE = "% Needs \\usepackage{booktabs} and \\usepackage{graphicx}."
TOGETHER = "All data sets together"
MARK = '<meta name="generator" content="bench.report">'  # identifies the page of a report, which may be replaced
MARK_WITHIN = 2**16  # bytes; the mark is near the start, and a page has many MB


def build(folder: ExperimentFolder) -> Group:
    """Write the report of one experiment to its folder report/, and return the group that the report shows."""
    group = merge.load_one(folder)
    write([group], folder.report)
    return group


def refresh(folder: ExperimentFolder) -> Group:
    """As `build`, but leave a report that is still what would be written."""
    group = merge.load_one(folder)
    if not freshness.is_fresh(folder, group):
        write([group], folder.report)
        freshness.note(folder, group)
    return group


def write(groups: Sequence[Group], report: Path) -> None:
    """Write a report atomically: an old report is replaced once the new one is complete.

    Args:
        groups: what is reported.
        report: its folder.

    Raises:
        RunError: a file cannot be written, for instance on a full disk; the old report remains.
    """
    new = report.with_name(f".{report.name}.{uuid.uuid4().hex[:8]}.new")
    try:
        with explain_write_errors(report):
            new.mkdir(parents=True)
            try:
                _write(groups, new)
            except RunError as error:  # names a temporary file, which is about to be removed
                raise error.__cause__ if isinstance(error.__cause__, OSError) else error from None
            replace_folder(new, report)
            remove_abandoned(report)  # now that there is a report, no older one is missed
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _write(groups: Sequence[Group], report: Path) -> None:
    from bench.reporting import page  # not at the top: importing matplotlib is slow
    from bench.reporting.section import table_id

    tables, parts, sections = _content(groups, report)
    anchors = {id(table): table_id(section, table) for section in sections for table in section.tables}
    lead = [line for text in _lead(groups) for line in ("", text)]
    markdown, latex = [f"# {_title(groups)}", *lead, *_markdown(tables)], [render.latex(table) for table in tables]
    for group, (prefix, group_tables) in zip(groups, parts, strict=True):
        markdown += [f"\n# {group.name}"] if prefix else []
        markdown += [line for note in cautions(group) for line in ("", render.plain(note))]
        markdown += [*_markdown(group_tables, anchors), *appendix(group)]
        wide = group.description.report.latex == "page"
        unfolded = [table for table in group_tables if not table.folded]
        paper = unfolded if wide else [*selection.noted(group, paper_table.tables(group)), *group.names.key()]
        latex += [render.latex(table, prefix, f"Protocol: {group.protocol}.", wide) for table in paper]
    write_atomically(report / "summary.md", ("\n".join(markdown) + "\n").encode())
    write_atomically(report / "summary.tex", "\n".join([PREAMBLE, *latex]).encode())
    html = page.html(_title(groups), _lead(groups), sections, _form(groups))
    write_atomically(report / "index.html", html.encode())


def page_of(groups: Sequence[Group], scratch: Path, status: "Status") -> str:
    """Return the page of groups that are still training. scratch: receives files that are not kept."""
    from bench.reporting import page

    return page.html(_title(groups), _lead(groups), _content(groups, scratch)[2], _form(groups), status)


def _form(groups: Sequence[Group]) -> "Form":
    from bench.reporting.page_content import Form

    return Form.light if all(group.description.report.light for group in groups) else Form.full


def _content(
    groups: Sequence[Group], report: Path
) -> tuple[list[Table], list[tuple[str, list[Table]]], list["Section"]]:
    """Write the data files and figures.

    Returns:
        The tables of all groups together, the prefix and tables of each group, and the sections of the page.
    """
    from bench.reporting import across_datasets, across_settings, group_sections
    from bench.reporting.section import Section

    sound = [group for group in groups if not doubts(group)] or groups  # groups: perhaps --quick cut all of them down
    together = [across.write(sound, report) for across in (across_datasets, across_settings)]
    tables, figures = ([*itertools.chain(*each)] for each in zip(*together, strict=True))
    omitted = ", ".join(group.name for group in groups if doubts(group)) if len(sound) < len(groups) else ""
    lines = [f"Left out, for the reasons in their cautions: {omitted}."] if tables and omitted else []
    sections = [Section("together", TOGETHER, lines, tables, figures, folder=report / "figures")]
    parts = []
    for group in groups:
        prefix = "" if len(groups) == 1 else f"{_slug(group.name)}-"
        folder = report / prefix.rstrip("-")
        group_tables, group_page_sections = group_sections.write(group, folder, prefix, share=1 / len(groups))
        parts.append((prefix, group_tables))
        sections += group_page_sections
    return tables, parts, sections


def _lead(groups: Sequence[Group]) -> list[str]:
    return [opening.paragraph(group) for group in groups]


def _title(groups: Sequence[Group]) -> str:
    """'same_prior: latent matching compared on digits': the experiments and their data sets."""
    experiments = dict.fromkeys(folder.path.name for group in groups for folder in group.folders)
    datasets = dict.fromkeys(group.dataset for group in groups)
    return f"{', '.join(experiments)}: latent matching compared on {', '.join(datasets)}"


def _slug(name: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")


def _markdown(tables: Sequence[Table], anchors: Mapping[int, str] | None = None) -> list[str]:
    """The lines of tables. anchors: id of a table -> the anchor by which the verdict links to it."""
    lines = []
    for table in tables:
        anchor = (anchors or {}).get(id(table))
        lines += [f'\n<a id="{anchor}"></a>'] if anchor else []
        lines += ["", f"## {table.title}", "", *render.markdown(table), *(["", table.about] if table.about else [])]
    return lines


def appendix(group: Group) -> list[str]:
    """Return the lines that follow the tables of summary.md: notes, failed trials and provenance."""
    lines = [line for note in notes(group) for line in ("", group.names.text(note))]
    lost = [f"- `{f.variant}` seed {f.seed} {f.state}: {render.plain(f.reason)}" for f in failures(group)]
    lines += ["", *lost] if lost else []
    for heading, text in provenance(group):
        lines += ["", f"{heading}:", "", *(f"    {line}" for line in text.splitlines())]
    return [*lines, "", "Columns and units: results/README.md."]


def print_tables(group: Group, report: Path) -> None:
    """Print the verdict and the distances in the terminal, after what has to be known before.

    Args:
        group: what is compared.
        report: the folder of the report, which has the rest.
    """
    for note in cautions(group):
        say(note)
    rest = display_path(report / "index.html")
    matrix, in_words, *_ = verdict_tables.tables(group) or [None, None]
    fitting = [matrix] if matrix and terminal.fits(group.names.tables([matrix])[0]) else []
    answer = selection.noted(group, [*fitting, *([in_words] if in_words else [])])
    for table in (*answer, *group.names.key(), *selection.noted(group, metric_tables.generated(group))):
        terminal.show(table, rest, without=("each seed", "shown by"))
    terminal.show_text("The rest is in the report: codes, time to target, costs, stability, every claim, images.")


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
