"""The choice of the feature extractor: from the settings, the data set, and the files that are available."""

import os
from pathlib import Path

from bench.errors import UserError, reason, say
from bench.evaluation import inception
from bench.evaluation.extractors import FILE
from bench.evaluation.feature_network import load_extractor
from bench.experiment.settings import Evaluation
from bench.io import limits, untrusted


def resolve_inception(
    evaluation: Evaluation, channels: int, weights: Path | None, download: bool = True
) -> tuple[Evaluation, Path | None]:
    """Resolve "auto" to "inception" if FID's network fits the images and its weights are available.

    It fits colour images only: it was trained on photographs, and on a CPU it would take many times longer than
    training on small grey images.

    Args:
        evaluation: the settings.
        channels: of the images.
        weights: the file that --inception-weights names.
        download: download missing weights. If False, "auto" assumes that a download would succeed.

    Returns:
        The settings, and the path of the weights; None if Inception is not used or its weights are missing.

    Raises:
        UserError: Inception or a file of weights was requested, but the weights are not available.
    """
    if evaluation.extractor == "auto" and channels == 1 and not weights:
        say("grey images are compared in the features of a network trained on them (for FID: --extractor inception)")
        return evaluation, None
    if evaluation.extractor not in ("auto", "inception"):
        if weights:
            raise UserError(f"--inception-weights has no effect with --extractor {evaluation.extractor}; omit one")
        return evaluation, None
    with_inception = evaluation.model_copy(update={"extractor": "inception"})
    try:
        return with_inception, inception.find_weights(weights, download)
    except UserError as error:
        problem = f"no Inception weights for FID: {error}"
    is_named = weights or os.environ.get(inception.WEIGHTS)
    if not download and not is_named:
        say(f"{problem}; a run would try to download them, or train its own network")
        return with_inception, None
    if evaluation.extractor == "inception" or is_named:
        raise UserError(f"{problem}; give pytorch-fid's file with --inception-weights, or use --extractor classifier")
    say(f"{problem}; images are compared in the features of a network trained on them, which is not FID")
    return evaluation, None


def resolve_trained(evaluation: Evaluation, dataset: str, labelled: bool) -> Evaluation:
    """Resolve a remaining "auto": a classifier if the images have labels, else a rotation network.

    Raises:
        UserError: the data set or the extractor does not support the settings.
    """
    if evaluation.extractor == "classifier" and not labelled:
        raise UserError(f"{dataset} has no labels to train a classifier on; use --extractor rotation")
    if evaluation.extractor_precision == "bf16" and evaluation.extractor != "inception":
        raise UserError("evaluation.extractor_precision=bf16 is available with --extractor inception only")
    if evaluation.extractor != "auto":
        return evaluation
    return evaluation.model_copy(update={"extractor": "classifier" if labelled else "rotation"})


def read_stored(path: Path | None) -> bytes | None:
    """Read and validate the stored extractor that --extractor names; None if it names no file.

    Raises:
        UserError: the file cannot be read or is not an extractor.
    """
    if path is None:
        return None
    try:
        data = untrusted.read_bounded(path, limits.MAX_FILE_BYTES)
    except OSError as error:
        raise UserError(f"cannot read the extractor {path}: {reason(error)}") from None
    try:
        load_extractor(data)
    except UserError as error:
        raise UserError(f"{path} is {error}; an example of one is results/NAME/extractor/{FILE}") from None
    return data
