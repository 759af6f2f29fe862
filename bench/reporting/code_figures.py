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
WIDTH, HEIGHT = 2.2, 2.4  # of one variant's panel; the ring has radius 1
LEGEND = "colour: codes\nlight grey: samples of the prior"
LEGEND_ROOM = 0.3  # inches
MAX_CODE_BYTES = 2**26  # of one array; an evaluation stores 500 codes, at most 16 MB
MOST_DIMENSIONS = 4096  # of codes: the covariance matrix is quadratic in them
CAPTION = (
    "Draws from q(z|x) for held-out images (colour) and samples of the prior (light grey), projected onto the two "
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
    with mpl.rc_context(FREE_LAYOUT):
        figure = plt.figure(figsize=(WIDTH * columns, HEIGHT * lines + LEGEND_ROOM))
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        for i, (variant, (points, prior)) in enumerate(views.items()):
            centre = np.array([WIDTH * (i % columns), -HEIGHT * (i // columns)])
            _panel(axes, centre, variant, points, prior, priors[variant] == "sphere", styles[variant].colour)
        low = 1.3 - HEIGHT * lines
        axes.text(-1, low, LEGEND, ha="left", va="top", fontsize=7)
        axes.set(xlim=(-1.1, WIDTH * columns - 1.1), ylim=(low - LEGEND_ROOM, 1.3), aspect="equal")
        data = pd.concat([_frame(variant, *view) for variant, view in views.items()], ignore_index=True)
        save(figure, folder / "codes", data)
    return [Figure("codes", "Codes on the prior", CAPTION)]


def _panel(
    axes: Axes, centre: np.ndarray, variant: str, points: np.ndarray, prior: np.ndarray, sphere: bool, colour: str
) -> None:
    scale = 1.0 if sphere else 1 / RADIUS
    dots = {"lw": 0, "rasterized": True}
    inside = np.abs(scale * points).max(axis=1) <= 1.05  # points further out would lie in a neighbour's panel
    axes.scatter(*(centre + scale * prior).T, s=3, color="0.75", **dots)
    axes.scatter(*(centre + scale * points[inside]).T, s=4, color=colour, alpha=0.7, **dots)
    axes.add_patch(Circle((centre[0], centre[1]), 1, fill=False, color="0.5", lw=0.7, ls="-" if sphere else ":"))
    outside = f" ({(~inside).mean():.0%} further out)" if not inside.all() else ""
    label = wrapped(variant + outside)
    axes.text(centre[0], centre[1] + 1.07, label, ha="center", va="bottom", fontsize=7)


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
