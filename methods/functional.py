"""Functions of tensors that several methods share: errors, distances, contrastive losses and their floors."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy, normalize, softplus


def squared_error(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared error, summed over pixels and channels, averaged over the batch.

    Args:
        x: images, shape [n, c, h, w], in [-1, 1].
        y: images of the same shape.

    Returns:
        A scalar, in squared units of the [-1, 1] scale, per image.
    """
    return (x - y).square().flatten(1).sum(1).mean()


def cross_entropy(x: Tensor, y: Tensor) -> Tensor:
    """Return the binary cross-entropy per pixel, averaged over pixels, channels and the batch, in nats.

    Images are scaled to [0, 1]: x to the probability, y to the target. If the decoder ends in tanh, the probability is
    the logistic function of twice the input of the tanh.

    Args:
        x: decoded images, shape [n, c, h, w], in [-1, 1].
        y: original images of the same shape.
    """
    return binary_cross_entropy((x + 1) / 2, (y + 1) / 2)  # torch bounds the logarithms below by -100


RECONSTRUCTIONS = {"squared_error": squared_error, "cross_entropy": cross_entropy}


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Return the squared Euclidean distances, >= 0, between all rows of x [n, d] and y [m, d]: shape [n, m]."""
    return (x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T).clamp_min(0)


MMD_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def mmd(codes: Tensor, samples: Tensor, base: float, scales: Sequence[float] = MMD_SCALES) -> Tensor:
    """Return the unbiased squared maximum mean discrepancy with the multi-scale inverse multiquadric kernel.

    k(x, y) = sum over s in scales of C / (C + |x - y|^2), with C = s * base, as in the code of WAE (Tolstikhin et
    al., arXiv 1711.01558, section 4; the estimator is algorithm 2). The estimate can be negative, because it is
    unbiased and the true value can be zero.

    Args:
        codes: shape [n, d], n >= 2.
        samples: samples of the prior, shape [n, d].
        base: the mean squared distance between two samples of the prior (`Prior.squared_distance`).
        scales: the kernels' widths, in units of `base`; by default those of WAE's code.
    """
    n = len(codes)
    # Every kernel is exactly 1 on the diagonal, so the diagonal is subtracted from the sum instead of masked.
    diagonal = n * len(scales)
    within = imq_kernel(codes, codes, base, scales).sum() + imq_kernel(samples, samples, base, scales).sum()
    return (within - 2 * diagonal) / (n * (n - 1)) - 2 * imq_kernel(codes, samples, base, scales).mean()


def imq_kernel(x: Tensor, y: Tensor, base: float, scales: Sequence[float] = MMD_SCALES) -> Tensor:
    """Return the kernel of `mmd` between all rows of x [n, d] and y [m, d]: shape [n, m], in (0, len(scales)]."""
    distances = squared_distances(x, y)
    total = torch.zeros_like(distances)
    for scale in scales:
        total = total + scale * base / (scale * base + distances)
    return total


def random_directions(dim: int, count: int, device: torch.device) -> Tensor:
    """Draw independent uniform unit vectors, the columns of [dim, count], from torch's global generator."""
    return normalize(torch.randn(dim, count, device=device), dim=0)


def sliced_distance(x: Tensor, y: Tensor, slices: int) -> Tensor:
    """Return the squared sliced Wasserstein-2 distance: the mean squared distance between sorted random projections.

    Bonneel et al., Sliced and Radon Wasserstein Barycenters, 2015, equation 7 (Monte Carlo).

    Args:
        x: shape [n, d].
        y: shape [n, d].
        slices: the number of directions, drawn from torch's global generator.
    """
    directions = random_directions(x.shape[1], slices, x.device)
    return (ordered_projections(x, directions) - ordered_projections(y, directions)).square().mean()


def ordered_projections(x: Tensor, directions: Tensor) -> Tensor:
    """Return the projections of points x [n, d] onto directions [d, s], sorted along each direction: [n, s]."""
    return (x @ directions).sort(0).values


def info_nce(queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """Return InfoNCE in nats: the cross-entropy of classifying each query's key against all negatives.

    He et al., arXiv 1911.05722, equation 1.

    Args:
        queries: unit vectors, shape [n, d].
        keys: unit vectors, shape [n, d]; row i is the positive of row i of `queries`.
        negatives: unit vectors, shape [k, d], shared by all queries.
        temperature: tau > 0; logits are cosine similarities over tau.
    """
    queries = queries / temperature  # divides the few queries, so that the many logits [n, k] are read only once
    positive = (queries * keys).sum(1)
    negative = (queries @ negatives.T).logsumexp(1)
    return softplus(negative - positive).mean()  # -log(e^p / (e^p + e^n))


def gaussian_draw(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Draw from each row's Gaussian with diagonal covariance: [n, d], differentiable (reparametrised)."""
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return the KL of each row's Gaussian from N(0, I) in nats, averaged over rows (arXiv 1312.6114, appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()


def uniformity(codes: Tensor, t: float = 2.0) -> Tensor:
    """Return log mean exp(-t |x - y|^2) over pairs of different rows (Wang & Isola, arXiv 2005.10242, equation 6).

    Lower is more uniform. `uniformity_floor` is the value of the uniform distribution.

    Args:
        codes: unit vectors, shape [n, d], n >= 2.
        t: inverse squared width of the potential, > 0.
    """
    n = len(codes)
    exponents = -t * squared_distances(codes, codes)
    exponents = exponents.masked_fill(torch.eye(n, dtype=torch.bool, device=codes.device), -math.inf)
    return exponents.flatten().logsumexp(0) - math.log(n * (n - 1))


def log_0f1(b: float, z: float) -> float:
    """Return log 0F1(; b; z), the confluent hypergeometric limit function, for b > 0 and z >= 0, without overflow.

    For independent x, y, uniform on the sphere of R^d, E exp(x.y / t) = 0F1(; d/2; 1 / (4 t^2)). All terms
    z^k / (k! (b)_k) of the series are positive and peak near k = sqrt(z), so the sum of logarithms loses no precision.
    """
    if z == 0:
        return 0.0
    terms = [
        k * math.log(z) - math.lgamma(k + 1) - math.lgamma(b + k) + math.lgamma(b)
        for k in range(int(4 * math.sqrt(z)) + 60)
    ]
    peak = max(terms)
    return peak + math.log(math.fsum(math.exp(term - peak) for term in terms))


def uniformity_floor(dim: int, t: float = 2.0) -> float:
    """Return `uniformity` of the uniform distribution on the sphere of R^dim: -2t + log 0F1(; d/2; t^2)."""
    return -2 * t + log_0f1(dim / 2, t * t)


def info_nce_floor(dim: int, negatives: int, temperature: float) -> float:
    """Return `info_nce`, in nats, of uniform codes whose positives are identical, for many negatives K.

    It is -1/tau + log(exp(1/tau) + K 0F1(; d/2; 1 / (4 tau^2))): the sum over negatives is replaced by its expectation.
    """
    mass = math.log(negatives) + log_0f1(dim / 2, 1 / (4 * temperature**2)) - 1 / temperature
    return max(mass, 0.0) + math.log1p(math.exp(-abs(mass)))


def frozen(module: nn.Module, *inputs: Tensor) -> Tensor:
    """Return `module(*inputs)`, such that gradients reach the inputs but not the module's parameters."""
    detached = {name: parameter.detach() for name, parameter in module.named_parameters()}
    return functional_call(module, detached, inputs)


@torch.no_grad()
def ema_(target: nn.Module, source: nn.Module, momentum: float) -> None:
    """Update a moving average in place: target <- momentum * target + (1 - momentum) * source.

    It covers parameters and floating-point buffers, such as the running statistics of normalisation layers. Integer
    buffers, such as their counters, are copied.
    """
    targets = [*target.parameters(), *target.buffers()]
    sources = [*source.parameters(), *source.buffers()]
    for old, new in zip(targets, sources, strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - momentum)
        else:
            old.copy_(new)
