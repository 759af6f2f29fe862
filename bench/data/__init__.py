"""Data sets, decoded, split and prepared as memory-mapped arrays: `preparation` prepares, `prepared` is the result."""
