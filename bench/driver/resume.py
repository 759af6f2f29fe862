"""Resume an experiment: compare a command with its folder, and decide what to do about every trial."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum

from bench.analysis.protocols import difference
from bench.errors import UserError, plural, say, warn
from bench.experiment.labels import searcher_of
from bench.experiment.settings import Report
from bench.experiment.source_code import changed_modules, changed_plugins, same_code
from bench.experiment.specification import Trial
from bench.io.files import Damaged
from bench.io.limits import CHECKPOINTS
from bench.io.schema import Value
from bench.paths import ROOT
from bench.store import repair
from bench.store.documents import DeclaredMetric, Description, ExperimentProtocol, declarations
from bench.store.folders import ExperimentFolder
from bench.store.trial_folder import TrialFolder, belongs_to_other_version


class Action(StrEnum):
    """What a run does with a trial."""

    train = "train"
    resume = "resume"
    retrain = "train again"
    done = "done already"
    lost = "failed or diverged before"
    stale = "stale"

    @property
    def runs(self) -> bool:
        """Whether the run trains the trial."""
        return self in (Action.train, Action.resume, Action.retrain)


@dataclass(frozen=True)
class Retraining:
    """The options that select trials to retrain or retry.

    Attributes:
        force: retrain all trials.
        stale: retrain trials whose method's code has changed, or that another version of the project started.
        accept: record the present code as that of trials whose method's code has changed, so that they are not stale.
        failed: retry trials that failed or diverged, from their last checkpoints.
    """

    force: bool = False
    stale: bool = False
    accept: bool = False
    failed: bool = False


def action(trial: Trial, experiment: ExperimentFolder, retraining: Retraining) -> Action:
    """Decide what a run does with a trial, from the content of its folder."""
    folder = experiment.trial(trial.name)
    if not folder.exists("spec.json"):
        # The removal of a trial was interrupted. Without spec.json, the source of its checkpoint is unknown.
        return Action.retrain if any(map(folder.exists, CHECKPOINTS)) else Action.train
    stored, status = _stored(trial, folder), folder.status()
    if retraining.force or stored is None:
        return Action.retrain
    if belongs_to_other_version(stored, status):
        return Action.retrain if retraining.stale else Action.stale
    if not same_code(stored.source, trial.source):
        # A training must not continue with different code.
        return Action.stale if status.state.has_ended and not retraining.stale else Action.retrain
    if status.state.is_lost:
        return Action.resume if retraining.failed else Action.lost
    # The checkpoint of a finished trial contains its rows, so resuming it restores damaged rows.
    return Action.done if status.state.has_ended and not repair.rows_damaged(folder) else Action.resume


def _stored(trial: Trial, folder: TrialFolder) -> Trial | None:
    """Return the trial in spec.json. If it is damaged: `trial` if its checksum matches `trial`, else None.

    Raises:
        Damaged: spec.json has no checksum, as after copying only some files.
    """
    try:
        return folder.trial()
    except Damaged as error:
        if not error.repairable:
            raise
        return trial if repair.described(folder, trial) else None


def mend(trial: Trial, experiment: ExperimentFolder) -> list[str]:
    """Rewrite damaged documents of a trial as far as their content is known, and return warnings."""
    folder = experiment.trial(trial.name)
    if not folder.exists("spec.json"):
        return []
    stored = _stored(trial, folder)
    if stored is None:
        effect = "the settings of the trial are unknown, and it is retrained from the start"
        return [f"{trial.name}/spec.json is damaged; {effect}"]
    return repair.mend(folder, stored)


def select(trials: list[Trial], experiment: ExperimentFolder, retraining: Retraining) -> list[Trial]:
    """Return the trials to train, after mending or removing folders; prints what is damaged or left out."""
    for warning in (line for trial in trials for line in mend(trial, experiment)):
        warn(warning)
    if retraining.accept:
        accepted = sum(_accept(trial, experiment) for trial in trials)
        say(f"{plural(accepted, 'trial')}: accepted as results of the present code")
    actions = {trial.id: action(trial, experiment, retraining) for trial in trials}
    counts = Counter(actions.values())
    for line in stale_lines([trial for trial in trials if actions[trial.id] is Action.stale], experiment):
        say(line)
    if counts[Action.lost]:
        say(f"{plural(counts[Action.lost], 'trial')} failed or diverged before; --retry-failed runs them again")
    for trial in trials:
        folder = experiment.trial(trial.name)
        if actions[trial.id] is Action.retrain:
            experiment.reset(trial.name)
        # A killed run may have left a checkpoint without rows; that is no damage.
        elif actions[trial.id] is Action.resume and folder.exists("history.parquet") and repair.rows_damaged(folder):
            warn(f"{trial.name}/history.parquet is damaged; it is rewritten from the checkpoint")
    return [trial for trial in trials if actions[trial.id].runs]


def stale_lines(stale: list[Trial], experiment: ExperimentFolder) -> list[str]:
    """Say how many trials are stale, what has changed, and what to do about it; nothing if none is."""
    if not stale:
        return []
    modules = {name for trial in stale for name in changed_code(trial, experiment)}
    where = f" ({', '.join(sorted(modules))})" if modules else ""
    changed = f"their code{where} has changed, or the project itself since they were begun"
    remedy = "--retrain-stale trains them again, --accept-stale keeps them if the results would be the same"
    return [f"{plural(len(stale), 'stale trial')}: {changed}; {remedy}"]


def changed_code(trial: Trial, experiment: ExperimentFolder) -> list[str]:
    """Return the modules and plug-ins whose code has changed since a trial was planned, as far as that is recorded."""
    folder = experiment.trial(trial.name)
    stored = _stored(trial, folder) if folder.exists("spec.json") else None
    if stored is None:
        return []
    return changed_modules(stored.source, ROOT / trial.source.file) + changed_plugins(stored.source, trial.source)


def _accept(trial: Trial, experiment: ExperimentFolder) -> bool:
    """Record the present code in spec.json of a trial, and return whether it was another."""
    folder = experiment.trial(trial.name)
    stored = _stored(trial, folder) if folder.exists("spec.json") else None
    if stored is None or same_code(stored.source, trial.source):
        return False
    folder.describe(replace(stored, source=trial.source))
    return True


def refuse_other_protocol(experiment: ExperimentFolder, trial: Trial) -> None:
    """Refuse a folder whose trials follow a different protocol than `trial`.

    Raises:
        UserError: the message names the first difference.
    """
    description = experiment.description()
    if description is None:
        return
    written = {key: value for key, value in description.written.items() if key != "extractor_sha256"}
    first = difference(written, trial.protocol)
    if first:
        raise UserError(f"{experiment.path} has a different protocol: {first}; choose another --out")


def refuse_other_points(experiment: ExperimentFolder, trials: list[Trial]) -> None:
    """Refuse points of a searcher that learns, if the folder holds others under their labels.

    Its points depend on the results so far: on the number of points a round, the tuning seeds, the version of Optuna,
    and on whether a failed trial was trained again.

    Raises:
        UserError: the message names the first such point.
    """
    planned = {trial.label: trial.spec for trial in trials if searcher_of(trial.label) != "halton"}
    for stored in experiment.specifications() if planned else ():
        now = planned.get(stored.label)
        if now and (now.hyperparameters, now.learning_rate) != (stored.spec.hyperparameters, stored.spec.learning_rate):
            raise UserError(
                f"{experiment.path} holds {stored.label} with other values: that search had other rounds, seeds or "
                "results, or another version of Optuna; choose another --out"
            )


def describe(
    experiment: ExperimentFolder,
    trials: list[Trial],
    seeds: int,
    command: str,
    extractor_sha256: str,
    skipped_images: int,
    defaults: Mapping[str, Mapping[str, Value]],
    caution: str | None = None,
    report: Report = Report(),
    dry: bool = False,
    renewed: bool = False,
) -> None:
    """Write experiment.yaml: the protocol, and all variants, seeds and commands so far.

    Args:
        experiment: the folder.
        trials: the trials of this command; they share one protocol.
        seeds: seeds per variant of this command.
        command: the command line, quoted for a shell, without credentials.
        extractor_sha256: hash of the feature extractor.
        skipped_images: images of the data set that could not be used.
        defaults: those of the data set (`Experiment.defaults`).
        caution: why distances mean little, if they do.
        report: what the report says.
        dry: only check that it could be written.
        renewed: whether trials whose code has changed are trained again, or accepted.
    """
    before = experiment.description()
    planned = {label: set(known) for label, known in (before.planned if before else {}).items()}
    for trial in trials:
        planned.setdefault(trial.label, set()).add(trial.spec.seed)
    written: Mapping[str, object] = trials[0].protocol | {"extractor_sha256": extractor_sha256}
    experiment.describe(
        Description(
            commands=list(dict.fromkeys([*(before.commands if before else []), command])),
            methods=list(dict.fromkeys([*(before.methods if before else []), *(t.label for t in trials)])),
            seeds=max(before.seeds if before else 0, seeds),
            planned={label: sorted(each) for label, each in planned.items()},
            skipped_images=skipped_images,
            storage=experiment.home.identity if experiment.home else None,
            defaults={key: dict(values) for key, values in {**defaults, **(before.defaults if before else {})}.items()},
            protocol=ExperimentProtocol.model_validate(written),
            written=dict(written),
            caution=caution,
            report=report,
            metrics=_metrics(experiment, trials[0], before.metrics if before else {}, renewed),
        ),
        dry,
    )


def _metrics(
    experiment: ExperimentFolder, planned: Trial, before: Mapping[str, DeclaredMetric], renewed: bool
) -> dict[str, DeclaredMetric]:
    """Return the columns of plug-ins' metrics. What a metric was said to be stays, while trials have values of it."""
    now = declarations(planned.spec.evaluation.metrics)
    for name in () if renewed else [name for name in now if name in before and before[name] != now[name]]:
        code = planned.source.plugins[f"metric {name}"].sha256
        sources = [trial.source.plugins.get(f"metric {name}") for trial in experiment.specifications()]
        if any(source and source.sha256 != code for source in sources):
            now[name] = before[name]
    return {**before, **now}
