"""bench.run --dry-run: what a run would do, and what it would take."""

from bench.data import datasets, preparation
from bench.data.splits import counts_text
from bench.driver import estimate, preflight
from bench.driver.identity import identify
from bench.driver.pipeline import Pipeline
from bench.driver.resume import Action, action, changed_code, refuse_other_protocol, stale_lines
from bench.errors import plural, say, warn
from bench.executors.base import trials_at_once
from bench.io.files import require_writable
from bench.reporting import design
from bench.store.states import State


def dry_run(pipeline: Pipeline) -> None:
    """Print trials, estimates and what the design can show. Nothing is prepared, trained or written."""
    cost(pipeline)
    power(pipeline)


def power(pipeline: Pipeline) -> None:
    """Print whether any difference can be significant, and how many seeds it would take."""
    labels, experiment = [variant.label for variant in pipeline.variants], pipeline.experiment
    report, spread = experiment.report, _spread_so_far(pipeline)
    for line in design.sentences(labels, experiment.seeds, report.margin, spread, report.baseline):
        say(line)


def _spread_so_far(pipeline: Pipeline) -> float | None:
    """The spread of distances over the seeds that have finished in this folder; None if none has."""
    if not any(trial.status().state is State.done for trial in pipeline.folder.trials()):
        return None
    from bench.reporting import merge  # imports pandas, which a dry run of a new experiment does not need

    return merge.load_one(pipeline.folder).seed_spread


def cost(pipeline: Pipeline) -> None:
    """Print trials and estimates."""
    request, folder = pipeline.request, pipeline.folder
    pipeline.check_machine()
    pipeline.check_storable()
    choice = pipeline.resolver.choose_extractor(download=False)
    images = preparation.locate(request)
    if images is None or not images.prepared:
        require_writable(request.prepared, "--prepared")
    if images is None:
        datasets.refuse_missing(request.name, request.root)
        say(f"{request.name} is not under {request.root}; a run would download it, if it can")
    experiment = pipeline.expected(choice, images)
    for note in images.notes if images else ():
        warn(note)
    if images:
        preflight.check_image_counts(experiment, images.counts)
    pipeline.report_precision(experiment)
    pipeline.report_evaluation(experiment)
    trials = pipeline.plan(experiment, identify(experiment, images))
    if images:
        refuse_other_protocol(folder, trials[0])
    actions = {trial.id: action(trial, folder, pipeline.retraining) for trial in trials}
    for trial in trials:
        changed = changed_code(trial, folder) if actions[trial.id] in (Action.stale, Action.retrain) else []
        cause = f" ({', '.join(changed)} changed)" if changed else ""
        say(f"{trial.id}  {trial}: {actions[trial.id]}{cause}")
    for line in stale_lines([trial for trial in trials if actions[trial.id] is Action.stale], folder):
        say(line)
    todo = [trial for trial in trials if actions[trial.id].runs]
    at_once = _at_once(pipeline, len(todo))
    here = f"{at_once} at a time on the CPUs and memory available here"
    say(f"{plural(len(trials), 'trial')}, {len(todo)} to train, {here}")
    if images:
        say(f"{request.name} has {counts_text(images.counts)}")
    for line in estimate.lines(experiment, todo, images, folder, at_once, pipeline.options.executor):
        say(line)


def _at_once(pipeline: Pipeline, todo: int) -> int:
    """Return the number of trials at a time on this machine."""
    return 1 if pipeline.options.executor == "serial" else max(1, min(trials_at_once(pipeline.resources), todo))
