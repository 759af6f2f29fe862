"""The watch over Ray tells a lost Ray from one that the user's own signal has ended."""

import os
import signal
import time

import pytest

from bench.executors.ray import watch
from bench.runtime import signals


@pytest.fixture
def dead(monkeypatch, tmp_path):
    """A watch over a head and a raylet that do not answer."""
    monkeypatch.setattr(watch, "CHECK_SECONDS", 0.01)
    return watch.Watch("127.0.0.1:1", str(tmp_path / "raylet"))


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["in foreground", "in background"])
def sigint(request):
    """SIGINT as Python handles it, or ignored, as in processes that a shell starts in background."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("sigint")
def test_a_lost_ray_interrupts_the_main_thread(dead):
    def wait() -> None:
        dead.start()
        time.sleep(10)

    with signals.handled(), pytest.raises(signals.Interrupted):
        wait()
    dead.stop()
    assert dead.message.startswith("Ray has ended: its head node at 127.0.0.1:1 does not answer; ")


def test_a_ray_that_the_users_signal_has_ended_is_not_lost(dead):
    """SLURM sends SIGTERM to all processes of a job, also to those of Ray."""
    with signals.handled():
        with pytest.raises(signals.Interrupted):
            os.kill(os.getpid(), signal.SIGTERM)
        dead.run()
        assert dead.lost is None
        assert signals.status() == 143
