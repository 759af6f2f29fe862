"""Executors run trials and report their events. All of them run each trial with `run_trial`."""
