"""Training here against pythae's, the library that researchers would use instead: images per second, and memory.

    pip install -e ".[peers]"
    python benchmarks/peers.py [--networks conv32 resnet32_small] [--methods mmd vae gan] [--rounds 3] [--device cuda]

Both train the same networks (those of methods/networks.py, handed to pythae as its own) on the same images (smooth
random ones: times do not depend on what images show), with the same batch and threads, each with its own trainer and
losses; only steps count, not evaluations or checkpoints. A round runs every contender once, each in a process of its
own, so that its peak of memory is its own too; ratios are of one round: the median, and the least and most. First both
start from the same weights and take the same batches: their reconstruction errors must stay together.

`bare` is a loop of five lines with the method's losses, torch's fused Adam and the harness's settings of the allocator:
what the harness itself costs is the distance to it. `of peak` is the arithmetic of a step (torch's FLOP counter) per
second, over the most that a product of two 2048x2048 matrices has reached so far in the same precision and threads.
"""

import argparse
import contextlib
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import torch
from common import specification, spread

from bench.runtime.allowance import allowance

if TYPE_CHECKING:
    from bench.experiment.specification import TrialSpec

CONTENDERS = ("pythae", "bare fp32", "here fp32", "here bf16", "bare bf16")
STEPS = {"conv32": {"cpu": 2, "cuda": 500}, "resnet32_small": {"cpu": 20, "cuda": 1000}}
LATENT = 128
HYPERPARAMETERS: dict[str, dict[str, Any]] = {  # such that both minimise the same, up to a factor that Adam ignores
    "mmd": {"weight": 0.03},
    "vae": {"beta": 2.0},
    "gan": {"weight": 1.0, "critic_depth": 1, "critic_width": 256, "critic_lr_scale": 1.0},
}
RATE = 1e-3
CHECKED = 10  # steps that both take first
# Of reconstruction errors, by our precision, from pythae's in float32: in the first step, and in any.
GAPS = {"fp32": (1e-4, 0.05), "bf16": (0.02, 0.1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=list(STEPS), choices=STEPS)
    parser.add_argument("--methods", nargs="+", default=list(HYPERPARAMETERS), choices=HYPERPARAMETERS)
    parser.add_argument("--contenders", nargs="+", choices=CONTENDERS, help="default: bf16 only where it is had")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of a round; default: some seconds' worth")
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--threads", type=int, default=allowance().cpus)
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--one", help=argparse.SUPPRESS)  # a contender, in its own process
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    if asked.one:
        steps = asked.steps or STEPS[asked.networks[0]][asked.device]
        print(json.dumps(measured(asked.one, asked.networks[0], asked.methods[0], asked, steps)))
        return
    print_machine(asked)
    for network in asked.networks:
        check_width = 16 if asked.device == "cpu" else full_width(network)  # the networks' own width takes minutes here
        for method in asked.methods:
            print(f"\n{network}, {method}: {agreement(network, method, check_width, asked)}", flush=True)
            compare(network, method, asked)


def print_machine(asked: argparse.Namespace) -> None:
    from importlib.metadata import version

    from bench.runtime.environment import _processor, has_bf16

    gpu = asked.device == "cuda"
    name = torch.cuda.get_device_name() if gpu else f"{_processor()}, {torch.backends.cpu.get_cpu_capability()}"
    bf16 = has_bf16(gpu)
    asked.contenders = asked.contenders or [name for name in CONTENDERS if bf16 or "bf16" not in name]
    print(f"{name}, bf16 {'yes' if bf16 else 'no'}; {asked.threads} threads, batch {asked.batch}, latent {LATENT}")
    print(f"torch {torch.__version__}, pythae {version('pythae')}, Python {sys.version.split()[0]}")
    precisions = ["fp32", *(["bf16"] if any("bf16" in name for name in asked.contenders) else [])]
    asked.peaks = dict.fromkeys(precisions, 0.0)


def matrix_product(precision: str, device: str) -> float:
    """Operations per second, two for each multiplication and addition."""
    dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[precision]
    a = torch.randn(2048, 2048, device=device).to(dtype)
    times = []
    for _ in range(20 if device == "cpu" else 50):
        started = time.perf_counter()
        torch.mm(a, a)
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - started)
    return 2 * 2048**3 / min(times)


def compare(network: str, method: str, asked: argparse.Namespace) -> None:
    flops = step_flops(network, method, asked.batch)
    found: dict[str, list[dict[str, float]]] = {name: [] for name in asked.contenders}
    for turn in range(asked.rounds):
        for precision, peak in asked.peaks.items():  # in every round, for the machine's pace changes
            asked.peaks[precision] = max(peak, matrix_product(precision, asked.device))
        for contender in asked.contenders[:: -1 if turn % 2 else 1]:
            found[contender].append(in_its_own_process(contender, network, method, asked))
    peaks = ", ".join(f"{peak / 1e9:,.0f} GFLOP/s in {precision}" for precision, peak in asked.peaks.items())
    print(f"a product of matrices reaches {peaks}")
    print(f"{'':10} {'images/s':>24} {'times pythae':>22} {'times bare':>22} {'peak MB':>8} {'of peak':>8}")
    for contender, runs in found.items():
        speeds = [run["images_per_second"] for run in runs]
        precision = "bf16" if "bf16" in contender else "fp32"
        share = flops * statistics.median(speeds) / asked.batch / asked.peaks[precision]
        over = [ratio(runs, found.get(other)) for other in ("pythae", f"bare {precision}")]
        memory = max(run["peak_mb"] for run in runs)
        print(
            f"{contender:10} {spread(speeds, 1):>24} {over[0]:>22} {over[1]:>22} {memory:8.0f} {share:8.0%}", flush=True
        )


def ratio(runs: list[dict[str, float]], others: list[dict[str, float]] | None) -> str:
    if others is None or others is runs:
        return ""
    return spread([a["images_per_second"] / b["images_per_second"] for a, b in zip(runs, others, strict=True)], 2)


def in_its_own_process(contender: str, network: str, method: str, asked: argparse.Namespace) -> dict[str, float]:
    command = [sys.executable, __file__, "--one", contender, "--networks", network, "--methods", method]
    command += ["--batch", str(asked.batch), "--threads", str(asked.threads), "--device", asked.device]
    command += ["--steps", str(asked.steps)] if asked.steps else []
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise SystemExit(f"{contender} failed:\n{done.stderr}")
    return json.loads(done.stdout.splitlines()[-1])


def full_width(network: str) -> int:
    from methods.networks import NETWORKS

    return NETWORKS[network].width


def spec(network: str, method: str, precision: str, width: int, images: int, batch: int) -> "TrialSpec":
    """The specification of a trial of one epoch."""
    from bench.experiment.settings import Evaluation, Network, Preprocessing, Training
    from methods import METHODS
    from methods.hyperparameters import schema

    defaults = {name: parameter.default for name, parameter in schema(METHODS[method]).items()}
    training = {"epochs": 1, "train_images": images, "batch_size": batch, "precision": precision, "learning_rate": RATE}
    return specification(
        method,
        defaults | HYPERPARAMETERS[method],
        Preprocessing(image_size=32, channels=3),
        Network(name=network, width=width, latent_dim=LATENT),
        Training.model_validate(training),
        Evaluation(evaluations=1),
        prior="normal",
    )


def pictures(count: int) -> torch.Tensor:
    """Smooth random pictures, uint8 [n, 3, 32, 32]."""
    coarse = torch.rand(count, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    fine = torch.nn.functional.interpolate(coarse, size=32, mode="bicubic").clamp(0, 1)
    return (255 * fine).round().to(torch.uint8)


def step_flops(network: str, method: str, batch: int) -> float:
    """Of one training step, forward and backward, as torch counts them; of few images, for it takes one."""
    from torch.utils.flop_counter import FlopCounterMode

    from bench.training.build import build

    few = 4
    built = build(spec(network, method, "fp32", full_width(network), few, few))
    with FlopCounterMode(display=False) as counter:
        built.losses(pictures(few) / 127.5 - 1)["loss"].backward()
    return counter.get_total_flops() * batch / few


def measured(contender: str, network: str, method: str, asked: argparse.Namespace, steps: int) -> dict[str, float]:
    """Of one contender, after a step that does not count."""
    from bench.runtime import memory
    from bench.runtime.numerics import exact_arithmetic

    name, _, precision = contender.partition(" ")
    exact_arithmetic()  # float32 is float32 for all
    if name != "pythae":  # which has nothing like it
        memory.hoard()
    train = {"pythae": by_pythae, "bare": by_hand, "here": by_the_harness}[name]
    images = pictures(steps * asked.batch)
    memory.reset(torch.device(asked.device))
    seconds = train(
        images, spec(network, method, precision or "fp32", full_width(network), len(images), asked.batch), asked
    )
    return {"images_per_second": len(images) / seconds, "peak_mb": memory.peak(torch.device(asked.device))}


def by_the_harness(images: torch.Tensor, spec: "TrialSpec", asked: argparse.Namespace) -> float:
    """Seconds of `Trainer.run`, up to where it would evaluate."""
    from types import SimpleNamespace

    from bench.executors.run_trial import choose_step_mode
    from bench.training.events import Evaluating
    from bench.training.trainer import Trainer

    device = torch.device(asked.device)
    seconds = 0.0
    mode = choose_step_mode(spec, device, eager=False)
    assert not mode.warning, mode.warning
    for some in (images[: asked.batch], images):
        data: Any = SimpleNamespace(images=lambda _, some=some: some.numpy())
        trainer = Trainer(spec, data, SimpleNamespace(), lambda *_: None, device, 1e9, mode.graph())  # pyright: ignore
        started = time.perf_counter()
        next(event for event in trainer.run() if isinstance(event, Evaluating))
        seconds = time.perf_counter() - started
    return seconds


def by_hand(images: torch.Tensor, spec: "TrialSpec", asked: argparse.Namespace) -> float:
    from bench.training.build import build

    method = build(spec).to(asked.device)
    optimizer = torch.optim.Adam(method.parameters(), lr=RATE, fused=True)
    batches = images.to(asked.device).split(asked.batch)

    def train(some: Any) -> None:
        for batch in some:
            x = (batch / 127.5 - 1).contiguous(memory_format=torch.channels_last)
            loss = method.losses(x)["loss"]
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        loss.item()

    train(batches[:1])
    started = time.perf_counter()
    train(batches)
    return time.perf_counter() - started


def by_pythae(images: torch.Tensor, spec: "TrialSpec", asked: argparse.Namespace) -> float:
    from pythae.data.datasets import BaseDataset
    from pythae.trainers import AdversarialTrainer, AdversarialTrainerConfig, BaseTrainer, BaseTrainerConfig

    from bench.training.build import build
    from methods.networks import architectures

    made = build(spec).to(memory_format=torch.contiguous_format)  # pyright: ignore[reportCallIssue]
    architectures.channels_last = lambda x: x  # its users' layers do not care for the order of numbers in memory
    model = as_pythae(made, spec.method)
    x = images / 127.5 - 1
    adversarial = spec.method == "gan"
    with tempfile.TemporaryDirectory() as folder, quiet():
        common = {"output_dir": folder, "per_device_train_batch_size": asked.batch, "no_cuda": asked.device == "cpu"}
        if adversarial:
            rates = {"autoencoder_learning_rate": RATE, "discriminator_learning_rate": RATE}
            trainer: Any = AdversarialTrainer(
                model, BaseDataset(x, torch.zeros(len(x))), training_config=AdversarialTrainerConfig(**common, **rates)
            )
        else:
            config = BaseTrainerConfig(**common, learning_rate=RATE)
            trainer = BaseTrainer(model, BaseDataset(x, torch.zeros(len(x))), training_config=config)
        trainer.prepare_training()
        whole = trainer.train_loader
        trainer.train_loader = trainer.get_train_dataloader(BaseDataset(x[: asked.batch], torch.zeros(asked.batch)))
        trainer.train_step(1)
        trainer.train_loader = whole
        started = time.perf_counter()
        trainer.train_step(1)
        return time.perf_counter() - started


@contextlib.contextmanager
def quiet() -> Any:
    """pythae says much, and draws bars."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def as_pythae(method: Any, name: str) -> Any:
    """pythae's model with the networks of one of ours, the same tensors."""
    from pythae import models
    from pythae.models.base.base_utils import ModelOutput
    from pythae.models.nn import BaseDecoder, BaseEncoder

    class Encoder(BaseEncoder):
        def __init__(self) -> None:
            super().__init__()
            self.latent_dim, self.network = LATENT, method.encoder

        def forward(self, x: torch.Tensor) -> Any:
            out = self.network(x)
            if name == "vae":
                mean, log_variance = out.chunk(2, dim=1)
                return ModelOutput(embedding=mean, log_covariance=log_variance)
            return ModelOutput(embedding=out, log_covariance=torch.zeros_like(out))

    class Decoder(BaseDecoder):
        def __init__(self) -> None:
            super().__init__()
            self.network = method.decoder

        def forward(self, z: torch.Tensor) -> Any:
            return ModelOutput(reconstruction=self.network(z))

    shape = {"input_dim": (3, 32, 32), "latent_dim": LATENT}
    if name == "mmd":
        config = models.WAE_MMD_Config(**shape, reg_weight=HYPERPARAMETERS["mmd"]["weight"])
        return models.WAE_MMD(config, encoder=Encoder(), decoder=Decoder())
    if name == "vae":
        return models.VAE(models.VAEConfig(**shape), encoder=Encoder(), decoder=Decoder())
    config = models.Adversarial_AE_Config(**shape, deterministic_posterior=True)
    return models.Adversarial_AE(config, encoder=Encoder(), decoder=Decoder())


def agreement(network: str, method: str, width: int, asked: argparse.Namespace) -> str:
    """That both come to the same losses: from the same weights, on the same batches, with the same prior draws."""
    few = min(asked.batch, 20)
    images = pictures(CHECKED * few)
    theirs = list(losses_of_pythae(images, few, spec(network, method, "fp32", width, len(images), few)))
    said = []
    for precision, (first, later) in GAPS.items():
        if any(precision in contender for contender in asked.contenders):
            ours = losses_here(images, few, spec(network, method, precision, width, len(images), few))
            gaps = [abs(here / there - 1) for here, there in zip(ours, theirs, strict=True)]
            if gaps[0] > first or max(gaps) > later:
                told = ", ".join(f"{gap:.1e}" for gap in gaps)
                raise SystemExit(f"{network}, {method}: the losses in {precision} part from pythae's: {told}")
            said.append(f"{precision} {gaps[0]:.0e} in the first step, at most {max(gaps):.0e} within {CHECKED}")
    return "reconstruction errors' gaps to pythae's: " + "; ".join(said)


def losses_here(images: torch.Tensor, batch: int, trial: "TrialSpec") -> Iterator[float]:
    """The reconstruction error of every step."""
    from bench.training.build import build
    from bench.training.step import Stepper

    stepper = Stepper(build(trial), trial.training, CHECKED)
    for step, some in enumerate(images.split(batch)):
        torch.manual_seed(step)
        yield stepper(step, some)["reconstruction"].item()


def losses_of_pythae(images: torch.Tensor, batch: int, trial: "TrialSpec") -> Iterator[float]:
    """The same."""
    from bench.training.build import build

    method = trial.method
    model = as_pythae(build(trial), method)
    encoding = [p for name, p in model.named_parameters() if "discriminator" not in name]
    optimizers = [torch.optim.Adam(encoding, lr=RATE)]
    if method == "gan":
        optimizers.append(torch.optim.Adam(model.discriminator.parameters(), lr=RATE))
    for step, some in enumerate(images.split(batch)):
        torch.manual_seed(step)
        out = model({"data": some / 127.5 - 1})
        yield out.recon_loss.item() * (1 if method == "mmd" else 2)  # the others halve it
        step_of_pythae(out, optimizers, method)


def step_of_pythae(out: Any, optimizers: list[torch.optim.Optimizer], method: str) -> None:
    """As BaseTrainer and AdversarialTrainer of pythae do it."""
    losses = [out.autoencoder_loss, out.discriminator_loss] if method == "gan" else [out.loss]
    for loss, optimizer in zip(losses, optimizers, strict=True):
        optimizer.zero_grad()
        loss.backward(retain_graph=True)
    for optimizer in optimizers:
        optimizer.step()


if __name__ == "__main__":
    main()
