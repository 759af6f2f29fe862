"""Shared fixtures: the command line in this process or in one of its own, and tiny experiments."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; trials set their threads themselves

import importlib.util
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner, Result

from bench.data.datasets import Request
from bench.errors import UserError
from bench.evaluation import inception
from bench.experiment import plugins
from bench.experiment.configuration import resolve
from bench.reporting.contents import Contents, limited_to
from bench.runtime.rng import forked
from methods import METHODS

ROOT = Path(__file__).parent.parent
TINY = {
    "training.epochs": "2",
    "training.train_images": "200",
    "evaluation.samples": "64",
    "evaluation.final_samples": "96",
    "evaluation.evaluations": "3",
    "evaluation.extractor_steps": "20",
}


def module_from(path: Path) -> ModuleType:
    """A script as a module."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def sets(**changes: str) -> list[str]:
    """--set arguments of a tiny experiment, with `training__epochs="5"` for training.epochs=5."""
    merged = TINY | {key.replace("__", "."): value for key, value in changes.items()}
    return [part for key, value in merged.items() for part in ("--set", f"{key}={value}")]


def asked(name: str, root: Path, skip_unreadable: bool = False, **preprocessing: int) -> Request:
    """What bench.prepare would ask of the data layer."""
    experiment = resolve({"dataset": name, "preprocessing": preprocessing})
    return Request(name, root, experiment.preprocessing, root / "prepared", skip_unreadable)


@pytest.fixture(autouse=True)
def registry():
    """What plug-ins and packages add to the registry during a test is taken out again."""
    before, origin = dict(METHODS), dict(plugins._origins)
    yield
    for now, then in ((METHODS, before), (plugins._origins, origin)):
        now.clear()
        now.update(then)


@pytest.fixture(autouse=True)
def report_contents(request):
    """Leave out the slow parts of reports, except in tests that read them.

    Tests marked `draws` build whole reports. Tests marked `reports` get every section, with blank figures. All others
    get the data files, and a page without sections.
    """
    level = Contents.tables
    for marker, contents in (("reports", Contents.sections), ("draws", Contents.figures)):
        level = contents if request.node.get_closest_marker(marker) else level
    with limited_to(level):
        yield


@pytest.fixture(autouse=True)
def no_download(registry, monkeypatch, tmp_path_factory):  # noqa: ARG001
    """No test reaches for FID's weights, or finds somebody's own.

    After `registry`, for what a test patched must be put back before the registry is: a method that a patch took out
    would come back with it.
    """

    def refuse(path: Path) -> None:
        raise UserError(f"they cannot be downloaded to {path.parent.name} (no network in tests)")

    monkeypatch.setattr(inception, "download_weights", refuse)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path_factory.getbasetemp() / "torch"))
    monkeypatch.delenv(inception.WEIGHTS, raising=False)


@pytest.fixture(scope="session")
def inception_weights(tmp_path_factory) -> Path:
    """A file like FID's weights, under pytorch-fid's name in a torch home of its own.

    He-initialised, for default weights collapse the features; normalisations are anything but the identity.
    """
    from pytorch_fid import inception as peer

    path = tmp_path_factory.mktemp("torch-home") / "hub" / "checkpoints" / inception.cached_weights().name
    path.parent.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(peer, "load_state_dict_from_url", lambda *_, **__: None)
        patch.setattr(torch.nn.Module, "load_state_dict", lambda *_: None)
        network = peer.fid_inception_v3()
    with forked(0):
        for module in network.modules():
            if isinstance(module, torch.nn.Conv2d):
                torch.nn.init.kaiming_normal_(module.weight)
            elif isinstance(module, torch.nn.BatchNorm2d):
                for tensor in (module.weight, module.running_var):
                    torch.nn.init.uniform_(tensor, 0.8, 1.2)
                for tensor in (module.bias, module.running_mean):
                    torch.nn.init.normal_(tensor, 0, 0.1)
    torch.save(network.state_dict(), path)
    return path


def photographs(n: int, side: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    """Pieces, uint8 [n, 3, side, side], of each of the two real photographs that come with scikit-learn."""
    from sklearn.datasets import load_sample_images

    random, found = np.random.RandomState(0), []
    for image in load_sample_images().images:
        corners = random.randint(0, [image.shape[0] - side, image.shape[1] - side], (n, 2))
        pieces = np.stack([image[y : y + side, x : x + side] for y, x in corners])
        found.append(torch.from_numpy(pieces).permute(0, 3, 1, 2).contiguous())
    return found[0], found[1]


@pytest.fixture(scope="session")
def _s3_server():
    from s3 import Server

    made = Server()
    yield made
    made.stop()


@pytest.fixture
def s3_server(_s3_server):
    """An S3 server (`s3.Server`), without faults."""
    _s3_server.faults.clear()
    yield _s3_server
    _s3_server.faults.clear()


@pytest.fixture
def bench_run(tmp_path):
    """bench.run in this process; `out` and the data root are under tmp_path, the executor is serial."""

    def call(*arguments: str, out: str = "out", executor: str = "serial", tiny: bool = True, **changes: str) -> Result:
        from bench.run import app

        fixed = ["--out", str(tmp_path / out), "--executor", executor]
        if "--data-root" not in arguments:
            fixed += ["--data-root", str(tmp_path / "data")]
        return CliRunner().invoke(app, [*arguments, *fixed, *(sets(**changes) if tiny else [])])

    return call


class Process:
    """bench.run in a process of its own, killable at a chosen moment."""

    def __init__(self, out: Path, *arguments: str) -> None:
        command = [sys.executable, "-m", "bench.run", "--out", str(out), *arguments]
        self.out = out
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
        )

    def wait_for_step(self, step: int, seconds: float = 180) -> None:
        """Until some trial has a checkpoint at `step` or later."""
        from bench.io.files import Damaged
        from bench.store.folders import ExperimentFolder

        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            assert self.process.poll() is None, f"ended before step {step}: {self.finish()[1]}"
            for folder in ExperimentFolder(self.out).trials():
                try:
                    rows = folder.rows()
                except (Damaged, OSError):  # caught in the middle of being replaced
                    continue
                if len(rows) and rows["step"].max() >= step:
                    return
            time.sleep(0.02)
        raise AssertionError(f"no checkpoint at step {step} within {seconds} s")

    def send(self, number: int) -> None:
        """Signal the whole process group, as a terminal does."""
        os.killpg(self.process.pid, number)

    def kill(self) -> None:
        self.send(signal.SIGKILL)
        self.process.wait()

    def finish(self, seconds: float = 300) -> tuple[int, str]:
        output, _ = self.process.communicate(timeout=seconds)
        return self.process.returncode, output


@pytest.fixture
def start_run(tmp_path):
    """Starts a bench.run of its own; whatever is left of it at the end of the test is killed."""
    started = []

    def start(*arguments: str, out: str = "out") -> Process:
        started.append(Process(tmp_path / out, "--data-root", str(tmp_path / "data"), *arguments))
        return started[-1]

    yield start
    for process in started:
        if process.process.poll() is None:
            process.kill()


class Disk:
    """A file system of its own, with little room."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def fill(self, leave: int = 0) -> None:
        """Take all room but `leave` bytes."""
        free = os.statvfs(self.path)
        with (self.path / "filler").open("wb", buffering=0) as filler, suppress(OSError):
            filler.write(bytes(max(0, free.f_bavail * free.f_frsize - leave)))

    def free(self) -> None:
        """Give the room back."""
        (self.path / "filler").unlink()

    def read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self.path)], check=True)


@pytest.fixture
def small_disk(tmp_path):
    """A real file system of 8 MB, tmp_path/disk; skipped where mounting is not permitted."""
    path = tmp_path / "disk"
    path.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a small file system cannot be mounted here: {mounted.stderr.strip()}")
    yield Disk(path)
    subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def image_tree(tmp_path):
    """Writes <root>/<name>/{train,test}/<class>/<i>.png with images that can be told apart by class."""

    def write(name: str, size: int, channels: int, train: int = 60, test: int = 40, classes: int = 2) -> Path:
        root, random = tmp_path / "trees", np.random.RandomState(0)
        for split, count in (("train", train), ("test", test)):
            for label in range(classes):
                folder = root / name / split / f"class{label}"
                folder.mkdir(parents=True, exist_ok=True)
                for i in range(count):
                    pixels = random.randint(0, 100, (size, size, channels)) + 100 * label
                    picture = pixels[..., 0] if channels == 1 else pixels
                    Image.fromarray(picture.astype(np.uint8)).save(folder / f"{i}.png")
        return root

    return write


def picture(path: Path, size: tuple[int, int], mode: str = "RGB") -> None:
    """Save an image of random pixels."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shape = (size[1], size[0], 3) if mode == "RGB" else (size[1], size[0])
    pixels = np.random.RandomState(len(str(path))).randint(0, 256, shape)
    Image.fromarray(pixels.astype(np.uint16 if mode == "I;16" else np.uint8)).save(path)


def write_celeba(root: Path, train: int, validation: int, test: int) -> Path:
    """CelebA's folder with random pictures and a partition of so many."""
    folder, random = root / "celeba", np.random.RandomState(0)
    (folder / "img_align_celeba").mkdir(parents=True)
    lines = []
    for i, split in enumerate([0] * train + [1] * validation + [2] * test):
        name = f"{i + 1:06}.jpg"
        Image.fromarray(random.randint(0, 256, (218, 178, 3)).astype(np.uint8)).save(folder / "img_align_celeba" / name)
        lines.append(f"{name} {split}\n")
    (folder / "list_eval_partition.txt").write_text("".join(lines))
    return folder
