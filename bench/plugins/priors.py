"""The contract of priors: a distribution that codes should follow, a subclass of `methods.priors.Prior`.

    class Cube(Prior):
        "Uniform in the cube [-1, 1]^d."

        def project(self, codes):
            return codes.clamp(-1, 1)

        def sample(self, n, device="cpu"):
            return torch.rand(n, self.dim, device=device) * 2 - 1

        @property
        def variance(self):
            return 1 / 3

    PRIORS = {"cube": Cube}

`sample` draws from torch's global generator. Override `interpolate` if a straight line leaves the support, and
`squared_distance` if the prior's mean is not 0. Methods with `takes_any_prior` accept it, as in --methods
'mmd[prior=cube]'; another method accepts it if its `priors` names it.
"""

import torch

from bench.errors import UserError
from bench.experiment.specification import TrialSpec
from bench.plugins.trying import refuse_other_parameters, refuse_unlike, refuse_unrepeatable
from bench.runtime.code_location import naming
from bench.runtime.rng import forked
from bench.training.build import code_dimensions
from methods.priors import PRIORS, Prior

SAMPLES = 4000
DIM, OTHER_DIM = 6, 9


def register(name: str, prior: object, version: str) -> None:
    """Make the prior one that methods may name.

    Raises:
        TypeError: it is no subclass of `Prior`, lacks a function, or its constructor has other parameters.
        ValueError: its own name is another one.
    """
    del version
    if not (isinstance(prior, type) and issubclass(prior, Prior)):
        raise TypeError("is not a subclass of methods.priors.Prior")
    missing = sorted(prior.__abstractmethods__)
    if missing:
        raise TypeError(f"lacks {', '.join(missing)}; define them as methods.priors.Prior says")
    refuse_other_parameters(prior, ("dim",), "__init__(self, dim, *, scaled=True)")
    own = vars(prior).get("name")
    if own not in (None, name):
        raise ValueError(f"its attribute name is {own!r}; leave it out, or write {name!r} there")
    prior.name = name
    PRIORS[name] = prior


def check(name: str, prior: type[Prior]) -> None:
    """Draw samples, project them and interpolate between them.

    Raises:
        UserError: a result has another shape or is not finite, or does not agree with the others.
    """
    _check(name, prior, DIM)


def check_as_used(name: str, prior: type[Prior], spec: TrialSpec) -> None:
    """As `check`, for the latent dimension of a trial."""
    _check(name, prior, code_dimensions(spec))


def limits(name: str, prior: type[Prior]) -> str:
    """Return why it does not take another latent dimension; "" if it does."""
    try:
        with naming(f"the prior {name} of {OTHER_DIM} dimensions", prior):
            _check(name, prior, OTHER_DIM)
    except UserError as error:
        return str(error)
    return ""


def _check(name: str, prior: type[Prior], dim: int) -> None:
    made = prior(dim)
    draws = []
    for _ in range(2):
        with forked(0):
            draws.append(refuse_unlike(made.sample(SAMPLES), (SAMPLES, dim), f"samples of {name}"))
    samples = draws[0]
    refuse_unrepeatable(draws[0], draws[1], f"samples of {name}")
    if samples.dtype != torch.float32:
        raise UserError(f"samples of {name} must be float32, not {samples.dtype}")
    _refuse_far(made.project(samples), samples, f"project(sample(n)) of {name} must be sample(n): samples are codes")
    with forked(0):
        codes = refuse_unlike(made.project(torch.randn(50, dim)), (50, dim), f"projected codes of {name}")
    _refuse_far(made.project(codes), codes, f"project of {name} must leave what it has projected unchanged")
    a, b, middle = samples[:50], samples[50:100], torch.full((50, 1), 0.5)
    _refuse_far(made.interpolate(a, b, 0 * middle), a, f"interpolate(a, b, 0) of {name} must be a")
    _refuse_far(made.interpolate(a, b, 2 * middle), b, f"interpolate(a, b, 1) of {name} must be b")
    refuse_unlike(made.interpolate(a, b, middle), (50, dim), f"interpolated codes of {name}")
    measured = float(samples.var(0).mean())
    if not 0.8 * measured < made.variance < 1.25 * measured:
        raise UserError(f"variance of {name} is {made.variance:.3g}, but that of its samples is {measured:.3g}")


def _refuse_far(value: torch.Tensor, expected: torch.Tensor, problem: str) -> None:
    refuse_unlike(value, tuple(expected.shape), problem)
    if not torch.allclose(value, expected, atol=1e-3):
        raise UserError(problem)
