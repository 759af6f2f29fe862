"""Scores and evaluations: what a perfect method scores, and that evaluations change nothing else."""

import numpy as np
import pytest
import torch
from specimens import CLASSIFIER_EVALUATION

from bench.data.images import to_unit
from bench.evaluation.evaluator import Evaluator
from bench.evaluation.feature_network import load_extractor
from bench.evaluation.protocol import ScoringProtocol
from bench.evaluation.reference import References
from bench.evaluation.scorer import Scorer
from bench.io.files import Folder
from bench.metrics.columns import OPTIONAL, STAMPS
from bench.metrics.frechet import gaussian
from methods import METHODS, Method
from methods.networks import Networks
from methods.priors import Normal, Sphere

CPU = torch.device("cpu")


class Recall(Method):
    """Generates and reconstructs given images exactly: a perfect method."""

    def __init__(self, images: torch.Tensor) -> None:
        super().__init__(Networks("small", (1, 8, 8), 64, 4), Normal(64))
        self.images = images
        self.position = 0

    def encode(self, x):
        return x.flatten(1)

    def decode(self, z):
        return z.view(-1, 1, 8, 8)

    def sample(self, n):
        rows = self.images[self.position : self.position + n]
        self.position += n
        return rows


def unseen(digits) -> Recall:
    """Gives the validation images, which floors are of."""
    return Recall(to_unit(torch.from_numpy(digits.images("validation"))))


def test_a_perfect_method_scores_the_floor_and_no_reconstruction_error(digits, references):
    evaluator = Evaluator(references, CLASSIFIER_EVALUATION.model_copy(update={"samples": 397}))
    columns, pictures = evaluator(unseen(digits))
    assert columns["fd_classifier_397"] == pytest.approx(columns["fd_classifier_397_floor"], rel=1e-9)
    assert columns["kd_classifier_397"] == pytest.approx(columns["kd_classifier_397_floor"], abs=1e-3)
    assert columns["reconstruction_test"] == pytest.approx(0, abs=1e-6)
    assert (columns["n_generated"], columns["n_real"], columns["n_floor"]) == (397, 400, 397)
    assert columns["reference_split"] == "test"
    assert torch.equal(pictures["samples"], torch.from_numpy(digits.images("validation")[:64]))
    pairs = pictures["reconstructions"].view(-1, 2, 8, 1, 8, 8)
    assert torch.equal(pairs[:, 0], pairs[:, 1])


def test_the_last_row_says_more(digits, references):
    columns = Evaluator(references, CLASSIFIER_EVALUATION.model_copy(update={"final_samples": 397})).final(
        unseen(digits)
    )
    for metric in ("precision", "recall", "density", "coverage"):
        assert columns[f"{metric}_classifier_397"] == columns[f"{metric}_classifier_397_real"]
        assert columns[f"{metric}_classifier_397"] > 0.5
    assert columns["fd_classifier_397"] == pytest.approx(columns["fd_classifier_397_floor"], rel=1e-9)
    assert columns["fd_classifier_reconstruction_400"] == pytest.approx(0, abs=1e-3)  # test images against test images
    assert columns["n_neighbours"] == 397
    assert columns["extractor_accuracy"] > 0.95
    assert 0 < columns["latent_mmd_p"] <= 1


def test_every_row_is_stamped_with_its_protocol(references):
    for columns in (
        Scorer(references, ScoringProtocol.curve(CLASSIFIER_EVALUATION)).stamp,
        Scorer(references, ScoringProtocol.final(CLASSIFIER_EVALUATION, "classifier")).stamp,
    ):
        assert set(STAMPS) <= set(columns)
        assert columns["preprocessing"] == "8x8x1"
        assert columns["extractor_sha256"] == references.extractor.sha256


def test_evaluating_changes_nothing_and_repeats(references):
    evaluator = Evaluator(references, CLASSIFIER_EVALUATION.model_copy(update={"samples": 100, "final_samples": 100}))
    torch.manual_seed(3)
    method = METHODS["moco"](Networks("small", (1, 8, 8), 4, 4), Sphere(4))
    before, state = torch.get_rng_state(), {k: v.clone() for k, v in method.state_dict().items()}
    assert evaluator(method)[0] == evaluator(method)[0]
    assert evaluator.final(method) == evaluator.final(method)
    assert method.training
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, state[key]) for key, value in method.state_dict().items())


OPTIONAL_COLUMNS = {
    "fd_classifier_infinity_397",
    "fd_classifier_infinity_397_floor",
    *(f"{metric}_classifier_397{end}" for metric in ("authenticity", "copying") for end in ("", "_real")),
    "sharpness_397",
    "sharpness_397_real",
    "latent_probe",
    "latent_probe_prior",
    "n_training",
}


def final_row(references, method: Method, *metrics: str, **changes: object) -> dict:
    changes = {"final_samples": 397, "metrics": sorted(metrics)} | changes
    return Evaluator(references, CLASSIFIER_EVALUATION.model_copy(update=changes), 300).final(method)


def test_optional_metrics_add_columns_and_change_no_other(digits, references):
    plain = final_row(references, unseen(digits))
    every = final_row(references, unseen(digits), *OPTIONAL)
    assert every.keys() - plain.keys() == OPTIONAL_COLUMNS
    assert {name: every[name] for name in plain} == plain
    for alone in OPTIONAL:  # nor does any change another
        assert final_row(references, unseen(digits), alone).items() <= every.items()
    assert every["n_training"] == 300
    assert np.isfinite([every[name] for name in OPTIONAL_COLUMNS]).all()


def test_a_perfect_method_has_the_values_of_real_images(digits, references):
    """Floors of the distance are of validation images, and those of the others of test images."""
    columns = final_row(references, unseen(digits), "infinity")
    assert columns["fd_classifier_infinity_397"] == pytest.approx(columns["fd_classifier_infinity_397_floor"], rel=1e-6)
    held_out = Recall(to_unit(torch.from_numpy(digits.images("test"))))
    columns = final_row(references, held_out, "memorisation", "sharpness", final_samples=400)
    for name in ("authenticity_classifier_400", "copying_classifier_400", "sharpness_400"):
        assert columns[name] == pytest.approx(columns[f"{name}_real"], rel=1e-6)
    assert columns["copying_classifier_400"] == 0.5


def test_a_method_that_repeats_its_training_images_is_found_out_and_other_images_are_not(digits, references):
    """It was trained on the first 300 images only."""
    train = to_unit(torch.from_numpy(digits.images("train")))
    copied = final_row(references, Recall(train[:300]), "memorisation", final_samples=300)
    assert copied["authenticity_classifier_300"] == 0
    assert copied["copying_classifier_300"] == pytest.approx(1, abs=0.01)
    others = final_row(references, Recall(train[300:600]), "memorisation", final_samples=300)
    assert others["authenticity_classifier_300"] == pytest.approx(others["authenticity_classifier_300_real"], abs=0.1)
    assert others["copying_classifier_300"] == pytest.approx(0.5, abs=0.1)


def test_the_probe_reads_labels_from_pixels_and_data_without_labels_have_none(digits, references, monkeypatch):
    """Codes of this method are the pixels; logistic regression knows 9 of 10 digits from 300 examples."""
    columns = final_row(references, unseen(digits), "probe")
    assert columns["latent_probe"] > 0.85
    assert columns["latent_probe_prior"] == pytest.approx(0.1, abs=0.04)
    monkeypatch.setattr(type(digits), "classes", [])
    assert "latent_probe" not in final_row(references, unseen(digits), "probe")


class Broken(Recall):
    """Generates the same image, whatever it is asked for."""

    def __init__(self, value: float) -> None:
        super().__init__(torch.full((2000, 1, 8, 8), value))


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")], ids=["constant", "nan", "infinite"])
def test_constant_and_nan_images_get_finite_values(digits, references, value):
    everything = CLASSIFIER_EVALUATION.model_copy(update={"metrics": sorted(OPTIONAL)})
    scorer = Scorer(references, ScoringProtocol.final(everything, "classifier"))
    columns, images = scorer(Broken(value))
    features = scorer.extractor(images[:1]).double()
    real = gaussian(scorer.extractor(torch.from_numpy(digits.images("test"))))
    expected = float((features[0] - real.mean).square().sum() + real.covariance.trace())  # to a point
    assert columns["fd_classifier_1k"] == pytest.approx(expected, rel=1e-4)
    assert columns["recall_classifier_1k"] < 0.01
    assert all(np.isfinite(value) for value in columns.values() if isinstance(value, float))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_measures_what_a_cpu_does(digits, stored, tmp_path):
    """Of images that are given, so that draws, which differ between devices, play no part."""
    rows = []
    for device in (CPU, torch.device("cuda")):
        references = References(Folder(tmp_path / device.type), load_extractor(stored).to(device), digits, device)
        method = Recall(to_unit(torch.from_numpy(digits.images("test"))).to(device)).to(device)
        rows.append(Scorer(references, ScoringProtocol(400, "train", "test", 0))(method)[0])
    for name, value in rows[0].items():
        assert rows[1][name] == pytest.approx(value, rel=1e-3, abs=1e-4), name


def test_diagnostics_cannot_pass_for_what_is_measured_of_all_methods(references):
    class Boastful(Recall):
        def diagnostics(self, x):
            return {"fid_10k": x.sum()}

    evaluator = Evaluator(references, CLASSIFIER_EVALUATION.model_copy(update={"samples": 64}))
    with pytest.raises(ValueError, match="diagnostics of Boastful must not be called fid_10k"):
        evaluator(Boastful(torch.zeros(1000, 1, 8, 8)))
