"""Compare Wasserstein-autoencoder variants. `bench.load("results/NAME")` opens an experiment from Python."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from bench.api import Loaded

__version__ = "0.1.0"


def load(experiment: "str | Path", plugins: "Sequence[str | Path]" = ()) -> "Loaded":
    """Open an experiment: its rows and trials as data frames, and its trained methods.

    Args:
        experiment: Directory of the experiment, such as "results/digits".
        plugins: Files that were passed to bench.run with --plugin. Their code is executed.

    Raises:
        bench.errors.UserError: The directory is not an experiment.
    """
    from bench.api import Loaded  # imported here so that `import bench` stays fast

    return Loaded.open(experiment, plugins)
