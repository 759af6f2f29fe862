"""LaTeX: a table that fits a column of a two-column paper, or every table, escaped and, where TeX is, compiled."""

import re
import shutil
import subprocess

import pytest
from synthetic_experiments import add, described

from bench.reporting import build, merge, render
from bench.reporting.group import as_asked
from bench.reporting.table import Cell, Table, prose, word
from bench.store.folders import ExperimentFolder

pytestmark = pytest.mark.reports
PAGE = r"""\documentclass[twocolumn]{article}
\usepackage{booktabs}\usepackage{graphicx}
\hbadness=10000 \vbadness=10000
\begin{document}
%s
\end{document}
"""


@pytest.fixture
def group(tmp_path):
    folder = described(ExperimentFolder(tmp_path / "exp"), target=15)
    for seed in range(5):
        add(folder, "autoencoder[prior=sphere]", seed, 10.0 + seed)
        add(folder, "moco", seed, 1.0 + seed)
    return merge.load_one(folder)


def written(group, latex: str) -> str:
    report = group.folders[0].path / f"report-{latex}"
    build.write([as_asked(group, None, None, latex)], report)
    return (report / "summary.tex").read_text()


def test_by_default_there_is_one_table_for_a_column(group):
    text = written(group, "column")
    assert text.count(r"\begin{table}") == 1
    assert r"variant & distance $\downarrow$ & images $\downarrow$ \\" in text
    assert r"\texttt{moco} & \textbf{3.0 $\pm$ 2.0} & 5,000 \\" in text
    page = written(group, "page")
    assert page.count(r"\begin{table*}") > 3
    assert r"\caption{Every claim" not in page, "the page folds it"


def test_every_row_has_as_many_cells_as_columns_and_braces_match(group):
    for latex in ("column", "page"):
        tables = re.findall(
            r"\\begin\{tabular\}\{((?:[lr]|p\{\d+em\})+)\}\n(.*?)\\end\{tabular\}", written(group, latex), re.S
        )
        assert tables
        for types, body in tables:
            columns = re.findall(r"[lr]|p\{\d+em\}", types)
            rows = [line for line in body.splitlines() if line.endswith(r"\\")]
            assert rows
            assert {len(re.findall(r"(?<!\\)&", row)) + 1 for row in rows} == {len(columns)}
            assert len(re.findall(r"(?<!\\)\{", body)) == len(re.findall(r"(?<!\\)\}", body))


def test_characters_that_fonts_lack_are_written_as_their_number():
    assert render.escape("é 100% a_b ≥") == r"é 100\% a\_b \texttt{U+2265}"


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="TeX is not installed")
@pytest.mark.parametrize("latex", ["column", "page"])
def test_pdflatex_compiles_it_and_nothing_is_too_wide(group, tmp_path, latex):
    rows = [[word("m[x=1]"), Cell("≥ λ ± τ²")], [prose("`a`"), word("é")]]
    odd = Table("odd", "100% of #1 & {x}", ["a_b", "~^\\"], rows)
    sentences = [[word(name), prose(f"a sentence of {name} " * 30)] for name in ("moco", "mmd", "gan") * 4]
    text = written(group, latex) + render.latex(odd, wide=False)
    text += render.latex(Table("verdict", "In words", ["claim", "answer"], sentences, words=2), wide=latex == "page")
    (tmp_path / "paper.tex").write_text(PAGE % text)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", check=False)
    assert done.returncode == 0, done.stdout[-3000:]
    assert "Overfull \\hbox" not in re.sub(r"Overfull.*in paragraph", "", done.stdout)
    assert "Float too large" not in done.stdout


def test_sentences_are_wrapped_rather_than_shrunk():
    """Ten lines of a sentence can be read; one line of it, shrunk to the width of a page, cannot."""
    rows = [[word("moco"), word("short"), prose("lower than mmd " * 20), word("1.2")]]
    text = render.latex(Table("verdict", "In words", ["claim", "rival", "answer", "p"], rows, words=3))
    assert r"\begin{tabular}{llp{40em}r}" in text
