"""Names of columns."""

import pytest

from bench.metrics.columns import EXTRACTORS, METRICS, PIXELS, Column, parse


@pytest.mark.parametrize(
    ("column", "name"),
    [
        (Column("distance", "inception", 10_000), "fid_10k"),
        (Column("distance", "classifier", 50_000), "fd_classifier_50k"),
        (Column("kernel", "inception", 10_000), "kid_10k"),
        (Column("kernel", "rotation", 1797), "kd_rotation_1797"),
        (Column("reconstruction", "inception", 400), "fid_reconstruction_400"),
        (Column("reconstruction", "classifier", 400), "fd_classifier_reconstruction_400"),
        (Column("precision", "classifier", 1000, "sampler=gmm"), "precision_classifier_1k [sampler=gmm]"),
    ],
)
def test_a_column_says_metric_extractor_and_samples(column, name):
    assert str(column) == name
    assert parse(name) == column


def test_every_metric_has_a_name_of_its_own_in_every_feature_space():
    columns = {
        Column(key, extractor, 500)
        for key, metric in METRICS.items()
        for extractor in ((*EXTRACTORS, "mine2") if metric.elsewhere else (PIXELS,))
    }
    assert {parse(str(column)) for column in columns} == columns


@pytest.mark.parametrize(
    "name", ["fid", "fid_10k_floor", "kid_10k_se", "train_seconds", "latent_mmd", "n_real", "loss_10"]
)
def test_other_columns_are_not_taken_for_one(name):
    assert parse(name) is None
