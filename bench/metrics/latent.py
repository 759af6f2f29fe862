"""Does the distribution of the codes match the prior? The same questions to every method.

Asked of `sample_codes` (draws from q(z|x), not means) on held-out images, and of as many draws from the prior itself:
what chance alone makes of a perfect match stands beside every answer.
"""

import math
import warnings
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.runtime.rng import forked
from methods.functional import (
    imq_kernel,
    mmd,
    ordered_projections,
    random_directions,
    uniformity,
    uniformity_floor,
)
from methods.priors import Prior, Sphere

SLICES = 256
PERMUTATIONS = 500
SEEDS = 1_000_000  # added to seeds, so that these draws are not those of the codes
FRESH = 1
ACTIVE = 0.01  # of the prior's variance in a direction: a direction with less is not used


def diagnose(codes: Tensor, prior: Prior, seed: int) -> dict[str, float]:
    """Distances to the prior, moments, rank; and, named `<name>_prior`, the same of fresh prior samples.

    Args:
        codes: float32 [n, d], n >= 2. Where one is not finite, neither is any answer.
        seed: of the prior samples and directions, which are the same for every method, and for the fresh samples.
    """
    chance = _chance(prior, len(codes), codes.device, seed)
    found = _compare(codes, prior, seed) if codes.isfinite().all() else dict.fromkeys(chance, math.nan)
    return found | {f"{name}_prior": value for name, value in chance.items()}


@lru_cache(maxsize=1)  # the same at every evaluation of a trial
def _chance(prior: Prior, n: int, device: torch.device, seed: int) -> dict[str, float]:
    """The answers to fresh samples of the prior."""
    return _compare(prior_samples(prior, n, device, seed + FRESH), prior, seed)


def test(codes: Tensor, prior: Prior, seed: int) -> dict[str, float]:
    """The two tests that take longer, with the same prior samples as `diagnose` of the same seed."""
    if not codes.isfinite().all():
        return {"latent_mmd_p": math.nan, "latent_c2st": math.nan}
    samples = prior_samples(prior, len(codes), codes.device, seed)
    with forked(seed):
        return {
            "latent_mmd_p": mmd_p_value(codes, samples, prior.squared_distance),
            "latent_c2st": two_sample_accuracy(codes, samples, (prior.squared_distance / (2 * prior.dim)) ** 0.5),
        }


def prior_samples(prior: Prior, n: int, device: torch.device, seed: int) -> Tensor:
    """What `n` codes are compared with."""
    with forked(SEEDS + seed):
        return prior.sample(n, device)


def _compare(codes: Tensor, prior: Prior, seed: int) -> dict[str, float]:
    samples = prior_samples(prior, len(codes), codes.device, seed)
    norms = codes.norm(dim=1)
    spectrum = eigenvalues(codes)
    found = {
        "latent_mmd": mmd(codes, samples, prior.squared_distance),
        "latent_sliced_wasserstein": _sliced(codes, prior, seed),
        "latent_norm": norms.mean(),
        "latent_norm_sd": norms.std(),
        "latent_mean_norm": codes.mean(0).norm(),
        # E|x - y|^2 is twice the variance summed over the d directions.
        "latent_active_dims": (spectrum > ACTIVE * prior.squared_distance / (2 * prior.dim)).sum(),
        "latent_effective_rank": effective_rank(spectrum),
    }
    if isinstance(prior, Sphere):
        found["latent_uniformity_excess"] = uniformity(codes) - uniformity_floor(prior.dim)
    return {name: float(value) for name, value in found.items()}


def _sliced(codes: Tensor, prior: Prior, seed: int) -> Tensor:
    """The root of `sliced_distance` between codes and samples."""
    directions, ordered = _prior_projections(prior, len(codes), codes.device, seed)
    return (ordered_projections(codes, directions) - ordered).square().mean().sqrt()


@lru_cache(maxsize=1)
def _prior_projections(prior: Prior, n: int, device: torch.device, seed: int) -> tuple[Tensor, Tensor]:
    """Directions, and the samples along them: the same at every evaluation, and sorting takes longest here."""
    samples = prior_samples(prior, n, device, seed)
    with forked(seed):
        directions = random_directions(prior.dim, SLICES, device)
    return directions, ordered_projections(samples, directions)


def eigenvalues(codes: Tensor) -> Tensor:
    """Of the covariance of codes [n, d]: float64 [d], the squared singular values of the centred codes over n - 1."""
    return torch.linalg.eigvalsh(torch.cov(codes.double().T).reshape(codes.shape[1], -1)).clamp_min(0)


def effective_rank(spectrum: Tensor) -> Tensor:
    """exp of the entropy of the normalised eigenvalues [d]: d if all are equal, 1 if there is one, 0 of a point.

    Roy & Vetterli, The effective rank, EUSIPCO 2007, of the covariance.
    """
    shares = spectrum / spectrum.sum()
    return torch.special.entr(shares).sum().exp() if spectrum.sum() > 0 else torch.zeros(())


def mmd_p_value(codes: Tensor, samples: Tensor, base: float, permutations: int = PERMUTATIONS) -> float:
    """How often codes and prior samples, shuffled, are as far apart: the p-value of `mmd`, in (0, 1].

    Gretton et al., A Kernel Two-Sample Test, JMLR 2012; p = (1 + number as far apart) / (1 + permutations).
    """
    n = len(codes)
    pooled = torch.cat([codes, samples])
    kernel = imq_kernel(pooled, pooled, base).double()
    kernel -= kernel.mean()  # changes no statistic but for a constant, and rounds less
    kernel.fill_diagonal_(0)
    first = torch.stack([torch.randperm(2 * n) < n for _ in range(permutations)]).T
    first = torch.cat([(torch.arange(2 * n) < n)[:, None], first], dim=1).double().to(codes.device)
    within_first, row_sums = first * (kernel @ first), kernel.sum(1)
    a = within_first.sum(0)
    cross = first.T @ row_sums - a
    b = row_sums.sum() - a - 2 * cross
    statistics = (a + b) / (n * (n - 1)) - 2 * cross / n**2
    far = int((statistics[1:] >= statistics[0]).sum())
    return (1 + far) / (1 + permutations)


def import_classifier() -> tuple[type[Warning], Any]:
    """scikit-learn's warning and network for `two_sample_accuracy`; importing them takes a second."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    return ConvergenceWarning, MLPClassifier


def two_sample_accuracy(codes: Tensor, samples: Tensor, scale: float) -> float:
    """Share of held-out codes and prior samples that a classifier trained on others tells apart; 0.5: it cannot.

    Lopez-Paz & Oquab, arXiv 1610.06545 (C2ST), with a network of one hidden layer.

    Args:
        codes, samples: shape [n, d], n >= 4; half of each are for training. scale: of a number in a sample.
    """
    ConvergenceWarning, MLPClassifier = import_classifier()
    half = len(codes) // 2

    def mixed(codes: Tensor, samples: Tensor) -> tuple[np.ndarray, np.ndarray]:
        labels = np.repeat([0, 1], [len(codes), len(samples)])
        return torch.cat([codes, samples]).cpu().numpy() / scale, labels

    size: Any = min(100, 2 * half)  # stubs know of "auto" alone
    network = MLPClassifier((64,), learning_rate_init=1e-2, batch_size=size, max_iter=60, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # sixty epochs are the protocol
        network.fit(*mixed(codes[:half], samples[:half]))
    return float(network.score(*mixed(codes[half:], samples[half:])))
