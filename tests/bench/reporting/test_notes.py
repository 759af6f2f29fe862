"""Provenance is written for readers, not as Python."""

from dataclasses import replace

from groups import group_of, three_seeds

from bench.reporting.notes import provenance


def test_the_protocol_is_written_as_keys_and_values():
    group = group_of(*three_seeds())
    written = {
        "network": {"name": "small", "width": 16},
        "training": {"epochs": None, "metrics": [], "options": {"a": 1}},
    }
    described = replace(group, description=replace(group.description, written=written))
    assert dict(provenance(described))["Protocol"].splitlines() == [
        "network: name=small, width=16",
        "training: epochs=none, metrics=[], options={a=1}",
    ]
