"""Files in an object store: a real S3 server on this machine, and its failures."""

import threading

import pytest
from s3 import SECRETS, Fault

from bench.errors import RunError, UserError
from bench.io import object_store
from bench.io.files import Damaged, Folder
from bench.io.object_store import StorageError, is_uri, redact, remote


def test_files_are_written_read_listed_and_removed_as_on_a_disk(remote_folder):
    place = Folder(remote_folder / "a")
    assert (place.exists("x"), place.read_if_intact("x")) == (False, None)
    place.write("x", b"one")
    place.write("x", b"two")
    assert (place.exists("x"), place.read("x")) == (True, b"two")
    assert set(remote_folder.files()) == {"a/x", "a/.sha256/x"}
    assert remote_folder.files()["a/x"][0] == 3
    (remote_folder / "a" / "x").write_bytes(b"tw")
    with pytest.raises(Damaged, match=r"s3://bucket/.*/a/x is damaged"):
        place.read("x")
    place.remove()
    assert remote_folder.files() == {}
    place.remove()


@pytest.mark.parametrize("fault", [Fault(status=503, times=4), Fault(status=500, times=4), Fault(seconds=4, times=1)])
def test_temporary_failures_are_retried(s3, remote_folder, fault):
    s3.faults.append(fault)
    (remote_folder / "x").write_bytes(b"one")
    assert fault.times == 0
    assert (remote_folder / "x").read_bytes() == b"one"


def test_refused_connections_are_retried(s3, remote_folder, monkeypatch):
    monkeypatch.setattr(object_store, "PAUSES", (1.0, 1.0, 1.0))
    s3.stop()
    back = threading.Timer(3, s3.start)
    back.start()
    (remote_folder / "x").write_bytes(b"one")
    back.join()
    assert (remote_folder / "x").read_bytes() == b"one"


def test_a_lasting_failure_is_an_error_without_credentials(s3, remote_folder, monkeypatch):
    monkeypatch.setattr(object_store, "PAUSES", ())
    s3.faults.append(Fault(status=500))
    with pytest.raises(StorageError, match="the storage failed 1 times at") as error:
        (remote_folder / "x").write_bytes(b"one")
    assert not any(secret in str(error.value) for secret in SECRETS)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("uri", "message"),
    [
        ("s4://bucket/x", "a folder or a URI, not s4://. Did you mean s3?"),
        ("s3://", "cannot read --storage s3://; write it like s3://bucket/folder"),
        ("s3://KEY:SECRET@/x", "cannot read --storage s3://***@/x"),
        ("s3://[", "cannot read --storage s3://["),
        ("s3://KEY:SECRET@bucket/x?colour=SECRET", "cannot use --storage s3://***@bucket/x?colour=***: "),
        (
            "s3://KEY:SEC/RET@bucket/x",
            "cannot read --storage s3://***@bucket/x; write it like s3://bucket/folder; in its",
        ),
    ],
)
def test_an_invalid_uri_is_refused_without_its_credentials(uri, message):
    with pytest.raises(UserError) as error:
        remote(uri).exists()
    assert message in str(error.value)
    assert "SECRET" not in str(error.value)


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("s3://KEY:SEC%2FRET@bucket/x?region=eu", "s3://***@bucket/x?region=eu"),
        ("s3://KEY:a/b'c+d@bucket/x", "s3://***@bucket/x"),
        ("--storage=gs://tok@b/y", "--storage=gs://***@b/y"),
        ("abfs://c@account.dfs.core.windows.net/x?sas_token=SECRET", "abfs://***@account.dfs.core.windows.net/x?sas_token=***"),
        ("see https://user:pw@host/path and s3://bucket/x", "see https://***@host/path and s3://bucket/x"),
        ("results/digits", "results/digits"),
    ],
)  # fmt: skip
def test_credentials_are_taken_out_of_whatever_is_printed(text, safe):
    assert redact(text) == safe


def test_a_text_without_a_scheme_is_a_path():
    assert is_uri("s3://bucket")
    assert not is_uri("results/digits")


def test_a_file_is_read_in_one_request_once_its_size_is_known(s3, remote_folder):
    (remote_folder / "checkpoint.pt").write_bytes(bytes(5_000_000))
    before = len(s3.requests)
    assert len((remote_folder / "checkpoint.pt").read_bytes()) == 5_000_000
    assert [method for method, _ in s3.requests[before:]] == ["HEAD", "GET"]


@pytest.mark.parametrize(("name", "size"), [(".lease", 5000), ("status.json", 2**20 + 1), (".sha256/a", 2000)])
def test_a_file_that_no_run_writes_is_not_fetched(s3, remote_folder, name, size):
    (remote_folder / name).write_bytes(bytes(size))
    before = len(s3.requests)
    with pytest.raises(RunError, match=f"has {size:,} bytes, more than the limit of"):
        (remote_folder / name).read_bytes()
    assert [method for method, _ in s3.requests[before:]] == ["HEAD"]
    assert Folder(remote_folder).read_if_intact(name) is None
