"""The steps of `python -m bench.check`: select methods and priors, run the checks, print the verdicts."""

import time
from collections.abc import Sequence
from pathlib import Path

from bench.contract import Severity, examine
from bench.errors import UserError, say, unknown
from bench.experiment.method_names import find_method
from bench.experiment.variants import supported_priors
from bench.plugins import installation
from bench.plugins.found import Entry
from bench.plugins.kinds import KINDS
from bench.plugins.trying import Untested
from bench.runtime.numerics import limit_threads
from methods import METHODS
from methods.priors import PRIORS

MEANING = {Severity.slower: "trains rightly, but slower", Severity.unfinished: "unfinished"}


def check_all(
    method: str | None, prior: str | None, plugin_files: Sequence[Path] = (), data_root: Path = Path("data")
) -> bool:
    """Check one method or plug-in, or all methods, and print the verdicts.

    Args:
        method: a registered name of a method or of what a plug-in adds, or the path of a plug-in, which is executed.
            None: every registered method.
        prior: a key of PRIORS. None: each prior that a method supports.
        plugin_files: plug-ins that define further methods and other things; they are executed.
        data_root: where the files of a plug-in's data set are.

    Returns:
        Whether the results of every method would be right: a slower or unfinished method keeps the contract.

    Raises:
        UserError: the method or the prior is unknown, or the method does not support the prior.
    """
    limit_threads()
    names, others = _subjects(method, plugin_files)
    verdicts = [_check(name, each) for name, each in (_pairs(names, prior) if names else [])]
    return all([*verdicts, *(_check_other(other, data_root) for other in others)])


def _subjects(method: str | None, plugin_files: Sequence[Path]) -> tuple[list[str], list[Entry]]:
    """The names of the methods to check, and what else of plug-ins."""
    installation.install_all(plugin_files)
    if method is None:
        return list(METHODS), []
    if method.endswith(".py"):
        entries = installation.install(installation.read(Path(method)))
    else:
        entries = [entry for entry in installation.entries() if entry.name == method]
        if not entries:
            return [find_method(method, [entry.name for entry in installation.entries()])], []
    methods = [entry.name for entry in entries if entry.dictionary == "METHODS"]
    return methods, [entry for entry in entries if entry.dictionary != "METHODS"]


def _check_other(entry: Entry, data_root: Path) -> bool:
    """Print the verdict on something else than a method. Return whether it keeps the contract."""
    what, started = f"{KINDS[entry.dictionary].noun} {entry.name}", time.perf_counter()
    keeps, remark = True, ""
    try:
        installation.try_out(entry, data_root)
        limits = installation.limits(entry)
        remark = f" for its own sizes; a run with others is refused, because {limits}" if limits else ""
    except Untested as error:
        remark = f", as far as it was tried: {error}"
    except UserError as error:
        keeps, remark = False, f": {error}"
    verdict = f"{'keeps' if keeps else 'breaks'} the contract{remark}"
    say(f"{what}: {verdict} ({time.perf_counter() - started:.0f} s)")
    say("")
    return keeps


def _pairs(names: list[str], prior: str | None) -> list[tuple[str, str]]:
    """Each method with each prior under which it is checked."""
    if prior not in (None, *PRIORS):
        raise unknown("prior", prior, PRIORS)
    pairs = [(name, each) for name in names for each in supported_priors(name) if prior in (None, each)]
    if not pairs:
        supported = dict.fromkeys(each for name in names for each in supported_priors(name))
        raise UserError(f"{', '.join(names)} does not support prior={prior}; it supports {', '.join(supported)}")
    return pairs


def _check(name: str, prior: str) -> bool:
    """Print each verdict on one method under one prior, then a summary. Return whether its results would be right."""
    say(f"{name}, prior {prior}")
    defects: dict[Severity, list[str]] = {severity: [] for severity in Severity}
    seconds = 0.0
    for verdict in examine(METHODS[name], prior):
        say(f"  {verdict.severity or verdict.outcome:<10}  {verdict.check:<9}  {verdict.reason}".rstrip())
        seconds += verdict.seconds
        if verdict.severity:
            defects[verdict.severity].append(verdict.check)
    wrong = defects.pop(Severity.wrong)
    summary = f"breaks the contract: {', '.join(wrong)}" if wrong else "keeps the contract"
    others = "".join(f"; {MEANING[severity]}: {', '.join(checks)}" for severity, checks in defects.items() if checks)
    say(f"{name}, prior {prior}: {summary}{others} ({seconds:.0f} s)")
    say("")
    return not wrong
