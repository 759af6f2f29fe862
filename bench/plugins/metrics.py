"""The contracts of metrics: one number for a set of generated images, or for the codes of a trained method.

    def nearest(features, real_features):
        "Nearest: the distance from a generated image to the nearest real one, averaged over generated images."
        return torch.cdist(features, real_features).amin(1).mean()

    METRICS = {"nearest": Metric(nearest, better="lower")}

The names of the function's parameters say what it is given. The first line of its docstring is shown below tables.
A metric is measured where `evaluation.metrics` names it. Its value for real images, or for samples of the prior, stands
beside it, measured by the same function.
"""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bench.errors import UserError
from bench.evaluation.code_measures import CODE_MEASURES, CodeMeasure, Codes
from bench.evaluation.measures import MEASURES, ImageSet, Measure
from bench.evaluation.reference import Reference
from bench.metrics import columns, latent
from bench.metrics.columns import OPTIONAL, Better, Declared
from bench.runtime.rng import forked
from methods.priors import Normal

PIXELS = 1000  # images whose pixels a metric is given
INPUTS = {  # parameter -> what it receives
    "features": "of generated images, float32 [n, d], n <= 10,000",
    "real_features": "of the real images to compare with, float32 [m, d], m <= 10,000",
    "training_features": "of the images that methods were trained on, float32 [t, d]",
    "images": "generated images, uint8 [k, c, h, w], k <= 1000",
    "real_images": "the real images to compare with, uint8 [k, c, h, w]",
}
CODE_INPUTS = {
    "codes": "one draw from q(z|x) for each held-out image, float32 [n, d]",
    "samples": "as many samples of the prior, float32 [n, d]",
    "prior": "the prior itself, a methods.priors.Prior",
}


@dataclass(frozen=True)
class Metric:
    """A metric of generated images.

    Attributes:
        measure: a function of some of INPUTS that returns a finite number.
        better: "lower", "higher", or "real": the nearer to the value of real images, the better.
        heading: in tables. Default: the metric's name.
    """

    measure: Callable[..., Any]
    better: Better
    heading: str = ""


@dataclass(frozen=True)
class CodeMetric:
    """A metric of codes: a function of some of CODE_INPUTS. "real": the nearer to the value of the prior, the better.

    Other attributes as for `Metric`.
    """

    measure: Callable[..., Any]
    better: Better
    heading: str = ""


def register(name: str, metric: object, version: str) -> None:
    """Make the metric one that `evaluation.metrics` may name.

    Raises:
        TypeError: it is no `Metric`, or its function has other parameters.
        ValueError: `better` or `heading` is not allowed, or its columns could be those of another metric.
    """
    if not isinstance(metric, Metric):
        raise TypeError('is not a bench.plugins.Metric; write Metric(function, better="lower")')
    inputs = _inputs(metric.measure, INPUTS)
    about = _checked(name, metric)
    by_features = any(each.endswith("features") for each in inputs)
    compares = any(each.startswith("real_") for each in inputs)

    def compute(images: ImageSet, real: Reference) -> dict[str, float]:
        return {name: number(name, metric.measure, {each: _input(each, images, real) for each in inputs})}

    declared = Declared("images", metric.heading or name, metric.better, about, by_features, compares)
    other = columns.mistaken_for(name, declared)
    if other:
        raise ValueError(f"its columns could be those of the metric {other}; choose another name")
    columns.declare(name, declared)
    OPTIONAL[name] = about
    MEASURES[name] = Measure(
        (name,),
        compute,
        pixels=PIXELS if "images" in inputs else 0,
        floor="other" if compares else "held_out",
        training="training_features" in inputs,
        version=version,
    )


def register_of_codes(name: str, metric: object, version: str) -> None:
    """As `register`, for a `CodeMetric`."""
    del version
    if not isinstance(metric, CodeMetric):
        raise TypeError('is not a bench.plugins.CodeMetric; write CodeMetric(function, better="lower")')
    inputs = _inputs(metric.measure, CODE_INPUTS)
    about = _checked(name, metric)
    if name.endswith("_prior"):
        raise ValueError("names that end in _prior are those of values of the prior; choose another name")
    column = f"latent_{name}"

    def compute(codes: Codes) -> dict[str, float]:
        count, device = len(codes.draws), codes.draws.device
        samples = latent.prior_samples(codes.prior, count, device, codes.seed)
        fresh = latent.prior_samples(codes.prior, count, device, codes.seed + latent.FRESH)
        found = {}
        for key, each in ((column, codes.draws), (f"{column}_prior", fresh)):
            given = {"codes": each, "samples": samples, "prior": codes.prior}
            with forked(codes.seed):  # so that no value depends on the training, or changes it
                found[key] = number(name, metric.measure, {each: given[each] for each in inputs})
        return found

    columns.declare(name, Declared("codes", metric.heading or name, metric.better, about))
    OPTIONAL[name] = about
    CODE_MEASURES[name] = CodeMeasure(compute, (column,))


def check(name: str, metric: Metric) -> None:
    """Measure random images.

    Raises:
        UserError: the function fails, or gives no finite number, or another one the second time.
    """
    given = {
        "features": torch.randn(40, 8),
        "real_features": torch.randn(60, 8),
        "training_features": torch.randn(80, 8),
        "images": torch.randint(0, 256, (40, 3, 16, 16), dtype=torch.uint8),
        "real_images": torch.randint(0, 256, (60, 3, 16, 16), dtype=torch.uint8),
    }
    _check(name, metric, {each: given[each] for each in _inputs(metric.measure, INPUTS)})


def check_of_codes(name: str, metric: CodeMetric) -> None:
    """Measure samples of the normal distribution; errors as for `check`."""
    given = {"codes": torch.randn(40, 8), "samples": torch.randn(40, 8), "prior": Normal(8)}
    _check(name, metric, {each: given[each] for each in _inputs(metric.measure, CODE_INPUTS)})


def _check(name: str, metric: Metric | CodeMetric, given: Mapping[str, object]) -> None:
    values = []
    for _ in range(2):
        with forked(0):
            values.append(number(name, metric.measure, given))
    if values[0] != values[1]:
        raise UserError(
            f"the metric {name} gives {values[0]:.6g}, then {values[1]:.6g} for the same images; draw random numbers "
            "from torch's global generator only, which the harness seeds"
        )


def number(name: str, measure: Callable[..., Any], given: Mapping[str, object]) -> float:
    """Call the function of a metric without gradients.

    Raises:
        UserError: what it returns is no finite number.
    """
    with torch.no_grad():
        value = measure(**given)
    try:
        result = float(value)
    except (TypeError, ValueError, RuntimeError):
        shape = f" of shape {list(value.shape)}" if isinstance(value, torch.Tensor) else ""
        raise UserError(f"the metric {name} returns {type(value).__name__}{shape}; it must return one number") from None
    if not math.isfinite(result):
        raise UserError(f"the metric {name} returns {result}; it must return a finite number")
    return result


def _inputs(function: object, known: Mapping[str, str]) -> list[str]:
    if not callable(function):
        raise TypeError(f"its measure is {type(function).__name__}; give a function of {', '.join(known)}")
    names = list(inspect.signature(function).parameters)
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        problem = f"has a parameter {unknown[0]}" if unknown else "has no parameters"
        raise TypeError(f"its function {problem}; name some of {', '.join(known)}")
    return names


def _checked(name: str, metric: Metric | CodeMetric) -> str:
    """Check what tables show, and return the first line of the docstring, as they show it."""
    if metric.better not in ("lower", "higher", "real"):
        raise ValueError(f"better={metric.better!r}; write lower, higher or real")
    if metric.heading and not re.fullmatch(columns.HEADING, metric.heading):
        raise ValueError(f"the heading {metric.heading!r} is not 1 to 40 letters, digits, spaces and ()/-")
    line = (inspect.getdoc(metric.measure) or f"{name}: no docstring.").partition("\n")[0]
    return re.sub(rf"[^{columns.ABOUT_CHARACTERS}]", " ", line)[: columns.MAX_ABOUT]


def _input(name: str, images: ImageSet, real: Reference) -> torch.Tensor:
    match name:
        case "features":
            return images.features.values
        case "real_features":
            return real.features.values
        case "training_features":
            return real.training
        case "images":
            return images.pixels[:PIXELS]
        case _:
            return _first_images(real)


def _first_images(real: Reference) -> torch.Tensor:
    parts = list(real.source.data.batches(real.split, PIXELS, PIXELS))
    return torch.cat([torch.from_numpy(part) for part in parts])
