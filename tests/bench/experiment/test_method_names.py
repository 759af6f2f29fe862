"""Methods are found by the names that papers give them."""

import pytest

from bench.errors import UserError
from bench.experiment.method_names import all_names, find_method, with_key
from bench.experiment.variants import parse_variants
from methods import METHODS


@pytest.mark.parametrize(
    ("typed", "method"),
    [
        ("WAE-MMD", "mmd"),
        ("wae_mmd", "mmd"),
        ("wae_gan", "gan"),
        ("aae", "gan"),
        ("MoCo-WAE", "moco"),
        ("MoCo", "moco"),
        ("beta-vae", "vae"),
        ("Sinkhorn Autoencoder", "sinkhorn"),
        ("spherical-sliced", "spherical_sliced"),
    ],
)
def test_a_published_name_is_the_method(typed, method):
    assert find_method(typed) == method
    (variant,) = parse_variants([f"{typed}[learning_rate=0.5]"])
    assert variant.label == f"{method}[learning_rate=0.5]"


def test_a_label_may_begin_with_a_published_name():
    assert with_key("WAE-MMD[prior=sphere]") == "mmd[prior=sphere]"
    assert with_key("moco") == "moco"
    assert with_key("theirs[weight=3]") == "theirs[weight=3]"


def test_every_name_means_one_method():
    for key, names in all_names().items():
        assert [find_method(name) for name in names] == [key] * len(names)


def test_a_name_that_two_plugins_claim_is_refused_but_a_key_is_not(monkeypatch):
    class Other(METHODS["mmd"]):
        published_names = ("WAE-MMD", "moco")

    monkeypatch.setitem(METHODS, "other", Other)
    assert find_method("moco") == "moco"
    with pytest.raises(UserError, match="unknown method 'WAE-MMD'"):
        find_method("WAE-MMD")
