"""What is decided before a run: the precision of its networks."""

import pytest

from bench.driver import preflight
from bench.errors import UserError
from bench.executors.base import Resources
from bench.experiment.configuration import resolve


@pytest.mark.parametrize(
    ("sets", "before", "bf16", "expected"),
    [
        (["network.name=dcgan32"], None, True, "bf16"),
        (["network.name=dcgan32"], None, False, "fp32"),
        (["network.name=small"], None, True, "fp32"),  # too small to gain by it
        (["network.name=dcgan32", "training.precision=fp32"], None, True, "fp32"),
        (["network.name=small", "training.precision=bf16"], None, False, "bf16"),
        (["network.name=dcgan32", "training.reconstruction=cross_entropy"], None, True, "fp32"),
        (["network.name=dcgan32"], "bf16", False, "bf16"),  # what the experiment has, on whatever machine
        (["network.name=dcgan32"], "fp32", True, "fp32"),
    ],
)
def test_networks_compute_in_low_precision_where_that_is_faster(monkeypatch, sets, before, bf16, expected):
    monkeypatch.setattr(preflight, "has_bf16", lambda _: bf16)
    assert preflight.resolve_precision(resolve({}, None, sets), before, Resources(gpus=0)).precision == expected


def test_a_cluster_needs_a_given_precision_for_large_networks(monkeypatch):
    """The driver's machine does not know what its nodes compute in."""
    monkeypatch.setattr(preflight, "has_bf16", lambda _: True)
    elsewhere, large = Resources(address="auto"), ["network.name=dcgan32"]
    with pytest.raises(UserError, match=r"precision for dcgan32: --set training\.precision=bf16 if"):
        preflight.resolve_precision(resolve({}, None, large), None, elsewhere)
    assert preflight.resolve_precision(resolve({}, None, large), "bf16", elsewhere).precision == "bf16"
    assert preflight.resolve_precision(resolve({}, None, ["network.name=small"]), None, elsewhere).precision == "fp32"
    said = resolve({}, None, [*large, "training.precision=fp32"])
    assert preflight.resolve_precision(said, None, elsewhere).precision == "fp32"


@pytest.mark.parametrize(
    ("sets", "bf16", "address", "expected"),
    [
        (["training.precision=bf16"], False, None, "warning: this processor emulates bf16"),
        (["training.precision=bf16"], True, None, ""),
        (["training.precision=bf16"], False, "auto", ""),  # its nodes may have it
        (["training.precision=fp32"], False, None, ""),
        ([], True, None, "networks compute in bf16"),
    ],
)
def test_a_processor_that_emulates_bf16_is_warned_of(monkeypatch, capsys, sets, bf16, address, expected):
    """It is 13 times as slow (measured): a study in bf16 would take a day instead of two hours, and not say why."""
    monkeypatch.setattr(preflight, "has_bf16", lambda _: bf16)
    resources = Resources(gpus=0, address=address)
    asked = resolve({}, None, ["network.name=dcgan32", *sets]).training
    resolved = asked.model_copy(update={"precision": "bf16"}) if asked.precision == "auto" else asked
    preflight.report_precision(asked, resolved, resources)
    captured = capsys.readouterr()
    said = captured.out + captured.err
    assert expected in said
    assert bool(said) == bool(expected)
