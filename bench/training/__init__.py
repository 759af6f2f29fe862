"""Training one trial: its loop, steps, checkpoints and clock."""
