"""Fixtures: the command line in this process or in one of its own, tiny experiments, and stand-ins for services."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # tests run side by side; trials set their threads themselves

import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image
from typer.testing import CliRunner, Result

from bench.data import image_files, workers
from bench.errors import UserError
from bench.evaluation import inception
from bench.experiment.origins import ORIGINS
from bench.io import files, object_store
from bench.io.object_store import remote
from bench.plugins import installation
from bench.plugins.kinds import KINDS
from bench.reporting.contents import Contents, limited_to
from bench.runtime.rng import forked
from bench.store import lease

# Tests run side by side, on machines that do other work too: a slow draw is no fault.
settings.register_profile("busy", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy")
# Shells ignore SIGINT for what they start in background (`make test &`), and the processes of the tests inherit it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
pytest.register_assert_rewrite("runs")  # before it is imported

from disk import Disk  # noqa: E402
from plugin_files import write_plugin  # noqa: E402
from runs import Process, sets  # noqa: E402


@pytest.fixture(autouse=True)
def registry():
    """What plug-ins and packages add to the registry during a test is taken out again."""
    registries = [ORIGINS, installation._installed, *(each for kind in KINDS.values() for each in kind.registries)]
    before = [dict(registry) for registry in registries]
    yield
    for now, then in zip(registries, before, strict=True):
        now.clear()
        now.update(then)


@pytest.fixture(autouse=True)
def unflushed(monkeypatch):
    """No test of this process waits for the disk; `test_files.py` tests the flushing."""
    monkeypatch.setattr(files, "flush", lambda _: None)


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

    Depends on `registry`, so that monkeypatch is undone first: otherwise a method that a test patched would come back
    after the registry was restored.
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
def s3(s3_server, monkeypatch):
    """The S3 server, with short pauses between retries."""
    monkeypatch.setattr(object_store, "PAUSES", (0.1, 0.2))
    monkeypatch.setattr(lease, "SECOND_LOOK", 0.05)
    return s3_server


@pytest.fixture
def remote_folder(s3, tmp_path):
    """An empty folder in the store, of this test alone."""
    return remote(s3.uri(tmp_path.name))


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


@pytest.fixture
def plugin(tmp_path):
    """Writes a plug-in with the method `broken` whose losses are `body`; returns its path."""

    def write(body: str) -> str:
        return str(write_plugin(tmp_path, body))

    return write


@pytest.fixture
def small_chunks(monkeypatch):
    """Chunks of ten 16x16 images, decoded in this process."""
    monkeypatch.setattr(image_files, "CHUNK_BYTES", 10 * 3 * 16 * 16)
    monkeypatch.setattr(workers, "decoders", lambda: 1)
