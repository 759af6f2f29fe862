"""python -m bench.run --methods moco,mmd,gan --dataset cifar10: options to experiment to trials to report."""

import shlex
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.errors import RunError, UserError, one_line_errors

if TYPE_CHECKING:
    from bench.config import Experiment
    from bench.executors import Resources
    from bench.store import ExperimentFolder
    from bench.trials import Trial

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)


class Executor(StrEnum):
    ray = "ray"
    serial = "serial"


class Action(StrEnum):
    """What a run does about a trial."""

    train = "train"
    resume = "resume"
    retrain = "train again"
    done = "done already"
    stale = "stale"

    @property
    def runs(self) -> bool:
        return self in (Action.train, Action.resume, Action.retrain)


@dataclass(frozen=True)
class Options:
    """How to run, none of which changes a result."""

    out: Path
    data_root: Path
    executor: Executor
    extractor: Path | None
    checkpoint_seconds: float
    force: bool
    retrain_stale: bool


@app.command()
@one_line_errors
def main(
    methods: Annotated[str | None, typer.Option(help="Such as moco,mmd[prior=sphere],gan[weight=1|10].")] = None,
    dataset: Annotated[str | None, typer.Option(help="digits, mnist or cifar10.")] = None,
    config: Annotated[Path | None, typer.Option(help="A YAML file; options given here win over it.")] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help="key=value, such as training.epochs=10.")] = None,
    seeds: Annotated[int | None, typer.Option(help="Seeds 0 to N-1 for every method.")] = None,
    out: Annotated[Path | None, typer.Option(help="Its folder; default results/<data set or file>.")] = None,
    data_root: Annotated[Path, typer.Option(help="Where data sets are, or are downloaded to.")] = Path("data"),
    executor: Annotated[Executor, typer.Option(help="ray: Ray Tune. serial: one after another.")] = Executor.ray,
    address: Annotated[str | None, typer.Option(help="An existing Ray cluster, such as auto.")] = None,
    cpus_per_trial: Annotated[int, typer.Option(min=1, help="CPUs, and threads, of a trial.")] = 1,
    gpus_per_trial: Annotated[float | None, typer.Option(min=0, help="May be a fraction; default 1 if any.")] = None,
    max_concurrent: Annotated[int | None, typer.Option(min=1, help="Trials at a time.")] = None,
    plugin: Annotated[list[Path] | None, typer.Option(help="A Python file with METHODS of its own; it is run.")] = None,
    extractor: Annotated[Path | None, typer.Option(help="A stored classifier.pt to compare images with.")] = None,
    checkpoint_seconds: Annotated[float, typer.Option(min=0, help="Between checkpoints, at most.")] = 60.0,
    force: Annotated[bool, typer.Option("--force", help="Train everything again.")] = False,
    retrain_stale: Annotated[bool, typer.Option("--retrain-stale", help="And what changed code made stale.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and how long it takes.")] = False,
) -> None:
    """Train methods on a data set, evaluate them as they train, and report. The same command again goes on."""
    from bench import config as configuration
    from bench import plugins
    from bench.executors import Resources
    from bench.variants import parse_variants, split_methods

    installed = [plugins.read(path) for path in plugin or []]
    for each in installed:
        plugins.install(each)
    overrides: dict[str, Any] = {"dataset": dataset, "seeds": seeds}
    overrides["methods"] = None if methods is None else split_methods(methods)
    overrides = {key: value for key, value in overrides.items() if value is not None}
    experiment = configuration.resolve(overrides, config, sets)
    variants = parse_variants(experiment.methods)
    _check_networks(experiment)
    out = (out or Path("results") / (config.stem if config else experiment.dataset)).resolve()
    options = Options(out, data_root.resolve(), executor, extractor, checkpoint_seconds, force, retrain_stale)
    resources = Resources(cpus_per_trial, gpus_per_trial, max_concurrent, address)
    run = Run(experiment, variants, options, resources, tuple(installed))
    run.dry() if dry_run else run.wet()


def _check_networks(experiment: "Experiment") -> None:
    """Refuse an unknown network, or one that does not fit the images, before anything is prepared."""
    from bench.errors import unknown
    from bench.sources import DATASETS
    from methods.networks import NETWORKS, Networks

    network = experiment.network
    if network.name not in NETWORKS:
        raise unknown("network", network.name, NETWORKS)
    try:
        Networks(network.name, DATASETS[experiment.dataset].shape, network.latent_dim, network.width)
    except ValueError as error:
        raise UserError(str(error)) from None


@dataclass(frozen=True)
class Run:
    """One command, from the resolved experiment to the report."""

    experiment: "Experiment"
    variants: list[Any]
    options: Options
    resources: "Resources"
    plugins: tuple[Any, ...]

    @property
    def folder(self) -> "ExperimentFolder":
        from bench.store import ExperimentFolder

        return ExperimentFolder(self.options.out)

    def dry(self) -> None:
        """Print trials and estimates; prepare, train and write nothing."""
        from bench import data
        from bench.estimate import trial_seconds

        fingerprint = data.locate(self.experiment.dataset, self.options.data_root)
        if fingerprint is None:
            print(f"{self.experiment.dataset} is not under {self.options.data_root}; a run would download it")
        trials = self._plan(fingerprint or "unknown")
        if fingerprint:
            self._refuse_other_protocol(trials)
        actions = self._actions(trials)
        for trial in trials:
            print(f"{trial.id}  {trial.label} seed {trial.spec['seed']}: {actions[trial.id]}")
        todo = [trial for trial in trials if actions[trial.id].runs]
        seconds = {label: trial_seconds(trial) for label, trial in {t.label: t for t in todo}.items()}
        total = sum(seconds[trial.label] for trial in todo)
        at_once = self._at_once(len(todo))
        print(f"{len(trials)} trials, {len(todo)} to train, {at_once} at a time on this machine's CPUs")
        print(f"about {total / max(at_once, 1) / 60:.1f} minutes, from timed steps; preparing data and Ray come on top")

    def wet(self) -> None:
        """Prepare, train what is missing, report. Exit status 1 where a trial diverged or failed, 130 on Ctrl-C."""
        from filelock import FileLock, Timeout

        from bench.store import make_folder

        make_folder(self.folder.path)
        try:
            with FileLock(self.folder.lock, timeout=0):
                self._run()
        except Timeout:
            message = f"another run is writing to {_shown(self.options.out)}; wait for it, or choose another --out"
            raise RunError(message) from None
        except KeyboardInterrupt:
            print(f"\ninterrupted; nothing finished is lost. To go on: {_command()}", file=sys.stderr)
            raise SystemExit(130) from None

    def _run(self) -> None:
        from bench import data, report

        prepared = data.prepare(self.experiment.dataset, self.options.data_root)
        trials = self._plan(prepared.fingerprint)
        self._refuse_other_protocol(trials)
        extractor_sha256 = self._ensure_extractor(prepared)
        self._describe(trials, extractor_sha256)
        actions = self._actions(trials)
        for trial in trials:
            if actions[trial.id] is Action.retrain:
                self.folder.trial(trial.name).reset()
        stale = sum(action is Action.stale for action in actions.values())
        if stale:
            print(f"{stale} trials are stale: their method's source has changed; --retrain-stale trains them again")
        todo = [trial for trial in trials if actions[trial.id].runs]
        print(f"{len(trials)} trials, {len(todo)} to train", flush=True)
        if todo:
            self._execute(todo, prepared.folder)
        report.print_table(*report.build(self.folder))
        print(f"report: {_shown(self.folder.report / 'index.html')}")
        _exit_for([(trial, self.folder.trial(trial.name).status()) for trial in trials])

    def _plan(self, fingerprint: str) -> "list[Trial]":
        from bench.trials import plan

        return plan(self.experiment, self.variants, fingerprint, self.resources.cpus)

    def _actions(self, trials: "list[Trial]") -> dict[str, Action]:
        return {trial.id: self._action(trial) for trial in trials}

    def _action(self, trial: "Trial") -> Action:
        from bench.trials import is_done, is_stale

        folder = self.folder.trial(trial.name)
        if not folder.exists("spec.json"):
            return Action.train
        if self.options.force:
            return Action.retrain
        if is_stale(trial, folder):
            # What an older source began, a newer one must not finish.
            return Action.stale if is_done(folder) and not self.options.retrain_stale else Action.retrain
        # The rows of a finished trial are also in its checkpoint: resuming it writes them again.
        return Action.done if is_done(folder) and not folder.rows_damaged() else Action.resume

    def _refuse_other_protocol(self, trials: "list[Trial]") -> None:
        from bench.trials import difference

        before = dict(self.folder.description().get("protocol", {}))
        before.pop("extractor_sha256", None)
        now = trials[0].protocol
        found = difference(before, now) if before else None
        if found:
            raise UserError(f"{_shown(self.options.out)} holds another protocol: {found}; choose another --out")

    def _ensure_extractor(self, prepared: Any) -> str:
        from bench.evaluation import reference

        stored = None
        if self.options.extractor:
            try:
                stored = self.options.extractor.read_bytes()
            except OSError as error:
                raise UserError(f"cannot read the extractor {self.options.extractor}: {error.strerror}") from None
        noted = self.folder.description().get("protocol", {}).get("extractor_sha256")
        return reference.ensure(self.folder.extractor, prepared, self.experiment.evaluation, stored, noted).sha256

    def _describe(self, trials: "list[Trial]", extractor_sha256: str) -> None:
        """Keep experiment.yaml: what was asked so far, under which protocol, by which commands."""
        before = self.folder.description()
        labels = [variant.label for variant in self.variants]
        self.folder.describe(
            {
                "commands": list(dict.fromkeys([*before.get("commands", []), _command()])),
                "methods": list(dict.fromkeys([*before.get("methods", []), *labels])),
                "seeds": max(before.get("seeds", 0), self.experiment.seeds),
                "protocol": trials[0].protocol | {"extractor_sha256": extractor_sha256},
            }
        )

    def _execute(self, todo: "list[Trial]", prepared: Path) -> None:
        from bench.environment import git_state
        from bench.executors import Context
        from bench.progress import Progress

        if self.options.executor is Executor.ray:
            from bench.executors import ray as executor
        else:
            from bench.executors import serial as executor
        context = Context(self.options.out, prepared, self.plugins, self.options.checkpoint_seconds, git_state())
        with Progress(todo) as progress:
            executor.run(todo, context, self.resources, progress)

    def _at_once(self, todo: int) -> int:
        import os

        if self.options.executor is Executor.serial:
            return 1
        return max(1, min((os.cpu_count() or 1) // self.resources.cpus, self.resources.max_concurrent or todo))


def _exit_for(statuses: "list[tuple[Trial, dict[str, Any]]]") -> None:
    bad = [(trial, status) for trial, status in statuses if status["state"] in ("diverged", "failed")]
    for trial, status in bad:
        print(f"{trial.label} seed {trial.spec['seed']} {status['state']}: {status['reason']}", file=sys.stderr)
    if bad:
        raise SystemExit(1)


def _command() -> str:
    return shlex.join(["python", "-m", "bench.run", *sys.argv[1:]])


def _shown(path: Path) -> str:
    """Relative to the working directory, where that is shorter."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


if __name__ == "__main__":
    app()
