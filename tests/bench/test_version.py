"""The version is defined once, in bench/__init__.py."""

import tomllib

import yaml
from project import ROOT

import bench


def test_citation_and_package_have_the_version_of_bench():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert str(citation["version"]) == bench.__version__
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["hatch"]["version"]["path"] == "bench/__init__.py"


def test_both_packages_declare_their_types():
    for package in ("bench", "methods"):
        assert (ROOT / package / "py.typed").exists()
