"""FID here against `python -m pytorch_fid`: images per second, peak memory, and the time of the distance itself.

    python benchmarks/fid.py [--images 500] [--rounds 3] [--inception-weights FILE] [--bf16]

Both use the same weights (random ones, where no file is given: times do not depend on them) and the same images, which
are in memory here and PNG files there, as each is used. They alternate in one process; ratios are of one round.
pytorch-fid 0.3.0 needs scipy below 1.18. `--bf16` measures, besides, bf16 inside the network and its effect on the
value: worth it only where the processor has bf16 arithmetic.
"""

import argparse
import contextlib
import io
import os
import re
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from common import spread

from bench.runtime.allowance import allowance

SIDE = 64


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=500, help="in each of two sets")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inception-weights", type=Path)
    parser.add_argument("--bf16", action="store_true")
    arguments = parser.parse_args()
    print(f"{allowance().cpus} CPUs, torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    distance(arguments.rounds)
    with tempfile.TemporaryDirectory() as folder:
        whole(Path(folder), arguments)


def distance(rounds: int) -> None:
    """2048 features, full rank."""
    from pytorch_fid.fid_score import calculate_frechet_distance

    from bench.metrics.frechet import frechet_distance, gaussian

    torch.manual_seed(0)
    a, b = (gaussian(torch.randn(4096, 2048) * scale) for scale in (1, 1.2))
    ratios = []
    for _ in range(rounds):
        started = time.perf_counter()
        here = frechet_distance(a, b)
        middle = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            there = calculate_frechet_distance(*(x.numpy() for x in (a.mean, a.covariance, b.mean, b.covariance)))
        times = middle - started, time.perf_counter() - middle
        ratios.append(times[1] / times[0])
        print(
            f"distance: here {times[0]:.2f} s, pytorch-fid {times[1]:.2f} s; relative gap {abs(here / there - 1):.1e}"
        )
    print(f"distance: {spread(ratios, 1)} times faster")


def whole(folder: Path, arguments: argparse.Namespace) -> None:
    from pytorch_fid.fid_score import calculate_fid_given_paths

    os.environ["TORCH_HOME"] = str(folder)
    file = weights(folder, arguments.inception_weights)
    sets, paths = pictures(folder, arguments.images)
    workers = min(allowance().cpus, 8)  # as the command line of pytorch-fid has it
    calls = {"here": lambda: ours(file, sets, "fp32")}
    if arguments.bf16:
        calls["here, bf16"] = lambda: ours(file, sets, "bf16")
    calls["pytorch-fid"] = lambda: calculate_fid_given_paths(paths, 50, "cpu", 2048, workers)
    ratios: dict[str, list[float]] = {name: [] for name in calls}
    values = {}
    for _ in range(arguments.rounds):
        speeds = {}
        for name, call in calls.items():
            seconds, peak, values[name] = measured(call)
            speeds[name] = 2 * arguments.images / seconds
            print(f"{name}: {speeds[name]:.1f} images/s, peak {peak:.2f} GB, value {values[name]:.6g}", flush=True)
        for name in calls:
            ratios[name].append(speeds[name] / speeds["pytorch-fid"])
    for name in calls:
        if name != "pytorch-fid":
            gap = abs(values[name] / values["pytorch-fid"] - 1)
            print(f"{name}: {spread(ratios[name], 1)} times as many images/s; relative gap {gap:.1e}")


def pictures(folder: Path, count: int) -> tuple[list[torch.Tensor], list[str]]:
    """Two sets of smooth random pictures, uint8 [n, 3, s, s], and the folders where they are PNG files."""
    from PIL import Image

    random, sets = np.random.RandomState(0), []
    for name, smooth in (("a", 8), ("b", 16)):
        coarse = random.randint(0, 256, (count, smooth, smooth, 3)).astype(np.uint8)
        images = [Image.fromarray(x).resize((SIDE, SIDE), Image.Resampling.BICUBIC) for x in coarse]
        (folder / name).mkdir()
        for i, image in enumerate(images):
            image.save(folder / name / f"{i}.png")
        sets.append(torch.from_numpy(np.stack([np.asarray(image) for image in images]).transpose(0, 3, 1, 2).copy()))
    return sets, [str(folder / name) for name in "ab"]


def ours(file: Path, sets: list[torch.Tensor], precision: str) -> float:
    from bench.evaluation.features import extract
    from bench.evaluation.inception import Inception
    from bench.metrics.frechet import frechet_distance

    extractor = Inception.load(file, precision=precision)
    a, b = (extract(extractor, images.split(500), torch.device("cpu")).gaussian for images in sets)
    return frechet_distance(a, b)


def measured(call: Callable[[], float]) -> tuple[float, float, float]:
    """Seconds, peak resident GB of this process (not of pytorch-fid's loading workers), and the value."""
    Path("/proc/self/clear_refs").write_bytes(b"5")  # the peak counts anew (Linux)
    started = time.perf_counter()
    with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
        warnings.simplefilter("ignore")
        value = float(call())
    seconds = time.perf_counter() - started
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    assert peak
    return seconds, int(peak[1]) / 2**20, value


def weights(folder: Path, given: Path | None) -> Path:
    """The file in the torch home `folder`: a link to the given one, or He-initialised: default ones collapse."""
    from pytorch_fid import inception

    from bench.evaluation.inception import cached_weights

    path = folder / "hub" / "checkpoints" / cached_weights().name
    path.parent.mkdir(parents=True)
    if given:
        path.symlink_to(given.resolve())
        return path
    load, inception.load_state_dict_from_url = inception.load_state_dict_from_url, lambda *_, **__: {}
    strict, torch.nn.Module.load_state_dict = torch.nn.Module.load_state_dict, lambda *_, **__: None
    network = inception.fid_inception_v3()
    inception.load_state_dict_from_url, torch.nn.Module.load_state_dict = load, strict
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            torch.nn.init.kaiming_normal_(module.weight)
    torch.save(network.state_dict(), path)
    return path


if __name__ == "__main__":
    main()
