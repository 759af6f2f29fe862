"""train(...) -> events: the loop, its clock, its evaluations and checkpoints. No executor in sight.

Batches, seeds and evaluations are functions of the step, so a training resumed from a checkpoint goes through the
very same states, to the bit, as one that was never interrupted (same processor type, precision and threads).
"""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import torch
from torch import Tensor

from bench.data.prepared import Prepared
from bench.errors import reason
from bench.evaluation.evaluator import Evaluator
from bench.evaluation.image_grids import STEPS, grid_png, npz
from bench.experiment.settings import Evaluation, Training
from bench.io import tensors
from bench.runtime import memory, rng
from bench.runtime.numerics import exact_arithmetic
from bench.training.build import build, epoch_order, evaluation_steps
from bench.training.checkpoint import OtherVersion, State
from bench.training.clock import Clock
from bench.training.divergence import blaming_numbers, refuse_explosion, refuse_not_finite
from bench.training.step import Graph, Stepper

CHECK_EVERY = 100  # steps between looks for a loss that is no longer finite
TICK_SECONDS = 1.0  # between progress events
SLOW_SAVE = 1.0  # seconds: where a checkpoint takes longer, as in a distant store, at most SAVING_SHARE goes into them
SAVING_SHARE = 0.05


class Trainer:
    """One trial's training.

    Args:
        spec: the trial's resolved specification (`bench.experiment.trials`).
        data: the prepared data set. evaluator: measures the method.
        save: called with a checkpoint's bytes, the rows so far, and the pictures of a fresh row as bytes by name.
        checkpoint_seconds: a checkpoint is also made this long after the last one, between evaluations; later where
            saving is slow (`SLOW_SAVE`).
        graph: what replays the steps (`bench.training.step`), if anything.
    """

    def __init__(
        self,
        spec: dict[str, Any],
        data: Prepared,
        evaluator: Evaluator,
        save: Callable[[bytes, list[dict[str, Any]], dict[str, bytes]], None],
        device: torch.device,
        checkpoint_seconds: float = 20.0,
        graph: Graph | None = None,
    ) -> None:
        self.seed = spec["seed"]
        # A trial's own learning rate goes before the experiment's; older trials have none.
        rate = spec.get("learning_rate", spec["training"]["learning_rate"])
        self.training = Training.model_validate(spec["training"] | {"learning_rate": rate})
        self.evaluator, self.save, self.device = evaluator, save, device
        self.checkpoint_seconds = self._pause = checkpoint_seconds
        self.images = torch.from_numpy(data.images("train")[: self.training.train_images]).to(device)
        self.batch_size = self.training.batch_size
        self.epoch_steps = len(self.images) // self.batch_size
        self.total_steps = self.epoch_steps * self.training.epochs
        evaluations = Evaluation.model_validate(spec["evaluation"]).evaluations
        self.evaluation_steps = set(evaluation_steps(self.total_steps, evaluations))
        exact_arithmetic()
        memory.reset(device)
        self.method = build(spec).to(device)
        self.parameters = sum(p.numel() for p in self.method.parameters() if p.requires_grad)
        self.stepper = Stepper(self.method, self.training, self.total_steps, graph)
        self.state = State()
        self._order: tuple[int, Tensor] = (-1, torch.empty(0))

    def restore(self, checkpoint: bytes) -> None:
        """Continue from the bytes that `save` was given.

        Raises:
            OtherVersion: they are whole (files are checked when they are read), but do not fit.
        """
        try:
            self._restore(tensors.weights(checkpoint, self.device))
        except Exception as error:  # whatever torch makes of keys that are missing, and of other shapes
            if memory.exhausted(error):
                raise
            said = f"its checkpoint is of another version of the project ({type(error).__name__}: {reason(error)})"
            raise OtherVersion(f"{said}; --retrain-stale trains it again") from error

    def _restore(self, stored: dict[str, Any]) -> None:
        state = State(**stored["state"])
        if stored["state"].keys() != vars(state).keys():
            raise ValueError(f"its state lacks {', '.join(sorted(vars(state).keys() - stored['state'].keys()))}")
        self.method.load_state_dict(stored["method"])
        self.stepper.load_state_dict(stored["optimizer"])
        rng_state = stored["rng"]
        rng.set_state(rng_state | {"torch": rng_state["torch"].cpu(), "cuda": [s.cpu() for s in rng_state["cuda"]]})
        self.state = state

    def checkpoint(self) -> bytes:
        buffer = io.BytesIO()
        stored = {
            "method": self.method.state_dict(),
            "optimizer": self.stepper.optimizer.state_dict(),
            "rng": rng.get_state(),
            "state": vars(self.state),
        }
        torch.save(stored, buffer)
        return buffer.getvalue()

    def run(self) -> Iterator[dict[str, Any]]:
        """Train to the end. Yields events: {"kind": "progress", "evaluating" or "row", "step", "epoch", ...}.

        Raises:
            Diverged: see there. What was saved stays.
        """
        clock = Clock(self.device, self.state.train_seconds)
        saved = ticked = time.monotonic()
        while self.state.step < self.total_steps:
            with clock, self._blaming_numbers():
                self._step()
            step, now = self.state.step, time.monotonic()
            if step in self.evaluation_steps:
                yield {"kind": "evaluating", **self._position(clock)}  # which may take long
                yield self._evaluate(clock)
                saved = ticked = time.monotonic()
                continue
            if step % CHECK_EVERY == 0:
                refuse_explosion(self._mean_losses(clock), self.state.rows, step)
            if now - saved > self._pause:
                self._mean_losses(clock)
                self.state.train_seconds = clock.read()
                self._keep({})
                saved = time.monotonic()
            if now - ticked > TICK_SECONDS:
                yield self._progress(clock)
                ticked = time.monotonic()

    def _step(self) -> None:
        losses = self.stepper(self.state.step, self._batch(self.state.step))
        sums = self.state.sums
        if not sums and not all(name.isidentifier() for name in losses):
            raise ValueError(f"losses are named like variables, not {', '.join(map(repr, losses))}")
        if sums and sums.keys() != losses.keys():
            raise ValueError(f"losses gives {', '.join(losses)} now, and gave {', '.join(sums)} before")
        # A copy, for a replayed step writes the same tensors again.
        self.state.sums = {name: sums[name] + value if sums else value.clone() for name, value in losses.items()}
        self.state.step += 1
        self.state.summed_steps += 1

    def _batch(self, step: int) -> Tensor:
        """uint8 images of batch number `step` (from 0); an epoch's last partial batch is dropped."""
        epoch, batch = divmod(step, self.epoch_steps)
        if self._order[0] != epoch:
            self._order = (epoch, epoch_order(epoch, len(self.images), self.seed).to(self.device))
        return self.images[self._order[1][batch * self.batch_size : (batch + 1) * self.batch_size]]

    def _mean_losses(self, clock: Clock) -> dict[str, float]:
        """Losses averaged over the steps since the last row; waits for the device, on the clock."""
        clock.read()
        means = {name: float(total) / self.state.summed_steps for name, total in self.state.sums.items()}
        refuse_not_finite(means, self.state.step)
        return means

    def _blaming_numbers(self) -> AbstractContextManager[None]:
        return blaming_numbers(self.method, self.state.sums, self.state.step)

    def _evaluate(self, clock: Clock) -> dict[str, Any]:
        losses = self._mean_losses(clock)
        refuse_explosion(losses, self.state.rows, self.state.step)
        self.state.train_seconds = clock.read()
        started = time.perf_counter()
        headline = self.evaluator.curve.headline
        with self._blaming_numbers():
            columns, grids = self.evaluator(self.method)
        # The very last step can break a method whose losses were finite.
        checked = {name: columns[name] for name in (headline, "reconstruction_test")}
        refuse_not_finite({name: x for name, x in checked.items() if isinstance(x, float)}, self.state.step)
        means = {f"train_{name}": value for name, value in losses.items()}
        self.state.rows.append(self._row(clock, started, means | columns))
        pictures = {f"{name}-{self.state.step:08d}.png": grid_png(images) for name, images in grids.items()}
        if self.state.step == self.total_steps:
            started = time.perf_counter()
            with self._blaming_numbers():
                last = self.evaluator.final(self.method)
            self.state.rows += [self._row(clock, started, last)] if last else []
            pictures |= self._ending() if last else {}
        self.state.sums, self.state.summed_steps = {}, 0
        self._keep(pictures)
        return {
            "kind": "row",
            "loss": means["train_loss"],
            "score": columns[headline],
            **self._position(clock),
        }

    def _keep(self, pictures: dict[str, bytes]) -> None:
        """Save, and see how long to wait before the next time."""
        started = time.monotonic()
        self.save(self.checkpoint(), self.state.rows, pictures)
        took = time.monotonic() - started
        self._pause = max(self.checkpoint_seconds, took / SAVING_SHARE if took > SLOW_SAVE else 0)

    def _ending(self) -> dict[str, bytes]:
        """What a report shows of the last checkpoint alone, as files by name."""
        lines, arrays = self.evaluator.ending(self.method)
        step = f"{self.state.step:08d}"
        return {f"interpolations-{step}.png": grid_png(lines, STEPS), f"codes-{step}.npz": npz(arrays)}

    def _row(self, clock: Clock, started: float, columns: dict[str, Any]) -> dict[str, Any]:
        return {
            **self._position(clock),
            "train_seconds": self.state.train_seconds,
            "evaluation_seconds": time.perf_counter() - started,
            "peak_memory_mb": memory.peak(self.device),
            "parameters": self.parameters,
            **columns,
        }

    def _progress(self, clock: Clock) -> dict[str, Any]:
        position = self._position(clock)  # waits for the device, so that the next line does not, off the clock
        steps = max(self.state.summed_steps, 1)
        loss = float(self.state.sums["loss"]) / steps if self.state.sums else None
        return {"kind": "progress", "loss": loss, **position}

    def _position(self, clock: Clock) -> dict[str, Any]:
        step = self.state.step
        images = step * self.batch_size
        return {
            "step": step,
            "epoch": step / self.epoch_steps,
            "images_seen": images,
            "images_per_second": images / max(clock.read(), 1e-9),
        }
