"""Bytes on disk or in an object store: written atomically, verified, and bounded when they are read."""
