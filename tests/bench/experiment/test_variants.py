import pytest

from bench.errors import UserError
from bench.experiment.variants import parse_variants, split_methods


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
