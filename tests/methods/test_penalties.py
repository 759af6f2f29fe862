"""Each penalty against another library, a slow reference or an exact value. What all of them keep: test_contract.py."""

import math

import geomloss
import numpy as np
import ot
import pytest
import torch
from scipy.integrate import quad
from scipy.special import hyp1f1
from scipy.stats import beta as beta_distribution
from scipy.stats import kstest
from sklearn.neighbors import NearestNeighbors
from torch.nn.functional import cross_entropy, normalize

from methods import METHODS
from methods.cramer_wold import Kummer, bandwidth, cramer_wold_distance
from methods.functional import random_directions, sliced_distance, squared_error
from methods.koleo import koleo, koleo_floor
from methods.networks import Networks
from methods.priors import PRIORS, Sphere
from methods.simclr import in_batch_info_nce
from methods.sinkhorn import sinkhorn_divergence
from methods.spherical_sliced import spherical_sliced_distance
from methods.svae import power_spherical_kl, power_spherical_sample
from methods.wasserstein import wasserstein_to_normal

SHAPE = (1, 8, 8)


def points(n: int, dim: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, dim, generator=torch.Generator().manual_seed(seed))


def sphere(n: int, dim: int, seed: int = 0) -> torch.Tensor:
    return normalize(points(n, dim, seed), dim=1)


def make(name: str, dim: int = 4, **hyperparameters):
    torch.manual_seed(0)
    prior = PRIORS[METHODS[name].priors[0]](dim)
    return METHODS[name](Networks("small", SHAPE, dim, 4), prior, **hyperparameters)


def images(n: int) -> torch.Tensor:
    return torch.rand(n, *SHAPE, generator=torch.Generator().manual_seed(0)) * 2 - 1


def test_sliced_is_pots_with_the_same_directions():
    x, y = points(20, 5), points(20, 5, seed=1)
    torch.manual_seed(0)
    directions = random_directions(5, 30, x.device)
    theirs = ot.sliced_wasserstein_distance(x.numpy(), y.numpy(), projections=directions.numpy(), p=2) ** 2
    torch.manual_seed(0)
    assert sliced_distance(x, y, 30).item() == pytest.approx(theirs, rel=1e-5)


def test_spherical_sliced_is_pots_distance_of_each_circle():
    x = normalize(points(20, 5) + 0.3, dim=1)
    torch.manual_seed(0)
    ours = spherical_sliced_distance(x, 6)
    torch.manual_seed(0)
    frames = zip(random_directions(5, 6, x.device).T.numpy(), torch.randn(5, 6).T.numpy(), strict=True)
    slow = []
    for first, second in frames:
        second = second - (first @ second) * first
        along, aside = x.numpy() @ first, x.numpy() @ (second / np.linalg.norm(second))
        angles = (np.arctan2(aside, along) / (2 * np.pi)) % 1
        slow.append(ot.semidiscrete_wasserstein2_unif_circle(angles[:, None])[0])
    assert ours.item() == pytest.approx(np.mean(slow), rel=1e-4)


@pytest.mark.parametrize("n", [2, 5, 50])
def test_the_floor_of_spherical_sliced_is_the_mean_over_uniform_codes(n):
    torch.manual_seed(0)
    values = torch.stack([spherical_sliced_distance(Sphere(6).sample(n), 20) for _ in range(300)])
    assert abs(values.mean() - make("spherical_sliced").floor(n)) < 4 * values.std() / math.sqrt(len(values))


@pytest.mark.parametrize("dim", [2, 3, 8, 19])
def test_the_kummer_function_is_scipys(dim):
    s = np.array([0.0, 0.01, 1.0, 20.0, 1e3, 1e4])
    ours = Kummer(dim)(torch.tensor(s, dtype=torch.float32))
    np.testing.assert_allclose(ours, hyp1f1(0.5, dim / 2, -s), rtol=1e-5)


def test_the_asymptotic_kummer_function_is_good_from_where_it_is_used():
    s = np.linspace(0, 50, 11)
    np.testing.assert_allclose(Kummer(20)(torch.tensor(s, dtype=torch.float32)), hyp1f1(0.5, 10, -s), rtol=0.02)


def test_cramer_wold_is_the_mean_l2_distance_of_smoothed_projections():
    x, gamma = points(6, 3) * 1.5 + 0.5, bandwidth(6)
    knots = torch.linspace(-12, 12, 2001, dtype=torch.float64)

    def density(centres: torch.Tensor, variance: float) -> torch.Tensor:
        return torch.exp(-((knots - centres) ** 2) / (2 * variance)) / math.sqrt(2 * math.pi * variance)

    torch.manual_seed(0)
    slow = []
    for direction in random_directions(3, 2000, x.device).T:
        codes = density((x @ direction).double()[:, None], gamma).mean(0)
        slow.append(torch.trapezoid((codes - density(torch.zeros(1), 1 + gamma)) ** 2, knots))
    slow = torch.stack(slow)
    ours = cramer_wold_distance(x, Kummer(3)).item()
    assert abs(ours - slow.mean()) < 4 * slow.std() / math.sqrt(len(slow))


@pytest.mark.parametrize("dim", [2, 8])
def test_the_floor_of_cramer_wold_is_the_mean_over_prior_samples(dim):
    torch.manual_seed(0)
    kummer = Kummer(dim)
    values = torch.stack([cramer_wold_distance(torch.randn(50, dim), kummer) for _ in range(300)])
    floor = make("cramer_wold", dim).floor(50)
    assert abs(values.mean() - floor) < 4 * values.std() / math.sqrt(len(values))


def test_cramer_wold_minimises_the_logarithm_unless_it_is_asked_for_the_distance():
    x = images(10)
    losses, plain = make("cramer_wold", weight=3.0).losses(x), make("cramer_wold", weight=3.0, scale="plain").losses(x)
    assert (losses["loss"] - losses["reconstruction"]).item() == pytest.approx(
        3 * math.log(losses["penalty"].item()), rel=1e-4
    )
    assert (plain["loss"] - plain["reconstruction"]).item() == pytest.approx(3 * plain["penalty"].item(), rel=1e-4)


def test_sinkhorn_is_geomloss():
    x, y, epsilon = points(15, 3) + 1, points(15, 3, seed=1), 0.5
    # Their cost is half the squared distance, and epsilon the square of their blur.
    theirs = 2 * geomloss.SamplesLoss("sinkhorn", p=2, blur=math.sqrt(epsilon / 2), scaling=0.99, debias=True)(x, y)
    assert sinkhorn_divergence(x, y, epsilon, 300).item() == pytest.approx(theirs.item(), rel=1e-3)


def test_the_gradient_of_sinkhorn_is_that_of_its_value():
    x, y = (points(6, 3) + 1).double(), points(6, 3, seed=1).double()

    def value(x: torch.Tensor) -> torch.Tensor:
        return sinkhorn_divergence(x, y, 0.5, 500)

    assert torch.autograd.gradcheck(value, x.requires_grad_(), eps=1e-4, atol=1e-5)


def test_sinkhorn_becomes_optimal_transport_as_epsilon_vanishes():
    x, y = points(12, 3) + 1, points(12, 3, seed=1)
    exact = ot.emd2([], [], ot.dist(x.double().numpy(), y.double().numpy()))
    assert sinkhorn_divergence(x.double(), y.double(), 0.01, 3000).item() == pytest.approx(exact, rel=0.01)


def test_sigreg_is_the_closed_form_of_epps_and_pulley_over_its_slices():
    method, x = make("sigreg", dim=4, slices=3), images(12)
    torch.manual_seed(5)
    ours = method.losses(x)["penalty"].item()
    torch.manual_seed(5)
    projected = (method.encode(x).detach() @ random_directions(4, 3, x.device)).double()

    def statistic(z: torch.Tensor) -> float:
        """n times the integral over all t, which is longer than [-3, 3] by next to nothing."""
        pairs = torch.exp(-((z[:, None] - z) ** 2) / 2).mean()
        single = torch.exp(-(z**2) / 4).mean()
        return len(z) * math.sqrt(2 * math.pi) * float(pairs - math.sqrt(2) * single + 1 / math.sqrt(3))

    assert ours == pytest.approx(np.mean([statistic(z) for z in projected.T]), rel=0.02)


def test_simclr_is_cross_entropy_over_the_batch():
    z = sphere(9, 5)
    theirs = cross_entropy(z @ z.T / 0.2, torch.arange(9))
    torch.testing.assert_close(in_batch_info_nce(z, 0.2), theirs)


def test_koleo_is_the_nearest_neighbours_of_scikit_learn():
    z = sphere(30, 5)
    distances = NearestNeighbors(n_neighbors=2).fit(z.numpy()).kneighbors(z.numpy())[0][:, 1]
    assert koleo(z).item() == pytest.approx(-np.log(distances).mean(), rel=1e-5)


def test_the_floor_of_koleo_is_exact_for_two_codes_and_the_mean_for_more():
    assert koleo_floor(3, 2) == pytest.approx(0.5 - math.log(2), abs=1e-4)  # |x - y|^2 is uniform on [0, 4]
    torch.manual_seed(0)
    for dim, n in ((2, 10), (8, 100)):
        values = torch.stack([koleo(Sphere(dim).sample(n)) for _ in range(400)])
        assert abs(values.mean() - koleo_floor(dim, n)) < 4 * values.std() / math.sqrt(len(values))


def test_align_uniform_penalises_by_the_uniformity_at_its_t():
    x = images(10)
    method = make("align_uniform", t=3.0)
    z = method.encode(x).detach()
    pairs = [math.exp(-3 * float((a - b).square().sum())) for i, a in enumerate(z) for b in z[:i]]
    assert method.losses(x)["penalty"].item() == pytest.approx(math.log(np.mean(pairs)), rel=1e-4)


@pytest.mark.parametrize("dim", [2, 3, 8])
@pytest.mark.parametrize("kappa", [1.0, 30.0])
def test_power_spherical_draws_have_its_density_around_its_direction(dim, kappa):
    torch.manual_seed(0)
    direction = sphere(1, dim).expand(4000, dim)
    z = power_spherical_sample(direction, torch.full((4000,), kappa))
    torch.testing.assert_close(z.norm(dim=1), torch.ones(4000))
    along = ((z * direction).sum(1) + 1) / 2
    assert kstest(along.numpy(), beta_distribution((dim - 1) / 2 + kappa, (dim - 1) / 2).cdf).pvalue > 1e-3
    aside = z - (z * direction).sum(1, keepdim=True) * direction
    assert (aside.mean(0).norm() * math.sqrt(4000)) < 4  # no preferred way around the direction


@pytest.mark.parametrize("dim", [2, 3, 8])
@pytest.mark.parametrize("kappa", [1.0, 30.0])
def test_power_spherical_kl_is_the_integral(dim, kappa):
    """Over the angle from the direction; the uniform density is that of kappa = 0."""
    power = (dim - 2, kappa)

    def weight(angle: float, kappa: float) -> float:
        return math.sin(angle) ** power[0] * (1 + math.cos(angle)) ** kappa

    mass, area = (quad(weight, 0, math.pi, args=(k,))[0] for k in (kappa, 0))

    def integrand(angle: float) -> float:
        log_ratio = kappa * math.log1p(math.cos(angle)) - math.log(mass / area)
        return weight(angle, kappa) / mass * log_ratio

    slow = quad(integrand, 0, math.pi - 1e-9)[0]
    assert power_spherical_kl(torch.tensor([kappa]), dim).item() == pytest.approx(slow, rel=1e-4, abs=1e-6)


def test_power_spherical_gradients_are_those_of_the_mean():
    """E z = mu kappa / (kappa + d - 1), of which both derivatives are known."""
    torch.manual_seed(0)
    n, target = 4000, sphere(1, 4, seed=1)[0]
    raw, kappa = sphere(1, 4)[0].requires_grad_(), torch.tensor(5.0, requires_grad=True)
    z = power_spherical_sample(normalize(raw, dim=0).expand(n, 4), kappa.expand(n))
    ours = torch.autograd.grad((z @ target).mean(), [raw, kappa])
    exact = torch.autograd.grad(normalize(raw, dim=0) @ target * kappa / (kappa + 3), [raw, kappa])
    torch.testing.assert_close(ours[0], exact[0], atol=0.03, rtol=0)
    torch.testing.assert_close(ours[1], exact[1], atol=0.01, rtol=0.1)


def test_infovae_is_a_vae_at_alpha_0_beside_its_mmd():
    x, method = images(10), make("infovae", alpha=0.0, weight=7.0)
    losses = method.losses(x)
    mean, log_variance = method.posterior(x)
    kl = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum(1).mean()
    expected = losses["reconstruction"] + kl + 7 * losses["penalty"]
    torch.testing.assert_close(losses["loss"], expected)
    without = make("infovae", alpha=1.0, weight=7.0).losses(x)
    torch.testing.assert_close(without["loss"], without["reconstruction"] + 7 * without["penalty"])


def test_rae_adds_half_the_squared_codes_and_the_decoders_squared_parameters():
    x, method = images(10), make("rae", weight=0.5, decoder_weight=0.1)
    z = method.encode(x).detach()
    norm = torch.nn.utils.parameters_to_vector(method.decoder.parameters()).norm() ** 2
    expected = squared_error(method.decode(z), x) + 0.5 * (z.norm(dim=1) ** 2 / 2).mean() + 0.1 * norm
    torch.testing.assert_close(method.losses(x)["loss"], expected)


def test_wasserstein_is_pots_distance_between_gaussians():
    x = points(40, 3) @ torch.diag(torch.tensor([0.5, 1.0, 2.0])) + 1
    mean, covariance = x.mean(0).double().numpy(), np.cov(x.double().numpy().T, bias=True)
    theirs = ot.gaussian.bures_wasserstein_distance(mean, np.zeros(3), covariance, np.eye(3)) ** 2
    assert wasserstein_to_normal(x).item() == pytest.approx(theirs, rel=1e-4)


@pytest.mark.parametrize("codes", [torch.ones(5, 8), points(5, 8)])
def test_wasserstein_has_finite_gradients_where_the_covariance_is_singular(codes):
    codes = codes.clone().requires_grad_()
    (ours,) = torch.autograd.grad(wasserstein_to_normal(codes), codes)
    mean, n = codes.mean(0), len(codes)
    roots = torch.linalg.svdvals((codes - mean) / math.sqrt(n))  # the eigenvalues of the covariance's root
    by_values = mean.square().sum() + roots.square().sum() + 8 - 2 * roots.sum()
    (theirs,) = torch.autograd.grad(by_values, codes)
    assert ours.isfinite().all()
    if codes.std() > 0:  # of equal codes the root has no gradient
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)
