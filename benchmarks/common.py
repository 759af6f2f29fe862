"""Code shared by the benchmarks. Each benchmark is run by itself, as python benchmarks/NAME.py."""

import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from bench.experiment.settings import Evaluation, Network, Preprocessing, Training
    from bench.experiment.specification import TrialSpec


def spread(values: Sequence[float], digits: int) -> str:
    """'1.52 (1.31 to 1.60)': the median, and the least and most."""
    low, middle, high = (f"{value:,.{digits}f}" for value in (min(values), statistics.median(values), max(values)))
    return f"{middle} ({low} to {high})"


def markdown(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; floats have three digits."""
    cells = [[f"{cell:.3g}" if isinstance(cell, float) else str(cell) for cell in row] for row in rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in [[*headings], ["---"] * len(headings), *cells])


AS_NICE = {"RAY_worker_niceness": "0"}  # Ray's workers are not nicer than others, or a busy machine starves them


class Seconds(NamedTuple):
    """How long a command took, and how much of the processors it and the processes that it started used meanwhile."""

    wall: float
    cpu: float


def timed(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Seconds:
    """Run a command, and end this process if it fails.

    CPU seconds are read from /proc five times a second, because Ray's workers are no children that could be waited for.
    They do not depend on what else the machine does, but waiting threads of torch use them too.
    """
    used: dict[int, float] = {}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as output:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **(environment or {})})
        while process.poll() is None:
            used |= {pid: max(seconds, used.get(pid, 0.0)) for pid, seconds in tree(process.pid).items()}
            time.sleep(0.2)
        wall = time.perf_counter() - started
        if process.returncode:
            output.seek(0)
            raise SystemExit(f"{' '.join(command)} failed:\n{output.read()[-3000:]}")
    return Seconds(wall, sum(used.values()))


def tree(root: int) -> dict[int, float]:
    """CPU seconds of a process and of each of its descendants, by process id (Linux)."""
    parents, seconds = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text(encoding="utf-8").rpartition(")")[2].split()
        except OSError:  # it has ended meanwhile
            continue
        pid = int(path.parent.name)
        parents[pid], seconds[pid] = int(fields[1]), (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    found, size = {root} & parents.keys(), -1
    while len(found) != size:
        size = len(found)
        found |= {pid for pid, parent in parents.items() if parent in found}
    return {pid: seconds[pid] for pid in found}


def specification(
    method: str,
    hyperparameters: dict,
    preprocessing: "Preprocessing",
    network: "Network",
    training: "Training",
    evaluation: "Evaluation",
    prior: str | None = None,
) -> "TrialSpec":
    """The specification of a trial with seed 0, its prior the method's default unless one is given."""
    from bench.experiment.specification import TrialSpec
    from methods import METHODS

    return TrialSpec(
        method=method,
        hyperparameters=hyperparameters,
        prior=prior or METHODS[method].priors[0],
        preprocessing=preprocessing,
        network=network,
        training=training,
        evaluation=evaluation,
        seed=0,
    )
