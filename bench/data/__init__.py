"""Data sets: found, decoded, split and prepared as memory-mapped arrays. `preparation` is the entry point."""
