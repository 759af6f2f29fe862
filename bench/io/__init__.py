"""Files on disk or in an object store: written atomically, verified by checksum, and read with limits on their size."""
