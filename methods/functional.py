"""Pure functions on tensors that several methods share."""

import math

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.functional import binary_cross_entropy, normalize, softplus


def squared_error(x: Tensor, y: Tensor) -> Tensor:
    """Squared error summed over pixels and channels, averaged over the batch.

    Args:
        x, y: images, shape [n, c, h, w], in [-1, 1].
    Returns:
        A scalar, in squared units of the [-1, 1] scale, per image.
    """
    return (x - y).square().flatten(1).sum(1).mean()


def cross_entropy(x: Tensor, y: Tensor) -> Tensor:
    """Binary cross-entropy of a pixel, averaged over pixels, channels and the batch, in nats.

    Both images are brought to [0, 1], as the probability x and the target y. With a decoder that ends in tanh, the
    probability is the logistic function of twice what enters it.

    Args:
        x, y: images, shape [n, c, h, w], in [-1, 1].
    """
    return binary_cross_entropy((x + 1) / 2, (y + 1) / 2)  # torch's: logarithms are at least -100


RECONSTRUCTIONS = {"squared_error": squared_error, "cross_entropy": cross_entropy}


def squared_distances(x: Tensor, y: Tensor) -> Tensor:
    """Pairwise squared Euclidean distances, shape [n, m], of x [n, d] and y [m, d]; never negative."""
    return (x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T).clamp_min(0)


MMD_SCALES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)


def mmd(codes: Tensor, samples: Tensor, base: float) -> Tensor:
    """Unbiased squared maximum mean discrepancy with the multi-scale inverse multiquadric kernel.

    k(x, y) = sum over s of C / (C + |x - y|^2), C = s * base, s in MMD_SCALES, as in the code of WAE
    (Tolstikhin et al., arXiv 1711.01558, section 4; estimator: its algorithm 2). The pairwise distances are computed
    once for all scales. Can be negative, as every unbiased estimate of a number that may be zero.

    Args:
        codes, samples: shape [n, d] each, n >= 2.
        base: the typical squared distance between two samples of the prior (`Prior.squared_distance`).
    """
    n = len(codes)
    # The diagonal is known exactly (every kernel is 1 there), so it is taken off the sum instead of masked out.
    diagonal = n * len(MMD_SCALES)
    within = imq_kernel(codes, codes, base).sum() + imq_kernel(samples, samples, base).sum() - 2 * diagonal
    return within / (n * (n - 1)) - 2 * imq_kernel(codes, samples, base).mean()


def imq_kernel(x: Tensor, y: Tensor, base: float) -> Tensor:
    """The kernel of `mmd` between all rows of x [n, d] and y [m, d]: shape [n, m], from 0 to len(MMD_SCALES)."""
    distances = squared_distances(x, y)
    total = torch.zeros_like(distances)
    for scale in MMD_SCALES:
        total = total + scale * base / (scale * base + distances)
    return total


def random_directions(dim: int, count: int, device: torch.device) -> Tensor:
    """Independent unit vectors, the columns of [dim, count], uniform, from torch's global generator."""
    return normalize(torch.randn(dim, count, device=device), dim=0)


def sliced_distance(x: Tensor, y: Tensor, slices: int) -> Tensor:
    """Squared sliced Wasserstein-2 distance: the mean over random directions of that between the projections.

    Bonneel et al., Sliced and Radon Wasserstein Barycenters, 2015, equation 7 (Monte Carlo).

    Args:
        x, y: shape [n, d] each. slices: directions, drawn from torch's global generator.
    """
    directions = random_directions(x.shape[1], slices, x.device)
    return (ordered_projections(x, directions) - ordered_projections(y, directions)).square().mean()


def ordered_projections(x: Tensor, directions: Tensor) -> Tensor:
    """Points x [n, d] along each of the directions [d, s], in order: [n, s]."""
    return (x @ directions).sort(0).values


def info_nce(queries: Tensor, keys: Tensor, negatives: Tensor, temperature: float) -> Tensor:
    """InfoNCE: cross-entropy of picking each query's own key among that key and the negatives, in nats.

    He et al., arXiv 1911.05722, equation 1.

    Args:
        queries, keys: unit vectors, shape [n, d]; row i of `keys` is the positive of row i of `queries`.
        negatives: unit vectors, shape [k, d], shared by all queries.
    """
    queries = queries / temperature  # these are few; the logits [n, k] are many, and pass through memory once
    positive = (queries * keys).sum(1)
    negative = (queries @ negatives.T).logsumexp(1)
    return softplus(negative - positive).mean()  # -log(e^p / (e^p + e^n))


def gaussian_draw(mean: Tensor, log_variance: Tensor) -> Tensor:
    """One draw [n, d] of each row's Gaussian with diagonal covariance, differentiable (reparametrised)."""
    return mean + torch.randn_like(mean) * (0.5 * log_variance).exp()


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """KL in nats of each row's Gaussian from N(0, I), averaged over the rows (arXiv 1312.6114, appendix B)."""
    return 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(1).mean()


def uniformity(codes: Tensor, t: float = 2.0) -> Tensor:
    """log mean exp(-t |x - y|^2) over the pairs of different rows (Wang & Isola, arXiv 2005.10242, equation 6).

    Args:
        codes: unit vectors, shape [n, d], n >= 2. Lower is more uniform; `uniformity_floor` is the least.
    """
    n = len(codes)
    exponents = -t * squared_distances(codes, codes)
    exponents = exponents.masked_fill(torch.eye(n, dtype=torch.bool, device=codes.device), -math.inf)
    return exponents.flatten().logsumexp(0) - math.log(n * (n - 1))


def log_0f1(b: float, z: float) -> float:
    """log of the confluent hypergeometric limit function 0F1(; b; z), b > 0, z >= 0, without overflow.

    For x, y independent and uniform on the sphere of R^d, E exp(x.y / t) = 0F1(; d/2; 1 / (4 t^2)). All terms
    z^k / (k! (b)_k) of the series are positive, and they peak near k = sqrt(z), so summing in logs is exact.
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
    """The value of `uniformity` for the uniform distribution on the sphere of R^dim: -2t + log 0F1(; d/2; t^2)."""
    return -2 * t + log_0f1(dim / 2, t * t)


def info_nce_floor(dim: int, negatives: int, temperature: float) -> float:
    """`info_nce` at perfect uniformity with identical positives, for many negatives, in nats.

    -1/tau + log(exp(1/tau) + K 0F1(; d/2; 1 / (4 tau^2))): the sum over negatives is replaced by its expectation.
    """
    mass = math.log(negatives) + log_0f1(dim / 2, 1 / (4 * temperature**2)) - 1 / temperature
    return max(mass, 0.0) + math.log1p(math.exp(-abs(mass)))


def frozen(module: nn.Module, *inputs: Tensor) -> Tensor:
    """`module(*inputs)` through which gradients reach the inputs but not the module's parameters."""
    detached = {name: parameter.detach() for name, parameter in module.named_parameters()}
    return functional_call(module, detached, inputs)


@torch.no_grad()
def ema_(target: nn.Module, source: nn.Module, momentum: float) -> None:
    """target <- momentum * target + (1 - momentum) * source, in place: parameters, and floating-point buffers.

    Buffers are the running statistics of normalisation layers; integer buffers (their counters) are copied.
    """
    targets = [*target.parameters(), *target.buffers()]
    sources = [*source.parameters(), *source.buffers()]
    for old, new in zip(targets, sources, strict=True):
        if old.is_floating_point():
            old.lerp_(new, 1 - momentum)
        else:
            old.copy_(new)
