"""What a process does to evaluate a trial's method: the trial's own process, or one beside it."""

from dataclasses import dataclass

import torch

from bench.data.prepared import Prepared
from bench.evaluation import extractors
from bench.evaluation.evaluator import Evaluator
from bench.evaluation.reference import References
from bench.executors.base import Context, Inputs
from bench.experiment.specification import TrialSpec
from bench.io import tensors
from bench.io.files import Folder
from bench.plugins.installation import install
from bench.runtime import memory, torch_state
from bench.training.evaluations import Measured, measure, restored

_loaded: dict[str, Evaluator] = {}  # the last evaluator of this process; nearly all trials of a run share one


def set_up(spec: TrialSpec, context: Context) -> None:
    """Make this process compute as every process of the trial does."""
    for plugin in context.plugins:
        install(plugin)
    torch_state.restore()
    torch.set_num_threads(spec.threads)
    memory.hoard()


def load_evaluator(spec: TrialSpec, context: Context, inputs: Inputs, device: torch.device) -> Evaluator:
    """Load what measures a trial's method.

    Args:
        spec: the trial's specification.
        context: what all trials of the run share.
        inputs: the inputs on this node.
        device: where the method will be.
    """
    data = Prepared(inputs.data)
    folder, sha256 = Folder(inputs.extractor), context.extractor_sha256
    extractor = extractors.load(folder, data.shape, spec.evaluation, inputs.inception, sha256)
    references = References(Folder(inputs.features), extractor.to(device), data, device)
    return Evaluator(references, spec.evaluation, spec.training.train_images)


@dataclass(frozen=True)
class Task:
    """What a process needs to know to evaluate a trial's method beside its training, on the CPU.

    Attributes:
        inputs: the inputs on the node of the trial, where the process must run too.
    """

    spec: TrialSpec
    context: Context
    inputs: Inputs

    def prepare(self) -> None:
        """Import and load what evaluations need, so that the first one takes no longer than the others."""
        set_up(self.spec, self.context)
        self._evaluator()

    def evaluate(self, state: bytes) -> Measured:
        """Evaluate the method with a state (`serialise`)."""
        set_up(self.spec, self.context)
        return measure(self._evaluator(), restored(self.spec, tensors.load(state)))

    def _evaluator(self) -> Evaluator:
        key = repr((self.inputs, self.context.extractor_sha256, self.spec.evaluation, self.spec.training.train_images))
        if key not in _loaded:
            _loaded.clear()
            _loaded[key] = load_evaluator(self.spec, self.context, self.inputs, torch.device("cpu"))
        return _loaded[key]
