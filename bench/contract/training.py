"""Checks of whole training steps: which tensors change, whether seeds repeat, and whether checkpoints are complete."""

import torch
from torch import Tensor

from bench.contract.subject import Broken, Subject, images, listed, pixels
from bench.contract.tape import Recomputed, Tape
from bench.runtime import rng
from bench.training import checkpoint, loading
from bench.training.checkpoint import TrainingState
from bench.training.step import WARM_UP, Stepper
from methods import Method


def check_step(subject: Subject) -> None:
    """A step changes every trainable parameter, and otherwise only the declared `averages`."""
    untrained = subject.build()  # first, because an optimiser would reject invalid groups with its own error
    averaged, trainable = _averaged(untrained), _trainable(untrained)
    stepper = subject.stepper()
    method = stepper.method
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    stepper(0, pixels(64))
    changed = {name for name, p in method.named_parameters() if not torch.equal(p, before[name])}
    stuck = [name for name in before if name in trainable and name not in changed]
    if stuck:
        raise Broken(
            f"a step does not change {listed(stuck)}; make the loss depend on it, or call requires_grad_(False)"
        )
    moved = [name for name in before if name in changed and name not in trainable | averaged]
    if moved:
        raise Broken(f"a step changes {listed(moved)}, which is not trained; list its module in `averages`")
    still = [name for name in before if name in averaged and name not in changed]
    if still:
        raise Broken(f"`averages` contains {listed(still)}, but a step does not change it; update it in after_step")


def _averaged(method: Method) -> set[str]:
    """Names of the parameters in the modules of `averages`."""
    averaged = set()
    for module in method.averages:
        try:
            inside = dict(method.get_submodule(module).named_parameters(prefix=module))
        except AttributeError:
            raise Broken(f"`averages` lists {module}, which is not a submodule") from None
        if not inside:
            raise Broken(f"`averages` lists {module}, which has no parameters")
        trained = [name for name, p in inside.items() if p.requires_grad]
        if trained:
            raise Broken(f"`averages` lists {module}, but gradients reach it; call requires_grad_(False)")
        averaged |= set(inside)
    return averaged


def _trainable(method: Method) -> set[str]:
    """Names of the parameters that require a gradient; raise `Broken` unless each is in exactly one group."""
    grouped = [id(p) for group in method.param_groups() for p in group["params"]]
    counts = {name: grouped.count(id(p)) for name, p in method.named_parameters()}
    trainable = {name for name, p in method.named_parameters() if p.requires_grad}
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise Broken(f"param_groups contains {listed(repeated)} more than once")
    missing = [name for name in counts if name in trainable and not counts[name]]
    if missing:
        raise Broken(f"param_groups lacks {listed(missing)}; add it, or call requires_grad_(False)")
    constant = [name for name in counts if name not in trainable and counts[name]]
    if constant:
        raise Broken(f"param_groups contains {listed(constant)}, which requires no gradient")
    return trainable


def train(stepper: Stepper, first: int, steps: int) -> list[dict[str, Tensor]]:
    """Take steps first, first + 1, ..., each on different images. Return their losses."""
    return [stepper(step, pixels(16, seed=step)) for step in range(first, first + steps)]


def state(method: Method) -> dict[str, Tensor]:
    """Return copies of all parameters and buffers, including buffers that a checkpoint does not hold."""
    return {name: tensor.detach().clone() for name, tensor in [*method.named_parameters(), *method.named_buffers()]}


def differing(a: dict[str, Tensor], b: dict[str, Tensor]) -> list[str]:
    """Return the names of the tensors that are not equal in `a` and `b`."""
    return [name for name in a if not torch.equal(a[name], b[name])]


REMEDY = "keep all state in parameters and saved buffers"


def check_state(subject: Subject) -> None:
    """A checkpoint restored into an instance with another seed continues the training bit for bit; it can be loaded."""
    one, other = subject.stepper(seed=0), subject.stepper(seed=1)
    rng.seed_everything(0)
    train(one, 0, 2)
    saved = checkpoint.save(one, TrainingState(step=2))
    losses = train(one, 2, 2)
    checkpoint.restore(other, saved, torch.device("cpu"))
    again = train(other, 2, 2)
    wrong = differing(losses[0], again[0])
    if wrong:
        raise Broken(f"after restoring a checkpoint {listed(wrong)} differs; {REMEDY}")
    wrong = differing(state(one.method), state(other.method))
    if wrong:
        raise Broken(f"after restoring a checkpoint, steps change {listed(wrong)} differently; {REMEDY}")
    if not loading.fits(one.method.state_dict(), subject.build, len(saved), computes=True):
        raise Broken("its weights after training do not fit a new instance; keep their names, shapes and types")


def check_seeds(subject: Subject) -> None:
    """Different seeds start differently; the same seed repeats every step bit for bit."""
    first, again, other = (subject.stepper(seed) for seed in (0, 0, 1))
    wrong = differing(state(first.method), state(again.method))
    if wrong:
        raise Broken(f"the same seed starts with a different {listed(wrong)}; draw from torch's global generator")
    x = images(8)
    if torch.equal(first.method.encode(x), other.method.encode(x)):
        raise Broken("two different seeds start with the same codes; leave seeding to the harness")
    for stepper in (first, again):
        rng.seed_everything(0)
        train(stepper, 0, 2)
    wrong = differing(state(first.method), state(again.method))
    if wrong:
        raise Broken(
            f"with the same seed, steps change {listed(wrong)} differently; draw from torch's global generator"
        )


def _attributes(method: Method) -> dict[str, str]:
    """Numbers, flags and strings that are attributes of a method and its modules, by name."""
    kinds = (bool, int, float, str)
    values = {f"{prefix}.{k}": v for prefix, module in method.named_modules() for k, v in vars(module).items()}
    return {name.lstrip("."): repr(value) for name, value in values.items() if isinstance(value, kinds)}


def check_replays(subject: Subject) -> None:
    """Steps that are recorded once and replayed, as on a GPU, give the same results as recomputed steps."""
    remedy = "store state that changes from step to step in buffers, and update them in place"
    plain = subject.stepper()
    train(plain, 0, WARM_UP)
    before = _attributes(plain.method)
    train(plain, WARM_UP, 2)
    changed = [name for name, value in _attributes(plain.method).items() if before.get(name) != value]
    if changed:  # a value that changes only after many steps goes unnoticed
        raise Broken(f"steps change {listed(changed)}, but not when replayed as a CUDA graph; {remedy}")
    recomputed, replayed = subject.stepper(graph=Recomputed()), subject.stepper(graph=Tape())
    results = []
    for stepper in (recomputed, replayed):
        rng.seed_everything(0)
        losses = [{name: float(value) for name, value in train(stepper, i, 1)[0].items()} for i in range(WARM_UP + 4)]
        results.append((losses, state(stepper.method)))
    (losses, states), (losses_again, states_again) = results
    wrong = [name for name in losses[0] if any(a[name] != b[name] for a, b in zip(losses, losses_again, strict=True))]
    wrong += differing(states, states_again)
    if wrong:
        raise Broken(f"replayed as a CUDA graph, steps give a different {listed(wrong)}; {remedy}")
