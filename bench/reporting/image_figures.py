"""Figures of pictures: samples, reconstructions and interpolations side by side, over time, and codes on the prior."""

import io
import re
import sys
import textwrap
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from matplotlib.patches import Circle

from bench.analysis import across_seeds, frames
from bench.io import tables
from bench.io.files import write_atomically
from bench.io.untrusted import is_valid_png
from bench.reporting.group import Group
from bench.reporting.style import DPI, STYLE, Figure, looks, save
from bench.store.folders import REAL, TrialFolder

INCHES = 2.6  # width of one grid
ACROSS = 5  # grids side by side
RADIUS = 3.0  # about N(0, I), which holds 99% of it in two dimensions
LEGEND = "colour: codes\nlight grey: samples of the prior"  # of codes
LEGEND_ROOM = 0.3  # inches
MOMENTS = 6  # of a training that are shown
WIDEST = 4097  # directions of codes and one, whose covariance is taken
STEP = re.compile(r"samples-\d{1,18}")
FREE = STYLE | {"figure.constrained_layout.use": False}
KINDS = {
    "samples": "The last evaluation of each variant's first seed, the same draws wherever the prior is the same; not "
    "selected.",
    "reconstructions": "Held-out images, the same for all; below each line, their reconstructions.",
    "interpolations": "Lines between the codes of two held-out images each, the same for all, along the prior's paths.",
}


def representatives(group: Group) -> dict[str, TrialFolder]:
    """For every variant that is shown its first finished seed."""
    found: dict[str, TrialFolder] = {}
    for record in frames.records(across_seeds.finished(group.trials).sort_values(["variant", "seed"])):
        if record["variant"] in group.shown:
            found.setdefault(record["variant"], group.trial(record))
    return found


def copied(trials: dict[str, TrialFolder], kind: str, report: Path) -> dict[str, Path]:
    """The newest grid of that kind of each variant, copied into the report."""
    found = {}
    for variant, trial in trials.items():
        grid = _newest(trial, kind, "png")
        if grid is not None:
            found[variant] = report / kind / f"{trial.path.name}.png"
            write_atomically(found[variant], grid)
    return found


def _newest(trial: TrialFolder, kind: str, suffix: str) -> bytes | None:
    """The newest picture that is whole; of one that is not, a warning."""
    for path in sorted((trial.path / "samples").glob(f"{kind}-*.{suffix}"), reverse=True):
        whole = trial.read_if_intact(f"samples/{path.name}")
        if whole is not None and (suffix != "png" or is_valid_png(whole)):
            return whole
        print(f"warning: {trial.path.name}/samples/{path.name} is damaged; an older grid is shown", file=sys.stderr)
    return None


def overview(group: Group, grids: dict[str, Path], folder: Path) -> list[Figure]:
    """Sample grids side by side, real images first."""
    extractor = group.folders[0].extractor
    real = extractor.read_if_intact(REAL)
    shown = ({"real": extractor.path / REAL} if real and is_valid_png(real) else {}) | grids
    if not grids:
        return []
    pictures = [(title, plt.imread(path)) for title, path in shown.items()]
    lines = [pictures[i : i + ACROSS] for i in range(0, len(pictures), ACROSS)]
    with mpl.rc_context(FREE):
        figure, axes, places = _mosaic(
            [[pixels for _, pixels in line] for line in lines], INCHES, top=0.16, line_gap=0.2
        )
        for (title, _), (x, y) in zip(pictures, places, strict=True):
            axes.text(x + 0.5, y - 0.02, textwrap.fill(title, 30), ha="center", va="bottom", fontsize=8)
        save(figure, folder / "samples")
    return [Figure("samples", "Samples side by side", KINDS["samples"], data=False)]


def over_time(trials: dict[str, TrialFolder], folder: Path) -> list[Figure]:
    """A line for each variant: samples of the same draws at several moments of the training."""
    found = {variant: _moments(trial) for variant, trial in trials.items()}
    found = {variant: moments for variant, moments in found.items() if len(moments) > 1}
    if not found:
        return []
    halves = [[pixels[: len(pixels) // 2 + 1, : len(pixels) // 2 + 1] for pixels in m.values()] for m in found.values()]
    with mpl.rc_context(FREE):
        figure, axes, places = _mosaic(halves, 1.5, top=0.24, gap=0.03, line_gap=0.26)
        captions = [f"step {step:,}" for moments in found.values() for step in moments]
        for caption, (x, y) in zip(captions, places, strict=True):
            axes.text(x + 1, y - 0.02, caption, ha="right", va="bottom", fontsize=7, color="0.4")
        for variant, y in zip(found, sorted({y for _, y in places}), strict=True):
            axes.text(0, y - 0.12, variant, va="bottom", fontsize=8, fontweight="bold")
        save(figure, folder / "over_time")
    about = "The same draws at every moment; a quarter of each grid."
    return [Figure("over_time", "Samples over training time", about, data=False)]


def _mosaic(
    lines: list[list[np.ndarray]], inches: float, top: float = 0.0, gap: float = 0.06, line_gap: float = 0.13
) -> tuple[Canvas, Axes, list[tuple[float, float]]]:
    """Lines of pictures [h, w] or [h, w, c] in one pair of axes, for dozens of axes take seconds to lay out.

    A picture is 1 wide and high, `inches` on paper; y goes down. top: room for words, in pictures. Returns the upper
    left corner of each as well.
    """
    height, width = line_gap + 1, gap + 1
    right, bottom = max(map(len, lines)) * width - gap, len(lines) * height - line_gap
    size = (inches * right, inches * (bottom + top))
    figure = plt.figure(figsize=size)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    places = [(column * width, line * height) for line, pictures in enumerate(lines) for column in range(len(pictures))]
    for pixels, (x, y) in zip([pixels for line in lines for pixels in line], places, strict=True):
        # Small grids stay crisp; large ones, made smaller, must not lose every other line.
        interpolation = "nearest" if len(pixels) <= inches * DPI else "antialiased"
        extent = (x, x + 1, y + 1, y)
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation=interpolation, extent=extent, aspect="auto")
    axes.set(xlim=(0, right), ylim=(bottom, -top))
    return figure, axes, places


def _moments(trial: TrialFolder) -> dict[int, np.ndarray]:
    """Step -> pixels of the sample grid, for moments evenly chosen among the evaluations."""
    paths = [path for path in sorted((trial.path / "samples").glob("samples-*.png")) if STEP.fullmatch(path.stem)]
    chosen = {round(i * (len(paths) - 1) / (MOMENTS - 1)) for i in range(MOMENTS)} if paths else set()
    found = {}
    for path in (paths[i] for i in sorted(chosen)):
        whole = trial.read_if_intact(f"samples/{path.name}")
        if whole is not None and is_valid_png(whole):
            found[int(path.stem.rpartition("-")[2])] = plt.imread(io.BytesIO(whole))
    return found


def codes(group: Group, trials: dict[str, TrialFolder], folder: Path) -> list[Figure]:
    """Held-out codes of each variant over samples of its prior, in the plane in which its codes spread most."""
    found = {variant: _newest(trial, "codes", "npz") for variant, trial in trials.items()}
    views = {variant: _view(stored) for variant, stored in found.items() if stored is not None}
    views = {variant: view for variant, view in views.items() if view is not None}
    if not views:
        return []
    styles, priors = looks(group.trials), group.trials.set_index("variant")["prior"].to_dict()
    columns, lines = min(len(views), ACROSS), -(-len(views) // ACROSS)
    with mpl.rc_context(FREE):
        figure = plt.figure(figsize=(2.2 * columns, 2.4 * lines + LEGEND_ROOM))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        for i, (variant, (points, prior)) in enumerate(views.items()):
            centre = np.array([2.2 * (i % columns), -2.4 * (i // columns)])
            sphere = priors[variant] == "sphere"
            scale = 1.0 if sphere else 1 / RADIUS
            dots = {"lw": 0, "rasterized": True}
            inside = np.abs(scale * points).max(axis=1) <= 1.05  # what is further out would lie in another's place
            axes.scatter(*(centre + scale * prior).T, s=3, color="0.75", **dots)
            axes.scatter(*(centre + scale * points[inside]).T, s=4, color=styles[variant].colour, alpha=0.7, **dots)
            axes.add_patch(
                Circle((centre[0], centre[1]), 1, fill=False, color="0.5", lw=0.7, ls="-" if sphere else ":")
            )
            outside = f" ({(~inside).mean():.0%} further out)" if not inside.all() else ""
            label = textwrap.fill(variant + outside, 32)
            axes.text(centre[0], centre[1] + 1.07, label, ha="center", va="bottom", fontsize=7)
        low = 1.3 - 2.4 * lines
        axes.text(-1, low, LEGEND, ha="left", va="top", fontsize=7)
        axes.set(xlim=(-1.1, 2.2 * columns - 1.1), ylim=(low - LEGEND_ROOM, 1.3), aspect="equal")
        data = pd.concat([_frame(variant, *view) for variant, view in views.items()], ignore_index=True)
        save(figure, folder / "codes", data)
    caption = (
        "Draws from q(z|x) of held-out images (colour) and samples of the prior (light grey), projected on the two "
        "directions in which these codes spread most. The ring is the outline of the unit sphere; dotted, for N(0, I), "
        f"it has radius {RADIUS:g}. Where codes match the prior, the clouds are alike."
    )
    return [Figure("codes", "Codes on the prior", caption)]


def _view(stored: bytes) -> tuple[np.ndarray, np.ndarray] | None:
    """Codes and prior samples [n, 2] on the first two principal axes of the codes (about zero, the priors' mean).

    A direction without any spread is added, so that codes of one dimension have two as well. None where there are none.
    """
    try:
        arrays = tables.parse_npz(stored, {"codes": (None, None), "prior": (None, None)})
        points, prior = (np.pad(arrays[name].astype(float), ((0, 0), (0, 1))) for name in ("codes", "prior"))
    except (ValueError, TypeError):
        return None
    if points.shape[1] != prior.shape[1] or points.shape[1] > WIDEST:
        return None
    points = points[np.isfinite(points).all(axis=1)]
    axes = np.linalg.eigh(points.T @ points)[1][:, -2:][:, ::-1]
    return points @ axes, prior @ axes


def _frame(variant: str, points: np.ndarray, prior: np.ndarray) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"variant": variant, "of": of, "x": xy[:, 0], "y": xy[:, 1]})
        for of, xy in (("codes", points), ("prior", prior))
    ]
    return pd.concat(parts)
