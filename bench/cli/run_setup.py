"""Convert the options of bench.run to the pipeline that the driver runs. Imports torch."""

import sys

from bench import loggers
from bench.cli.run_options import RunOptions
from bench.data import datasets
from bench.data.datasets import Request
from bench.driver.options import (
    Options,
    Overrides,
    custom_resources,
    data_roots,
    drop_missing,
    experiment_folders,
    extractor_option,
    live_page,
    preprocessing_overrides,
)
from bench.driver.pipeline import Pipeline
from bench.driver.resolution import resolve
from bench.errors import say
from bench.executors.base import Resources
from bench.experiment.settings import Experiment
from bench.experiment.variants import split_methods
from bench.plugins import installation
from bench.runtime.numerics import limit_threads


def set_up(options: RunOptions) -> Pipeline:
    """Install the plug-ins, resolve the experiment, and return the pipeline."""
    limit_threads()
    installed = installation.install_all(options.plugin or [])
    experiment, variants, cuts, asked = resolve(_overrides(options), options.config, options.sets, options.quick)
    if cuts:
        say(f"--quick: {cuts}")
    request = _request(options, experiment)
    return Pipeline(
        experiment=experiment,
        variants=variants,
        request=request,
        options=_driver_options(options, request),
        resources=_resources(options, experiment.search.scheduler),
        plugins=installed,
        asked=asked,
        caution=f"cut down by --quick ({cuts}), so this is a trial run, not a result" if cuts else None,
    )


def refuse_impossible(options: RunOptions) -> None:
    """Refuse, with a UserError, settings that `set_up` would refuse."""
    installation.install_all(options.plugin or [])
    resolve(_overrides(options), options.config, options.sets, options.quick)


def _overrides(options: RunOptions) -> Overrides:
    extractor, _ = extractor_option(options.extractor)
    if options.inception_weights and options.extractor is None:
        extractor = "inception"
    return drop_missing(
        {
            "dataset": options.dataset,
            "seeds": options.seeds,
            "methods": None if options.methods is None else split_methods(options.methods),
            "preprocessing": preprocessing_overrides(options.image_size, options.crop, options.grey),
            "evaluation": drop_missing({"extractor": extractor}),
            "report": drop_missing({"baseline": options.baseline, "light": options.light}),
            "search": drop_missing(
                {
                    "points": options.tune,
                    "searcher": options.searcher and options.searcher.value,
                    "scheduler": options.scheduler and options.scheduler.value,
                }
            ),
        }
    )


def _request(options: RunOptions, experiment: Experiment) -> Request:
    root, prepared = data_roots(experiment.dataset, options.data_root, options.prepared)
    return Request(experiment.dataset, root, experiment.preprocessing, prepared, options.skip_unreadable)


def _driver_options(options: RunOptions, request: Request) -> Options:
    name = request.root.stem if datasets.get(request.name).own else request.name
    name = (options.config.stem if options.config else name) + ("-quick" if options.quick else "")
    folder, remote = experiment_folders(name, options.out, options.storage)
    return Options(
        out=folder,
        storage=remote,
        executor=options.executor.value,
        extractor=extractor_option(options.extractor)[1],
        inception_weights=options.inception_weights,
        checkpoint_seconds=options.checkpoint_seconds,
        eager=options.eager,
        force=options.force,
        retrain_stale=options.retrain_stale,
        accept_stale=options.accept_stale,
        retry_failed=options.retry_failed,
        yes=options.yes,
        log=loggers.choose(options.log, folder),
        live=live_page(options.live, remote, sys.stdout.isatty()),
    )


def _resources(options: RunOptions, scheduler: str) -> Resources:
    return Resources(
        cpus=options.cpus_per_trial,
        gpus=options.gpus_per_trial,
        custom=custom_resources(options.resource or []),
        max_concurrent=options.max_concurrent,
        address=options.address,
        scheduler=scheduler,
        evaluate_beside=options.evaluate_beside.value,
    )
