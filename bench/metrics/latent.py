"""Latent diagnostics: how well the distribution of codes matches the prior, with the same measures for every method.

The codes are `sample_codes` (draws from q(z|x), not means) of held-out images. Every value is accompanied by the value
of equally many draws from the prior: the value expected from a perfect match, at this sample size.
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
SAMPLE_SEED = 1_000_000  # added to a seed, so that prior samples are independent of the codes
COLUMNS = {  # of all measures of codes, "latent_over_chance" in reports only; each has another one, <name>_prior
    *("latent_mmd", "latent_sliced_wasserstein", "latent_norm", "latent_norm_sd", "latent_mean_norm"),
    *("latent_active_dims", "latent_effective_rank", "latent_uniformity_excess", "latent_over_chance"),
    *("latent_mmd_p", "latent_c2st", "latent_probe"),
}
FRESH = 1  # added to a seed for the second set of prior samples
ACTIVE = 0.01  # a direction counts as active above this fraction of the prior's variance per direction


def diagnose(codes: Tensor, prior: Prior, seed: int) -> dict[str, float]:
    """Return distances to the prior, moments and rank; under `<name>_prior` also those of fresh prior samples.

    Args:
        codes: float32 [n, d], n >= 2. If any code is not finite, all values but those of prior samples are NaN.
        prior: the distribution that the codes should follow.
        seed: seeds prior samples and directions, which are therefore the same for every method.
    """
    baseline = _baseline(prior, len(codes), codes.device, seed)
    values = compare(codes, prior, seed) if codes.isfinite().all() else dict.fromkeys(baseline, math.nan)
    return values | {f"{name}_prior": value for name, value in baseline.items()}


@lru_cache(maxsize=1)  # the same at every evaluation of a trial
def _baseline(prior: Prior, n: int, device: torch.device, seed: int) -> dict[str, float]:
    """The values of fresh samples of the prior."""
    return compare(prior_samples(prior, n, device, seed + FRESH), prior, seed)


def two_sample_tests(codes: Tensor, prior: Prior, seed: int) -> dict[str, float]:
    """Return the results of two slower tests, which use the same prior samples as `diagnose` with the same seed."""
    if not codes.isfinite().all():
        return {"latent_mmd_p": math.nan, "latent_c2st": math.nan}
    samples = prior_samples(prior, len(codes), codes.device, seed)
    with forked(seed):
        return {
            "latent_mmd_p": mmd_p_value(codes, samples, prior.squared_distance),
            "latent_c2st": two_sample_accuracy(codes, samples, prior.variance**0.5),
        }


def prior_samples(prior: Prior, n: int, device: torch.device, seed: int) -> Tensor:
    """Return the `n` prior samples [n, d] with which codes are compared."""
    with forked(SAMPLE_SEED + seed):
        return prior.sample(n, device)


def compare(codes: Tensor, prior: Prior, seed: int) -> dict[str, float]:
    """Return the values of `diagnose` for finite codes [n, d], without those of fresh prior samples."""
    samples = prior_samples(prior, len(codes), codes.device, seed)
    norms = codes.norm(dim=1)
    spectrum = eigenvalues(codes)
    values = {
        "latent_mmd": mmd(codes, samples, prior.squared_distance),
        "latent_sliced_wasserstein": _sliced(codes, prior, seed),
        "latent_norm": norms.mean(),
        "latent_norm_sd": norms.std(),
        "latent_mean_norm": codes.mean(0).norm(),
        # E|x - y|^2 is twice the total variance over the d directions.
        "latent_active_dims": (spectrum > ACTIVE * prior.variance).sum(),
        "latent_effective_rank": effective_rank(spectrum),
    }
    if isinstance(prior, Sphere):
        values["latent_uniformity_excess"] = uniformity(codes) - uniformity_floor(prior.dim)
    return {name: float(value) for name, value in values.items()}


def _sliced(codes: Tensor, prior: Prior, seed: int) -> Tensor:
    """The square root of `sliced_distance` between codes and prior samples."""
    directions, ordered = _prior_projections(prior, len(codes), codes.device, seed)
    return (ordered_projections(codes, directions) - ordered).square().mean().sqrt()


@lru_cache(maxsize=1)
def _prior_projections(prior: Prior, n: int, device: torch.device, seed: int) -> tuple[Tensor, Tensor]:
    """Directions and sorted projections of the prior samples. Cached, because sorting dominates the cost."""
    samples = prior_samples(prior, n, device, seed)
    with forked(seed):
        directions = random_directions(prior.dim, SLICES, device)
    return directions, ordered_projections(samples, directions)


def eigenvalues(codes: Tensor) -> Tensor:
    """Return the eigenvalues of the covariance of codes [n, d] (denominator n - 1): float64 [d], ascending."""
    return torch.linalg.eigvalsh(torch.cov(codes.double().T).reshape(codes.shape[1], -1)).clamp_min(0)


def effective_rank(spectrum: Tensor) -> Tensor:
    """Return exp(entropy of the normalised eigenvalues [d]): d if all are equal, 1 if one is non-zero, 0 if none is.

    Roy & Vetterli, The effective rank, EUSIPCO 2007, applied to the covariance.
    """
    shares = spectrum / spectrum.sum()
    return torch.special.entr(shares).sum().exp() if spectrum.sum() > 0 else torch.zeros(())


def mmd_p_value(codes: Tensor, samples: Tensor, base: float, permutations: int = PERMUTATIONS) -> float:
    """Return the p-value, in (0, 1], of the permutation test with statistic `mmd`.

    Gretton et al., A Kernel Two-Sample Test, JMLR 2012. With k permutations whose statistic is at least the observed
    one, p = (1 + k) / (1 + permutations).
    """
    n = len(codes)
    pooled = torch.cat([codes, samples])
    kernel = imq_kernel(pooled, pooled, base).double()
    kernel -= kernel.mean()  # adds the same constant to every statistic, and reduces rounding
    kernel.fill_diagonal_(0)
    in_first = torch.stack([torch.randperm(2 * n) < n for _ in range(permutations)]).T
    in_first = torch.cat([(torch.arange(2 * n) < n)[:, None], in_first], dim=1).double().to(codes.device)
    within_first, row_sums = in_first * (kernel @ in_first), kernel.sum(1)
    a = within_first.sum(0)
    cross = in_first.T @ row_sums - a
    b = row_sums.sum() - a - 2 * cross
    statistics = (a + b) / (n * (n - 1)) - 2 * cross / n**2
    as_large = int((statistics[1:] >= statistics[0]).sum())
    return (1 + as_large) / (1 + permutations)


def import_classifier() -> tuple[type[Warning], Any]:
    """Import scikit-learn's convergence warning and network for `two_sample_accuracy`; this takes a second."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    return ConvergenceWarning, MLPClassifier


def two_sample_accuracy(codes: Tensor, samples: Tensor, scale: float) -> float:
    """Return the held-out accuracy of a classifier that separates codes from prior samples; 0.5 is chance level.

    The classifier two-sample test (Lopez-Paz & Oquab, arXiv 1610.06545) with a network of one hidden layer.

    Args:
        codes: shape [n, d], n >= 4; the first half is for training.
        samples: prior samples, shape [n, d]; the first half is for training.
        scale: the typical magnitude of one coordinate of a sample; the inputs are divided by it.
    """
    ConvergenceWarning, MLPClassifier = import_classifier()
    half = len(codes) // 2

    def labelled(codes: Tensor, samples: Tensor) -> tuple[np.ndarray, np.ndarray]:
        labels = np.repeat([0, 1], [len(codes), len(samples)])
        return torch.cat([codes, samples]).cpu().numpy() / scale, labels

    size: Any = min(100, 2 * half)  # the type stubs allow "auto" only
    network = MLPClassifier((64,), learning_rate_init=1e-2, batch_size=size, max_iter=60, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the protocol is sixty epochs, converged or not
        network.fit(*labelled(codes[:half], samples[:half]))
    return float(network.score(*labelled(codes[half:], samples[half:])))
