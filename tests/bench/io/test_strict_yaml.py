"""YAML files that cannot be read are named."""

import pytest

from bench.errors import UserError
from bench.io.strict_yaml import load_yaml


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
