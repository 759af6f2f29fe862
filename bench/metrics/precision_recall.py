"""Precision, recall, density and coverage: fidelity and diversity, which a single distance cannot separate.

Precision and recall: Kynkaanniemi et al., arXiv 1904.06991, equations 1 and 2, with k = 3. Density and coverage: Naeem
et al., arXiv 2002.09797, equations 5 and 6, with k = 5. All four count the features of one set that lie inside closed
balls around the features of the other set. A ball reaches to the k-th nearest neighbour of its centre in its own set.
"""

import torch
from torch import Tensor

PRECISION_K = 3
COVERAGE_K = 5
ROWS = 1000  # distances in memory at a time: ROWS x n


def neighbour_metrics(real: Tensor, generated: Tensor) -> dict[str, float]:
    """Return precision, recall and coverage in [0, 1], and density >= 0.

    Args:
        real: features, shape [n, d], n > 5.
        generated: features, shape [m, d], m > 5. Published values have m = n.
    """
    real, generated = real - real.mean(0), generated - real.mean(0)  # centred, so that distances lose less to rounding
    real_radii, generated_radii = radii(real), radii(generated)
    n, m = len(real), len(generated)
    precise = torch.zeros(m, dtype=torch.bool, device=real.device)
    inside = recalled = covered = 0
    for rows in torch.arange(n, device=real.device).split(ROWS):
        distances = torch.cdist(real[rows], generated)
        precise |= (distances <= real_radii[PRECISION_K][rows, None]).any(0)
        recalled += int((distances <= generated_radii[PRECISION_K]).any(1).sum())
        within = distances <= real_radii[COVERAGE_K][rows, None]
        inside += int(within.sum())
        covered += int(within.any(1).sum())
    return {
        "precision": float(precise.double().mean()),
        "recall": recalled / n,
        "density": inside / (COVERAGE_K * m),
        "coverage": covered / n,
    }


def radii(x: Tensor) -> dict[int, Tensor]:
    """Return, for both k, the distance [n] of each row of x [n, d] to its k-th nearest neighbour among the others."""
    parts: dict[int, list[Tensor]] = {PRECISION_K: [], COVERAGE_K: []}
    for rows in torch.arange(len(x), device=x.device).split(ROWS):
        distances = torch.cdist(x[rows], x)
        distances[torch.arange(len(rows), device=x.device), rows] = -1  # a point is nearest to itself despite rounding
        nearest = distances.topk(COVERAGE_K + 1, largest=False).values
        for k, blocks in parts.items():
            blocks.append(nearest[:, k])
    return {k: torch.cat(blocks) for k, blocks in parts.items()}
