"""bench.run --log: log every row of every trial to TensorBoard, MLflow or Weights & Biases while trials train.

Each library's own client runs in the driver, with every executor. Ray Tune's callbacks for the three libraries do not
fit: they log progress reports instead of rows, number them within one attempt, and use Tune's names. A resumed trial
becomes a new run that repeats its rows. TensorBoard's files are in Tune's folder, which is deleted. An exception of a
tracking server ends the whole run. The callbacks also need Ray.

Rows are read from the trial folders; events only trigger the reading. A row may therefore be late (the server was
unreachable, or the run was killed), but it is never lost or logged twice: rerunning the command logs missing rows.

The step of a scalar is the row's number of optimisation steps. epoch, images_seen and train_seconds are scalars too.
"""

import importlib
from pathlib import Path

from bench.errors import UserError, unknown
from bench.loggers.base import Log, module_of

# Name of a library -> the module whose import shows that it is installed. Its logger is `bench.loggers.<name>_log`.
LIBRARIES = {"tensorboard": "torch.utils.tensorboard", "mlflow": "mlflow", "wandb": "wandb"}


def choose(text: str | None, folder: Path) -> Log:
    """Parse the argument of --log, such as "tensorboard,wandb", and check that every library can be used.

    Args:
        text: comma-separated names of libraries. Duplicates are ignored.
        folder: for logs that are not sent to a server.

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
    return Log(names, folder)
