"""Rows and trials as frames: the names of machines."""

from specimens import make_environment

from bench.analysis import frames


def test_replayed_steps_and_others_are_different_machines_to_a_report():
    """Older trials do not say which theirs were."""

    def machine(**changes: object) -> str:
        return frames.machine(make_environment(threads=4, **changes))

    gpu = "NVIDIA H100, 4 threads a trial"
    assert machine(device="NVIDIA H100") == gpu
    assert machine(device="NVIDIA H100", replayed=True) == f"{gpu}, steps replayed"
    assert machine(device="NVIDIA H100", replayed=False) == f"{gpu}, steps not replayed"
    assert machine(processor="EPYC", replayed=False) == "EPYC, 4 threads a trial"
    assert machine(processor="EPYC", cpu_capability="AVX2") == "EPYC (AVX2), 4 threads a trial"
