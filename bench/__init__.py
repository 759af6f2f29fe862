"""How methods are compared. `bench.load("results/NAME")` opens an experiment from Python."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.api import Loaded


def load(experiment: "str | Path", plugins: "Sequence[str | Path]" = ()) -> "Loaded":
    """Open an experiment's folder: its rows and trials as data frames, and its trained methods.

    Args:
        experiment: the folder, such as "results/digits".
        plugins: files with the methods that were given to bench.run with --plugin; they are run.
    Raises:
        bench.errors.UserError: there is no such experiment.
    """
    from bench.api import Loaded  # not at the top: `import bench` stays fast for the commands

    return Loaded.open(experiment, plugins)
