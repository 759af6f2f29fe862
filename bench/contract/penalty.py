"""Checks of the penalty alone: the networks are identities, so a check chooses the codes directly.

A method that keeps past codes (`after_step`) is measured after it has seen many batches of the same distribution.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bench.contract.modes import Rotated
from bench.contract.subject import Broken, Skipped, Subject, Unfinished, as_images
from bench.runtime import rng
from methods import Method
from methods.priors import PRIORS

# More dimensions need more codes: with 500 codes, Sinkhorn's bias is 4% of the excess that SLACK refers to; with 8
# dimensions it would be 10%.
DIM = 4
CODES = 500
SEEDS = 8
SETTLING = 10  # batches before the measured one: more codes than any method's default memory holds
ERRORS = 4  # a difference counts if it exceeds this many standard errors
SLACK = 0.1  # allowed bias of finite samples, as a fraction of the excess of collapsed codes over the floor
Change = Callable[[Tensor], Tensor]  # samples of the prior [n, d] -> codes [n, d] that follow another distribution


def _unchanged(samples: Tensor) -> Tensor:
    return samples


def _collapsed(samples: Tensor) -> Tensor:
    return samples[:1].expand_as(samples)


CHANGES: dict[str, dict[str, Change]] = {
    "normal": {"shifted": lambda z: z + 1, "shrunk": lambda z: 0.5 * z, "collapsed": _collapsed},
    "sphere": {
        "shifted": lambda z: normalize(z + normalize(torch.ones(z.shape[1]), dim=0), dim=1),
        "shrunk": lambda z: normalize(torch.cat([z[:, : DIM // 2], 0.2 * z[:, DIM // 2 :]], dim=1), dim=1),
        "collapsed": _collapsed,
    },
}


def check_floor(subject: Subject) -> None:
    """On samples of the prior, the mean penalty equals `floor`. A method without a floor says why."""
    if subject.identity(DIM).floor(CODES) is None and not subject.method.no_floor:
        raise Unfinished(
            "no floor, so reports cannot say how close a penalty is to that of the prior; write def floor(self, n): "
            'return 0.0 if samples of the prior have this penalty on average, or no_floor = "why not" in the class'
        )
    floor = _floor(subject)
    values, collapsed = penalties(subject, _unchanged), penalties(subject, _collapsed)
    error = values.std() / math.sqrt(SEEDS)
    allowed = max(ERRORS * error, SLACK * (collapsed.mean() - floor))
    if not abs(values.mean() - floor) <= allowed:
        penalty = f"{values.mean():.4g} +- {error:.2g}"
        raise Broken(
            f"{CODES} samples of the prior have a penalty of {penalty}, but floor({CODES}) returns {floor:.4g}"
        )


def check_grows(subject: Subject) -> None:
    """The penalty is higher on codes that are shifted, shrunk or collapsed than on samples of the prior."""
    _floor(subject)
    values = penalties(subject, _unchanged)
    for name, change in CHANGES.get(subject.prior, {"collapsed": _collapsed}).items():
        growth = penalties(subject, change) - values  # both use the same draws
        error = growth.std() / math.sqrt(SEEDS)
        if not (growth.mean() > ERRORS * error and growth.mean() > 0):
            raise Broken(
                f"the penalty does not grow when codes are {name}: it changes by {growth.mean():.4g} +- {error:.2g}"
            )


def check_rotation(subject: Subject) -> None:
    """On the sphere, rotating codes, prior samples and projections together leaves the penalty unchanged."""
    if subject.prior != "sphere":
        raise Skipped("the prior is not sphere")
    _floor(subject)
    dim = 7  # a length that no other axis has
    rng.seed_everything(0)
    codes = PRIORS["sphere"](dim).sample(50)
    codes = normalize(codes + 0.3 * codes[:1], dim=1)  # no longer uniform
    rotation = torch.linalg.qr(torch.randn(dim, dim)).Q
    plain = _penalty(subject.identity(dim), codes)
    try:
        with Rotated(rotation):
            rotated = _penalty(subject.identity(dim), codes @ rotation.T)
    except ValueError as error:
        raise Skipped(str(error)) from None
    if not math.isclose(plain, rotated, rel_tol=1e-4, abs_tol=1e-5):
        raise Broken(f"the penalty is {plain:.6g}, but {rotated:.6g} after codes and normal draws are rotated together")


@lru_cache(maxsize=8)  # two checks need the values of the unchanged samples
def penalties(subject: Subject, change: Change) -> Tensor:
    """Return the penalty of changed samples of the prior, one value for each of SEEDS draws: float64 [SEEDS]."""
    values = []
    for seed in range(SEEDS):
        method = subject.identity(DIM, seed)
        memory = SETTLING if type(method).after_step is not Method.after_step else 0
        batches = change(method.prior.sample((memory + 1) * CODES)).split(CODES)
        for batch in batches[:-1]:
            _penalty(method, batch)
            method.after_step()
        values.append(_penalty(method, batches[-1]))
    return torch.tensor(values, dtype=torch.float64)


def _penalty(method: Method, codes: Tensor) -> float:
    losses = method.losses(as_images(codes))
    if "penalty" not in losses:
        raise Broken(
            "floor(n) is defined, but losses(x) has no 'penalty'; return the unweighted penalty under that name"
        )
    return losses["penalty"].item()


def _floor(subject: Subject) -> float:
    """`floor` of the method; raise `Skipped` if it is None."""
    floor = subject.identity(DIM).floor(CODES)
    if floor is None:
        raise Skipped(subject.method.no_floor or "floor(n) is None")
    return floor
