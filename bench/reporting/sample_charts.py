"""Samples over the training of trials, for the page: two side by side, and what a click on a curve shows."""

from collections.abc import Iterator

from bench.analysis import frames
from bench.io.untrusted import is_valid_png
from bench.reporting import pictures
from bench.reporting.charts import Chart
from bench.reporting.group import Group
from bench.reporting.image_figures import MOMENTS, evenly, grid_files
from bench.reporting.style import line_styles
from bench.store.folders import TrialFolder

MOST_PICTURES = 240
BYTES = 1_200_000  # of all pictures, before base64
ABOUT = (
    f"The page holds at most {MOST_PICTURES} pictures: {MOMENTS} moments of each variant's first seed, then the last "
    "one of every other trial, then more; each is a quarter of a grid. All grids are in the trials' folders."
)


def chart(group: Group, share: float = 1.0) -> Chart | None:
    """Return the samples of as many trials and moments as the page has room for; None if there are none.

    The first seed of each variant gets several moments. Then every other trial gets its last one, and then its others.
    """
    trainings = {
        record["trial"]: {"variant": record["variant"], "seed": int(record["seed"]), "pictures": {}}
        for record in frames.records(group.trials[group.trials["variant"].isin(group.shown)])
    }
    found: list[tuple[str, int, bytes]] = []
    for trial, step, folder, name in _wanted(group):
        content = folder.read_if_intact(f"samples/{name}") if len(found) < share * MOST_PICTURES else None
        if content is not None and is_valid_png(content):
            found.append((trial, step, pictures.quarter(content)))
    for trial, step, content in sorted(found):
        trainings[trial]["pictures"][step] = pictures.fitted(content, int(share * BYTES) // len(found))
    shown = [{"trial": trial, **training} for trial, training in trainings.items() if training["pictures"]]
    if not shown:
        return None
    order = {variant: i for i, variant in enumerate(group.shown)}
    shown.sort(key=lambda training: (order[training["variant"]], training["seed"]))
    styles = {variant: style for variant, style in line_styles(group.trials).items() if variant in order}
    return Chart("samples", styles, {"trainings": shown}, ABOUT)


def _wanted(group: Group) -> Iterator[tuple[str, int, TrialFolder, str]]:
    """Yield trial, step, folder and file name of grids, the most wanted first."""
    by_variant: dict[str, list[tuple[str, TrialFolder, dict[int, str]]]] = {variant: [] for variant in group.shown}
    for record in frames.records(group.trials.sort_values(["variant", "seed"])):
        if record["variant"] in by_variant:
            folder = group.trial(record)
            by_variant[record["variant"]].append((record["trial"], folder, evenly(grid_files(folder))))
    first = [trials[0] for trials in by_variant.values() if trials]
    rest = [trial for trials in by_variant.values() for trial in trials[1:]]
    yield from ((trial, step, folder, name) for trial, folder, files in first for step, name in files.items())
    last = [(trial, folder, max(files), files) for trial, folder, files in rest if files]
    yield from ((trial, step, folder, files[step]) for trial, folder, step, files in last)
    for trial, folder, final, files in last:
        yield from ((trial, step, folder, name) for step, name in files.items() if step != final)
