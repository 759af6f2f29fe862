"""Evaluations beside the training leave the same files as those that it waits for, whatever happens to them."""

import pytest
import torch
from runs import comparable
from specimens import make_spec
from test_trainer import SECONDS, Ticking

from bench.io import tensors
from bench.training.divergence import Diverged
from bench.training.evaluations import Measured, measure, restored
from bench.training.events import Evaluated, Evaluating, Progressed
from bench.training.trainer import Trainer
from methods import METHODS, Method
from methods.functional import squared_error

LATE = 10**9  # steps until an evaluation has ended by itself: the training must wait for it


@pytest.fixture(autouse=True)
def busy(monkeypatch):
    """A busy machine must not take fewer checkpoints because a save takes a second."""
    monkeypatch.setattr("bench.training.trainer.SLOW_SAVE", float("inf"))


class Later:
    """Stands for another process. It evaluates the snapshot not before it is asked for the result."""

    def __init__(self, evaluate, steps, failure):
        self.evaluate, self.steps, self.failure = evaluate, steps, failure
        self.cancelled = False

    def done(self) -> bool:
        self.steps -= 1
        return self.steps < 0

    def result(self, timeout: float) -> Measured:
        assert timeout > 1
        if self.failure:
            raise self.failure
        return self.evaluate()

    def cancel(self) -> None:
        self.cancelled = True


class Elsewhere:
    """Takes every evaluation, and ends it after some steps."""

    def __init__(self, world, spec, steps=0, failure=None):
        self.evaluator, self.spec, self.steps, self.failure = world[1], spec, steps, failure
        self.pending: list[Later] = []
        self.foreseen: list[float] = []

    def can_start(self, seconds: float) -> bool:
        self.foreseen.append(seconds)
        return True

    def start(self, state) -> Later:
        later = Later(lambda: measure(self.evaluator, restored(self.spec, state)), self.steps, self.failure)
        self.pending.append(later)
        return later


def trained(world, beside=None, saved=None, checkpoint=None, checkpoint_seconds=1e9, **spec):
    """A trainer, and what it saves."""
    saved = [] if saved is None else saved

    def save(checkpoint, rows, pictures):
        saved.append((checkpoint, comparable(rows), pictures))

    prepared, evaluator = world
    device = torch.device("cpu")
    trainer = Trainer(make_spec(**spec), prepared, evaluator, save, device, checkpoint_seconds, beside=beside)
    if checkpoint:
        trainer.restore(checkpoint)
    return trainer, saved


def assert_equal(one, two, path="checkpoint"):
    """Equal to the bit, but for times."""
    assert type(one) is type(two), path
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two), path
    elif isinstance(one, dict):
        assert one.keys() == two.keys(), path
        for key in one.keys() - {"rows", "train_seconds"}:
            assert_equal(one[key], two[key], f"{path}.{key}")
    elif isinstance(one, list):
        for i, pair in enumerate(zip(one, two, strict=True)):
            assert_equal(*pair, f"{path}[{i}]")
    else:
        assert one == two, path


def assert_same_saves(saved, expected):
    assert [rows for _, rows, _ in saved] == [rows for _, rows, _ in expected]
    for (checkpoint, _, pictures), (other, _, others) in zip(saved, expected, strict=True):
        assert pictures == others
        assert_equal(tensors.load(checkpoint), tensors.load(other))
        assert comparable(tensors.load(checkpoint)["state"]["rows"]) == comparable(tensors.load(other)["state"]["rows"])


METHOD_CHANGES = [
    {"method": "moco", "precision": "bf16", "schedule": "cosine"},  # a queue, and a second encoder
    {"method": "gan", "network": {"name": "dcgan32", "width": 4, "latent_dim": 4}},  # batch norm
    {"method": "mmd", "optimiser": "sgd", "optimiser_options": {"momentum": 0.9}},
]


@pytest.mark.parametrize("steps", [0, 2, LATE])
@pytest.mark.parametrize("changes", METHOD_CHANGES, ids=lambda changes: changes["method"])
def test_the_same_files_are_saved_in_the_same_order(world, changes, steps):
    inline, expected = trained(world, **changes)
    list(inline.run())
    beside = Elsewhere(world, make_spec(**changes), steps)
    trainer, saved = trained(world, beside, **changes)
    events = list(trainer.run())
    assert_same_saves(saved, expected)
    assert [event.position.step for event in events if isinstance(event, Evaluated)] == [1, 4, 9, 16]
    assert [event.position.step for event in events if isinstance(event, Evaluating)] == [1, 16], "the ends, inline"
    assert len(beside.pending) == 2
    assert trainer.evaluated_beside
    assert not inline.evaluated_beside


def test_what_is_left_to_evaluate_decides_whether_another_process_is_worth_it(world):
    beside = Elsewhere(world, make_spec())
    trainer, _ = trained(world, beside)
    list(trainer.run())
    usual = [row["evaluation_seconds"] for row in trainer.state.rows]
    assert beside.foreseen == [2 * usual[0], 1 * usual[1]], "the last of four is never evaluated elsewhere"


class Stopping(Exception):
    """Stands for a kill: nothing of the training runs after it."""


def killed_at(trainer, step):
    """Train until just before a step, and drop everything but what was saved."""
    take_step = trainer._step

    def kill(at):
        if trainer.state.step == step:
            trainer._opened = None
            raise Stopping
        take_step(at)

    trainer._step = kill
    with pytest.raises(Stopping):
        list(trainer.run())


@pytest.mark.parametrize(("step", "resumes"), [(6, 3), (7, 7)])
def test_a_kill_between_snapshot_and_row_or_after_it_changes_nothing(world, step, resumes):
    """The snapshot is of step 4; its row arrives at step 7. A checkpoint is due after every step."""
    inline, expected = trained(world)
    list(inline.run())
    trainer, saved = trained(world, Elsewhere(world, make_spec(), 2), checkpoint_seconds=-1)
    killed_at(trainer, step)
    checkpoint = saved[-1][0]
    resumed, rest = trained(world, Elsewhere(world, make_spec(), 1), checkpoint=checkpoint)
    assert resumed.state.step == resumes
    list(resumed.run())
    assert rest[-1][1] == expected[-1][1]
    assert_equal(tensors.load(rest[-1][0]), tensors.load(expected[-1][0]))


@pytest.mark.parametrize("failure", [TimeoutError(), RuntimeError("its worker was killed"), MemoryError()])
@pytest.mark.parametrize("steps", [1, LATE])
def test_an_evaluation_that_is_lost_is_repeated_here(world, failure, steps):
    inline, expected = trained(world)
    list(inline.run())
    beside = Elsewhere(world, make_spec(), steps, failure)
    trainer, saved = trained(world, beside)
    list(trainer.run())
    assert_same_saves(saved, expected)
    assert [pending.cancelled for pending in beside.pending] == [True, True]


def test_if_none_can_be_started_the_training_waits(world):
    class Broken(Elsewhere):
        def start(self, state):  # noqa: ARG002
            raise OSError("no more processes")

    inline, expected = trained(world)
    list(inline.run())
    trainer, saved = trained(world, Broken(world, make_spec()))
    list(trainer.run())
    assert_same_saves(saved, expected)
    assert not trainer.evaluated_beside


class Failing(Method):
    """Its diagnostics fail from the second evaluation on; its state says which that is."""

    def __init__(self, networks, prior):
        super().__init__(networks, prior)
        self.register_buffer("steps", torch.zeros(()))

    def losses(self, x):
        reconstruction = squared_error(self.decode(self.encode(x)), x)
        return {"loss": reconstruction * self.worse(), "reconstruction": reconstruction}

    def worse(self):
        return 1.0

    def after_step(self):
        self.steps += 1

    def diagnostics(self, x):  # noqa: ARG002
        if self.steps > 1:
            raise LookupError(f"nothing at step {self.steps:.0f}")
        return {}


class Exploding(Failing):
    """Its loss is NaN from the sixth step on, which is after the snapshot of the second evaluation."""

    def worse(self):
        return float("nan") if self.steps > 4 else 1.0

    def diagnostics(self, x):  # noqa: ARG002
        return {}


class Breaking(Exploding):
    """Its reconstructions of held-out images are NaN at the second evaluation, while its losses are finite."""

    def worse(self):
        return 1.0

    def decode(self, z):
        return super().decode(z) * (float("nan") if self.steps == 4 and not self.training else 1.0)


class Both(Failing):
    """It fails both at the second evaluation and, in a later step, with an error of another type."""

    def losses(self, x):
        if self.steps > 5:
            raise ZeroDivisionError
        return super().losses(x)


@pytest.mark.parametrize(
    ("method", "error", "message"),
    [
        (Failing, LookupError, "nothing at step 4"),
        (Exploding, Diverged, "loss is nan at step 9"),
        (Breaking, Diverged, "is nan at step 4|not finite after step 4"),
        (Both, LookupError, "nothing at step 4"),
    ],
)
@pytest.mark.parametrize("steps", [1, LATE])
def test_a_training_fails_with_the_same_error_and_keeps_the_same_rows(
    world, monkeypatch, method, error, message, steps
):
    monkeypatch.setitem(METHODS, "mine", method)
    inline, expected = trained(world, method="mine")
    with pytest.raises(error, match=message) as first:
        list(inline.run())
    trainer, saved = trained(world, Elsewhere(world, make_spec(method="mine"), steps), method="mine")
    with pytest.raises(error) as second:
        list(trainer.run())
    assert str(second.value) == str(first.value)
    assert_same_saves(saved, expected)


def test_an_abandoned_training_cancels_its_evaluation(world, monkeypatch):
    monkeypatch.setattr("bench.training.trainer.TICK_SECONDS", -1)
    beside = Elsewhere(world, make_spec(), LATE)
    trainer, _ = trained(world, beside)
    events = trainer.run()
    next(event for event in events if isinstance(event, Progressed) and event.position.step == 5)
    assert [pending.cancelled for pending in beside.pending] == [False]
    events.close()
    assert [pending.cancelled for pending in beside.pending] == [True]


def test_nothing_is_saved_between_a_snapshot_and_its_row(world):
    trainer, saved = trained(world, Elsewhere(world, make_spec(), LATE), checkpoint_seconds=-1)
    list(trainer.run())
    steps = [tensors.load(checkpoint)["state"]["step"] for checkpoint, _, _ in saved]
    assert steps == [1, 2, 3, 4, 9, 16]
    assert [len(rows) for _, rows, _ in saved] == [1, 1, 1, 2, 3, 5]


def test_a_budget_in_seconds_has_the_same_rows_and_its_clock_stands_still_meanwhile(world, monkeypatch):
    monkeypatch.setattr("bench.training.trainer.Clock", Ticking)
    inline, expected = trained(world, **SECONDS)
    list(inline.run())
    trainer, saved = trained(world, Elsewhere(world, make_spec(**SECONDS), 2), **SECONDS)
    list(trainer.run())
    assert_same_saves(saved, expected)
    assert [row["train_seconds"] for row in trainer.state.rows[:-1]] == [1, 4, 9, 16]


class Random(Method):
    """Breaks the contract: its codes are random, also in evaluation mode."""

    def encode(self, x):
        codes = super().encode(x)
        return codes + torch.randn_like(codes)

    def losses(self, x):
        reconstruction = squared_error(self.decode(self.encode(x)), x)
        return {"loss": reconstruction, "reconstruction": reconstruction}


def test_not_even_random_codes_make_rows_differ(world, monkeypatch):
    monkeypatch.setitem(METHODS, "random", Random)
    inline, expected = trained(world, method="random")
    list(inline.run())
    trainer, saved = trained(world, Elsewhere(world, make_spec(method="random"), 2), method="random")
    list(trainer.run())
    assert_same_saves(saved, expected)
