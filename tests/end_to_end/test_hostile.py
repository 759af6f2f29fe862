"""Results, images and files from somebody else: no code is run, nothing outside is touched, no memory is filled.

Checksums are right throughout: whoever made the files can make those too. Bombs are small enough to go off without harm
where a guard is missing, so that its test then fails rather than the machine.
"""

import csv
import io
import json
import os
import pickle
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
import yaml
from images import picture
from PIL import Image
from runs import sets
from specimens import make_request
from typer.testing import CliRunner, Result

import bench
from bench import clean, evaluate, report, sample
from bench.analysis import frames
from bench.data.decode import Files, UnusableImage
from bench.data.image_files import ImageFile, is_array
from bench.data.image_tree import image_tree
from bench.data.preparation import prepare
from bench.data.prepared import Prepared
from bench.errors import UserError, one_line
from bench.evaluation.feature_network import load_extractor
from bench.experiment.settings import Preprocessing
from bench.io import tables, untrusted
from bench.io.files import Folder
from bench.io.strict_yaml import load_yaml, parse_yaml
from bench.io.untrusted import Malformed
from bench.reporting import render, terminal
from bench.reporting.contents import Contents, limited_to
from bench.reporting.table import Cell, Table
from bench.run import app as run_app
from bench.store.folders import TrialFolder

LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + i)}: &{chr(98 + i)} [{', '.join(['*' + chr(97 + i)] * 10)}]\n" for i in range(6)
)


class Evil:
    """Unpickled, it makes a file."""

    def __reduce__(self):
        return Path.touch, (Path("/tmp/hostile-was-here"),)


# Whole experiments.


@pytest.fixture(scope="module")
def original(tmp_path_factory) -> Path:
    """One finished trial of a tiny experiment."""
    place = tmp_path_factory.mktemp("hostile")
    with limited_to(Contents.sections):
        typed = ["--methods", "mmd", "--seeds", "1", "--executor", "serial", "--out", str(place / "out")]
        result = CliRunner().invoke(run_app, [*typed, "--data-root", str(place / "data"), *sets()])
    assert result.exit_code == 0, result.output
    return place


@pytest.fixture
def victim(original, tmp_path, monkeypatch) -> Path:
    """A copy of it, to be made hostile; beside it, a folder that must stay as it is."""
    shutil.copytree(original, tmp_path, dirs_exist_ok=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "checkpoint.pt").write_bytes(b"precious")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def trial_of(place: Path) -> TrialFolder:
    return TrialFolder(next((place / "out" / "trials").iterdir()))


def edited(name: str, **changes: object) -> Callable[[Path], None]:
    """A document of the trial, with values (of keys such as spec__seed) replaced."""

    def make(place: Path) -> None:
        folder = trial_of(place)
        document = json.loads(folder.read(name))
        for key, value in changes.items():
            *parts, last = key.split("__")
            inner = document
            for part in parts:
                inner = inner[part]
            inner[last] = value
        folder.write(name, json.dumps(document).encode())

    return make


def written(name: str, content: Callable[[], bytes]) -> Callable[[Path], None]:
    return lambda place: trial_of(place).write(name, content())


def described(text: str) -> Callable[[Path], None]:
    return lambda place: Folder(place / "out").write("experiment.yaml", text.encode())


def linked(name: str) -> Callable[[Path], None]:
    """A file or folder of the trial leads out of the experiment."""

    def make(place: Path) -> None:
        path = trial_of(place).path / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.symlink_to(place / "outside")

    return make


def foreign_trial(place: Path) -> None:
    """A trial that lies elsewhere: clean would empty it, evaluate would write into it."""
    shutil.move(trial_of(place).path, place / "outside" / "trial")
    (place / "out" / "trials" / "mmd").symlink_to(place / "outside" / "trial")


def foreign_report(place: Path) -> None:
    shutil.rmtree(place / "out" / "report")
    (place / "out" / "report").symlink_to(place / "outside")


def pipe(place: Path) -> None:
    path = trial_of(place).path / "status.json"
    path.unlink()
    os.mkfifo(path)


def endless(place: Path) -> None:
    """A file of 10 GB that takes no room."""
    with (trial_of(place).path / "spec.json").open("wb") as file:
        file.truncate(10 * 2**30)


def sparse_checkpoint(place: Path) -> None:
    """A checkpoint of 200 GB that takes no room."""
    with (trial_of(place).path / "checkpoint.pt").open("wb") as file:
        file.truncate(200 * 2**30)


def many_columns() -> bytes:
    return parquet(pd.DataFrame({"step": [1]} | {f"loss_{i}": [0.0] for i in range(1000)}))


def source_pipe(place: Path) -> None:
    os.mkfifo(place / "pipe.py")
    edited("spec.json", source={"file": str(place / "pipe.py"), "sha256": "0" * 64})(place)


def stored(value: object) -> bytes:
    buffer = io.BytesIO()
    torch.save(value, buffer)
    return buffer.getvalue()


def deflated(value: object) -> bytes:
    """What torch saved, in an archive that is compressed: 40 MB in 40 kB."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(stored(value))) as plain,
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed,
    ):
        for member in plain.infolist():
            packed.writestr(member.filename, plain.read(member))
    return buffer.getvalue()


def parquet(frame: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def table_bomb() -> bytes:
    """11 million numbers in a few kB."""
    return parquet(pd.DataFrame({"step": np.zeros(11_000_000, np.int64)}))


def text_bomb() -> bytes:
    """A text of 10 kB, said a hundred thousand times: 1 GB in a kB."""
    said = pa.DictionaryArray.from_arrays(np.zeros(100_000, np.int32), ["x" * 10_000])
    buffer = io.BytesIO()
    pq.write_table(pa.table({"step": np.ones(100_000, np.int64), "sampler": said}), buffer, store_schema=False)
    return buffer.getvalue()


def picture_bomb() -> bytes:
    """68 million pixels in 100 kB."""
    buffer = io.BytesIO()
    Image.new("1", (8200, 8200)).save(buffer, "PNG")
    return buffer.getvalue()


def grids(content: Callable[[], bytes]) -> Callable[[Path], None]:
    def make(place: Path) -> None:
        folder = trial_of(place)
        for path in (folder.path / "samples").glob("*.png"):
            folder.write(f"samples/{path.name}", content())

    return make


REFUSED = "is not what bench.run writes"
# What was done to the experiment, which command meets it, its exit status, and a part of what it says.
EXPERIMENTS = {
    "a pickle": (written("checkpoint.pt", lambda: pickle.dumps(Evil())), "sample", 1, "is not a readable"),
    "a pickle in torch's archive": (written("checkpoint.pt", lambda: stored(Evil())), "sample", 1, "is not a readable"),
    "a compressed checkpoint": (
        written("checkpoint.pt", lambda: deflated({"method": torch.zeros(10**7)})), "sample", 1, "it is compressed"),
    "a tensor that repeats one value": (
        written("checkpoint.pt", lambda: stored({"method": torch.zeros(1).expand(10**12)})), "sample", 1, "not fit"),
    "a huge network": (edited("spec.json", spec__network__width=3000), "sample", 2, "are larger than its weights"),
    "a method of another signature": (
        edited("spec.json", spec__hyperparameters={"weight": 1.0, "exec": 2}), "sample", 2, "fits no installed method"),
    "a prior that is none": (edited("spec.json", spec__prior="uniform"), "sample", 2, "comes from a plug-in"),
    "a name that is a path": (edited("spec.json", spec__dataset__name="../../outside"), "evaluate", 1, REFUSED),
    "a seed that is a text": (edited("spec.json", spec__seed="0"), "report", 1, REFUSED),
    "a label of HTML": (edited("spec.json", label="mmd<script>alert(1)</script>"), "report", 1, REFUSED),
    "a label for terminals": (edited("spec.json", label="mmd\x1b[2J"), "report", 1, REFUSED),
    "an id that is a path": (edited("spec.json", id="../x"), "report", 1, REFUSED),
    "a list for a specification": (written("spec.json", lambda: b"[]"), "report", 1, REFUSED),
    "a deep specification": (written("spec.json", lambda: b"[" * 100_000), "report", 1, "is not valid JSON"),
    "a number without end": (written("spec.json", lambda: b"9" * 5000), "report", 1, "is not valid JSON"),
    "a large status": (written("status.json", lambda: b" " * 2**21), "report", 1, "more than the limit of 1,048,576"),
    "a status of wrong types": (edited("status.json", attempts=[1]), "report", 1, REFUSED),
    "an environment of wrong types": (edited("environment.json", git=None), "report", 1, REFUSED),
    "an endless file": (endless, "report", 1, "more than the limit of 1,048,576"),
    "a sparse checkpoint": (sparse_checkpoint, "sample", 1, "more than the limit of 4,294,967,296"),
    "a sparse checkpoint in a report": (sparse_checkpoint, "report", 1, "more than the limit of 4,294,967,296"),
    "a large description": (described(" " * 2**21 + "a"), "report", 1, "more than the limit of 2,097,152"),
    "a description of many values": (described(f"[{'a,' * 100_000}]"), "report", 1, "has more than 100,000 values"),
    "a table of many columns": (written("history.parquet", many_columns), "report", 0, "training rows (1,001 columns"),
    "a device for a source": (edited("spec.json", source={"file": "/dev/zero", "sha256": "0"}), "report", 0, "report:"),
    "a pipe for a source": (source_pipe, "report", 0, "report:"),
    "a pipe for a status": (pipe, "report", 1, "is neither a file nor a folder"),
    "a link out, for pictures": (linked("samples"), "report", 1, "is a link that leads out of out/"),
    "a link out, for a table": (linked("evaluations.parquet"), "evaluate", 1, "is a link that leads out of out/"),
    "a trial that lies elsewhere": (foreign_trial, "clean", 1, "is a link that leads out of out/"),
    "a report that lies elsewhere": (foreign_report, "report", 1, "is a link that leads out of out/"),
    "a table that expands": (written("history.parquet", table_bomb), "report", 0, "training rows (11,000,000 rows"),
    "texts that expand": (written("history.parquet", text_bomb), "report", 0, "its texts are too large"),
    "a table that is none": (written("history.parquet", lambda: b"PAR1" * 20), "report", 0, "is not a table"),
    "a picture that expands": (grids(picture_bomb), "report", 0, "is damaged; an older grid is shown"),
    "a picture that is none": (grids(lambda: b"%!PS"), "report", 0, "is damaged; an older grid is shown"),
    "a billion laughs": (described(LAUGHS), "report", 1, "its aliases repeat more than 10,000 values"),
    "a tag that runs code": (described("!!python/object/apply:os.system [id]"), "report", 1, "could not determine"),
    "a list for a description": (described("[1, 2]"), "report", 1, REFUSED),
}  # fmt: skip


def command(name: str, place: Path) -> Result:
    typed = {
        "report": (report.app, ["out"]),
        "sample": (sample.app, [str(trial_of(place).path), "--count", "4"]),
        "evaluate": (evaluate.app, ["out", "--samples", "64", "--seed", "1"]),
        "clean": (clean.app, ["checkpoints", "--results", "out", "--data-root", "data", "--yes"]),
    }
    return CliRunner().invoke(*typed[name])


@pytest.mark.reports
@pytest.mark.parametrize("case", EXPERIMENTS)
def test_hostile_results_end_in_one_line(case, victim):
    make, name, status, said = EXPERIMENTS[case]
    make(victim)
    result = command(name, victim)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert said in result.output
    assert result.exit_code == status
    assert "Traceback" not in result.output
    assert not status or len([line for line in result.stderr.splitlines() if line.startswith("error:")]) == 1
    assert not Path("/tmp/hostile-was-here").exists()
    assert (victim / "outside" / "checkpoint.pt").read_bytes() == b"precious"
    assert not status or {path.name for path in (victim / "outside").iterdir()} <= {"checkpoint.pt", "trial"}


@pytest.mark.nightly
@pytest.mark.parametrize("case", EXPERIMENTS)
def test_no_command_shows_a_traceback(case, victim):
    """Also those that a case is not meant for; and bench.load."""
    make = EXPERIMENTS[case][0]
    make(victim)
    for name in ("report", "sample", "evaluate", "clean"):
        result = command(name, victim)
        assert result.exception is None or isinstance(result.exception, SystemExit), (name, result.exception)
    try:
        loaded = bench.load("out")
        if len(loaded.trials):
            loaded.method("mmd")
    except UserError:
        pass
    assert (victim / "outside" / "checkpoint.pt").read_bytes() == b"precious"


def test_links_inside_are_fine_and_the_folder_may_be_one(victim):
    path = trial_of(victim).path
    path.rename(victim / "out" / "moved")
    path.symlink_to(victim / "out" / "moved")
    (victim / "link").symlink_to(victim / "out")
    untrusted.refuse_unsafe_tree(victim / "link")
    assert CliRunner().invoke(report.app, ["link"]).exit_code == 0


def test_free_text_is_escaped_where_it_is_shown(victim):
    edited("status.json", state="failed", reason="<img src=x onerror=alert(1)> \x1b[2J | [a](b)\n# title")(victim)
    Folder(trial_of(victim).path).write("error.txt", b"</pre><script>alert(1)</script>")
    assert command("report", victim).exit_code == 0
    page = (victim / "out" / "report" / "index.html").read_text()
    summary = (victim / "out" / "report" / "summary.md").read_text()
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert r"\<img src=x onerror=alert(1)\> \\x1b\[2J \| \[a\](b)\\n# title" in summary


def test_terminals_obey_nothing(capsys):
    table = Table("a", "title\x1b[2J", ["variant", "x"], [[Cell("[red]\x1b[31m"), Cell("\x07")]], "about\x9b")
    for width in (180, 5):
        terminal.show(table, "elsewhere\x1b", width=width)
    said = capsys.readouterr().out
    assert "[red]\\x1b[31m" in said
    assert not set(said) & {"\x1b", "\x07", "\x9b"}


@pytest.mark.draws
def test_no_label_is_a_formula_of_matplotlib(victim):
    edited("spec.json", label="mmd[name=$^$]")(victim)
    result = command("report", victim)
    assert result.exit_code == 0, result.output
    assert "mmd[name=$^$]" in (victim / "out" / "report" / "summary.csv").read_text()


def test_no_cell_is_a_formula_of_spreadsheets(victim):
    edited("status.json", state="failed", reason="=HYPERLINK(0)")(victim)
    assert command("report", victim).exit_code == 0
    for path in (victim / "out" / "report").rglob("*.csv"):
        cells = [text for row in csv.reader(path.read_text().splitlines()) for text in row]
        assert not [text for text in cells if text.startswith(("=", "+", "@"))], path
    assert "'=HYPERLINK(0)" in (victim / "out" / "report" / "trials.csv").read_text()


def test_latex_and_markdown_are_inert():
    grid = Table("a", "T", ["v", "x"], [[Cell(r"a\input{/etc/passwd}"), Cell("b|c")]])
    assert r"\textbackslash{}input\{/etc/passwd\}" in render.latex(grid)
    assert r"b\|c" in "\n".join(render.markdown(grid))


# Documents, archives and tables.


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "its aliases repeat more than 10,000 values"),
        ("a: &a [*a]", "an alias refers to a value that contains it"),
        ("[" * 60 + "]" * 60, "nested too deeply"),
        ("[" * 5000, "nested too deeply"),
        ("9" * 5000, "cannot read"),
        ("a: !!timestamp 2001-99-99", "line 1: cannot read '2001-99-99' as timestamp"),
        ("!!timestamp x", "cannot read 'x' as timestamp"),
        ("!!bool x", "cannot read 'x' as bool"),
        ("!!int ''", "cannot read '' as int"),
        ("!!int 0b_", "cannot read '0b_' as int"),
        ("!!python/name:os.system x", "could not determine a constructor"),
        ("!!binary x", "failed to decode base64 data"),
        ("? [a]\n: b", "found unhashable key"),
        (" " * (2**20 + 1), "has more than 1,048,576 bytes"),
    ],
)
def test_yaml_is_refused_in_one_line(text, said):
    with pytest.raises(UserError) as error:
        parse_yaml(text, "text")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_ordinary_anchors_are_yaml():
    assert parse_yaml("a: &a {b: 1}\nc: *a\nd: [*a, *a]", "text")["d"] == [{"b": 1}, {"b": 1}]
    assert parse_yaml(yaml.safe_dump({"many": list(range(20_000))}), "text")["many"][-1] == 19_999


def test_many_keys_take_no_square_of_time():
    assert len(parse_yaml("".join(f"k{i}: 1\n" for i in range(20_000)), "text")) == 20_000


def test_a_device_is_no_file_of_settings():
    with pytest.raises(UserError, match="has more than 1,048,576 bytes"):
        load_yaml(Path("/dev/zero"))


def npz(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, allow_pickle=True, **arrays)
    return buffer.getvalue()


def lying(shape: str) -> bytes:
    """An archive whose array says that it is larger than it is."""
    header = f"{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (63 - (len(header) + 10) % 64) + b"\n"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("mu.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(64))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (npz(mu=np.array([Evil()], dtype=object)), "object"),
        (npz(sigma=np.zeros(3)), "an array is missing"),
        (npz(mu=np.zeros((2, 2))), r"\[2, 2\]"),
        (lying("(1000000000,)"), "another size than its header says"),
        (lying("(-1,)"), "negative dimensions"),
        (b"PK\x05\x06", "zip"),
        (npz(mu=np.zeros(8))[:-30], "zip"),
    ],
)
def test_archives_of_arrays_are_measured_first(data, said):
    with pytest.raises(ValueError, match=said):
        tables.parse_npz(data, {"mu": (None,)})


def test_archives_that_expand_are_not_read(monkeypatch):
    monkeypatch.setattr(tables, "MAX_ARRAY_BYTES", 2**20)
    with pytest.raises(ValueError, match="another size than its header says"):
        tables.parse_npz(npz(mu=np.zeros(2**18)), {"mu": (None,)})


@pytest.mark.parametrize(
    "content", [b"", b"x", pickle.dumps(Evil()), stored(Evil()), deflated({}), stored({"about": "[" * 10**5})]
)
def test_an_extractor_that_is_none(content):
    with pytest.raises(UserError, match="not an extractor stored by"):
        load_extractor(content)


@pytest.mark.parametrize("about", [{"shape": [1, 10**6, 10**6]}, {"classes": 10**9}, {"kind": "<b>"}, {"classes": -1}])
def test_an_extractor_that_says_that_it_is_huge(about, original):
    state = torch.load(original / "out" / "extractor" / "extractor.pt", weights_only=True)
    state["about"] = json.dumps(json.loads(state["about"]) | about)
    with pytest.raises(UserError, match="not an extractor stored by"):
        load_extractor(stored(state))


def test_statistics_of_somebody_else_are_made_again(victim):
    features = next((victim / "data" / "prepared" / "digits").glob("*/features"))
    path = trial_of(victim)
    edited("environment.json", data=str(features.parent))(victim)
    for statistics in features.glob("*.npz"):
        Folder(features).write(statistics.name, npz(mu=np.array([Evil()], dtype=object)))
    for floors in features.glob("*floor*.json"):
        Folder(features).write(floors.name, b'{"distance": "<b>", "kernel": []}')
    result = command("evaluate", victim)
    assert result.exit_code == 0, result.output
    assert "belongs to another extractor, other images or an older version; computing it again" in result.output
    assert len(path.evaluations()) == 1
    assert not Path("/tmp/hostile-was-here").exists()


# Prepared sets.


@pytest.mark.parametrize(
    "said",
    [b"[]", b"{}", b"[" * 10**5, b'{"preprocessing": 3}', b'{"splits": {"train": 1}}', b"9" * 5000, b" " * (2**23 + 1)],
)
def test_a_sidecar_that_says_something_else_is_damaged(said, victim):
    folder = next((victim / "data" / "prepared" / "digits").glob("*/sidecar.json")).parent
    Folder(folder).write("sidecar.json", said)
    assert Prepared(folder).check() is False


def test_labels_are_as_many_as_images_and_below_the_classes(victim):
    folder = next((victim / "data" / "prepared" / "digits").glob("*/sidecar.json")).parent
    prepared = Prepared(folder)
    assert prepared.check()
    for labels in (np.zeros(10**6, np.int64), np.full(400, 10), np.array([Evil()] * 400, dtype=object)):
        np.save(folder / "test-labels.npy", labels, allow_pickle=True)
        sidecar = json.loads((folder / "sidecar.json").read_bytes())
        sidecar["splits"]["test"]["labels_sha256"] = bench.io.files.sha256((folder / "test-labels.npy").read_bytes())
        Folder(folder).write("sidecar.json", json.dumps(sidecar).encode())
        assert prepared.check() is False


@pytest.mark.parametrize("content", [b"", b"x", npz(a=np.zeros(3)), pickle.dumps(Evil()), lying("(3,)")])
def test_an_array_of_images_that_is_none(content, tmp_path):
    (tmp_path / "a.npy").write_bytes(content)
    assert not is_array(tmp_path / "a.npy", (1, 1, 8, 8), np.uint8)


def test_a_journal_of_somebody_else_is_passed_over(tmp_path):
    from bench.data.decode import Pixels
    from bench.data.image_writer import ImageWriter, write_images

    file = ImageFile(tmp_path / "a.npy", 3, Preprocessing(image_size=8, channels=1))
    file.create()
    (tmp_path / "a.journal").write_text('[99, "x", {}]\n{}\n[0, 1]\n"x"\n' + "[" * 10**5 + "\n")
    writer = ImageWriter(file, Pixels(np.zeros((3, 8, 8), np.uint8)), False)
    write_images([writer], lambda _: None)
    assert len(writer.chunks) == 1


@pytest.mark.parametrize("linked_name", ["", "train-images.npy", "train-images.journal"])
def test_an_unfinished_preparation_is_not_continued_through_links(linked_name, tmp_path):
    request = make_request("digits", tmp_path / "data")
    made = prepare(request).folder
    partial, outside = made.with_name(f".{made.name}.part"), tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_bytes(b"precious")
    shutil.rmtree(made)
    if linked_name:
        partial.mkdir()
        (partial / linked_name).symlink_to(outside / "file")
    else:
        partial.symlink_to(outside)
    with pytest.raises(Malformed, match="is a link"):
        prepare(request)
    assert [(path.name, path.read_bytes()) for path in outside.iterdir()] == [("file", b"precious")]


def test_prepared_images_are_no_larger_than_images_that_are_read(victim):
    folder = next((victim / "data" / "prepared" / "digits").glob("*/sidecar.json")).parent
    sidecar = json.loads((folder / "sidecar.json").read_bytes())
    sidecar["preprocessing"]["image_size"] = 10**5  # 10 GB an image
    Folder(folder).write("sidecar.json", json.dumps(sidecar).encode())
    assert Prepared(folder).check() is False


def test_a_report_holds_a_stated_number_of_values(victim, monkeypatch):
    monkeypatch.setattr(frames, "MAX_VALUES", 50)
    result = command("report", victim)
    assert result.exit_code == 1
    assert "columns, more than 50 values; report fewer trials at a time" in result.output


def test_the_experiments_of_a_report_share_its_number_of_values(monkeypatch):
    monkeypatch.setattr(frames, "MAX_VALUES", 10)
    budget, table = frames.Budget(), pa.table({"step": [1] * 8})
    budget.add(table, "one")
    with pytest.raises(UserError, match="with two there are 16 rows of 1 columns, more than 10 values"):
        budget.add(table, "two")


# Trees of images.


@pytest.fixture
def photos(tmp_path) -> Path:
    for i in range(40):
        picture(tmp_path / "photos" / f"{i}.png", (16, 16))
    return tmp_path / "photos"


def saved(kind: str, size: tuple[int, int] = (16, 16), mode: str = "RGB", **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, 77).save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "it is not an image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 16 16\n", "it is not an image"),
        (saved("PPM"), "it is not an image"),
        (saved("ICO"), "it is not an image"),
        (lambda: saved("PNG", (8300, 8300), "1"), "too many pixels"),
        (saved("PNG", mode="I;16"), "more than 8 bits"),
        (saved("PNG")[:50], "it is damaged"),
        (saved("JPEG")[:200], "it is"),
    ],
)
def test_images_that_cannot_be_used_are_named(content, said, photos):
    (photos / "odd.png").write_bytes(content() if callable(content) else content)
    with pytest.raises(UserError, match=said) as error:
        prepare(make_request("folder", photos, image_size=16))
    assert "odd.png" in str(error.value)
    assert "--skip-unreadable" in str(error.value)


@pytest.mark.parametrize(
    "content",
    [
        saved("JPEG", mode="CMYK"),
        saved("GIF", mode="P", save_all=True, append_images=[Image.new("P", (16, 16), 200)]),
        saved("WEBP", save_all=True, append_images=[Image.new("RGB", (16, 16), "red")]),
        saved("MPO"),
        saved("BMP"),
        saved("TIFF"),
        saved("PNG", mode="RGBA"),
    ],
    ids=["CMYK", "animated GIF", "animated WebP", "MPO", "BMP", "TIFF", "RGBA"],
)
def test_images_of_other_kinds_are_read_whatever_their_names(content, tmp_path):
    (tmp_path / "odd.png").write_bytes(content)
    pixels = Files([tmp_path / "odd.png"]).decode(0, Preprocessing(image_size=16))
    assert pixels.shape == (3, 16, 16)
    first = Image.open(io.BytesIO(content))
    if first.mode == "RGBA":  # what lies below transparent pixels is not trained on
        first = Image.alpha_composite(Image.new("RGBA", first.size, "white"), first)
    np.testing.assert_array_equal(pixels, np.asarray(first.convert("RGB")).transpose(2, 0, 1))


def test_links_may_not_lead_out_of_a_tree(photos, tmp_path):
    picture(tmp_path / "private.png", (16, 16))
    (photos / "inside.png").symlink_to(photos / "0.png")
    (tmp_path / "root").symlink_to(photos)
    assert prepare(make_request("folder", tmp_path / "root", image_size=16)).counts
    (photos / "odd.png").symlink_to(tmp_path / "private.png")
    with pytest.raises(UserError, match="replace it by a copy of its target"):
        prepare(make_request("folder", photos, image_size=16))
    left_out = prepare(make_request("folder", photos, skip_unreadable=True, image_size=16)).skipped
    assert [Path(name).name for name in left_out] == ["odd.png"]


def test_pipes_and_folders_are_no_images(photos):
    os.mkfifo(photos / "pipe.png")
    (photos / "folder.png").mkdir()
    assert len(image_tree(photos).files) == 40


def test_names_are_shown_escaped(photos, capsys):
    (photos / "a\nerror: b\x1b[31m.png").write_bytes(b"")
    request = make_request("folder", photos, skip_unreadable=True, image_size=16)
    with pytest.raises(UnusableImage, match=r"a\\nerror: b\\x1b\[31m\.png: it is not an image"):
        Files([photos / "a\nerror: b\x1b[31m.png"]).decode(0, request.preprocessing)
    prepare(request)
    said = capsys.readouterr().err
    assert "a\\nerror: b\\x1b[31m.png" in said
    assert "\x1b" not in said
    assert one_line("a\u202eb\ud800") == "a\\u202eb\\ud800"


def test_a_partition_may_not_name_files_elsewhere(tmp_path):
    from images import write_celeba

    from bench.data.celeba import celeba

    folder = write_celeba(tmp_path, 2, 1, 1)
    partition = folder / "list_eval_partition.txt"
    partition.write_text(partition.read_text().replace("000001.jpg", "../img_align_celeba/000001.jpg"))
    with pytest.raises(UserError, match="is not a file name"):
        celeba(folder)


def test_a_partition_is_no_larger_than_the_published_one(tmp_path):
    from images import write_celeba

    from bench.data.celeba import celeba

    partition = write_celeba(tmp_path, 2, 1, 1) / "list_eval_partition.txt"
    with partition.open("ab") as file:
        file.truncate(2**40)
    with pytest.raises(UserError, match="has more than 33,554,432 bytes"):
        celeba(partition.parent)
    partition.unlink()
    os.mkfifo(partition)
    assert celeba(partition.parent) is None


def test_a_page_without_end_is_no_report(tmp_path):
    from bench.reporting.build import MARK, is_replaceable

    page = tmp_path / "index.html"
    page.write_text(f"<html>\n{MARK}")
    assert is_replaceable(tmp_path)
    page.write_text("<html>")
    with page.open("ab") as file:
        file.truncate(2**40)
    assert not is_replaceable(tmp_path)


def test_a_trial_never_names_a_plug_in_that_is_run(victim):
    evil = victim / "out" / "evil.py"
    evil.write_text("open('/tmp/hostile-was-here', 'w')\nMETHODS = {}\n")
    edited("spec.json", source={"file": str(evil), "sha256": "0"}, spec__method="evil", label="evil")(victim)
    for name in ("report", "sample", "evaluate", "clean"):
        assert "Traceback" not in command(name, victim).output
    assert frames.describe(trial_of(victim)).stale is True
    assert not Path("/tmp/hostile-was-here").exists()


def test_malformed_says_its_reason_in_a_line():
    assert str(Malformed("a\nb", "is\x1b odd")) == "a\\nb is\\x1b odd"
