"""The folder of an experiment on this machine, which may be a copy of one in an object store."""

import shlex
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from pydantic import ValidationError

from bench.errors import RunError, UserError
from bench.experiment.specification import Trial
from bench.io import schema, untrusted
from bench.io.files import Damaged, Folder, display_path
from bench.io.limits import CHECKPOINTS, MAX_DESCRIPTION_BYTES
from bench.io.object_store import Remote
from bench.io.strict_yaml import dump_yaml, parse_yaml
from bench.store import mirror, repair
from bench.store.documents import Description
from bench.store.trial_folder import TrialFolder

SEARCH = "search"  # the experiment of a search, in the folder of the experiment that it serves
# What a run writes to an object store. `pull` copies and removes nothing else, so other files beside a copy are safe.
PUBLISHED = ("experiment.yaml", "extractor", "trials", SEARCH)
REAL = "real.png"  # a grid of real images, in the folder of the extractor


class ExperimentFolder(Folder):
    """results/<experiment>: experiment.yaml, extractor/, trials/, report/, and the lock of the run that writes to it.

    The constructor refuses a folder with unsafe content, so nothing is read without this check.

    Args:
        place: the folder on this machine.
        home: the experiment's folder in an object store, if workers write trials there. `place` is then a copy without
            checkpoints, which `pull` updates.

    Raises:
        Malformed: a link leads out of the folder, or the folder contains something that no run writes.
    """

    def __init__(self, place: Path, home: Remote | None = None) -> None:
        super().__init__(place)
        self.home = home
        if place.exists():
            untrusted.refuse_unsafe_tree(place)

    @classmethod
    def open(cls, place: Path) -> "ExperimentFolder":
        """Open an existing experiment.

        Raises:
            UserError: the folder is missing or is not an experiment.
        """
        if not place.is_dir():
            raise UserError(f"there is no folder {display_path(place)}")
        folder = cls(place)
        folder.require_description()
        return folder

    def require_description(self) -> Description:
        """Read experiment.yaml, which must exist.

        Raises:
            UserError: there is no experiment.yaml.
            Damaged: see `description`.
        """
        description = self.description()
        if description is None:
            raise UserError(f"the folder {display_path(self.path)} is not an experiment: it has no experiment.yaml")
        return description

    @property
    def extractor(self) -> Folder:
        """The folder of the feature extractor."""
        return Folder(self.path / "extractor")

    @property
    def report(self) -> Path:
        """The folder of the report."""
        return self.path / "report"

    @property
    def page(self) -> Path:
        """The report's page."""
        return self.report / "index.html"

    @property
    def lock(self) -> Path:
        """The lock file of the run that writes to the folder."""
        return self.path / ".lock"

    @property
    def trained(self) -> Path | Remote:
        """Where trial folders are written."""
        return (self.home or self.path) / "trials"

    def trial(self, name: str) -> TrialFolder:
        """Return the folder of one trial on this machine."""
        return TrialFolder(self.path / "trials" / name)

    def reset(self, name: str) -> None:
        """Remove a trial."""
        # The copy first, so that it never has a trial that its origin lacks.
        for place in (self.path / "trials", self.trained):
            TrialFolder(place / name).forget()

    def pull(self, below: str = "", checkpoints: bool = False) -> int:
        """Update the copy from `home`.

        Args:
            below: update only this folder of the experiment.
            checkpoints: also copy checkpoints, which are large.

        Returns:
            The number of copied files.
        """

        def wanted(name: PurePosixPath) -> bool:
            of_search = name.parts[0] == SEARCH and "report" in name.parts[:3]
            return not of_search and (checkpoints or name.name not in CHECKPOINTS)

        if self.home is None:
            return 0
        if not below:
            for trial in self.trials():
                repair.drop_damaged(trial)  # else an intact file in the store could be overwritten from a damaged copy
        return mirror.pull(self.home, self.path, wanted, below, PUBLISHED)

    def push(self, report: bool = False) -> None:
        """Copy the description, the extractor and optionally the report to `home`."""
        if self.home:
            mirror.push(self.path, self.home, ("experiment.yaml", "extractor", *(["report"] if report else [])))

    def trials(self) -> list[TrialFolder]:
        """Return the folders of all trials, ordered by name."""
        return [TrialFolder(path.parent) for path in sorted(self.path.glob("trials/*/spec.json"))]

    def specifications(self) -> Iterator[Trial]:
        """Yield the trials whose spec.json is intact, in the order of `trials`."""
        for trial in self.trials():
            try:
                yield trial.trial()
            except Damaged:  # the run that meets it says so, and mends it or trains the trial again
                continue

    def description(self) -> Description | None:
        """Read experiment.yaml; None if no run has written it yet.

        Raises:
            Damaged: the file has changed since it was written, or bench.run did not write it.
        """
        path = self.path / "experiment.yaml"
        if not path.exists():
            return None
        content = self.read(path.name)
        try:
            value = parse_yaml(content, str(path), MAX_DESCRIPTION_BYTES)
        except UserError as error:
            raise untrusted.Malformed(f"{error};", "bench.run did not write it") from None
        return Description.parse(value, path)

    def describe(self, description: Description, dry: bool = False) -> None:
        """Write experiment.yaml. It is read back, so nothing is written that a reader refuses.

        Args:
            description: the content.
            dry: only check that it could be written.

        Raises:
            RunError: a value does not fit its type, the file would be too large, or it cannot be written.
        """
        path = self.path / "experiment.yaml"
        try:
            content = dump_yaml(description.document).encode()
            Description.parse(parse_yaml(content, str(path), MAX_DESCRIPTION_BYTES), path)
        except ValidationError as error:
            raise RunError(f"cannot write {path}: {schema.first_difference(error)}") from None
        except UserError as error:
            raise RunError(f"cannot write {path}, because no reader would accept it: {error}") from None
        if not dry:
            self.write(path.name, content)


def how_to_get_checkpoint(trial: TrialFolder, experiment: ExperimentFolder | None = None) -> str:
    """Return the command that restores a checkpoint which is missing on this machine, for error messages.

    Args:
        trial: The trial.
        experiment: Its experiment, if it is open; by default the folder around the trial, if that is an experiment.
    """
    around = trial.path.parent.parent
    if experiment is None and (around / "experiment.yaml").exists():  # else the folder of the trial was copied alone
        experiment = ExperimentFolder(around)
    description = experiment.description() if experiment else None
    if description and description.storage:
        return f"python -m bench.pull {shlex.quote(description.storage)} --checkpoints"
    return "bench.run --force trains it again"
