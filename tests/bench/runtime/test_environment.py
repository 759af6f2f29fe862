"""What is recorded about the machine and the code of a trial."""

import subprocess

import pytest
import torch

from bench.runtime import environment


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository of two committed files, a method and a report, in place of the project's."""
    for name in ("methods/mine.py", "results/reference/summary.md"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("as committed")
    who = ["-c", "user.name=me", "-c", "user.email=me@example.org"]
    for command in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "both"]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    return tmp_path


def test_changes_of_code_are_noted(repository):
    assert environment.git_state()["dirty"] is False
    (repository / "methods/mine.py").write_text("changed")
    assert environment.git_state()["dirty"] is True


def test_a_file_that_was_never_committed_is_a_change(repository):
    (repository / "methods/other.py").write_text("new")
    assert environment.git_state()["dirty"] is True


def test_a_report_made_anew_is_no_change_of_code(repository):
    (repository / "results/reference/summary.md").write_text("made anew")
    assert environment.git_state()["dirty"] is False


def test_outside_a_repository_nothing_is_known(tmp_path, monkeypatch):
    monkeypatch.setattr(environment, "ROOT", tmp_path)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    assert environment.git_state() == {"commit": None, "dirty": None}


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("flags\t\t: fpu avx2 avx512f", False),
        ("flags\t\t: fpu avx512f avx512_bf16", True),
        ("Features\t: fp asimd bf16", True),  # ARM
        ("Features\t: fp asimd i8mm", False),
        ("", False),
    ],
)
def test_a_processor_reports_whether_it_has_bf16(monkeypatch, tmp_path, flags, expected):
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nmodel name\t: A processor\n{flags}\n")
    monkeypatch.setattr(environment, "CPUINFO", tmp_path / "cpuinfo")
    assert environment.has_bf16(on_gpu=False) == expected
    git = environment.git_state()
    assert environment.describe(torch.device("cpu"), 1, 1, git)["processor"] == "A processor"
    monkeypatch.setattr(environment, "CPUINFO", tmp_path / "gone")
    assert not environment.has_bf16(on_gpu=False)
