"""References, scores and evaluations: what a perfect method scores, what is kept, and that nothing else changes."""

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from specimens import make_request

from bench.data import preparation
from bench.data.images import to_unit
from bench.errors import UserError
from bench.evaluation import extractors, samplers
from bench.evaluation.evaluator import Evaluator
from bench.evaluation.feature_network import load_extractor
from bench.evaluation.feature_training import train_extractor
from bench.evaluation.features import extract
from bench.evaluation.protocol import ScoringProtocol
from bench.evaluation.reference import References
from bench.evaluation.scorer import Scorer
from bench.experiment.settings import Evaluation
from bench.io.files import Folder
from bench.metrics.columns import STAMPS
from bench.metrics.frechet import frechet_distance, gaussian
from methods import METHODS, Method
from methods.networks import Networks
from methods.priors import Normal, Sphere

CPU = torch.device("cpu")
EVALUATION = Evaluation(extractor="classifier", samples=1000, final_samples=1000, extractor_steps=150)


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return preparation.prepare(make_request("digits", tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def stored(digits):
    return train_extractor(digits, "classifier", steps=150)


@pytest.fixture
def references(digits, stored, tmp_path):
    return References(Folder(tmp_path), load_extractor(stored), digits, CPU)


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
    evaluator = Evaluator(references, EVALUATION.model_copy(update={"samples": 397}))
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
    columns = Evaluator(references, EVALUATION.model_copy(update={"final_samples": 397})).final(unseen(digits))
    for metric in ("precision", "recall", "density", "coverage"):
        assert columns[f"{metric}_classifier_397"] == columns[f"{metric}_classifier_397_real"]
        assert columns[f"{metric}_classifier_397"] > 0.5
    assert columns["fd_classifier_397"] == pytest.approx(columns["fd_classifier_397_floor"], rel=1e-9)
    assert columns["fd_classifier_reconstruction_400"] == pytest.approx(0, abs=1e-3)  # test images against test images
    assert columns["n_neighbours"] == 397
    assert columns["extractor_accuracy"] > 0.95
    assert 0 < columns["latent_mmd_p"] <= 1


@pytest.mark.parametrize("split", ["test", "validation"])
def test_an_extractor_that_was_trained_here_never_compares_with_images_that_it_knows(split):
    evaluation = EVALUATION.model_copy(update={"split": split})
    for protocol in (ScoringProtocol.curve(evaluation), ScoringProtocol.final(evaluation, "classifier")):
        assert {protocol.split, protocol.floor_split("classifier")} == {"test", "validation"}
        assert protocol.split == split
    fid = ScoringProtocol.final(evaluation, "inception")
    assert (fid.split, fid.floor_split("inception")) == ("train", split)
    assert ScoringProtocol.curve(evaluation).floor_split("inception") == "train"


def test_every_row_is_stamped_with_its_protocol(references):
    for columns in (
        Scorer(references, ScoringProtocol.curve(EVALUATION)).stamp,
        Scorer(references, ScoringProtocol.final(EVALUATION, "classifier")).stamp,
    ):
        assert set(STAMPS) <= set(columns)
        assert columns["preprocessing"] == "8x8x1"
        assert columns["extractor_sha256"] == references.extractor.sha256


def test_evaluating_changes_nothing_and_repeats(references):
    evaluator = Evaluator(references, EVALUATION.model_copy(update={"samples": 100, "final_samples": 100}))
    torch.manual_seed(3)
    method = METHODS["moco"](Networks("small", (1, 8, 8), 4, 4), Sphere(4))
    before, state = torch.get_rng_state(), {k: v.clone() for k, v in method.state_dict().items()}
    assert evaluator(method)[0] == evaluator(method)[0]
    assert evaluator.final(method) == evaluator.final(method)
    assert method.training
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, state[key]) for key, value in method.state_dict().items())


class Broken(Recall):
    """Generates the same image, whatever it is asked for."""

    def __init__(self, value: float) -> None:
        super().__init__(torch.full((2000, 1, 8, 8), value))


@pytest.mark.parametrize("value", [0.0, float("nan"), float("inf")], ids=["constant", "nan", "infinite"])
def test_constant_and_nan_images_get_finite_values(digits, references, value):
    scorer = Scorer(references, ScoringProtocol.final(EVALUATION, "classifier"))
    columns, images = scorer(Broken(value))
    features = scorer.extractor(images[:1]).double()
    real = gaussian(scorer.extractor(torch.from_numpy(digits.images("test"))))
    expected = float((features[0] - real.mean).square().sum() + real.covariance.trace())  # to a point
    assert columns["fd_classifier_1k"] == pytest.approx(expected, rel=1e-4)
    assert columns["recall_classifier_1k"] < 0.01
    assert all(np.isfinite(value) for value in columns.values() if isinstance(value, float))


def test_real_statistics_are_made_once_kept_and_readable_as_pytorch_fids(digits, references, tmp_path):
    first = references.get("test", "train", 500, full=True)
    assert (first.n_floor, first.n_neighbours) == (500, 400)
    written = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir() if path.suffix in (".npz", ".json")}
    again = References(references.folder, references.extractor, digits, CPU).get("test", "train", 500, full=True)
    assert len(written) == 3  # two sets of statistics, and the floors
    assert all(path.stat().st_mtime_ns == stamp for path, stamp in written.items())
    assert again.floors == first.floors
    direct = references.extractor(torch.from_numpy(digits.images("test"))).double().numpy()
    statistics = np.load(next(path for path in written if path.name.endswith("-test.npz")))
    np.testing.assert_allclose(statistics["mu"], direct.mean(0), atol=1e-6)
    np.testing.assert_allclose(statistics["sigma"], np.cov(direct.T), atol=1e-5)
    assert again.features.gaussian.n == 400


def test_floors_compare_as_many_training_images_as_are_generated(digits, references):
    extractor, images = references.extractor, torch.from_numpy(digits.images("train")[:200])
    test = gaussian(extractor(torch.from_numpy(digits.images("test"))))
    expected = frechet_distance(gaussian(extractor(images)), test)
    assert references.get("test", "train", 200, full=False).floors["distance"] == pytest.approx(expected, rel=1e-6)
    assert set(references.get("test", "train", 200, full=False).floors) == {"distance", "kernel", "kernel_se"}


@pytest.mark.parametrize("spoil", ["damage", "another extractor's"])
def test_statistics_that_are_damaged_or_of_another_extractor_are_made_again(references, tmp_path, capsys, spoil):
    expected = references.get("test", "train", 100, full=False).features.gaussian.mean
    path = next(tmp_path.glob("*-test.npz"))
    if spoil == "damage":
        path.write_bytes(path.read_bytes()[:-100])
    else:
        stored = dict(np.load(path)) | {"extractor_sha256": "0" * 64, "mu": np.ones(64)}
        np.savez(tmp_path / "other.npz", **stored)
        Folder(tmp_path).write(path.name, (tmp_path / "other.npz").read_bytes())
    recomputed = references.get("test", "train", 100, full=False).features.gaussian.mean
    assert torch.equal(recomputed, expected)
    defect = {"damage": "is damaged", "another extractor's": "belongs to another extractor, other images"}[spoil]
    warning = capsys.readouterr().err
    assert warning.startswith(f"warning: {path} {defect}")
    assert warning.endswith("; computing it again\n")


def test_another_extractor_in_the_same_experiment_is_refused(digits, stored, tmp_path):
    with pytest.raises(UserError, match="measured by a different extractor"):
        extractors.ensure(Folder(tmp_path / "a"), Folder(tmp_path), digits, EVALUATION, stored, expected="0" * 64)
    assert not (tmp_path / "a" / "extractor.pt").exists()
    sha256 = extractors.ensure(Folder(tmp_path / "a"), Folder(tmp_path), digits, EVALUATION, stored)
    assert extractors.load(Folder(tmp_path / "a"), EVALUATION, None, sha256).sha256 == sha256
    with pytest.raises(UserError, match="this machine has a different extractor"):
        extractors.load(Folder(tmp_path / "a"), EVALUATION, None, "0" * 64)


def test_a_trained_extractor_is_kept_for_the_next_experiment_on_the_same_images(digits, tmp_path, capsys):
    few = EVALUATION.model_copy(update={"extractor_steps": 3})
    one = extractors.ensure(Folder(tmp_path / "a"), Folder(tmp_path / "cache"), digits, few)
    two = extractors.ensure(Folder(tmp_path / "b"), Folder(tmp_path / "cache"), digits, few)
    assert one == two
    assert capsys.readouterr().out.count("training the classifier") == 1


def test_features_beyond_the_first_are_only_summed(monkeypatch, references):
    monkeypatch.setattr("bench.evaluation.features.KEPT_IMAGES", 30)
    images = torch.randint(0, 256, (100, 1, 8, 8), dtype=torch.uint8)
    features = extract(references.extractor, images.split(40), CPU)
    assert (features.gaussian.n, len(features.values)) == (100, 30)
    torch.testing.assert_close(features.values, references.extractor(images[:30]))


class Ring(Method):
    """Codes in two narrow clusters, far from the prior; decoding gives the first number as grey."""

    def __init__(self, prior) -> None:
        super().__init__(Networks("small", (1, 8, 8), prior.dim, 4), prior)

    def encode(self, x):
        z = torch.zeros(len(x), self.prior.dim)
        z[:, 0] = 5 * (x.flatten(1).mean(1) > 0).float() - 2.5
        z[:, 1] = x.flatten(1).std(1)
        return self.prior.project(z)

    def decode(self, z):
        return (z[:, :1] / 5)[:, :, None, None].expand(-1, 1, 8, 8)


@pytest.mark.parametrize("prior", [Normal(3), Sphere(3)], ids=["normal", "sphere"])
def test_the_mixture_follows_the_codes_on_the_priors_support(prior):
    images = np.random.RandomState(0).randint(0, 256, (400, 1, 8, 8)).astype(np.uint8)
    images[::2] //= 2
    method = Ring(prior)
    torch.manual_seed(0)
    mixture = samplers.Mixture.fit(method, images)
    grey = mixture.sample(4000)[:, 0, 0, 0] * 5
    codes = samplers.encode(method, torch.from_numpy(images))
    for positive in (True, False):  # both clusters, in their shares, at their places
        generated, fitted = grey[(grey > 0) == positive], codes[:, 0][(codes[:, 0] > 0) == positive]
        assert len(generated) / 4000 == pytest.approx(len(fitted) / 400, abs=0.03)
        assert float(generated.mean()) == pytest.approx(float(fitted.mean()), abs=0.05)
    if isinstance(prior, Sphere):
        assert float(grey.abs().max()) <= 1 + 1e-6
    assert not torch.equal(mixture.sample(10), mixture.sample(10))


@pytest.mark.parametrize("n", [20, 100, 300, 999, 1000, 5000])
def test_floors_are_of_exactly_as_many_images_as_there_are_or_as_are_generated(monkeypatch, references, n):
    for module in ("features", "reference"):
        monkeypatch.setattr(f"bench.evaluation.{module}.KEPT_IMAGES", 100)
    reference = references.get("test", "train", n, full=False)
    assert reference.n_floor == min(n, 1000)
    images = torch.from_numpy(references.data.images("train")[:n])
    expected = frechet_distance(gaussian(references.extractor(images)), reference.features.gaussian)
    assert reference.floors["distance"] == pytest.approx(expected, rel=1e-5)


def test_fewer_real_images_than_the_metrics_need_are_refused(monkeypatch, references):
    monkeypatch.setattr("bench.evaluation.reference.FEWEST", 500)
    with pytest.raises(UserError, match="digits has 400 test images, but metrics need at least 500"):
        references.get("train", "test", 100, full=True)


def test_two_that_want_one_reference_make_it_once(digits, stored, tmp_path, monkeypatch):
    """As trials do that start together: one computes, the other waits and reads."""
    passes = []

    def counted(*arguments):
        passes.append(1)
        time.sleep(0.2)
        return extract(*arguments)

    monkeypatch.setattr("bench.evaluation.reference.extract", counted)

    def get(_: int) -> dict[str, float]:
        references = References(Folder(tmp_path), load_extractor(stored), digits, CPU)
        return references.get("test", "train", 1000, full=False).floors

    with ThreadPoolExecutor(4) as pool:
        floors = list(pool.map(get, range(4)))
    assert floors == [floors[0]] * 4
    assert len(passes) == 2  # test and training images, once each


def test_a_read_only_prepared_set_leaves_its_statistics_with_the_experiment(digits, monkeypatch, tmp_path):
    assert digits.features(otherwise=Folder(tmp_path)).path == digits.folder / "features"
    monkeypatch.setattr("os.access", lambda *_: False)
    assert digits.features(otherwise=Folder(tmp_path)).path == tmp_path


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

    evaluator = Evaluator(references, EVALUATION.model_copy(update={"samples": 64}))
    with pytest.raises(ValueError, match="diagnostics of Boastful must not be called fid_10k"):
        evaluator(Boastful(torch.zeros(1000, 1, 8, 8)))
