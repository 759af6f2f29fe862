"""python -m bench.run --methods moco,mmd,gan --dataset cifar10: train methods, evaluate them, and report."""

import typer

from bench import cli
from bench.cli.run_options import RunOptions
from bench.errors import UserError

app = typer.Typer(**cli.PLAIN)


@app.command(cls=cli.Command)
@cli.with_options(RunOptions)
def main(options: RunOptions) -> None:
    """Train methods on a data set, evaluate them during training, and write a report.

    Run the same command again to continue: only what is missing is trained.
    """
    from bench.cli.run_setup import set_up

    run = set_up(options)
    if run.experiment.search.points:
        from bench.driver.tune import Tuning  # imports pandas, which a dry run does without

        run = Tuning(run)
    elif run.experiment.search.scheduler != "none":
        raise UserError("--scheduler applies to a search only; add --tune N")
    run.dry() if options.dry_run else run.wet()


if __name__ == "__main__":
    app()
