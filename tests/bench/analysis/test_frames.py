"""Rows and trials as frames: the names of machines."""

from specimens import make_environment

from bench.analysis import frames


def test_a_report_distinguishes_machines_with_and_without_replayed_steps():
    """Trials of older versions do not record it."""

    def machine(**changes: object) -> str:
        return frames.machine(make_environment(threads=4, **changes))

    gpu = "NVIDIA H100, 4 threads a trial"
    assert machine(device="NVIDIA H100") == gpu
    assert machine(device="NVIDIA H100", replayed=True) == f"{gpu}, steps replayed"
    assert machine(device="NVIDIA H100", replayed=False) == f"{gpu}, steps not replayed"
    assert machine(processor="EPYC", replayed=False) == "EPYC, 4 threads a trial"
    assert machine(processor="EPYC", cpu_capability="AVX2") == "EPYC (AVX2), 4 threads a trial"
