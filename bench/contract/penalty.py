"""Checks of the penalty alone: the networks are identities, so the codes are whatever a check says.

A penalty whose method keeps past codes (`after_step`) is asked after it has seen many batches of the same kind.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import normalize

from bench.contract.modes import Rotated
from bench.contract.subject import Broken, NotAsked, Subject, given
from bench.runtime import rng
from methods import Method
from methods.priors import PRIORS

DIM = 4  # more would need more codes: of 500, Sinkhorn's bias is 4% of SLACK's excess here, 10% with 8
CODES = 500
SEEDS = 8
SETTLING = 10  # batches before the one that counts: more codes than any default memory holds
ERRORS = 4  # how many standard errors count as a difference
SLACK = 0.1  # of the excess of collapsed codes over the floor: the bias of finitely many samples
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
    """On samples of the prior the penalty is, on average, what `floor` says."""
    floor = _floor(subject)
    values, collapsed = penalties(subject, _unchanged), penalties(subject, _collapsed)
    error = values.std() / math.sqrt(SEEDS)
    allowed = max(ERRORS * error, SLACK * (collapsed.mean() - floor))
    if not abs(values.mean() - floor) <= allowed:
        found = f"{values.mean():.4g} +- {error:.2g}"
        raise Broken(f"{CODES} samples of the prior have a penalty of {found}; floor({CODES}) says {floor:.4g}")


def check_grows(subject: Subject) -> None:
    """The penalty is higher on codes that are shifted, shrunk or collapsed than on samples of the prior."""
    _floor(subject)
    values = penalties(subject, _unchanged)
    for name, change in CHANGES[subject.prior].items():
        growth = penalties(subject, change) - values  # of the same draws
        error = growth.std() / math.sqrt(SEEDS)
        if not (growth.mean() > ERRORS * error and growth.mean() > 0):
            raise Broken(f"the penalty does not grow where codes are {name}: by {growth.mean():.4g} +- {error:.2g}")


def check_rotation(subject: Subject) -> None:
    """On the sphere, the penalty is the same when codes, prior samples and projections are rotated together."""
    if subject.prior != "sphere":
        raise NotAsked("the prior is not sphere")
    _floor(subject)
    dim = 7  # and no other size is
    rng.seed_everything(0)
    codes = PRIORS["sphere"](dim).sample(50)
    codes = normalize(codes + 0.3 * codes[:1], dim=1)  # which are not uniform
    rotation = torch.linalg.qr(torch.randn(dim, dim)).Q
    plain = _penalty(subject.identity(dim), codes)
    try:
        with Rotated(rotation):
            turned = _penalty(subject.identity(dim), codes @ rotation.T)
    except ValueError as error:
        raise NotAsked(str(error)) from None
    if not math.isclose(plain, turned, rel_tol=1e-4, abs_tol=1e-5):
        raise Broken(f"the penalty is {plain:.6g}, but {turned:.6g} where codes and normal draws are rotated together")


@lru_cache(maxsize=8)  # of the unchanged samples, which two checks ask for
def penalties(subject: Subject, change: Change) -> Tensor:
    """The penalty of changed samples of the prior, of SEEDS draws: shape [SEEDS], float64."""
    found = []
    for seed in range(SEEDS):
        method = subject.identity(DIM, seed)
        memory = SETTLING if type(method).after_step is not Method.after_step else 0
        batches = change(method.prior.sample((memory + 1) * CODES)).split(CODES)
        for batch in batches[:-1]:
            _penalty(method, batch)
            method.after_step()
        found.append(_penalty(method, batches[-1]))
    return torch.tensor(found, dtype=torch.float64)


def _penalty(method: Method, codes: Tensor) -> float:
    losses = method.losses(given(codes))
    if "penalty" not in losses:
        raise Broken("there is a floor but no penalty; name the unweighted one 'penalty' in losses(x)")
    return losses["penalty"].item()


def _floor(subject: Subject) -> float:
    floor = subject.identity(DIM).floor(CODES)
    if floor is None:
        raise NotAsked("floor(n) is None; define it if samples of the prior have an expected penalty")
    return floor
