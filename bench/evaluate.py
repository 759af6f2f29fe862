"""python -m bench.evaluate results/NAME --extractor inception: finished trials scored again, under another protocol."""

import shlex
import sys
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bench import cli
from bench.driver.rescore import Precision, _finished, _score, _setting
from bench.errors import unknown
from bench.runtime.environment import torch_device
from bench.training import loading

if TYPE_CHECKING:
    pass

app = typer.Typer(**cli.PLAIN)


class Split(StrEnum):
    train = "train"
    validation = "validation"
    test = "test"


@app.command(cls=cli.Command)
def main(
    experiment: Annotated[Path, typer.Argument(help="Its folder, such as results/digits.")],
    extractor: cli.Extractor = None,
    inception_weights: cli.InceptionWeights = None,
    precision: Annotated[
        Precision | None, typer.Option(help="Inside Inception; default as in the trainings, or fp32.")
    ] = None,
    samples: Annotated[
        int | None, typer.Option(min=16, max=1_000_000, help="Generated images; default evaluation.final_samples.")
    ] = None,
    split: Annotated[
        Split | None,
        typer.Option(help="The real images to compare with; default train with Inception, else those held out."),
    ] = None,
    sampler: cli.Sampler = "prior",
    seed: Annotated[int | None, typer.Option(min=0, max=2**31, help="Of the draws; default evaluation.seed.")] = None,
    prepared: cli.PreparedRoot = None,
    plugin: cli.Plugins = None,
    device: cli.Device = None,
    force: Annotated[bool, typer.Option("--force", help="Measure again what has been measured.")] = False,
) -> None:
    """Score the finished trials of an experiment from their checkpoints; nothing is trained. The report is made anew.

    Without options: as at the end of a training. Every protocol has columns of its own in the report.
    """
    from bench.data.prepared import in_use
    from bench.evaluation.protocol import ScoringProtocol
    from bench.evaluation.reference import References
    from bench.evaluation.samplers import SAMPLERS
    from bench.evaluation.scorer import Scorer
    from bench.experiment import plugins
    from bench.reporting import build
    from bench.store.folders import ExperimentFolder
    from bench.store.lock import alone

    if sampler not in SAMPLERS:
        raise unknown("sampler", sampler, SAMPLERS)
    plugins.install_all(plugin or [])
    folder = ExperimentFolder.open(experiment)
    todo, left_out = _finished(folder)
    for line in left_out:
        print(f"error: {line}", file=sys.stderr)
    place = torch_device(device)
    spec = todo[0].trial().spec
    images = loading.prepared_of(todo[0], prepared)
    with alone(folder), in_use(images):
        evaluation, network = _setting(spec, folder, images, extractor, inception_weights, precision)
        asked = {"samples": samples, "seed": seed, "split": split and split.value, "sampler": sampler}
        asked = {key: value for key, value in asked.items() if value is not None}
        protocol = replace(ScoringProtocol.final(evaluation, network.name), **asked)
        print(f"{len(todo)} trials to score with {network.name} features", flush=True)
        references = References(images.features(otherwise=folder.extractor), network.to(place), images, place)
        scorer = Scorer(references, protocol, spec.training.train_images)
        for number, trial in enumerate(todo, 1):
            said = _score(trial, scorer, place, force)
            print(f"{number} of {len(todo)}: {trial.path.name}: {said}", flush=True)
        before = folder.require_description()
        command = shlex.join(["python", "-m", "bench.evaluate", *sys.argv[1:]])
        folder.describe(replace(before, commands=list(dict.fromkeys([*before.commands, command]))))
        build.print_tables(build.build(folder))
        print(f"report: {folder.report / 'index.html'}")
    if left_out:
        raise SystemExit(1)


if __name__ == "__main__":
    app()
