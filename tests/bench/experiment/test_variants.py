import numpy as np
import pytest
from scipy.stats import qmc

from bench.errors import UserError
from bench.experiment.labels import split_label
from bench.experiment.variants import LEARNING_RATES, parse_variants, search_point, split_methods, unit_points
from methods import METHODS
from methods.hyperparameters import LogUniform, schema


def labels(*texts: str) -> list[str]:
    return [variant.label for variant in parse_variants(list(texts))]


def test_commas_inside_brackets_do_not_split():
    assert split_methods("moco[a=1,b=2], mmd,gan[c=3]") == ["moco[a=1,b=2]", "mmd", "gan[c=3]"]


def test_alternatives_multiply():
    assert labels("moco[temperature=0.05|0.3,queue_size=8|16]") == [
        "moco[temperature=0.05,queue_size=8]",
        "moco[temperature=0.05,queue_size=16]",
        "moco[temperature=0.3,queue_size=8]",
        "moco[temperature=0.3,queue_size=16]",
    ]


def test_a_label_says_only_what_differs_from_the_defaults_so_equal_content_has_one_name():
    assert labels("mmd[prior=normal]", "mmd", "mmd[scale=1]", "mmd[scale=1e0]") == ["mmd"]
    assert labels("mmd[weight=1,prior=sphere]") == labels("mmd[prior=sphere,weight=1.0]")


def test_everything_is_resolved():
    variant = parse_variants(["gan[weight=3]"])[0]
    assert variant.prior == "normal"
    assert set(variant.hyperparameters) == {"weight", "critic_lr_scale", "critic_width", "critic_depth"}
    assert variant.hyperparameters["weight"] == 3.0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mocco", "unknown method 'mocco'. Did you mean moco?"),
        ("moco[temprature=1]", "unknown hyperparameter of moco 'temprature'. Did you mean temperature?"),
        ("moco[temperature=-1]", "moco: temperature must be > 0, not -1"),
        ("moco[temperature=.inf]", "moco: temperature must be finite"),
        ("moco[temperature=warm]", "moco: temperature must be of type float"),
        ("moco[queue_size=1.5]", "moco: queue_size must be of type int"),
        ("moco[momentum=1]", "moco: momentum must be in [0, 1)"),
        ("moco[prior=normal]", "moco does not support prior=normal; it supports sphere"),
        ("mmd[prior=shpere]", "unknown prior 'shpere'. Did you mean sphere?"),
        ("moco[", "cannot read the method 'moco['"),
        ("moco[]", "cannot read the method"),
        ("moco[temperature=]", "'temperature=' is not key=value"),
        ("moco[temperature=1,temperature=2]", "'temperature' appears twice"),
        ("moco[temperature=1|]", "moco: temperature must be of type float"),
        ("", "cannot read the method ''"),
    ],
)
def test_mistakes_are_one_line(text, message):
    with pytest.raises(UserError) as error:
        parse_variants([text])
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", METHODS)
def test_points_are_allowed_spread_evenly_and_do_not_depend_on_the_rest_of_the_run(name):
    method = parse_variants([name])[0]
    points = [method.at_point(k) for k in range(32)]
    assert points[:8] == [parse_variants([f"{name}[point={k}]"])[0] for k in range(8)]
    for point in points:
        for key, value in point.hyperparameters.items():
            schema(METHODS[name])[key].parse(value)
        assert LEARNING_RATES.low <= point.learning_rate <= LEARNING_RATES.high
    spaces = {**METHODS[name].search_space, "learning_rate": LEARNING_RATES}
    logarithmic = [key for key, space in spaces.items() if isinstance(space, LogUniform)]
    values = [[(p.hyperparameters | {"learning_rate": p.learning_rate})[key] for key in logarithmic] for p in points]
    low, high = (np.log([getattr(spaces[key], end) for key in logarithmic]) for end in ("low", "high"))
    units = (np.log(np.array(values, float)) - low) / (high - low)
    random = np.random.default_rng(0).random((200, *units.shape))
    chance = np.median([qmc.discrepancy(sample) for sample in random])
    assert qmc.discrepancy(units.clip(0, 1)) < chance


def test_a_longer_search_begins_with_the_points_of_a_shorter_one():
    names = ("weight", "learning_rate")
    np.testing.assert_array_equal(unit_points(names, 64), unit_points(names, 192)[:64])
    assert search_point("mmd", names, 0) == search_point("sliced", names, 0)
    assert search_point("mmd", ("weight",), 0) != search_point("mmd", names, 0)


def test_given_hyperparameters_are_not_searched_and_are_part_of_the_label():
    variant = parse_variants(["moco[temperature=0.1,learning_rate=0.002,point=5]"])[0]
    assert variant.hyperparameters["temperature"] == 0.1
    assert variant.learning_rate == 0.002
    assert variant.searched == ("weight", "queue_size", "momentum")
    assert variant.label == "moco[temperature=0.1,learning_rate=0.002,point=5]"
    assert split_label(variant.label) == ("moco[temperature=0.1,learning_rate=0.002]", 5)
    assert split_label("mmd[point=12]") == ("mmd", 12)
    assert split_label("mine[midpoint=4,point=7]") == ("mine[midpoint=4]", 7)
