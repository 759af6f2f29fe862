"""Preparing trees of images: splits, resuming, memory, and what is left out."""

import json
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from images import numbered, numbers, picture, write_celeba
from PIL import Image
from project import ROOT
from specimens import make_request
from torchvision.datasets import CelebA
from typer.testing import CliRunner

from bench.data import image_files, image_writer, preparation, workers
from bench.data.decode import Files, Pixels
from bench.data.image_files import ImageFile
from bench.data.image_writer import Chunk, ImageWriter, write_images
from bench.data.progress_bar import track
from bench.data.splits import SPLITS
from bench.errors import RunError, UserError
from bench.experiment.settings import Preprocessing


def test_a_tree_without_split_folders_is_split_by_the_hash_of_relative_paths(tmp_path):
    numbered(tmp_path / "tree", 400)
    prepared = preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    expected = {"train": [], "validation": [], "test": []}
    for i in range(400):
        share = int.from_bytes(sha256(f"{i}.png".encode()).digest()[:4]) / 2**32
        expected["test" if share < 0.1 else "validation" if share < 0.2 else "train"].append(i)
    for split, wanted in expected.items():
        assert sorted(numbers(prepared.images(split))) == wanted
    assert prepared.classes == []
    assert not list(prepared.folder.glob("*labels*"))


def test_adding_images_to_a_tree_moves_none_between_splits(tmp_path):
    numbered(tmp_path / "tree", 200)
    before = preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    numbered(tmp_path / "tree", 400)
    after = preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    for split in SPLITS:
        assert set(numbers(before.images(split))) <= set(numbers(after.images(split)))


@pytest.mark.parametrize("validation", [None, "val", "validation"])
@pytest.mark.parametrize("classes", [(), ("cat", "dog")])
def test_split_and_class_folders_are_understood(tmp_path, validation, classes):
    root = tmp_path / "tree"
    sizes = {"train": 40, "test": 10} | ({validation: 6} if validation else {})
    for split, count in sizes.items():
        for name in classes or [""]:
            numbered(root / split / name, count)
    prepared = preparation.prepare(make_request("folder", root, image_size=16))
    n = max(1, len(classes))
    held_out = 6 * n if validation else 40 * n // 10
    expected = {"train": 40 * n - (0 if validation else held_out), "validation": held_out, "test": 10 * n}
    assert prepared.counts == expected
    assert prepared.classes == list(classes)
    if classes:
        assert np.bincount(prepared.labels("test")).tolist() == [10, 10]


def test_one_folder_around_all_images_is_no_class_and_hidden_files_do_not_count(tmp_path):
    numbered(tmp_path / "tree" / "images", 100)
    (tmp_path / "tree" / ".cache").mkdir()
    (tmp_path / "tree" / ".cache" / "x.png").write_text("no image")
    (tmp_path / "tree" / "images" / "._1.png").write_text("no image")
    prepared = preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    assert prepared.classes == []
    assert sum(prepared.counts.values()) == 100


def test_celeba_is_torchvisions_with_the_published_split_cropped_and_resized(tmp_path, monkeypatch):
    folder = write_celeba(tmp_path, train=40, validation=10, test=10)
    prepared = preparation.prepare(make_request("celeba", tmp_path))
    assert prepared.counts == {"train": 40, "validation": 10, "test": 10}
    assert prepared.shape == (3, 64, 64)
    # torchvision reads four more files, which it wants to be there and the pictures' attributes to be in.
    rows = "".join(f"{i + 1:06}.jpg 1 1\n" for i in range(60))
    for name in (
        "identity_CelebA.txt",
        "list_bbox_celeba.txt",
        "list_attr_celeba.txt",
        "list_landmarks_align_celeba.txt",
    ):
        (folder / name).write_text(rows if name.startswith("identity") else f"60\na b\n{rows}")
    monkeypatch.setattr(CelebA, "_check_integrity", lambda _: True)
    original = CelebA(str(tmp_path), split="test", target_type=[])
    crops = [image.crop((19, 39, 159, 179)).resize((64, 64), Image.Resampling.LANCZOS) for image, _ in original]
    expected = {np.asarray(crop).transpose(2, 0, 1).tobytes() for crop in crops}
    assert {image.tobytes() for image in prepared.images("test")} == expected


def test_celeba_hq_is_a_folder_without_classes(tmp_path):
    for sex in ("female", "male"):  # as some copies of it are sorted
        for i in range(30):
            picture(tmp_path / "celebahq" / sex / f"{i}.png", (256, 256))
    prepared = preparation.prepare(make_request("celebahq", tmp_path))
    assert prepared.shape == (3, 256, 256)
    assert prepared.classes == []


def test_preprocessing_is_part_of_the_fingerprint(tmp_path):
    numbered(tmp_path / "tree", 100)
    requests = [{"image_size": 16}, {"image_size": 8}, {"image_size": 8, "crop": 12}, {"image_size": 16, "channels": 1}]
    found = [preparation.prepare(make_request("folder", tmp_path / "tree", **request)) for request in requests]
    assert len({prepared.fingerprint for prepared in found}) == 4
    assert [prepared.shape for prepared in found] == [(3, 16, 16), (3, 8, 8), (3, 8, 8), (1, 16, 16)]


def test_unreadable_images_are_left_out_counted_and_listed(tmp_path, capsys):
    numbered(tmp_path / "tree", 300)
    bad = [3, 77, 150, 151, 299]
    for i in bad:
        (tmp_path / "tree" / f"{i}.png").write_text("no image")
    with pytest.raises(UserError, match="--skip-unreadable"):
        preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))
    prepared = preparation.prepare(make_request("folder", tmp_path / "tree", skip_unreadable=True, image_size=16))
    assert "5 images are left out" in capsys.readouterr().err
    assert {Path(path).name for path in prepared.skipped} == {f"{i}.png" for i in bad}
    found = [number for split in SPLITS for number in numbers(prepared.images(split))]
    assert sorted(found) == [i for i in range(300) if i not in bad]
    assert prepared.check()


def test_labels_stay_with_their_images_where_some_are_left_out(tmp_path):
    for name, first in (("a", 0), ("b", 100)):
        for split, count in (("train", 50), ("test", 20)):
            folder = tmp_path / "tree" / split / name
            folder.mkdir(parents=True)
            for i in range(count):
                Image.new("RGB", (16, 16), (first + i, 0, 0)).save(folder / f"{i}.png")
        (tmp_path / "tree" / "train" / name / "7.png").write_text("no image")
    prepared = preparation.prepare(make_request("folder", tmp_path / "tree", skip_unreadable=True, image_size=16))
    for split in SPLITS:
        np.testing.assert_array_equal(prepared.images(split)[:, 0, 0, 0] >= 100, prepared.labels(split) == 1)
    assert prepared.counts["train"] + prepared.counts["validation"] == 98


@pytest.fixture
def small_chunks(monkeypatch):
    """Ten images of 16x16 a chunk, in this process."""
    monkeypatch.setattr(image_files, "CHUNK_BYTES", 10 * 3 * 16 * 16)
    monkeypatch.setattr(workers, "cores", lambda: 1)


def test_an_interrupted_preparation_goes_on_with_what_is_missing(tmp_path, small_chunks, monkeypatch):
    del small_chunks
    numbered(tmp_path / "tree", 400)
    decoded = []
    decode = Files.decode

    def counted(self, row, preprocessing):
        if len(decoded) == 150:
            raise KeyboardInterrupt
        decoded.append(self.paths[row].name)
        return decode(self, row, preprocessing)

    monkeypatch.setattr(Files, "decode", counted)
    request = make_request("folder", tmp_path / "tree", image_size=16)
    with pytest.raises(KeyboardInterrupt):
        preparation.prepare(request)
    partial = next((request.prepared / "folder").glob(".*.part"))
    journal = partial / "train-images.journal"
    done = len(journal.read_text().splitlines())
    assert done >= 10
    # What a power failure may leave: a line that was cut, and a chunk whose bytes never reached the disk.
    with journal.open("a") as file:
        file.write("[31, ")
    rows = len(np.load(partial / "train-images.npy", mmap_mode="r"))
    ImageFile(partial / "train-images.npy", rows, request.preprocessing).write(0, np.zeros((10, 3, 16, 16), np.uint8))
    decoded.clear()
    decoded.extend([""] * 151)  # so that it is not interrupted again
    prepared = preparation.prepare(request)
    assert len(decoded) - 151 == 400 - 10 * (done - 1)
    monkeypatch.setattr(Files, "decode", decode)
    whole = preparation.prepare(replace(request, prepared=tmp_path / "elsewhere"))
    for split in SPLITS:
        np.testing.assert_array_equal(prepared.images(split), whole.images(split))


def test_what_was_left_out_before_is_an_error_without_the_option(tmp_path, small_chunks, monkeypatch):
    """A preparation that skipped an image and was interrupted does not pass it on silently."""
    del small_chunks
    numbered(tmp_path / "tree", 200)
    (tmp_path / "tree" / "5.png").write_text("no image")
    rename = type(tmp_path).rename
    monkeypatch.setattr(type(tmp_path), "rename", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
    with pytest.raises(KeyboardInterrupt):
        preparation.prepare(make_request("folder", tmp_path / "tree", skip_unreadable=True, image_size=16))
    monkeypatch.setattr(type(tmp_path), "rename", rename)
    with pytest.raises(UserError, match=r"5\.png"):
        preparation.prepare(make_request("folder", tmp_path / "tree", image_size=16))


def test_a_disk_that_fills_up_while_decoding_is_one_line_and_keeps_what_is_done(tmp_path, small_chunks, monkeypatch):
    del small_chunks
    images = Pixels(np.random.RandomState(0).randint(0, 256, (55, 16, 16, 3)).astype(np.uint8))
    file = ImageFile(tmp_path / "x-images.npy", 55, Preprocessing(image_size=16))
    write = ImageFile.write

    def full(self, start, pixels):
        if start == 30:
            raise OSError(28, "No space left on device")
        return write(self, start, pixels)

    monkeypatch.setattr(ImageFile, "write", full)
    with (
        track("x", 55) as advance,
        pytest.raises(RunError, match=r"cannot write .*No space left on device; free some space"),
    ):
        write_images([ImageWriter(file, images, False)], advance)
    noted = {json.loads(line)[0] for line in (tmp_path / "x-images.journal").read_text().splitlines()}
    assert noted & {0, 1, 2, 3} == {0, 1, 2}  # later ones only where they were done before the failure was seen
    monkeypatch.setattr(ImageFile, "write", write)
    with track("x", 55) as advance:
        write_images([ImageWriter(file, images, False)], advance)
        assert advance.done == 55
    np.testing.assert_array_equal(np.load(file.path), images.array.transpose(0, 3, 1, 2))


def test_a_disk_that_fills_up_at_the_second_file_names_it_and_both_go_on(tmp_path, small_chunks, monkeypatch):
    del small_chunks
    images = Pixels(np.random.RandomState(0).randint(0, 256, (20, 16, 16, 3)).astype(np.uint8))
    files = [ImageFile(tmp_path / f"{name}-images.npy", 20, Preprocessing(image_size=16)) for name in ("a", "b")]
    write = ImageFile.write

    def full(self, start, pixels):
        if self == files[1] and start == 10:
            raise OSError(28, "No space left on device")
        return write(self, start, pixels)

    monkeypatch.setattr(ImageFile, "write", full)
    with (
        track("x", 40) as advance,
        pytest.raises(RunError, match=r"cannot write .*b-images\.npy: No space left"),
    ):
        write_images([ImageWriter(file, images, False) for file in files], advance)
    assert [len((tmp_path / f"{name}-images.journal").read_text().splitlines()) for name in ("a", "b")] == [2, 1]
    monkeypatch.setattr(ImageFile, "write", write)
    writers = [ImageWriter(file, images, False) for file in files]
    assert [writer.todo for writer in writers] == [[], [1]]
    with track("x", 40) as advance:
        write_images(writers, advance)
        assert advance.done == 40
    for file in files:
        np.testing.assert_array_equal(np.load(file.path), images.array.transpose(0, 3, 1, 2))


def test_an_interruption_ends_processes_in_the_middle_of_what_they_do(monkeypatch):
    """Chunks of large photographs take a minute; what ends here within seconds would take three."""
    monkeypatch.setattr(workers, "cores", lambda: 2)

    def interrupted():
        with workers.worker_pool(6, in_memory=False) as pool:
            sleeping = [pool.submit(time.sleep, 60) for _ in range(6)]
            while not sleeping[0].running():
                time.sleep(0.01)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - started < 60


def test_what_is_done_when_another_chunk_fails_stays_done(tmp_path, small_chunks, monkeypatch):
    del small_chunks
    file = ImageFile(tmp_path / "x-images.npy", 30, Preprocessing(image_size=16))
    done, failed = Future(), Future()
    done.set_result(Chunk("0" * 64, {}))
    failed.set_exception(UserError("the image is none"))
    answers = iter([failed, done, Future()])
    monkeypatch.setattr(ImageWriter, "submit", lambda *_: next(answers))
    writer = ImageWriter(file, Pixels(np.zeros((30, 16, 16, 3), np.uint8)), False)
    with track("x", 30) as advance, pytest.raises(UserError, match="the image is none"):
        write_images([writer], advance)
    assert [*writer.done] == [1]
    assert writer.journal.read_text() == f'[1, "{"0" * 64}", {{}}]\n'


def test_processes_are_started_once_and_for_few_images_not_at_all(tmp_path, monkeypatch):
    started = []

    @contextmanager
    def pool(chunks, in_memory):
        started.append((chunks, in_memory))
        with ThreadPoolExecutor(1) as threads:
            yield threads

    monkeypatch.setattr(image_writer, "worker_pool", pool)
    numbered(tmp_path / "tree", 100)
    paths = sorted((tmp_path / "tree").iterdir())
    for chunk in (10, 50):
        monkeypatch.setattr(image_files, "CHUNK_BYTES", chunk * 3 * 16 * 16)
        files = [ImageFile(tmp_path / f"{chunk}-{i}.npy", 50, Preprocessing(image_size=16)) for i in range(2)]
        with track("x", 100) as advance:
            write_images([ImageWriter(file, Files(paths[i::2]), False) for i, file in enumerate(files)], advance)
    assert started == [(10, False), (1, False)]


def test_processes_and_one_thread_write_the_same_file(tmp_path, monkeypatch):
    numbered(tmp_path / "tree", 60)
    paths = sorted((tmp_path / "tree").iterdir())
    chunks = []
    for cores in (1, 2):
        monkeypatch.setattr(workers, "cores", lambda cores=cores: cores)
        monkeypatch.setattr(image_files, "CHUNK_BYTES", 2**20)
        file = ImageFile(tmp_path / f"{cores}.npy", 60, Preprocessing(image_size=16))
        with track("x", 60) as advance:
            writer = ImageWriter(file, Files(paths), False)
            write_images([writer], advance)
        chunks.append(writer.chunks)
    assert chunks[0] == chunks[1]
    assert (tmp_path / "1.npy").read_bytes() == (tmp_path / "2.npy").read_bytes()


PREPARE = (
    "import sys; from bench import prepare; from bench.data import image_files; "
    "image_files.CHUNK_BYTES = int(sys.argv.pop(1)); prepare.app()"
)


def start_prepare(tree, prepared, chunk_bytes):
    """bench.prepare in a process of its own, with chunks of so many bytes."""
    command = [sys.executable, "-c", PREPARE, str(chunk_bytes), "folder", "--data-root", str(tree)]
    command += ["--image-size", "16", "--prepared", str(prepared)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_killed_preparation_leaves_no_process_and_goes_on(tmp_path, number):
    numbered(tmp_path / "tree", 4000, size=(256, 256))
    process = start_prepare(tmp_path / "tree", tmp_path / "prepared", 100 * 3 * 16 * 16)
    deadline = time.monotonic() + 120
    journal: list = []
    while time.monotonic() < deadline and len(journal) < 3:
        found = list((tmp_path / "prepared").glob("folder/.*.part/train-images.journal"))
        journal = found[0].read_text().splitlines() if found else []
        time.sleep(0.02)
    assert process.poll() is None
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert "Traceback" not in errors
    if number == signal.SIGINT:
        assert process.returncode == 130
        assert "the same command goes on" in errors
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
