"""python -m bench.clean: what takes room on disk, by kind, and how to get it back."""

import shutil
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from filelock import FileLock, Timeout

from bench import cli
from bench.analysis import frames, search
from bench.data.prepared import IN_USE
from bench.errors import UserError, unknown
from bench.io import disk
from bench.io.files import Damaged
from bench.io.untrusted import CHECKPOINTS
from bench.store.folders import ExperimentFolder
from bench.store.states import State

app = typer.Typer(**cli.PLAIN)

KINDS = {
    "previous": "the checkpoints before the last, of finished trials: nothing is lost",
    "checkpoints": "all checkpoints of finished trials: tables and figures stay, trained methods are gone",
    "stale": "trials whose method's source has changed since",
    "prepared": "decoded data sets, begun ones too: decoded again when they are needed",
}


@dataclass(frozen=True)
class Waste:
    """Something that can be removed: a file or folder, and the locks of who may be using it."""

    kind: str
    path: Path
    locks: tuple[Path, ...]

    def remove(self) -> None:
        shutil.rmtree(self.path) if self.path.is_dir() else self.path.unlink(missing_ok=True)


@app.command(cls=cli.Command)
def main(
    kinds: Annotated[list[str] | None, typer.Argument(help=f"What to remove: {', '.join(KINDS)}.")] = None,
    results: Annotated[Path, typer.Option(help="Where experiments are, or one of them.")] = Path("results"),
    data_root: cli.DataRoot = None,
    prepared: cli.PreparedRoot = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """List what takes room on disk, and remove the kinds that are named, after asking."""
    for kind in kinds or []:
        if kind not in KINDS:
            raise unknown("kind", kind, KINDS)
    _, prepared_root = cli.roots("", data_root, prepared)
    experiments = _experiments(results)
    found = [*_of_experiments(experiments), *_prepared(prepared_root)]
    for kind, about in KINDS.items():
        mine = [waste for waste in found if waste.kind == kind]
        print(f"{kind:12} {disk.words(_size(mine)):>8} in {len(mine):3}  {about}")
    # What is of two kinds is removed once.
    chosen = list({waste.path: waste for waste in found if waste.kind in (kinds or [])}.values())
    if not kinds:
        print("to remove some: python -m bench.clean KIND ...")
    elif not chosen:
        print("there is nothing to remove")
    else:
        _remove(chosen, yes)


def _remove(chosen: list[Waste], yes: bool) -> None:
    for waste in chosen:
        print(f"  {disk.words(disk.size(waste.path)):>8}  {waste.path}")
    if not yes and not typer.confirm(f"remove these {len(chosen)} ({disk.words(_size(chosen))})?"):
        print("nothing was removed")
        return
    freed, busy = 0, set()
    for waste in chosen:
        try:
            with ExitStack() as held:
                for lock in waste.locks:
                    held.enter_context(FileLock(lock).acquire(timeout=0))
                freed += disk.size(waste.path)
                waste.remove()
        except Timeout as error:
            busy.add(str(waste.path.parent if IN_USE in error.lock_file else Path(error.lock_file).parent))
        except OSError as error:
            raise UserError(f"cannot remove {waste.path}: {error.strerror}") from None
    print(f"{disk.words(freed)} removed")
    for folder in sorted(busy):
        print(f"some was left alone, because a run is under way in {folder}")


def _experiments(results: Path) -> list[ExperimentFolder]:
    if not results.is_dir():
        raise UserError(f"there is no folder {results}; name one with --results")
    places = [results] if (results / "experiment.yaml").exists() else sorted(results.iterdir())
    places = [place for path in places for place in (path, path / search.FOLDER)]
    return [ExperimentFolder(path) for path in places if (path / "experiment.yaml").exists()]


def _of_experiments(experiments: list[ExperimentFolder]) -> Iterator[Waste]:
    for folder in experiments:
        for each in folder.trials():
            try:
                trial = frames.describe(each)
            except Damaged as error:
                print(f"warning: {error}; it is left alone", file=sys.stderr)
                continue
            path, locks = each.path, (folder.lock,)
            if trial["stale"]:
                yield Waste("stale", path, locks)
            elif State(trial["state"]).is_final:
                found = [path / name for name in CHECKPOINTS if (path / name).exists()]
                yield from (Waste("checkpoints", file, locks) for file in found)
                yield from (Waste("previous", file, locks) for file in found if file.name == CHECKPOINTS[1])


def _prepared(root: Path) -> Iterator[Waste]:
    """Prepared sets, with the locks of the runs that are using them."""
    for name in sorted(root.iterdir()) if root.is_dir() else []:
        if name.is_dir():
            for path in sorted(path for path in name.iterdir() if path.is_dir()):
                yield Waste("prepared", path, (name / ".lock", *path.glob(f"{IN_USE}/*.lock")))


def _size(waste: list[Waste]) -> int:
    return sum(disk.size(each.path) for each in waste)


if __name__ == "__main__":
    app()
