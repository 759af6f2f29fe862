"""Distances and diagnostics as pure functions, and the names of their columns."""
