"""How the time and the memory of one training step grow: with the batch, the latent dimensions, a queue, the images.

    python benchmarks/costs.py [--seconds 1.0] [--methods moco mmd ...] [--axes batch latent queue images] [--as-it-is]

Every method, with its default prior and hyperparameters, on images 8x8 with small networks of width 16, fp32, one
thread: whole steps, and what is in them besides the networks, forward and backward, where the networks are identities
and codes are given. Each size is twice the one before.

- ms: medians, of CPU time, which other work on the machine disturbs less than wall time; of one thread the two are
  alike. Sizes alternate, in five rounds that share `--seconds` a size.
- `time ~`: the exponent of growth, the slope of log time against log size over the last three sizes: the median of the
  rounds (least to most). While a step is mostly calls into torch it is near 0.
- `MB`: all that torch allocates in one step of the largest size, and `live`, the most of it that is there at once. Both
  count what torch's operations return, not what they need inside; they are the same in every step. `bytes ~`: the
  exponent of the first. `faults`: pages that such a step takes from the system. `--as-it-is`: the allocator gives them
  back after every step, as it does by itself, which makes steps with large tensors slower than their arithmetic.
- `expected` follows from the bytes, not from a list of names: the last three sizes decide a polynomial a + b n + c n^2,
  whose c is exactly 0 unless something is as large as all pairs (of codes), or as a matrix (of latent dimensions).
  `MORE` marks times that grow faster than that in every round, by 0.2 or more.
"""

import argparse
import functools
import resource
import statistics
import tempfile
import time
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from common import specification, spread
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter

from bench.contract.subject import Subject, as_images
from bench.data.prepared import Prepared
from bench.experiment.settings import Evaluation, Network, Preprocessing, Training
from bench.experiment.specification import TrialSpec
from bench.runtime import memory
from bench.training.build import build
from bench.training.step import Stepper
from bench.training.trainer import Trainer
from methods import METHODS
from methods.hyperparameters import schema

BATCHES = (64, 128, 256, 512, 1024)
LATENTS = (8, 16, 32, 64, 128)
QUEUES = (4096, 8192, 16384, 32768, 65536)
IMAGES = (10_000, 20_000, 40_000, 80_000, 160_000)
LATENT, LATENT_BATCH, QUEUE_BATCH = 64, 128, 100  # on the other axes; batches on these two
QUEUE = "queue_size"  # methods with such a hyperparameter have a queue
IMAGE_BATCH, SIDE, MNIST = 100, 8, 28
AXES = ("batch", "latent", "queue", "images")
ROUNDS = 5
MORE = 0.2
Call = Callable[[], Any]
Sizes = tuple[int, ...]
Square = tuple[str, int]  # what there may be n^2 of, and how time then grows: products of matrices with the cube
PAIRS, MATRICES = ("pair", 2), ("matrix entry", 3)


@dataclass(frozen=True)
class Size:
    """One point of an axis."""

    batch: int = LATENT_BATCH
    latent: int = LATENT
    queue: int | None = None

    def hyperparameters(self) -> dict[str, int]:
        return {QUEUE: self.queue} if self.queue else {}


class Allocations(TorchDispatchMode):
    """Bytes of the storages that torch operations return, backward passes included: in all, and most at once."""

    def __init__(self) -> None:
        super().__init__()
        self.live: dict[int, int] = {}
        self.total = self.now = self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        result = func(*args, **(kwargs or {}))
        taken = {tensor.untyped_storage()._cdata for tensor in tree_iter((args, kwargs)) if isinstance(tensor, Tensor)}
        for tensor in tree_iter(result):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage(), taken)
        return result

    def _count(self, storage: Any, taken: set[int]) -> None:
        key = storage._cdata
        if key in taken or key in self.live:  # a view, or a result written in place
            return
        self.live[key] = storage.nbytes()
        self.total += self.live[key]
        self.now += self.live[key]
        self.most = max(self.most, self.now)
        weakref.finalize(storage, self._freed, key)

    def _freed(self, key: int) -> None:
        self.now -= self.live.pop(key)


def spec_of(name: str, size: Size, side: int = SIDE, images: int | None = None) -> TrialSpec:
    """The specification of a trial of the method at this size."""
    return specification(
        name,
        size.hyperparameters(),
        Preprocessing(image_size=side, channels=1),
        Network(name="small", width=16, latent_dim=size.latent),
        Training(learning_rate=1e-3, batch_size=size.batch, train_images=images, precision="fp32"),
        Evaluation(),
    )


def whole(name: str, size: Size) -> Call:
    spec = spec_of(name, size)
    stepper = Stepper(build(spec), spec.training, length=1_000_000)
    batch = torch.randint(0, 256, (size.batch, 1, SIDE, SIDE), dtype=torch.uint8)
    return lambda: stepper(0, batch)


def alone(name: str, size: Size) -> Call:
    """The losses of codes that are given, their gradients, and what follows a step."""
    made = functools.partial(METHODS[name], **size.hyperparameters())
    method = Subject(made, METHODS[name].priors[0]).identity(size.latent)  # pyright: ignore[reportArgumentType]
    codes = as_images(method.prior.sample(size.batch)).requires_grad_()

    def step() -> None:
        method.zero_grad(set_to_none=True)
        codes.grad = None
        method.losses(codes)["loss"].backward()
        method.after_step()

    return step


@dataclass(frozen=True)
class Memory:
    """Bytes that one step, not the first, allocates: in all, and the most at once."""

    total: int
    most: int

    @classmethod
    def of(cls, call: Call) -> "Memory":
        call()
        with Allocations() as counted:
            call()
        return cls(counted.total, counted.most)


def measured(calls: list[Call], seconds: float) -> list[list[tuple[float, float]]]:
    """The median milliseconds of each call, and its page faults, in each of ROUNDS rounds."""
    for call in calls:
        call()
    return [[_burst(call, seconds / ROUNDS) for call in calls] for _ in range(ROUNDS)]


def _burst(call: Call, seconds: float) -> tuple[float, float]:
    times, until, faults = [], time.perf_counter() + seconds, _faults()
    while not times or time.perf_counter() < until:
        started = time.process_time()
        call()
        times.append((time.process_time() - started) * 1e3)
    return statistics.median(times), (_faults() - faults) / len(times)


def _faults() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def slope(sizes: Sizes, values: Sequence[float]) -> float:
    """Of log value against log size, over the last three."""
    return float(np.polyfit(np.log(sizes[-3:]), np.log(np.maximum(values[-3:], 1e-9)), 1)[0])


def per_square(sizes: Sizes, values: Sequence[int]) -> float:
    """c of the polynomial a + b n + c n^2 through the last three values, at n, 2n and 4n."""
    first, second, third = values[-3:]
    return (third - 3 * second + 2 * first) / (6 * sizes[-3] ** 2)


def heading(title: str, sizes: Sizes) -> None:
    print(f"\n{title}\n{'':17}", *(f"{size:>9,}" for size in sizes), f"  {'time ~':>22}", end="")
    print(f" {'MB':>8} {'live':>8} {'bytes ~':>8} {'faults':>7}  expected", flush=True)


def row(name: str, sizes: Sizes, rounds: list[list[tuple[float, float]]], memory: list[Memory], square: Square) -> None:
    """One line of a table."""
    times = [[milliseconds for milliseconds, _ in found] for found in rounds]
    faults = statistics.median(found[-1][1] for found in rounds)
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    slopes = [slope(sizes, found) for found in times]
    totals, last = [each.total for each in memory], memory[-1]
    power, said = expected(per_square(sizes, totals), square)
    said += "  MORE" if min(slopes) > power + MORE else ""
    exponent = spread(slopes, 2)
    print(f"{name:17}", *(f"{found:9.3g}" for found in medians), f"  {exponent:>22}", end="")
    print(
        f" {last.total / 1e6:8.2f} {last.most / 1e6:8.2f} {slope(sizes, totals):8.2f} {faults:7.0f}  {said}",
        flush=True,
    )


def expected(bytes_each: float, square: Square) -> tuple[int, str]:
    """The largest exponent that the bytes of every pair of the axis allow, and how to say it."""
    about, power = square
    return (power, f"up to {power}: {bytes_each:.0f} bytes a {about}") if bytes_each >= 0.5 else (1, "up to 1")


def grown(
    title: str, names: list[str], values: Sizes, at: Callable[[int], Size], seconds: float, square: Square
) -> None:
    """Two tables of an axis: whole steps, and without the networks."""
    for about, make in (("whole steps", whole), ("without the networks", alone)):
        heading(f"{title}: {about}, ms", values)
        for name in names:
            calls = [make(name, at(value)) for value in values]
            memory = [Memory.of(call) for call in calls]
            row(name, values, measured(calls, seconds), memory, square)


def trainer(name: str, folder: Path, images: int) -> Trainer:
    """As it is in a trial, up to its evaluations and checkpoints, which are not asked for."""
    spec = spec_of(name, Size(batch=IMAGE_BATCH), MNIST, images)
    nothing: Any = None
    return Trainer(spec, Prepared(folder), nothing, nothing, torch.device("cpu"))


def images_grown(name: str, seconds: float) -> None:
    """What a trial does with its images besides training on them; no method sees how many there are."""
    with tempfile.TemporaryDirectory() as folder:
        write_images(Path(folder) / "train-images.npy")
        trainers = [trainer(name, Path(folder), images) for images in IMAGES]
        calls = {
            "an epoch's order": [functools.partial(ordered, made) for made in trainers],
            f"a batch of {IMAGE_BATCH}": [batches(made) for made in trainers],
        }
        heading(f"training images, {MNIST}x{MNIST}: ms", IMAGES)
        for about, each in calls.items():
            row(about, IMAGES, measured(each, seconds), [Memory.of(call) for call in each], PAIRS)
        for made in (trainers[0].batches, trainers[-1].batches):
            count = len(made.images)
            print(f"of {count:,} images each has {made.images.nbytes / count:.1f} bytes in the shared map, ", end="")
            print(f"and {made._order[1].nbytes / count:.1f} bytes in each trial's own order", flush=True)


def write_images(path: Path) -> None:
    file = np.lib.format.open_memmap(path, "w+", np.uint8, (IMAGES[-1], 1, MNIST, MNIST))
    random = np.random.default_rng(0)
    for start in range(0, len(file), IMAGES[0]):
        file[start : start + IMAGES[0]] = random.integers(0, 256, (IMAGES[0], 1, MNIST, MNIST), np.uint8)


def ordered(made: Trainer) -> None:
    """The first batch of an epoch that was not the last one."""
    epoch = made.batches._order[0] + 1
    made.batches[epoch * made.batches.per_epoch]


def batches(made: Trainer) -> Call:
    """One batch after the other, of an epoch whose order is there already."""
    steps, of = iter(range(10**9)), made.batches
    return lambda: of[max(of._order[0], 0) * of.per_epoch + next(steps) % of.per_epoch]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="of measuring at each size")
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), metavar="NAME")
    parser.add_argument("--axes", nargs="+", choices=AXES, default=AXES, metavar="AXIS")
    parser.add_argument("--as-it-is", action="store_true", help="without bench.runtime.memory.hoard, which trials call")
    asked = parser.parse_args()
    if not asked.as_it_is:
        memory.hoard()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}, one thread", flush=True)
    if "batch" in asked.axes:
        title = f"batch, {LATENT} latent dimensions"
        grown(title, asked.methods, BATCHES, lambda n: Size(batch=n), asked.seconds, PAIRS)
    if "latent" in asked.axes:
        title = f"latent dimensions, batch {LATENT_BATCH}"
        grown(title, asked.methods, LATENTS, lambda n: Size(latent=n), asked.seconds, MATRICES)
    queued = [name for name in asked.methods if QUEUE in schema(METHODS[name])]
    if "queue" in asked.axes and queued:
        title = f"queue, batch {QUEUE_BATCH}, {LATENT} latent dimensions"
        grown(title, queued, QUEUES, lambda n: Size(QUEUE_BATCH, queue=n), asked.seconds, PAIRS)
    if "images" in asked.axes:
        images_grown(asked.methods[0], asked.seconds)


if __name__ == "__main__":
    main()
