"""The contract of a method (methods/base.py) as a suite of checks, shared by the tests and `python -m bench.check`.

A check is a function of a `Subject`. It raises `Broken` with the reason, or `Skipped` if it does not apply. Any other
exception is a defect of the method too, because the method's code raised it.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from bench.contract.interface import check_precision, check_schema, check_search, check_shapes
from bench.contract.losses import check_finite, check_traces, check_units, check_waiting
from bench.contract.penalty import check_floor, check_grows, check_rotation
from bench.contract.subject import Broken, Skipped, Subject, Unfinished
from bench.contract.training import check_replays, check_seeds, check_state, check_step
from bench.errors import reason
from bench.runtime import rng
from bench.runtime.code_location import location
from methods import Method

CHECKS: dict[str, Callable[[Subject], None]] = {
    "schema": check_schema,
    "search": check_search,
    "shapes": check_shapes,
    "precision": check_precision,
    "finite": check_finite,
    "units": check_units,
    "step": check_step,
    "state": check_state,
    "seeds": check_seeds,
    "traces": check_traces,
    "waiting": check_waiting,
    "replays": check_replays,
    "floor": check_floor,
    "grows": check_grows,
    "rotation": check_rotation,
}


SPEED = ("traces", "waiting", "replays")  # checks that a method may fail and still train rightly, but more slowly


class Severity(StrEnum):
    """What a defect costs: wrong results, speed, or only what others need to use the method."""

    wrong = "wrong"
    slower = "slower"
    unfinished = "unfinished"


class Outcome(StrEnum):
    """The result of one check; `skipped` means that the check does not apply to the method."""

    ok = "ok"
    broken = "broken"
    skipped = "skipped"


@dataclass(frozen=True)
class Verdict:
    """The outcome of one check, with the reason unless it is ok. severity: of a check that is broken, else None."""

    check: str
    outcome: Outcome
    reason: str
    seconds: float
    severity: Severity | None = None


def judge(check: str, subject: Subject, **options: str) -> Verdict:
    """Run one check, and leave all random states unchanged.

    Args:
        check: a key of CHECKS.
        subject: the method and its prior.
        options: keyword arguments of that check.
    """
    started, outcome, message = time.perf_counter(), Outcome.ok, ""
    severity: Severity | None = None
    with rng.forked(0):
        try:
            CHECKS[check](subject, **options)
        except Skipped as error:
            outcome, message = Outcome.skipped, str(error)
        except Broken as error:
            outcome, message = Outcome.broken, str(error)
            severity = Severity.unfinished if isinstance(error, Unfinished) else _severity(check)
        except Exception as error:
            outcome, message = Outcome.broken, f"{type(error).__name__}{location(error)}: {reason(error)}"
            severity = _severity(check)
    return Verdict(check, outcome, message, time.perf_counter() - started, severity)


def _severity(check: str) -> Severity:
    return Severity.slower if check in SPEED else Severity.wrong


def examine(method: type[Method], prior: str) -> Iterator[Verdict]:
    """Run all checks, in the order of CHECKS."""
    for check in CHECKS:
        yield judge(check, Subject(method, prior))
