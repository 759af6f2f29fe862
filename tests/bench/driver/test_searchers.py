"""How a search chooses points."""

import importlib
import math

import pandas as pd
import pytest

from bench.driver import searchers
from bench.driver.searchers import Rounds
from bench.errors import UserError
from bench.experiment.labels import split_label
from bench.experiment.settings import Search
from bench.experiment.variants import Variant, parse_variants

pytest.importorskip("optuna")


def search_with(searcher: str, points: int, text: str = "mmd", size: int = 6) -> list[Variant]:
    """All points of a search whose score is best at weight 10; every seventh point fails."""
    budget = Search(points=points, searcher=searcher, round=size)
    [variant] = parse_variants([text])
    rounds, tried = Rounds([Variant(**vars(variant) | {"searcher": searcher})], budget), []
    for _, points_ in rounds:
        tried += points_
        rounds.tell(scores_of(tried))
    return tried


def scores_of(tried: list[Variant]) -> pd.DataFrame:
    records = []
    for point in tried:
        variant, number = split_label(point.label)
        score = math.inf if number % 7 == 6 else 1 + abs(math.log(point.hyperparameters["weight"] / 10))
        records.append({"variant": variant, "point": number, "score": score})
    return pd.DataFrame(records)


def values(points: list[Variant]) -> list[tuple[object, ...]]:
    return [(point.label, point.hyperparameters, point.learning_rate) for point in points]


@pytest.mark.parametrize("searcher", ["halton", "random", "tpe", "cmaes"])
def test_a_search_that_is_repeated_or_longer_tries_the_same_points(searcher):
    whole = search_with(searcher, 18)
    assert len(whole) == 18
    assert values(search_with(searcher, 18)) == values(whole)
    assert values(search_with(searcher, 12)) == values(whole)[:12]
    assert values(search_with(searcher, 8)) == values(whole)[:8]


@pytest.mark.parametrize("searcher", ["tpe", "cmaes"])
def test_results_draw_later_points_to_better_values(searcher):
    distances = [abs(math.log(point.hyperparameters["weight"] / 10)) for point in search_with(searcher, 48)]
    assert sum(distances[-18:]) < 0.8 * sum(distances[:18])


@pytest.mark.parametrize("searcher", ["random", "tpe", "cmaes"])
def test_points_are_allowed_values_of_the_ranges(searcher):
    for point in search_with(searcher, 14, "moco[weight=0.1..1000,queue_size=64..128]"):
        assert 0.1 <= point.hyperparameters["weight"] <= 1000
        assert 64 <= point.hyperparameters["queue_size"] <= 128
        assert point.hyperparameters["momentum"] in (0.9, 0.99, 0.999, 0.9999)
        assert point.label == f"moco[weight=0.1..1000,queue_size=64..128,searcher={searcher},point={point.point}]"


@pytest.mark.parametrize("searcher", ["halton", "tpe"])
def test_equal_points_are_trained_once_and_what_is_not_searched_has_one(searcher):
    budget = Search(points=12, searcher=searcher, round=4)
    variants = parse_variants(["gan[weight=1,critic_lr_scale=1,learning_rate=0.01,critic_depth=1..3]", "vae[beta=1]"])
    rounds, tried = Rounds([Variant(**vars(v) | {"searcher": searcher}) for v in variants], budget), []
    for _, points in rounds:
        tried += points
        records = [dict(zip(("variant", "point"), split_label(p.label), strict=True)) | {"score": 1.0} for p in tried]
        rounds.tell(pd.DataFrame(records))
    depths = [point.hyperparameters["critic_depth"] for point in tried if point.method == "gan"]
    assert sorted(depths) == sorted(set(depths))
    assert len([point for point in tried if point.method == "vae"]) == 12  # its learning rate is searched


def test_a_searcher_without_its_library_is_refused_in_one_line(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", missing)
    searchers.refuse_missing("halton")
    with pytest.raises(UserError, match=r"needs the library optuna.*to install it: pip install"):
        searchers.refuse_missing("tpe")


def test_the_points_of_a_searcher_are_named_by_their_values():
    with pytest.raises(UserError, match="depend on results; name the values"):
        parse_variants(["mmd[searcher=tpe,point=3]"])
