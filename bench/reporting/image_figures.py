"""Figures of images: samples, reconstructions and interpolations side by side, and samples over training time."""

import io
import re
from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Canvas
from PIL import Image

from bench.analysis import across_seeds, frames
from bench.errors import warn
from bench.io.files import write_atomically
from bench.io.untrusted import is_valid_png
from bench.reporting.group import Group
from bench.reporting.style import DPI, STYLE, Figure, save, wrapped
from bench.store.folders import REAL, TrialFolder

INCHES = 2.6  # width of one image grid
FONT = 8  # points, of a grid's title
LINE = FONT * 1.25 / 72  # inches, height of a line of a title
GRIDS_PER_LINE = 5
LARGEST_SIDE = 1100  # pixels of a grid in memory: 4 x 4 images of 256 pixels are kept whole
MOMENT_INCHES = 1.5  # width of one of several moments
MOMENTS = 6  # evaluations of a training that are shown
STEP = re.compile(r"samples-\d{1,18}")
FREE_LAYOUT = STYLE | {"figure.constrained_layout.use": False}  # for figures that place their parts themselves
OVER_TIME = "Samples over training time"
KINDS = {
    "samples": "Images decoded from samples of the prior, at the last evaluation of each variant's first finished "
    "seed; not selected by hand. Variants with the same prior use the same latent draws.",
    "reconstructions": "The last evaluation of each variant's first finished seed. Held-out images, the same for all "
    "variants; each row is followed by its reconstructions.",
    "interpolations": "The last evaluation of each variant's first finished seed. Each row interpolates between the "
    "codes of two held-out images, along the prior's paths. The images are the same for all variants.",
}


def representatives(group: Group) -> dict[str, TrialFolder]:
    """Return the first finished seed of every variant in figures."""
    trials: dict[str, TrialFolder] = {}
    for record in frames.records(across_seeds.finished(group.trials).sort_values(["variant", "seed"])):
        if record["variant"] in group.shown:
            trials.setdefault(record["variant"], group.trial(record))
    return trials


def copy_grids(trials: dict[str, TrialFolder], kind: str, report: Path) -> dict[str, Path]:
    """Copy the newest image grid of one kind of each variant into the report, and return their paths."""
    copies = {}
    for variant, trial in trials.items():
        grid = newest(trial, kind, "png")
        if grid is not None:
            copies[variant] = report / kind / f"{trial.path.name}.png"
            write_atomically(copies[variant], grid)
    return copies


def newest(trial: TrialFolder, kind: str, suffix: str) -> bytes | None:
    """Return the newest undamaged file of one kind, or None; warn of each newer one that is damaged."""
    for path in sorted((trial.path / "samples").glob(f"{kind}-*.{suffix}"), reverse=True):
        content = trial.read_if_intact(f"samples/{path.name}")
        if content is not None and (suffix != "png" or is_valid_png(content)):
            return content
        warn(f"{trial.path.name}/samples/{path.name} is damaged; an older grid is shown")
    return None


def read_grid(source: Path | io.BytesIO) -> np.ndarray:
    """Read a valid PNG as float32 [h, w] or [h, w, c] in [0, 1], reduced to at most LARGEST_SIDE pixels a side.

    A report keeps dozens of grids, each of which may decode to `MAX_PIXELS`. Figures show far fewer pixels.
    """
    with Image.open(source, formats=("PNG",)) as image:
        factor = -(-max(image.size) // LARGEST_SIDE)
        grey = image.mode in ("1", "L")
        pixels = image.convert("L" if grey else "RGB").reduce(factor)
    return np.asarray(pixels, np.float32) / 255


def overview(group: Group, grids: dict[str, Path], folder: Path) -> list[Figure]:
    """Draw sample grids side by side, real images first. grids: PNG files by variant."""
    extractor = group.folders[0].extractor
    real = extractor.read_if_intact(REAL)
    shown = ({"real": extractor.path / REAL} if real and is_valid_png(real) else {}) | grids
    if not grids:
        return []
    images = [(title, read_grid(path)) for title, path in shown.items()]
    lines = [images[i : i + GRIDS_PER_LINE] for i in range(0, len(images), GRIDS_PER_LINE)]
    with mpl.rc_context(FREE_LAYOUT):
        titles = [wrapped(title) for title, _ in images]
        room = 0.03 + LINE / INCHES * max(title.count("\n") + 1 for title in titles)
        pixels = [[pixels for _, pixels in line] for line in lines]
        figure, axes, corners = _mosaic(pixels, INCHES, top=room, line_gap=room + 0.03)
        for title, (x, y) in zip(titles, corners, strict=True):
            axes.text(x + 0.5, y - 0.02, title, ha="center", va="bottom", fontsize=FONT)
        save(figure, folder / "samples")
    about = KINDS["samples"] + (" Real: images of the data set." if "real" in shown else "")
    return [Figure("samples", "Samples side by side", about, data=False, grids=len(images), whole=True)]


def over_time(trials: dict[str, TrialFolder], folder: Path) -> list[Figure]:
    """Draw a row of grids per variant: samples from the same latent draws, at several moments of the training."""
    moments = {variant: _moments(trial) for variant, trial in trials.items()}
    moments = {variant: grids for variant, grids in moments.items() if len(grids) > 1}
    if not moments:
        return []
    quarters = [
        [pixels[: len(pixels) // 2 + 1, : len(pixels) // 2 + 1] for pixels in grids.values()]
        for grids in moments.values()
    ]
    inches = MOMENT_INCHES
    titles = {variant: _fitted(variant, inches * len(grids)) for variant, grids in moments.items()}
    line = LINE / inches
    room = 0.03 + line * (1 + max(title.count("\n") + 1 for title in titles.values()))  # the steps have a line too
    with mpl.rc_context(FREE_LAYOUT):
        figure, axes, corners = _mosaic(quarters, inches, top=room, gap=0.03, line_gap=room + 0.03)
        captions = [f"step {step:,}" for grids in moments.values() for step in grids]
        for caption, (x, y) in zip(captions, corners, strict=True):
            axes.text(x + 1, y - 0.02, caption, ha="right", va="bottom", fontsize=7, color="0.4")
        for title, y in zip(titles.values(), sorted({y for _, y in corners}), strict=True):
            axes.text(0, y - 0.02 - line, title, va="bottom", fontsize=FONT, fontweight="bold")
        save(figure, folder / "over_time")
    about = (
        "The same latent draws at every moment; each picture is a quarter of the grid. In over_time.png: each "
        "variant's first finished seed, from the first evaluation (left) to the last (right)."
    )
    count = -(-sum(map(len, quarters)) // 2)  # a quarter is shown larger than in a whole grid
    return [Figure("over_time", OVER_TIME, about, data=False, grids=count, whole=True)]


def _fitted(label: str, inches: float) -> str:
    """Break a bold label to fit a width."""
    return wrapped(label, int(inches * 72 / (0.75 * FONT)))  # bold letters are about three quarters as wide as high


def _mosaic(
    lines: list[list[np.ndarray]], inches: float, top: float = 0.0, gap: float = 0.06, line_gap: float = 0.13
) -> tuple[Canvas, Axes, list[tuple[float, float]]]:
    """Draw rows of images in one pair of axes, since the layout of dozens of axes takes seconds.

    Args:
        lines: images [h, w] or [h, w, c]; each is 1 wide and 1 high in data coordinates.
        inches: size of an image on paper.
        top: room for text above the first line, in images.
        gap: between images, in images.
        line_gap: between lines, in images.

    Returns:
        The figure, its axes (y points down) and the upper left corner of each image.
    """
    height, width = line_gap + 1, gap + 1
    right, bottom = max(map(len, lines)) * width - gap, len(lines) * height - line_gap
    size = (inches * right, inches * (bottom + top))
    figure = plt.figure(figsize=size)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.axis("off")
    corners = [(column * width, line * height) for line, images in enumerate(lines) for column in range(len(images))]
    for pixels, (x, y) in zip([pixels for line in lines for pixels in line], corners, strict=True):
        # Small grids stay crisp. Large ones are scaled down, and antialiasing keeps every line of pixels visible.
        interpolation = "nearest" if len(pixels) <= inches * DPI else "antialiased"
        extent = (x, x + 1, y + 1, y)
        axes.imshow(pixels, cmap="gray", vmin=0, vmax=1, interpolation=interpolation, extent=extent, aspect="auto")
    axes.set(xlim=(0, right), ylim=(bottom, -top))
    return figure, axes, corners


def grid_files(trial: TrialFolder) -> dict[int, str]:
    """Return the names of a trial's sample grids by step: one per evaluation."""
    names = sorted(path.name for path in (trial.path / "samples").glob("samples-*.png") if STEP.fullmatch(path.stem))
    return {int(name.removesuffix(".png").rpartition("-")[2]): name for name in names}


def evenly(files: dict[int, str]) -> dict[int, str]:
    """Return at most MOMENTS of the files, evenly spaced, the first and the last included."""
    steps = list(files)
    chosen = {round(i * (len(steps) - 1) / (MOMENTS - 1)) for i in range(MOMENTS)} if steps else set()
    return {steps[i]: files[steps[i]] for i in sorted(chosen)}


def _moments(trial: TrialFolder) -> dict[int, np.ndarray]:
    """Pixels of the sample grid by step, at evenly spaced evaluations."""
    grids = {}
    for step, name in evenly(grid_files(trial)).items():
        content = trial.read_if_intact(f"samples/{name}")
        if content is not None and is_valid_png(content):
            grids[step] = read_grid(io.BytesIO(content))
    return grids
