"""What the writer writes the reader accepts: every document, with any text and number in it."""

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from specimens import make_description, make_environment, make_trial

from bench.data import sidecar
from bench.data.sidecar import Sidecar, Split
from bench.errors import RunError, UserError
from bench.experiment.settings import Preprocessing
from bench.io import schema
from bench.io.files import Folder
from bench.metrics.columns import refuse_bad_names
from bench.store.documents import Attempt, Ending, Status
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import TrialFolder

SETTINGS = settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
# Every code point, with lone surrogates, by which Python represents file names that are not UTF-8.
TEXTS = st.text(st.characters(), max_size=30) | st.sampled_from(
    ["a&b", "<b>", "x" * 5000, "é " * 5000, "a\xa0b", "a\nb", "\udcff", "\x1b[2J", "=1+1", "a\\b", "`", "no", "010", ""]
)
VALUES = TEXTS | st.integers() | st.floats() | st.booleans() | st.none()


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory() as path:
        yield TrialFolder(Path(path))


@SETTINGS
@given(reason=TEXTS, host=TEXTS)
def test_a_status_with_any_reason_can_be_read(folder, reason, host):
    folder.describe(make_trial())
    schema.write(folder, "status.json", Status(state=State.running, attempts=[Attempt(started="2026", host=host)]))
    folder.end(make_trial(), Ending(State.failed, reason, error=reason))
    status = folder.status()
    assert status.state is State.failed
    assert status.reason is not None
    assert len(status.reason) <= schema.MAX_NOTE
    assert status == Status.model_validate(status.model_dump())  # what is cut once is not cut again


def test_the_first_characters_of_a_huge_reason_are_kept(folder):
    folder.end(make_trial(), Ending(State.failed, "ValueError: " + "1, " * 10**6, error="x" * 3 * 10**6))
    assert folder.status().reason.startswith("ValueError: 1, 1, ")
    assert len(folder.read("error.txt")) == 2**20


def test_attempts_without_end_do_not_make_a_trial_unreadable(folder):
    for i in range(110):
        folder.claim(make_trial(), make_environment(threads=i + 1, host="h" * 10_000))
    attempts = folder.status().attempts
    assert len(attempts) == 100
    assert len(folder.read("status.json")) < 2**17


@SETTINGS
@given(text=TEXTS)
def test_an_environment_with_any_text_can_be_read(folder, text):
    changes = {"processor": text, "device": text, "host": text, "packages": {"torch": text}}
    environment = make_environment(**changes)
    folder.claim(make_trial(), environment)
    assert folder.environment() == environment


@SETTINGS
@given(value=VALUES, label=TEXTS)
def test_a_specification_is_refused_when_it_is_planned_or_can_be_read(folder, value, label):
    try:
        trial = make_trial(label=f"moco[{label}]", method="moco", hyperparameters={"mode": value})
        _ = trial.document
    except ValidationError:
        return
    folder.describe(trial)
    assert folder.trial() == trial


@SETTINGS
@given(commands=st.lists(TEXTS, max_size=3), methods=st.lists(TEXTS, max_size=3), text=TEXTS, value=VALUES)
def test_a_description_is_refused_or_can_be_read(folder, commands, methods, text, value):
    experiment = ExperimentFolder(folder.path)
    description = replace(
        make_description(), commands=commands, methods=methods, caution=text, defaults={text: {"a": value}}
    )
    try:
        experiment.describe(description, dry=True)
    except RunError:
        return
    experiment.describe(description)
    read = experiment.description()
    assert read is not None
    assert len(read.methods) == len(methods)
    experiment.describe(read)  # as the next command does
    assert experiment.description() == read


def test_commands_without_end_do_not_make_an_experiment_unreadable(folder):
    experiment = ExperimentFolder(folder.path)
    experiment.describe(replace(make_description(), commands=[f"{i} " + "x" * 10**5 for i in range(250)]))
    commands = experiment.description().commands
    assert [commands[0][:2], commands[-1][:4], len(commands)] == ["0 ", "249 ", 100]


def test_more_variants_than_a_description_holds_are_refused_in_one_line(folder):
    experiment = ExperimentFolder(folder.path)
    labels = [f"mmd[weight={i}]" + "x" * 400 for i in range(6000)]
    with pytest.raises(RunError, match=r"no reader would accept it: .* has more than 2,097,152 bytes"):
        experiment.describe(replace(make_description(), methods=labels), dry=True)
    assert not (folder.path / "experiment.yaml").exists()


@SETTINGS
@given(names=st.lists(TEXTS, max_size=3), reason=TEXTS)
def test_a_sidecar_with_any_names_can_be_read(folder, names, reason):
    document = Sidecar(
        dataset="folder",
        source=reason,
        preprocessing=Preprocessing(image_size=8),
        version="v",
        fingerprint="f" * 64,
        signature="s",
        classes=names,
        splits={"train": Split(images=1, sha256=["a" * 64])},
        skipped=dict.fromkeys(names, reason),
    )
    schema.write(Folder(folder.path), sidecar.FILE, document)
    assert sidecar.read_verified(folder.path) == document


@SETTINGS
@given(name=TEXTS | st.from_regex(r"[a-zA-Z_]\w{0,120}", fullmatch=True), value=st.floats())
def test_what_a_method_measures_is_refused_or_can_be_read(folder, name, value):
    try:
        refuse_bad_names([name], "losses")
    except ValueError:
        return
    token = folder.claim(make_trial(), make_environment())
    folder.save_rows(token, [{"step": 1, f"train_{name}": value}])
    assert f"train_{name}" in folder.rows()


def test_rows_that_no_reader_would_accept_are_not_written(folder):
    token = folder.claim(make_trial(), make_environment())
    folder.save_rows(token, [{"step": 1}])
    with pytest.raises(RunError, match=r"rows that no reader would accept: .* \(a column is named '<b>'"):
        folder.save_rows(token, [{"step": 1, "<b>": 1.0}])
    assert list(folder.rows().columns) == ["step"]


@pytest.mark.parametrize("path", ["/tmp/bad\udcff/plug.py", "/" + "d" * 5000])
def test_a_path_that_no_document_holds_is_refused_in_one_line(path):
    with pytest.raises(UserError, match=r"the path .* is (not UTF-8|longer than 4,096 characters); rename or move it"):
        schema.refuse_unstorable_path(Path(path))


@pytest.mark.parametrize("name", ["my\xa0plug", "d" * 2000, "naïve & <co>"])
def test_unusual_paths_can_be_stored(folder, name):
    trial = make_trial()
    trial = replace(trial, source=trial.source.model_copy(update={"file": f"/{name}/p.py"}))
    folder.claim(trial, make_environment(data=f"/{name}/prepared"))
    assert folder.trial().source.file == f"/{name}/p.py"
    assert folder.environment().data == f"/{name}/prepared"
