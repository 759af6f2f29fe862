"""Processes that decode images."""

import time

import pytest

from bench.data import workers


def test_an_interruption_ends_processes_in_the_middle_of_what_they_do(monkeypatch):
    """Chunks of large photographs take a minute; what ends here within seconds would take three."""
    monkeypatch.setattr(workers, "decoders", lambda: 2)

    def interrupted():
        with workers.worker_pool(6, in_memory=False) as pool:
            sleeping = [pool.submit(time.sleep, 60) for _ in range(6)]
            while not sleeping[0].running():
                time.sleep(0.01)
            raise KeyboardInterrupt

    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert time.monotonic() - started < 60
