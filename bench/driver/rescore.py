"""Finished trials scored again, under another protocol."""

import time
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from bench import cli
from bench.analysis import frames
from bench.errors import UserError
from bench.experiment.specification import TrialSpec
from bench.io.untrusted import CHECKPOINTS
from bench.store.folders import how_to_get_checkpoint
from bench.store.states import State
from bench.training import loading

if TYPE_CHECKING:
    import torch

    from bench.data.prepared import Prepared
    from bench.evaluation.features import Extractor
    from bench.evaluation.scorer import Scorer
    from bench.experiment.settings import Evaluation
    from bench.store.folders import ExperimentFolder, TrialFolder


class Precision(StrEnum):
    fp32 = "fp32"
    bf16 = "bf16"


def _finished(folder: "ExperimentFolder") -> tuple[list["TrialFolder"], list[str]]:
    """The trials that are done and can be scored, and why others that are done cannot."""
    from methods import METHODS

    able, left_out = [], []
    for trial in folder.trials():
        if trial.status().state is not State.done:
            continue
        if not trial.whole("spec.json"):
            left_out.append(f"{trial.name} has a damaged spec.json; the bench.run that made it mends it")
            continue
        method = trial.trial().spec.method
        if method not in METHODS:
            raise UserError(
                f"the method {method!r} comes from a plug-in; give its file with --plugin, or install its package"
            )
        why = _unable(trial)
        if why:
            left_out.append(f"{trial.path.name} {why}")
        else:
            able.append(trial)
    if not able:
        why = left_out[0] if left_out else "none is done; python -m bench.run trains them"
        raise UserError(f"{folder.path} has no trial to score: {why}")
    return able, left_out


def _unable(trial: "TrialFolder") -> str | None:
    if frames.describe(trial)["stale"]:
        return "is stale: its method's source has changed; bench.run --retrain-stale trains it again"
    if not any(trial.exists(name) for name in CHECKPOINTS):
        return f"has no checkpoint any more; {how_to_get_checkpoint(trial)}"
    return "has damaged rows; the bench.run that made it writes them again" if trial.rows_damaged() else None


def _setting(
    spec: TrialSpec,
    folder: "ExperimentFolder",
    images: "Prepared",
    asked: str | None,
    weights: Path | None,
    precision: Precision | None,
) -> tuple["Evaluation", "Extractor"]:
    """The experiment's settings, and the extractor: the experiment's own where none is asked for."""
    from bench.evaluation import extractor_choice, extractors
    from bench.evaluation.feature_network import load_extractor

    assert spec.dataset  # `prepared_of` has found it
    evaluation = spec.evaluation
    kind, path = cli.extractor(asked)
    stored = extractor_choice.read_stored(path)
    if stored:
        kind = load_extractor(stored).name
    elif kind is None:
        kind = "inception" if weights else evaluation.extractor
    digits = precision.value if precision else evaluation.extractor_precision
    other = evaluation.model_copy(update={"extractor": kind, "extractor_precision": digits})
    other, weights = extractor_choice.resolve_inception(other, images.shape[0], weights)
    other = extractor_choice.resolve_trained(other, spec.dataset.name, bool(images.classes))
    if other.extractor == evaluation.extractor and not stored:
        noted = folder.require_description().protocol.extractor_sha256
        return evaluation, extractors.load(folder.extractor, other, weights, noted)
    cache = images.features(otherwise=folder.extractor)
    return evaluation, extractors.obtain(cache, images, other, stored, weights)


def _score(trial: "TrialFolder", scorer: "Scorer", device: "torch.device", force: bool) -> str:
    """Score one trial and keep the row; what is to be said of it."""
    import pandas as pd

    from bench.metrics.columns import STAMPS

    rows, later = trial.rows(), trial.evaluations()
    stamp = {key: scorer.stamp[key] for key in STAMPS}

    def same(frame: pd.DataFrame) -> pd.Series:
        if not all(key in frame for key in (*stamp, scorer.fullest)):
            return pd.Series(False, index=frame.index)
        # A row of the curve may follow the same protocol, but it does not hold all metrics.
        return (frame[list(stamp)] == stamp).all(axis=1) & frame[scorer.fullest].notna()

    if not force and (same(rows).any() or same(later).any()):
        return "measured already"
    started = time.perf_counter()
    columns, _ = scorer(loading.trained_method(trial, device))
    positions = rows.iloc[-1][["step", "epoch", "images_seen", "train_seconds"]].to_dict()
    row = positions | {"evaluation_seconds": time.perf_counter() - started} | columns
    kept = later[~same(later)] if len(later) else later
    trial.save_evaluations(pd.concat([kept, pd.DataFrame([row])], ignore_index=True))
    return f"{scorer.headline} {columns[scorer.headline]:.4g} ({row['evaluation_seconds']:.0f} s)"
