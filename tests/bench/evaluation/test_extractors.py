"""The extractor of an experiment, and of the next one on the same images."""

from pathlib import Path

import pytest
from specimens import CLASSIFIER_EVALUATION
from torch import nn

from bench.errors import UserError
from bench.evaluation import extractors
from bench.evaluation.frozen_extractor import FROZEN, FrozenExtractor
from bench.experiment.origins import ORIGINS, Origin
from bench.io.files import Folder


class Flat(nn.Module):
    def forward(self, images):
        return images.flatten(1).float()


def test_another_extractor_in_the_same_experiment_is_refused(digits, stored, tmp_path):
    with pytest.raises(UserError, match="measured by a different extractor"):
        extractors.ensure(
            Folder(tmp_path / "a"), Folder(tmp_path), digits, CLASSIFIER_EVALUATION, stored, expected="0" * 64
        )
    assert not (tmp_path / "a" / "extractor.pt").exists()
    sha256 = extractors.ensure(Folder(tmp_path / "a"), Folder(tmp_path), digits, CLASSIFIER_EVALUATION, stored)
    assert extractors.load(Folder(tmp_path / "a"), (1, 8, 8), CLASSIFIER_EVALUATION, None, sha256).sha256 == sha256
    with pytest.raises(UserError, match="this machine has a different extractor"):
        extractors.load(Folder(tmp_path / "a"), (1, 8, 8), CLASSIFIER_EVALUATION, None, "0" * 64)


def test_another_version_of_an_extractor_names_its_plug_in(digits, tmp_path, monkeypatch):
    monkeypatch.setitem(FROZEN, "flat", lambda shape: FrozenExtractor("flat", Flat(), "1" * 64, shape[1] ** 2))
    monkeypatch.setitem(ORIGINS, ("extractor", "flat"), Origin(Path("theirs/flat.py"), "Flat"))
    flat = CLASSIFIER_EVALUATION.model_copy(update={"extractor": "flat"})
    message = "a different version of the extractor flat of the plug-in theirs/flat.py .* restore its code, or choose"
    with pytest.raises(UserError, match=message):
        extractors.ensure(Folder(tmp_path / "a"), Folder(tmp_path), digits, flat, expected="0" * 64)


def test_a_trained_extractor_is_kept_for_the_next_experiment_on_the_same_images(digits, tmp_path, capsys):
    few = CLASSIFIER_EVALUATION.model_copy(update={"extractor_steps": 3})
    one = extractors.ensure(Folder(tmp_path / "a"), Folder(tmp_path / "cache"), digits, few)
    two = extractors.ensure(Folder(tmp_path / "b"), Folder(tmp_path / "cache"), digits, few)
    assert one == two
    assert capsys.readouterr().out.count("training the classifier") == 1
