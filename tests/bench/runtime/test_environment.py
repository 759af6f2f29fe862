"""What is noted of the machine and the code that a trial ran on."""

import subprocess

import pytest

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
