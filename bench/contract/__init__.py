"""The contract of a method (methods/base.py) as checks: one suite for the tests and for `python -m bench.check`.

A check is a function of a `Subject` that raises `Broken` with the reason, or `NotAsked`. Whatever else a method's
code raises is that method's fault too.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.contract.interface import check_precision, check_schema, check_shapes
from bench.contract.losses import check_finite, check_traces, check_waiting, place
from bench.contract.penalty import check_floor, check_grows, check_rotation
from bench.contract.subject import Broken, NotAsked, Subject
from bench.contract.training import check_replays, check_seeds, check_state, check_step
from bench.errors import reason
from bench.runtime import rng
from methods import Method

CHECKS: dict[str, Callable[[Subject], None]] = {
    "schema": check_schema,
    "shapes": check_shapes,
    "precision": check_precision,
    "finite": check_finite,
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


@dataclass(frozen=True)
class Verdict:
    """What one check says; `state` is "ok", "broken" or "not asked"."""

    check: str
    state: str
    reason: str
    seconds: float


def judge(check: str, subject: Subject, **options: str) -> Verdict:
    """Ask one check; `options` are keywords of its own. Leaves all random states as they were."""
    started, state, why = time.perf_counter(), "ok", ""
    with rng.forked(0):
        try:
            CHECKS[check](subject, **options)
        except NotAsked as said:
            state, why = "not asked", str(said)
        except Broken as said:
            state, why = "broken", str(said)
        except Exception as error:
            state, why = "broken", f"{type(error).__name__}{place(error)}: {reason(error)}"
    return Verdict(check, state, why, time.perf_counter() - started)


def examine(method: type[Method], prior: str) -> Iterator[Verdict]:
    """Ask all checks, in the order of CHECKS."""
    for check in CHECKS:
        yield judge(check, Subject(method, prior))
