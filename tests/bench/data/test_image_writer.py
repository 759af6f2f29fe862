"""Writing arrays of images: full disks, failing chunks, and processes."""

import json
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
from images import numbered

from bench.data import image_files, image_writer, workers
from bench.data.decode import Files, Pixels
from bench.data.image_files import ImageFile
from bench.data.image_writer import Chunk, ImageWriter, write_images
from bench.data.progress_bar import track
from bench.errors import RunError, UserError
from bench.experiment.settings import Preprocessing


@pytest.mark.usefixtures("small_chunks")
def test_a_disk_that_fills_up_while_decoding_is_one_line_and_keeps_what_is_done(tmp_path, monkeypatch):
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


@pytest.mark.usefixtures("small_chunks")
def test_a_disk_that_fills_up_at_the_second_file_names_it_and_both_go_on(tmp_path, monkeypatch):
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


@pytest.mark.usefixtures("small_chunks")
def test_finished_chunks_are_kept_when_another_one_fails(tmp_path, monkeypatch):
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
        monkeypatch.setattr(workers, "decoders", lambda cores=cores: cores)
        monkeypatch.setattr(image_files, "CHUNK_BYTES", 2**20)
        file = ImageFile(tmp_path / f"{cores}.npy", 60, Preprocessing(image_size=16))
        with track("x", 60) as advance:
            writer = ImageWriter(file, Files(paths), False)
            write_images([writer], advance)
        chunks.append(writer.chunks)
    assert chunks[0] == chunks[1]
    assert (tmp_path / "1.npy").read_bytes() == (tmp_path / "2.npy").read_bytes()
