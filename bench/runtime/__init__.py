"""Global state of the process and the machine: random generators, memory, numerics, versions."""
