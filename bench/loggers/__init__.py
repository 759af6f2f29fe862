"""bench.run --log: every row of every trial, as scalars, in TensorBoard, MLflow or Weights & Biases while trials train.

Each library's own client runs in the driver, and does the same for every executor. Ray Tune's callbacks for the three
libraries do not fit. They log reports (progress) instead of rows, number them within one attempt, and use Tune's names.
A resumed trial becomes a new run that repeats its rows. TensorBoard's files are in Tune's folder, which is thrown away.
An exception of a tracking server ends the whole run. Without Ray there are none.

What is logged comes from the trial folders; events only trigger a look there. So a row can be late (a server was away,
a run was killed), but it is never logged twice or lost: the same command again logs what is missing.

A scalar's step is the row's number of optimisation steps; epoch, images_seen and train_seconds are scalars too.
"""

import importlib

from bench.errors import UserError, unknown
from bench.loggers.base import module_of

# Imported to see whether a library is installed. Its logger is in the module `bench.loggers.<name>_log`.
LIBRARIES = {"tensorboard": "torch.utils.tensorboard", "mlflow": "mlflow", "wandb": "wandb"}


def choose(text: str | None) -> tuple[str, ...]:
    """The libraries that `--log tensorboard,wandb` names, each once.

    Raises:
        UserError: a name is unknown, or a library cannot be imported or used.
    """
    names = tuple(dict.fromkeys(name.strip() for name in text.split(","))) if text else ()
    for name in names:
        if name not in LIBRARIES:
            raise unknown("logger", name, LIBRARIES)
        try:
            importlib.import_module(LIBRARIES[name])
        except Exception as error:  # a broken installation raises anything
            problem = f"needs the library {name}, which cannot be imported ({type(error).__name__})"
            raise UserError(f'--log {name} {problem}; to install it: pip install -e ".[{name}]"') from None
        module_of(name).check()
    return names
