"""What a reader has to know first: how much was trained, and what distance and target are."""

from bench.analysis import frames
from bench.errors import plural
from bench.metrics.columns import parse
from bench.reporting import phrases
from bench.reporting.group import Group
from bench.reporting.table import number

OWN_FEATURES = "the features of {}"  # an extractor of a plug-in
FEATURES = {
    "inception": "the features of the FID network",
    "classifier": "the features of a classifier that was trained here",
    "rotation": "the features of a network that was trained here to tell rotations",
}


def paragraph(group: Group) -> str:
    """Return the line below a report's heading, with Markdown's marks for code and emphasis."""
    return " ".join([_size(group), *_distance(group), *_target(group)])


def _size(group: Group) -> str:
    seeds = group.summary["seeds"]
    fewest, most = int(seeds.min()), int(seeds.max())
    each = plural(most, "seed") if fewest == most else f"{fewest} to {plural(most, 'seed')}"
    variants = plural(len(group.summary), "variant")
    return f"{group.name}: {variants}, {each} each, {plural(len(group.trials), 'trial')}."


def _distance(group: Group) -> list[str]:
    column = parse(group.headline) if group.headline else None
    if column is None:
        return []
    measured = group.fresh[group.fresh[str(group.headline)].notna()]
    images = phrases.images(frames.records(measured.iloc[:1])[0]) if "sampler" in measured else "generated images"
    space = FEATURES.get(column.extractor, OWN_FEATURES.format(column.extractor))
    return [f"*Distance* (`{group.headline}`): the Fréchet distance between {images}, in {space}. Lower is better."]


def _target(group: Group) -> list[str]:
    if group.target is None:
        return []
    when = "fixed beforehand" if group.target.beforehand else "chosen afterwards: see Convergence"
    return [f"*Target*: a `{group.curve}` of at most {number(group.target.value).text} ({when})."]
