import numpy as np
import pytest
import torch
from conftest import asked
from scipy.linalg import sqrtm

from bench import data
from bench.config import Evaluation
from bench.errors import UserError
from bench.evaluation import reference
from bench.evaluation.evaluator import Evaluator
from bench.evaluation.extractor import Classifier, load_extractor, train_extractor, turned
from bench.evaluation.frechet import Moments, frechet_distance
from bench.files import Folder
from bench.images import to_unit
from methods import METHODS, Method
from methods.networks import Networks
from methods.priors import Normal, Sphere

CPU = torch.device("cpu")


def features(n: int, dim: int, seed: int, scale: float = 1.0, shift: float = 0.0) -> torch.Tensor:
    random = np.random.RandomState(seed)
    mixing = np.random.RandomState(seed + 99).randn(dim, dim)
    return torch.from_numpy(random.randn(n, dim) @ mixing * scale + shift)


def slow_frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Heusel et al., equation 6, as it is written."""
    root = sqrtm(np.cov(a.T) @ np.cov(b.T)).real
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(np.cov(a.T) + np.cov(b.T) - 2 * root))


def test_moments_in_batches_are_numpys_mean_and_covariance():
    x = features(101, 6, 0)
    moments = Moments.empty(6)
    for batch in x.split(17):
        moments.add(batch)
    np.testing.assert_allclose(moments.mean, x.numpy().mean(0))
    np.testing.assert_allclose(moments.covariance, np.cov(x.numpy().T))


@pytest.mark.parametrize("dim", [1, 5, 64])
def test_the_frechet_distance_matches_the_matrix_square_root(dim):
    a, b = features(300, dim, 0), features(200, dim, 1, scale=1.5, shift=0.3)
    if dim == 1:  # closed form in one dimension
        expected = float((a.mean() - b.mean()) ** 2 + (a.std() - b.std()) ** 2)
    else:
        expected = slow_frechet(a.numpy(), b.numpy())
    assert frechet_distance(Moments.of(a), Moments.of(b)) == pytest.approx(expected, rel=1e-6)


def test_the_frechet_distance_is_zero_on_itself_symmetric_and_invariant_under_rotation():
    a, b = Moments.of(features(50, 8, 0)), Moments.of(features(60, 8, 1))
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)
    rotation = torch.linalg.qr(features(8, 8, 5)).Q
    turned = [Moments.of(features(n, 8, seed) @ rotation) for n, seed in ((50, 0), (60, 1))]
    assert frechet_distance(*turned) == pytest.approx(frechet_distance(a, b), rel=1e-9)


def test_fewer_samples_than_features_and_collapsed_generators_give_exact_values():
    a, point = features(10, 32, 0), torch.ones(20, 32, dtype=torch.float64)
    assert frechet_distance(Moments.of(a), Moments.of(a)) == pytest.approx(0, abs=1e-6)
    # Against a point mass the distance is the squared gap of the means plus the total variance.
    expected = float((a.mean(0) - 1).square().sum() + a.var(0).sum())
    assert frechet_distance(Moments.of(a), Moments.of(point)) == pytest.approx(expected, rel=1e-9)


def test_features_that_are_not_finite_give_nan_not_an_exception():
    bad = features(10, 4, 0)
    bad[3, 2] = torch.nan
    assert np.isnan(frechet_distance(Moments.of(bad), Moments.of(features(10, 4, 1))))


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    return data.prepare(asked("digits", tmp_path_factory.mktemp("data")))


@pytest.fixture(scope="module")
def stored(digits):
    return train_extractor(digits, "classifier", steps=150)


def test_the_classifier_learns_and_is_the_same_each_time_whatever_the_seed_and_threads(digits, stored):
    torch.manual_seed(123)
    before, threads = torch.get_rng_state(), torch.get_num_threads()
    torch.set_num_threads(3)
    again = train_extractor(digits, "classifier", steps=150)
    assert torch.get_num_threads() == 3
    torch.set_num_threads(threads)
    assert again == stored
    assert torch.equal(torch.get_rng_state(), before)
    assert load_extractor(stored).about["test_accuracy"] > 0.95


@pytest.mark.parametrize("side", [4, 8, 28, 32, 48, 64, 100, 256])
def test_the_extractor_takes_images_of_every_size(side):
    network = Classifier((3, side, side), 10).eval()
    assert network(torch.zeros(2, 3, side, side)).shape == (2, 64)
    assert sum(p.numel() for p in network.parameters()) < 1e6


def test_turned_images_are_turned_by_as_many_quarters_as_is_said():
    torch.manual_seed(0)
    images = torch.randint(0, 256, (40, 3, 6, 6), dtype=torch.uint8)
    found, quarters = turned(images)
    assert set(quarters.tolist()) == {0, 1, 2, 3}
    for before, after, k in zip(images, found, quarters.tolist(), strict=True):
        assert torch.equal(after, torch.rot90(before, k, (1, 2)))


def test_a_rotation_network_learns_what_is_up_and_names_its_distance(digits):
    extractor = load_extractor(train_extractor(digits, "rotation", steps=200))
    assert extractor.about["test_accuracy"] > 0.8
    assert extractor.column == "fd_rotation"
    _, probabilities = extractor(torch.from_numpy(digits.images("test")))
    assert probabilities.shape == (400, 4)
    assert (probabilities.argmax(1) == 0).double().mean() > 0.8


def test_features_of_real_training_images_are_standardised(digits, stored):
    found, probabilities = load_extractor(stored)(torch.from_numpy(digits.images("train")))
    alive = found.std(0) > 0
    assert alive.sum() > 32
    torch.testing.assert_close(found.mean(0), torch.zeros(64), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.std(0)[alive], torch.ones(int(alive.sum())), atol=1e-3, rtol=0)
    torch.testing.assert_close(probabilities.sum(1), torch.ones(1000))


def test_files_that_are_no_extractor_are_refused():
    with pytest.raises(UserError, match="not an extractor"):
        load_extractor(b"nonsense")


def test_the_distance_rises_with_noise_and_the_floor_is_below_all(digits, stored):
    extractor = load_extractor(stored)
    real = reference.measure(extractor, digits, "test", 1000)
    images = torch.from_numpy(digits.images("train")).float()
    torch.manual_seed(0)
    noise = torch.randn_like(images)
    distances = []
    for level in (20, 60, 120):
        noisy = (images + level * noise).clamp(0, 255).to(torch.uint8)
        distances.append(frechet_distance(Moments.of(extractor(noisy)[0]), real.moments))
    assert real.floor < distances[0] < distances[1] < distances[2]
    assert 0.9 < real.confidence <= 1


def test_the_reference_is_made_once_kept_and_readable_as_pytorch_fids_statistics(digits, stored, tmp_path):
    folder, evaluation = Folder(tmp_path), Evaluation(extractor="classifier", samples=500)
    reference.ensure(folder, digits, evaluation, stored)
    written = (tmp_path / reference.REFERENCE).stat().st_mtime_ns
    extractor, found = reference.load(folder)
    reference.ensure(folder, digits, evaluation, None, extractor.sha256)
    assert (tmp_path / reference.REFERENCE).stat().st_mtime_ns == written
    direct = extractor(torch.from_numpy(digits.images("test")))[0].double().numpy()
    statistics = np.load(tmp_path / reference.REFERENCE)
    np.testing.assert_allclose(statistics["mu"], direct.mean(0), atol=1e-6)
    np.testing.assert_allclose(statistics["sigma"], np.cov(direct.T), atol=1e-5)
    assert found.moments.n == 400


def test_another_extractor_in_the_same_experiment_is_refused(digits, stored, tmp_path):
    with pytest.raises(UserError, match="measured by another extractor"):
        reference.ensure(Folder(tmp_path), digits, Evaluation(extractor="classifier"), stored, noted="0" * 64)


class Recall(Method):
    """Generates and reconstructs given images exactly: a perfect method."""

    def __init__(self, images: torch.Tensor) -> None:
        super().__init__(Networks("small", (1, 8, 8), 4, 4), Normal(4))
        self.images = images

    def encode(self, x):
        return x.flatten(1)

    def decode(self, z):
        return z.view(-1, 1, 8, 8)

    def sample(self, n):
        rows, self.images = self.images[:n], self.images[n:]
        return rows


def test_a_perfect_method_scores_the_floor_and_no_reconstruction_error(digits, stored, tmp_path):
    reference.ensure(Folder(tmp_path), digits, Evaluation(extractor="classifier", samples=1000), stored)
    evaluator = Evaluator.create(reference.load(Folder(tmp_path)), digits, 1000, 0, CPU)
    columns, grids = evaluator(Recall(to_unit(torch.from_numpy(digits.images("train")))))
    assert columns["fd_classifier"] == pytest.approx(columns["fd_classifier_floor"], rel=1e-9)
    assert columns["reconstruction_test"] == pytest.approx(0, abs=1e-6)
    assert columns["n_generated"] == 1000
    assert columns["n_real"] == 400
    assert torch.equal(grids["samples"], torch.from_numpy(digits.images("train")[:64]))
    pairs = grids["reconstructions"].view(-1, 2, 8, 1, 8, 8)
    assert torch.equal(pairs[:, 0], pairs[:, 1])


def test_evaluating_changes_nothing_and_repeats(digits, stored, tmp_path):
    reference.ensure(Folder(tmp_path), digits, Evaluation(extractor="classifier", samples=100), stored)
    evaluator = Evaluator.create(reference.load(Folder(tmp_path)), digits, 100, 0, CPU)
    torch.manual_seed(3)
    method = METHODS["moco"](Networks("small", (1, 8, 8), 4, 4), Sphere(4))
    before, state = torch.get_rng_state(), {k: v.clone() for k, v in method.state_dict().items()}
    first, second = evaluator(method)[0], evaluator(method)[0]
    assert first == second
    assert method.training
    assert torch.equal(torch.get_rng_state(), before)
    assert all(torch.equal(value, state[key]) for key, value in method.state_dict().items())
