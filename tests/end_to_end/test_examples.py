"""The files in examples/ are what they say."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import ray
import yaml
from project import ROOT
from runs import rows_of, sets


def test_the_cluster_launchers_file_follows_rays_schema():
    schema = json.loads((Path(ray.__file__).parent / "autoscaler" / "ray-schema.json").read_text())
    described = yaml.safe_load((ROOT / "examples" / "cluster.yaml").read_text())
    jsonschema.validate(described, schema)
    types = described["available_node_types"]
    assert described["head_node_type"] in types
    assert sum(each.get("min_workers", 0) for each in types.values()) > 0  # or no trial would fit anywhere at first


def stand_in(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IEXEC)


@pytest.mark.slow
@pytest.mark.alone
def test_the_slurm_script_runs_an_experiment_on_one_node(tmp_path):
    """With stand-ins for SLURM's commands: every host is this one, and a step is a process."""
    stand_in(tmp_path, "scontrol", "echo 127.0.0.1")
    stand_in(tmp_path, "srun", 'shift; exec "$@"')
    project = tmp_path / "project"
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "activate").write_text(f"PATH={Path(sys.executable).parent}:$PATH\n")
    for name in ("bench", "methods", "configs"):
        (project / name).symlink_to(ROOT / name)
    environment = os.environ | {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_JOB_NODELIST": "node[1]",
        "SLURM_JOB_ID": str(os.getpid()),
        "SLURM_JOB_NUM_NODES": "1",
        "SLURM_CPUS_PER_TASK": "2",
        "SLURM_GPUS_PER_TASK": "0",
    }
    command = [
        "--methods",
        "mmd",
        "--seeds",
        "2",
        "--out",
        str(tmp_path / "out"),
        "--data-root",
        str(tmp_path / "data"),
    ]
    done = subprocess.run(
        ["bash", str(ROOT / "examples" / "slurm.sh"), *command, *sets()],
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(rows_of(tmp_path / "out")) == 8
