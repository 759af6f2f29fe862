"""Whether a generator repeats its training images, judged by distances between features.

Authenticity: Alaa et al., arXiv 2102.08921, section 3. An image is authentic unless it is nearer to its nearest
training image than any other training image is. This is the definition in the paper; the authors' code searches from
training images to generated ones.

Copying: Meehan et al., arXiv 2004.05675, section 3, the statistic of the global test: the probability that a generated
image is nearer to the training images than a held-out image is. Here 1 is copying; there it is 0.
"""

import torch
from torch import Tensor

ROWS = 500  # distances in memory at a time: ROWS x training images


def memorisation(images: Tensor, training: Tensor, held_out: Tensor) -> dict[str, float]:
    """Return "authenticity" and "copying", both in [0, 1].

    Held-out images as `images` have an authenticity of a third to a half: the probability that two nearest neighbours
    are not mutual, 1/3 in one dimension and towards 1/2 in many. Their copying is 1/2.

    Args:
        images: features of generated images, shape [m, d].
        training: features of the training images, shape [n, d], n >= 2.
        held_out: features of images that were not trained on, shape [k, d].
    """
    centre = training.mean(0)  # so that distances lose less to rounding
    images, training, held_out = images - centre, training - centre, held_out - centre
    distances, nearest = nearest_others(images, training)
    copied, where = nearest.unique(return_inverse=True)
    gaps, _ = nearest_others(training[copied], training, itself=copied)
    authentic = distances > gaps[where]
    return {
        "authenticity": float(authentic.double().mean()),
        "copying": nearer(distances, nearest_others(held_out, training)[0]),
    }


def nearest_others(x: Tensor, among: Tensor, itself: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """Return, for each row of x [m, d], the distance to and the index of its nearest row in `among` [n, d].

    Args:
        x: the rows.
        among: the candidates.
        itself: indices [m] of the rows of x in `among`, which do not count; None: x is not part of `among`.
    """
    indices = []
    for rows in torch.arange(len(x), device=x.device).split(ROWS):
        distances = torch.cdist(x[rows], among)
        if itself is not None:
            distances[torch.arange(len(rows), device=x.device), itself[rows]] = torch.inf
        indices.append(distances.argmin(1))
    nearest = torch.cat(indices)
    # Computed again as differences: the matrix products above would not give equal rows the distance 0.
    return (x - among[nearest]).norm(dim=1), nearest


def nearer(x: Tensor, y: Tensor) -> float:
    """Return the probability that a value of x [m] is below a value of y [k]; equal values count half."""
    ordered = y.sort().values
    below = torch.searchsorted(ordered, x.contiguous(), right=False)
    not_above = torch.searchsorted(ordered, x.contiguous(), right=True)
    return 1 - float((below + not_above).double().mean()) / (2 * len(y))
