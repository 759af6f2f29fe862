"""A folder is replaced as a whole: whenever its writer is killed, a whole folder is there."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.io import exchange
from bench.io.exchange import remove_abandoned, replace_folder

STEPS = {"one step": 2, "two renames": 3}  # calls that change the disk


@pytest.fixture
def folders(tmp_path) -> tuple[Path, Path]:
    """The new folder and the old one; each has two files of one version."""
    for name in (".report.1.new", "report"):
        (tmp_path / name).mkdir()
        for file in ("index.html", "summary.md"):
            (tmp_path / name / file).write_text(name)
    return tmp_path / ".report.1.new", tmp_path / "report"


@pytest.fixture(params=STEPS)
def steps(request, monkeypatch) -> int:
    if request.param == "two renames":
        monkeypatch.setattr(exchange, "exchange", lambda *_: False)
    return STEPS[request.param]


def content(folder: Path) -> set[str]:
    return {path.read_text() for path in folder.iterdir()}


def kill_after(step: int, act: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Call a function in a process that is killed once it has changed the disk so many times."""
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    count = 0

    def counted(change: Callable[..., object]) -> Callable[..., object]:
        def changes(*arguments: object, **options: object) -> object:
            nonlocal count
            result = change(*arguments, **options)
            count += result is not False  # False: it was not supported
            if count == step:
                os._exit(9)
            return result

        return changes

    try:
        monkeypatch.setattr(exchange, "exchange", counted(exchange.exchange))
        monkeypatch.setattr(Path, "rename", counted(Path.rename))
        monkeypatch.setattr(shutil, "rmtree", counted(shutil.rmtree))
        act()
    finally:
        os._exit(1)


@pytest.mark.usefixtures("steps")
def test_the_new_folder_takes_the_place_of_the_old_one(folders):
    new, target = folders
    replace_folder(new, target)
    assert content(target) == {".report.1.new"}
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.usefixtures("steps")
def test_a_first_folder_is_only_moved(folders):
    new, target = folders
    shutil.rmtree(target)
    replace_folder(new, target)
    assert content(target) == {".report.1.new"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_kill_at_any_step_leaves_whole_folders(folders, steps, step, monkeypatch):
    new, target = folders
    kill_after(step, lambda: replace_folder(new, target), monkeypatch)
    left = [path for path in target.parent.iterdir() if path.is_dir()]
    assert all(len(content(path)) == 1 for path in left)  # no mixture of versions
    if steps == STEPS["one step"]:
        assert content(target) == {".report.1.new"}  # at no moment is there none
    elif step == 1:
        assert {path.name for path in left} == {".report.1.new", ".report.1.new.old"}  # neither is lost
    # Whatever is left, the next writer succeeds.
    later = target.with_name(".report.2.new")
    later.mkdir()
    (later / "index.html").write_text("later")
    replace_folder(later, target)
    assert content(target) == {"later"}


def test_a_move_that_fails_leaves_the_old_folder(folders, monkeypatch):
    new, target = folders
    monkeypatch.setattr(exchange, "exchange", lambda *_: False)
    shutil.rmtree(new)
    with pytest.raises(FileNotFoundError):
        replace_folder(new, target)
    assert content(target) == {"report"}


def test_what_killed_writers_left_is_removed_but_not_what_is_being_written(folders):
    new, target = folders
    old = target.with_name(".report.0.new.old")
    old.mkdir()
    long_ago = time.time() - 2 * exchange.ABANDONED
    os.utime(old, (long_ago, long_ago))
    remove_abandoned(target)
    assert (old.exists(), new.exists(), target.exists()) == (False, True, True)
