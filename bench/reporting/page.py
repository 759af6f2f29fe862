"""The page index.html of a report: one self-contained file that needs no network."""

import re
from typing import TYPE_CHECKING

from bench.paths import ROOT
from bench.reporting import embedded_plotly
from bench.reporting.page_content import Content, Form
from bench.reporting.section import Section
from bench.reporting.table import Cell

if TYPE_CHECKING:
    from markupsafe import Markup

    from bench.reporting.live import Status

LONGEST_PART = 16  # letters of a setting in a label that do not break
TEMPLATES = ROOT / "bench" / "reporting" / "page_files"
SCRIPTS = ("state.js", "tables.js", "points.js", "charts.js", "samples.js", "start.js", "live.js")  # one, in this order
# Nothing is loaded from anywhere, and only the page's own scripts run.
POLICY = (
    "default-src 'none'; img-src data: blob:; style-src 'unsafe-inline'; script-src {scripts}; base-uri 'none'; "
    "form-action 'none'"
)


def html(
    title: str, lead: list[str], sections: list[Section], form: Form = Form.full, status: "Status | None" = None
) -> str:
    """Return the page; empty sections are left out.

    Args:
        title: heading.
        lead: the paragraphs below it, with Markdown's marks for code and emphasis.
        sections: what it shows.
        form: with interactive charts, or light.
        status: what the run is doing that trains what the page shows; None if there is none.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True)
    environment.filters |= {"marked": _marked, "breakable": _breakable, "anchor": _anchor}
    environment.tests["numbers"] = _are_numbers
    content = Content(form, [section for section in sections if not section.is_empty])
    plotly = embedded_plotly.plotly() if content.has_charts else None
    js = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in SCRIPTS)
    scripts = [embedded_plotly.sha256(js.encode()), *([plotly.sha256] if plotly else [])]
    return environment.get_template("page.html.jinja").render(
        title=title,
        lead=lead,
        status=status,
        policy=POLICY.format(scripts=" ".join(f"'sha256-{script}'" for script in scripts)),
        css=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
        js=Markup(js),
        plotly=plotly.packed if plotly else None,
        sections=[content.of(section) for section in content.sections],
    )


def _marked(text: str) -> "Markup":
    """Convert Markdown's *emphasis* and `code` to HTML, and escape everything else."""
    from markupsafe import Markup, escape

    with_code = re.sub(r"`([^`]+)`", lambda match: f"<code>{_parts(match[1])}</code>", str(escape(text)))
    return Markup(re.sub(r"\*([^*]+)\*", r"<em>\1</em>", with_code))


def _breakable(label: str) -> "Markup":
    """Let a label break before its settings and after each of them, where it has to; copied, it is whole."""
    from markupsafe import Markup, escape

    return Markup(_parts(str(escape(label))))


def _parts(label: str) -> str:
    """The HTML of an escaped label: each setting is a block; a long one may break inside, after its name."""
    parts = re.split(r"(?<=[\[,|])(?! )", label)
    if len(parts) < 2:
        return label
    broken = (part.replace("=", "=<wbr>") if len(part) > LONGEST_PART else part for part in parts)
    return "".join(f'<span class="part">{part}</span>' for part in broken)


def _anchor(row: list[Cell]) -> str:
    """The anchor of a row: a link to a cell would scroll it below the first column."""
    return next((cell.anchor for cell in row if cell.anchor), "")


def _are_numbers(text: str) -> bool:
    """Whether a text is a list of numbers, as of seeds, or a date: it is not wrapped."""
    return re.fullmatch(r"[-\d.,e+: ]+", text) is not None
