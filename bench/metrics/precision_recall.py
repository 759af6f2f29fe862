"""What a distance hides: are generated images like real ones, and are all real ones among them?

Precision and recall: Kynkaanniemi et al., arXiv 1904.06991, equations 1 and 2, with k = 3. Density and coverage: Naeem
et al., arXiv 2002.09797, equations 5 and 6, with k = 5. All four ask which features lie within closed balls around
others, each ball reaching to the k-th nearest neighbour of its centre in its own set.
"""

import torch
from torch import Tensor

PRECISION_K = 3
COVERAGE_K = 5
ROWS = 1000  # distances held at a time: ROWS x n


def neighbours(real: Tensor, generated: Tensor) -> dict[str, float]:
    """precision and recall in [0, 1], density >= 0 and coverage in [0, 1].

    Args:
        real, generated: features, shape [n, d] and [m, d]; n, m > 5. The paper's values have n = m.
    """
    real, generated = real - real.mean(0), generated - real.mean(0)  # distances of small numbers round less
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
    """For both k: each row's distance [n] to its k-th nearest neighbour among the other rows of x [n, d]."""
    found: dict[int, list[Tensor]] = {PRECISION_K: [], COVERAGE_K: []}
    for rows in torch.arange(len(x), device=x.device).split(ROWS):
        distances = torch.cdist(x[rows], x)
        distances[torch.arange(len(rows), device=x.device), rows] = -1  # itself, whatever rounding says
        nearest = distances.topk(COVERAGE_K + 1, largest=False).values
        for k, parts in found.items():
            parts.append(nearest[:, k])
    return {k: torch.cat(parts) for k, parts in found.items()}
