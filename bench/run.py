"""python -m bench.run --methods moco,mmd,gan --dataset cifar10: train methods, evaluate them, and report."""

import typer

from bench import cli
from bench.cli.run_options import RunOptions
from bench.errors import UserError

app = typer.Typer(**cli.TYPER_SETTINGS)


@app.command(cls=cli.Command)
@cli.with_options(RunOptions)
def main(options: RunOptions) -> None:
    """Train methods on a data set, evaluate them during training, and write a report.

    Run the same command again to continue: only what is missing is trained.
    """
    from bench.cli.run_setup import set_up
    from bench.driver.dry_run import dry_run

    pipeline = set_up(options)
    if pipeline.experiment.search.points:
        from bench.driver.tune import Tuning  # imports pandas, which a dry run does not need

        tuning = Tuning(pipeline)
        tuning.dry_run() if options.dry_run else tuning.run()
    elif pipeline.experiment.search.scheduler != "none":
        raise UserError("--scheduler applies to a search only; add --tune N")
    else:
        dry_run(pipeline) if options.dry_run else pipeline.run()


if __name__ == "__main__":
    app()
