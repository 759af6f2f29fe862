"""Keep the finished trials of a long study in the repository, so that another machine can continue it.

    python benchmarks/keep.py pack results/defaults_digits/search results/reference/defaults_digits/search.tar.xz
    python benchmarks/keep.py unpack results/reference/defaults_digits/search.tar.xz results/defaults_digits/search

An archive has the specification, status, environment and rows of every trial that is done, and the feature extractor,
but no checkpoints and pictures, and no names of hosts and folders. `bench.run` counts such trials as done.
"""

import argparse
import json
import re
import shutil
import tarfile
import tempfile
from pathlib import Path

from bench.io.files import Folder
from bench.store.folders import ExperimentFolder
from bench.store.states import State
from bench.store.trial_folder import TrialFolder

PLACES = re.compile(r"\s+--(data-root|prepared|out)\s+\S+")  # options of commands


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["pack", "unpack"])
    parser.add_argument("source", type=Path)
    parser.add_argument("target", type=Path)
    asked = parser.parse_args()
    (pack if asked.action == "pack" else unpack)(asked.source, asked.target)


def pack(experiment: Path, archive: Path) -> None:
    """Write the archive of an experiment."""
    folder, kept = ExperimentFolder.open(experiment), 0
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "experiment"
        copy.mkdir()
        description = (folder.path / "experiment.yaml").read_text(encoding="utf-8")
        Folder(copy).write("experiment.yaml", PLACES.sub("", description).encode())
        if (folder.path / "extractor").is_dir():
            shutil.copytree(folder.path / "extractor", copy / "extractor")
        for trial in folder.trials():
            if trial.status().state is State.done:
                _copy_trial(trial, copy / "trials" / trial.path.name)
                kept += 1
        archive.parent.mkdir(parents=True, exist_ok=True)
        with tarfile.open(archive, "w:xz", preset=9) as packed:
            packed.add(copy, ".", filter=_anonymous)
    print(f"{archive}: {kept} trials, {archive.stat().st_size / 1e6:.2f} MB")


def _copy_trial(trial: TrialFolder, target: Path) -> None:
    _copy(trial.path, target, ["spec.json", "history.parquet"])
    environment = json.loads((trial.path / "environment.json").read_bytes())
    status = json.loads((trial.path / "status.json").read_bytes())
    for place in (environment, *status["attempts"]):
        place |= {name: None for name in ("host", "data", "node", "pid") if name in place}
    for name, document in (("environment.json", environment), ("status.json", status)):
        Folder(target).write(name, json.dumps(document, indent=2).encode())


def _copy(source: Path, target: Path, names: list[str]) -> None:
    target.mkdir(parents=True)
    for name in names:
        Folder(target).write(name, (source / name).read_bytes())  # with its checksum


def _anonymous(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def unpack(archive: Path, experiment: Path) -> None:
    """Unpack an archive where `bench.run` will look for its experiment.

    Raises:
        SystemExit: the folder exists already.
    """
    if experiment.exists():
        raise SystemExit(f"{experiment} exists already; bench.run continues it")
    with tarfile.open(archive) as packed:
        packed.extractall(experiment, filter="data")
    print(f"{experiment}: {len(ExperimentFolder.open(experiment).trials())} trials")


if __name__ == "__main__":
    main()
