"""Values are those of YAML 1.2; files that cannot be read are named."""

import math

import pytest
import yaml

from bench.errors import UserError
from bench.io.strict_yaml import dump_yaml, load_yaml, parse_yaml

CORE = {  # of the core schema, https://yaml.org/spec/1.2.2/#103-core-schema
    "010": 10,
    "-0100": -100,
    "0o17": 15,
    "0x1F": 31,
    "1e-3": 1e-3,
    "1.": 1.0,
    ".5e1": 5.0,
    "-.inf": -math.inf,
    "true": True,
    "no": "no",
    "on": "on",
    "1:30": "1:30",
    "1_000": "1_000",
    "2020-01-01": "2020-01-01",
    "~": None,
}


@pytest.mark.parametrize(("text", "value"), CORE.items())
def test_scalars_are_those_of_yaml_1_2(text, value):
    read = parse_yaml(text, "here")
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("text", ["1e400", "1e-400"])
def test_a_number_that_no_float_holds_is_refused_not_changed(text):
    with pytest.raises(UserError, match=f"cannot read '{text}' as float"):
        parse_yaml(text, "here")


@pytest.mark.parametrize("value", [*CORE, *CORE.values(), "<<", "a: b", "é\u00a0\n", 1e-300])
def test_what_is_dumped_is_read_as_it_was_also_by_readers_of_yaml_1_1(value):
    assert parse_yaml(dump_yaml({"a": [value]}), "here") == {"a": [value]}
    assert yaml.safe_load(dump_yaml({"a": [value]})) == {"a": [value]}


def test_a_method_with_brackets_that_lacks_quotes_is_named():
    with pytest.raises(
        UserError, match=r"line 2: .*; put quotes around moco\[temperature=0\.1\|0\.2,queue_size=256\]$"
    ):
        parse_yaml("seeds: 1\nmethods: [mmd, moco[temperature=0.1|0.2,queue_size=256]]\n", "here")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("seeds: 1\nseeds: 2\n", "line 2: the key 'seeds' appears twice"),
        ("a: [1", "line 1"),
        ("- 1\n", "must contain keys"),
    ],
)
def test_bad_files_are_named(tmp_path, text, message):
    file = tmp_path / "bad.yaml"
    file.write_text(text)
    with pytest.raises(UserError, match=r"bad\.yaml") as error:
        load_yaml(file)
    assert message in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"cannot read .*gone.yaml"):
        load_yaml(tmp_path / "gone.yaml")
