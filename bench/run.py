"""python -m bench.run --methods moco,mmd,gan --dataset cifar10: train methods, evaluate them, and report."""

import sys
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING

import typer

import bench.from_python
from bench import cli
from bench.cli.run_options import RunOptions
from bench.errors import UserError

if TYPE_CHECKING:
    from bench.api import Loaded
    from bench.store.folders import ExperimentFolder

app = typer.Typer(**cli.TYPER_SETTINGS)


@app.command(cls=cli.Command)
@cli.with_options(RunOptions)
def main(options: RunOptions) -> "ExperimentFolder | None":
    """Train methods on a data set, evaluate them during training, and write a report.

    Run the same command again to continue: only what is missing is trained.
    """
    from bench.driver import sweep

    parts = sweep.parts(options.sweep or [], options.config)
    if parts:
        from bench.cli.run_sweep import run_sweep

        run_sweep(options, parts, _run)
        return None
    return _run(options)


def _run(options: RunOptions) -> "ExperimentFolder":
    from bench.cli.run_setup import set_up
    from bench.driver.dry_run import dry_run

    pipeline = set_up(options)
    if pipeline.experiment.search.points:
        from bench.driver.tune import Tuning  # imports pandas, which a dry run does not need

        Tuning(pipeline.continued()).dry_run() if options.dry_run else Tuning(pipeline).run()
    elif idle := [
        n for n in ("scheduler", "searcher") if getattr(pipeline.experiment.search, n) not in ("none", "halton")
    ]:
        raise UserError(f"--{idle[0]} applies to a search only; add --tune N")
    else:
        dry_run(pipeline.continued()) if options.dry_run else pipeline.run()
    return pipeline.folder


class _CallableModule(ModuleType):
    """The module `bench.run`, which takes the place of the function `bench.run` once it has been imported."""

    def __call__(self, settings: Mapping[str, object] | None = None, **options: object) -> "Loaded":
        """As `bench.run`."""
        return bench.from_python.run(settings, **options)


sys.modules[__name__].__class__ = _CallableModule


if __name__ == "__main__":
    app()
