"""What every training needs."""

import pytest
import torch
from specimens import EVALUATION, make_request

from bench.data import preparation
from bench.evaluation.evaluator import Evaluator
from bench.evaluation.feature_network import load_extractor
from bench.evaluation.feature_training import train_extractor
from bench.evaluation.reference import References
from bench.io.files import Folder


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """Prepared digits and an evaluator."""
    prepared = preparation.prepare(make_request("digits", tmp_path_factory.mktemp("data")))
    network = load_extractor(train_extractor(prepared, "classifier", steps=10))
    references = References(Folder(tmp_path_factory.mktemp("features")), network, prepared, torch.device("cpu"))
    return prepared, Evaluator(references, EVALUATION)
