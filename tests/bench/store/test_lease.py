"""The lease of an experiment in an object store: one writer at a time."""

import json
import threading
from types import SimpleNamespace

import pytest

from bench.errors import RunError
from bench.store import lease


def test_a_second_run_is_refused_while_the_first_one_is_alive(remote_folder, monkeypatch):
    monkeypatch.setattr(lease, "BEAT", 0.1)
    monkeypatch.setattr(lease, "PATIENCE", 5.0)
    with lease.held(remote_folder):
        with pytest.raises(RunError, match="another run uses this experiment: process"), lease.held(remote_folder):
            pytest.fail("two runs hold the lease")
        assert (remote_folder / ".lease").exists()
    assert not (remote_folder / ".lease").exists()


def test_a_lease_whose_holder_is_silent_is_taken_over_and_its_holder_gives_up(remote_folder, monkeypatch, capsys):
    monkeypatch.setattr(lease, "BEAT", 0.4)
    monkeypatch.setattr(lease, "PATIENCE", 1.0)
    stopped = []
    silent = lease.Lease(remote_folder / ".lease")
    silent.acquire()
    with lease.held(remote_folder):
        mine = json.loads((remote_folder / ".lease").read_bytes())["token"]
        silent.renew(lambda: stopped.append(1))  # it wakes up, sees whose the lease is, and returns
        assert "this run has lost its lease and stops" in capsys.readouterr().err
        silent.release()
        assert json.loads((remote_folder / ".lease").read_bytes())["token"] == mine


def test_of_two_runs_that_begin_at_once_one_at_most_goes_on(remote_folder, monkeypatch):
    """Neither finds a lease at first; both have written when they read it again."""
    leases, refused, both = [lease.Lease(remote_folder / ".lease") for _ in range(2)], [], threading.Barrier(2)
    monkeypatch.setattr(lease.Lease, "_wait_for_stale", lambda _: None)
    monkeypatch.setattr(lease, "time", SimpleNamespace(sleep=lambda _: both.wait(60)))

    def acquire(each):
        try:
            each.acquire()
        except RunError:
            refused.append(each)

    threads = [threading.Thread(target=acquire, args=(each,)) for each in leases]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 1
