"""--quick: cut an experiment down to minutes on a CPU, to see whether everything works, and mark its results.

How much is evaluated follows from what is left of the training, as always (`bench.driver.proportion`).
"""

from collections.abc import Mapping
from typing import Any

from bench.data import datasets
from bench.experiment.settings import BUDGETS, Experiment

# The most that is left of a setting. None in an experiment means all images, no search, or another budget.
MOST = {
    "training": {"epochs": 2, "steps": 40, "images": 4000, "seconds": 10.0, "train_images": 2000},
    "network": {"width": 16},
    "search": {"points": 4, "seeds": 1, "finalists": 2, "final_seeds": 1},
}
NONE_IS_NONE = {("search", "points"), *(("training", name) for name in BUDGETS)}


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
        before, kept = getattr(experiment, section), typed.get(section, {})
        after = {
            key: most
            for key, most in limits.items()
            if key not in kept and _is_cut(getattr(before, key), most, (section, key) in NONE_IS_NONE)
        }
        shown = {key: value for key, value in after.items() if getattr(before, key) != value}
        lines += [f"{section}.{key} {_shown(getattr(before, key))} to {value}" for key, value in shown.items()]
        sections[section] = before.model_copy(update=after)
    return experiment.model_copy(update=sections), ", ".join(lines)


def _is_cut(value: float | None, most: float, none_is_none: bool) -> bool:
    return not none_is_none if value is None else value > most


def _shown(value: object) -> str:
    return "all" if value is None else str(value)


def _small_extractor(experiment: Experiment) -> str:
    """An extractor that is trained in seconds, because Inception takes minutes for a thousand images on a CPU."""
    if experiment.evaluation.extractor in ("classifier", "rotation"):
        return experiment.evaluation.extractor
    return "classifier" if datasets.get(experiment.dataset).labelled else "rotation"
