"""Prepared digits, an extractor trained on them, and their statistics."""

import pytest
import torch
from specimens import make_request

from bench.data import preparation
from bench.evaluation.feature_network import load_extractor
from bench.evaluation.feature_training import train_extractor
from bench.evaluation.reference import References
from bench.io.files import Folder


@pytest.fixture(scope="session")
def digits(tmp_path_factory):
    return preparation.prepare(make_request("digits", tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="session")
def stored(digits):
    return train_extractor(digits, "classifier", steps=150)


@pytest.fixture
def references(digits, stored, tmp_path):
    return References(Folder(tmp_path), load_extractor(stored), digits, torch.device("cpu"))
