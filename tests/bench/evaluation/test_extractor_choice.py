"""Which extractor "auto" becomes, and the requests that are refused."""

import pytest

from bench.errors import UserError
from bench.evaluation import extractor_choice
from bench.experiment.settings import Evaluation

AUTO = Evaluation()


def test_auto_is_inception_for_colour_images_whose_weights_are_available(inception_weights):
    evaluation, path = extractor_choice.resolve_inception(AUTO, 3, inception_weights)
    assert (evaluation.extractor, path) == ("inception", inception_weights)


def test_auto_is_trained_for_grey_images_unless_weights_are_named(inception_weights, capsys):
    assert extractor_choice.resolve_inception(AUTO, 1, None) == (AUTO, None)
    assert "grey images are compared" in capsys.readouterr().out
    evaluation, _ = extractor_choice.resolve_inception(AUTO, 1, inception_weights)
    assert evaluation.extractor == "inception"


def test_without_weights_auto_is_trained_but_a_dry_run_assumes_that_they_can_be_downloaded(capsys):
    assert extractor_choice.resolve_inception(AUTO, 3, None) == (AUTO, None)
    assert "which is not FID" in capsys.readouterr().out
    evaluation, path = extractor_choice.resolve_inception(AUTO, 3, None, download=False)
    assert (evaluation.extractor, path) == ("inception", None)
    assert "a run would try to download them" in capsys.readouterr().out


def test_a_request_for_inception_without_its_weights_is_refused(tmp_path):
    inception = AUTO.model_copy(update={"extractor": "inception"})
    with pytest.raises(UserError, match="no Inception weights for FID: they cannot be downloaded"):
        extractor_choice.resolve_inception(inception, 3, None)
    with pytest.raises(UserError, match="no Inception weights for FID: cannot read"):
        extractor_choice.resolve_inception(AUTO, 3, tmp_path / "gone.pth")


@pytest.mark.parametrize(("labelled", "kind"), [(True, "classifier"), (False, "rotation")])
def test_what_is_left_of_auto_depends_on_labels(labelled, kind):
    assert extractor_choice.resolve_trained(AUTO, "folder", labelled).extractor == kind


def test_no_stored_extractor_is_read_if_none_is_named():
    assert extractor_choice.read_stored(None) is None
