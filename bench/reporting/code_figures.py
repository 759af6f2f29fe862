"""The figure of codes: held-out codes of each variant over samples of its prior."""

from pathlib import Path

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Circle

from bench.io import tables
from bench.reporting.group import Group
from bench.reporting.image_figures import FREE_LAYOUT, GRIDS_PER_LINE, newest
from bench.reporting.style import Figure, line_styles, save, wrapped
from bench.store.folders import TrialFolder

RADIUS = 3.0  # of the ring for N(0, I); in two dimensions it contains 99% of the samples
WIDTH, HEIGHT = 2.2, 2.2  # inches, of one variant's panel without its label; the ring has radius 1
FONT = 7  # points
LINE = FONT * 1.25 / 72  # inches
EDGE = 1.05  # points further out would lie in a neighbour's panel
LEGEND = "● codes   ○ samples of the prior"
LEGEND_ROOM = 0.25  # inches
MAX_CODE_BYTES = 2**26  # of one array; an evaluation stores 500 codes, at most 16 MB
MOST_DIMENSIONS = 4096  # of codes: the covariance matrix is quadratic in them
CAPTION = (
    "The last evaluation of each variant's first finished seed. "
    "Draws from q(z|x) for held-out images (filled) and samples of the prior (hollow, grey), projected onto the two "
    "directions in which the codes vary most. Solid ring: the outline of the unit sphere. Dotted ring: radius "
    f"{RADIUS:g}, for N(0, I). If codes match the prior, both clouds look alike."
)


def codes(group: Group, trials: dict[str, TrialFolder], folder: Path) -> list[Figure]:
    """Draw codes and prior samples of each variant, in the plane in which its codes vary most."""
    files = {variant: newest(trial, "codes", "npz") for variant, trial in trials.items()}
    views = {variant: projected(content) for variant, content in files.items() if content is not None}
    views = {variant: view for variant, view in views.items() if view is not None}
    if not views:
        return []
    styles, priors = line_styles(group.trials), group.trials.set_index("variant")["prior"].to_dict()
    columns, lines = min(len(views), GRIDS_PER_LINE), -(-len(views) // GRIDS_PER_LINE)
    labels = {variant: _label(variant, points, priors[variant] == "sphere") for variant, (points, _) in views.items()}
    height = HEIGHT + LINE * max(label.count("\n") + 1 for label in labels.values())
    with mpl.rc_context(FREE_LAYOUT):
        figure = plt.figure(figsize=(WIDTH * columns, height * lines + LEGEND_ROOM))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        for i, (variant, (points, prior)) in enumerate(views.items()):
            centre = np.array([WIDTH * (i % columns), -height * (i // columns)])
            _panel(axes, centre, labels[variant], points, prior, priors[variant] == "sphere", styles[variant].colour)
        top = height - HEIGHT / 2
        low = top - height * lines
        axes.text(-1, low, LEGEND, ha="left", va="top", fontsize=FONT)
        axes.set(xlim=(-WIDTH / 2, WIDTH * columns - WIDTH / 2), ylim=(low - LEGEND_ROOM, top), aspect="equal")
        data = pd.concat([_frame(variant, *view) for variant, view in views.items()], ignore_index=True)
        save(figure, folder / "codes", data)
    return [Figure("codes", "Codes on the prior", CAPTION, whole=True)]


def _panel(
    axes: Axes, centre: np.ndarray, label: str, points: np.ndarray, prior: np.ndarray, sphere: bool, colour: str
) -> None:
    hollow, filled = ((centre + _visible(each, sphere)).T for each in (prior, points))
    # Shape and lightness differ too: a method may have the colour grey.
    axes.scatter(*hollow, s=7, facecolors="none", edgecolors="0.6", lw=0.5, rasterized=True)
    axes.scatter(*filled, s=6, color=colour, alpha=0.8, lw=0, rasterized=True)
    axes.add_patch(Circle((centre[0], centre[1]), 1, fill=False, color="0.5", lw=0.7, ls="-" if sphere else ":"))
    axes.text(centre[0], centre[1] + 1.07, label, ha="center", va="bottom", fontsize=FONT)


def _label(variant: str, points: np.ndarray, sphere: bool) -> str:
    outside = 1 - len(_visible(points, sphere)) / max(len(points), 1)
    return wrapped(variant) + (f"\n({outside:.0%} further out)" if outside else "")


def _visible(points: np.ndarray, sphere: bool) -> np.ndarray:
    """The points of a panel, in units of its ring."""
    scaled = points if sphere else points / RADIUS
    return scaled[np.abs(scaled).max(axis=1) <= EDGE]


def projected(content: bytes) -> tuple[np.ndarray, np.ndarray] | None:
    """Project codes and prior samples onto the first two principal axes of the codes.

    The axes pass through zero, the priors' mean. One-dimensional codes get a second, constant coordinate.

    Args:
        content: bytes of an npz file with the arrays codes [n, d] and prior [m, d].

    Returns:
        Codes [n, 2] and prior samples [m, 2]; None if the file is malformed.
    """
    try:
        arrays = tables.parse_npz(content, {"codes": (None, None), "prior": (None, None)}, MAX_CODE_BYTES)
        points, prior = (np.pad(arrays[name].astype(float), ((0, 0), (0, 1))) for name in ("codes", "prior"))
    except (ValueError, TypeError):
        return None
    if points.shape[1] != prior.shape[1] or points.shape[1] > MOST_DIMENSIONS + 1:  # one column is padding
        return None
    points = points[np.isfinite(points).all(axis=1)]
    axes = np.linalg.eigh(points.T @ points)[1][:, -2:][:, ::-1]
    return points @ axes, prior @ axes


def _frame(variant: str, points: np.ndarray, prior: np.ndarray) -> pd.DataFrame:
    parts = [
        pd.DataFrame({"variant": variant, "of": name, "x": xy[:, 0], "y": xy[:, 1]})
        for name, xy in (("codes", points), ("prior", prior))
    ]
    return pd.concat(parts)
