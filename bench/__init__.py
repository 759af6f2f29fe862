"""Compare Wasserstein-autoencoder variants. `bench.run` trains, and `bench.load` opens an experiment, from Python."""

from typing import TYPE_CHECKING

from bench.hidden import refuse_hidden_packages

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from bench.api import Loaded

__version__ = "0.1.0"

refuse_hidden_packages()


def run(settings: "Mapping[str, object] | None" = None, **options: object) -> "Loaded":
    """Train, evaluate and report, as the command bench.run does, and open the experiment.

        bench.run(methods=["moco", "mmd"], dataset="digits", seeds=5, settings={"training.epochs": 10})

    Args:
        settings: What --set takes.
        options: The other options of the command, with underscores.

    Raises:
        bench.errors.UserError: The command would be refused.
    """
    from bench.from_python import run as run_command

    return run_command(settings, **options)


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
