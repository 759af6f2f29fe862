"""What rows say: statistics over data frames. Neither torch nor ray is imported."""
