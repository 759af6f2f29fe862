"""Ranges of a search, as they are written in brackets."""

import pytest

from bench.errors import UserError
from bench.experiment.variants import Variant, parse_variants


def points(text: str, count: int = 64) -> list[Variant]:
    [variant] = parse_variants([text])
    return [variant.at_point(k) for k in range(count)]


def test_points_lie_in_the_range_on_the_declared_scale():
    weights = sorted(point.hyperparameters["weight"] for point in points("mmd[weight=0.1..1000]"))
    assert 0.1 <= weights[0] < 0.2
    assert 500 < weights[-1] <= 1000
    assert 3 < weights[32] < 30  # the median on a logarithmic scale is 10
    alphas = sorted(point.hyperparameters["alpha"] for point in points("infovae[alpha=0.01..0.9]"))
    assert 0.4 < alphas[32] < 0.5


def test_the_learning_rate_has_a_range_too():
    rates = sorted(point.learning_rate for point in points("mmd[learning_rate=1e-5..1e-3]"))
    assert 1e-5 <= rates[0] < rates[-1] <= 1e-3
    assert 5e-5 < rates[32] < 2e-4


def test_what_no_search_space_declares_is_searched_if_it_has_a_range():
    found = points("mmd[scale=1..3]")
    assert all(1 <= point.hyperparameters["scale"] <= 3 for point in found)
    assert len({point.hyperparameters["weight"] for point in found}) > 1
    depths = [point.hyperparameters["critic_depth"] for point in points("gan[critic_depth=1..3]")]
    assert set(depths) == {1, 2, 3}
    sizes = [point.hyperparameters["queue_size"] for point in points("moco[queue_size=200..300]")]
    assert all(type(size) is int and 200 <= size <= 300 for size in sizes)


def test_equal_searches_have_one_label_and_a_label_is_read_back():
    assert [v.label for v in parse_variants(["mmd[weight=0.01..100]", "mmd"])] == ["mmd"]
    for label in (
        "mmd[weight=0.1..1000]",
        "mmd[weight=0.1..1000,point=3]",
        "mmd[prior=sphere,learning_rate=0.001..0.1]",
    ):
        [variant] = parse_variants([label])
        assert variant.label == label


def test_a_point_of_a_range_is_the_trial_of_its_values():
    [ranged] = parse_variants(["mmd[weight=0.1..1000,point=3]"])
    weight, rate = ranged.hyperparameters["weight"], ranged.learning_rate
    [plain] = parse_variants([f"mmd[weight={weight},learning_rate={rate}]"])
    assert (plain.hyperparameters, plain.learning_rate) == (ranged.hyperparameters, ranged.learning_rate)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mmd[weight=1..1]", "write weight=1 alone"),
        ("mmd[weight=1..]", "weight=1.. is no range of numbers"),
        ("mmd[weight=-1..1]", "weight must be > 0"),
        ("moco[momentum=0.9..1]", "momentum must be in [0, 1)"),
        ("mmd[point=1..2]", "point must be of type int"),
        ("mmd[prior=a..b]", "unknown prior 'a..b'"),
        ("svae[beta=1..2...3]", "is no range of numbers ('2...3')"),
    ],
)
def test_wrong_ranges_are_one_line(text, message):
    with pytest.raises(UserError) as error:
        parse_variants([text])
    assert message in str(error.value)


def test_a_default_of_a_data_set_is_no_range():
    with pytest.raises(UserError, match="a default is one value"):
        parse_variants(["mmd"], {"mmd": {"weight": "1..2"}})
