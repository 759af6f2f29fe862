"""What only a GPU can say: python benchmarks/gpu.py [--network conv32] [--batch 100] [--steps 200] [--share 2 4 8]

- `steps`: milliseconds of a step, replayed as a CUDA graph and taken one operation at a time, of `autoencoder`, `moco`
  and others; over `autoencoder`'s. Target: moco at most 1.35.
- `state`: how far parameters are after so many replayed steps from as many eager ones, over how far eager ones are from
  eager ones with another seed of the prior draws: bf16's noise is what remains where both came the same way.
- `sharing`: images per second of several trials at once on one GPU, each in a process of its own, in all and over one
  alone; and the --gpus-per-trial at which it is the most.

Data are random images that lie on the device. The comparison with pythae: python benchmarks/peers.py --device cuda.
`--device cpu` only shows that this runs: there, steps are replayed by the tape of bench/contract/tape.py.
"""

import argparse
import subprocess
import sys
import time
from typing import Any

import torch
from common import spread

METHODS = ("autoencoder", "moco", "mmd", "gan", "vae", "sinkhorn")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--network", default="conv32")
    parser.add_argument("--precision", default="bf16", choices=("fp32", "bf16"))
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--share", type=int, nargs="*", default=[2, 4, 8])
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--alone", type=float, help=argparse.SUPPRESS)  # one of several trials: until this time
    asked = parser.parse_args()
    if asked.alone:
        print(throughput(asked))
        return
    name = torch.cuda.get_device_name() if asked.device == "cuda" else "cpu (a trial run: times mean nothing)"
    print(f"{name}, torch {torch.__version__}; {asked.network}, {asked.precision}, batch {asked.batch}")
    steps(asked)
    state(asked)
    sharing(asked)


def training(method: str, replayed: bool, asked: argparse.Namespace, seed: int = 0) -> Any:
    """A `Stepper` of one of the methods with its defaults, and 1,000 images on the device."""
    from bench.contract.tape import Tape
    from bench.experiment.settings import Training
    from bench.runtime import rng
    from bench.runtime.numerics import exact_arithmetic
    from bench.training.cuda_graph import CudaGraph
    from bench.training.step import Stepper
    from methods import METHODS as registry
    from methods.networks import NETWORKS, Networks
    from methods.priors import PRIORS

    exact_arithmetic()
    network, device = NETWORKS[asked.network], torch.device(asked.device)
    rng.seed_everything(0)
    networks = Networks(asked.network, network.shape, network.latent_dim, network.width, asked.precision)
    made = registry[method](networks, PRIORS[registry[method].priors[0]](network.latent_dim))
    made = made.to(device).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    graph = (CudaGraph(device) if asked.device == "cuda" else Tape()) if replayed else None
    stepper = Stepper(made, Training(learning_rate=1e-3), 10**6, graph)
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (10 * asked.batch, *network.shape), dtype=torch.uint8, generator=generator)
    rng.seed_everything(seed)
    return stepper, images.to(device).split(asked.batch)


def run(stepper: Any, batches: Any, first: int, count: int, device: str) -> float:
    """Seconds."""
    started = time.perf_counter()
    for step in range(first, first + count):
        stepper(step, batches[step % len(batches)])
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - started


def steps(asked: argparse.Namespace) -> None:
    ready = {(m, r): training(m, r, asked) for m in METHODS for r in (True, False)}
    times: dict[Any, list[float]] = {key: [] for key in ready}
    for key, (stepper, batches) in ready.items():
        run(stepper, batches, 0, 10, asked.device)
        del key
    for turn in range(asked.rounds):
        for key, (stepper, batches) in ready.items():
            seconds = run(stepper, batches, 10 + turn * asked.steps, asked.steps, asked.device)
            times[key].append(1e3 * seconds / asked.steps)
    print(f"{'ms a step':12} {'replayed':>24} {'over autoencoder':>24} {'eager':>24}")
    for method in METHODS:
        over = [a / b for a, b in zip(times[method, True], times["autoencoder", True], strict=True)]
        columns = (times[method, True], over, times[method, False])
        print(f"{method:12}" + "".join(f" {spread(column, 3):>24}" for column in columns), flush=True)


def state(asked: argparse.Namespace) -> None:
    print(f"\nafter {asked.steps} steps: relative distance of the parameters from those of eager steps")
    for method in METHODS:
        found = []
        for replayed, seed in ((False, 0), (True, 0), (False, 0), (False, 1)):
            stepper, batches = training(method, replayed, asked, seed)
            run(stepper, batches, 0, asked.steps, asked.device)
            found.append(torch.cat([p.detach().flatten().double() for p in stepper.method.parameters()]))
        distances = [((other - found[0]).norm() / found[0].norm()).item() for other in found[1:]]
        replayed, again, drawn = (f"{distance:.1e}" for distance in distances)
        print(f"{method:12} replayed {replayed}; eager again {again}; with other draws {drawn}", flush=True)


def throughput(asked: argparse.Namespace) -> float:
    """Images per second until the time that was given, of one trial among others."""
    stepper, batches = training("mmd", True, asked)
    run(stepper, batches, 0, 10, asked.device)
    if time.time() > asked.alone:
        raise SystemExit("it took too long to start; try again")
    time.sleep(asked.alone - time.time())
    done, started = 0, time.perf_counter()
    while time.perf_counter() - started < 10:
        run(stepper, batches, 10 + done, asked.steps, asked.device)
        done += asked.steps
    return done * asked.batch / (time.perf_counter() - started)


def sharing(asked: argparse.Namespace) -> None:
    print("\nsharing: images/s of mmd, in all")
    totals: dict[int, float] = {}
    for number in (1, *asked.share):
        command = [sys.executable, __file__, "--network", asked.network, "--precision", asked.precision]
        command += ["--batch", str(asked.batch), "--steps", str(asked.steps), "--device", asked.device]
        command += ["--alone", str(time.time() + 30 + 5 * number)]
        processes = [subprocess.Popen(command, stdout=subprocess.PIPE, encoding="utf-8") for _ in range(number)]
        totals[number] = sum(float(process.communicate()[0]) for process in processes)
        print(f"{number:3} trials {totals[number]:12,.0f} {totals[number] / totals[1]:6.2f} times one", flush=True)
    print(f"the most at --gpus-per-trial {1 / max(totals, key=lambda number: totals[number]):g}")


if __name__ == "__main__":
    main()
