"""The options of bench.run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from bench.cli import completion
from bench.cli.options import (
    Crop,
    DataRoot,
    Extractor,
    Grey,
    ImageSize,
    InceptionWeights,
    Plugins,
    PreparedRoot,
    SkipUnreadable,
    finite,
)
from bench.driver.choices import MANY_TRIALS, EvaluateBeside, Executor, Scheduler, Searcher


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """The command line of bench.run: a field per option. None means that the option is not given."""

    methods: Annotated[
        str | None,
        typer.Option(
            help="Methods to compare, separated by commas, such as moco,gan[weight=1|10]. Default: all.",
            autocompletion=completion.methods,
        ),
    ] = None
    dataset: Annotated[
        str | None,
        typer.Option(
            help="Data set, such as cifar10, or 'folder' for your own images; bench.info lists them. Default: digits.",
            autocompletion=completion.datasets,
        ),
    ] = None
    config: Annotated[
        Path | None, typer.Option(help="YAML file with settings. Options on the command line override it.")
    ] = None
    sets: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="KEY=VALUE",
            help="Override a setting, such as training.epochs=10; bench.info lists them. Repeatable.",
        ),
    ] = None
    sweep: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE,VALUE",
            help="Run one experiment for each value of a setting, such as network.latent_dim=8,32, and report on all. "
            "Repeatable: every combination.",
        ),
    ] = None
    quick: Annotated[
        bool,
        typer.Option(
            "--quick",
            help="Cut everything down to minutes, but for what --set says: 2,000 images, 2 epochs, small networks, no "
            "Inception. To see whether a command works; results go to results/NAME-quick.",
        ),
    ] = False
    seeds: Annotated[
        int | None, typer.Option(metavar="N", help="Train each method with seeds 0 to N-1. Default: 3.")
    ] = None
    baseline: Annotated[
        str | None,
        typer.Option(
            help="The method that the report's verdict is about, such as moco: it is compared with every other. "
            "Default: the first one named."
        ),
    ] = None
    tune: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=10_000,
            help="First search this many points of each method's search space; then train the best one with new seeds.",
        ),
    ] = None
    searcher: Annotated[
        Searcher | None,
        typer.Option(
            help="With --tune: how points are chosen. halton: evenly spread. random, tpe, cmaes: by Optuna, in rounds; "
            "tpe and cmaes learn from results. Default: halton."
        ),
    ] = None
    scheduler: Annotated[
        Scheduler | None,
        typer.Option(
            help="With --tune. asha: stop points early that fall behind, which favours methods that learn fast at "
            "first. Default: none."
        ),
    ] = None
    out: Annotated[
        Path | None,
        typer.Option(
            help="Directory of the experiment. Default: results/NAME, with the name of the --config file or data set."
        ),
    ] = None
    storage: Annotated[
        str | None,
        typer.Option(
            help="Storage for trials that all nodes of a cluster share: a directory, or a URI such as "
            "s3://bucket/folder or gs://bucket/folder."
        ),
    ] = None
    data_root: DataRoot = None
    image_size: ImageSize = None
    crop: Crop = None
    grey: Grey = None
    prepared: PreparedRoot = None
    skip_unreadable: SkipUnreadable = False
    executor: Annotated[
        Executor, typer.Option(help="ray: trials in parallel, with Ray Tune. serial: one after another, without Ray.")
    ] = Executor.ray
    address: Annotated[
        str | None,
        typer.Option(help="Address of a running Ray cluster, such as auto. Default: Ray on this machine alone."),
    ] = None
    cpus_per_trial: Annotated[int, typer.Option(min=1, help="CPUs per trial; also its number of threads.")] = 1
    gpus_per_trial: Annotated[
        float | None,
        typer.Option(
            min=0, callback=finite, help="GPUs per trial; may be a fraction. Default: 1 if there is a GPU, else 0."
        ),
    ] = None
    resource: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=AMOUNT",
            help="Custom resource of the cluster that a trial needs, such as a100=1. Repeatable.",
        ),
    ] = None
    max_concurrent: Annotated[
        int | None, typer.Option(min=1, help="Maximum number of trials at a time. Default: as many as fit.")
    ] = None
    evaluate_beside: Annotated[
        EvaluateBeside,
        typer.Option(
            help="With Ray, on CPUs: evaluate in another process while the trial trains on, where CPUs are idle. on: "
            "always. auto: if that saves time. off: never. Results are the same."
        ),
    ] = EvaluateBeside.auto
    plugin: Plugins = None
    extractor: Extractor = None
    inception_weights: InceptionWeights = None
    log: Annotated[
        str | None,
        typer.Option(help="Also log results, live, to tensorboard, mlflow or wandb. Separate several with commas."),
    ] = None
    live: Annotated[
        bool | None,
        typer.Option(
            "--live/--no-live",
            help="Rebuild the report's page while trials train, in at most 2% of the time. Default: in a terminal.",
        ),
    ] = None
    light: Annotated[
        bool | None,
        typer.Option(
            "--light/--no-light",
            help="Write a small page with static figures, such as for e-mail. Default: interactive figures.",
        ),
    ] = None
    checkpoint_seconds: Annotated[
        float, typer.Option(min=0, callback=finite, help="Maximum time between two checkpoints, in seconds.")
    ] = 20.0
    eager: Annotated[
        bool, typer.Option("--eager", help="On GPUs: run each operation separately, without CUDA graphs.")
    ] = False
    force: Annotated[bool, typer.Option("--force", help="Retrain every trial from the start.")] = False
    retrain_stale: Annotated[
        bool, typer.Option("--retrain-stale", help="Also retrain trials whose method's code has changed.")
    ] = False
    accept_stale: Annotated[
        bool,
        typer.Option(
            "--accept-stale",
            help="Declare that trials whose method's code has changed would end with the same results: keep them.",
        ),
    ] = False
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed", help="Also retry trials that failed or diverged before.")
    ] = False
    yes: Annotated[bool, typer.Option("--yes", help=f"Run more than {MANY_TRIALS} trials without asking first.")] = (
        False
    )
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Print the trials and estimates of time and disk space; train nothing."),
    ] = False
