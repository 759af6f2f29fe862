"""Code shared by the benchmarks. Each benchmark is run by itself, as python benchmarks/NAME.py."""

import statistics
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

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
