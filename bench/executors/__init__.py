"""Executors run trials and report their events. `run_trial` is what one trial does in all of them."""
