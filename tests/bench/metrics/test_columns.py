"""Names of columns, and values of different protocols, which never share one."""

import pandas as pd
import pytest
from groups import cells, group_of

from bench.analysis import across_seeds
from bench.analysis.protocols import separate
from bench.metrics.columns import EXTRACTORS, METRICS, STAMPS, Column, parse
from bench.reporting import metric_tables


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
    names = {str(Column(metric, extractor, 500)) for metric in METRICS for extractor in EXTRACTORS}
    assert len(names) == len(METRICS) * len(EXTRACTORS)
    assert all(str(parse(name)) == name for name in names)


@pytest.mark.parametrize(
    "name", ["fid", "fid_10k_floor", "kid_10k_se", "train_seconds", "latent_mmd", "n_real", "loss_10"]
)
def test_other_columns_are_not_taken_for_one(name):
    assert parse(name) is None


def rows(**changes: list[object]) -> pd.DataFrame:
    """Two rows of one trial that measured `fid_10k` = 10 and 20; changes: stamps of the two."""
    stamps = {
        "n_generated": [10_000] * 2,
        "n_real": [5000] * 2,
        "reference_split": ["test"] * 2,
        "preprocessing": ["32x32x3"] * 2,
        "extractor": ["inception"] * 2,
        "extractor_sha256": ["a" * 64] * 2,
        "extractor_precision": ["fp32"] * 2,
        "sampler": ["prior"] * 2,
        "sampling_seed": [0] * 2,
    }
    assert set(stamps) == set(STAMPS)
    frame = pd.DataFrame(
        {"trial": "t", "variant": "m", "prior": "normal", "step": 9, "fid_10k": [10.0, 20.0], **stamps, **changes}
    )
    return frame.assign(fid_10k_floor=[1.0, 2.0], latent_mmd=0.5, n_floor=400, n_neighbours=400)


def test_rows_of_one_protocol_share_a_column():
    pd.testing.assert_frame_equal(separate(rows()), rows())


@pytest.mark.parametrize(
    ("changes", "labels"),
    [
        ({"sampler": ["prior", "gmm"]}, ["sampler=prior", "sampler=gmm"]),
        ({"n_real": [5000, 10_000]}, ["n_real=5000", "n_real=10000"]),
        ({"extractor_sha256": ["a" * 64, "b" * 64]}, ["extractor_sha256=aaaaaaaa", "extractor_sha256=bbbbbbbb"]),
        (
            {"reference_split": ["test", "train"], "sampling_seed": [0, 1]},
            ["reference_split=test, sampling_seed=0", "reference_split=train, sampling_seed=1"],
        ),
    ],
)
def test_rows_of_two_protocols_get_two_labelled_columns(changes, labels):
    found = separate(rows(**changes))
    assert "fid_10k" not in found
    for i, label in enumerate(labels):
        assert found[f"fid_10k [{label}]"].dropna().tolist() == [10.0 * (i + 1)]
        assert found[f"fid_10k [{label}]_floor"].dropna().tolist() == [1.0 + i]
    assert found["latent_mmd"].tolist() == [0.5, 0.5]
    assert {column.label for column in across_seeds.generated(found)} == set(labels)
    assert across_seeds.constants(found) == {f"fid_10k [{label}]_floor": 1.0 + i for i, label in enumerate(labels)}


DONE = pd.DataFrame(
    [{"trial": "t", "method": "m", "variant": "m", "prior": "normal", "seed": 0, "state": "done", "stale": False}]
)


def test_a_trial_measured_under_two_protocols_has_both_in_its_one_row_and_a_table_for_each():
    """What the training measured comes first, and ranks."""
    found = separate(rows(sampler=["prior", "gmm"]).assign(afterwards=[False, True]))
    summary = across_seeds.summarise(found, DONE)
    assert (summary["fid_10k [sampler=gmm]_mean"].item(), summary["fid_10k_mean"].item()) == (20, 10)
    titles = [table.title for table in metric_tables.tables(group_of(found, DONE))]
    mixture = "10,000 from a mixture fitted to the codes against 5,000 test images, inception features [sampler=gmm]"
    prior = "10,000 from the prior against 5,000 test images, inception features"
    assert titles[:2] == [f"Generated images: {prior}", f"Generated images: {mixture}"]
    assert across_seeds.distances(found) == ["fid_10k", "fid_10k [sampler=gmm]"]


def test_all_columns_of_a_protocol_stay_together():
    """A quick row against test images and a full one of as many against training images: one table with all metrics."""
    frame = rows(n_real=[5000, 45_000], reference_split=["test", "train"])
    found = separate(frame.assign(kid_10k=[0.1, 0.2], kid_10k_se=0.01, precision_10k=[float("nan"), 0.7]))
    (table, *_) = metric_tables.tables(group_of(found, DONE))
    label = "n_real=45000, reference_split=train"
    assert table.headings[3:-1] == ["fid_10k ↓", "KID ↓", "precision ↑"]
    assert table.title.endswith(f"[{label}]")
    assert f"precision_10k [{label.replace('45000', '5000').replace('train', 'test')}]" not in found
    assert found[f"kid_10k [{label}]_se"].notna().sum() == 1


def test_means_over_some_of_the_seeds_say_so():
    trials = pd.concat([DONE, DONE.assign(trial="u", seed=1)])
    frame = pd.concat([rows().iloc[[0]], rows().iloc[[1]].assign(trial="u", fid_10k=float("nan"))])
    images, codes = metric_tables.tables(group_of(frame, trials))
    assert cells(images, "m")[3] == "10 (1 of 2)"
    assert cells(codes, "m")[2] == "0.5"


def test_the_headline_is_fid_before_other_distances_and_more_images_before_fewer():
    frame = pd.DataFrame(columns=["fd_classifier_50k", "fid_10k", "kid_10k", "fid_50k", "precision_50k"])
    assert across_seeds.distances(frame) == ["fid_50k", "fid_10k", "fd_classifier_50k"]
    later = pd.DataFrame({"afterwards": [False, True], "fd_classifier_10k": [1.0, None], "fid_50k": [None, 2.0]})
    assert across_seeds.distances(later) == ["fd_classifier_10k", "fid_50k"]
