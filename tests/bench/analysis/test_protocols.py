"""Values that were measured under different protocols never share a column."""

import pandas as pd
import pytest
from groups import two_rows

from bench.analysis import across_seeds
from bench.analysis.protocols import separate


def test_rows_of_one_protocol_share_a_column():
    pd.testing.assert_frame_equal(separate(two_rows()), two_rows())


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
    found = separate(two_rows(**changes))
    assert "fid_10k" not in found
    for i, label in enumerate(labels):
        assert found[f"fid_10k [{label}]"].dropna().tolist() == [10.0 * (i + 1)]
        assert found[f"fid_10k [{label}]_floor"].dropna().tolist() == [1.0 + i]
    assert found["latent_mmd"].tolist() == [0.5, 0.5]
    assert {column.label for column in across_seeds.generated(found)} == set(labels)
    assert across_seeds.constants(found) == {f"fid_10k [{label}]_floor": 1.0 + i for i, label in enumerate(labels)}


def test_reconstructions_of_as_many_images_do_not_label_a_distance():
    """A curve of 10,000 images, and a final row of 50,000 with reconstructions of 10,000: neither is labelled."""
    nan = float("nan")
    rows = two_rows(n_generated=[10_000, 50_000], n_real=[5000, 45_000], reference_split=["test", "train"])
    rows = rows.assign(fid_10k=[10.0, nan], fid_50k=[nan, 9.0], fid_reconstruction_10k=[nan, 3.0])
    found = separate(rows)
    assert {"fid_10k", "fid_50k", "fid_reconstruction_10k"} <= set(found)
    assert not [name for name in found if "[" in name]
