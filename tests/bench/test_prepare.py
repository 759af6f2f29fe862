"""bench.prepare: what it prints, kills in the middle, and its memory."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace

import pytest
from images import numbered, numbers
from project import ROOT
from specimens import make_request
from typer.testing import CliRunner

from bench.data import preparation
from bench.data.splits import SPLITS

PREPARE = (
    "import sys; from bench import prepare; from bench.data import image_files; "
    "image_files.CHUNK_BYTES = int(sys.argv.pop(1)); prepare.app()"
)


def start_prepare(tree, prepared, chunk_bytes):
    """bench.prepare in a process of its own, with chunks of so many bytes."""
    command = [sys.executable, "-c", PREPARE, str(chunk_bytes), "folder", "--data-root", str(tree)]
    command += ["--image-size", "16", "--prepared", str(prepared)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=ROOT, start_new_session=True, **pipes)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_killed_preparation_leaves_no_process_and_goes_on(tmp_path, number, status):
    numbered(tmp_path / "tree", 4000, size=(256, 256))
    process = start_prepare(tmp_path / "tree", tmp_path / "prepared", 100 * 3 * 16 * 16)
    deadline = time.monotonic() + 120
    journal: list = []
    while time.monotonic() < deadline and len(journal) < 3:
        found = list((tmp_path / "prepared").glob("folder/.*.part/train-images.journal"))
        journal = found[0].read_text().splitlines() if found else []
        time.sleep(0.02)
    assert process.poll() is None
    # A terminal and SLURM signal all processes of the group. SIGKILL may come for one, as from the OOM killer.
    process.kill() if number == signal.SIGKILL else os.killpg(process.pid, number)
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    assert process.returncode == status
    assert number == signal.SIGKILL or errors.splitlines()[-1:] == [
        "interrupted; run the same command again to continue"
    ]
    time.sleep(2)
    left = subprocess.run(["pgrep", "-f", str(tmp_path / "prepared")], capture_output=True, check=False)
    assert left.returncode == 1, "a worker outlived its parent"
    second = start_prepare(tmp_path / "tree", tmp_path / "prepared", 100 * 3 * 16 * 16)
    output, errors = second.communicate(timeout=300)
    assert second.returncode == 0, errors
    assert "fingerprint: " in output
    request = make_request("folder", tmp_path / "tree", image_size=16)
    prepared = preparation.prepare(replace(request, prepared=tmp_path / "prepared"))
    assert sorted(n for s in SPLITS for n in numbers(prepared.images(s))) == list(range(4000))


def test_the_command_prints_fingerprint_counts_and_classes_and_finds_them_again(tmp_path):
    from bench.prepare import app

    numbered(tmp_path / "tree", 120)
    command = ["folder", "--data-root", str(tmp_path / "tree"), "--image-size", "8", "--prepared", str(tmp_path / "p")]
    first = CliRunner().invoke(app, command)
    assert first.exit_code == 0, first.output
    folder = next((tmp_path / "p" / "folder").glob("[0-9a-f]*"))
    fingerprint = json.loads((folder / "sidecar.json").read_text())["fingerprint"]
    assert f"fingerprint: {fingerprint}" in first.output
    assert "8x8, colour" in first.output
    assert "fd_rotation" in first.output
    stamp = (folder / "sidecar.json").stat().st_mtime_ns
    again = CliRunner().invoke(app, command)
    assert again.output == first.output
    assert (folder / "sidecar.json").stat().st_mtime_ns == stamp


def test_the_users_tree_is_not_written_into(tmp_path, monkeypatch):
    from bench.prepare import app

    monkeypatch.chdir(tmp_path)
    numbered(tmp_path / "tree", 120)
    before = sorted((tmp_path / "tree").iterdir())
    result = CliRunner().invoke(app, ["folder", "--data-root", "tree", "--image-size", "8"])
    assert result.exit_code == 0, result.output
    assert sorted((tmp_path / "tree").iterdir()) == before
    assert (tmp_path / "data" / "prepared" / "folder").is_dir()


MEASURE = """
import resource, sys
from bench import prepare
try:
    prepare.app()
except SystemExit as end:
    assert not end.code, end.code
for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
    print("peak", resource.getrusage(who).ru_maxrss // 1024)
"""


@pytest.mark.slow
def test_memory_stays_flat_however_many_images_there_are(tmp_path):
    """Four times as many images, 300 MB more of them, and not a tenth of that in memory."""
    peaks = []
    for count in (2000, 8000):
        numbered(tmp_path / str(count), count, size=(128, 128))
        command = [
            "folder",
            "--data-root",
            str(tmp_path / str(count)),
            "--image-size",
            "128",
            "--prepared",
            str(tmp_path),
        ]
        done = subprocess.run(
            [sys.executable, "-c", MEASURE, *command], cwd=ROOT, capture_output=True, text=True, check=True
        )
        peaks.append([int(line.split()[1]) for line in done.stdout.splitlines() if line.startswith("peak")])
    (own, workers), (own_of_more, workers_of_more) = peaks
    assert own_of_more < own + 30
    assert workers_of_more < workers + 30
