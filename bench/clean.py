"""python -m bench.clean: show disk usage by kind, and remove what is not needed."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench import cli
from bench.cli import completion
from bench.driver.choices import REMOVABLE
from bench.errors import say, unknown

if TYPE_CHECKING:
    from bench.driver.cleaning import Removable

app = typer.Typer(**cli.TYPER_SETTINGS)


@app.command(cls=cli.Command)
def main(
    kinds: Annotated[
        list[str] | None,
        typer.Argument(help=f"What to remove: {', '.join(REMOVABLE)}.", autocompletion=completion.removable),
    ] = None,
    results: Annotated[Path, typer.Option(help="Directory of the experiments, or of one experiment.")] = Path(
        "results"
    ),
    data_root: cli.DataRoot = None,
    prepared: cli.PreparedRoot = None,
    yes: Annotated[bool, typer.Option("--yes", help="Remove without asking first.")] = False,
) -> None:
    """Show disk usage by kind, and remove the named kinds after asking.

    previous: second-to-last checkpoints of finished trials. checkpoints: all checkpoints of finished trials. stale:
    trials whose method's code has changed. prepared: decoded data sets.
    """
    from bench.driver.cleaning import find, total_size
    from bench.driver.options import data_roots
    from bench.io import disk

    for kind in kinds or []:
        if kind not in REMOVABLE:
            raise unknown("kind", kind, REMOVABLE)
    _, prepared_root = data_roots("", data_root, prepared)
    items = find(results, prepared_root)
    for kind, about in REMOVABLE.items():
        matches = [item for item in items if item.kind == kind]
        say(f"{kind:12} {disk.format_bytes(total_size(matches)):>8} in {len(matches):3}  {about}")
    # A path that is listed under two kinds is removed once.
    selected = list({item.path: item for item in items if item.kind in (kinds or [])}.values())
    if not kinds:
        say("to remove some: python -m bench.clean KIND ...")
    elif not selected:
        say("there is nothing to remove")
    else:
        _remove(selected, yes)


def _remove(selected: list["Removable"], yes: bool) -> None:
    from bench.driver.cleaning import remove, total_size
    from bench.io import disk

    for item in selected:
        say(f"  {disk.format_bytes(disk.size(item.path)):>8}  {item.path}")
    if not yes and not typer.confirm(
        f"remove these {len(selected)} items ({disk.format_bytes(total_size(selected))})?"
    ):
        say("nothing was removed")
        return
    freed, busy = remove(selected)
    say(f"{disk.format_bytes(freed)} removed")
    for folder in busy:
        say(f"some files were kept, because a run is in progress in {folder}")


if __name__ == "__main__":
    app()
