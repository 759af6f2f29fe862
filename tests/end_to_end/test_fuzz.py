"""Whatever is typed or found in a file: a result, or an error of one line, soon. Never anything else.

Each property is tried a few hundred times by `make test`, and 10,000 times by `make test-nightly`.
"""

import json
import string
import tempfile
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.analysis import frames
from bench.errors import UserError
from bench.experiment.configuration import resolve
from bench.experiment.variants import COMMON, parse_variants, split_methods
from bench.io.strict_yaml import parse_yaml
from bench.store.folders import TrialFolder
from methods import METHODS
from methods.hyperparameters import schema
from methods.priors import PRIORS

QUICK = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
NIGHTLY = settings(QUICK, max_examples=10_000)
TRIAL = {
    "id": "0123456789",
    "label": "mmd[weight=3]",
    "source": {"file": "methods/mmd.py", "sha256": "e" * 64},
    "spec": {"method": "mmd", "prior": "sphere", "seed": 0, "hyperparameters": {"weight": 3.0}, "learning_rate": 0.001},
}
STATUS = {"state": "done", "reason": None, "attempts": [{"started": "2026-01-01", "from_step": 0}], "token": "a"}
ENVIRONMENT = {
    "processor": "a processor",
    "device": "cpu",
    "threads": 1,
    "concurrent_trials": 1,
    "git": {"commit": None, "dirty": None},
    "packages": {"torch": "2.14"},
    "python": "3.11",
}
STUDY = """
dataset: digits
methods: ["moco[temperature=0.05|0.1]", mmd]
seeds: 2
network: &small {width: 8, latent_dim: 4}
training:
  epochs: 3  # few
  learning_rate: 1e-3
evaluation: {samples: 100, final_samples: null, target: 1.5}
"""


def one_line(error: UserError) -> None:
    said = str(error)
    assert said
    assert "\n" not in said
    assert len(said) < 2000


# Methods as they are typed.

words = st.sampled_from(
    [*METHODS, *PRIORS, *COMMON, *(key for m in METHODS.values() for key in schema(m)), "prior", ""]
)
numbers = st.one_of(st.integers().map(str), st.floats().map(str), st.just("9" * 400), st.just("9" * 5000))
values = st.one_of(words, numbers, st.sampled_from(["true", "null", "~", "[1", "!!int x", "2001-99-99", "0b_", ".inf"]))
pairs = st.builds(
    "{}{}{}".format, words, st.sampled_from(["=", "==", "", ":"]), st.lists(values, max_size=4).map("|".join)
)
brackets = st.lists(pairs, max_size=4).map(",".join)
one_method = st.builds(
    "{}{}{}{}".format, words, st.sampled_from(["[", "", "[["]), brackets, st.sampled_from(["]", "", "]]"])
)
method_texts = st.one_of(
    st.text(), st.lists(one_method, max_size=3).map(",".join), st.text("[]=|,.1mocd\n", max_size=60)
)


def check_methods(text: str) -> None:
    try:
        found = parse_variants(split_methods(text))
    except UserError as error:
        one_line(error)
        return
    labels = [variant.label for variant in found]
    assert labels == [variant.label for variant in parse_variants(labels)], "labels are read as what they say"


# YAML.

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.dates(),
    st.text(max_size=20),
    st.binary(max_size=10),
)
trees = st.recursive(
    scalars, lambda x: st.lists(x, max_size=4) | st.dictionaries(scalars, x, max_size=4), max_leaves=15
)
FRAGMENTS = ["&a ", "*a", "!!int ", "!!python/object/apply:os.system ", "!!timestamp ", "!!set ", "!!binary ", "<<: "]
FRAGMENTS += ["!!bool ", "!!float ", "? ", "- ", "[", "]", "{", "}", ": ", "\n", "  ", "2001-99-99", "0b_", "0o9", "1_"]
FRAGMENTS += ["190:20:30", "\t", "%YAML 9.9\n", "---\n", "...", "'", '"', "|", ">", "#", "\x00", "\ufeff", "9" * 5000]


@st.composite
def mutated(draw: st.DrawFn, text: str, pieces: list[str]) -> str:
    """A valid text with pieces put in, copied or cut out at random places."""
    for _ in range(draw(st.integers(1, 4))):
        start, end = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        piece = draw(st.one_of(st.sampled_from(pieces), st.just(""), st.just(text[start:end]), st.text(max_size=5)))
        end = end if draw(st.booleans()) else start
        text = text[:start] + piece + text[end:]
    return text


yaml_texts = st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from(FRAGMENTS) | st.text(string.printable, max_size=3), max_size=20).map("".join),
    trees.map(yaml.safe_dump),
    mutated(STUDY, FRAGMENTS),
)


def check_yaml(text: str) -> None:
    try:
        parse_yaml(text, "text")
    except UserError as error:
        one_line(error)


# Files of settings.

settings_texts = st.one_of(
    yaml_texts,
    mutated(STUDY, FRAGMENTS),
    st.dictionaries(
        st.sampled_from(["dataset", "methods", "seeds", "training", "network"]) | scalars, trees, max_size=4
    ).map(yaml.safe_dump),
)


def check_settings(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "study.yaml"
        path.write_bytes(text.encode(errors="surrogatepass"))
        try:
            experiment = resolve({}, path)
            parse_variants(experiment.methods)
        except UserError as error:
            one_line(error)


# What a trial says of itself.

json_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=10),
    st.sampled_from(["../../etc/passwd", "/dev/zero", "\x1b[31m", "<script>", "a\x00b", "x" * 3000, "done", 10**30]),
)
json_trees = st.recursive(
    json_scalars, lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(max_size=5), x, max_size=3), max_leaves=8
)


@st.composite
def changed(draw: st.DrawFn, document: dict) -> bytes:
    """A document with some values replaced, or left out, anywhere in it."""
    document = json.loads(json.dumps(document))
    for _ in range(draw(st.integers(0, 3))):
        place = document
        while True:
            key = draw(st.sampled_from(sorted(place)))
            inner = place[key]
            if not (isinstance(inner, dict) and inner and draw(st.booleans())):
                break
            place = inner
        if draw(st.booleans()):
            place[key] = draw(json_trees)
        else:
            del place[key]
        if not document:
            break
    return json.dumps(document).encode()


def some_file(document: dict) -> st.SearchStrategy[bytes]:
    text = json.dumps(document)
    pieces = ["[", "{", '"', "NaN", "1e999", "9" * 5000, "\\ud800", "\x00"]
    odd = st.one_of(json_trees.map(lambda x: json.dumps(x).encode()), st.binary(max_size=50))
    nested = st.just(b"[" * 100_000)
    return st.one_of(changed(document), mutated(text, pieces).map(lambda x: x.encode(errors="replace")), odd, nested)


trial_files = st.tuples(some_file(TRIAL), some_file(STATUS) | st.none(), some_file(ENVIRONMENT) | st.none())


def check_trial(files: tuple[bytes, bytes | None, bytes | None]) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = TrialFolder(Path(place) / "trial")
        for name, content in zip(("spec.json", "status.json", "environment.json"), files, strict=True):
            if content is not None:
                folder.write(name, content)
        try:
            row = frames.describe(folder)
        except UserError as error:
            one_line(error)
            return
        assert all(
            isinstance(text, str) and text.isprintable() for text in (row.trial, row.method, row.variant, row.prior)
        )
        assert type(row.seed) is int


PROPERTIES = [
    pytest.param(check_methods, method_texts, id="methods"),
    pytest.param(check_yaml, yaml_texts, id="yaml"),
    pytest.param(check_settings, settings_texts, id="settings"),
    pytest.param(check_trial, trial_files, id="trial"),
]


@pytest.mark.parametrize(("check", "examples"), PROPERTIES)
def test_a_result_or_one_line(check, examples):
    QUICK(given(examples)(check))()


@pytest.mark.parametrize(
    ("check", "text"),
    [(check_yaml, "*" + "9" * 5000), (check_settings, "? 2001-99-" + "9" * 5000), (check_settings, "*a" + "9" * 5000)],
    ids=["an alias", "a key", "an alias in a file"],
)
def test_what_the_nightly_ones_found(check, text):
    """Each was said again in full."""
    check(text)


@pytest.mark.nightly
@pytest.mark.timeout(3600)
@pytest.mark.parametrize(("check", "examples"), PROPERTIES)
def test_a_result_or_one_line_ten_thousand_times(check, examples):
    NIGHTLY(given(examples)(check))()
