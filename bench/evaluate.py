"""python -m bench.evaluate results/NAME --extractor inception: score finished trials under another protocol."""

import shlex
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench import cli
from bench.driver.choices import Precision, Split
from bench.errors import say, unknown

app = typer.Typer(**cli.TYPER_SETTINGS)


@dataclass(frozen=True, kw_only=True)
class Options:
    """The command line: a field per argument or option."""

    experiment: Annotated[Path, typer.Argument(help="Directory of the experiment, such as results/digits.")]
    extractor: cli.Extractor = None
    inception_weights: cli.InceptionWeights = None
    precision: Annotated[
        Precision | None,
        typer.Option(help="Precision of the Inception network. Default: evaluation.extractor_precision."),
    ] = None
    samples: Annotated[
        int | None,
        typer.Option(min=16, max=1_000_000, help="Number of generated images. Default: evaluation.final_samples."),
    ] = None
    split: Annotated[
        Split | None,
        typer.Option(help="Split of the real images. Default: train with Inception, else the held-out images."),
    ] = None
    sampler: cli.Sampler = "prior"
    seed: Annotated[
        int | None,
        typer.Option(min=0, max=2**31, help="Seed of the random draws. Default: evaluation.seed."),
    ] = None
    metrics: Annotated[
        str | None,
        typer.Option(
            metavar="NAMES|all",
            help="Optional metrics to add, with commas: infinity, sharpness, memorisation, probe (bench.info explains "
            "them).",
        ),
    ] = None
    prepared: cli.TrainingImages = None
    plugin: cli.Plugins = None
    device: cli.Device = None
    force: Annotated[bool, typer.Option("--force", help="Repeat measurements that exist already.")] = False


@app.command(cls=cli.Command)
@cli.with_options(Options)
def main(options: Options) -> None:
    """Score the finished trials of an experiment again, from their checkpoints, and rebuild its report.

    The default protocol is that of the last evaluation in a training. Each protocol has its own columns in the report.
    """
    from bench.driver import rescore
    from bench.evaluation.samplers import SAMPLERS
    from bench.metrics.columns import OPTIONAL
    from bench.plugins import installation
    from bench.store.folders import ExperimentFolder

    installation.install_all(options.plugin or [])
    if options.sampler not in SAMPLERS:
        raise unknown("sampler", options.sampler, SAMPLERS)
    metrics = tuple(name.strip() for name in options.metrics.split(",")) if options.metrics else ()
    folder = ExperimentFolder.open(options.experiment)
    for name in metrics:
        if name not in OPTIONAL and metrics != (rescore.ALL_METRICS,):
            if name in folder.require_description().metrics:
                raise rescore.from_plugin(f"metric {name}")
            raise unknown("metric", name, [*OPTIONAL, rescore.ALL_METRICS])
    measurement = rescore.Measurement(
        extractor=options.extractor,
        inception_weights=options.inception_weights,
        precision=options.precision,
        samples=options.samples,
        split=options.split,
        sampler=options.sampler,
        seed=options.seed,
        metrics=metrics,
    )
    selection = rescore.select_trials(folder, measurement)
    for line in selection.skipped:
        say(f"error: {line}", error=True)
    rescore.rescore(
        folder,
        selection.trials,
        measurement,
        prepared=options.prepared,
        device=options.device,
        force=options.force,
        command=shlex.join(["python", "-m", "bench.evaluate", *sys.argv[1:]]),
    )
    if selection.skipped:
        raise SystemExit(1)


if __name__ == "__main__":
    app()
