"""Shell completion."""

import pytest

from bench.cli.completion import methods
from bench.experiment.variants import parse_variants


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("moco,ga", ["moco,gan"]),
        ("moco[we", ["moco[weight="]),
        ("mmd,infovae[", ["mmd,infovae[weight=", "mmd,infovae[alpha="]),
        ("infovae[weight=0.1..3,", ["infovae[weight=0.1..3,alpha="]),
        ("moco[momentum=", []),  # choices, no range
        ("mine[", []),
    ],
)
def test_names_and_searched_hyperparameters_are_completed(typed, expected):
    assert methods(typed) == expected


def test_the_range_that_is_completed_is_the_declared_one():
    [completed] = methods("mmd[weight=")
    assert completed == "mmd[weight=0.01..100"
    assert [variant.label for variant in parse_variants([completed + "]"])] == ["mmd"]
