"""python -m bench.evaluate results/NAME --extractor inception: finished trials scored again, under another protocol."""

import shlex
import sys
import time
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench import api, cli
from bench.analysis import frames
from bench.errors import UserError, unknown
from bench.io.untrusted import CHECKPOINTS
from bench.runtime.environment import torch_device
from bench.store.folders import again

if TYPE_CHECKING:
    import torch

    from bench.data.preparation import Prepared
    from bench.evaluation.reference import Extractor
    from bench.evaluation.scorer import Scorer
    from bench.experiment.settings import Evaluation
    from bench.store.folders import ExperimentFolder, TrialFolder

app = typer.Typer(**cli.PLAIN)


class Split(StrEnum):
    train = "train"
    validation = "validation"
    test = "test"


class Precision(StrEnum):
    fp32 = "fp32"
    bf16 = "bf16"


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
    from bench import report
    from bench.data import preparation
    from bench.driver.resume import alone
    from bench.evaluation.reference import References
    from bench.evaluation.samplers import SAMPLERS
    from bench.evaluation.scorer import Protocol, Scorer
    from bench.experiment import plugins
    from bench.io import untrusted
    from bench.store.folders import ExperimentFolder

    if sampler not in SAMPLERS:
        raise unknown("sampler", sampler, SAMPLERS)
    plugins.install_all(plugin or [])
    folder = ExperimentFolder(experiment)
    untrusted.look_over(experiment)
    todo, left_out = _finished(folder)
    for line in left_out:
        print(f"error: {line}", file=sys.stderr)
    place = torch_device(device)
    spec = todo[0].spec()["spec"]
    images = api.prepared_of(todo[0], prepared)
    with alone(folder), preparation.in_use(images):
        evaluation, network = _setting(spec, folder, images, extractor, inception_weights, precision)
        asked = {"samples": samples, "seed": seed, "split": split and split.value, "sampler": sampler}
        asked = {key: value for key, value in asked.items() if value is not None}
        protocol = replace(Protocol.final(evaluation, network.name), **asked)
        print(f"{len(todo)} trials to score with {network.name} features", flush=True)
        references = References(images.features(otherwise=folder.extractor), network.to(place), images, place)
        scorer = Scorer(references, protocol, spec["training"]["train_images"])
        for number, trial in enumerate(todo, 1):
            said = _score(trial, scorer, place, force)
            print(f"{number} of {len(todo)}: {trial.path.name}: {said}", flush=True)
        before = folder.description()
        commands = list(
            dict.fromkeys([*before["commands"], shlex.join(["python", "-m", "bench.evaluate", *sys.argv[1:]])])
        )
        folder.describe(before | {"commands": commands})
        report.print_tables(report.build(folder))
        print(f"report: {folder.report / 'index.html'}")
    if left_out:
        raise SystemExit(1)


def _finished(folder: "ExperimentFolder") -> tuple[list["TrialFolder"], list[str]]:
    """The trials that are done and can be scored, and why others that are done cannot."""
    from methods import METHODS

    if not folder.description():
        raise UserError(f"the folder {folder.path} is no experiment: it has no experiment.yaml")
    able, left_out = [], []
    for trial in folder.trials():
        if trial.status()["state"] != "done":
            continue
        if not trial.whole("spec.json"):
            left_out.append(f"{trial.name} has a damaged spec.json; the bench.run that made it mends it")
            continue
        method = trial.spec()["spec"]["method"]
        if method not in METHODS:
            raise UserError(
                f"the method {method!r} comes from a plug-in; give its file with --plugin, or install its package"
            )
        why = _unable(trial)
        if why:
            left_out.append(f"{trial.path.name} {why}")
        else:
            able.append(trial)
    if not able:
        why = left_out[0] if left_out else "none is done; python -m bench.run trains them"
        raise UserError(f"{folder.path} has no trial to score: {why}")
    return able, left_out


def _unable(trial: "TrialFolder") -> str | None:
    if frames.describe(trial)["stale"]:
        return "is stale: its method's source has changed; bench.run --retrain-stale trains it again"
    if not any(trial.exists(name) for name in CHECKPOINTS):
        return f"has no checkpoint any more; {again(trial)}"
    return "has damaged rows; the bench.run that made it writes them again" if trial.rows_damaged() else None


def _setting(
    spec: dict[str, Any],
    folder: "ExperimentFolder",
    images: "Prepared",
    asked: str | None,
    weights: Path | None,
    precision: Precision | None,
) -> tuple["Evaluation", "Extractor"]:
    """The experiment's settings, and the extractor: the experiment's own where none is asked for."""
    from bench.driver import preflight
    from bench.evaluation import extractors
    from bench.evaluation.feature_network import load_extractor
    from bench.experiment.settings import Evaluation

    evaluation = Evaluation.model_validate(spec["evaluation"])
    kind, path = cli.extractor(asked)
    stored = preflight.stored_extractor(path)
    if stored:
        kind = load_extractor(stored).name
    elif kind is None:
        kind = "inception" if weights else evaluation.extractor
    digits = precision.value if precision else evaluation.extractor_precision
    other = evaluation.model_copy(update={"extractor": kind, "extractor_precision": digits})
    other, weights = preflight.inception_weights(other, images.shape[0], weights)
    other = preflight.with_extractor(other, spec["dataset"]["name"], bool(images.classes))
    if other.extractor == evaluation.extractor and not stored:
        noted = folder.description()["protocol"]["extractor_sha256"]
        return evaluation, extractors.load(folder.extractor, other, weights, noted)
    cache = images.features(otherwise=folder.extractor)
    return evaluation, extractors.obtain(cache, images, other, stored, weights)


def _score(trial: "TrialFolder", scorer: "Scorer", device: "torch.device", force: bool) -> str:
    """Score one trial and keep the row; what is to be said of it."""
    import pandas as pd

    from bench.metrics.columns import STAMPS

    rows, later = trial.rows(), trial.evaluations()
    stamp = {key: scorer.stamp[key] for key in STAMPS}

    def same(frame: pd.DataFrame) -> pd.Series:
        if not all(key in frame for key in (*stamp, scorer.fullest)):
            return pd.Series(False, index=frame.index)
        # A row of the curve may follow the same protocol, but it does not hold all metrics.
        return (frame[list(stamp)] == stamp).all(axis=1) & frame[scorer.fullest].notna()

    if not force and (same(rows).any() or same(later).any()):
        return "measured already"
    started = time.perf_counter()
    columns, _ = scorer(api.trained_method(trial, device))
    positions = rows.iloc[-1][["step", "epoch", "images_seen", "train_seconds"]].to_dict()
    row = positions | {"evaluation_seconds": time.perf_counter() - started} | columns
    kept = later[~same(later)] if len(later) else later
    trial.save_evaluations(pd.concat([kept, pd.DataFrame([row])], ignore_index=True))
    return f"{scorer.headline} {columns[scorer.headline]:.4g} ({row['evaluation_seconds']:.0f} s)"


if __name__ == "__main__":
    app()
