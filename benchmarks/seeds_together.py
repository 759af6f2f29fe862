"""Would several seeds be faster in one step? N separate steps against one with stacked weights (torch.func, vmap).

    python benchmarks/seeds_together.py [--seeds 4] [--threads 1 2] [--rounds 5] [--seconds 2]

The networks of digits (8x8) and MNIST (28x28), their batches, float32, Adam, every seed with images
of its own. `separate` is N of this project's steps one after the other, as one worker would train them. `together` is
one vmapped backward pass of the N stacked trainings and one step of Adam. Both alternate; a ratio is of one round, of
CPU time with one thread and of wall time with more. The states after ten steps must agree: their largest difference is
printed, relative to the largest weight.

Only `autoencoder` can agree: other methods draw random numbers, and vmap draws those of all seeds from one generator.
"""

import argparse
import time
from collections.abc import Callable
from copy import deepcopy
from typing import cast

import torch
from common import specification, spread
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from bench.data.images import to_unit
from bench.experiment.settings import Evaluation, Network, Preprocessing, Training
from bench.training.build import build
from bench.training.step import Stepper
from methods import Method
from methods.networks import architectures

SHAPES = {"digits": (8, 50), "mnist": (28, 100)}  # side, batch; as in configs/datasets
WIDTH, LATENT, RATE, CHECKED = 32, 8, 1e-3, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[4])
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of each side in each round")
    parser.add_argument("--methods", nargs="+", default=["autoencoder", "mmd"])
    asked = parser.parse_args()
    for name, method, seeds in ((n, m, s) for n in SHAPES for m in asked.methods for s in asked.seeds):
        separate, together = Separate(name, method, seeds), Together(name, method, seeds)
        gap = difference(separate, together) if method == "autoencoder" else float("nan")
        for threads in asked.threads:
            torch.set_num_threads(threads)
            clock = time.process_time if threads == 1 else time.perf_counter
            ratios = compare(separate, together, clock, asked.rounds, asked.seconds)
            about = f"{name}, {method}, {seeds} seeds, {threads} threads"
            print(f"{about}: separate over together {spread(ratios, 2)}; states differ by {gap:.1e}", flush=True)


class Separate:
    """N trainings, one step of each after the other."""

    def __init__(self, dataset: str, method: str, seeds: int) -> None:
        spec = specification_of(dataset, method)
        self.methods = [build(spec.model_copy(update={"seed": seed})) for seed in range(seeds)]
        self.steppers = [Stepper(each, spec.optimisation, 10**6) for each in self.methods]
        self.batches = images(dataset, seeds)

    def __call__(self, step: int) -> None:
        for stepper, batch in zip(self.steppers, self.batches, strict=True):
            stepper(step, batch)

    def state(self) -> dict[str, Tensor]:
        stacked, _ = stack_module_state([*self.methods])
        return {name: value.detach() for name, value in stacked.items()}


class Loss(nn.Module):
    """A method's loss as the module's output, for functional_call."""

    def __init__(self, method: Method) -> None:
        super().__init__()
        self.method = method

    def forward(self, x: Tensor) -> Tensor:
        return cast("Method", self.method).losses(x)["loss"]


class Together:
    """N trainings in one step."""

    def __init__(self, dataset: str, method: str, seeds: int) -> None:
        spec = specification_of(dataset, method)
        losses = [Loss(build(spec.model_copy(update={"seed": seed}))) for seed in range(seeds)]
        self.parameters, self.buffers = stack_module_state(losses)
        self.optimizer = torch.optim.Adam([*self.parameters.values()], lr=RATE, fused=True)
        skeleton = deepcopy(losses[0])

        def loss(parameters: dict[str, Tensor], buffers: dict[str, Tensor], x: Tensor) -> Tensor:
            return functional_call(skeleton, (parameters, buffers), (x,))

        self.gradients = vmap(grad(loss), randomness="different")
        self.batches = torch.stack(images(dataset, seeds))

    def __call__(self, step: int) -> None:
        del step
        parameters = {name: value.detach() for name, value in self.parameters.items()}
        kept, architectures.channels_last = architectures.channels_last, lambda x: x  # a function that has no vmap
        found = self.gradients(parameters, self.buffers, to_unit(self.batches))
        architectures.channels_last = kept
        for name, value in self.parameters.items():
            value.grad = found[name]
        self.optimizer.step()

    def state(self) -> dict[str, Tensor]:
        return {name.removeprefix("method."): value.detach() for name, value in self.parameters.items()}


def specification_of(dataset: str, method: str):
    side, batch = SHAPES[dataset]
    preprocessing = Preprocessing(image_size=side, channels=1)
    network = Network(name="small", width=WIDTH, latent_dim=LATENT)
    training = Training(epochs=1, batch_size=batch, learning_rate=RATE, precision="fp32")
    return specification(method, {}, preprocessing, network, training, Evaluation())


def images(dataset: str, seeds: int) -> list[Tensor]:
    torch.manual_seed(0)
    side, batch = SHAPES[dataset]
    return [torch.randint(0, 256, (batch, 1, side, side), dtype=torch.uint8) for _ in range(seeds)]


def difference(separate: Separate, together: Together) -> float:
    for step in range(CHECKED):
        separate(step)
        together(step)
    one, two = separate.state(), together.state()
    assert one.keys() == two.keys()
    return max(float((one[name] - two[name]).abs().max() / one[name].abs().max().clamp_min(1e-3)) for name in one)


def compare(
    separate: Separate, together: Together, clock: Callable[[], float], rounds: int, seconds: float
) -> list[float]:
    return [timed(separate, clock, seconds) / timed(together, clock, seconds) for _ in range(rounds)]


def timed(step: Callable[[int], None], clock: Callable[[], float], seconds: float) -> float:
    """Seconds of one step, after one that is not counted."""
    step(0)
    started, count = clock(), 0
    while clock() - started < seconds:
        step(count)
        count += 1
    return (clock() - started) / count


if __name__ == "__main__":
    main()
