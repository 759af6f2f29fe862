"""FID's network by other paths than the harness's: torch.compile, OpenVINO, bf16. Speed, and the gap of the features.

    python benchmarks/inception_paths.py [--images 50] [--rounds 3] [--threads 1] [--paths eager bf16 compiled openvino]

"eager" is the harness's own: batch normalisations folded into convolutions, channels last. Weights are random, because
times do not depend on them. The paths alternate; a ratio is of one round, in CPU seconds of this process. The gap is
the largest difference of a feature from that of eager float32, relative to the largest feature. The first call of a
path, which compiles, is timed by itself. OpenVINO is no dependency: `pip install openvino`, or leave its path out.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import torch
from common import spread
from fid import SIDE, weights
from torch import Tensor

from bench.evaluation.inception import BATCH, Inception

PATHS = ("eager", "bf16", "compiled", "openvino")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=BATCH, help="rounded up to batches")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--paths", nargs="+", choices=PATHS, default=PATHS)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    print(f"{asked.threads} threads, torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    with tempfile.TemporaryDirectory() as folder:
        extractor = Inception.load(weights(Path(folder), None))
    torch.manual_seed(0)
    coarse = torch.rand(-(-asked.images // BATCH) * BATCH, 3, 8, 8)
    images = (torch.nn.functional.interpolate(coarse, size=SIDE, mode="bicubic").clamp(0, 1) * 255).byte()
    compare({name: path(name, extractor, asked.threads) for name in asked.paths}, images, asked.rounds)


def path(name: str, extractor: Inception, threads: int) -> Callable[[Tensor], Tensor]:
    """Return the features of uint8 images [n, 3, s, s] by this path: float32 [n, 2048]."""
    if name == "eager":
        return extractor
    if name == "bf16":
        return replace(extractor, precision="bf16")
    if name == "compiled":
        return replace(extractor, network=torch.compile(extractor.network))
    return openvino_path(extractor, threads)


def openvino_path(extractor: Inception, threads: int) -> Callable[[Tensor], Tensor]:
    """OpenVINO in float32: by default it would use bf16 where the processor has it."""
    import openvino

    model = openvino.convert_model(extractor.network, example_input=torch.rand(BATCH, 3, SIDE, SIDE))
    settings = {"INFERENCE_PRECISION_HINT": "f32", "INFERENCE_NUM_THREADS": threads}
    compiled = openvino.Core().compile_model(model, "CPU", settings)

    def features(images: Tensor) -> Tensor:
        batches = [(batch.float() / 255).numpy() for batch in images.split(BATCH)]
        return torch.cat([torch.from_numpy(compiled(batch)[0]).mean((2, 3)) for batch in batches])

    return features


@torch.no_grad()
def compare(paths: dict[str, Callable[[Tensor], Tensor]], images: Tensor, rounds: int) -> None:
    """Print each path's first call, then its speed relative to the first path, and its gap from it."""
    found: dict[str, Tensor] = {}
    for name, call in paths.items():
        seconds, found[name] = timed(call, images[:BATCH])
        print(f"{name}: first call {seconds:.1f} s of CPU for {BATCH} images", flush=True)
    reference, first = found[next(iter(found))], next(iter(paths))
    speeds: list[dict[str, float]] = []
    for _ in range(rounds):
        speeds.append({name: len(images) / timed(call, images)[0] for name, call in paths.items()})
        print(
            ", ".join(f"{name} {speed:.1f}" for name, speed in speeds[-1].items()), "images per CPU second", flush=True
        )
    for name in paths:
        gap = (found[name] - reference).abs().max() / reference.abs().max()
        ratio = spread([each[name] / each[first] for each in speeds], 2)
        print(f"{name}: {ratio} times as many images a second as {first}; gap {gap:.1e}")


def timed(call: Callable[[Tensor], Tensor], images: Tensor) -> tuple[float, Tensor]:
    started = time.process_time()
    features = call(images)
    return time.process_time() - started, features


if __name__ == "__main__":
    main()
