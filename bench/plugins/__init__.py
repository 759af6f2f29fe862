"""Plug-ins: what can be added from outside the project, and the contract of each kind.

A plug-in is a Python file (`--plugin FILE`) or a module of an installed package. Its dictionaries, from names to
values, say what it adds:

| dictionary | values | chosen by |
|---|---|---|
| METHODS | subclasses of `methods.Method` | --methods NAME |
| METRICS | `Metric`, of generated images | --set evaluation.metrics=[NAME], bench.evaluate --metrics NAME |
| CODE_METRICS | `CodeMetric`, of codes | the same |
| NETWORKS | `methods.networks.Architecture` | --set network.name=NAME |
| DATASETS | `Dataset` | --dataset NAME |
| EXTRACTORS | classes that map images to features | --extractor NAME |
| PRIORS | subclasses of `methods.priors.Prior` | --methods 'mmd[prior=NAME]' |
| OPTIMISERS | subclasses of `torch.optim.Optimizer` | --set training.optimiser=NAME |
| SAMPLERS | classes that generate images with a trained method | bench.evaluate and bench.sample --sampler NAME |

Each kind has a module here, which states its contract. `python -m bench.check FILE` tests a plug-in against it.
"""

from bench.plugins.datasets import Dataset
from bench.plugins.metrics import CodeMetric, Metric

__all__ = ["CodeMetric", "Dataset", "Metric"]
