"""Figures of what each method does with codes, for the gallery of methods.

    python -m docs_build.code_figures [METHOD ...]

Trains every method (or those named) on the digits with so few latent dimensions that all of them can be seen: two for
N(0, I), and three for the sphere, whose whole surface is drawn in an equal-area projection. Held-out images are encoded
before the training and after several steps. Writes docs/methods/figures/METHOD.png, in 10 seconds a method.
"""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from bench.data.datasets import Request
from bench.data.images import to_unit
from bench.data.preparation import prepare
from bench.data.prepared import Prepared
from bench.driver.identity import identify
from bench.driver.resolution import resolve
from bench.experiment.specification import TrialSpec
from bench.reporting.style import STYLE
from bench.training.batches import Batches
from bench.training.build import build
from methods import METHODS, Method

FIGURES = Path(__file__).parent.parent / "docs" / "methods" / "figures"
DIMENSIONS = {"normal": 2, "sphere": 3}
STEPS = (0, 20, 100, 600)  # 600 steps are the 30 epochs of the digits' protocol
SHOWN = 397  # all held-out images of the validation split
HEIGHTS = {"normal": 1.5, "sphere": 0.85}  # of a line of panels, in inches
COLOURS = plt.get_cmap("tab10")(np.arange(10))  # of the ten digits
REACH = 3.5  # of the axes in the plane, in standard deviations of the prior


def main() -> None:
    """Draw the figures of the methods named on the command line, by default of all."""
    torch.set_num_threads(1)
    FIGURES.mkdir(parents=True, exist_ok=True)
    prepared = prepare(Request("digits", Path("data"), resolve({}, None, None)[0].preprocessing, Path("data/prepared")))
    for name in sys.argv[1:] or METHODS:
        draw(name, prepared)


def draw(name: str, prepared: Prepared) -> None:
    """Draw one method: a line for each prior, a panel for each step of STEPS, and one for samples of the prior."""
    priors = METHODS[name].priors
    heights = [HEIGHTS[prior] for prior in priors]
    with plt.rc_context({**STYLE, "axes.grid": False, "font.size": 8}):
        figure = plt.figure(figsize=(1.6 * (len(STEPS) + 1), sum(heights) + 0.2))
        grid = figure.add_gridspec(len(priors), len(STEPS) + 1, height_ratios=heights)
        for line, prior in enumerate(priors):
            method, codes = trained(name, prior, prepared)
            for column, (title, points) in enumerate([*codes, ("samples of the prior", method.prior.sample(SHOWN))]):
                axes = figure.add_subplot(grid[line, column], projection="mollweide" if prior == "sphere" else None)
                colours = COLOURS[prepared.labels("validation")] if column < len(codes) else "0.6"
                axes.scatter(*on_paper(points, prior), c=colours, s=4, lw=0)
                axes.set(title=title if line == 0 else "", xticks=[], yticks=[])
                if prior == "normal":
                    axes.set(xlim=(-REACH, REACH), ylim=(-REACH, REACH), aspect="equal")
                    axes.spines[:].set_visible(False)
        content = io.BytesIO()
        figure.savefig(content, dpi=130)
        plt.close(figure)
    few_colours = Image.open(content).convert("RGB").quantize(48, dither=Image.Dither.NONE)
    few_colours.save(FIGURES / f"{name}.png", optimize=True)


def trained(name: str, prior: str, prepared: Prepared) -> tuple[Method, list[tuple[str, Tensor]]]:
    """Train a method with seed 0, and return it with the codes of held-out images after each of STEPS."""
    spec = specification(name, prior, prepared)
    method, rate = build(spec), spec.learning_rate
    assert rate is not None
    groups = [{**group, "lr": rate * group.pop("lr_scale", 1)} for group in method.param_groups()]
    optimiser = torch.optim.Adam(groups)
    batches = Batches(torch.from_numpy(np.array(prepared.images("train"))), spec.training.batch_size, seed=0)
    held_out = to_unit(torch.from_numpy(np.array(prepared.images("validation"))))
    codes = []
    for step in range(STEPS[-1] + 1):
        if step in STEPS:
            with torch.no_grad():
                codes.append((f"{step} steps" if step else "untrained", method.sample_codes(held_out)))
        optimiser.zero_grad()
        method.losses(to_unit(batches[step]))["loss"].backward()
        optimiser.step()
        method.after_step()
    return method, codes


def specification(name: str, prior: str, prepared: Prepared) -> TrialSpec:
    """Return a trial of the digits' protocol, at the data set's defaults, with few latent dimensions."""
    dimensions = f"network.latent_dim={DIMENSIONS[prior]}"
    experiment, [variant], *_ = resolve(
        {"methods": [f"{name}[prior={prior}]"]}, None, [dimensions, "training.precision=fp32"]
    )
    return TrialSpec(
        method=name,
        hyperparameters=variant.hyperparameters,
        prior=prior,
        learning_rate=variant.defaults["learning_rate"],
        dataset=identify(experiment, prepared),
        preprocessing=experiment.preprocessing,
        network=experiment.network,
        training=experiment.training,
        evaluation=experiment.evaluation,
        seed=0,
    )


def on_paper(points: Tensor, prior: str) -> Iterator[np.ndarray]:
    """Return the horizontal and vertical positions of codes [n, d] in a panel."""
    if prior == "normal":
        return iter(points.detach().numpy().T)
    x, y, z = points.detach().numpy().T
    return iter((np.arctan2(y, x), np.arcsin(np.clip(z, -1, 1))))


if __name__ == "__main__":
    main()
