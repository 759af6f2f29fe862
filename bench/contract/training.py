"""Checks of whole steps as the harness takes them: what changes, what repeats, and what a checkpoint must hold."""

import torch
from torch import Tensor

from bench.contract.subject import Broken, Subject, images, names, pixels
from bench.contract.tape import Anew, Tape
from bench.runtime import rng
from bench.training import checkpoint
from bench.training.checkpoint import TrainingState
from bench.training.step import WARM_UP, Stepper
from methods import Method


def check_step(subject: Subject) -> None:
    """A step changes every trainable parameter, and no other but those of the declared `averages`."""
    untrained = subject.build()  # asked first, for no optimiser takes odd groups
    averaged, trainable = _averaged(untrained), _trainable(untrained)
    stepper = subject.stepper()
    method = stepper.method
    before = {name: p.detach().clone() for name, p in method.named_parameters()}
    stepper(0, pixels(64))
    changed = {name for name, p in method.named_parameters() if not torch.equal(p, before[name])}
    stuck = [name for name in before if name in trainable and name not in changed]
    if stuck:
        raise Broken(f"a step leaves {names(stuck)} as it was; let the loss depend on it, or requires_grad_(False)")
    moved = [name for name in before if name in changed and name not in trainable | averaged]
    if moved:
        raise Broken(f"a step changes {names(moved)}, which is not trained; name its module in `averages`")
    still = [name for name in before if name in averaged and name not in changed]
    if still:
        raise Broken(f"`averages` has {names(still)}, but a step leaves it as it was; move it in after_step")


def _averaged(method: Method) -> set[str]:
    """Names of the parameters below `averages`."""
    found = set()
    for module in method.averages:
        try:
            inside = dict(method.get_submodule(module).named_parameters(prefix=module))
        except AttributeError:
            raise Broken(f"`averages` names {module}, which is no submodule") from None
        if not inside:
            raise Broken(f"`averages` names {module}, which has no parameters")
        trained = [name for name, p in inside.items() if p.requires_grad]
        if trained:
            raise Broken(f"`averages` names {module}, but gradients reach it; requires_grad_(False)")
        found |= set(inside)
    return found


def _trainable(method: Method) -> set[str]:
    """Names of the parameters that require a gradient; each stands in one group, and no other does."""
    grouped = [id(p) for group in method.param_groups() for p in group["params"]]
    counts = {name: grouped.count(id(p)) for name, p in method.named_parameters()}
    trainable = {name for name, p in method.named_parameters() if p.requires_grad}
    for wrong, text in (
        ([n for n in counts if counts[n] > 1], "twice"),
        ([n for n in counts if n in trainable and not counts[n]], "not at all; or requires_grad_(False)"),
        ([n for n in counts if n not in trainable and counts[n]], "though it requires no gradient"),
    ):
        if wrong:
            raise Broken(f"param_groups has {names(wrong)} {text}")
    return trainable


def train(stepper: Stepper, first: int, steps: int) -> list[dict[str, Tensor]]:
    """Steps first, first + 1, ..., each on images of its own; their losses."""
    return [stepper(step, pixels(16, seed=step)) for step in range(first, first + steps)]


def state(method: Method) -> dict[str, Tensor]:
    """Parameters and all buffers, also those that are not saved."""
    return {name: tensor.detach().clone() for name, tensor in [*method.named_parameters(), *method.named_buffers()]}


def differing(a: dict[str, Tensor], b: dict[str, Tensor]) -> list[str]:
    return [name for name in a if not torch.equal(a[name], b[name])]


def check_state(subject: Subject) -> None:
    """Restored from a checkpoint into an instance of another seed, a training goes on bit-equal."""
    one, other = subject.stepper(seed=0), subject.stepper(seed=1)
    rng.seed_everything(0)
    train(one, 0, 2)
    saved = checkpoint.save(one, TrainingState(step=2))
    losses = train(one, 2, 2)
    checkpoint.restore(other, saved, torch.device("cpu"))
    again = train(other, 2, 2)
    wrong = differing(losses[0], again[0])
    if wrong:
        raise Broken(f"after a restart {names(wrong)} differs; keep all state in parameters and buffers")
    wrong = differing(state(one.method), state(other.method))
    if wrong:
        raise Broken(f"steps after a restart change {names(wrong)} otherwise; keep all state in parameters and buffers")


def check_seeds(subject: Subject) -> None:
    """Two seeds start differently; one repeats to the bit, through its steps."""
    first, again, other = (subject.stepper(seed) for seed in (0, 0, 1))
    wrong = differing(state(first.method), state(again.method))
    if wrong:
        raise Broken(f"the same seed starts with another {names(wrong)}; draw from torch's global generator")
    x = images(8)
    if torch.equal(first.method.encode(x), other.method.encode(x)):
        raise Broken("two seeds start with the same codes; leave the seeding to the harness")
    for stepper in (first, again):
        rng.seed_everything(0)
        train(stepper, 0, 2)
    wrong = differing(state(first.method), state(again.method))
    if wrong:
        raise Broken(f"steps with the same seed change {names(wrong)} otherwise; draw from torch's global generator")


def _attributes(method: Method) -> dict[str, str]:
    """Numbers, switches and words of a method and its modules, by name."""
    kinds = (bool, int, float, str)
    found = {f"{at}.{k}": v for at, module in method.named_modules() for k, v in vars(module).items()}
    return {name.lstrip("."): repr(value) for name, value in found.items() if isinstance(value, kinds)}


def check_replays(subject: Subject) -> None:
    """Steps recorded once and replayed, as on a GPU, come to what steps come to that are computed anew."""
    constant = "keep what changes from step to step in buffers, as tensors, and change those in place"
    plain = subject.stepper()
    train(plain, 0, WARM_UP)
    before = _attributes(plain.method)
    train(plain, WARM_UP, 2)
    changed = [name for name, value in _attributes(plain.method).items() if before.get(name) != value]
    if changed:  # a switch that is thrown after a thousand steps is not seen in a few
        raise Broken(f"steps change {names(changed)}, which they do not when replayed as a CUDA graph; {constant}")
    anew, replayed = subject.stepper(graph=Anew()), subject.stepper(graph=Tape())
    found = []
    for stepper in (anew, replayed):
        rng.seed_everything(0)
        losses = [{name: float(value) for name, value in train(stepper, i, 1)[0].items()} for i in range(WARM_UP + 4)]
        found.append((losses, state(stepper.method)))
    (losses, states), (losses_again, states_again) = found
    wrong = [name for name in losses[0] if any(a[name] != b[name] for a, b in zip(losses, losses_again, strict=True))]
    wrong += differing(states, states_again)
    if wrong:
        raise Broken(f"replayed as a CUDA graph, steps give another {names(wrong)}; {constant}")
