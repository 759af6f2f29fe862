"""Scoring protocols: which splits are compared."""

from dataclasses import replace

import pytest
from specimens import CLASSIFIER_EVALUATION

from bench.evaluation.protocol import ScoringProtocol


@pytest.mark.parametrize("split", ["test", "validation"])
def test_an_extractor_that_was_trained_here_never_compares_with_images_that_it_knows(split):
    evaluation = CLASSIFIER_EVALUATION.model_copy(update={"split": split})
    for protocol in (ScoringProtocol.curve(evaluation), ScoringProtocol.final(evaluation, "classifier")):
        assert {protocol.split, protocol.floor_split("classifier")} == {"test", "validation"}
        assert protocol.split == split
    fid = ScoringProtocol.final(evaluation, "inception")
    assert (fid.split, fid.floor_split("inception")) == ("train", split)
    assert ScoringProtocol.curve(evaluation).floor_split("inception") == "train"
    published = replace(fid, split="train_and_validation")
    assert published.floor_split("inception") == published.floor_split("classifier") == "test"
