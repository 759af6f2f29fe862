"""Run a sweep: its parts one after another, and a report of all."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from bench.cli.run_options import RunOptions
from bench.cli.run_setup import refuse_impossible
from bench.driver.proportion import FITTED
from bench.driver.sweep import Part
from bench.errors import UserError, plural, say
from bench.io.files import display_path
from bench.io.object_store import is_uri
from bench.store.folders import ExperimentFolder

RunOne = Callable[[RunOptions], object]


def run_sweep(options: RunOptions, parts: Sequence[Part], run_one: RunOne) -> None:
    """Run every part in a folder of its own, then report on all. A part that loses trials does not stop the others.

    Raises:
        UserError: the settings of a part are impossible; no part has been trained then.
        SystemExit: status 1 if trials of some part diverged or failed; otherwise that of an interruption.
    """
    name = options.config.stem if options.config else options.dataset or "digits"
    out = options.out or Path("results") / f"{name}-sweep{'-quick' if options.quick else ''}"
    if (out / "experiment.yaml").exists():
        raise UserError(f"{out} is an experiment; a sweep needs a folder of its own: --out DIR")
    for part in parts:  # before hours of training
        refuse_impossible(_of_part(options, part, out, {}))
    lost = 0
    for number, part in enumerate(parts, 1):
        say(f"{part.name} ({number} of {len(parts)})")
        try:
            run_one(_of_part(options, part, out, _evaluated_as(out / parts[0].name)))
        except SystemExit as end:
            if end.code != 1:
                raise
            lost += 1
    if options.dry_run:
        return
    _report([out / part.name for part in parts], out / "report")
    if lost:
        say(f"trials were lost in {plural(lost, 'part')}, as said above", error=True)
        raise SystemExit(1)


def _evaluated_as(first: Path) -> dict[str, object]:
    """The evaluation settings that follow from the budget, as in the first part: parts are compared."""
    description = ExperimentFolder(first).description()
    evaluation = description.protocol.evaluation.model_dump() if description else {}
    return {f"evaluation.{key}": evaluation[key] for key in sorted(FITTED & evaluation.keys())}


def _of_part(options: RunOptions, part: Part, out: Path, evaluated_as: Mapping[str, object]) -> RunOptions:
    sets = [*(options.sets or []), *part.assignments]
    given = {text.partition("=")[0].strip() for text in sets}
    sets += [f"{key}={json.dumps(value)}" for key, value in evaluated_as.items() if key not in given]
    storage = options.storage
    if storage is None or not is_uri(storage):
        folder = out if storage is None else Path(storage) / out.name
        return replace(options, sweep=None, sets=sets, out=folder / part.name, storage=None)
    place, question, query = storage.partition("?")
    return replace(
        options,
        sweep=None,
        sets=sets,
        out=out / part.name,
        storage=f"{place.rstrip('/')}/{out.name}{question}{query}",
    )


def _report(folders: Sequence[Path], report: Path) -> None:
    from bench.reporting import build, merge

    trained = [folder for folder in folders if ExperimentFolder(folder).trials()]
    if trained:
        build.write(merge.load(trained), report)
        say(f"report of all parts: {display_path(report / 'index.html')}")
