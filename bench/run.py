"""python -m bench.run --methods moco,mmd,gan --dataset cifar10: options to experiment to trials to report."""

import math
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench import cli
from bench.errors import UserError

if TYPE_CHECKING:
    from bench.experiment.settings import Experiment
    from bench.io.object_store import Remote

app = typer.Typer(**cli.PLAIN)


class Executor(StrEnum):
    ray = "ray"
    serial = "serial"


class Scheduler(StrEnum):
    none = "none"
    asha = "asha"


@app.command(cls=cli.Command)
def main(
    methods: Annotated[str | None, typer.Option(help="Such as moco,gan[weight=1|10]; default: all.")] = None,
    dataset: Annotated[str | None, typer.Option(help="digits (default), mnist, cifar10, celeba, folder ...")] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file; options given here win over it.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help="Like training.epochs=10; see bench.info.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Seeds 0 to N-1 for every method; default 3.")] = None,
    tune: Annotated[
        int | None, typer.Option(min=1, max=10_000, help="First search so many points of each method's space.")
    ] = None,
    scheduler: Annotated[
        Scheduler | None, typer.Option(help="asha: stop points that are behind; favours fast starters.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Its folder; default results/<data set or file>.")] = None,
    storage: Annotated[
        str | None, typer.Option(help="Where nodes keep trials: a shared folder, or s3://bucket/folder, gs://...")
    ] = None,
    data_root: cli.DataRoot = None,
    image_size: cli.ImageSize = None,
    crop: cli.Crop = None,
    grey: cli.Grey = None,
    prepared: cli.PreparedRoot = None,
    skip_unreadable: cli.SkipUnreadable = False,
    executor: Annotated[Executor, typer.Option(help="ray: Ray Tune. serial: one after another.")] = Executor.ray,
    address: Annotated[str | None, typer.Option(help="An existing Ray cluster, such as auto.")] = None,
    cpus_per_trial: Annotated[int, typer.Option(min=1, help="CPUs, and threads, of a trial.")] = 1,
    gpus_per_trial: Annotated[
        float | None, typer.Option(min=0, callback=cli.finite, help="May be a fraction; default 1 if any.")
    ] = None,
    resource: Annotated[
        list[str] | None, typer.Option(help="Of a cluster's own resources, for each trial: NAME=AMOUNT.")
    ] = None,
    max_concurrent: Annotated[int | None, typer.Option(min=1, help="Trials at a time.")] = None,
    plugin: cli.Plugins = None,
    extractor: cli.Extractor = None,
    inception_weights: cli.InceptionWeights = None,
    log: Annotated[str | None, typer.Option(help="Log rows live to tensorboard, mlflow or wandb; or several.")] = None,
    checkpoint_seconds: Annotated[
        float, typer.Option(min=0, callback=cli.finite, help="Between checkpoints, at most.")
    ] = 20.0,
    eager: Annotated[bool, typer.Option("--eager", help="GPUs: no CUDA graphs, each operation by itself.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Train everything again.")] = False,
    retrain_stale: Annotated[bool, typer.Option("--retrain-stale", help="And what changed code made stale.")] = False,
    retry_failed: Annotated[bool, typer.Option("--retry-failed", help="And what failed or diverged before.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before running very many trials.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and what it takes.")] = False,
) -> None:
    """Train methods on a data set, evaluate them as they train, and report. The same command again goes on."""
    from bench import loggers
    from bench.data.datasets import Request
    from bench.driver.options import Options
    from bench.driver.pipeline import Pipeline
    from bench.executors.base import Resources
    from bench.experiment import plugins
    from bench.experiment import settings as configuration
    from bench.experiment.variants import parse_variants, split_methods
    from methods import METHODS

    installed = plugins.install_all(plugin or [])
    overrides: dict[str, Any] = {"dataset": dataset, "seeds": seeds}
    overrides["methods"] = None if methods is None else split_methods(methods)
    overrides["preprocessing"] = cli.preprocessing(image_size, crop, grey)
    kind, stored = cli.extractor(extractor)
    kind = "inception" if inception_weights and extractor is None else kind
    overrides["evaluation"] = {"extractor": kind} if kind else None
    search = {"points": tune, "scheduler": scheduler and scheduler.value}
    overrides["search"] = {key: value for key, value in search.items() if value is not None} or None
    overrides = {key: value for key, value in overrides.items() if value is not None}
    experiment = configuration.resolve(overrides, config, sets)
    experiment = experiment if experiment.methods else experiment.model_copy(update={"methods": list(METHODS)})
    variants = parse_variants(experiment.methods)
    experiment = _with_network(experiment)
    root, prepared_root = cli.roots(experiment.dataset, data_root, prepared)
    name = config.stem if config else root.name if experiment.dataset == "folder" else experiment.dataset
    request = Request(experiment.dataset, root, experiment.preprocessing, prepared_root, skip_unreadable)
    folder, home = _places(name, out, storage)
    options = Options(
        out=folder,
        storage=home,
        executor=executor,
        extractor=stored,
        inception_weights=inception_weights,
        checkpoint_seconds=checkpoint_seconds,
        eager=eager,
        force=force,
        retrain_stale=retrain_stale,
        retry_failed=retry_failed,
        yes=yes,
        log=loggers.choose(log),
    )
    resources = Resources(
        cpus_per_trial, gpus_per_trial, _amounts(resource or []), max_concurrent, address, experiment.search.scheduler
    )
    pipeline = Pipeline(experiment, variants, request, options, resources, installed)
    command = pipeline
    if experiment.search.points:
        from bench.driver.tune import Tuning

        command = Tuning(pipeline)
    elif experiment.search.scheduler != "none":
        raise UserError("--scheduler is for a search; give --tune N too")
    command.dry_run() if dry_run else command.run()


def _places(name: str, out: Path | None, storage: str | None) -> tuple[Path, "Remote | None"]:
    """The experiment's folder on this machine, and the one in an object store, if any."""
    from bench.io.object_store import is_uri, remote

    if storage is None or is_uri(storage):
        folder = (out or Path("results") / name).resolve()
        return folder, None if storage is None else remote(storage) / folder.name
    if out is not None:
        raise UserError(f"--out {out} and --storage {storage} are both folders; give one of them")
    return (Path(storage) / name).resolve(), None


def _amounts(texts: list[str]) -> dict[str, float]:
    """What --resource asks of a cluster's own resources."""
    found = {}
    for text in texts:
        name, _, amount = text.partition("=")
        try:
            found[name] = float(amount)
        except ValueError:
            found[name] = math.nan
        if not name or not 0 < found[name] < math.inf:
            raise UserError(f"--resource takes NAME=AMOUNT, such as a100=1, not {text!r}")
        if name in ("CPU", "GPU"):
            raise UserError(f"--resource {text}: {name}s are asked for with --{name.lower()}s-per-trial")
    return found


def _with_network(experiment: "Experiment") -> "Experiment":
    """Choose the network where the choice is "auto"; refuse one that is unknown or does not fit the images."""
    from bench.errors import unknown
    from methods.networks import NETWORKS, Networks, fitting

    network, shape = experiment.network, experiment.preprocessing.shape
    if network.name not in (*NETWORKS, "auto"):
        raise unknown("network", network.name, [*NETWORKS, "auto"])
    try:
        if network.name == "auto":
            network = network.model_copy(update={"name": fitting(shape[1])})
        Networks(network.name, shape, network.latent_dim, network.width)
    except ValueError as error:
        raise UserError(str(error)) from None
    return experiment.model_copy(update={"network": network})


if __name__ == "__main__":
    app()
