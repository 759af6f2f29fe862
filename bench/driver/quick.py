"""--quick: cut an experiment down to minutes on a CPU, to see whether everything works, and mark its results.

How much is evaluated follows from what is left of the training, as always (`bench.driver.proportion`).
"""

import math
from collections.abc import Mapping
from typing import Any

from bench.data import datasets
from bench.experiment.settings import Experiment

# The most that is left of a setting.
MOST = {
    "training": {"epochs": 2, "steps": 40, "images": 4000, "seconds": 10.0, "train_images": 2000},
    "network": {"width": 16},
    "search": {"points": 4, "seeds": 1, "finalists": 2, "final_seeds": 1},
}


def cut(experiment: Experiment, typed: Mapping[str, Any]) -> tuple[Experiment, str]:
    """Cut a resolved experiment down, and say what was cut.

    Args:
        experiment: with the settings of its files and of the command line.
        typed: the settings of the command line, by section, which are kept as they are.

    Returns:
        The experiment, and the cuts: "training.epochs 100 to 2, ...".
    """
    lines, sections = [], {}
    evaluation = experiment.evaluation
    if "extractor" not in typed.get("evaluation", {}) and evaluation.extractor != _small_extractor(experiment):
        lines += [f"evaluation.extractor {evaluation.extractor} to {_small_extractor(experiment)}"]
        sections["evaluation"] = evaluation.model_copy(update={"extractor": _small_extractor(experiment)})
    for section, limits in MOST.items():
        if section == "search" and experiment.search.points is None:
            continue  # nothing is searched
        before, kept = getattr(experiment, section), typed.get(section, {})
        amounts = {key: _amount(experiment, section, key) for key in limits if key not in kept}
        after = {key: limits[key] for key, amount in amounts.items() if amount is not None and amount > limits[key]}
        sections[section] = before.model_copy(update=after)
        for key, most in after.items():
            shown = "all" if getattr(before, key) is None else getattr(before, key)
            lines += [f"{section}.{key} {shown} to {'at most ' if amounts[key] == math.inf else ''}{most}"]
    return experiment.model_copy(update=sections), ", ".join(lines)


def _amount(experiment: Experiment, section: str, key: str) -> float | None:
    """The value of a setting; for all training images their number, infinite if it is not known before they are read.

    None for another budget than that of the experiment.
    """
    if key != "train_images" or experiment.training.train_images is not None:
        return getattr(getattr(experiment, section), key)
    published = datasets.get(experiment.dataset).images
    return published[0] if published else math.inf


def _small_extractor(experiment: Experiment) -> str:
    """An extractor that is trained in seconds, because Inception takes minutes for a thousand images on a CPU."""
    if experiment.evaluation.extractor in ("classifier", "rotation"):
        return experiment.evaluation.extractor
    return "classifier" if datasets.get(experiment.dataset).labelled else "rotation"
