"""The steps of `python -m bench.check`: select methods and priors, run the checks, print the verdicts."""

import sys
from collections.abc import Sequence
from pathlib import Path

from bench.contract import Severity, examine
from bench.errors import UserError, say, unknown
from bench.experiment import plugins
from bench.experiment.method_names import find_method
from bench.runtime.numerics import limit_threads
from methods import METHODS
from methods.priors import PRIORS

MEANING = {Severity.slower: "trains rightly, but slower", Severity.unfinished: "unfinished"}


def check_all(method: str | None, prior: str | None, plugin_files: Sequence[Path] = ()) -> bool:
    """Check one method or all of them, and print the verdicts.

    Args:
        method: a registered name, or the path of a plug-in, which is executed. None: every registered method.
        prior: a key of PRIORS. None: each prior that a method supports.
        plugin_files: plug-ins that define further methods; they are executed.

    Returns:
        Whether the results of every method would be right: a slower or unfinished method keeps the contract.

    Raises:
        UserError: the method or the prior is unknown, or the method does not support the prior.
    """
    limit_threads()
    pairs = _pairs(_names(method, plugin_files), prior)
    verdicts = [_check(name, each) for name, each in pairs]
    return all(verdicts)


def _names(method: str | None, plugin_files: Sequence[Path]) -> list[str]:
    plugins.install_all(plugin_files)
    if method is None:
        return list(METHODS)
    if method.endswith(".py"):
        plugin = plugins.read(Path(method))
        plugins.install(plugin)
        return list(vars(sys.modules[plugin.module])["METHODS"])
    return [find_method(method)]


def _pairs(names: list[str], prior: str | None) -> list[tuple[str, str]]:
    """Each method with each prior under which it is checked."""
    if prior not in (None, *PRIORS):
        raise unknown("prior", prior, PRIORS)
    pairs = [(name, each) for name in names for each in METHODS[name].priors if prior in (None, each)]
    if not pairs:
        supported = dict.fromkeys(each for name in names for each in METHODS[name].priors)
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
