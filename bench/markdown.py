"""The summary as a Markdown page."""

from typing import Any

import pandas as pd

from bench import search_report
from bench.presentation import Table, notes, seeds, shown
from bench.search_report import Section


def page(
    summary: pd.DataFrame,
    trials: pd.DataFrame,
    rows: pd.DataFrame,
    description: dict[str, Any],
    machines: list[str],
    search: Section | None = None,
) -> str:
    """Tables: mean [least, greatest] over seeds; what did not finish; and the protocol."""
    protocol = description.get("protocol", {})
    dataset = protocol.get("dataset", {})
    lines = [f"# {dataset.get('name', 'results')}"]
    for each in shown(rows, summary):
        lines += ["", f"## {each.title}", "", *table(each, summary)] + (["", each.about] if each.about else [])
    lines += [part for line in notes(summary, trials, rows, description) for part in ("", line)]
    lines += search_report.markdown(search) if search else []
    lines += ["", "Made by:", ""] + [f"    {command}" for command in description.get("commands", [])]
    lines += ["", *(f"On: {machine}." for machine in machines)]
    lines += ["", f"Data set fingerprint `{dataset.get('fingerprint', '')[:16]}`, extractor sha256 "]
    lines[-1] += f"`{protocol.get('extractor_sha256', '')[:16]}`. Columns and units: results/README.md."
    return "\n".join(lines) + "\n"


def table(shown: Table, summary: pd.DataFrame) -> list[str]:
    head = ["variant", "prior", "seeds", *shown.headings.values()]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * 3 + "---:|" * len(shown.headings)]
    for record in shown.records(summary):
        cells = [f"`{record['variant']}`", record["prior"], seeds(record), *shown.cells(record)]
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    for name, values in shown.constants.items():
        lines.append(f"| {name} | | | " + " | ".join(shown.constant_cells(values)) + " |")
    return lines
