"""Metrics as pure functions of tensors, and the names of the columns that hold their values."""
