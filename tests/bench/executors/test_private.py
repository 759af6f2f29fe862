"""Ray's private names are checked before they are patched."""

import pytest

from bench.errors import RunError


def test_a_release_of_ray_without_a_patched_name_is_refused_in_one_line(monkeypatch):
    from bench.executors.ray import private

    private.patch()  # the installed release has them all
    monkeypatch.setattr(private, "ENTRYPOINT_MODULE", "ray._private.gone")
    with pytest.raises(RunError, match=r"Ray .* has no ray\._private\.gone\.get_entrypoint_name, .*--executor serial"):
        private.patch()


def test_the_command_line_that_the_cluster_shows_has_no_credentials(monkeypatch):
    import ray._private.utils as utils

    from bench.executors.ray import private

    monkeypatch.setattr(utils, "get_entrypoint_name", lambda: "bench.run --storage s3://key:secret@bucket/x")
    private.patch()
    private.patch()
    assert utils.get_entrypoint_name() == "bench.run --storage s3://***@bucket/x"
